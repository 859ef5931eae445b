"""Participations in tracks, their extensions, and the credits posted to them."""

import datetime as dt
from typing import Any
from uuid import UUID

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from aspen.db.constraints import CompositeForeignKey, clean_columns
from aspen.db.fields import ShortTextField
from credits.models import Credit
from tracks.enums import ACTIVE, ParticipationState
from tracks.models.rules import RuleSet, Track

# Checks both periods: the one that follows a certificate, and the one with the certificate.
FOLLOWS_SAME_TRACK = pgtrigger.Trigger(
    name="follows_certificate_of_same_track",
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("follows_id", "person_id", "track_id"),
    when=pgtrigger.Before,
    func="""
        IF NEW.follows_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM tracks_certificate AS certificate
              JOIN tracks_participation AS certified ON certified.id = certificate.participation_id
             WHERE certificate.id = NEW.follows_id AND certified.id <> NEW.id
               AND certificate.person_id = NEW.person_id AND certified.track_id = NEW.track_id
        ) OR EXISTS (
            SELECT FROM tracks_certificate AS certificate
              JOIN tracks_participation AS following ON following.follows_id = certificate.id
             WHERE certificate.participation_id = NEW.id AND following.track_id <> NEW.track_id
        ) THEN
            RAISE check_violation USING
                CONSTRAINT = 'tracks_follows_certificate_of_same_track',
                MESSAGE = 'violates tracks_follows_certificate_of_same_track';
        END IF;
        RETURN NEW;
    """,
)


@pghistory.track(model_name="ParticipationHistory")
class Participation(models.Model):
    """One person on one track for one period.

    Credits earned from `counts_from` through `closes_on` are eligible. Both days are stored when
    the period starts; staff can extend it later. `follows` is the certificate that precedes the
    period, if any. Then `counts_from` is the day on which that certificate's record was sent.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="participations"
    )
    track = models.ForeignKey(Track, models.PROTECT, related_name="participations")
    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="participations")
    state = models.CharField(
        max_length=10, choices=ParticipationState, default=ParticipationState.OPEN
    )
    selected_on = models.DateField()
    counts_from = models.DateField()
    closes_on = models.DateField()
    selected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="selected_participations"
    )
    follows = models.ForeignKey(
        "tracks.Certificate", models.PROTECT, null=True, blank=True, related_name="followed_by"
    )

    # The certificate of a certified period, set by queries.active_or_certified_participations().
    certified_as: str = ""
    certified_on: dt.date | None = None
    certificate_uuid: UUID | None = None
    # The submitted record, set by the same query while the participation awaits a certificate.
    sent_record: dict[str, Any] | None = None

    class Meta:
        ordering = ["track__position", "-selected_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "track"],
                condition=Q(state__in=sorted(ACTIVE)),
                name="tracks_one_active_participation",
                violation_error_message="You already follow this track.",
            ),
            # Lets a posting reference its participation together with the person.
            models.UniqueConstraint(
                fields=["id", "person"], name="tracks_participation_with_person"
            ),
            CompositeForeignKey(
                fields=["rule_set", "track"],
                to="tracks.RuleSet",
                to_fields=["id", "track"],
                name="tracks_participation_rule_set_same_track",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ParticipationState.values), name="tracks_state_known"
            ),
            models.CheckConstraint(
                condition=Q(closes_on__gte=F("selected_on")) & Q(closes_on__gte=F("counts_from")),
                name="tracks_selected_within_period",
            ),
            models.CheckConstraint(
                condition=Q(counts_from__lte=F("selected_on")),
                name="tracks_counts_from_not_after_selection",
            ),
        ]
        triggers = [FOLLOWS_SAME_TRACK]

    def __str__(self) -> str:
        return f"{self.track}, selected {self.selected_on}"

    def get_absolute_url(self) -> str:
        return reverse("tracks:progress", args=[self.pk])


class Posting(models.Model):
    """A credit that counts in a participation. Constraints ensure both belong to one person."""

    credit = models.ForeignKey(Credit, models.PROTECT, related_name="postings")
    participation = models.ForeignKey(Participation, models.PROTECT, related_name="postings")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    posted_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["participation_id", "credit_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["participation", "credit"], name="tracks_credit_posted_once"
            ),
            CompositeForeignKey(
                fields=["credit", "person"],
                to="credits.Credit",
                to_fields=["id", "person"],
                name="tracks_posting_credit_same_person",
            ),
            CompositeForeignKey(
                fields=["participation", "person"],
                to="tracks.Participation",
                to_fields=["id", "person"],
                name="tracks_posting_participation_same_person",
            ),
        ]

    def __str__(self) -> str:
        return f"Credit {self.credit_id} in participation {self.participation_id}"


@pghistory.track(pghistory.InsertEvent(), model_name="ExtensionHistory")
class Extension(models.Model):
    """More time for a period, granted by staff with a reason."""

    participation = models.ForeignKey(Participation, models.PROTECT, related_name="extensions")
    closed_on = models.DateField(
        "previous last day", help_text="The last day before the extension."
    )
    closes_on = models.DateField("new last day")
    reason = ShortTextField(max_length=1000)
    extended_at = models.DateTimeField(db_default=Now())
    extended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["participation_id", "id"]
        constraints = [
            *clean_columns("tracks_extension", texts=["reason"]),
            models.CheckConstraint(
                condition=Q(closes_on__gt=F("closed_on")), name="tracks_extension_is_longer"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="tracks_extension_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.closed_on} to {self.closes_on}"
