"""Forms for claims. They show errors next to the fields; actions repeat every check."""

from credits.forms.claiming import ClaimSearchForm

__all__ = ["ClaimSearchForm"]
