"""The profile: a person's name, positions and reminders."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.test import Client

from accounts import actions, views
from accounts.enums import PositionKind
from accounts.models import Position, User
from accounts.queries import reminders_token
from aspen.errors import Refused
from tests import factories
from tests.web import flash_messages, signed_in, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]
PROFILE = "/accounts/profile/"
POSITIONS = "/accounts/profile/positions/"
SCRIPT = "<script>alert(1)</script>"
TODAY = dt.date(2026, 11, 23)
YESTERDAY = TODAY - dt.timedelta(days=1)


def a_position(person: User, **fields: Any) -> Position:
    organization = fields.pop("organization", None) or factories.organization()
    values = {"kind": PositionKind.STAFF, "since_on": dt.date(2020, 1, 1)}
    return Position.objects.create(person=person, organization=organization, **values | fields)


# ---------- The name ----------


def test_the_name_is_saved() -> None:
    person = factories.person()
    client = signed_in(person)
    answer = client.post(PROFILE, {"display_name": "  Zoë   Ångström 🐻 "})
    assert answer.headers["Location"] == PROFILE
    assert flash_messages(answer) == ["Your name was saved."]
    person.refresh_from_db()
    assert person.display_name == "Zoë Ångström 🐻"


def test_a_script_in_a_name_is_escaped() -> None:
    person = factories.person()
    client = signed_in(person)
    client.post(PROFILE, {"display_name": SCRIPT})
    page = text(client.get(PROFILE))
    assert SCRIPT not in page
    assert "<strong>&lt;script&gt;alert(1)&lt;/script&gt;</strong>" in page


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "This field is required."),
        (" \r\n ", "This field is required."),
        ("a\x00b", "Null characters are not allowed."),
        ("W" * 300, "Ensure this value has at most 150 characters (it has 300)."),
    ],
)
def test_an_invalid_name_is_rejected_and_stays_in_the_form(name: str, error: str) -> None:
    person = factories.person(display_name="Before")
    response = signed_in(person).post(PROFILE, {"display_name": name})
    form = response.context["name_form"]
    assert form.errors == {"display_name": [error]}
    assert form["display_name"].value() == name
    assert "<title>Error: Profile" in text(response)
    person.refresh_from_db()
    assert person.display_name == "Before"


# ---------- Positions ----------


def test_a_position_is_added_from_today() -> None:
    person = factories.person()
    library = factories.organization(name="Bitterroot Public Library", city="Hamilton")
    client = signed_in(person)
    answer = client.post(POSITIONS, {"organization": library.pk, "kind": "director"})
    assert answer.headers["Location"] == PROFILE
    assert flash_messages(answer) == [
        "Your position was saved: Director, Bitterroot Public Library, Hamilton."
    ]
    position = Position.objects.get()
    assert (position.person, position.organization) == (person, library)
    assert (position.kind, position.since_on, position.until_on) == ("director", TODAY, None)
    assert "<strong>Bitterroot Public Library, Hamilton</strong>" in text(client.get(PROFILE))


def test_adding_the_same_position_twice_adds_one() -> None:
    person = factories.person()
    library = factories.organization()
    client = signed_in(person)
    for kind in ("staff", "staff", "trustee"):
        client.post(POSITIONS, {"organization": library.pk, "kind": kind})
    kinds = Position.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["staff", "trustee"]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, ["organization", "kind"]),
        ({"organization": "0"}, ["organization"]),
        ({"organization": "9" * 40}, ["organization"]),
        ({"organization": "\x00"}, ["organization"]),
        ({"kind": "queen"}, ["kind"]),
        ({"kind": "\x00"}, ["kind"]),
    ],
)
def test_an_unknown_library_or_position_is_rejected(
    values: dict[str, str], fields: list[str]
) -> None:
    person = factories.person(display_name="Nora North")
    good = {"organization": str(factories.organization().pk), "kind": "staff"}
    response = signed_in(person).post(POSITIONS, good | values if values else {})
    assert list(response.context["position_form"].errors) == fields
    assert response.context["name_form"]["display_name"].value() == "Nora North"
    assert "<title>Error: Profile" in text(response)
    assert list(Position.objects.order_by("pk")) == []


def test_a_position_ends_today_and_stays_on_record() -> None:
    person = factories.person()
    position = a_position(person)
    client = signed_in(person)
    address = f"{POSITIONS}{position.pk}/end/"
    assert flash_messages(client.post(address)) == [
        "Today is the last day of this position. It stays on record."
    ]
    position.refresh_from_db()
    assert position.until_on == TODAY
    page = text(client.get(PROFILE))
    assert "(last day Mon, Nov 23, 2026)" in page
    assert address not in page
    # The earlier messages have not been shown yet.
    assert (
        flash_messages(client.post(address))[-1] == "This position has already ended or ends today."
    )


def end(client: Client, position: Position) -> str:
    """End the position, and return the URL of the Undo button."""
    page = text(client.post(f"{POSITIONS}{position.pk}/end/", follow=True))
    [url] = [part.split('"')[0] for part in page.split('action="')[1:] if "undo/" in part[:60]]
    return url


@pytest.mark.parametrize("until_on", [None, TODAY + dt.timedelta(days=40)])
def test_an_ended_position_continues_as_before(until_on: dt.date | None) -> None:
    person = factories.person()
    position = a_position(person, until_on=until_on)
    client = signed_in(person)
    undo = end(client, position)
    assert flash_messages(client.post(undo))[-1] == f"Your position continues: {position}."
    position.refresh_from_db()
    assert position.until_on == until_on
    assert flash_messages(client.post(undo))[-1] == f"Your position continues: {position}."


def test_ending_a_position_cannot_be_undone_over_a_later_change(
    now: time_machine.Traveller,
) -> None:
    person = factories.person()
    position = a_position(person)
    client = signed_in(person)
    undo = end(client, position)
    Position.objects.update(until_on=YESTERDAY)
    assert "has changed since then" in flash_messages(client.post(undo))[-1]
    Position.objects.update(until_on=TODAY)
    again = a_position(person, organization=position.organization)
    assert "added this position again" in flash_messages(client.post(undo))[-1]
    again.delete()
    other = signed_in(factories.person())
    assert "within one day" in flash_messages(other.post(undo))[-1]
    now.shift(dt.timedelta(hours=25))
    assert "within one day" in flash_messages(client.post(undo))[-1]
    assert Position.objects.get().until_on == TODAY


def test_a_last_day_that_staff_entered_cannot_be_undone() -> None:
    person = factories.person()
    a_position(person, until_on=TODAY)
    client = signed_in(person)
    assert "undo/" not in text(client.get(PROFILE))
    refused = client.post(f"{POSITIONS}undo/?ticket=forged")
    assert "within one day" in flash_messages(refused)[-1]
    assert Position.objects.get().until_on == TODAY


def test_a_future_last_day_becomes_today() -> None:
    person = factories.person()
    position = a_position(person, until_on=TODAY + dt.timedelta(days=40))
    signed_in(person).post(f"{POSITIONS}{position.pk}/end/")
    position.refresh_from_db()
    assert position.until_on == TODAY


def test_a_position_that_has_not_begun_ends_on_its_first_day() -> None:
    person = factories.person()
    position = a_position(person, since_on=dt.date(2027, 1, 1))
    signed_in(person).post(f"{POSITIONS}{position.pk}/end/")
    position.refresh_from_db()
    assert position.until_on == dt.date(2027, 1, 1)


def test_an_ended_position_can_be_added_again() -> None:
    person = factories.person()
    position = a_position(person)
    client = signed_in(person)
    client.post(f"{POSITIONS}{position.pk}/end/")
    client.post(POSITIONS, {"organization": position.organization_id, "kind": position.kind})
    assert Position.objects.filter(until_on=None).get() != position


# ---------- Moving to another library ----------


def move(client: Client, library: Any, *ended: Position, **values: str) -> Any:
    form = {"organization": library.pk, "kind": "staff", "ended": [each.pk for each in ended]}
    return client.post(POSITIONS, form | values)


def days_of(person: User) -> list[tuple[str, dt.date | None, dt.date | None]]:
    positions = Position.objects.filter(person=person).order_by("pk")
    return [(each.organization.name, each.since_on, each.until_on) for each in positions]


def undo_url(client: Client) -> str:
    page = text(client.get(PROFILE))
    [url] = [part.split('"')[0] for part in page.split('action="')[1:] if "undo/" in part[:60]]
    return url


def test_one_form_ends_the_old_positions_and_starts_the_new_one() -> None:
    person = factories.person()
    old, board = (a_position(person, organization=factories.organization(name=n)) for n in "AB")
    client = signed_in(person)
    assert text(client.get(PROFILE)).count('name="ended"') == 2
    library = factories.organization(name="C", city="Butte")
    answer = move(client, library, old, since_on="2026-12-01")
    assert flash_messages(answer) == [
        "Your position was saved: Staff, C, Butte. The last day of Staff, A, Helena is "
        "Mon, Nov 30, 2026."
    ]
    since = dt.date(2020, 1, 1)
    moved = [("A", since, dt.date(2026, 11, 30)), ("B", since, None)]
    assert days_of(person) == [*moved, ("C", dt.date(2026, 12, 1), None)]
    undo = undo_url(client)
    for _ in range(2):
        assert flash_messages(client.post(undo))[-1] == f"Your position continues: {old}."
        assert days_of(person) == [("A", since, None), ("B", since, None)]
    assert board.until_on is None


@pytest.mark.parametrize(
    ("since_on", "until_on", "ended"),
    [
        # The days of the old position, and its last day if the new one starts today.
        (dt.date(2020, 1, 1), None, YESTERDAY),
        (TODAY, None, TODAY),
        (dt.date(2020, 1, 1), dt.date(2027, 1, 1), YESTERDAY),
        (dt.date(2027, 1, 1), None, dt.date(2027, 1, 1)),
        (None, None, YESTERDAY),
    ],
)
def test_a_replaced_position_ends_the_day_before_but_not_before_its_first_day(
    since_on: dt.date | None, until_on: dt.date | None, ended: dt.date
) -> None:
    person = factories.person()
    old = a_position(person, since_on=since_on, until_on=until_on)
    move(signed_in(person), factories.organization(), old)
    old.refresh_from_db()
    assert old.until_on == ended


def test_a_position_that_ends_before_the_move_keeps_its_last_day() -> None:
    person = factories.person()
    old = a_position(person, until_on=dt.date(2026, 12, 1))
    move(signed_in(person), factories.organization(), old, since_on="2027-02-01")
    old.refresh_from_db()
    assert old.until_on == dt.date(2026, 12, 1)


def test_the_library_shown_follows_a_move_and_its_undo() -> None:
    person = factories.person()
    old = a_position(person, organization=factories.organization(name="Old Library"))
    client = signed_in(person)
    move(client, factories.organization(name="New Library"), old)
    undo = undo_url(client)
    assert library_shown(client) == "New Library"
    client.post(undo)
    assert library_shown(client) == "Old Library"


@pytest.mark.parametrize(
    ("values", "field", "error"),
    [
        ({"since_on": "1949-12-31"}, "since_on", "between 1950 and one year from now"),
        ({"since_on": "2027-11-24"}, "since_on", "between 1950 and one year from now"),
        ({"since_on": "soon"}, "since_on", "Enter a valid date."),
        ({"ended": "0"}, "ended", "already ended"),
        ({"ended": "x"}, "ended", "already ended"),
    ],
)
def test_an_invalid_move_changes_nothing_and_keeps_what_was_typed(
    values: dict[str, str], field: str, error: str
) -> None:
    person = factories.person()
    old, library = a_position(person), factories.organization(name="New Library")
    response = move(signed_in(person), library, old, **values)
    form = response.context["position_form"]
    assert error in form.errors[field][0]
    assert form["organization"].value() == str(library.pk)
    assert "<title>Error: Profile" in text(response)
    assert days_of(person) == [(old.organization.name, old.since_on, None)]


def test_a_position_cannot_replace_itself() -> None:
    person = factories.person()
    old = a_position(person)
    response = move(signed_in(person), old.organization, old)
    assert "This is the position that you add." in text(response)
    assert len(days_of(person)) == 1


def test_only_ones_own_positions_end_with_a_move() -> None:
    theirs = a_position(factories.person())
    person = factories.person()
    a_position(person)
    response = move(signed_in(person), factories.organization(), theirs)
    assert "already ended" in text(response)
    theirs.refresh_from_db()
    assert theirs.until_on is None
    with pytest.raises(Refused, match="already ended"):
        actions.move(
            organization=factories.organization(),
            kind=PositionKind.STAFF,
            since_on=TODAY,
            ended=[theirs.pk],
            by=person,
        )


@pytest.mark.parametrize("change", [{"is_confirmed": True}, {"until_on": TODAY}])
def test_a_move_cannot_be_undone_over_a_change_of_the_new_position(change: dict[str, Any]) -> None:
    person = factories.person()
    old = a_position(person)
    client = signed_in(person)
    move(client, factories.organization(name="New"), old)
    Position.objects.filter(organization__name="New").update(**change)
    assert "has changed since then" in flash_messages(client.post(undo_url(client)))[-1]
    old.refresh_from_db()
    assert old.until_on == YESTERDAY


def test_people_cannot_end_someone_elses_position() -> None:
    owner = factories.person()
    position = a_position(owner)
    client = signed_in(factories.person())
    for pk in (position.pk, 0, 10**20):
        response = client.post(f"{POSITIONS}{pk}/end/")
        assert response.status_code == 404
        assert str(position.organization) not in text(response)
    position.refresh_from_db()
    assert position.until_on is None


def test_a_get_after_signing_in_again_redirects_to_the_profile() -> None:
    person = factories.person()
    client = signed_in(person)
    for address in (POSITIONS, f"{POSITIONS}1/end/"):
        assert client.get(address).headers["Location"] == PROFILE


# ---------- The page ----------


def test_the_page_shows_the_persons_present_and_future_positions() -> None:
    person = factories.person()
    now_at, once_at = factories.organization(name="Now at"), factories.organization(name="Once at")
    other_at = factories.organization(name="Other at")
    mine = a_position(person, organization=now_at)
    a_position(person, organization=once_at, until_on=dt.date(2024, 1, 1))
    yesterday = TODAY - dt.timedelta(days=1)
    a_position(person, organization=factories.organization(name="Left"), until_on=yesterday)
    soon_at = factories.organization(name="Coming")
    coming = a_position(person, organization=soon_at, since_on=dt.date(2027, 1, 2))
    a_position(factories.person(), organization=other_at)
    response = signed_in(person).get(PROFILE)
    assert response.context["positions"] == [coming, mine]
    assert "(starts Sat, Jan 2, 2027)" in text(response)
    assert person.email in text(response)


def test_past_positions_are_shown_latest_first() -> None:
    person = factories.person()
    for name, last_day in {"First": "2021-01-01", "Second": "2024-03-01"}.items():
        organization = factories.organization(name=name)
        a_position(person, organization=organization, until_on=dt.date.fromisoformat(last_day))
    a_position(person, since_on=None, until_on=YESTERDAY)
    response = signed_in(person).get(PROFILE)
    past = [each.until_on.year for each in response.context["past_positions"]]
    assert past == [2026, 2024, 2021]
    page = text(response)
    assert "Past positions (3)" in page
    assert "Staff, Second, Helena, Wed, Jan 1, 2020 to Fri, Mar 1, 2024" in page
    assert ", to Sun, Nov 22, 2026" in page


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_five_queries(number: int, django_assert_num_queries: Any) -> None:
    """Fetch the session, the person, positions with libraries, all libraries, saved searches."""
    person = factories.person()
    for _ in range(number):
        a_position(person)
    client = signed_in(person)
    with django_assert_num_queries(5):
        client.get(PROFILE)


def test_the_list_offers_the_whole_directory() -> None:
    for number in range(130):
        factories.organization(name=f"Branch {number:03}")
    client = signed_in(factories.person())
    page = client.get(PROFILE)
    labels = [label for _, label in page.context["position_form"].fields["organization"].choices]
    assert labels[:3] == ["Choose one", "Branch 000, Helena", "Branch 001, Helena"]
    assert len(labels) == 131
    assert b'name="find"' not in page.content


def offered(response: Any) -> list[str]:
    labels = [
        label for _, label in response.context["position_form"].fields["organization"].choices
    ]
    assert labels[0] == "Choose one"
    return labels[1:]


@pytest.fixture
def short_list(monkeypatch: Any) -> None:
    monkeypatch.setattr(views, "MAX_LISTED", 2)


@pytest.mark.usefixtures("short_list")
def test_a_long_directory_can_be_searched() -> None:
    for name in ("Alpha", "Bravo", "Charlie"):
        factories.organization(name=f"{name} Library", city="Helena")
    factories.organization(name="Delta Library", city="Butte")
    client = signed_in(factories.person())
    page = client.get(PROFILE)
    assert offered(page) == ["Alpha Library, Helena", "Bravo Library, Helena"]
    assert "Only the first 2 are listed. Type a few words above to find others." in text(page)
    page = client.get(PROFILE, {"find": "library BUTTE"})
    assert offered(page) == ["Delta Library, Butte"]
    assert 'value="library BUTTE"' in text(page)
    assert "Only the first" not in text(page)
    page = client.get(PROFILE, {"find": "nowhere"})
    assert offered(page) == []
    assert "No libraries match. Try fewer words." in text(page)


@pytest.mark.usefixtures("short_list")
def test_an_htmx_search_returns_only_the_list() -> None:
    factories.organization(name="Alpha Library")
    client = signed_in(factories.person())
    page = client.get(PROFILE, {"find": "alp"}, headers={"HX-Request": "true"})
    assert offered(page) == ["Alpha Library, Helena"]
    assert "<h1" not in text(page)
    assert 'id="pick-list"' in text(page)
    assert 'role="status" hx-swap-oob="true">1 library in the list.</p>' in text(page)


def test_an_invalid_search_shows_an_error_next_to_the_field() -> None:
    page = text(signed_in(factories.person()).get(PROFILE, {"find": "a\x00b"}))
    assert "Null characters are not allowed." in page
    assert 'aria-describedby="find-error"' in page


@pytest.mark.usefixtures("short_list")
def test_a_library_outside_the_list_is_accepted_and_stays_selected() -> None:
    libraries = [factories.organization(name=f"Branch {number}") for number in range(3)]
    person = factories.person()
    client = signed_in(person)
    page = client.post(POSITIONS, {"organization": libraries[2].pk, "kind": ""})
    assert offered(page) == [f"Branch {number}, Helena" for number in range(3)]
    assert f'<option value="{libraries[2].pk}" selected>' in text(page)
    client.post(POSITIONS, {"organization": libraries[2].pk, "kind": "staff"})
    assert Position.objects.get().organization == libraries[2]


# ---------- The library in the blue box ----------


def library_shown(client: Client) -> str:
    """Return the library shown below the person's name, or an empty string."""
    who = text(client.get("/accessibility/")).split('<p class="box__who">')[1].split("</p>")[0]
    return who.split("</strong>")[1]


