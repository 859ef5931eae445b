"""Reminders of expirations and directors' deadlines, and to people who are idle for a year."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.enums import PositionKind
from accounts.models import Position, User
from accounts.queries import reminders_token
from aspen.clock import today, years_before
from aspen.db.audit import audited
from aspen.formats import format_amount, format_day
from aspen.mail.message import Email, full_url, page_url
from aspen.mail.outbox import email, enqueue_many
from aspen.models import Mail
from credits.models import Claim
from tracks.counting import queries as counting_queries
from tracks.counting.eligibility import DIRECTOR_TRACK, DIRECTOR_YEARS, directors_deadline
from tracks.counting.presentation import missing_text
from tracks.enums import ACTIVE, ParticipationState
from tracks.models import Certificate, Participation

# Months before the end. If the worker was down for several reminders, only the latest is sent.
MONTHS = (12, 6, 3, 1)
BATCH_SIZE_REMINDERS = 1_000


# ---------- A period or a certificate ends ----------


@audited
def remind_of_ends() -> int:
    """Remind people 12, 6, 3 and 1 months before their period on a track ends.

    A certificate and the period after it end on the same day, so one e-mail covers both. If the
    person left the track, the e-mail is only about the certificate. Idempotent. Return the number
    of e-mails due, including those already queued.
    """
    open_participations = Participation.objects.filter(
        _wants_reminders("person"), state=ParticipationState.OPEN
    ).select_related("person")
    number = _queue_ends("tracks.period_ends", open_participations, "closes_on", "participation")
    later_periods = Participation.objects.filter(
        person=OuterRef("person"),
        track=OuterRef("participation__track"),
        selected_on__gte=OuterRef("issued_on"),
    ).exclude(state=ParticipationState.LEFT)
    certificates = Certificate.objects.filter(
        ~Exists(later_periods.exclude(pk=OuterRef("participation"))),
        _wants_reminders("person"),
        revoked_at=None,
    ).select_related("person")
    return number + _queue_ends(
        "tracks.certificate_ends", certificates, "expires_on", "certificate"
    )


def _queue_ends(kind: str, rows: QuerySet[Any], field: str, fact: str) -> int:
    number = 0
    for months, until in zip(MONTHS, (*MONTHS[1:], None), strict=True):
        latest = today() + relativedelta(months=months)
        # From the day the next reminder is due, send that one instead.
        earliest = today() + relativedelta(months=until) if until else today()
        due = rows.filter(**{f"{field}__lte": latest, f"{field}__gt": earliest})

        def message(row: Any, months: int = months) -> tuple[str, User, dict[str, object]]:
            key = f"{kind}:{row.pk}:{getattr(row, field)}:{months}"
            return key, row.person, {fact: row.pk, "months": months}

        number += _queue(kind, due, message)
    return number


@email("tracks.period_ends")
def period_ends_email(mail: Mail) -> Email | None:
    """Remind the person that a period, and with it the previous certificate, is ending."""
    participation = (
        Participation.objects.filter(pk=mail.facts["participation"], person=mail.to_id)
        .select_related("track", "rule_set", "follows", "person")
        .prefetch_related(counting_queries.REQUIREMENTS)
        .get()
    )
    if participation.state != ParticipationState.OPEN or not _is_wanted(mail):
        return None
    if participation.closes_on < today():
        return None
    if str(participation.closes_on) not in mail.key.split(":"):
        return None  # staff have extended the period
    [(_, progress)] = counting_queries.progress_of([participation], today())
    before, track = participation.follows, participation.track
    day, days_left = format_day(participation.closes_on), _in_days(participation.closes_on)
    what_ends = f"Your period for {track} ends on {day} ({days_left})."
    if before and before.expires_on == participation.closes_on and not before.revoked_at:
        what_ends = f"Your certificate {before.number} ({track}) expires on {day} ({days_left})."
    next_step = missing_text(progress)
    if progress.is_complete:
        next_step = "Your record is complete. Submit it to the CE Coordinator."
    return _reminder(
        mail,
        subject=f"{track}: finish by {day}",
        paragraphs=[f"{what_ends} {next_step}"],
        facts=[
            ("Credits", f"{format_amount(progress.counted)} of {format_amount(progress.total)}"),
            ("Deadline", day),
        ],
        button=("View track", full_url(participation.get_absolute_url())),
        closing=[
            "If you need more time, open a help ticket and tell us why: "
            + page_url("helpdesk:create")
        ],
    )


@email("tracks.certificate_ends")
def certificate_ends_email(mail: Mail) -> Email | None:
    """Remind the person of an expiring certificate for a track they no longer follow."""
    certificate = Certificate.objects.select_related("participation__track").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    track = certificate.participation.track
    follows = Participation.objects.filter(
        person=mail.to_id, track=track, state__in=sorted(ACTIVE)
    ).exists()
    if certificate.revoked_at or follows or not _is_wanted(mail):
        return None
    if certificate.expires_on < today():
        return None
    day = format_day(certificate.expires_on)
    return _reminder(
        mail,
        subject=f"Your certificate for {track} expires on {day}",
        paragraphs=[
            f"Your certificate {certificate.number} ({track}) expires on {day} "
            f"({_in_days(certificate.expires_on)}), and you are not currently following this "
            "track. To renew your certificate, choose the track again."
        ],
        button=("Choose track", page_url("tracks:choose")),
    )


# ---------- New directors ----------


@audited
def remind_directors() -> int:
    """Remind directors without a certificate before their first four years end.

    Idempotent. Return the number of e-mails due, including those already queued.
    """
    number = 0
    certified = Certificate.objects.filter(
        person=OuterRef("person"), participation__track__name=DIRECTOR_TRACK, revoked_at=None
    )
    new_directors = (
        Position.objects.present()
        .filter(
            ~Exists(certified),
            _wants_reminders("person"),
            kind=PositionKind.DIRECTOR,
            since_on__isnull=False,
        )
        .select_related("person")
    )
    for months, until in zip(MONTHS, (*MONTHS[1:], None), strict=True):
        latest = years_before(today() + relativedelta(months=months), DIRECTOR_YEARS)
        earliest = years_before(today() + relativedelta(months=until or 0), DIRECTOR_YEARS)

        def message(row: Position, months: int = months) -> tuple[str, User, dict[str, object]]:
            key = f"tracks.new_director:{row.pk}:{row.since_on}:{months}"
            return key, row.person, {"position": row.pk}

        due = new_directors.filter(since_on__lte=latest, since_on__gt=earliest)
        number += _queue("tracks.new_director", due, message)
    return number


@email("tracks.new_director")
def new_director_email(mail: Mail) -> Email | None:
    """Remind a new director of the four years they have to get certified."""
    positions = Position.objects.present().filter(pk=mail.facts["position"], person=mail.to_id)
    position = positions.select_related("organization").first()
    if position is None or position.since_on is None or not _is_wanted(mail):
        return None
    certificates = Certificate.objects.filter(person=mail.to_id, revoked_at=None)
    if certificates.filter(participation__track__name=DIRECTOR_TRACK).exists():
        return None
    deadline = directors_deadline(position.since_on)
    if deadline < today():
        return None
    return _reminder(
        mail,
        subject=f"Director’s certificate: finish by {format_day(deadline)}",
        paragraphs=[
            f"You have been director of {position.organization} since "
            f"{format_day(position.since_on)}. New directors of public libraries have four years "
            f"to get certified, so your deadline is {format_day(deadline)} ({_in_days(deadline)})."
        ],
        button=("View your tracks", page_url("tracks:dashboard")),
        closing=["If this does not apply to your library, you do not need to do anything."],
    )


# ---------- A year without a claim ----------


@audited
def remind_idle() -> int:
    """Remind people who follow a track but have not claimed anything for a year.

    Each person gets at most one reminder in 365 days. Idempotent. Return the number of e-mails due,
    including those already queued.
    """
    since = timezone.now() - dt.timedelta(days=365)
    a_year_ago = (today() - dt.timedelta(days=365)).isoformat()
    reminded = Mail.objects.filter(kind="tracks.idle", to=OuterRef("pk"), facts__on__gt=a_year_ago)
    claimed = Claim.objects.filter(person=OuterRef("pk"), claimed_at__gt=since)
    following = Participation.objects.filter(
        person=OuterRef("pk"),
        state=ParticipationState.OPEN,
        selected_on__lte=today() - dt.timedelta(days=365),
        closes_on__gte=today(),
    )
    idle = User.objects.filter(
        _wants_reminders(), Exists(following), ~Exists(claimed), ~Exists(reminded)
    )

    def message(person: User) -> tuple[str, User, dict[str, object]]:
        return f"tracks.idle:{person.pk}:{today()}", person, {"on": today().isoformat()}

    return _queue("tracks.idle", idle, message)


@email("tracks.idle")
def idle_email(mail: Mail) -> Email | None:
    """Remind the person that they have not claimed anything for a year."""
    person = mail.to
    assert person is not None
    since = timezone.now() - dt.timedelta(days=365)
    tracks = [str(each.track) for each in counting_queries.active_participations(person)]
    if not tracks or person.claims.filter(claimed_at__gt=since).exists() or not _is_wanted(mail):
        return None
    return _reminder(
        mail,
        subject="No credit claimed for a year",
        paragraphs=[
            f"You are following {' and '.join(tracks)} but have not claimed any training for a "
            "year. Have you attended an event or watched a recording? Claiming it takes a minute."
        ],
        button=("Claim credit", page_url("tracks:dashboard")),
        closing=[f"See upcoming events: {page_url('events:calendar')}"],
    )


# ---------- Helpers ----------


def _wants_reminders(path: str = "") -> Q:
    """Return a condition: the person at this path is active and wants reminders."""
    prefix = f"{path}__" if path else ""
    return Q(**{f"{prefix}is_active": True, f"{prefix}wants_certification_reminders": True})


def _queue(
    kind: str, rows: QuerySet[Any], message: Callable[[Any], tuple[str, User, dict[str, object]]]
) -> int:
    """Queue a message for each row in batches. Return the number of messages."""
    number, batch = 0, []
    for row in rows.order_by("pk").iterator(chunk_size=BATCH_SIZE_REMINDERS):
        batch.append(message(row))
        if len(batch) == BATCH_SIZE_REMINDERS:
            enqueue_many(kind=kind, messages=batch)
            number, batch = number + len(batch), []
    enqueue_many(kind=kind, messages=batch)
    return number + len(batch)


def _reminder(
    mail: Mail,
    *,
    subject: str,
    paragraphs: list[str],
    button: tuple[str, str],
    facts: list[tuple[str, str]] | None = None,
    closing: list[str] | None = None,
) -> Email:
    assert mail.to is not None
    address = page_url("accounts:certification_reminders", reminders_token(mail.to))
    return Email(
        subject=subject,
        paragraphs=paragraphs,
        facts=facts or [],
        button=button,
        closing=[*(closing or []), f"If you do not want reminders, turn them off: {address}"],
        unsubscribe=address,
    )


def _is_wanted(mail: Mail) -> bool:
    return isinstance(mail.to, User) and mail.to.wants_certification_reminders


def _in_days(day: dt.date) -> str:
    number = (day - today()).days
    return {0: "today", 1: "in 1 day"}.get(number, f"in {number} days")
