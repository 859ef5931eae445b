"""What staff see and do about credits in the administration, a module for each matter."""

from credits.admin import awarding, claims, merging, queue  # noqa: F401
