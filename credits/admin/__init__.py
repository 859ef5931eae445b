"""Admin pages for credits, with one module per task."""

from credits.admin import awarding, claims, merging, queue  # noqa: F401
