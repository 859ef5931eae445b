"""The steps from the submission to the certificate, their actors and their effects."""

import itertools
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import Role
from aspen.clock import today
from aspen.errors import Refused
from aspen.transitions import Actor
from credits.actions import correct_credit, decide_claim
from credits.enums import ClaimState
from credits.models import Claim
from tests import factories as make
from tracks import actions
from tracks.certification import record
from tracks.counting import credits as own_credits
from tracks.counting import eligibility
from tracks.counting import queries as counting_queries
from tracks.enums import (
    ACTIVE,
    PARTICIPATION_TRANSITIONS,
    Ending,
    ParticipationState,
    ParticipationStep,
    VerificationAnswer,
)
from tracks.following.actions import state_after
from tracks.models import Certificate, Participation, Submission, Track, Verification

pytestmark = pytest.mark.django_db
State = ParticipationState


def test_from_the_record_to_the_certificate():
    june = make.person(display_name="June Librarian")
    participation = make.following(june, "Library Staff")
    submission = make.submission(participation)
    assert participation.submissions.get() == submission
    question = make.verification(submission)
    certificate = actions.verify_record(verification_id=question.pk, by=None)
    participation.refresh_from_db()
    assert participation.state == State.CERTIFIED
    assert certificate.number == f"{today().year}-0001"
    assert (certificate.name, certificate.supervisor_name) == ("June Librarian", "Dana Chair")
    assert certificate.expires_on == today().replace(year=today().year + 4)
    assert record.counted_credits(certificate.record) == 60
    assert set(Claim.objects.filter(person=june).values_list("state", flat=True)) == {"approved"}
    [following] = counting_queries.active_participations(june)
    assert following.follows == certificate
    assert following.counts_from == today()
    assert following.rule_set.name == "2023 Library Staff"
    assert not following.postings.exists()


def test_surplus_credits_are_archived_with_the_reason():
    june = make.person()
    participation = make.following(june)  # complete with 15 credits in Library Administration
    extra = make.claim(june, credits={make.TECHNOLOGY: "3.0"}, days=-1).credits.get()
    assert participation.postings.count() == 2
    certificate = make.certificate(participation)
    [following] = counting_queries.active_participations(june)
    credits = {credit.pk: credit for credit in own_credits.credits_with_postings(june)}
    assert credits[extra.pk].posted_in == []
    assert [line.amount for line in record.record_lines(certificate.record, "surplus")] == [
        Decimal(3)
    ]
    why = eligibility.why_not_posted(credits[extra.pk], following)
    assert f"Already in the record for certificate {certificate.number}" in why
    [counted] = set(credits) - {extra.pk}
    why = eligibility.why_not_posted(credits[counted], following)
    assert why == f"Already counted toward certificate {certificate.number}."


# ---------- Every state, step and actor ----------


def in_state(state: State) -> Participation:
    participation = make.following()
    match state:
        case State.SUBMITTED:
            make.submission(participation)
        case State.REVIEWED:
            make.verification(make.submission(participation))
        case State.CERTIFIED:
            make.certificate(participation)
        case State.REVOKED:
            revoke(make.certificate(participation))
        case State.LEFT:
            actions.leave_track(participation_id=participation.pk, by=participation.person)
    participation.refresh_from_db()
    assert participation.state == state
    return participation


def revoke(certificate: Certificate, **fields):
    by = make.person(Role.CE_COORDINATOR)
    values = {"reason": "The training never took place.", "by": by}
    return actions.revoke_certificate(certificate_id=certificate.pk, **values | fields)


def last(participation: Participation, model: type):
    """Return the id of the latest submission, verification or certificate, or 0 if none."""
    found = model.objects.filter(participation=participation).order_by("pk").last()
    return found.pk if found else 0


