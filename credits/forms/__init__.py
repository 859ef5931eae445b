"""Forms around claiming. The actions judge again; here people get their words beside the field."""

from credits.forms.claiming import ClaimSearchForm

__all__ = ["ClaimSearchForm"]
