"""Which letters about certification are promised to whom (tracks/letters.py composes them)."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.enums import PositionKind
from accounts.models import Position, User
from aspen.clock import today, years_before
from aspen.db.audit import act
from aspen.mail.outbox import Addressee, post, post_many
from aspen.models import Mail
from credits.models import Claim
from tracks.enums import ACTIVE, Ending, ParticipationState
from tracks.models import Certificate, Participation, Submission, Verification
from tracks.rules import DIRECTORS_TRACK, DIRECTORS_YEARS

# Months before something ends. Whoever missed one (the worker stood still) gets the next alone.
MONTHS = (12, 6, 3, 1)
# A supervisor who has not answered is asked again after so many days.
SUPERVISORS_AFTER = (7, 21)
AT_ONCE = 1_000


# ---------- What happened ----------


def promise_question(*, verification: Verification) -> None:
    """Ask the supervisor, at the address that was given; tell the person, where it was reviewed."""
    to = Addressee(verification.supervisor_name, verification.supervisor_email)
    post(
        kind="tracks.question",
        key=f"question:{verification.pk}",
        to=to,
        verification=verification.pk,
    )
    if verification.submission_id:
        post(
            kind="tracks.reviewed",
            key=f"reviewed:{verification.pk}",
            to=verification.person,
            verification=verification.pk,
        )


def promise_withdrawn(*, verification: Verification) -> None:
    """Tell the supervisor that no answer is needed any more, where the question was sent."""
    post(
        kind="tracks.question_withdrawn",
        key=f"question_withdrawn:{verification.pk}",
        to=Addressee(verification.supervisor_name, verification.supervisor_email),
        verification=verification.pk,
    )


def promise_answer(*, verification: Verification) -> None:
    """Tell the person what the supervisor said of a year. Of a submission other letters tell."""
    if verification.year:
        post(
            kind="tracks.year_answered",
            key=f"year_answered:{verification.pk}",
            to=verification.person,
            verification=verification.pk,
        )


def promise_ending(*, submission: Submission) -> None:
    """Tell the person that the record came back, unless they took it back themselves."""
    if submission.ending in (Ending.RETURNED, Ending.REFUSED, Ending.REOPENED):
        post(
            kind="tracks.came_back",
            key=f"came_back:{submission.pk}",
            to=submission.person,
            submission=submission.pk,
        )


def promise_certificate(*, certificate: Certificate, what: str = "certified") -> None:
    """Tell the person that it is there; or `what` became of it: "revoked", or "reissued"."""
    post(
        kind=f"tracks.{what}",
        key=f"{what}:{certificate.pk}",
        to=certificate.person,
        certificate=certificate.pk,
    )


def promise_extended(*, participations: Iterable[Participation], closes_on: dt.date) -> None:
    """Tell people that they have more time. Their persons have been fetched."""
    post_many(
        kind="tracks.extended",
        messages=[
            (f"extended:{each.pk}:{closes_on}", each.person, {"participation": each.pk})
            for each in participations
        ],
    )


# ---------- What is near ----------


@act
def remind_of_ends() -> int:
    """Remind people whose period on a track ends in a year, six, three months or one.

    A certificate and the period after it end on the same day, so one letter speaks of both; where
    the track was left the certificate alone is spoken of. Returns how many were promised at most;
    idempotent.
    """
    open_ones = Participation.objects.filter(
        _wants("person"), state=ParticipationState.OPEN
    ).select_related("person")
    number = _promise_ends("tracks.period_ends", open_ones, "closes_on", "participation")
    followed = Participation.objects.filter(
        person=OuterRef("person"),
        track=OuterRef("participation__track"),
        selected_on__gte=OuterRef("issued_on"),
    ).exclude(state=ParticipationState.LEFT)
    alone = Certificate.objects.filter(
        ~Exists(followed.exclude(pk=OuterRef("participation"))),
        _wants("person"),
        revoked_at=None,
    ).select_related("person")
    return number + _promise_ends("tracks.certificate_ends", alone, "expires_on", "certificate")


def _promise_ends(kind: str, rows: QuerySet[Any], field: str, fact: str) -> int:
    number = 0
    for months, until in zip(MONTHS, (*MONTHS[1:], None), strict=True):
        latest = today() + relativedelta(months=months)
        # On the day of the next reminder that one is due.
        earliest = today() + relativedelta(months=until) if until else today()
        due = rows.filter(**{f"{field}__lte": latest, f"{field}__gt": earliest})

        def message(row: Any, months: int = months) -> tuple[str, User, dict[str, object]]:
            key = f"{kind}:{row.pk}:{getattr(row, field)}:{months}"
            return key, row.person, {fact: row.pk, "months": months}

        number += _promise(kind, due, message)
    return number


@act
def remind_directors() -> int:
    """Remind new directors, never certified as such, of the four years since they began.

    Idempotent; returns how many were promised at most.
    """
    number = 0
    certified = Certificate.objects.filter(
        person=OuterRef("person"), participation__track__name=DIRECTORS_TRACK, revoked_at=None
    )
    new = (
        Position.objects.present()
        .filter(
            ~Exists(certified),
            _wants("person"),
            kind=PositionKind.DIRECTOR,
            since_on__isnull=False,
        )
        .select_related("person")
    )
    for months, until in zip(MONTHS, (*MONTHS[1:], None), strict=True):
        latest = years_before(today() + relativedelta(months=months), DIRECTORS_YEARS)
        earliest = years_before(today() + relativedelta(months=until or 0), DIRECTORS_YEARS)

        def message(row: Position, months: int = months) -> tuple[str, User, dict[str, object]]:
            key = f"tracks.new_director:{row.pk}:{row.since_on}:{months}"
            return key, row.person, {"position": row.pk}

        due = new.filter(since_on__lte=latest, since_on__gt=earliest)
        number += _promise("tracks.new_director", due, message)
    return number


@act
def remind_idle() -> int:
    """Remind people who follow a track and have claimed nothing for a year, once in 365 days.

    Idempotent; returns how many were promised at most.
    """
    since = timezone.now() - dt.timedelta(days=365)
    a_year_ago = (today() - dt.timedelta(days=365)).isoformat()
    told = Mail.objects.filter(kind="tracks.idle", to=OuterRef("pk"), facts__on__gt=a_year_ago)
    claimed = Claim.objects.filter(person=OuterRef("pk"), claimed_at__gt=since)
    following = Participation.objects.filter(
        person=OuterRef("pk"),
        state=ParticipationState.OPEN,
        selected_on__lte=today() - dt.timedelta(days=365),
        closes_on__gte=today(),
    )
    idle = User.objects.filter(_wants(""), Exists(following), ~Exists(claimed), ~Exists(told))

    def message(person: User) -> tuple[str, User, dict[str, object]]:
        return f"tracks.idle:{person.pk}:{today()}", person, {"on": today().isoformat()}

    return _promise("tracks.idle", idle, message)


@act
def remind_supervisors() -> int:
    """Ask supervisors again who have not answered after a week and after three.

    Not about a year of a period that is over. Whoever missed the first (the worker stood still)
    gets the second alone. Idempotent; returns how many were promised.
    """
    now, number = timezone.now(), 0
    for times, days in reversed(list(enumerate(SUPERVISORS_AFTER, start=1))):
        due = Verification.objects.select_for_update(of=("self",), skip_locked=True).filter(
            answered_at=None,
            expires_at__gt=now,
            reminders__lt=times,
            asked_at__lte=now - dt.timedelta(days=days),
            participation__state__in=sorted(ACTIVE),
        )
        found = list(due.order_by("pk"))
        post_many(
            kind="tracks.question",
            messages=[
                (
                    f"question:{each.pk}:{times}",
                    Addressee(each.supervisor_name, each.supervisor_email),
                    {"verification": each.pk, "again": True},
                )
                for each in found
            ],
        )
        Verification.objects.filter(pk__in=[each.pk for each in found]).update(reminders=times)
        number += len(found)
    return number


def _wants(path: str) -> Q:
    prefix = f"{path}__" if path else ""
    return Q(**{f"{prefix}is_active": True, f"{prefix}wants_certification_reminders": True})


def _promise(
    kind: str, rows: QuerySet[Any], message: Callable[[Any], tuple[str, User, dict[str, object]]]
) -> int:
    """Promise a message for each row, a thousand at a time."""
    number, batch = 0, []
    for row in rows.order_by("pk").iterator(chunk_size=AT_ONCE):
        batch.append(message(row))
        if len(batch) == AT_ONCE:
            post_many(kind=kind, messages=batch)
            number, batch = number + len(batch), []
    post_many(kind=kind, messages=batch)
    return number + len(batch)
