"""Every letter about certification, really sent and read."""

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.core import mail as mailing
from django.test import Client

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.mail import outbox
from aspen.models import Mail, MailState
from tests import factories as make
from tracks import actions
from tracks.certification.supervisors import token_of
from tracks.counting import queries as counting_queries
from tracks.models import Participation, RuleSet

pytestmark = pytest.mark.django_db
PORTAL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Librarian", email="june@library.example")


def read_all() -> dict[tuple[str, str], str]:
    """What the worker sends now: text by address and subject."""
    outbox.deliver_due()
    sent = {(message.to[0], message.subject): message.body for message in mailing.outbox}
    assert len(sent) == len(mailing.outbox)
    mailing.outbox.clear()
    return {key: " ".join(body.split()) for key, body in sent.items()}


def subjects() -> list[tuple[str, str]]:
    return sorted(read_all())


def is_sent(june: User) -> Participation:
    participation = make.following(june)
    make.submission(participation)
    return participation


def test_the_supervisor_is_asked_with_a_link_and_the_person_told(june):
    asked = make.verification(make.submission(make.following(june)))
    letters = read_all()
    subject = "June Librarian asks you to verify the record for Library Trustee"
    question = letters.pop(("dana.chair@board.example", subject))
    assert question.startswith("Hello Dana Chair, June Librarian follows")
    assert "Credits: 15 credits in 1 lines" not in question
    assert "Credits: 15 credits in 1 line" in question
    assert "Until: Wed, Dec 23, 2026" in question
    assert f"{PORTAL}/verify/{token_of(asked)}/" in question
    told = letters.pop((june.email, "Your record for Library Trustee was reviewed"))
    assert "Dana Chair was asked by e-mail to verify it until Wed, Dec 23, 2026." in told
    assert letters == {}


def test_a_supervisor_with_an_account_is_written_to_at_the_address_given(june):
    dana = make.person(display_name="Dana Chair")
    dana.emailaddress_set.create(email="dana@home.example", verified=True)
    asked = make.verification(
        make.submission(make.following(june)),
        actions.SupervisorContact("Dana", "dana@home.example"),
    )
    assert asked.supervisor == dana
    assert subjects()[0][0] == "dana@home.example"


def test_whoever_does_not_answer_is_asked_twice_again(june, now):
    make.verification(make.submission(make.following(june)))
    read_all()
    again = "Not answered yet: June Librarian asks you to verify the record for Library Trustee"
    found = []
    for _ in range(30):
        now.shift(dt.timedelta(days=1))
        actions.remind_supervisors()
        actions.remind_supervisors()
        found += [(now_on().day, subject) for _, subject in subjects()]
    assert found == [(30, again), (14, again)]


def test_whoever_was_not_asked_again_in_time_is_asked_again_once(june, now):
    make.verification(make.submission(make.following(june)))
    read_all()
    now.shift(dt.timedelta(days=22))  # the worker stood still
    for _ in range(2):
        actions.remind_supervisors()
    assert len(read_all()) == 1


def test_nobody_is_asked_again_about_a_year_of_a_track_that_was_left(june, now):
    participation = make.following(june)
    actions.ask_about_year(
        participation_id=participation.pk, year=2026, supervisor=make.SUPERVISOR, by=june
    )
    read_all()
    now.shift(dt.timedelta(days=7))
    assert actions.remind_supervisors() == 1  # promised, and then the track is left
    actions.leave_track(participation_id=participation.pk, by=june)
    assert subjects() == []
    now.shift(dt.timedelta(days=14))
    assert actions.remind_supervisors() == 0
    actions.resume_track(participation_id=participation.pk, by=june)
    assert actions.remind_supervisors() == 1


def now_on() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def test_an_answer_that_came_in_the_meantime_ends_the_question(june):
    asked = make.verification(make.submission(make.following(june)))
    actions.refuse_record(verification_id=asked.pk, reason="I do not know June.", by=None)
    letters = read_all()
    assert list(letters) == [
        (june.email, "Your supervisor did not verify your record: Library Trustee")
    ]
    [text] = letters.values()
    assert "Your supervisor writes: > I do not know June." in text
    assert "Nothing you earned is lost." in text
    assert set(Mail.objects.filter(kind="tracks.question").values_list("state", flat=True)) == {
        MailState.DROPPED
    }


