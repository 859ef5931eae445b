"""Messages that come with the calendar: a period or a certificate ends, a year without a claim."""

import datetime as dt
from collections.abc import Callable, Iterable
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
from aspen.mail.outbox import composers, enqueue_many
from aspen.models import Mail
from credits.models import Claim
from tracks.counting import queries as counting_queries
from tracks.counting.eligibility import DIRECTOR_TRACK, DIRECTOR_YEARS, directors_deadline
from tracks.counting.presentation import missing_in_words
from tracks.enums import ACTIVE, ParticipationState
from tracks.models import Certificate, Participation

# Months before something ends. Whoever missed one (the worker stood still) gets the next alone.
MONTHS = (12, 6, 3, 1)


BATCH_SIZE_REMINDERS = 1_000


def register_composers() -> None:
    """Let the outbox know who composes these messages."""
    composers.update(
        {
            "tracks.extended": extended_email,
            "tracks.period_ends": period_ends_email,
            "tracks.certificate_ends": certificate_ends_email,
            "tracks.new_director": new_director_email,
            "tracks.idle": idle_email,
        }
    )


def queue_extended_emails(*, participations: Iterable[Participation], closes_on: dt.date) -> None:
    """Tell people that they have more time. Their persons have been fetched."""
    enqueue_many(
        kind="tracks.extended",
        messages=[
            (f"extended:{each.pk}:{closes_on}", each.person, {"participation": each.pk})
            for each in participations
        ],
    )


@audited
def remind_of_ends() -> int:
    """Remind people whose period on a track ends in a year, six, three months or one.

    A certificate and the period after it end on the same day, so one letter speaks of both; where
    the track was left the certificate alone is spoken of. Returns how many were promised at most;
    idempotent.
    """
    open_ones = Participation.objects.filter(
        _wants("person"), state=ParticipationState.OPEN
    ).select_related("person")
    number = _queue_ends("tracks.period_ends", open_ones, "closes_on", "participation")
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
    return number + _queue_ends("tracks.certificate_ends", alone, "expires_on", "certificate")


def _queue_ends(kind: str, rows: QuerySet[Any], field: str, fact: str) -> int:
    number = 0
    for months, until in zip(MONTHS, (*MONTHS[1:], None), strict=True):
        latest = today() + relativedelta(months=months)
        # On the day of the next reminder that one is due.
        earliest = today() + relativedelta(months=until) if until else today()
        due = rows.filter(**{f"{field}__lte": latest, f"{field}__gt": earliest})

        def message(row: Any, months: int = months) -> tuple[str, User, dict[str, object]]:
            key = f"{kind}:{row.pk}:{getattr(row, field)}:{months}"
            return key, row.person, {fact: row.pk, "months": months}

        number += _queue(kind, due, message)
    return number


