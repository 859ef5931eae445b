"""Imports the admin modules of this app, so that Django registers their models."""

from tracks.certification.admin import certificate_list, reviewing  # noqa: F401
from tracks.following import admin as following_admin  # noqa: F401
from tracks.rule_sets import admin as rule_sets_admin  # noqa: F401
