"""The reports for staff: from figures to the chart, the tables and the words of a page."""

from tracks.reports import boards, certificates, certification, credits
from tracks.reports.base import Kind, Report, of_place, of_track

__all__ = ["KINDS", "Kind", "Report"]

CERTIFICATION = Kind(
    "Certification by library",
    "Who is certified, sent a record, has expired or is in progress, by federation and library.",
    of_track,
    certification.certification,
)
EXPIRING = Kind(
    "Certificates that expire",
    "How many certificates expire in each of the coming eight quarters, and whose they are.",
    of_place,
    certificates.expiring,
)
CREDITS = Kind(
    "Credits by category and month",
    "What people earned month by month in each CE category, with totals by year.",
    credits.ask_credits,
    credits.credits,
)
CERTIFICATES = Kind(
    "Annual list of certificates",
    "A year's certificates with the names people chose to be listed by, ready to publish.",
    certificates.ask_list,
    certificates.annual_list,
)
TRUSTEES = Kind(
    "Trustees' three hours",
    "How many members of each board had three hours of training in a year, and where that is a "
    "quorum.",
    boards.ask_year,
    boards.boards,
)
KINDS: dict[str, Kind] = {
    "certification": CERTIFICATION,
    "people": Kind(
        "People",
        "",
        certification.ask_people,
        certification.standing_people,
        part_of="certification",
    ),
    "expiring": EXPIRING,
    "expiring-people": Kind(
        "Certificates",
        "",
        certificates.ask_expiring_people,
        certificates.expiring_people,
        part_of="expiring",
    ),
    "credits": CREDITS,
    "certificates": CERTIFICATES,
    "trustees": TRUSTEES,
    "board": Kind("A board's hours", "", boards.ask_board, boards.board, part_of="trustees"),
}
