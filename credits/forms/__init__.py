"""Forms for claims. Actions check everything again; forms show errors next to their fields."""

from credits.forms.claiming import ClaimSearchForm

__all__ = ["ClaimSearchForm"]
