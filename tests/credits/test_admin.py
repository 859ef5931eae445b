"""Claims in the administration: everything to see, nothing to change."""

from typing import Any

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from credits.actions import claim_custom_event
from credits.models import Claim
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY

pytestmark = pytest.mark.django_db
CLAIMS = "/admin/credits/claim/"


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def a_claim(**fields: Any) -> Claim:
    return factories.claim(factories.person(), **fields)


def text(response: Any) -> str:
    return str(response.content.decode())


def test_a_claim_shows_its_credits_and_leads_to_its_event() -> None:
    claim = a_claim(credits={ADMINISTRATION: "3.0", TECHNOLOGY: "1.0"})
    custom = claim_custom_event(facts=factories.facts(), by=factories.person())
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    assert "Library Administration 3; Technology 1" in text(client.get(CLAIMS))
    page = text(client.get(f"{CLAIMS}{claim.pk}/change/"))
    assert f'href="/admin/events/event/{claim.event_id}/change/"' in page
    page = text(client.get(f"{CLAIMS}{custom.pk}/change/"))
    assert f'href="/admin/events/customevent/{custom.event_id}/change/"' in page


def test_scripts_in_titles_and_names_are_text() -> None:
    script = "<script>alert(1)</script>"
    claim = factories.claim(factories.person(display_name=script), title=script)
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    pages = [client.get(CLAIMS), client.get(f"{CLAIMS}{claim.pk}/change/")]
    assert [script in text(page) for page in pages] == [False, False]


def test_not_even_a_superuser_changes_or_deletes_a_claim() -> None:
    claim = a_claim()
    client = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    answers = [
        client.post(f"{CLAIMS}{claim.pk}/change/", {"state": "approved"}),
        client.post(f"{CLAIMS}{claim.pk}/delete/", {"post": "yes"}),
        client.get(f"{CLAIMS}add/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_event_editors_see_no_claims() -> None:
    claim = a_claim(title="Not for editors")
    client = signed_in(factories.person(Role.EVENT_EDITOR))
    answers = [client.get(CLAIMS), client.get(f"{CLAIMS}{claim.pk}/change/")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not any("Not for editors" in text(answer) for answer in answers)


@pytest.mark.parametrize("items", [1, 3])
def test_queries(items: int, django_assert_num_queries: Any) -> None:
    slugs = [ADMINISTRATION, TECHNOLOGY, "public-services"][:items]
    for _ in range(items):
        claim = a_claim(credits=dict.fromkeys(slugs, "1.0"))
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    with django_assert_num_queries(8):
        client.get(CLAIMS)
    client.get(f"{CLAIMS}{claim.pk}/change/")  # Django remembers content types
    with django_assert_num_queries(7):
        client.get(f"{CLAIMS}{claim.pk}/change/")
