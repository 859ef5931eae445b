"""Who may verify a record, for every position."""

import datetime as dt

import pytest

from accounts.enums import PositionKind as Kind
from accounts.models import Position
from aspen.clock import today
from tests import factories as make
from tracks.certification.supervisors import supervisor_choices_for

pytestmark = pytest.mark.django_db
ALPHA, BRANCH, OTHER = "Alpha Public Library", "Alpha Branch", "Omega Public Library"


@pytest.fixture
def places():
    alpha = make.organization(name=ALPHA)
    return {
        ALPHA: alpha,
        BRANCH: make.organization(name=BRANCH, parent=alpha),
        OTHER: make.organization(name=OTHER),
    }


def holds(who, kind, place, **fields):
    return Position.objects.create(person=who, organization=place, kind=kind, **fields)


def proposed(person, track="Library Staff"):
    return [
        (each.person.display_name, each.why)
        for each in supervisor_choices_for(person, make.track(track))
    ]


DIRECTOR = ("Ida", f"Director of {ALPHA}")
CHAIR = ("Carl", f"Board chair of {ALPHA}")
TRUSTEE = ("Tom", f"Trustee of {ALPHA}")
BOSS = ("Bea", f"Your supervisor at {ALPHA}")
# Position, who else there is at the library, whether a supervisor is named, and who is proposed.
CASES = [
    (Kind.STAFF, "director chair trustee", True, [BOSS]),
    (Kind.STAFF, "director chair trustee", False, [DIRECTOR]),
    (Kind.STAFF, "chair trustee", False, []),
    (Kind.DIRECTOR, "director chair trustee", True, [CHAIR]),
    (Kind.DIRECTOR, "director trustee", True, [BOSS]),
    (Kind.DIRECTOR, "director trustee", False, []),
    (Kind.TRUSTEE, "director chair trustee", False, [CHAIR]),
    (Kind.TRUSTEE, "director trustee", False, []),
    (Kind.TRUSTEE, "director trustee", True, [BOSS]),
    (Kind.BOARD_CHAIR, "director chair trustee", True, [TRUSTEE]),
    (Kind.BOARD_CHAIR, "director chair", False, []),
    (Kind.FRIEND, "director chair trustee", False, [DIRECTOR]),
    (Kind.FRIEND, "chair trustee", False, []),
]


@pytest.mark.parametrize(("kind", "others", "has_boss", "expected"), CASES)
def test_supervisors_by_position(kind, others, has_boss, expected, places):
    offices = {
        "director": ("Ida", Kind.DIRECTOR),
        "chair": ("Carl", Kind.BOARD_CHAIR),
        "trustee": ("Tom", Kind.TRUSTEE),
    }
    for office in others.split():
        name, held = offices[office]
        holds(make.person(display_name=name), held, places[ALPHA])
    boss = make.person(display_name="Bea") if has_boss else None
    june = make.person()
    holds(june, kind, places[ALPHA], supervisor=boss)
    assert proposed(june) == expected


def test_several_directors_by_name_and_nobody_twice(places):
    ida, hal = make.person(display_name="Ida"), make.person(display_name="Hal")
    for director in (ida, hal):
        holds(director, Kind.DIRECTOR, places[ALPHA])
    june = make.person()
    for kind in (Kind.STAFF, Kind.FRIEND):
        holds(june, kind, places[ALPHA])
    assert proposed(june) == [("Hal", f"Director of {ALPHA}"), DIRECTOR]


def test_what_fits_the_track_comes_first(places):
    june = make.person()
    holds(make.person(display_name="Ida"), Kind.DIRECTOR, places[ALPHA])
    holds(make.person(display_name="Zoe"), Kind.BOARD_CHAIR, places[OTHER])
    holds(june, Kind.STAFF, places[ALPHA])
    holds(june, Kind.TRUSTEE, places[OTHER])
    chair = ("Zoe", f"Board chair of {OTHER}")
    assert proposed(june, "Library Staff") == [DIRECTOR, chair]
    assert proposed(june, "Library Trustee") == [chair, DIRECTOR]


def test_a_branch_without_a_director_asks_the_one_above(places):
    june = make.person()
    holds(make.person(display_name="Ida"), Kind.DIRECTOR, places[ALPHA])
    holds(june, Kind.STAFF, places[BRANCH])
    assert proposed(june) == [DIRECTOR]
    holds(make.person(display_name="Ben"), Kind.DIRECTOR, places[BRANCH])
    assert proposed(june) == [("Ben", f"Director of {BRANCH}")]


def test_nobody_who_is_gone_elsewhere_or_oneself(places):
    june = make.person()
    yesterday = today() - dt.timedelta(days=1)
    holds(make.person(is_active=False), Kind.DIRECTOR, places[ALPHA])
    holds(make.person(), Kind.DIRECTOR, places[ALPHA], until_on=yesterday)
    holds(make.person(), Kind.DIRECTOR, places[OTHER])
    holds(june, Kind.DIRECTOR, places[ALPHA])
    holds(june, Kind.STAFF, places[ALPHA], supervisor=make.person(is_active=False))
    holds(june, Kind.TRUSTEE, places[OTHER], until_on=yesterday)
    assert proposed(june) == []


@pytest.mark.parametrize("number", [1, 3])
def test_queries(number, places, django_assert_num_queries):
    june, track = make.person(), make.track()
    for place in list(places.values())[:number]:
        holds(june, Kind.STAFF, place)
        holds(make.person(), Kind.DIRECTOR, place)
    with django_assert_num_queries(2):
        assert len(supervisor_choices_for(june, track)) == number
