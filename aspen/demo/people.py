"""The fictional people, with their roles and positions."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts import actions, queries
from accounts.enums import OrganizationKind, PositionKind, Role
from accounts.models import Organization, Position, User

DOMAIN = "aspen.example"
PASSWORD = "aspen-demo-2026"
LEARNERS = 40
HOME_LIBRARY = "Bozeman Public Library"
STATE_LIBRARY = "Montana State Library"
LEARNER_NAMES = (
    *("Avery Stone", "Bianca Holt", "Caleb Winters", "Dana Fletcher", "Elias Moreno"),
    *("Freya Lang", "Gideon Park", "Hattie Rowe", "Isaac Brandt", "Juniper Cole"),
    *("Keira Walsh", "Leon Hatfield", "Mina Castellano", "Noel Draper", "Opal Jensen"),
    *("Percy Aldrich", "Quinn Sawyer", "Rosa Delgado", "Silas Monroe", "Tamsin Reed"),
    *("Ulric Bauer", "Vera Lindgren", "Wyatt Cross", "Ximena Flores", "Yara Hoffman"),
    *("Zeke Thornton", "Alma Petrov", "Boone Carver", "Cora Whitfield", "Dario Vega"),
    *("Esme Gallagher", "Felix Nakamura", "Greer Olson", "Hugo Lambert", "Iris Beckett"),
    *("Jasper Quill", "Kaya Strand", "Lionel Frost", "Maeve Sullivan", "Nico Harlan"),
)


@dataclass(frozen=True)
class DemoLogin:
    """An entry in the list of accounts on the sign-in page and in the terminal."""

    email: str
    description: str


@dataclass(frozen=True)
class Account:
    """An account. `supervisor` is the `name` of an earlier account in the list."""

    name: str
    display_name: str
    role: Role | None = None
    is_staff: bool = False
    is_superuser: bool = False
    position: PositionKind = PositionKind.STAFF
    library: str = HOME_LIBRARY
    supervisor: str = ""

    @property
    def email(self) -> str:
        return f"{self.name}@{DOMAIN}"


ACCOUNTS = [
    Account("chair", "Wilhelmina Drake", position=PositionKind.BOARD_CHAIR),
    Account("trustee", "Oscar Bellweather", position=PositionKind.TRUSTEE, supervisor="chair"),
    Account("director", "Rosalind Keating", position=PositionKind.DIRECTOR, supervisor="chair"),
    Account("librarian", "June Alvarez", supervisor="director"),
    Account("editor", "Theo Marchetti", Role.EVENT_EDITOR, library=STATE_LIBRARY),
    Account("helpdesk", "Hazel Simmons", Role.HELP_DESK, is_staff=True, library=STATE_LIBRARY),
    Account(
        "coordinator", "Cyrus Nolan", Role.CE_COORDINATOR, is_staff=True, library=STATE_LIBRARY
    ),
    Account(
        "admin",
        "Astrid Beaumont",
        Role.ADMINISTRATOR,
        is_staff=True,
        is_superuser=True,
        library=STATE_LIBRARY,
    ),
    *(
        Account(f"learner{number:02}", LEARNER_NAMES[number - 1], library="")
        for number in range(1, LEARNERS + 1)
    ),
    Account(
        "committee",
        "Delphine Okafor",
        Role.CATALOG_COMMITTEE,
        is_staff=True,
        library=STATE_LIBRARY,
    ),
]

_DESCRIPTIONS = {
    "director": "A library director in the middle of her track. Try her first.",
    "librarian": "A library employee with credits but no track yet.",
    "trustee": "A member of a library board.",
    "chair": "The chair of that board, who has a certificate.",
    "editor": "An event editor at an organization that offers training.",
    "helpdesk": "A help desk employee, who answers tickets and corrects credits.",
    "coordinator": "The CE Coordinator, who approves custom events and reviews records.",
    "committee": "A member of the committee that approves courses for the catalog.",
    "admin": "An administrator, who manages accounts, libraries and settings.",
}
DEMO_LOGINS = [
    *(DemoLogin(f"{name}@{DOMAIN}", text) for name, text in _DESCRIPTIONS.items()),
    DemoLogin(
        f"learner01@{DOMAIN} to learner{LEARNERS}@{DOMAIN}",
        f"{LEARNERS} new people without credits or a track.",
    ),
]


def load_accounts() -> int:
    """Create missing accounts and return the number created. Idempotent."""
    emails = [account.email for account in ACCOUNTS]
    known = set(User.objects.filter(email__in=emails).order_by().values_list("email", flat=True))
    missing = [account for account in ACCOUNTS if account.email not in known]
    # One hash for all accounts, because hashing is slow and the password is published anyway.
    password_hash = make_password(PASSWORD) if missing else ""
    for account in missing:
        actions.create_account(
            email=account.email,
            display_name=account.display_name,
            password_hash=password_hash,
            roles=[account.role] if account.role else [],
            is_staff=account.is_staff,
            is_superuser=account.is_superuser,
            is_demonstration=True,
            welcomed_at=timezone.now(),
        )
    return len(missing)


def load_positions() -> int:
    """Create a position for each demonstration account that has never had one.

    Returns the number created. Creates none while the directory is empty.
    """
    library_of = _libraries()
    if library_of is None:
        return 0
    people = demonstration_people()
    positions = Position.objects.filter(person__in=people.values()).order_by()
    have_positions = set(positions.values_list("person_id", flat=True))
    missing = [
        account
        for account in ACCOUNTS
        if account.name in people and people[account.name].pk not in have_positions
    ]
    for account in missing:
        actions.assign_position(
            person=people[account.name],
            organization=library_of(account),
            kind=account.position,
            supervisor=people.get(account.supervisor),
        )
    return len(missing)


def demonstration_people() -> dict[str, User]:
    """Return the demonstration accounts by `name`. Excludes accounts that people created."""
    users = User.objects.filter(is_demonstration=True).order_by("pk")
    return {user.email.removesuffix(f"@{DOMAIN}"): user for user in users}


def _libraries() -> Callable[[Account], Organization] | None:
    """Return a function that finds an account's library, or None if there is no public one."""
    by_name = {library.name: library for library in queries.search_libraries()}
    public = [lib for lib in by_name.values() if lib.kind == OrganizationKind.PUBLIC]
    if not public:
        return None

    def library_of(account: Account) -> Organization:
        fallback = public[ACCOUNTS.index(account) * 2 % len(public)]
        return by_name.get(account.library, fallback if not account.library else public[0])

    return library_of
