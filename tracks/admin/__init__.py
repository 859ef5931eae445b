"""Certification in the administration, a module for each matter."""

from tracks.admin import certificate_list, participations, reviewing, rule_sets  # noqa: F401