def test_a_record_that_was_returned_comes_back_with_the_reason(june):
    sent = make.submission(make.following(june))
    reviewer = make.person(Role.CE_COORDINATOR)
    actions.return_submission(submission_id=sent.pk, reason="Twice the same.", by=reviewer)
    [(address, subject)] = (letters := read_all())
    assert (address, subject) == (
        june.email,
        "The CE Coordinator returned your record: Library Trustee",
    )
    assert "The CE Coordinator writes: > Twice the same." in letters[address, subject]


def test_what_was_sent_again_in_the_meantime_is_not_told(june):
    participation = make.following(june)
    sent = make.submission(participation)
    reviewer = make.person(Role.CE_COORDINATOR)
    actions.return_submission(submission_id=sent.pk, reason="Twice the same.", by=reviewer)
    participation.refresh_from_db()
    make.submission(participation)
    assert subjects() == []


def test_what_the_person_took_back_is_told_to_nobody(june):
    participation = is_sent(june)
    actions.take_back_submission(participation_id=participation.pk, by=june)
    assert subjects() == []


NO_LONGER = "No longer needed: your word on the record of June Librarian for Library Trustee"


def test_a_supervisor_who_was_asked_hears_that_no_answer_is_needed(june):
    asked = make.verification(make.submission(make.following(june)))
    read_all()
    actions.take_back_submission(participation_id=asked.participation_id, by=june)
    [((address, subject), text)] = read_all().items()
    assert (address, subject) == ("dana.chair@board.example", NO_LONGER)
    assert (
        "On Mon, Nov 23, 2026 you were asked to verify the record of June Librarian for the "
        "certification track Library Trustee. Your answer is no longer needed: The person took "
        "the record back." in text
    )


def test_whoever_is_asked_anew_hears_of_the_new_question_alone(june):
    participation = make.following(june)
    make.verification(make.submission(participation))
    read_all()
    actions.take_back_submission(participation_id=participation.pk, by=june)
    participation.refresh_from_db()
    again = make.verification(make.submission(participation))
    assert [subject for _, subject in subjects()] == [
        "June Librarian asks you to verify the record for Library Trustee",
        "Your record for Library Trustee was reviewed",
    ]
    mary = actions.SupervisorContact("Mary", "mary@board.example")
    by = make.person(Role.CE_COORDINATOR)
    actions.ask_again(verification_id=again.pk, supervisor=mary, by=by)
    told = read_all()
    assert "Mary was asked instead." in told["dana.chair@board.example", NO_LONGER]
    assert len(told) == 3


@pytest.mark.parametrize("is_sent", [False, True])
def test_nobody_hears_of_a_question_that_never_came_or_could_not_be_answered(june, now, is_sent):
    asked = make.verification(make.submission(make.following(june)))
    if is_sent:
        read_all()
        now.shift(dt.timedelta(days=31))
    actions.take_back_submission(participation_id=asked.participation_id, by=june)
    assert subjects() == []


def test_the_certificate_is_announced(june):
    certificate = make.certificate(make.following(june))
    letters = read_all()
    text = letters[june.email, "You are certified: Library Trustee"]
    assert "Number: 2026-0001" in text
    assert "Valid until: Sat, Nov 23, 2030" in text
    assert f"{PORTAL}/certificates/{certificate.uuid}/" in text
    assert "next period has begun by itself: what you earn after Mon, Nov 23, 2026" in text
    assert len(letters) == 1  # nobody is asked, or told of a review, any more


def test_a_certificate_after_which_no_period_begins_promises_none(june):
    asked = make.verification(make.submission(make.following(june)))
    RuleSet.objects.update(valid_until=dt.date(2026, 11, 22))
    actions.verify_record(verification_id=asked.pk, by=None)
    text = read_all()[june.email, "You are certified: Library Trustee"]
    assert "This track has no rules for a next period at present. Your tracks:" in text


