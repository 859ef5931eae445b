"""What the sign-in pages of the demonstration list; the settings of a live portal leave it out."""

from django.http import HttpRequest

from aspen.demo import people


def demonstration(request: HttpRequest) -> dict[str, object]:
    return {"demonstration": {"password": people.PASSWORD, "accounts": people.DEMO_LOGINS}}
