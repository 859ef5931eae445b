"""Pages for methods that are not allowed, and pages that browsers must not store."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.test import Client, RequestFactory
from zeal import zeal_ignore

from accounts.enums import Role
from aspen.web.middleware import explain_method_not_allowed
from tests import factories
from tests.web import signed_in

pytestmark = pytest.mark.django_db


def test_an_unknown_method_is_explained() -> None:
    response = Client().post("/events/")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Nothing was changed." in response.content.decode()


def test_a_signed_in_person_keeps_their_menu() -> None:
    client = signed_in(factories.person(display_name="Ada Reader"))
    response = client.delete("/continuing-education/credits/")
    assert response.status_code == 405
    assert "Ada Reader" in response.content.decode()


@pytest.mark.parametrize(
    "given",
    [HttpResponse(), HttpResponseNotAllowed(["GET"], "own words"), HttpResponse(status=404)],
)
def test_other_responses_are_unchanged(given: Any) -> None:
    request: HttpRequest = RequestFactory().get("/")
    assert explain_method_not_allowed(lambda _: given)(request) is given


# ---------- Caching ----------


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/events/",
        "/events/catalog/",
        "/accounts/profile/",
        "/accounts/email/",
        "/continuing-education/",
        "/continuing-education/credits/",
        "/continuing-education/credits/?format=csv",
        "/help/",
        "/admin/",
        "/nowhere/",
    ],
)
def test_pages_of_people_who_are_signed_in_are_not_stored(address: str) -> None:
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    with zeal_ignore():
        assert "no-store" in client.get(address).headers["Cache-Control"]


@pytest.mark.parametrize("address", ["/events/", "/", "/accessibility/", "/healthz"])
def test_public_pages_can_be_stored(address: str) -> None:
    factories.event(days=3)
    assert "no-store" not in Client().get(address).headers.get("Cache-Control", "")
