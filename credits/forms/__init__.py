"""Forms around claiming. The actions judge again; here people get their words beside the field."""

from credits.forms.claiming import FindForm

__all__ = ["FindForm"]
