"""The supervisors suggested for each position."""

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


def add_position(who, kind, place, **fields):
    return Position.objects.create(person=who, organization=place, kind=kind, **fields)


def suggested(person, track="Library Staff"):
    return [
        (each.person.display_name, each.why)
        for each in supervisor_choices_for(person, make.track(track))
    ]


DIRECTOR = ("Ida", f"Director of {ALPHA}")
CHAIR = ("Carl", f"Board chair of {ALPHA}")
TRUSTEE = ("Tom", f"Trustee of {ALPHA}")
BOSS = ("Bea", f"Your supervisor at {ALPHA}")
# A position, the others at the library, whether the position has a supervisor, and the expected
# suggestions.
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
        add_position(make.person(display_name=name), held, places[ALPHA])
    boss = make.person(display_name="Bea") if has_boss else None
    june = make.person()
    add_position(june, kind, places[ALPHA], supervisor=boss)
    assert suggested(june) == expected


def test_several_directors_are_sorted_by_name_and_listed_once(places):
    ida, hal = make.person(display_name="Ida"), make.person(display_name="Hal")
    for director in (ida, hal):
        add_position(director, Kind.DIRECTOR, places[ALPHA])
    june = make.person()
    for kind in (Kind.STAFF, Kind.FRIEND):
        add_position(june, kind, places[ALPHA])
    assert suggested(june) == [("Hal", f"Director of {ALPHA}"), DIRECTOR]


def test_supervisors_for_the_matching_position_come_first(places):
    june = make.person()
    add_position(make.person(display_name="Ida"), Kind.DIRECTOR, places[ALPHA])
    add_position(make.person(display_name="Zoe"), Kind.BOARD_CHAIR, places[OTHER])
    add_position(june, Kind.STAFF, places[ALPHA])
    add_position(june, Kind.TRUSTEE, places[OTHER])
    chair = ("Zoe", f"Board chair of {OTHER}")
    assert suggested(june, "Library Staff") == [DIRECTOR, chair]
    assert suggested(june, "Library Trustee") == [chair, DIRECTOR]


def test_a_branch_without_a_director_uses_that_of_its_parent(places):
    june = make.person()
    add_position(make.person(display_name="Ida"), Kind.DIRECTOR, places[ALPHA])
    add_position(june, Kind.STAFF, places[BRANCH])
    assert suggested(june) == [DIRECTOR]
    add_position(make.person(display_name="Ben"), Kind.DIRECTOR, places[BRANCH])
    assert suggested(june) == [("Ben", f"Director of {BRANCH}")]


def test_inactive_former_and_other_libraries_people_are_not_suggested(places):
    june = make.person()
    yesterday = today() - dt.timedelta(days=1)
    add_position(make.person(is_active=False), Kind.DIRECTOR, places[ALPHA])
    add_position(make.person(), Kind.DIRECTOR, places[ALPHA], until_on=yesterday)
    add_position(make.person(), Kind.DIRECTOR, places[OTHER])
    add_position(june, Kind.DIRECTOR, places[ALPHA])
    add_position(june, Kind.STAFF, places[ALPHA], supervisor=make.person(is_active=False))
    add_position(june, Kind.TRUSTEE, places[OTHER], until_on=yesterday)
    assert suggested(june) == []


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number, places, django_assert_num_queries):
    june, track = make.person(), make.track()
    for place in list(places.values())[:number]:
        add_position(june, Kind.STAFF, place)
        add_position(make.person(), Kind.DIRECTOR, place)
    with django_assert_num_queries(2):
        assert len(supervisor_choices_for(june, track)) == number
