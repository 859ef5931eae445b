"""Awarding in the admin: paste or upload a list, preview, award, and waiting awards."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.clock import today, years_after, years_before
from aspen.models import Mail
from credits import actions
from credits.models import AwardList, Claim, WaitingAward
from events.models import Event
from tests import factories as make
from tests.races import volume
from tests.web import signed_in, text
from tracks.models import Participation, Posting, RuleSet

pytestmark = pytest.mark.django_db
STRANGER = "stranger@library.example"
WAITING = "/admin/credits/waitingaward/"
LISTS = "/admin/credits/awardlist/"


@pytest.fixture
def staff() -> User:
    return make.person(Role.CE_COORDINATOR, email="coordinator@library.example")


@pytest.fixture
def client(staff: User) -> Client:
    return signed_in(staff)


def start(event: Event) -> str:
    return f"{LISTS}start/{event.pk}/"


def paste(client: Client, event: Event, *lines: str) -> Any:
    return client.post(start(event), {"addresses": "\n".join(lines)}, follow=True)


def upload(client: Client, event: Event, data: bytes) -> Any:
    file = SimpleUploadedFile("C:\\lists\\who came.csv", data, content_type="text/csv")
    return client.post(start(event), {"addresses": "", "file": file}, follow=True)


def list_page(award_list: AwardList) -> str:
    return f"{LISTS}{award_list.pk}/change/"


def press_award(client: Client, award_list: AwardList) -> list[str]:
    """Press the award button and return the messages."""
    answer = client.post(f"{LISTS}{award_list.pk}/award/", follow=True)
    return [str(message) for message in answer.context["messages"]]


def group_numbers(answer: Any) -> dict[str, int]:
    return {group.label: group.number for group in answer.context["groups"] if group.number}


# ---------- A long list ----------


def crowd(number: int) -> list[User]:
    """Create this many people, each following a track."""
    password = make_password(None)
    people = User.objects.bulk_create(
        User(email=f"p{n}@library.example", display_name=f"Person {n}", password=password)
        for n in range(number)
    )
    rules = RuleSet.objects.get(track=make.track(), valid_from__year=2023)
    day = today()
    Participation.objects.bulk_create(
        Participation(
            person=person,
            track=rules.track,
            rule_set=rules,
            selected_on=day,
            counts_from=years_before(day, rules.years),
            closes_on=years_after(day, rules.years),
            selected_by=person,
        )
        for person in people
    )
    return people


def test_a_long_list_with_many_errors(client: Client, staff: User, allow_slow_pages: None) -> None:
    event = make.event(credits={make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "0.5"})
    number = volume(5_000)
    people = crowd(number)
    for person in people[:40]:
        make.claim(person, event)
    rows = ["Name;E-Mail"]
    rows += [f"Zo\xeb {person.pk};{person.email}" for person in people]
    rows += [f"=HYPERLINK(1) {n};nobody{n}" for n in range(200)]
    rows += [f"Again;{person.email.upper()}" for person in people[:100]]
    rows += [f"New;new{n}@elsewhere.example" for n in range(60)] + [f"Me;{staff.email}"]
    page = upload(client, event, "\r\n".join(rows).encode("latin-1"))
    unchanged = {
        "Already have credit for this event (no change)": 40,
        "You (ask a colleague to award your credits)": 1,
        "No account yet (will be awarded when they sign up with this address)": 60,
        "Skipped lines": 300,
    }
    assert group_numbers(page) == {"Will be awarded": number - 40, **unchanged}
    assert Claim.objects.count() == 40
    [award_list] = AwardList.objects.all()
    assert (award_list.file_name, len(award_list.rows), len(award_list.refused)) == (
        "who came.csv",
        number + 61,
        300,
    )
    assert press_award(client, award_list) == [
        f"{number - 40:,} people received the credits and will get an e-mail. "
        "60 addresses are waiting for an account."
    ]
    assert press_award(client, award_list) == [
        "This list has been applied. No one else on it will receive credits."
    ]
    assert (
        Claim.objects.filter(event=event, source="award", state="approved").count() == number - 40
    )
    assert Posting.objects.count() == 2 * number
    assert Mail.objects.filter(kind="credits.listed").count() == number - 40
    assert WaitingAward.objects.filter(event=event, matched_at=None).count() == 60
    after = client.get(list_page(award_list))
    held = {"Already have credit for this event (no change)": number}
    assert group_numbers(after) == {**unchanged, **held}


def test_formulas_in_the_csv_of_skipped_lines_are_escaped(client: Client, staff: User) -> None:
    event = make.event()
    upload(client, event, f"Name,Email\n=cmd|' /C calc'!A0,nobody\nBo,{STRANGER}\n".encode())
    [award_list] = AwardList.objects.all()
    answer = client.get(f"{LISTS}{award_list.pk}/left-out.csv")
    assert answer.content.decode() == (
        "\ufeffLine,Reason,Text\r\n"
        "2,This entry has no e-mail address.,\"'=cmd|' /C calc'!A0, nobody\"\r\n"
    )


# ---------- The form ----------


def test_typed_addresses_stay_in_the_form(client: Client, staff: User) -> None:
    event = make.event()
    typed = "Ada Lake\n<b>bo@nowhere</b>"
    page = paste(client, event, typed)
    assert page.context["form"].errors == {
        "addresses": [
            "No e-mail addresses were found (line 1: This entry has no e-mail address; "
            "line 2: This is not an e-mail address)."
        ]
    }
    assert "Ada Lake\n&lt;b&gt;bo@nowhere&lt;/b&gt;</textarea>" in text(page)
    assert "The addresses you entered are still there." in text(page)
    assert not AwardList.objects.exists()


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"addresses": " \n"}, {"addresses": ["Paste addresses or choose a file."]}),
        ({"file": b""}, {"file": ["This file is empty."]}),
        (
            {"addresses": STRANGER, "file": b"Email\n"},
            {"file": ["Paste addresses or choose a file, not both."]},
        ),
        ({"file": b"Email\n\n"}, {"file": ["No e-mail addresses were found."]}),
        (
            {"file": b"%PDF-1.7"},
            {
                "file": [
                    "This is not a CSV or XLSX file. Open it in your spreadsheet program and save "
                    "it as CSV or XLSX."
                ]
            },
        ),
        (
            {"file": b"Email\n" + b"x" * 12 * 1024 * 1024},
            {"file": ["This file is larger than 10 MB. Split it and upload the parts."]},
        ),
    ],
)
def test_invalid_input_is_explained(
    client: Client, values: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    if "file" in values:
        values = values | {"file": SimpleUploadedFile("list.csv", values["file"])}
    page = client.post(start(make.event()), values)
    assert page.context["form"].errors == errors
    assert not AwardList.objects.exists()


def test_an_event_that_is_not_over_has_no_form(client: Client, staff: User) -> None:
    event = make.event(days=2)
    page = text(client.get(start(event)))
    assert "This event is not over yet. Its credits can be awarded once it has ended." in page
    assert "<textarea" not in page
    # Staff cannot apply a list that was stored earlier either.
    award_list = actions.store_award_list(event_id=event.pk, text=STRANGER, by=staff)
    assert 'value="Award credits"' not in text(client.get(list_page(award_list)))
    assert press_award(client, award_list) == [
        "This event is not over yet. Its credits can be awarded once it has ended."
    ]
    assert not WaitingAward.objects.exists()


def test_the_event_links_to_awarding_and_to_earlier_lists(client: Client, staff: User) -> None:
    event = make.event()
    assert f'href="{start(event)}">Award credits</a>' in text(
        client.get(f"/admin/events/event/{event.pk}/change/")
    )
    paste(client, event, STRANGER, "nobody")
    [award_list] = AwardList.objects.all()
    page = text(client.get(start(event)))
    assert f'href="{list_page(award_list)}">List {award_list.pk}</a>' in page
    assert "1 address, not awarded yet" in page


def test_the_preview_says_why_a_person_is_not_awarded(client: Client, staff: User) -> None:
    event, ada = make.event(), make.person(display_name="Ada Lake")
    make.claim(ada, event)
    Claim.objects.update(
        state="declined", reason="<i>Not there.</i>", decided_by=staff, decided_at=timezone.now()
    )
    page = paste(client, event, ada.email)
    assert group_numbers(page) == {"Not awarded (claim declined or withdrawn, or marked absent)": 1}
    detail = f"{ada.email}. Declined earlier: &lt;i&gt;Not there.&lt;/i&gt;"
    assert f'<li>Ada Lake <span class="quiet">{detail}</span></li>' in text(page)


def test_a_long_list_shows_the_first_people(client: Client, staff: User) -> None:
    page = paste(client, make.event(), *(f"p{n}@x.example" for n in range(201)))
    assert "Showing the first 200 of 201." in text(page)
    assert text(page).count("<li>p") == 200


def test_the_preview_shows_how_the_first_lines_were_read(client: Client, staff: User) -> None:
    page = upload(
        client,
        make.event(),
        f"Name;Email;Phone\nBo;{STRANGER};1\nCy;;<b>2</b>\nBo;{STRANGER.upper()};3\n"
        "D;d@x.example;4\nE;e@x.example;5\nF;f@x.example;6\n".encode(),
    )
    assert [str(row) for row in page.context["first_rows"]] == [
        f"line 2: {STRANGER}",
        "line 3: Cy, , <b>2</b> (This entry has no e-mail address.)",
        f"line 4: Bo, {STRANGER.upper()}, 3 (This address is already on line 2.)",
        "line 5: d@x.example",
        "line 6: e@x.example",
    ]
    assert (
        '<tr><th scope="row">3</th><td>Cy, , &lt;b&gt;2&lt;/b&gt;</td>'
        "<td>This entry has no e-mail address.</td></tr>"
    ) in text(page)


# ---------- Permissions ----------


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR, Role.EVENT_EDITOR])
def test_other_staff_can_neither_see_nor_award(staff: User, role: Role) -> None:
    event = make.event()
    award_list = actions.store_award_list(event_id=event.pk, text=f"{STRANGER}\nmarked", by=staff)
    actions.apply_award_list(list_id=award_list.pk, by=staff)
    ada = make.person()
    open_list = actions.store_award_list(event_id=event.pk, text=ada.email, by=staff)
    [waiting] = WaitingAward.objects.all()
    client = signed_in(make.person(role))
    answers = [
        client.get(start(event)),
        client.post(start(event), {"addresses": ada.email}),
        client.get(LISTS),
        client.get(list_page(award_list)),
        client.post(f"{LISTS}{open_list.pk}/award/"),
        client.get(f"{LISTS}{award_list.pk}/left-out.csv"),
        client.get(WAITING),
        client.get(f"{WAITING}{waiting.pk}/change/"),
        client.post(f"{WAITING}{waiting.pk}/take-back/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 9
    assert not any(STRANGER in text(answer) or "marked" in text(answer) for answer in answers)
    assert not Claim.objects.exists()
    assert WaitingAward.objects.get().matched_at is None
    page = client.get(f"/admin/events/event/{event.pk}/change/")
    assert 'value="Award credits"' not in text(page)


def test_people_with_only_view_permission_cannot_award(staff: User) -> None:
    event = make.event()
    award_list = actions.store_award_list(event_id=event.pk, text=STRANGER, by=staff)
    reader = make.person(Role.HELP_DESK)
    reader.user_permissions.add(permission("view_awardlist"), permission("view_waitingaward"))
    client = signed_in(reader)
    assert 'value="Award credits"' not in text(client.get(list_page(award_list)))
    assert client.post(f"{LISTS}{award_list.pk}/award/").status_code == 403
    assert not WaitingAward.objects.exists()


def permission(codename: str) -> Any:
    return Permission.objects.get(codename=codename)


# ---------- Waiting awards ----------


def test_a_waiting_award_is_withdrawn(client: Client, staff: User) -> None:
    event = make.event()
    for address in (STRANGER, "other@x.example"):
        award_list = actions.store_award_list(event_id=event.pk, text=address, by=staff)
        actions.apply_award_list(list_id=award_list.pk, by=staff)
    assert "other@x.example" not in text(client.get(f"{WAITING}?q=stranger"))
    waiting = WaitingAward.objects.get(address=STRANGER)
    page = f"{WAITING}{waiting.pk}/change/"
    assert "Withdraw award" in text(client.get(page))
    take_back = f"{WAITING}{waiting.pk}/take-back/"
    client.get(take_back)
    waiting.refresh_from_db()
    assert waiting.matched_at is None
    answer = client.post(take_back, follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        f"The award of “{event.title}” to {STRANGER} was withdrawn."
    ]
    assert "Withdraw award" not in text(answer)
    assert "Closed without credit" in text(answer)
    assert "no longer waiting" in text(client.post(take_back, follow=True))


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(client: Client, staff: User, number: int) -> None:
    event = make.event()
    for index in range(number):
        person = make.person(email=f"a{number}{index}@library.example")
        wrong = [f"wrong {index}" for index in range(number)]
        lines = [person.email, f"stranger{index}@x.example", *wrong]
        lines += [make.person().email for _ in range(number)]
        award_list = actions.store_award_list(event_id=event.pk, text="\n".join(lines), by=staff)
        actions.apply_award_list(list_id=award_list.pk, by=staff)
    waiting = WaitingAward.objects.order_by("pk").last()
    assert waiting
    counted = {
        start(event): 7,
        list_page(award_list): 12,
        LISTS: 7,
        WAITING: 7,
        f"{WAITING}{waiting.pk}/change/": 6,
    }
    for address in counted:
        client.get(address)
    measured = {}
    for address in counted:
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        measured[address] = len(queries)
    assert measured == counted
