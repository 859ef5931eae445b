"""Context for the demonstration's sign-in page. It is not in a live portal's settings."""

from django.http import HttpRequest

from aspen.demo import people


def demonstration(request: HttpRequest) -> dict[str, object]:
    return {"demonstration": {"password": people.PASSWORD, "accounts": people.DEMO_LOGINS}}