def test_the_library_is_shown_below_the_name_without_a_query(
    django_assert_num_queries: Any,
) -> None:
    person = factories.person()
    library = factories.organization(name="<b>Bitterroot</b> Library", city="Hamilton")
    a_position(person, organization=factories.organization(name="Zortman Library"))
    a_position(person, organization=library)
    a_position(person, organization=factories.organization(name="A Library"), until_on=YESTERDAY)
    client = signed_in(person)
    with django_assert_num_queries(2):  # the session and the person
        assert library_shown(client) == "&lt;b&gt;Bitterroot&lt;/b&gt; Library"


def test_the_library_shown_follows_the_profile() -> None:
    person = factories.person()
    client = signed_in(person)
    assert library_shown(client) == ""
    library = factories.organization(name="Bitterroot Library")
    client.post(POSITIONS, {"organization": library.pk, "kind": "staff"})
    assert library_shown(client) == "Bitterroot Library"
    position = Position.objects.get()
    Position.objects.filter(pk=position.pk).update(since_on=YESTERDAY)
    client.post(f"{POSITIONS}{position.pk}/end/")
    assert library_shown(client) == "Bitterroot Library"  # today is its last day
    with time_machine.travel("2026-11-24 10:00 -0700", tick=False):
        client = signed_in(person)
        assert library_shown(client) == ""


