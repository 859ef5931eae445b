from decimal import Decimal

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from aspen.constraints import CompositeForeignKey
from aspen.halves import CreditAmountField, in_halves
from credits.models import Credit
from events.models import Category
from tracks.enums import ParticipationState, RuleSetKind


class Track(models.Model):
    """A certification a person can work towards, whatever its rules are this year."""

    name = models.CharField(max_length=80, unique=True)
    description = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField(unique=True)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class RuleSet(models.Model):
    """The dated requirements of a track. Amounts are credits, periods are calendar years."""

    track = models.ForeignKey(Track, models.PROTECT, related_name="rule_sets")
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=10, choices=RuleSetKind, default=RuleSetKind.BOTH)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    total = CreditAmountField()
    years = models.PositiveSmallIntegerField(default=4)
    catalogue_only = models.BooleanField(
        "only catalogue credits count",
        default=False,
        help_text="Only events in the State Library's own course catalogue count.",
    )
    audience = models.CharField("who", max_length=200, blank=True)
    source = models.TextField(help_text="The document these rules come from.")

    class Meta:
        ordering = ["track__position", "valid_from", "id"]
        constraints = [
            # Lets a participation point at its rule set and the rule set's track together.
            models.UniqueConstraint(fields=["id", "track"], name="tracks_rule_set_with_track"),
            models.CheckConstraint(
                condition=Q(kind__in=RuleSetKind.values), name="tracks_rule_set_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                name="tracks_rule_set_ends_after_it_begins",
                violation_error_message="The last day must not lie before the first.",
            ),
            # Unbounded, the days of a participation would lie outside the calendar.
            models.CheckConstraint(
                condition=Q(years__gte=1, years__lte=20),
                name="tracks_rule_set_has_years",
                violation_error_message="The years must lie between 1 and 20.",
            ),
            in_halves(name="tracks_rule_set_total_in_halves", field="total"),
        ]

    def __str__(self) -> str:
        return self.name


class Requirement(models.Model):
    """A category that counts under a rule set, and the least that must come from it (may be 0)."""

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="requirements")
    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    minimum = CreditAmountField(validators=[])

    class Meta:
        ordering = ["rule_set_id", "category__position"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule_set", "category"], name="tracks_one_requirement_per_category"
            ),
            in_halves(name="tracks_minimum_in_halves", field="minimum", smallest=Decimal(0)),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.minimum}"


@pghistory.track(model_name="ParticipationHistory")
class Participation(models.Model):
    """One person on one track for one period.

    Credits earned from `counts_from` to `closes_on`, both inclusive, are eligible. Both days are
    fixed when the track is selected, because staff may extend a period later.
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

    class Meta:
        ordering = ["track__position", "-selected_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "track"],
                condition=Q(state=ParticipationState.OPEN),
                name="tracks_one_open_participation",
                violation_error_message="You already follow this track.",
            ),
            # Lets a posting point at its participation and the participation's person together.
            models.UniqueConstraint(
                fields=["id", "person"], name="tracks_participation_with_person"
            ),
            CompositeForeignKey(
                fields=["rule_set", "track"],
                to="tracks.RuleSet",
                to_fields=["id", "track"],
                name="tracks_participation_rule_set_of_the_track",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ParticipationState.values), name="tracks_state_known"
            ),
            models.CheckConstraint(
                condition=Q(counts_from__lte=F("selected_on"), closes_on__gte=F("selected_on")),
                name="tracks_selected_within_period",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.track}, selected {self.selected_on}"

    def get_absolute_url(self) -> str:
        return reverse("tracks:progress", args=[self.pk])


class Posting(models.Model):
    """This credit counts in this participation. Whose both are is the database's to judge."""

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
                name="tracks_posting_credit_of_the_person",
            ),
            CompositeForeignKey(
                fields=["participation", "person"],
                to="tracks.Participation",
                to_fields=["id", "person"],
                name="tracks_posting_participation_of_the_person",
            ),
        ]

    def __str__(self) -> str:
        return f"Credit {self.credit_id} in participation {self.participation_id}"