def take(step: ParticipationStep, participation: Participation, *, by):
    """Take a step as `by`, with the action that the portal offers for it."""
    track = {"participation_id": participation.pk}
    submission = {"submission_id": last(participation, Submission)}
    question = {"verification_id": last(participation, Verification)}
    issued = {"certificate_id": last(participation, Certificate)}
    seen = record.record_fingerprint(record.make_record(participation, today()))
    claim = Claim.objects.filter(person=participation.person).latest("pk")
    action, values = {
        ParticipationStep.SUBMIT: (actions.submit_track, track | {"seen": seen, "name": "June"}),
        ParticipationStep.TAKE_BACK: (actions.withdraw_submission, track),
        ParticipationStep.RETURN: (
            actions.return_submission,
            submission | {"reason": "Listed twice."},
        ),
        ParticipationStep.REVIEW: (
            actions.review_submission,
            submission | {"supervisor": make.SUPERVISOR},
        ),
        ParticipationStep.VERIFY: (actions.verify_record, question),
        ParticipationStep.REFUSE: (actions.refuse_record, question | {"reason": "Unknown to me."}),
        ParticipationStep.REVOKE: (actions.revoke_certificate, issued | {"reason": "Invented."}),
        ParticipationStep.REVOKE_AND_REOPEN: (
            actions.revoke_certificate,
            issued | {"reason": "Invented.", "reopen": True},
        ),
        ParticipationStep.LEAVE: (actions.leave_track, track),
        ParticipationStep.RESUME: (actions.resume_track, track),
        ParticipationStep.REOPEN: (
            decide_claim,
            {"claim_id": claim.pk, "target": ClaimState.DECLINED, "reason": "No."},
        ),
    }[step]
    action(**values, by=by)


# Repeating one of these steps changes nothing and is not refused.
ALREADY = {
    (State.SUBMITTED, ParticipationStep.SUBMIT),
    (State.REVIEWED, ParticipationStep.SUBMIT),
    (State.OPEN, ParticipationStep.TAKE_BACK),
    (State.CERTIFIED, ParticipationStep.VERIFY),
    (State.REVOKED, ParticipationStep.VERIFY),
    (State.REVOKED, ParticipationStep.REVOKE),
    (State.REVOKED, ParticipationStep.REVOKE_AND_REOPEN),
    (State.LEFT, ParticipationStep.LEAVE),
    (State.OPEN, ParticipationStep.RESUME),
    (State.SUBMITTED, ParticipationStep.RESUME),
    (State.REVIEWED, ParticipationStep.RESUME),
}
WHO = {
    ParticipationStep.SUBMIT: Actor.PERSON,
    ParticipationStep.TAKE_BACK: Actor.PERSON,
    ParticipationStep.RETURN: Actor.COORDINATOR,
    ParticipationStep.REVIEW: Actor.COORDINATOR,
    ParticipationStep.VERIFY: Actor.SUPERVISOR,
    ParticipationStep.REFUSE: Actor.SUPERVISOR,
    ParticipationStep.REVOKE: Actor.COORDINATOR,
    ParticipationStep.REVOKE_AND_REOPEN: Actor.COORDINATOR,
    ParticipationStep.LEAVE: Actor.PERSON,
    ParticipationStep.RESUME: Actor.PERSON,
}
DOES_NOT_EXIST = (
    Participation.DoesNotExist,
    Submission.DoesNotExist,
    Verification.DoesNotExist,
    Certificate.DoesNotExist,
)


def person_acting_as(actor: Actor, participation: Participation):
    """Return a person in this role, or None for a supervisor.

    The portal takes its step when a coordinator declines a claim.
    """
    match actor:
        case Actor.PERSON:
            return participation.person
        case Actor.SUPERVISOR:
            return None
        case _:
            return make.person(Role.CE_COORDINATOR)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("step", list(WHO))
def test_each_actor_takes_the_steps_that_the_table_allows(state, step):
    participation = in_state(state)
    transition = PARTICIPATION_TRANSITIONS[step]
    moves = transition.allows(state, WHO[step])
    allowed = moves or (state, step) in ALREADY
    try:
        take(step, participation, by=person_acting_as(WHO[step], participation))
    except (Refused, *DOES_NOT_EXIST):
        assert not allowed
    else:
        assert allowed
    participation.refresh_from_db()
    assert participation.state == (transition.target if moves else state)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("step", list(ParticipationStep))
def test_other_actors_cannot_take_a_step(state, step):
    """Every action runs the check that is tested here."""
    participation = Participation(state=state, track=Track(name="Trustee"))
    transition = PARTICIPATION_TRANSITIONS[step]
    for actor in Actor:
        if transition.allows(state, actor):
            assert state_after(participation, step, actor) == transition.target
        else:
            with pytest.raises(Refused, match="nothing was changed"):
                state_after(participation, step, actor)


TAKEN = [
    (state, step)
    for step, transition in PARTICIPATION_TRANSITIONS.items()
    for state in sorted(set().union(*transition.sources.values()))
]


@pytest.mark.parametrize(
    ("state", "step"), [each for each in TAKEN if WHO.get(each[1]) != Actor.PERSON]
)
def test_people_cannot_take_other_actors_steps_with_their_own_record(state, step):
    participation = in_state(state)
    with pytest.raises(Refused):
        take(step, participation, by=participation.person)
    participation.refresh_from_db()
    assert participation.state == state


