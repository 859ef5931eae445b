from django.db import models

from aspen.web.labels import Label


class OrganizationKind(models.TextChoices):
    PUBLIC = "public", "Public library"
    ACADEMIC = "academic", "Academic library"
    TRIBAL_COLLEGE = "tribal college", "Tribal college library"
    SCHOOL = "school", "School library"
    SPECIAL = "special", "Special library"
    STATE = "state", "State library"
    ORGANIZATION = "organization", "Organization"


class PositionKind(models.TextChoices):
    """What a person does at an organization; the labels are the ones librarians use."""

    DIRECTOR = "director", "Director"
    STAFF = "staff", "Staff"
    TRUSTEE = "trustee", "Trustee"
    BOARD_CHAIR = "board_chair", "Board chair"
    FRIEND = "friend", "Friend of the library"


# They may see what people of their library or board agreed to show.
LEADERSHIP_KINDS = (PositionKind.DIRECTOR, PositionKind.BOARD_CHAIR)


class Role(models.TextChoices):
    """Django groups that carry the portal's permissions (accounts/roles.py)."""

    EVENT_EDITOR = "Event editors"
    HELP_DESK = "Help desk"
    CE_COORDINATOR = "CE Coordinators"
    ADMINISTRATOR = "Administrators"


# Their work is in the administration: who holds one is staff, or the role would do nothing.
STAFF_ROLES = (Role.HELP_DESK, Role.CE_COORDINATOR, Role.ADMINISTRATOR)

# What an e-mail address is.
CONFIRMED = Label("Confirmed", "good", "✓")
NOT_CONFIRMED = Label("Not confirmed", "warn", "!")
PRIMARY = Label("Primary", "info", "★")
