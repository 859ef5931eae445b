"""All staff reports, by the name in their URL."""

from tracks.reports import boards, certificates, certification, credits
from tracks.reports.base import Report, ReportKind, place_filter, track_filter

__all__ = ["KINDS", "Report", "ReportKind"]

CERTIFICATION = ReportKind(
    "Certification by library",
    "People who are certified, have submitted a record, have an expired certificate or are in "
    "progress, by federation and library.",
    track_filter,
    certification.certification_report,
)
EXPIRING = ReportKind(
    "Expiring certificates",
    "Certificates that expire in each of the next eight quarters, and who holds them.",
    place_filter,
    certificates.expiring_report,
)
CREDITS = ReportKind(
    "Credits by category and month",
    "Credits earned each month in each CE category, with annual totals.",
    credits.credits_filters,
    credits.credits_report,
)
CERTIFICATES = ReportKind(
    "Annual list of certificates",
    "The certificates issued in a year, under the names people chose, ready to publish.",
    certificates.annual_list_filters,
    certificates.annual_list_report,
)
TRUSTEES = ReportKind(
    "Trustees' three hours",
    "How many members of each board had three hours of training in a year, and whether they make "
    "a quorum.",
    boards.year_filter,
    boards.boards_report,
)
KINDS: dict[str, ReportKind] = {
    "certification": CERTIFICATION,
    "people": ReportKind(
        "People",
        "",
        certification.certification_people_filters,
        certification.certification_people_report,
        part_of="certification",
    ),
    "expiring": EXPIRING,
    "expiring-people": ReportKind(
        "Certificates",
        "",
        certificates.expiring_people_filters,
        certificates.expiring_people_report,
        part_of="expiring",
    ),
    "credits": CREDITS,
    "certificates": CERTIFICATES,
    "trustees": TRUSTEES,
    "board": ReportKind(
        "A board's hours", "", boards.board_filter, boards.board_report, part_of="trustees"
    ),
}
