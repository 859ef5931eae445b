"""Certificates in the admin: filters, search, pages and links."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.enums import Role
from accounts.roles import ROLE_PERMISSIONS
from tests import factories as make
from tests.web import signed_in, text
from tracks import actions
from tracks.models import Certificate

pytestmark = pytest.mark.django_db
LIST = "/admin/tracks/certificate/"


@pytest.fixture
def staff() -> Client:
    return signed_in(make.person(Role.HELP_DESK))


def listed(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    return [certificate.number for certificate in response.context["cl"].result_list]


@pytest.fixture
def certificates() -> list[Certificate]:
    """An expired, a revoked and a valid certificate, from two years and two tracks."""
    with time_machine.travel("2021-03-01T18:00Z", tick=False):
        expired = make.certificate(make.following(make.person(display_name="Ada Old")))
    with time_machine.travel("2026-11-20T18:00Z", tick=False):
        june = make.following(make.person(display_name="June Alvarez"), "Library Staff")
        revoked = make.certificate(june)
        valid = actions.reissue_certificate(
            certificate_id=revoked.pk,
            name="June Stone",
            reason="The name <b>changed</b>.",
            by=make.person(Role.CE_COORDINATOR),
        )
    return [expired, revoked, valid]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", ["2026-0002", "2026-0001", "2021-0001"]),
        ("state=valid", ["2026-0002"]),
        ("state=expired", ["2021-0001"]),
        ("state=revoked", ["2026-0001"]),
        ("state=nonsense", ["2026-0002", "2026-0001", "2021-0001"]),
        ("year=2021", ["2021-0001"]),
        ("year=x", ["2026-0002", "2026-0001", "2021-0001"]),
        ("track=x", ["2026-0002", "2026-0001", "2021-0001"]),
        ("state=valid&year=2021", []),
        ("q=2026-0001", ["2026-0001"]),
        ("q=stone", ["2026-0002"]),
        ("q=alvarez", ["2026-0002", "2026-0001"]),
    ],
)
def test_filters_and_search(
    staff: Client, certificates: list[Certificate], query: str, numbers: list[str]
) -> None:
    with time_machine.travel("2026-11-21T18:00Z", tick=False):
        assert listed(staff, query) == numbers


def test_the_filter_by_track(staff: Client, certificates: list[Certificate]) -> None:
    assert listed(staff, f"track={make.track('Library Trustee').pk}") == ["2021-0001"]


def test_the_page_of_a_certificate_shows_its_record_as_a_table(
    staff: Client, certificates: list[Certificate]
) -> None:
    _, revoked, valid = certificates
    page = text(staff.get(f"{LIST}{valid.pk}/change/"))
    title = valid.participation.postings.first().credit.claim.event.title
    assert "<caption>60 credits in total</caption>" in page
    assert page.count(f"<th scope='row'>{title}</th>") == 4
    assert f'href="/certificates/{valid.uuid}/certificate.pdf"' in page
    assert f'href="/certificates/{valid.uuid}/"' in page
    assert "Replaces 2026-0001." in page
    assert "Not needed for this certificate" not in page
    assert 'name="_save"' not in page
    page = text(staff.get(f"{LIST}{revoked.pk}/change/"))
    assert "Reissued as 2026-0002." in page
    assert "The name &lt;b&gt;changed&lt;/b&gt;." in page
    assert "certificate.pdf" not in page


def test_surplus_credits_are_listed_below(staff: Client) -> None:
    participation = make.following()
    make.claim(participation.person, title="One <i>more</i>", days=-1)
    certificate = make.certificate(participation)
    page = text(staff.get(f"{LIST}{certificate.pk}/change/"))
    assert "<caption>Not needed for this certificate</caption>" in page
    assert "One &lt;i&gt;more&lt;/i&gt;" in page


def test_certificates_cannot_be_changed_or_deleted(
    staff: Client, certificates: list[Certificate]
) -> None:
    before = list(Certificate.objects.order_by("pk").values())
    for address in (f"{LIST}{certificates[2].pk}/change/", f"{LIST}{certificates[2].pk}/delete/"):
        assert staff.post(address, {"name": "X", "post": "yes"}).status_code == 403
    assert list(Certificate.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("number", [1, 3])
def test_queries_of_the_list(staff: Client, number: int, django_assert_num_queries: Any) -> None:
    for _ in range(number):
        make.certificate()
    staff.get(LIST)
    with django_assert_num_queries(9):
        staff.get(LIST)


@pytest.mark.parametrize("number", [1, 3])
def test_queries_of_the_page(staff: Client, number: int, django_assert_num_queries: Any) -> None:
    participation = make.following()
    for day in range(number - 1):
        make.claim(participation.person, days=-2 - day)
    certificate = make.certificate(participation)
    page = f"{LIST}{certificate.pk}/change/"
    staff.get(page)  # Django remembers content types
    with django_assert_num_queries(5):
        staff.get(page)


def test_roles_that_can_view_certificates() -> None:
    roles = {role for role, names in ROLE_PERMISSIONS.items() if "tracks.view_certificate" in names}
    assert roles == {Role.HELP_DESK, Role.CE_COORDINATOR, Role.ADMINISTRATOR}


def test_the_year_filter_uses_mountain_time() -> None:
    with time_machine.travel(dt.datetime(2027, 1, 1, 3, tzinfo=dt.UTC), tick=False):
        make.certificate()
        client = signed_in(make.person(Role.HELP_DESK))
        assert listed(client, "year=2026") == ["2026-0001"]
