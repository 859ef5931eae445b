"""Forms for claims. Forms show errors next to their fields; actions repeat every check."""

from credits.forms.claiming import ClaimSearchForm

__all__ = ["ClaimSearchForm"]
