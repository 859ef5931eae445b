"""The fictional trainings and their credits, without dates."""

import dataclasses

from events.enums import Delivery, EventType

ADMINISTRATION = "library-administration"
PUBLIC_SERVICES = "public-services"
COLLECTION_TECHNICAL = "collection-technical"
TECHNOLOGY = "technology"

SCHOOL = "Big Sky Library School"
CONSORTIUM = "Prairie Library Consortium"
ACADEMY = "Mountain Library Academy"


@dataclasses.dataclass(frozen=True)
class Training:
    """A recurring training. `start` is the hour when it starts; `hours` is its length."""

    slug: str
    title: str
    description: str
    credits: dict[str, str]
    hours: float
    start: float = 10
    delivery: Delivery = Delivery.ONLINE
    city: str = ""
    location: str = ""
    sponsor: str = SCHOOL
    presenter: str = ""
    audience: str = "All library staff"
    type: str = EventType.CONTINUING_EDUCATION
    recorded: bool = False
    cancelled: bool = False


def online(
    slug: str, category: str, amount: str, title: str, description: str, **more: object
) -> Training:
    options = {"hours": float(amount), "delivery": Delivery.ONLINE, "location": "Online meeting"}
    return Training(slug, title, description, {category: amount}, **options | more)  # type: ignore[arg-type]


def in_person(
    slug: str, category: str, amount: str, city: str, title: str, description: str, **more: object
) -> Training:
    options = {
        "hours": float(amount),
        "start": 13,
        "delivery": Delivery.IN_PERSON,
        "city": city,
        "location": "Library community room",
        "sponsor": CONSORTIUM,
    }
    return Training(slug, title, description, {category: amount}, **options | more)  # type: ignore[arg-type]


def hybrid(
    slug: str, category: str, amount: str, city: str, title: str, description: str, **more: object
) -> Training:
    options = {"delivery": Delivery.HYBRID, "sponsor": ACADEMY, "start": 9}
    return in_person(slug, category, amount, city, title, description, **options | more)


def course(
    slug: str, category: str, amount: str, title: str, description: str, **more: object
) -> Training:
    """Return a recorded course that people can take at any time after its date."""
    options = {"hours": 0, "delivery": Delivery.RECORDED, "sponsor": ACADEMY}
    return Training(slug, title, description, {category: amount}, **options | more)  # type: ignore[arg-type]


