"""Tracks and their rule sets."""

import datetime as dt
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from aspen.clock import years_before
from aspen.db.constraints import clean_columns
from aspen.db.fields import LineField, TextField
from aspen.halves import CreditAmountField, in_halves
from events.models import Category
from tracks.enums import RuleSetKind


class Track(models.Model):
    """A certification that a person can work toward under its current rules."""

    name = LineField(max_length=80, unique=True)
    description = TextField(blank=True)
    position = models.PositiveSmallIntegerField(unique=True)

    class Meta:
        ordering = ["position"]
        constraints = clean_columns(
            "tracks_track", lines=["name"], texts=["description"], required=["name"]
        )

    def __str__(self) -> str:
        return self.name


class RuleSet(models.Model):
    """A track's requirements for people who choose it between two dates. Amounts are credits."""

    track = models.ForeignKey(Track, models.PROTECT, related_name="rule_sets")
    name = LineField(max_length=120, unique=True)
    kind = models.CharField(max_length=10, choices=RuleSetKind, default=RuleSetKind.BOTH)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    total = CreditAmountField()
    years = models.PositiveSmallIntegerField(default=4)
    catalog_only = models.BooleanField(
        "only catalog credits count",
        default=False,
        help_text="Only events in the State Library's own course catalog count.",
    )
    audience = LineField("intended for", max_length=200, blank=True)
    source = TextField(help_text="The document these rules come from.")

    class Meta:
        ordering = ["track__position", "valid_from", "id"]
        constraints = [
            *clean_columns(
                "tracks_ruleset",
                lines=["name", "audience"],
                texts=["source"],
                required=["name", "source"],
            ),
            # Lets a participation reference its rule set together with the track.
            models.UniqueConstraint(fields=["id", "track"], name="tracks_rule_set_with_track"),
            models.CheckConstraint(
                condition=Q(kind__in=RuleSetKind.values), name="tracks_rule_set_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                name="tracks_rule_set_ends_after_it_begins",
                violation_error_message="The last day must not be before the first.",
            ),
            # Without a limit, the days of a participation could exceed the range of dates.
            models.CheckConstraint(
                condition=Q(years__gte=1, years__lte=20),
                name="tracks_rule_set_has_years",
                violation_error_message="Enter between 1 and 20 years.",
            ),
            in_halves(name="tracks_rule_set_total_in_halves", field="total"),
        ]

    def __str__(self) -> str:
        return self.name

    def counts_since(self, on: dt.date) -> dt.date:
        """Return the first day that still counts as of a day; older credits have aged out."""
        return years_before(on, self.years)


class Requirement(models.Model):
    """A category that counts under a rule set, with its minimum, which can be 0."""

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="requirements")
    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    # The default validators reject 0. The constraint checks the amount.
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
