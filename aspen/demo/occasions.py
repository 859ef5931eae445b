"""The demonstration's drop-ins, lab and conferences."""

import dataclasses

from aspen.demo.catalog import (
    ADMINISTRATION,
    COLLECTION_TECHNICAL,
    PUBLIC_SERVICES,
    TECHNOLOGY,
    in_person,
    online,
)

# A short event for each weekday around today, so that the calendar is never empty.
DROP_INS = [
    online(
        "monday-reference",
        PUBLIC_SERVICES,
        "0.5",
        "Drop-in: tricky reference questions",
        "Bring the question that no one could answer last week.",
        start=9,
        presenter="Jonah Whitebear",
    ),
    online(
        "tuesday-technology",
        TECHNOLOGY,
        "0.5",
        "Drop-in: technology questions",
        "Printers, tablets, meetings: ask anything.",
        start=11,
        presenter="Yuki Carmody",
    ),
    online(
        "wednesday-boards",
        ADMINISTRATION,
        "0.5",
        "Drop-in: questions about boards",
        "For trustees and directors. Starts with a quick tip.",
        start=16,
        presenter="Ines Okafor",
        audience="Trustees and directors",
    ),
    online(
        "thursday-cataloging",
        COLLECTION_TECHNICAL,
        "0.5",
        "Drop-in: cataloging questions",
        "Bring a record, and we will fix it together.",
        start=13,
        presenter="Greta Novak",
    ),
    online(
        "friday-youth",
        PUBLIC_SERVICES,
        "0.5",
        "Drop-in: ideas for children and teens",
        "Half an hour of things that worked.",
        start=10,
        presenter="Priya Halvorsen",
    ),
]

LAB = in_person(
    "small-group-cataloging-lab",
    COLLECTION_TECHNICAL,
    "2.0",
    "Bozeman",
    "Small-group cataloging lab",
    "Five people, five difficult items each, one cataloger. Space is limited.",
    presenter="Greta Novak",
    audience="Technical services staff",
)


@dataclasses.dataclass(frozen=True)
class Conference:
    month: int
    season: str
    city: str
    # category, credits, title
    sessions: list[tuple[str, str, str]]


CONFERENCES = [
    Conference(
        2,
        "Winter",
        "Helena",
        [
            (ADMINISTRATION, "1.0", "What the county wants to know about its library"),
            (ADMINISTRATION, "1.0", "A year of board meetings, planned in an hour"),
            (PUBLIC_SERVICES, "1.0", "Winter programs for people who cannot drive"),
            (PUBLIC_SERVICES, "1.0", "Reading groups that outlive their founder"),
            (COLLECTION_TECHNICAL, "1.0", "Interlibrary loan across three time zones"),
            (COLLECTION_TECHNICAL, "0.5", "Barcodes, spine labels and other small print"),
            (TECHNOLOGY, "1.0", "Lending hotspots after the grant is over"),
            (TECHNOLOGY, "1.0", "Teaching people to recognize fraud"),
        ],
    ),
    Conference(
        6,
        "Summer",
        "Missoula",
        [
            (ADMINISTRATION, "1.0", "Succession: when the only librarian retires"),
            (ADMINISTRATION, "1.0", "Reading the library law together"),
            (PUBLIC_SERVICES, "1.0", "Libraries and tribal colleges as partners"),
            (PUBLIC_SERVICES, "1.0", "Quiet hours and loud hours"),
            (COLLECTION_TECHNICAL, "1.0", "Buying local authors without regret"),
            (COLLECTION_TECHNICAL, "1.0", "Inventory with a phone and a cart"),
            (TECHNOLOGY, "0.5", "Five forms your website does not need"),
            (TECHNOLOGY, "1.0", "Digitizing a scrapbook well enough"),
        ],
    ),
    Conference(
        10,
        "Fall",
        "Great Falls",
        [
            (ADMINISTRATION, "1.0", "Levies, ballots and what staff may say"),
            (ADMINISTRATION, "0.5", "Policies for rooms, walls and bulletin boards"),
            (PUBLIC_SERVICES, "1.0", "Homework help in a town without a bus"),
            (PUBLIC_SERVICES, "1.0", "Welcoming newcomers in three languages"),
            (COLLECTION_TECHNICAL, "1.0", "Large print, audio and other formats"),
            (COLLECTION_TECHNICAL, "1.0", "Cleaning up authority records together"),
            (TECHNOLOGY, "1.0", "Printing from anything"),
            (TECHNOLOGY, "1.0", "Backups that someone has tried"),
        ],
    ),
]
