"""The context processor for the demonstration's sign-in page. A live portal does not use it."""

from django.http import HttpRequest

from aspen.demo import people


def demonstration(request: HttpRequest) -> dict[str, object]:
    return {"demonstration": {"password": people.PASSWORD, "accounts": people.DEMO_LOGINS}}
