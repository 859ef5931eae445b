"""Revoking and reissuing a certificate in the admin."""

from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from aspen.formats import format_day
from tests import factories as make
from tests.web import coordinator, signed_in, text
from tracks.counting import queries as counting_queries
from tracks.enums import ParticipationState
from tracks.models import Certificate

pytestmark = pytest.mark.django_db
WHY = "The training never took place."


def page(certificate: Certificate, what: str) -> str:
    return f"/admin/tracks/submission/certificates/{certificate.pk}/{what}/"


def confirm(client: Client, address: str, **values: str) -> Any:
    """Confirm the form after its consequences have been shown."""
    shown = client.post(address, values | {"look": "1"}).context["shown"]
    return client.post(address, values | {"shown": shown, "save": "1"})


def test_a_valid_certificate_has_links_to_both_pages() -> None:
    certificate = make.certificate()
    client, helper = coordinator(), signed_in(make.person(Role.HELP_DESK))
    pages = [
        f"/admin/tracks/submission/{certificate.submission_id}/change/",
        f"/admin/tracks/certificate/{certificate.pk}/change/",
    ]
    links = [f'href="{page(certificate, what)}"' for what in ("revoke", "reissue")]
    for address in pages:
        assert [link in text(client.get(address)) for link in links] == [True, True]
        assert [link in text(helper.get(address)) for link in links] == [False, False]
    confirm(client, page(certificate, "revoke"), reason=WHY, then="leave")
    for address in pages:
        assert [link in text(client.get(address)) for link in links] == [False, False]


def test_the_consequences_are_shown_before_anything_is_revoked() -> None:
    certificate = make.certificate()
    [following] = counting_queries.active_participations(certificate.person)
    client = coordinator()
    since = format_day(following.selected_on)
    number = certificate.number
    revoked = f"The public page of certificate {number} will say that it was revoked, and why."
    shown = text(client.post(page(certificate, "revoke"), {"reason": WHY, "then": "leave"}))
    for sentence in (
        revoked,
        "The certificate’s 15 credits will be archived and will no longer count toward a "
        "certificate.",
        f"The period that started on {since} will continue. Credits earned before the certificate "
        "was issued will not count in it.",
    ):
        assert f"<li>{sentence}</li>" in shown
    shown = text(client.post(page(certificate, "revoke"), {"reason": WHY, "then": "reopen"}))
    closes_on = format_day(certificate.participation.closes_on)
    for sentence in (
        revoked,
        f"The certified period will reopen until {closes_on}. Those of its 15 credits that are "
        "still eligible will count in it again. The person can correct the record and submit it "
        "again.",
        f"The person will leave the period that started on {since}, and its credits will be "
        "archived.",
    ):
        assert f"<li>{sentence}</li>" in shown
    certificate.refresh_from_db()
    assert certificate.revoked_at is None
    assert counting_queries.active_participations(certificate.person).get() == following


@pytest.mark.parametrize(
    ("then", "state"),
    [("leave", ParticipationState.REVOKED), ("reopen", ParticipationState.OPEN)],
)
def test_a_certificate_is_revoked_as_chosen(then: str, state: str) -> None:
    certificate = make.certificate()
    answer = confirm(coordinator(), page(certificate, "revoke"), reason=WHY, then=then)
    address = f"/admin/tracks/certificate/{certificate.pk}/change/"
    assert answer.headers["Location"] == address
    assert [str(each) for each in get_messages(answer.wsgi_request)] == [
        f"Certificate {certificate.number} was revoked."
    ]
    certificate.refresh_from_db()
    assert (certificate.revoked_reason, certificate.participation.state) == (WHY, state)


def test_the_consequences_of_a_different_choice_are_shown_first() -> None:
    certificate = make.certificate()
    data = {"reason": WHY, "then": "reopen", "shown": "leave", "save": "1"}
    answer = coordinator().post(page(certificate, "revoke"), data)
    assert answer.context["shown"] == "reopen"
    certificate.refresh_from_db()
    assert certificate.revoked_at is None


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"then": "leave"}, {"reason": ["Give a reason."]}),
        ({"reason": " ", "then": "leave"}, {"reason": ["Give a reason."]}),
        ({"reason": WHY}, {"then": ["Choose what happens to the certified period."]}),
        (
            {"reason": WHY, "then": "burn"},
            {"then": ["Select a valid choice. burn is not one of the available choices."]},
        ),
        ({"reason": "a\x00b", "then": "leave"}, {"reason": ["Null characters are not allowed."]}),
    ],
)
def test_without_reason_or_choice_nothing_is_revoked(
    values: dict[str, str], errors: dict[str, list[str]]
) -> None:
    certificate = make.certificate()
    answer = coordinator().post(page(certificate, "revoke"), values | {"save": "1"})
    assert answer.context["form"].errors == errors
    assert answer.context["consequences"] is None
    certificate.refresh_from_db()
    assert certificate.revoked_at is None