@audited
def remind_directors() -> int:
    """Remind new directors, never certified as such, of the four years since they began.

    Idempotent; returns how many were promised at most.
    """
    number = 0
    certified = Certificate.objects.filter(
        person=OuterRef("person"), participation__track__name=DIRECTOR_TRACK, revoked_at=None
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
        latest = years_before(today() + relativedelta(months=months), DIRECTOR_YEARS)
        earliest = years_before(today() + relativedelta(months=until or 0), DIRECTOR_YEARS)

        def message(row: Position, months: int = months) -> tuple[str, User, dict[str, object]]:
            key = f"tracks.new_director:{row.pk}:{row.since_on}:{months}"
            return key, row.person, {"position": row.pk}

        due = new.filter(since_on__lte=latest, since_on__gt=earliest)
        number += _queue("tracks.new_director", due, message)
    return number


@audited
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

    return _queue("tracks.idle", idle, message)


def _wants(path: str) -> Q:
    prefix = f"{path}__" if path else ""
    return Q(**{f"{prefix}is_active": True, f"{prefix}wants_certification_reminders": True})


def _queue(
    kind: str, rows: QuerySet[Any], message: Callable[[Any], tuple[str, User, dict[str, object]]]
) -> int:
    """Promise a message for each row, a thousand at a time."""
    number, batch = 0, []
    for row in rows.order_by("pk").iterator(chunk_size=BATCH_SIZE_REMINDERS):
        batch.append(message(row))
        if len(batch) == BATCH_SIZE_REMINDERS:
            enqueue_many(kind=kind, messages=batch)
            number, batch = number + len(batch), []
    enqueue_many(kind=kind, messages=batch)
    return number + len(batch)


def extended_email(mail: Mail) -> Email | None:
    """Staff gave more time; the latest extension is told."""
    participation = Participation.objects.select_related("track").get(
        pk=mail.facts["participation"], person=mail.to_id
    )
    extension = participation.extensions.order_by("-pk")[0]
    if str(extension.closes_on) not in mail.key.split(":"):
        return None
    day = format_day(extension.closes_on)
    return Email(
        subject=f"More time for {participation.track}: until {day}",
        paragraphs=[
            f"Your time on the track {participation.track} ends on {day} now, not on "
            f"{format_day(extension.closed_on)}. What you earn until then counts."
        ],
        quote=("The CE Coordinator writes:", extension.reason),
        button=("Look at the track", full_url(participation.get_absolute_url())),
    )


def period_ends_email(mail: Mail) -> Email | None:
    """The time on a track comes to its end, and with it the certificate before."""
    participation = (
        Participation.objects.filter(pk=mail.facts["participation"], person=mail.to_id)
        .select_related("track", "rule_set", "follows", "person")
        .prefetch_related(counting_queries.REQUIREMENTS)
        .get()
    )
    left = (participation.closes_on - today()).days
    if participation.state != ParticipationState.OPEN or left < 0 or not _is_wanted(mail):
        return None
    if str(participation.closes_on) not in mail.key.split(":"):
        return None  # staff gave more time since
    [(_, progress)] = counting_queries.progress_of([participation], today())
    before, day = participation.follows, format_day(participation.closes_on)
    track = participation.track
    first = f"Your time on the track {track} ends on {day}, in {_days(left)}."
    if before and before.expires_on == participation.closes_on and not before.revoked_at:
        first = f"Your certificate {before.number} ({track}) expires on {day}, in {_days(left)}."
    todo = "It is ready: send it." if progress.is_complete else missing_in_words(progress)
    return _reminder(
        mail,
        subject=f"{track}: until {day}",
        paragraphs=[f"{first} {todo}"],
        facts=[
            ("Credits", f"{format_amount(progress.counted)} of {format_amount(progress.total)}"),
            ("Until", day),
        ],
        button=("Look at the track", full_url(participation.get_absolute_url())),
        closing=["You need more time? Say why in a help ticket: " + page_url("helpdesk:create")],
    )


def certificate_ends_email(mail: Mail) -> Email | None:
    """A certificate expires, and its track is not followed any more."""
    certificate = Certificate.objects.select_related("participation__track").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    track = certificate.participation.track
    follows = Participation.objects.filter(
        person=mail.to_id, track=track, state__in=sorted(ACTIVE)
    ).exists()
    left = (certificate.expires_on - today()).days
    if certificate.revoked_at or follows or left < 0 or not _is_wanted(mail):
        return None
    day = format_day(certificate.expires_on)
    return _reminder(
        mail,
        subject=f"Your certificate for {track} expires on {day}",
        paragraphs=[
            f"Your certificate {certificate.number} ({track}) expires on {day}, in {_days(left)}, "
            "and you do not follow this track at present. Choose it again if you want to renew."
        ],
        button=("Choose the track", page_url("tracks:choose")),
    )


def new_director_email(mail: Mail) -> Email | None:
    """Newly hired directors have four years to be certified."""
    held = Position.objects.present().filter(pk=mail.facts["position"], person=mail.to_id)
    position = held.select_related("organization").first()
    if position is None or position.since_on is None or not _is_wanted(mail):
        return None
    mine = Certificate.objects.filter(person=mail.to_id, revoked_at=None)
    if mine.filter(participation__track__name=DIRECTOR_TRACK).exists():
        return None
    deadline = directors_deadline(position.since_on)
    left = (deadline - today()).days
    if left < 0:
        return None
    return _reminder(
        mail,
        subject=f"Director’s certificate: until {format_day(deadline)}",
        paragraphs=[
            f"You are director of {position.organization} since {format_day(position.since_on)}. "
            f"A new director of a public library has four years to be certified: until "
            f"{format_day(deadline)}, in {_days(left)}."
        ],
        button=("Look at your tracks", page_url("tracks:dashboard")),
        closing=["This does not concern your library? Then there is nothing to do."],
    )


def idle_email(mail: Mail) -> Email | None:
    """Nothing was claimed for a year."""
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
            f"You follow {' and '.join(tracks)}, and have claimed no training for a year. Have "
            "you been to one, or watched a recording? It takes a minute to claim it."
        ],
        button=("Claim a training", page_url("tracks:dashboard")),
        closing=[f"What is coming up: {page_url('events:calendar')}"],
    )


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
        closing=[*(closing or []), f"You do not want to be reminded? Turn it off: {address}"],
        unsubscribe=address,
    )


def _is_wanted(mail: Mail) -> bool:
    return isinstance(mail.to, User) and mail.to.wants_certification_reminders


def _days(number: int) -> str:
    return {0: "0 days: today", 1: "1 day"}.get(number, f"{number} days")
