import pytest

from aspen.errors import Refused
from aspen.transitions import Actor, Transition

OPEN = Transition({Actor.PERSON: {"closed", "ajar"}, Actor.PORTAL: {"ajar"}}, "open")


@pytest.mark.parametrize(
    ("state", "actor", "allowed"),
    [
        ("closed", Actor.PERSON, True),
        ("ajar", Actor.PERSON, True),
        ("ajar", Actor.PORTAL, True),
        ("closed", Actor.PORTAL, False),
        ("open", Actor.PERSON, False),
        ("ajar", Actor.STAFF, False),
    ],
)
def test_each_actor_can_move_only_from_the_listed_states(state, actor, allowed):
    assert OPEN.allows(state, actor) == allowed
    if allowed:
        assert OPEN.apply(state, actor, lambda: pytest.fail("asked why not")) == "open"
        return
    with pytest.raises(Refused, match=r"^Not that way\.$"):
        OPEN.apply(state, actor, lambda: "Not that way.")
