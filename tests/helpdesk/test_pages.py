"""The help desk's pages: permissions, invalid input, and the number of queries."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.clock import today
from aspen.formats import format_day, format_short_day
from credits.actions import claim_custom_event
from credits.models import Claim, Credit
from helpdesk import actions
from helpdesk.enums import TicketState
from helpdesk.models import Correction, Ticket
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY, category
from tests.web import flash_messages, signed_in, text
from tracks.actions import select_track

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


def a_credit(person: User, **fields: Any) -> Credit:
    return factories.claim(person, **fields).credits.get()


def a_ticket(person: User, credit: Credit | None = None, subject: str = "A question") -> Ticket:
    return actions.open_ticket(subject=subject, body="Please help", credit=credit, by=person)


# ---------- My tickets ----------


def test_the_list_has_the_persons_own_tickets_latest_first() -> None:
    person = factories.person()
    first, second = a_ticket(person, subject="First"), a_ticket(person, subject="Second")
    a_ticket(factories.person(), subject="Someone else's")
    response = signed_in(person).get("/help/")
    assert [row.url for row in response.context["tickets"]] == [
        second.get_absolute_url(),
        first.get_absolute_url(),
    ]
    assert "Someone else" not in text(response)
    assert "New help ticket" in text(response)


def test_an_empty_list_says_so() -> None:
    assert "You have no help tickets" in text(signed_in(factories.person()).get("/help/"))


def test_a_long_list_has_pages() -> None:
    person = factories.person()
    for number in range(21):
        a_ticket(person, subject=f"Ticket number {number}")
    client = signed_in(person)
    first, second = client.get("/help/"), client.get("/help/?page=2")
    assert (len(first.context["tickets"]), len(second.context["tickets"])) == (20, 1)
    assert second.context["tickets"][0].subject == "Ticket number 0"


@pytest.mark.parametrize("page", ["%00", "x", "-1", "0", "9" * 40])
def test_an_invalid_page_number_shows_a_page(page: str) -> None:
    person = factories.person(Role.HELP_DESK)
    a_ticket(person, subject="Only one")
    client = signed_in(person)
    assert "Only one" in text(client.get(f"/help/?page={page}"))
    assert "Only one" in text(client.get(f"/help/queue/?page={page}&state=%00"))


def badge(response: Any) -> str:
    found = re.search(r'<span>Help</span>.*?<span class="only-read">(.*?)</span>', text(response))
    return found[1] if found else ""


def test_the_menu_counts_answers_that_the_person_has_not_read(staff: User) -> None:
    person = factories.person()
    tickets = [a_ticket(person, subject=subject) for subject in ("One", "Two", "Three")]
    for ticket in tickets[:2]:
        actions.reply(ticket_id=ticket.pk, body="Done", by=staff)
    client = signed_in(person)
    assert badge(client.get("/help/")) == "2 answered"
    assert badge(client.get(tickets[0].get_absolute_url())) == "1 answered"
    signed_in(staff).get(tickets[1].get_absolute_url())
    assert badge(client.get("/help/")) == "1 answered"
    assert badge(client.get(tickets[1].get_absolute_url())) == ""
    assert badge(signed_in(staff).get("/help/")) == ""


# ---------- A new ticket ----------


@pytest.mark.parametrize("page", ["credit", "credits", "dashboard", "track"])
def test_a_credit_leads_to_the_form_and_then_to_its_open_ticket(page: str, staff: User) -> None:
    person = factories.person()
    credit = a_credit(person, title="Weeding without tears")
    participation, _ = select_track(track=factories.track(), by=person)
    address = {
        "credit": reverse("tracks:credit", args=[credit.pk]),
        "credits": reverse("tracks:credits"),
        "dashboard": reverse("tracks:dashboard"),
        "track": participation.get_absolute_url(),
    }[page]
    client = signed_in(person)
    form = f'<a class="go" href="/help/new/?credit={credit.pk}">Something wrong?'
    assert form in text(client.get(address, follow=True))
    ticket = a_ticket(person, credit)
    asked = f'<a class="go" href="{ticket.get_absolute_url()}">Asked on {format_short_day(today())}'
    assert asked in text(client.get(address, follow=True))
    assert form not in text(client.get(address, follow=True))
    actions.reply(ticket_id=ticket.pk, body="Done", by=staff)
    assert form in text(client.get(address, follow=True))


def test_a_ticket_about_a_credit_is_prefilled_and_shows_the_credit() -> None:
    person = factories.person()
    credit = a_credit(person, title="Weeding without tears")
    client, url = signed_in(person), f"/help/new/?credit={credit.pk}"
    page = client.get(url)
    day = format_day(credit.claim.event.last_day)
    assert page.context["form"]["subject"].value() == f"Weeding without tears, {day}"
    assert page.context["credit"].amount == "1 credit"
    for part in (
        "What should change?",
        "The category should be Library Administration.",
        "Technology",
        f'action="{url}"',
    ):
        assert part in text(page)
    answer = client.post(
        url, {"subject": page.context["form"]["subject"].value(), "body": "Wrong category"}
    )
    ticket = Ticket.objects.get()
    assert answer.headers["Location"] == ticket.get_absolute_url()
    assert (ticket.person, ticket.credit) == (person, credit)
    assert flash_messages(answer) == ["Your help ticket was sent. The answer will appear here."]


def test_a_very_long_title_is_shortened_to_fit_the_subject() -> None:
    person = factories.person()
    credit = a_credit(person, title="W" * 300)
    subject = signed_in(person).get(f"/help/new/?credit={credit.pk}").context["form"]["subject"]
    assert len(subject.value()) == 300
    assert subject.value().endswith(f"…, {format_day(credit.claim.event.last_day)}")


@pytest.mark.parametrize("credit", ["%00", "x", "0", "-1", "9" * 40])
def test_an_unknown_credit_is_not_found(credit: str) -> None:
    assert signed_in(factories.person()).get(f"/help/new/?credit={credit}").status_code == 404


def test_someone_elses_credit_is_not_found() -> None:
    credit = a_credit(factories.person(), title="Secret training")
    client = signed_in(factories.person(Role.HELP_DESK))
    response = client.get(f"/help/new/?credit={credit.pk}")
    assert response.status_code == 404
    assert "Secret training" not in text(response)
    answer = client.post(f"/help/new/?credit={credit.pk}", {"subject": "S", "body": "B"})
    assert answer.status_code == 404
    assert list(Ticket.objects.all()) == []


def test_a_new_ticket_offers_the_persons_own_credits() -> None:
    person = factories.person()
    mine, foreign = a_credit(person, title="Mine"), a_credit(factories.person(), title="Foreign")
    client = signed_in(person)
    page = client.get("/help/new/")
    assert [value for value, _ in page.context["form"].fields["credit"].choices] == ["", mine.pk]
    rejected = client.post("/help/new/", {"subject": "S", "body": "B", "credit": foreign.pk})
    assert list(rejected.context["form"].errors) == ["credit"]
    client.post("/help/new/", {"subject": "S", "body": "B", "credit": mine.pk})
    assert Ticket.objects.get().credit == mine


def test_a_form_sent_twice_opens_one_ticket() -> None:
    client = signed_in(factories.person())
    for _ in range(2):
        client.post("/help/new/", {"subject": "S", "body": "B"})
    assert Ticket.objects.get().messages.count() == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "This field is required."),
        ("  \n ", "This field is required."),
        ("a\x00b", "Null characters are not allowed."),
        ("x" * 100_000, "This text has 100000 characters. Shorten it to 5000 or fewer."),
    ],
)
def test_an_invalid_message_is_rejected_and_stays_in_the_form(body: str, error: str) -> None:
    response = signed_in(factories.person()).post("/help/new/", {"subject": "Kept", "body": body})
    form = response.context["form"]
    assert form.errors == {"body": [error]}
    assert (form["subject"].value(), form["body"].value()) == ("Kept", body)
    assert list(Ticket.objects.all()) == []


def test_a_line_break_counts_as_one_character() -> None:
    body = "\r\n".join(["x" * 99] * 50)
    signed_in(factories.person()).post("/help/new/", {"subject": "S", "body": body})
    assert len(Ticket.objects.get().messages.get().body) == 99 * 50 + 49


def test_scripts_are_escaped_and_line_breaks_and_emoji_stay() -> None:
    person = factories.person()
    client = signed_in(person)
    body = f"{SCRIPT}\r\nsecond line\r\n\r\n🐻 {'W' * 300}"
    client.post("/help/new/", {"subject": f"{SCRIPT} 🐻", "body": body})
    for address in (Ticket.objects.get().get_absolute_url(), "/help/"):
        page = text(client.get(address))
        assert SCRIPT not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; 🐻" in page
    page = text(client.get(Ticket.objects.get().get_absolute_url()))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>second line</p>" in page
    assert f"<p>🐻 {'W' * 300}</p>" in page


# ---------- One ticket ----------


def test_the_person_sees_the_correction() -> None:
    person = factories.person()
    staff = factories.person(Role.HELP_DESK, display_name="Helpful Hand")
    credit = a_credit(person)
    ticket = a_ticket(person, credit)
    actions.correct_credit(
        ticket_id=ticket.pk,
        credit_id=credit.pk,
        category=category(ADMINISTRATION),
        amount=Decimal("1.0"),
        note="Thank you for telling us.",
        by=staff,
    )
    page = signed_in(person).get(ticket.get_absolute_url())
    (correction,) = page.context["corrections"]
    assert correction.what == "Technology 1 → Library Administration 1"
    assert correction.by.startswith("by Helpful Hand, ")
    assert "Thank you for telling us." in text(page)
    assert "Answered" in text(page)
    assert [message.who for message in page.context["thread"]] == [
        "You",
        "Helpful Hand (help desk)",
    ]


def test_the_person_does_not_see_the_help_desks_tools() -> None:
    person = factories.person()
    page = text(signed_in(person).get(a_ticket(person, a_credit(person)).get_absolute_url()))
    assert "Correct the credit" not in page
    assert "Opened by" not in page


def test_the_help_desk_sees_the_person_and_can_correct() -> None:
    person = factories.person()
    library = factories.organization(name="Bitterroot Public Library", city="Hamilton")
    Position.objects.create(person=person, organization=library, kind=PositionKind.DIRECTOR)
    staff = factories.person(Role.HELP_DESK)
    page = signed_in(staff).get(a_ticket(person, a_credit(person)).get_absolute_url())
    for part in (
        person.display_name,
        person.email,
        "Director, Bitterroot Public Library, Hamilton",
        "Correct the credit",
        "Apply correction",
    ):
        assert part in text(page)
    form = page.context["correction_form"]
    assert [field.name for field in form.visible_fields()] == ["category", "amount", "note"]
    assert form["category"].value() == category(TECHNOLOGY).pk


def test_help_desk_staff_cannot_correct_their_own_credits() -> None:
    staff = factories.person(Role.HELP_DESK)
    credit = a_credit(staff)
    ticket = a_ticket(staff, credit)
    client = signed_in(staff)
    assert "You cannot correct your own credits. Ask a colleague to do it." in text(
        client.get(ticket.get_absolute_url())
    )
    answer = client.post(
        reverse("helpdesk:correct_credit", args=[ticket.pk]),
        {"category": category(ADMINISTRATION).pk, "amount": "1"},
    )
    assert "You cannot correct your own credits. Ask a colleague to do it." in text(answer)
    assert list(Correction.objects.all()) == []


def test_a_custom_event_is_linked_only_for_its_author() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    claim = claim_custom_event(facts=factories.facts(), by=person)
    ticket = a_ticket(person, claim.credits.get())
    address = f'href="{claim.event.get_absolute_url()}"'
    assert address in text(signed_in(person).get(ticket.get_absolute_url()))
    assert address not in text(signed_in(staff).get(ticket.get_absolute_url()))


def test_replies_from_both_sides() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    ticket = a_ticket(person)
    address = reverse("helpdesk:reply", args=[ticket.pk])
    for _ in range(2):  # a double click
        answer = signed_in(staff).post(address, {"body": "Which one?"})
    assert answer.headers["Location"] == ticket.get_absolute_url()
    signed_in(person).post(address, {"body": "The first"})
    assert [m.body for m in ticket.messages.all()] == ["Please help", "Which one?", "The first"]
    ticket.refresh_from_db()
    assert ticket.state == TicketState.OPEN


def test_an_empty_reply_shows_an_error_on_the_tickets_page() -> None:
    person = factories.person()
    ticket = a_ticket(person)
    answer = signed_in(person).post(reverse("helpdesk:reply", args=[ticket.pk]), {"body": " "})
    assert "<title>Error: A question" in text(answer)
    assert answer.context["reply_form"].errors == {"body": ["This field is required."]}


@pytest.mark.parametrize("name", ["helpdesk:reply", "helpdesk:correct_credit"])
def test_a_get_to_a_forms_address_redirects_to_the_ticket(name: str) -> None:
    staff = factories.person(Role.HELP_DESK)
    ticket = a_ticket(factories.person())
    answer = signed_in(staff).get(reverse(name, args=[ticket.pk]))
    assert answer.headers["Location"] == ticket.get_absolute_url()


# ---------- Correcting ----------


def test_a_correction_answers_the_ticket_too() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit = a_credit(person)
    ticket = a_ticket(person, credit)
    answer = signed_in(staff).post(
        reverse("helpdesk:correct_credit", args=[ticket.pk]),
        {"category": category(ADMINISTRATION).pk, "amount": "1.0", "note": "Done"},
    )
    assert answer.headers["Location"] == ticket.get_absolute_url()
    assert flash_messages(answer) == [
        f"The credit was corrected and {person}'s tracks were updated. The ticket shows the "
        "correction."
    ]
    credit.refresh_from_db()
    ticket.refresh_from_db()
    assert (credit.category.slug, ticket.state) == (ADMINISTRATION, TicketState.ANSWERED)
    again = signed_in(staff).post(
        reverse("helpdesk:correct_credit", args=[ticket.pk]),
        {"category": category(ADMINISTRATION).pk, "amount": "1.0", "note": "Done"},
    )
    assert "The credit already has this category and amount." in text(again)
    assert Correction.objects.count() == 1


def test_without_a_credit_staff_choose_one_of_the_persons() -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credit, foreign = a_credit(person), a_credit(factories.person())
    ticket = a_ticket(person)
    client, address = signed_in(staff), reverse("helpdesk:correct_credit", args=[ticket.pk])
    values = {"category": category(ADMINISTRATION).pk, "amount": "1.0", "note": "Kept"}
    choices = client.get(ticket.get_absolute_url()).context["correction_form"].fields["credit"]
    assert [value for value, _ in choices.choices] == ["", credit.pk]
    rejected = client.post(address, values | {"credit": foreign.pk})
    assert list(rejected.context["correction_form"].errors) == ["credit"]
    assert rejected.context["correction_form"]["note"].value() == "Kept"
    client.post(address, values | {"credit": credit.pk})
    assert Correction.objects.get().credit == credit


@pytest.mark.parametrize("amount", ["", "0", "0.3", "-1", "1000", "NaN", "1e400", "a\x00", "1,5"])
def test_an_invalid_credit_value_shows_an_error_next_to_the_field(amount: str) -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    ticket = a_ticket(person, a_credit(person))
    answer = signed_in(staff).post(
        reverse("helpdesk:correct_credit", args=[ticket.pk]),
        {"category": category(ADMINISTRATION).pk, "amount": amount},
    )
    assert list(answer.context["correction_form"].errors) == ["amount"]
    assert list(Correction.objects.all()) == []


# ---------- The queue ----------


def test_the_queue_shows_waiting_tickets_longest_waiting_first() -> None:
    staff = factories.person(Role.HELP_DESK)
    _, _, done = (a_ticket(factories.person(), subject=s) for s in ("One", "Two", "Done"))
    actions.reply(ticket_id=done.pk, body="Answer", by=staff)

    def shown(query: str) -> list[str]:
        return [ticket.subject for ticket in client.get(f"/help/queue/{query}").context["tickets"]]

    client = signed_in(staff)
    assert shown("") == ["One", "Two"]
    assert shown("?state=open") == ["One", "Two"]
    assert shown("?state=answered") == ["Done"]
    assert shown("?state=all") == ["One", "Two", "Done"]
    assert shown("?state=nonsense") == ["One", "Two"]


# ---------- Permissions ----------


@pytest.mark.parametrize(
    ("who", "list_", "create", "detail", "queue", "reply", "correct"),
    [
        ("anonymous", 200, 302, 302, 302, 302, 302),
        ("owner", 200, 200, 200, 404, 302, 404),
        ("other", 200, 200, 404, 404, 404, 404),
        (Role.EVENT_EDITOR, 200, 200, 404, 404, 404, 404),
        (Role.ADMINISTRATOR, 200, 200, 404, 404, 404, 404),
        (Role.HELP_DESK, 200, 200, 200, 200, 302, 302),
        (Role.CE_COORDINATOR, 200, 200, 200, 200, 302, 302),
    ],
)
def test_permissions(
    who: str, list_: int, create: int, detail: int, queue: int, reply: int, correct: int
) -> None:
    owner = factories.person()
    ticket = a_ticket(owner, a_credit(owner), subject="Private matter")
    if who == "anonymous":
        client = Client()
    else:
        role = who if isinstance(who, Role) else None
        client = signed_in(owner if who == "owner" else factories.person(role))
    correction = {"category": category(ADMINISTRATION).pk, "amount": "1"}
    answers = [
        client.get(reverse("helpdesk:list")),
        client.get(reverse("helpdesk:create")),
        client.get(reverse("helpdesk:detail", args=[ticket.pk])),
        client.get(reverse("helpdesk:queue")),
        client.post(reverse("helpdesk:reply", args=[ticket.pk]), {"body": "Hello"}),
        client.post(reverse("helpdesk:correct_credit", args=[ticket.pk]), correction),
    ]
    assert [answer.status_code for answer in answers] == [
        list_,
        create,
        detail,
        queue,
        reply,
        correct,
    ]
    if detail != 200:
        assert not any("Private matter" in text(answer) for answer in answers)
        assert ticket.messages.count() == 1
        assert list(Correction.objects.all()) == []


@pytest.mark.parametrize("number", ["0", "9" * 30])
def test_an_unknown_ticket_is_not_found(number: str) -> None:
    client = signed_in(factories.person(Role.HELP_DESK))
    assert client.get(f"/help/{number}/").status_code == 404


# ---------- The number of queries ----------


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_my_tickets(items: int, django_assert_num_queries: Any) -> None:
    person = factories.person()
    for number in range(items):
        a_ticket(person, subject=f"Ticket {number}")
    client = signed_in(person)
    with django_assert_num_queries(7):  # one for the articles
        client.get("/help/")


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_queue(items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        a_ticket(person := factories.person(), a_credit(person))
    client = signed_in(factories.person(Role.HELP_DESK))
    with django_assert_num_queries(6):
        client.get("/help/queue/")
    with django_assert_num_queries(6):
        client.get("/help/queue/?state=all")


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_a_new_ticket(items: int, django_assert_num_queries: Any) -> None:
    person = factories.person()
    credits = [a_credit(person) for _ in range(items)]
    client = signed_in(person)
    with django_assert_num_queries(3):
        client.get("/help/new/")
    with django_assert_num_queries(3):
        client.get(f"/help/new/?credit={credits[0].pk}")


@pytest.mark.parametrize("with_credit", [True, False])
@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_a_ticket(items: int, with_credit: bool, django_assert_num_queries: Any) -> None:
    person, staff = factories.person(), factories.person(Role.HELP_DESK)
    credits = [a_credit(person) for _ in range(items)]
    ticket = a_ticket(person, credits[0] if with_credit else None)
    library = factories.organization()
    for kind in list(PositionKind)[:items]:
        Position.objects.create(person=person, organization=library, kind=kind)
    for number in range(items):
        actions.reply(ticket_id=ticket.pk, body=f"Reply {number}", by=person)
        actions.correct_credit(
            ticket_id=ticket.pk,
            credit_id=credits[0].pk,
            category=category(ADMINISTRATION),
            amount=Decimal(number + 1) / 2,
            note="",
            by=staff,
        )
    assert Claim.objects.count() == items
    client = signed_in(staff)
    with django_assert_num_queries(10 if with_credit else 11):
        client.get(ticket.get_absolute_url())
