"""A request with a method that is not allowed gets a page, not a blank screen."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.test import Client, RequestFactory

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
