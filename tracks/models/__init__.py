"""The models of the app."""

from tracks.models.certificate import Certificate
from tracks.models.participation import Extension, Participation, Posting
from tracks.models.rules import Requirement, RuleSet, Track
from tracks.models.submission import RecordVersion, Submission
from tracks.models.verification import Verification

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