def test_the_answer_about_a_year_is_told(june):
    participation = make.following(june)
    asked = actions.ask_about_year(
        participation_id=participation.pk, year=2026, supervisor=make.SUPERVISOR, by=june
    )
    subject = (
        "June Librarian asks you to verify the continuing education of 2026 for Library Trustee"
    )
    assert subjects() == [("dana.chair@board.example", subject)]
    actions.refuse_record(verification_id=asked.pk, reason="Not in May.", by=None)
    [((_, subject), text)] = read_all().items()
    assert subject == "2026 was not verified for Library Trustee"
    assert "Dana Chair writes: > Not in May." in text


def test_a_revoked_certificate_is_told_with_the_reason_and_what_follows(june):
    certificate = make.certificate(make.following(june))
    read_all()
    by = make.person(Role.CE_COORDINATOR)
    for reopen, follows in ((False, "are kept in your archive"), (True, "is open again")):
        actions.revoke_certificate(
            certificate_id=certificate.pk, reason="An invented training.", reopen=reopen, by=by
        )
        [((_, subject), text)] = read_all().items()
        assert subject == "Your certificate for Library Trustee was revoked"
        assert "The CE Coordinator writes: > An invented training." in text
        assert follows in text
        for participation in counting_queries.active_participations(june):
            actions.leave_track(participation_id=participation.pk, by=june)
        certificate = make.certificate(make.following(june))
        read_all()


def test_a_certificate_that_is_issued_anew_is_told_with_its_new_page(june):
    certificate = make.certificate(make.following(june))
    read_all()
    anew = actions.reissue_certificate(
        certificate_id=certificate.pk,
        name="June Librarian-Smith",
        reason="She married.",
        by=make.person(Role.CE_COORDINATOR),
    )
    [((_, subject), text)] = read_all().items()
    assert subject == "Your certificate was issued anew: 2026-0002"
    assert "takes the place of 2026-0001" in text
    assert f"{PORTAL}/certificates/{anew.uuid}/" in text
    assert "Why: Issued anew: She married." in text


def test_more_time_is_told_with_the_reason(june):
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    for year in (2031, 2032):
        actions.extend_participations(
            participation_ids=[participation.pk],
            closes_on=dt.date(year, 6, 30),
            reason=f"Illness until {year}.",
            by=make.person(Role.CE_COORDINATOR),
        )
    [((_, subject), text)] = read_all().items()  # of two extensions the last one
    assert subject == "More time for Library Trustee: until Wed, Jun 30, 2032"
    assert "not on Mon, Jun 30, 2031" in text
    assert "The CE Coordinator writes: > Illness until 2032." in text


# ---------- Reminders ----------


def remind() -> list[tuple[str, str]]:
    """Twice on the same day, as after a worker that was killed."""
    for _ in range(2):
        actions.remind_of_ends()
        actions.remind_directors()
        actions.remind_idle()
    return subjects()


def test_a_period_is_spoken_of_12_6_3_and_1_months_before_its_end(june, now):
    actions.select_track(track=make.track("Library Trustee"), by=june)
    claimed_on = dt.date(2029, 10, 1)
    found = []
    for day in (
        *(dt.date(2029, 11, 22), dt.date(2029, 11, 23), dt.date(2030, 5, 22)),
        *(dt.date(2030, 5, 23), dt.date(2030, 8, 23), dt.date(2030, 10, 22)),
        *(dt.date(2030, 10, 23), dt.date(2030, 11, 23), dt.date(2030, 11, 24)),
    ):
        if claimed_on < day:
            now.move_to(dt.datetime.combine(claimed_on, dt.time(17), dt.UTC))
            make.claim(june)  # so that nobody is reminded of a year without
            claimed_on = day + dt.timedelta(days=30)
        now.move_to(dt.datetime.combine(day, dt.time(17), dt.UTC))
        found += [(day, subject) for _, subject in remind()]
    text = "Library Trustee: until Sat, Nov 23, 2030"
    assert found == [
        (dt.date(2029, 11, 23), text),
        (dt.date(2030, 5, 23), text),
        (dt.date(2030, 8, 23), text),
        (dt.date(2030, 10, 23), text),
    ]