def test_the_library_shown_is_the_signed_in_persons(settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = [{"model": "sessions.Session", "field": "get()"}]
    person = factories.person()
    a_position(person)
    client = signed_in(person)
    client.post("/accounts/logout/")
    assert "See your credits" in text(client.get("/accessibility/"))
    client.force_login(factories.person())
    assert library_shown(client) == ""


def test_the_menu_links_to_the_registrations() -> None:
    page = text(signed_in(factories.person()).get(PROFILE))
    assert '<a href="/events/mine/"><span>My registrations</span>' in page


# ---------- Colors ----------

THEME = "/accounts/profile/theme/"


def test_the_colors_are_kept_for_the_next_sign_in() -> None:
    person = factories.person()
    client = signed_in(person)
    assert "data-theme" not in text(client.get(PROFILE))
    answer = client.post(THEME, {"theme": "dark"})
    assert flash_messages(answer) == ["Your colors were saved."]
    person.refresh_from_db()
    for browser in (client, signed_in(person)):
        page = text(browser.get(PROFILE))
        assert '<html lang="en" data-theme="dark">' in page
        assert 'value="dark"' in page.split(" checked")[-2]
    client.post(THEME, {"theme": ""})
    person.refresh_from_db()
    assert "data-theme" not in text(signed_in(person).get(PROFILE))


def test_unknown_colors_are_rejected() -> None:
    person = factories.person()
    answer = signed_in(person).post(THEME, {"theme": "pink"})
    assert flash_messages(answer) == ["Choose one of the colors in the list."]
    with pytest.raises(IntegrityError, match="accounts_theme_known"):
        User.objects.filter(pk=person.pk).update(theme="pink")


def test_chosen_colors_are_not_in_cached_public_pages() -> None:
    person = factories.person(theme="dark")
    assert 'data-theme="dark"' in text(signed_in(person).get("/events/"))
    assert "data-theme" not in text(Client().get("/events/"))


# ---------- Reminders ----------

REMINDERS = "/accounts/profile/reminders/"


def test_reminders_can_be_turned_off_and_on_in_the_profile() -> None:
    person = factories.person()
    client = signed_in(person)
    assert " checked" in box(client)

    answer = client.post(REMINDERS, {})
    assert answer.headers["Location"] == PROFILE
    assert flash_messages(answer) == ["Your reminder settings were saved."]
    person.refresh_from_db()
    assert not person.wants_reminders
    assert " checked" not in box(client)

    answer = client.post(REMINDERS, {"wants_reminders": "on"})
    assert flash_messages(answer)[-1] == "Your reminder settings were saved."
    person.refresh_from_db()
    assert person.wants_reminders


def box(client: Client) -> str:
    """Return the HTML tag of the checkbox for reminders."""
    return text(client.get(PROFILE)).split('name="wants_reminders"')[1].split(">")[0]


def test_the_link_in_a_reminder_turns_reminders_off_without_signing_in() -> None:
    person, other = factories.person(), factories.person()
    address = f"/accounts/reminders/{reminders_token(person)}/"
    client = Client(enforce_csrf_checks=True)

    # Virus scanners open every link in a message, so a GET must change nothing.
    page = text(client.get(address))
    assert "We will e-mail you the day before each event" in page
    assert person.email not in page
    person.refresh_from_db()
    assert person.wants_reminders

    for _ in range(2):
        answer = client.post(address)
        assert answer.headers["Location"] == address
    page = text(client.get(address))
    assert "Event reminders are off." in page
    assert f'turn them on in <a href="{PROFILE}">your profile</a>' in page
    assert "<form method" not in page.split("<main")[1].split("</main>")[0]
    for each, wanted in ((person, False), (other, True)):
        each.refresh_from_db()
        assert each.wants_reminders is wanted


def test_a_mail_programs_unsubscribe_button_turns_reminders_off() -> None:
    person = factories.person()
    answer = Client(enforce_csrf_checks=True).post(
        f"/accounts/reminders/{reminders_token(person)}/", {"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200
    assert "Event reminders are off." in text(answer)
    person.refresh_from_db()
    assert not person.wants_reminders


@pytest.mark.parametrize("change", ["another person", "no signature", "closed account"])
def test_a_forged_link_turns_nothing_off(change: str) -> None:
    person, other = factories.person(), factories.person()
    signature = reminders_token(person).split(":")[1]
    token = {
        "another person": f"{other.pk}:{signature}",
        "no signature": str(person.pk),
        "closed account": reminders_token(factories.person(is_active=False)),
    }[change]
    assert Client().post(f"/accounts/reminders/{token}/").status_code == 404
    assert not User.objects.filter(wants_reminders=False).exists()