TRAININGS = [
    # Library Administration
    online(
        "open-meetings",
        ADMINISTRATION,
        "1.0",
        "Open meetings without the headaches",
        "What a board must announce, when it can close a meeting, and how to write good minutes.",
        presenter="Ada Lindqvist",
        audience="Trustees and directors",
        recorded=True,
    ),
    in_person(
        "board-orientation",
        ADMINISTRATION,
        "3.0",
        "Lewistown",
        "Welcome to the board: an orientation for new trustees",
        "Roles, budget, policies and the first hundred days, with a practice meeting.",
        presenter="Ines Okafor",
        audience="New trustees",
    ),
    course(
        "policy-shelf",
        ADMINISTRATION,
        "1.0",
        "The policy shelf: which policies a library needs",
        "A self-paced course that ends with a checklist for your own policy manual.",
        presenter="Ada Lindqvist",
        audience="Directors and trustees",
    ),
    Training(
        "budget-and-technology",
        "Budgets and technology plans for small libraries",
        "Spend the morning on a budget your county can read and the last hour on replacements.",
        {ADMINISTRATION: "3.0", TECHNOLOGY: "1.0"},
        hours=5,
        start=10,
        delivery=Delivery.HYBRID,
        city="Miles City",
        location="Library community room",
        sponsor=ACADEMY,
        presenter="Tobias Redfern",
        audience="Directors and trustees",
    ),
    online(
        "evaluating-director",
        ADMINISTRATION,
        "1.5",
        "Evaluating the director fairly",
        "An annual conversation with goals, evidence and no surprises.",
        presenter="Ines Okafor",
        audience="Trustees",
        start=15,
        recorded=True,
    ),
    online(
        "advocacy-neighbors",
        ADMINISTRATION,
        "1.0",
        "Advocacy among neighbors",
        "Tell your library's story to the commission, the newspaper and the person at the desk.",
        presenter="Marisol Vance",
        recorded=True,
    ),
    hybrid(
        "strategic-plan",
        ADMINISTRATION,
        "2.0",
        "Helena",
        "A two-page strategic plan",
        "From community conversations to a plan that people remember.",
        presenter="Tobias Redfern",
        audience="Directors and trustees",
    ),
    online(
        "hiring-small-town",
        ADMINISTRATION,
        "1.5",
        "Hiring in a small town",
        "Job ads, interviews and references when everyone knows everyone.",
        presenter="Marisol Vance",
        audience="Directors",
    ),
    in_person(
        "grant-writing",
        ADMINISTRATION,
        "4.0",
        "Glendive",
        "Grant writing, start to finish",
        "Bring an idea and leave with a draft: need, outcomes, budget, report.",
        presenter="Ada Lindqvist",
        start=10,
        hours=5,
    ),
    # Library Services to the Public
    online(
        "reference-interview",
        PUBLIC_SERVICES,
        "1.0",
        "The reference interview, again",
        "Listening for the question behind the question, at the desk and in chat.",
        presenter="Jonah Whitebear",
        recorded=True,
    ),
    in_person(
        "story-time",
        PUBLIC_SERVICES,
        "2.0",
        "Kalispell",
        "Story time for wigglers",
        "Songs, props and early literacy for groups that do not sit still.",
        presenter="Priya Halvorsen",
        audience="Children's librarians",
    ),
    course(
        "dementia-welcome",
        PUBLIC_SERVICES,
        "1.0",
        "A library that welcomes people with dementia",
        "Signs, spaces and conversations; self-paced, with short films.",
        presenter="Jonah Whitebear",
    ),
    online(
        "teen-advisory",
        PUBLIC_SERVICES,
        "0.5",
        "Teen advisory boards in half an hour",
        "How to start one, what to feed it and what to let it decide.",
        presenter="Priya Halvorsen",
        start=15.5,
    ),
    hybrid(
        "summer-reading",
        PUBLIC_SERVICES,
        "2.0",
        "Great Falls",
        "Summer reading: plan it in winter",
        "Themes, partners, prizes and numbers, with last year's lessons.",
        presenter="Priya Halvorsen",
        audience="Youth services staff",
    ),
    online(
        "hard-conversations",
        PUBLIC_SERVICES,
        "1.5",
        "Hard conversations at the desk",
        "Staying calm and clear with upset patrons, and supporting each other afterward.",
        presenter="Samuel Ortega",
        recorded=True,
    ),
    in_person(
        "accessible-programs",
        PUBLIC_SERVICES,
        "2.5",
        "Missoula",
        "Programs that everyone can attend",
        "How to make rooms, sound, handouts and wording accessible before you send the first "
        "invitation.",
        presenter="Samuel Ortega",
    ),
    online(
        "local-history",
        PUBLIC_SERVICES,
        "1.0",
        "Answering family history questions",
        "Newspapers, land records and cemeteries: what is online and what is not.",
        presenter="Jonah Whitebear",
        recorded=True,
    ),
    in_person(
        "bookmobile-winter",
        PUBLIC_SERVICES,
        "3.0",
        "Havre",
        "Bookmobile outreach in winter",
        "Routes, partners and safety on long roads.",
        presenter="Samuel Ortega",
        cancelled=True,
    ),
    # Collection Management and Technical Services
    online(
        "weeding",
        COLLECTION_TECHNICAL,
        "1.0",
        "Weeding without tears",
        "Criteria, statistics, and what to tell the public about discarded books.",
        presenter="Greta Novak",
        recorded=True,
    ),
    in_person(
        "book-repair",
        COLLECTION_TECHNICAL,
        "3.0",
        "Bozeman",
        "Book repair workshop",
        "Hinges, torn pages and loose spines: bring three patients.",
        presenter="Henrik Sandoval",
        audience="Technical services staff",
    ),
    course(
        "subject-headings",
        COLLECTION_TECHNICAL,
        "1.5",
        "Subject headings for people in a hurry",
        "Self-paced: find, choose and check headings with twenty exercises.",
        presenter="Greta Novak",
    ),
    online(
        "copy-cataloging",
        COLLECTION_TECHNICAL,
        "2.0",
        "Copy cataloging step by step",
        "Matching and correcting records, and avoiding duplicates, in a shared catalog.",
        presenter="Greta Novak",
        start=13,
        recorded=True,
    ),
    hybrid(
        "collection-policy",
        COLLECTION_TECHNICAL,
        "1.5",
        "Billings",
        "A collection policy that stands up to complaints",
        "Selection, reconsideration and the board's part in both.",
        presenter="Leona Birch",
        audience="Directors and selectors",
    ),
    online(
        "local-newspapers",
        COLLECTION_TECHNICAL,
        "1.0",
        "Preserving your local newspaper",
        "Microfilm, scans and rights: preservation for one shelf of papers.",
        presenter="Henrik Sandoval",
    ),
    in_person(
        "disaster-plan",
        COLLECTION_TECHNICAL,
        "4.0",
        "Butte",
        "Wet books: salvage in practice",
        "Half a day with buckets, fans and freezer paper, and a disaster plan to take home.",
        presenter="Henrik Sandoval",
        start=9,
        hours=4.5,
    ),
    online(
        "ebook-licenses",
        COLLECTION_TECHNICAL,
        "1.0",
        "Reading an e-book license",
        "Terms, prices and holds ratios, and what a consortium can ask for.",
        presenter="Leona Birch",
        recorded=True,
    ),
    online(
        "serials",
        COLLECTION_TECHNICAL,
        "0.5",
        "Do we still need this magazine?",
        "Thirty minutes on tracking usage and letting subscriptions go.",
        presenter="Leona Birch",
        start=11,
    ),
    # Technology
    online(
        "passwords",
        TECHNOLOGY,
        "1.0",
        "Passwords and other keys",
        "Password managers, second factors and what to do when you are locked out of an account.",
        presenter="Yuki Carmody",
        recorded=True,
    ),
    in_person(
        "makerspace",
        TECHNOLOGY,
        "3.0",
        "Polson",
        "A makerspace in a closet",
        "Small tools, big ideas: printers, circuits and cutting, hands on.",
        presenter="Yuki Carmody",
    ),
    course(
        "patron-privacy",
        TECHNOLOGY,
        "1.0",
        "Privacy on public computers",
        "Self-paced: settings, signs and logs that protect the privacy of people who use public "
        "computers.",
        presenter="Nils Abernathy",
    ),
    hybrid(
        "broadband",
        TECHNOLOGY,
        "2.0",
        "Wolf Point",
        "Broadband for library people",
        "Contracts, speeds and wires in plain English, with your own bill as the example.",
        presenter="Nils Abernathy",
        audience="Directors and technology staff",
    ),
    online(
        "website-review",
        TECHNOLOGY,
        "1.5",
        "Is our website any good?",
        "A review that anyone can do: plain wording, keyboard, phone, and hours at the top.",
        presenter="Yuki Carmody",
        start=14,
        recorded=True,
    ),
    online(
        "spreadsheets",
        TECHNOLOGY,
        "1.0",
        "Spreadsheets for statistics",
        "Filters, pivots and charts, with the annual survey as the exercise.",
        presenter="Nils Abernathy",
        recorded=True,
    ),
    in_person(
        "device-help",
        TECHNOLOGY,
        "2.0",
        "Sidney",
        "One-to-one device help",
        "How to help someone with a phone you have never seen.",
        presenter="Yuki Carmody",
    ),
    # Without credit
    Training(
        "grant-deadline",
        "Summer reading grants: applications due",
        "Last day to apply.",
        {},
        hours=0,
        sponsor=CONSORTIUM,
        audience="Public libraries",
        type=EventType.DEADLINES,
    ),
    Training(
        "directors-meeting",
        "Directors' monthly meeting",
        "News, questions and one topic chosen by the group.",
        {},
        hours=1,
        start=9,
        location="Online meeting",
        sponsor=CONSORTIUM,
        audience="Directors",
        type=EventType.MEETING,
    ),
]