def test_the_letter_names_the_certificate_and_what_is_missing_and_can_be_turned_off(june, now):
    certificate = make.certificate(make.following(june))
    read_all()
    now.move_to("2030-10-23 10:00 -0700")
    make.claim(june)
    assert [subject for _, subject in remind()] == ["Library Trustee: until Sat, Nov 23, 2030"]
    Mail.objects.filter(kind="tracks.period_ends").delete()
    actions.remind_of_ends()
    outbox.deliver_due()
    [message] = mailing.outbox
    text = " ".join(message.body.split())
    assert (
        f"Your certificate {certificate.number} (Library Trustee) expires on Sat, Nov 23, 2030, "
        "in 31 days. Still missing: 10 in Library Administration" in text
    )
    address = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert address in text
    path = address.removeprefix(PORTAL)
    assert Client().get(path).status_code == 200
    june.refresh_from_db()
    assert june.wants_certification_reminders
    assert Client().post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    june.refresh_from_db()
    assert (june.wants_certification_reminders, june.wants_reminders) == (False, True)
    mailing.outbox.clear()
    now.move_to("2030-11-01 10:00 -0700")
    Mail.objects.filter(kind="tracks.period_ends").delete()
    assert remind() == []


def test_a_certificate_whose_track_was_left_is_spoken_of_alone(june, now):
    make.certificate(make.following(june))
    [following] = counting_queries.active_participations(june)
    actions.leave_track(participation_id=following.pk, by=june)
    read_all()
    now.move_to("2030-10-23 10:00 -0700")
    assert remind() == [
        (june.email, "Your certificate for Library Trustee expires on Sat, Nov 23, 2030")
    ]


def test_time_that_was_added_is_time_in_which_nobody_is_reminded(june, now):
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    now.move_to("2030-10-23 10:00 -0700")
    make.claim(june)
    actions.remind_of_ends()  # promised, and then staff give more time
    actions.extend_participations(
        participation_ids=[participation.pk],
        closes_on=dt.date(2032, 11, 23),
        reason="Illness.",
        by=make.person(),
    )
    assert [subject for _, subject in remind()] == [
        "More time for Library Trustee: until Tue, Nov 23, 2032"
    ]


def test_a_new_director_hears_of_the_four_years(june, now):
    library = make.organization(name="Alpha Library")
    Position.objects.create(
        person=june,
        organization=library,
        kind=PositionKind.DIRECTOR,
        since_on=dt.date(2023, 11, 23),
    )
    assert remind() == [(june.email, "Director’s certificate: until Tue, Nov 23, 2027")]
    make.certificate(make.following(june, "Library Director"))
    read_all()
    now.move_to("2027-10-30 10:00 -0700")
    assert [subject for _, subject in remind() if "Director’s" in subject] == []


def test_a_year_without_a_claim_is_mentioned_once_a_year(june, now):
    actions.select_track(track=make.track("Library Trustee"), by=june)
    now.move_to("2027-11-22 10:00 -0700")
    assert remind() == []
    now.move_to("2027-11-23 10:00 -0700")
    assert remind() == [(june.email, "No credit claimed for a year")]
    for day in ("2027-12-23", "2028-01-02", "2028-11-21"):  # a new year is not a year later
        now.move_to(f"{day} 10:00 -0700")
        assert remind() == []
    now.move_to("2028-11-22 10:00 -0700")
    assert remind() == [(june.email, "No credit claimed for a year")]
    make.claim(june)
    now.move_to("2029-06-01 10:00 -0700")
    assert remind() == []


def test_reminding_takes_the_same_few_queries_for_one_person_and_three(
    june, now, django_assert_num_queries
):
    for number in (1, 3):
        for _ in range(number):
            actions.select_track(track=make.track("Library Trustee"), by=make.person())
        now.shift(dt.timedelta(days=3 * 365 + 200))
        with django_assert_num_queries(21):
            actions.remind_of_ends()
            actions.remind_directors()
            actions.remind_idle()
        read_all()