@pytest.mark.parametrize("step", [each for each, who in WHO.items() if who == Actor.PERSON])
def test_people_cannot_take_steps_with_another_persons_track(step):
    state = next(state for state, other in TAKEN if other == step)
    participation = in_state(state)
    with pytest.raises(Participation.DoesNotExist):
        take(step, participation, by=make.person())
    participation.refresh_from_db()
    assert participation.state == state


@pytest.mark.parametrize("state", list(State))
def test_a_declined_credit_reopens_only_submitted_records(state):
    participation = in_state(state)
    coordinator = make.person(Role.CE_COORDINATOR)
    take(ParticipationStep.REOPEN, participation, by=coordinator)
    participation.refresh_from_db()
    reopens = PARTICIPATION_TRANSITIONS[ParticipationStep.REOPEN].allows(state, Actor.PORTAL)
    assert participation.state == (State.OPEN if reopens else state)
    ended = participation.submissions.filter(ending=Ending.REOPENED)
    assert ended.exists() == reopens


# ---------- Submitted records ----------


def test_a_correction_reopens_a_submitted_record_and_says_what_changed():
    participation = make.following()
    question = make.verification(make.submission(participation))
    credit = participation.postings.get().credit
    event = credit.claim.event.title
    correct_credit(
        credit_id=credit.pk,
        category=make.category(make.ADMINISTRATION),
        amount=Decimal("14.5"),
        by=make.person(Role.HELP_DESK),
    )
    [submission] = participation.submissions.all()
    assert submission.ending == Ending.REOPENED
    assert submission.reason == (
        f"“{event}” earned 15 credits in Library Administration and now earns 14.5 credits in "
        "Library Administration."
    )
    question.refresh_from_db()
    assert (question.answer, question.reason) == (VerificationAnswer.WITHDRAWN, submission.reason)
    with pytest.raises(Refused, match="no longer needed"):
        actions.verify_record(verification_id=question.pk, by=None)


def test_credits_earned_later_do_not_affect_a_submitted_record():
    participation = make.following()
    submission = make.submission(participation)
    make.claim(participation.person)
    submission.refresh_from_db()
    assert submission.ended_at is None
    assert participation.postings.count() == 2


def test_a_certificate_does_not_change_after_a_correction():
    certificate = make.certificate()
    before = record.record_lines(Certificate.objects.get().record)
    credit_id = before[0].credit_id
    correct_credit(
        credit_id=credit_id,
        category=make.category(make.TECHNOLOGY),
        amount=Decimal("1.0"),
        by=make.person(Role.HELP_DESK),
    )
    certificate.refresh_from_db()
    assert record.record_lines(certificate.record) == before
    assert certificate.participation.postings.get().credit_id == credit_id


def test_a_record_that_changed_since_the_person_saw_it_is_not_submitted():
    participation = make.following()
    seen = record.record_fingerprint(record.make_record(participation, today()))
    claim = Claim.objects.get(person=participation.person)
    correct_credit(
        credit_id=claim.credits.get().pk,
        category=make.category(make.ADMINISTRATION),
        amount=Decimal("16.0"),
        by=make.person(Role.HELP_DESK),
    )
    with pytest.raises(Refused, match="have changed since you opened"):
        actions.submit_track(
            participation_id=participation.pk, seen=seen, name="June", by=participation.person
        )


def test_an_incomplete_record_is_not_submitted():
    june = make.person()
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    make.claim(june, credits={make.ADMINISTRATION: "14.5"})
    with pytest.raises(Refused, match="do not meet all requirements yet"):
        make.submission(participation)


# ---------- Supervisors ----------


def test_no_one_can_be_their_own_supervisor_with_any_address():
    june = make.person()
    june.emailaddress_set.create(email="june@home.example", verified=True)
    june.emailaddress_set.create(email="june@new.example", verified=False)
    submission = make.submission(make.following(june))
    for address in (june.email, june.email.upper(), "june@home.example", " June@new.example"):
        with pytest.raises(Refused, match="No one can verify their own record"):
            make.verification(submission, actions.SupervisorContact("Someone", address))
    assert not submission.verifications.exists()


def test_a_link_expires_and_asking_again_replaces_it():
    with time_machine.travel("2026-11-23 10:00 -0700") as clock:
        first = make.verification()
        clock.move_to("2026-12-24 00:00 -0700")
        with pytest.raises(Refused, match="expired"):
            actions.verify_record(verification_id=first.pk, by=None)
        second = actions.ask_again(
            verification_id=first.pk,
            supervisor=actions.SupervisorContact("Mary", "mary@board.example"),
            by=make.person(Role.CE_COORDINATOR),
        )
        with pytest.raises(Refused, match="Mary was asked instead"):
            actions.refuse_record(verification_id=first.pk, reason="No", by=None)
        assert actions.verify_record(verification_id=second.pk, by=None).supervisor_name == "Mary"


