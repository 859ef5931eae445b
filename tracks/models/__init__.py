"""The models of the app."""

from tracks.models.certification import (
    Certificate,
    RecordVersion,
    Submission,
    Verification,
)
from tracks.models.participation import Extension, Participation, Posting
from tracks.models.rules import Requirement, RuleSet, Track

__all__ = [
    "Certificate",
    "Extension",
    "Participation",
    "Posting",
    "RecordVersion",
    "Requirement",
    "RuleSet",
    "Submission",
    "Track",
    "Verification",
]
