"""The administration of credits, a module for each task."""

from credits.admin import awarding, claims, merging, queue  # noqa: F401