def test_a_next_period_whose_record_was_submitted_is_not_left() -> None:
    with time_machine.travel(timezone.now()) as clock:
        certificate = make.certificate()
        clock.shift(86_400 * 3)
        make.claim(certificate.person, days=-1, credits=make.ENOUGH["Library Trustee"])
        make.submission(counting_queries.active_participations(certificate.person).get())
        data = {"reason": WHY, "then": "reopen"}
        answer = coordinator().post(page(certificate, "revoke"), data)
    [error] = answer.context["form"].non_field_errors()
    assert "nothing was changed, because the record is with the CE Coordinator" in error
    assert answer.context["consequences"] is None


def test_a_certificate_is_reissued_under_another_name() -> None:
    certificate = make.certificate()
    client = coordinator()
    address = page(certificate, "reissue")
    assert client.get(address).context["form"]["name"].value() == certificate.name
    data = {"name": "June Smith", "reason": "Married."}
    shown = text(client.post(address, data))
    assert "A new certificate with a new number will be issued to June Smith." in shown
    confirm(client, address, **data)
    certificate.refresh_from_db()
    reissued = certificate.replaced_by
    assert (reissued.name, reissued.issued_on, reissued.record) == (
        "June Smith",
        certificate.issued_on,
        certificate.record,
    )
    assert certificate.revoked_reason == "Reissued: Married."
    assert "This certificate was revoked, so it cannot be changed." in text(client.get(address))


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"reason": "Married."}, {"name": ["Enter the name for the new certificate."]}),
        ({"name": "June Smith"}, {"reason": ["Give a reason."]}),
    ],
)
def test_without_name_or_reason_nothing_is_reissued(
    values: dict[str, str], errors: dict[str, list[str]]
) -> None:
    certificate = make.certificate()
    answer = coordinator().post(page(certificate, "reissue"), values | {"save": "1"})
    assert answer.context["form"].errors == errors
    assert list(Certificate.objects.order_by("pk")) == [certificate]


@pytest.mark.parametrize("what", ["revoke", "reissue"])
def test_no_one_revokes_or_reissues_their_own_certificate(what: str) -> None:
    me = make.person(Role.CE_COORDINATOR)
    certificate = make.certificate(make.following(me))
    client = signed_in(me)
    shown = text(client.get(page(certificate, what)))
    refusal = "You cannot revoke or reissue your own certificate. Ask a colleague to do it."
    assert refusal in shown
    assert 'name="reason"' not in shown
    data = {"reason": WHY, "then": "leave", "name": "Me"}
    for shown_before in ("leave", "Me"):
        answer = client.post(page(certificate, what), data | {"shown": shown_before, "save": "1"})
        assert text(answer).count(refusal) == 2  # in the form's error and on the page itself
    certificate.refresh_from_db()
    assert certificate.revoked_at is None


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR, Role.EVENT_EDITOR])
def test_other_roles_cannot_revoke(role: Role) -> None:
    certificate = make.certificate()
    client = signed_in(make.person(role))
    for what in ("revoke", "reissue"):
        answer = client.get(page(certificate, what))
        assert answer.status_code == 403
        assert certificate.person.display_name not in text(answer)
        data = {"reason": WHY, "then": "leave", "name": "X", "shown": "leave", "save": "1"}
        assert client.post(page(certificate, what), data).status_code == 403
    certificate.refresh_from_db()
    assert certificate.revoked_at is None


@pytest.mark.parametrize("number", ["0", "9" * 10, "9" * 30])
def test_a_certificate_that_does_not_exist(number: str) -> None:
    address = f"/admin/tracks/submission/certificates/{number}/revoke/"
    assert coordinator().get(address).status_code == 404