def test_a_link_works_through_the_day_in_the_email():
    with time_machine.travel("2026-11-23 10:00 -0700") as clock:
        question = make.verification()
        clock.move_to("2026-12-23 23:59 -0700")
        assert actions.verify_record(verification_id=question.pk, by=None)


def test_a_year_is_verified_while_the_period_runs():
    june = make.person()
    participation = make.following(june)
    year = participation.postings.get().credit.claim.event.last_day.year
    question = actions.ask_about_year(
        participation_id=participation.pk, year=year, supervisor=make.SUPERVISOR, by=june
    )
    assert [line.amount for line in record.record_lines(question.record)] == [Decimal(15)]
    assert actions.verify_record(verification_id=question.pk, by=None) is None
    participation.refresh_from_db()
    assert participation.state == State.OPEN
    with pytest.raises(Refused, match="has already verified"):
        actions.ask_about_year(
            participation_id=participation.pk, year=year, supervisor=make.SUPERVISOR, by=june
        )


# ---------- After the certificate ----------


def test_a_revoked_certificate_leaves_the_next_period_open_and_empty():
    certificate = make.certificate()
    june = certificate.person
    revoke(certificate)
    certificate.refresh_from_db()
    assert certificate.revoked_reason == "The training never took place."
    [following] = counting_queries.active_participations(june)
    assert not following.postings.exists()
    assert not certificate.participation.postings.exists()


def test_a_reopened_period_can_be_corrected_and_submitted_again():
    certificate = make.certificate()
    june = certificate.person
    revoke(certificate, reopen=True)
    [participation] = counting_queries.active_participations(june)
    assert participation == certificate.participation
    assert participation.postings.count() == 1
    again = make.certificate(participation)
    assert again.number.endswith("-0002")


def test_a_reissued_certificate_differs_only_in_its_name():
    certificate = make.certificate()
    again = actions.reissue_certificate(
        certificate_id=certificate.pk,
        name="Jane Doe-Smith",
        reason="The name was misspelled.",
        by=make.person(Role.CE_COORDINATOR),
    )
    certificate.refresh_from_db()
    assert certificate.revoked_reason == "Reissued: The name was misspelled."
    assert (again.name, again.replaces) == ("Jane Doe-Smith", certificate)
    same = ("record", "issued_on", "expires_on", "supervisor_name", "submission_id")
    assert [getattr(again, name) for name in same] == [getattr(certificate, name) for name in same]
    assert again.uuid != certificate.uuid


def test_a_track_is_resumed_in_its_own_period():
    participation = make.following()
    june = participation.person
    actions.leave_track(participation_id=participation.pk, by=june)
    assert not participation.postings.exists()
    again = actions.resume_track(participation_id=participation.pk, by=june)
    assert again == participation
    assert participation.postings.count() == 1


def test_an_extension_posts_credits_earned_in_the_added_time():
    with time_machine.travel(timezone.now()) as clock:
        june = make.person()
        participation, _ = actions.select_track(track=make.track(), by=june)
        clock.shift(86_400 * 366 * 4)
        claim = make.claim(june, days=-1)
        assert not participation.postings.exists()
        new = today().replace(year=today().year + 1, day=1)
        facts = {"closes_on": new, "reason": "A year of illness.", "by": make.person()}
        ids = [participation.pk]
        assert actions.extend_participations(participation_ids=ids, **facts) == 1
        assert actions.extend_participations(participation_ids=ids, **facts) == 0
    assert participation.postings.get().credit == claim.credits.get()
    [extension] = participation.extensions.all()
    assert (extension.closed_on, extension.closes_on) == (participation.closes_on, new)


def test_certified_directors_continue_under_the_renewal_rules():
    certificate = make.certificate(make.following(name="Library Director"))
    [following] = counting_queries.active_participations(certificate.person)
    assert following.rule_set.name == "2023 Library Director, renewal"
    actions.leave_track(participation_id=following.pk, by=certificate.person)
    chosen, _ = actions.select_track(track=make.track("Library Director"), by=certificate.person)
    assert (chosen.rule_set, chosen.follows) == (following.rule_set, certificate)


def test_the_transitions_cover_every_state():
    targets = {each.target for each in PARTICIPATION_TRANSITIONS.values()}
    assert {state for state, _ in TAKEN} | targets == set(State)
    assert len(list(itertools.chain(ACTIVE))) == 3
