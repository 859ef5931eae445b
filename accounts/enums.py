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
    """What a person does at an organization."""

    DIRECTOR = "director", "Director"
    STAFF = "staff", "Staff"
    TRUSTEE = "trustee", "Trustee"
    BOARD_CHAIR = "board_chair", "Board chair"
    FRIEND = "friend", "Friend of the library"


class Theme(models.TextChoices):
    """The colors of the pages. Without a choice, they follow the device."""

    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


# These can see the progress that people at their library or on their board agreed to share.
LEADERSHIP_KINDS = (PositionKind.DIRECTOR, PositionKind.BOARD_CHAIR)


class Role(models.TextChoices):
    """Django groups with the portal's permissions (accounts/roles.py)."""

    EVENT_EDITOR = "Event editors"
    HELP_DESK = "Help desk"
    CE_COORDINATOR = "CE Coordinators"
    CATALOG_COMMITTEE = "Catalog committee"
    ADMINISTRATOR = "Administrators"


# Roles for work in the admin, which make a person staff.
STAFF_ROLES = (Role.HELP_DESK, Role.CE_COORDINATOR, Role.CATALOG_COMMITTEE, Role.ADMINISTRATOR)

# The states of an e-mail address.
CONFIRMED = Label("Confirmed", "good", "✓")
NOT_CONFIRMED = Label("Not confirmed", "warn", "!")
PRIMARY = Label("Primary", "info", "★")
