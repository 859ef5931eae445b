import datetime as dt
from typing import Any

import pghistory
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from accounts.enums import LEADERSHIP_KINDS, OrganizationKind, PositionKind, Theme
from aspen.clock import today
from aspen.db.constraints import clean_columns
from aspen.db.fields import EmailAddressField, LineField
from aspen.db.search_keys import search_key_of
from aspen.formats import format_day
from aspen.text import clean_email


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create and return a person. The address is cleaned (aspen/text.py)."""
        user = self.model(email=clean_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=clean_email(username or ""))


@pghistory.track(
    fields=[
        *("email", "display_name", "is_active", "is_staff", "is_superuser"),
        "shows_progress",
    ],
    model_name="AccountHistory",
)
class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account. Positions say where they work, and groups what staff can do."""

    email = EmailAddressField("e-mail address", max_length=254, unique=True)
    display_name = LineField("name", max_length=150)
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField(
        "staff", default=False, help_text="Can open the administration pages."
    )
    wants_reminders = models.BooleanField(
        "reminders", default=True, help_text="An e-mail the day before an event."
    )
    wants_certification_reminders = models.BooleanField(
        "certification reminders",
        default=True,
        help_text="E-mails before a certificate or period ends, and after a year without credits.",
    )
    shows_progress = models.BooleanField(
        "shows progress",
        default=False,
        help_text="The director of the person's library, and for trustees the board chair, can "
        "see progress and certificates.",
    )
    theme = models.CharField(
        max_length=5, choices=Theme, blank=True, help_text="Leave blank to follow the device."
    )
    welcomed_at = models.DateTimeField(
        null=True, editable=False, help_text="When the person finished or skipped the welcome page."
    )
    is_demonstration = models.BooleanField("demonstration account", default=False, editable=False)
    joined_at = models.DateTimeField("joined", db_default=Now(), editable=False)

    search_key = search_key_of("display_name", "email")
    sort_key = search_key_of("display_name")

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["display_name"]

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ["sort_key", "id"]
        indexes = [
            GinIndex(OpClass("search_key", name="gin_trgm_ops"), name="accounts_user_search"),
        ]
        constraints = [
            *clean_columns(
                "accounts_user",
                lines=["display_name"],
                emails=["email"],
                required=["display_name", "email"],
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="accounts_email_in_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(theme__in=["", *Theme.values]), name="accounts_theme_known"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.email

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name


class WelcomeDraft(models.Model):
    """The answers on the welcome page that a person has not sent yet. Each has at most one."""

    person = models.OneToOneField(User, models.PROTECT, related_name="welcome_draft")
    typed = models.JSONField(default=dict, help_text="Form input by field name.")

    class Meta:
        ordering = ["person_id"]

    def __str__(self) -> str:
        return f"Draft of {self.person_id}"


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.DeleteEvent(),
    obj_field=None,
    app_label="accounts",
    model_name="RoleHistory",
)
class PersonInRole(User.groups.through):  # type: ignore[name-defined]
    """A person's role. This is Django's own table, declared here to track its history."""

    class Meta:
        proxy = True


class Federation(models.Model):
    name = LineField(max_length=60, unique=True)

    class Meta:
        ordering = ["name"]
        constraints = clean_columns("accounts_federation", lines=["name"], required=["name"])

    def __str__(self) -> str:
        return self.name


class Organization(models.Model):
    """A library or other organization in the directory."""

    name = LineField(max_length=200)
    kind = models.CharField(max_length=20, choices=OrganizationKind)
    city = LineField(max_length=80, blank=True)
    county = LineField(max_length=80, blank=True)
    federation = models.ForeignKey(
        Federation, models.PROTECT, null=True, blank=True, related_name="organizations"
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="branches"
    )
    source = LineField(max_length=300, blank=True, help_text="Where this information comes from.")

    import_key = models.CharField(max_length=80, null=True, unique=True, editable=False)  # noqa: DJ001
    import_digest = models.CharField(max_length=64, blank=True, editable=False)

    search_key = search_key_of("name", "city")
    sort_key = search_key_of("name")

    class Meta:
        ordering = ["sort_key", "city", "id"]
        constraints = [
            *clean_columns(
                "accounts_organization",
                lines=["name", "city", "county", "source"],
                required=["name"],
            ),
            models.UniqueConstraint(
                "name", "city", name="accounts_one_organization_per_name_and_city"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=OrganizationKind.values),
                name="accounts_organization_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("id")),
                name="accounts_organization_not_own_parent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.city}" if self.city else self.name


def not_ended(on: dt.date) -> Q:
    """Return the condition for positions held on a day or starting later."""
    return Q(until_on=None) | Q(until_on__gte=on)


class PositionQuerySet(models.QuerySet["Position"]):
    def present(self, on: dt.date | None = None) -> "PositionQuerySet":
        """Filter to positions held on a day (default: today), including their first and last days.

        A position without a first or last day is open-ended on that side.
        """
        on = on or today()
        return self.filter(Q(since_on=None) | Q(since_on__lte=on)).not_ended(on)

    def not_ended(self, on: dt.date | None = None) -> "PositionQuerySet":
        """Filter to positions held on a day (default: today) or starting later."""
        return self.filter(not_ended(on or today()))

    def without_last_day(self) -> "PositionQuerySet":
        return self.filter(until_on=None)


class Position(models.Model):
    """What a person does at an organization, from a first day through a last day."""

    person = models.ForeignKey(User, models.PROTECT, related_name="positions")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="positions")
    kind = models.CharField(max_length=20, choices=PositionKind)
    since_on = models.DateField("since", null=True, blank=True)
    until_on = models.DateField("until", null=True, blank=True)
    supervisor = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="supervised_positions"
    )
    # People enter their own positions, so this is required to see other people's data.
    is_confirmed = models.BooleanField(
        "confirmed",
        default=False,
        help_text="Confirmed by staff. Lets a director see the people at the library, and a board "
        "chair see the board's hours.",
    )

    objects = PositionQuerySet.as_manager()

    class Meta:
        ordering = ["person_id", "organization__sort_key", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=PositionKind.values), name="accounts_position_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(until_on=None) | Q(since_on=None) | Q(until_on__gte=F("since_on")),
                name="accounts_position_ends_after_it_begins",
                violation_error_message="A position cannot end before the day it starts.",
            ),
            models.CheckConstraint(
                condition=Q(supervisor=None) | ~Q(supervisor=F("person")),
                name="accounts_position_not_own_supervisor",
                violation_error_message="A person cannot be their own supervisor.",
            ),
            models.UniqueConstraint(
                fields=["person", "organization", "kind"],
                condition=Q(until_on=None),
                name="accounts_one_open_position_per_kind",
                violation_error_message="This position is already on the list.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.organization}"

    @property
    def ends_today_or_ended(self) -> bool:
        return self.until_on is not None and self.until_on <= today()

    @property
    def dates(self) -> str:
        """The first day, if it is in the future, and the last day, if there is one, as text."""
        future = self.since_on if self.since_on and self.since_on > today() else None
        starts = f"starts {format_day(future)}" if future else ""
        ends = f"last day {format_day(self.until_on)}" if self.until_on else ""
        return ", ".join(filter(None, [starts, ends]))

    @property
    def has_ended(self) -> bool:
        return self.until_on is not None and self.until_on < today()

    @property
    def period(self) -> str:
        """The first and last day of a position that has ended, as text."""
        last_day = format_day(self.until_on) if self.until_on else ""
        return f"{format_day(self.since_on)} to {last_day}" if self.since_on else f"to {last_day}"

    @property
    def waits_for_staff(self) -> bool:
        """Whether staff must still confirm the position before it gives access to other people's
        data.
        """
        return self.kind in LEADERSHIP_KINDS and not self.is_confirmed
