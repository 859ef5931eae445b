"""College work: the State Library's table, the transcript, and no limit by a course's length."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from aspen.errors import Refused
from credits import actions
from credits.enums import ClaimState
from credits.models import Claim
from events import actions as event_actions
from events.actions import CollegeCourse
from events.enums import CollegeCreditType, Decision, EventState
from events.models import CollegeWork, Event
from events.rules import ce_credits_for_course
from tests import factories as make
from tests.credits.test_evidence import PDF, file
from tests.factories import PUBLIC, TECHNOLOGY
from tests.web import flash_messages, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/continuing-education/new/college/"
TOMORROW = f"{timezone.localdate() + dt.timedelta(days=1)}"
WORTH = [
    ("semester", 1, 4),
    ("semester", 2, 8),
    ("semester", 3, 12),
    ("quarter", 1, 2),
    ("quarter", 2, 4),
    ("quarter", 3, 6),
]


@pytest.fixture
def client(person):
    return signed_in(person)


def typed(**changes):
    day = timezone.localdate()
    values = {
        "title": "Cataloging 501",
        "institution": "University of Montana",
        "first_day": f"{day - dt.timedelta(days=130)}",
        "last_day": f"{day - dt.timedelta(days=30)}",
        "credit_type": "semester",
        "course_credits": "3",
        "category": str(make.category().pk),
        "note": "Unofficial transcript.",
        "evidence": file("transcript.pdf"),
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


@pytest.mark.parametrize(("credit_type", "number", "credits"), WORTH)
def test_a_course_earns_the_credits_in_the_table(client, credit_type, number, credits):
    assert ce_credits_for_course(CollegeCreditType(credit_type), number) == credits
    answer = client.get(f"{PAGE}worth/", {"credit_type": credit_type, "course_credits": number})
    assert answer.content.decode() == f"This course earns {credits} credits."
    client.post(PAGE, typed(credit_type=credit_type, course_credits=str(number)))
    assert Claim.objects.get().credits.get().amount == credits


def test_one_form_saves_the_course_with_its_transcript(client, person):
    response = client.post(PAGE, typed(), follow=True)
    assert flash_messages(response) == [
        "“Cataloging 501” was saved for 12 credits. It will stay Pending until staff review "
        "the transcript."
    ]
    claim = Claim.objects.select_related("event__college_work").get()
    event = claim.event
    assert (claim.person, claim.state, claim.note) == (person, "pending", "Unofficial transcript.")
    assert claim.evidence.get().file.read() == PDF
    assert (event.state, event.all_day, event.sponsor) == (
        EventState.PENDING,
        True,
        "University of Montana",
    )
    assert f"{event.last_day}" == typed()["last_day"]
    work = event.college_work
    assert (work.system, work.course_credits) == ("semester", 3)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"evidence": None}, "evidence", "Add your transcript. An unofficial one is enough."),
        ({"evidence": file("t.exe", b"MZ")}, "evidence", "cannot be added"),
        ({"course_credits": "4"}, "course_credits", "Open a help ticket"),
        ({"course_credits": "0"}, "course_credits", "greater than or equal to 1"),
        ({"course_credits": "1.5"}, "course_credits", "whole number"),
        ({"credit_type": "trimester"}, "credit_type", "valid choice"),
        ({"last_day": TOMORROW}, "last_day", "not over yet"),
        ({"last_day": "2001-01-01"}, "last_day", "must be after the first"),
        ({"first_day": "0026-01-01"}, "first_day", "between 1990 and 2099"),
        ({"title": "x" * 301}, "title", "at most 300"),
        ({"institution": ""}, "institution", "required"),
    ],
)
def test_invalid_input_is_explained_next_to_its_field_and_kept(client, changes, field, message):
    response = client.post(PAGE, typed(**changes))
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert message in form.errors[field][0]
    assert form["note"].value() == "Unofficial transcript."
    assert not Event.objects.exists()


def test_a_course_that_ends_today_is_not_over_yet(client):
    response = client.post(PAGE, typed(last_day=f"{timezone.localdate()}"))
    assert "not over yet" in response.context["form"].errors["last_day"][0]
    assert not Event.objects.exists()


def test_the_transcript_is_kept_when_the_form_has_errors(client):
    response = client.post(PAGE, typed(title=""))
    [waiting] = response.context["form"].waiting
    assert waiting.name == "transcript.pdf"
    client.post(PAGE, typed(evidence=None, waiting=waiting.ticket))
    assert Claim.objects.get().evidence.get().file_name == "transcript.pdf"


def test_submitting_the_same_course_twice_saves_it_once(client):
    client.post(PAGE, typed())
    claim = Claim.objects.get()
    sent = client.post(PAGE, typed())
    assert sent.headers["Location"] == f"/continuing-education/claims/{claim.pk}/"
    assert Event.objects.count() == 1


def facts(**fields):
    begins_at = timezone.now() - dt.timedelta(days=60)
    course = CollegeCourse(credit_type=CollegeCreditType.QUARTER, credits=1)
    values = {
        "begins_at": begins_at,
        "ends_at": begins_at + dt.timedelta(days=1),
        "amount": Decimal(2),
        "course": course,
    }
    return make.facts(**values | fields)


def test_an_amount_that_does_not_match_the_table_is_refused():
    with pytest.raises(Refused, match="must match the State Library's table"):
        actions.claim_custom_event(facts=facts(amount=Decimal(3)), by=make.person())


def test_the_length_of_a_course_does_not_limit_a_correction(person):
    begins_at = timezone.now() - dt.timedelta(days=60)
    short = facts(ends_at=begins_at + dt.timedelta(hours=1))
    claim = actions.claim_custom_event(facts=short, by=person)
    credit = claim.credits.get()
    actions.correct_credit(
        credit_id=credit.pk, category=make.category(), amount=Decimal(12), by=make.person()
    )
    assert claim.event.offers.get().amount == 12


def test_a_returned_course_is_edited_and_resubmitted(client, person):
    client.post(PAGE, typed())
    claim = Claim.objects.get()
    event_actions.decide_custom_event(
        event_id=claim.event_id, decision=Decision.RETURN, reason="Quarter?", by=make.person()
    )
    address = f"/continuing-education/custom/{claim.event_id}/"
    page = client.get(address)
    form = page.context["form"]
    assert (form["credit_type"].value(), form["course_credits"].value()) == ("semester", 3)
    assert f"/continuing-education/claims/{claim.pk}/" in page.content.decode()
    changed = typed(evidence=None, note=None, credit_type="quarter")
    assert flash_messages(client.post(address, changed, follow=True)) == [
        "“Cataloging 501” was resubmitted and is waiting for approval."
    ]
    claim.refresh_from_db()
    assert (claim.state, claim.credits.get().amount) == (ClaimState.PENDING, 6)
    assert CollegeWork.objects.get().system == CollegeCreditType.QUARTER
    assert claim.evidence.count() == 1


def test_a_returned_course_with_divided_credits_can_be_edited(client):
    client.post(PAGE, typed())
    claim = Claim.objects.get()
    halves = {make.category(slug).pk: Decimal(6) for slug in (TECHNOLOGY, PUBLIC)}
    actions.correct_event(event_id=claim.event_id, offers=halves, reason="Both.", by=make.person())
    event_actions.decide_custom_event(
        event_id=claim.event_id, decision=Decision.RETURN, reason="Quarter?", by=make.person()
    )
    form = client.get(f"/continuing-education/custom/{claim.event_id}/").context["form"]
    assert form["category"].value() == make.category(PUBLIC).pk


def test_a_course_belongs_to_one_person(client):
    """If others could see and claim the course, they would not have to add a transcript."""
    client.post(PAGE, typed())
    claim = Claim.objects.get()
    event_actions.decide_custom_event(
        event_id=claim.event_id, decision=Decision.APPROVE, reason="", by=make.person()
    )
    other = signed_in(make.person())
    page = other.get("/continuing-education/new/similar/", {"title": "Cataloging 501"})
    assert "Cataloging 501" not in page.content.decode()
    assert other.post(f"/continuing-education/claim/{claim.event_id}/").status_code == 404
    assert not Claim.objects.exclude(pk=claim.pk).exists()
    other.post(PAGE, typed())
    assert Claim.objects.exclude(pk=claim.pk).get().event.title == "Cataloging 501"


def test_the_database_enforces_the_table(client):
    client.post(PAGE, typed())
    with pytest.raises(IntegrityError, match="events_college_course_credits_known"):
        CollegeWork.objects.update(course_credits=4)


def test_the_page_links_to_help_and_marks_required_fields(client):
    page = client.get(PAGE).content.decode()
    assert "open a help ticket" in page
    assert page.count('class="asteriskField"') == 1 + 8
