"""The CE Coordinator's queue of records: the list, the page and the decisions."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.clock import today
from aspen.errors import Refused
from credits.actions import claim_custom_event, decide_claim
from credits.enums import ClaimState
from events.actions import decide_custom_event
from events.enums import Decision
from tests import factories as make
from tests.factories import ADMINISTRATION, category
from tests.web import coordinator, flash_messages, signed_in, text
from tracks import actions
from tracks.actions import SupervisorContact
from tracks.enums import Ending, ParticipationState, VerificationAnswer
from tracks.models import Participation, Submission

pytestmark = pytest.mark.django_db
QUEUE = "/admin/tracks/submission/"
OTHER = SupervisorContact("Mary Board", "mary@board.example")


def address(submission: Submission, what: str = "change") -> str:
    return f"{QUEUE}{submission.pk}/{what}/"


def seen(client: Client, submission: Submission) -> str:
    return str(client.get(address(submission)).context["seen"])


def decide(client: Client, submission: Submission, what: str, **values: Any) -> Any:
    data = {"seen": seen(client, submission)} | values
    return client.post(address(submission, what), data)


def state_of(submission: Submission) -> str:
    return str(Participation.objects.get(pk=submission.participation_id).state)


def with_custom_event(by: User) -> Submission:
    """Submit a record with a custom event that awaits a staff decision."""
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=by)
    make.claim(by, days=-40, credits={ADMINISTRATION: "7.5"})
    make.claim(by, days=-30, credits={ADMINISTRATION: "7.0"})
    claim_custom_event(facts=make.facts(category=category(ADMINISTRATION)), by=by)
    return make.submission(participation)


def listed(client: Client, query: str = "") -> list[int]:
    return [each.pk for each in client.get(QUEUE + query).context["cl"].result_list]


# ---------- The list ----------


def test_records_to_review_come_first_oldest_at_the_top() -> None:
    with time_machine.travel(timezone.now()) as clock:
        returned = make.submission()
        actions.return_submission(
            submission_id=returned.pk, reason="Twice.", by=make.person(Role.CE_COORDINATOR)
        )
        question = make.verification().submission
        first = make.submission()
        clock.shift(86_400)
        second = make.submission(make.following(name="Library Staff"))
        client = coordinator()
        assert question
        assert listed(client) == [first.pk, second.pk, question.pk]
        assert listed(client, "?state=nonsense") == [first.pk, second.pk, question.pk]
        assert listed(client, "?state=review") == [first.pk, second.pk]
        assert listed(client, "?state=supervisor") == [question.pk]
        assert listed(client, "?state=returned") == [returned.pk]
        assert listed(client, "?state=all") == [first.pk, second.pk, question.pk, returned.pk]
        staff = make.track("Library Staff").pk
        assert listed(client, f"?participation__track__id__exact={staff}") == [second.pk]


def test_a_row_shows_the_person_the_track_the_day_and_who_has_the_record() -> None:
    june = make.person(display_name="June Librarian")
    library = make.organization(name="Sidney Library")
    Position.objects.create(person=june, organization=library, kind=PositionKind.TRUSTEE)
    with time_machine.travel(dt.datetime(2026, 11, 2, 18, tzinfo=dt.UTC)) as clock:
        submission = with_custom_event(june)
        clock.shift(86_400 * 3)
        page = text(coordinator().get(QUEUE))
    for part in (
        f'<a href="{address(submission)}">June Librarian</a>',
        "Sidney Library",
        "Library Trustee",
        "Mon, Nov 2, 2026, waiting 3 days",
        '<td class="field-warnings">1</td>',
        "The CE Coordinator",
    ):
        assert part in page, part


def test_a_row_shows_that_a_supervisor_did_not_answer_in_time() -> None:
    with time_machine.travel(dt.datetime(2026, 11, 2, 18, tzinfo=dt.UTC)) as clock:
        make.verification()
        assert "Dana Chair, until Wed, Dec 2, 2026" in text(coordinator().get(QUEUE))
        clock.shift(86_400 * 31)
        late = "Dana Chair, who did not answer by Wed, Dec 2, 2026"
        assert late in text(coordinator().get(QUEUE))


# ---------- The page ----------


def test_the_page_shows_the_record() -> None:
    june = make.person(display_name="June Librarian")
    submission = with_custom_event(june)
    page = coordinator().get(address(submission))
    shown = page.context
    assert [(each.name, each.total) for each in shown["categories"] if each.lines] == [
        ("Library Administration", "15.5 credits")
    ]
    [first, _, third] = shown["categories"][0].lines
    assert (first.amount, first.state, first.verified) == ("7.5", "Pending", "")
    [(_, url)] = shown["undecided"]
    assert third.undecided_url == url
    assert url.startswith("/admin/events/customevent/")
    assert shown["remarks"] == submission.remarks
    assert dict(shown["facts"])["Credits"] == f"15.5 of 15 on {_today()}"
    assert "Decide on these events first" in text(page)


def _today() -> str:
    return f"{today():%a, %b} {today().day}, {today().year}"


def test_new_and_resolved_warnings_are_distinguished() -> None:
    june = make.person()
    submission = with_custom_event(june)
    [event] = [each.event for each in june.claims.filter(event__origin="custom")]
    decide_custom_event(event_id=event.pk, decision=Decision.APPROVE, reason="", by=make.person())
    again = make.event(title=event.title, begins_at=event.begins_at, ends_at=event.ends_at)
    make.claim(june, again)
    shown = coordinator().get(address(submission)).context
    assert shown["resolved"] == [f"“{event.title}” is waiting for a staff decision."]
    assert [each in shown["remarks"] for each in shown["new"]] == [True]
    assert shown["new"][0].startswith(f"“{event.title}”: “{again.title}”")
    assert shown["undecided"] == []


def test_lines_that_a_supervisor_verified_before_are_marked() -> None:
    june = make.person()
    participation = make.following(june)
    year = participation.postings.get().credit.claim.event.last_day.year
    question = actions.ask_about_year(
        participation_id=participation.pk, year=year, supervisor=make.SUPERVISOR, by=june
    )
    actions.verify_record(verification_id=question.pk, by=None)
    submission = make.submission(participation)
    [category_] = [
        each for each in coordinator().get(address(submission)).context["categories"] if each.lines
    ]
    assert category_.lines[0].verified == f"Verified by Dana Chair, {_today()}"


def test_the_page_lists_only_the_persons_other_records_and_certificates() -> None:
    make.certificate()
    certificate = make.certificate()
    june = certificate.person
    other = make.submission(make.following(june, "Library Director"))
    shown = coordinator().get(address(other)).context
    assert [each.url for each in shown["earlier"]] == [address(certificate.submission)]
    assert [each.number for each in shown["certificates"]] == [certificate.number]


def test_the_history_is_in_order() -> None:
    with time_machine.travel(dt.datetime(2026, 11, 2, 18, tzinfo=dt.UTC)):
        june = make.person(display_name="June")
        question = make.verification(make.submission(make.following(june)))
        actions.refuse_record(verification_id=question.pk, reason="Unknown to me.", by=None)
        assert question.submission
        shown = coordinator().get(address(question.submission)).context["happenings"]
    by = question.asked_by
    assert shown == [
        "Mon, Nov 2, 2026: Submitted by June.",
        f"Mon, Nov 2, 2026: Reviewed by {by}.",
        f"Mon, Nov 2, 2026: {by} asked Dana Chair (dana.chair@board.example); the link works "
        "until Wed, Dec 2, 2026.",
        "Mon, Nov 2, 2026: Dana Chair refused to verify the record: Unknown to me.",
        "Mon, Nov 2, 2026: Refused by the supervisor: Unknown to me.",
    ]


# ---------- Deciding ----------


def test_a_record_is_reviewed_and_the_next_one_opens() -> None:
    first, second = make.submission(), make.submission()
    client = coordinator()
    answer = decide(client, first, "review", supervisor=make.SUPERVISOR.email)
    assert answer.headers["Location"] == address(second)
    question = first.verifications.get()
    assert (question.supervisor_name, question.supervisor_email) == (
        "Dana Chair",
        make.SUPERVISOR.email,
    )
    assert state_of(first) == ParticipationState.REVIEWED
    assert flash_messages(answer) == [
        f"{first.person}'s record: Reviewed. We asked Dana Chair to verify it."
    ]
    assert "Reviewed. We asked Dana Chair to verify it." in text(
        client.get(address(first, "history"))
    )
    answer = decide(client, second, "review", supervisor=make.SUPERVISOR.email)
    assert answer.headers["Location"] == QUEUE


def test_another_supervisor_is_asked_by_name_and_address() -> None:
    submission = make.submission(supervisor=None)
    client = coordinator()
    named = {"supervisor_name": OTHER.name, "supervisor_email": OTHER.email}
    assert decide(client, submission, "review", supervisor="other", **named).status_code == 302
    assert submission.verifications.get().supervisor_email == OTHER.email


def test_each_possible_supervisor_is_listed_once_with_the_reason() -> None:
    june, library = make.person(), make.organization(name="Sidney Library")
    chair = make.person(display_name="Carl Chair")
    Position.objects.create(person=june, organization=library, kind=PositionKind.TRUSTEE)
    Position.objects.create(person=chair, organization=library, kind=PositionKind.BOARD_CHAIR)
    submission = make.submission(make.following(june))

    def choices() -> list[str]:
        form = coordinator().get(address(submission)).context["supervisor_form"]
        return [label for _, label in form.fields["supervisor"].choices]

    dana = "Dana Chair, dana.chair@board.example"
    carl = f"Carl Chair, {chair.email}"
    assert choices() == [
        f"{dana}: suggested by the person",
        f"{carl}: Board chair of Sidney Library",
        "Another person (enter below)",
    ]
    make.verification(submission, SupervisorContact("Carl Chair", chair.email))
    assert choices() == [
        f"{carl}: asked on {_today()}; choose this one to send a new link",
        f"{dana}: suggested by the person",
        "Another person (enter below)",
    ]


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({}, {"supervisor": ["Choose who will verify the record."]}),
        (
            {"supervisor": "other"},
            {
                "supervisor_name": ["Enter the supervisor's name."],
                "supervisor_email": ["Enter the e-mail address to send the link to."],
            },
        ),
        (
            {"supervisor": "other", "supervisor_name": "Mary", "supervisor_email": "mary"},
            {"supervisor_email": ["Enter a valid e-mail address."]},
        ),
        (
            {"supervisor": "other", "supervisor_name": "a\x00b", "supervisor_email": OTHER.email},
            {"supervisor_name": ["Null characters are not allowed."]},
        ),
        (
            {"supervisor": "other", "supervisor_name": "x" * 151, "supervisor_email": OTHER.email},
            {"supervisor_name": ["Ensure this value has at most 150 characters (it has 151)."]},
        ),
    ],
)
def test_without_a_supervisor_nothing_is_reviewed(
    values: dict[str, str], errors: dict[str, list[str]]
) -> None:
    submission = make.submission()
    answer = decide(coordinator(), submission, "review", **values)
    form = answer.context_data["supervisor_form"]
    assert form.errors == errors
    assert form["supervisor_name"].value() == values.get("supervisor_name")
    assert "Your decision was not saved." in text(answer)
    assert state_of(submission) == ParticipationState.SUBMITTED


def test_people_cannot_be_asked_about_themselves() -> None:
    submission = make.submission()
    named = {"supervisor_name": "June", "supervisor_email": submission.person.email}
    answer = decide(coordinator(), submission, "review", supervisor="other", **named)
    [[error]] = answer.context_data["supervisor_form"].errors.values()
    assert error.startswith("No one can verify their own record.")
    assert not submission.verifications.exists()


def test_a_record_is_returned_with_a_reason() -> None:
    submission = make.submission()
    client = coordinator()
    answer = decide(client, submission, "return", reason="  ")
    assert answer.context_data["return_form"].errors == {
        "reason": ["Give a reason. The person will read it."]
    }
    assert decide(client, submission, "return", reason="Listed twice.").headers["Location"] == QUEUE
    submission.refresh_from_db()
    assert (submission.ending, submission.reason) == (Ending.RETURNED, "Listed twice.")
    assert "There is nothing for you to decide here." in text(client.get(address(submission)))


@pytest.mark.parametrize("kind", ["duplicate", "overlap", "unproven"])
def test_a_prewritten_reason_only_fills_in_the_field(kind: str) -> None:
    submission = with_custom_event(make.person())
    answer = decide(coordinator(), submission, "return", reason="My own words.", ready=kind)
    filled = answer.context_data["return_form"]["reason"].value()
    assert filled.startswith("My own words.\n\n“")
    custom = answer.context_data["undecided"][0][0]
    assert (f"“{custom}”" in filled) == (kind == "unproven")
    assert state_of(submission) == ParticipationState.SUBMITTED


def test_a_prewritten_reason_lists_the_training_it_applies_to() -> None:
    june = make.person()
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    event = make.claim(june, credits={ADMINISTRATION: "7.5"}).event
    same = {"begins_at": event.begins_at, "ends_at": event.ends_at}
    make.claim(june, title=event.title, credits={ADMINISTRATION: "7.5"}, **same)
    submission = make.submission(participation)
    answer = decide(coordinator(), submission, "return", ready="duplicate")
    assert (
        answer.context_data["return_form"]["reason"]
        .value()
        .startswith(
            f"“{event.title}”, “{event.title}”: the same training seems to be listed twice."
        )
    )


def test_staff_decide_on_custom_events_before_the_review() -> None:
    submission = with_custom_event(make.person())
    client = coordinator()
    page = text(client.get(address(submission)))
    assert "You can send this record to the supervisor once staff have decided" in page
    assert address(submission, "review") not in page
    answer = decide(client, submission, "review", supervisor=make.SUPERVISOR.email)
    [error] = answer.context_data["supervisor_form"].non_field_errors()
    assert "is waiting for a staff decision. Decide on it first" in error
    assert state_of(submission) == ParticipationState.SUBMITTED


@pytest.mark.parametrize("what", ["review", "return"])
def test_a_record_that_changed_since_it_was_shown_is_not_decided_on(what: str) -> None:
    submission = make.submission()
    client = coordinator()
    old = seen(client, submission)
    [claim] = submission.person.claims.all()
    again = {"begins_at": claim.event.begins_at, "ends_at": claim.event.ends_at}
    make.claim(submission.person, title=claim.event.title, **again)
    values = {"seen": old, "supervisor": make.SUPERVISOR.email, "reason": "My words"}
    for shown in (old, "", "x" * 61):
        answer = client.post(address(submission, what), values | {"seen": shown})
        page = text(answer)
        assert ("This record has changed since you opened it" in page) == (shown != "x" * 61)
        assert state_of(submission) == ParticipationState.SUBMITTED
    assert (
        client.post(
            address(submission, what), values | {"seen": seen(client, submission)}
        ).status_code
        == 302
    )


def test_a_record_that_went_to_the_supervisor_is_not_returned_by_accident() -> None:
    submission = make.submission()
    client = coordinator()
    old = seen(client, submission)
    make.verification(submission)
    answer = client.post(address(submission, "return"), {"seen": old, "reason": "Listed twice."})
    assert "This record has changed since you opened it" in text(answer)
    assert answer.context_data["return_form"]["reason"].value() == "Listed twice."
    assert state_of(submission) == ParticipationState.REVIEWED
    # Nor is it returned if it goes to the supervisor between the check and the lock.
    with pytest.raises(Refused, match="has changed since you opened it"):
        actions.return_submission(
            submission_id=submission.pk, reason="No.", expected_state="submitted", by=make.person()
        )


def test_a_record_reopened_in_the_meantime_cannot_be_reviewed() -> None:
    submission = make.submission()
    client = coordinator()
    old = seen(client, submission)
    decide_claim(
        claim_id=submission.person.claims.get().pk,
        target=ClaimState.DECLINED,
        reason="An author talk.",
        by=make.person(Role.CE_COORDINATOR),
    )
    answer = client.post(
        address(submission, "review"), {"seen": old, "supervisor": make.SUPERVISOR.email}
    )
    page = text(answer)
    assert "Reopened by a correction" in page
    assert "There is nothing for you to decide here." in page


# ---------- With the supervisor ----------


def test_a_new_link_is_sent_or_another_supervisor_is_asked() -> None:
    first = make.verification()
    submission = first.submission
    assert submission
    client = coordinator()
    assert decide(client, submission, "ask", supervisor=make.SUPERVISOR.email).status_code == 302
    first.refresh_from_db()
    second = submission.verifications.get(answered_at=None)
    assert (first.answer, second.supervisor_email) == (
        VerificationAnswer.WITHDRAWN,
        make.SUPERVISOR.email,
    )
    assert second.nonce != first.nonce
    named = {"supervisor_name": OTHER.name, "supervisor_email": OTHER.email}
    decide(client, submission, "ask", supervisor="other", **named)
    assert submission.verifications.get(answered_at=None).supervisor_name == OTHER.name
    assert state_of(submission) == ParticipationState.REVIEWED


def test_a_record_with_the_supervisor_can_still_be_returned() -> None:
    question = make.verification()
    assert question.submission
    decide(coordinator(), question.submission, "return", reason="Listed twice.")
    question.refresh_from_db()
    reason = "The CE Coordinator returned the record for changes."
    assert (question.answer, question.reason) == (VerificationAnswer.WITHDRAWN, reason)
    assert state_of(question.submission) == ParticipationState.OPEN


def test_people_cannot_ask_another_supervisor_about_their_own_record() -> None:
    question = make.verification()
    with pytest.raises(Refused, match="Ask a colleague to do it"):
        actions.ask_again(verification_id=question.pk, supervisor=OTHER, by=question.person)
    question.refresh_from_db()
    assert question.answered_at is None


def test_asking_again_needs_an_open_question() -> None:
    submission = make.submission()
    answer = decide(coordinator(), submission, "ask", supervisor=make.SUPERVISOR.email)
    assert answer.context_data["supervisor_form"].non_field_errors() == [
        "No supervisor has been asked about this record."
    ]


# ---------- Permissions ----------


@pytest.mark.parametrize("what", ["review", "return", "ask"])
def test_no_one_decides_on_their_own_record(what: str) -> None:
    me = make.person(Role.CE_COORDINATOR)
    submission = make.submission(make.following(me))
    if what == "ask":
        make.verification(submission)
    client = signed_in(me)
    page = text(client.get(address(submission)))
    assert "You cannot review your own record. Ask a colleague to do it." in page
    assert "<textarea" not in page
    before = state_of(submission)
    values = {"supervisor": make.SUPERVISOR.email, "reason": "Mine."}
    answer = decide(client, submission, what, **values)
    # The message appears in the form's error and on the page itself.
    assert text(answer).count("your own record. Ask a colleague to do it.") == 2
    assert state_of(submission) == before


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR])
def test_other_staff_see_records_but_cannot_decide(role: Role) -> None:
    submission = make.submission()
    client = signed_in(make.person(role))
    page = text(client.get(address(submission)))
    assert submission.person.display_name in page
    assert address(submission, "return") not in page
    for what in ("review", "return", "ask"):
        assert client.get(address(submission, what)).status_code == 403
        assert client.post(address(submission, what), {"reason": "No."}).status_code == 403
    assert state_of(submission) == ParticipationState.SUBMITTED


def test_event_editors_cannot_see_records() -> None:
    june = make.person(display_name="June Librarian")
    submission = make.submission(make.following(june))
    client = signed_in(make.person(Role.EVENT_EDITOR))
    for page in (QUEUE, address(submission), address(submission, "history")):
        answer = client.get(page)
        assert answer.status_code == 403
        assert "June Librarian" not in text(answer)


def test_a_record_that_does_not_exist() -> None:
    client = coordinator()
    for number in ("0", "9" * 19, "x", "%00"):
        assert client.get(f"{QUEUE}{number}/change/").status_code == 404
        answer = client.post(f"{QUEUE}{number}/return/", {"reason": "No."})
        assert answer.status_code in (302, 404)


# ---------- The admin index and queries ----------


def test_the_admin_index_counts_waiting_records() -> None:
    with time_machine.travel(timezone.now()) as clock:
        make.verification()
        clock.shift(86_400 * 33)
        make.submission()
        clock.shift(86_400 * 2)
        make.submission()
        page = coordinator().get("/admin/")
        # The first line is about e-mails that no worker has sent.
        assert list(page.context["waiting"])[1:] == [
            ("2 records to review, the oldest waiting 2 days", QUEUE),
            (
                "1 record without an answer from the supervisor, waiting 5 days",
                f"{QUEUE}?state=supervisor",
            ),
        ]
        page = signed_in(make.person(Role.HELP_DESK)).get("/admin/")
        assert page.context["waiting"] == []


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    """The number of queries does not depend on how many records, lines and certificates exist."""
    june, library = make.person(), make.organization()
    Position.objects.create(person=june, organization=library, kind=PositionKind.TRUSTEE)
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    issued, staff = make.certificate(make.following(june, "Library Staff")), make.person()
    for number in range(items):
        make.submission()
        credits = {ADMINISTRATION: {1: "15.0", 3: "5.0"}[items]}
        make.claim(june, days=-20 * (number + 2), credits=credits)
    for number in range(items):
        submission = make.submission(participation)
        actions.return_submission(submission_id=submission.pk, reason="Twice.", by=staff)
        if number:
            changed = {"name": f"June {number}", "reason": "Married.", "by": staff}
            issued = actions.reissue_certificate(certificate_id=issued.pk, **changed)
    submission = make.submission(participation)
    client = coordinator()
    for page, count in {QUEUE: 9, address(submission): 24, "/admin/": 11}.items():
        client.get(page)  # Django remembers content types
        with django_assert_num_queries(count):
            client.get(page)
    shown = client.get(address(submission)).context
    assert [len(shown[name]) for name in ("earlier", "certificates")] == [items + 1, items]
