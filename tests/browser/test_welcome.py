"""A newcomer creates an account, answers the questions, and moves to another library later."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import mail
from playwright.sync_api import Locator, expect

from accounts.models import Position, User
from aspen.mail import outbox
from helpdesk.models import Attachment
from tests import factories as make
from tests.browser.page import Visitor
from tests.factories import PASSWORD
from tracks.models import Participation

pytestmark = pytest.mark.django_db(transaction=True)


def signs_up(visitor: Visitor) -> None:
    visitor.visit("/")
    visitor.follow("Create an account", within=visitor.page.get_by_role("main"))
    visitor.field("Your name").fill("Edith Moreno")
    visitor.field("E-mail address").fill("edith@library.example")
    visitor.field("Password").fill(PASSWORD)
    visitor.field("Repeat the password").fill(PASSWORD)
    visitor.press("Create account")
    outbox.deliver_due()
    [message] = mail.outbox
    [link] = re.findall(r"(/accounts/confirm-email/\S+)", message.body)
    visitor.visit(link)
    visitor.press("Confirm address")
    expect(visitor.page).to_have_url(f"{visitor.address}/welcome/")


def choice(visitor: Visitor, words: str) -> Locator:
    return visitor.page.get_by_role("radio", name=re.compile(f"^{re.escape(words)}"))


@pytest.mark.parametrize("scripts", [True, False])
def test_a_newcomer_signs_up_and_answers(
    open_browser: Callable[..., Visitor], tmp_path: Path, scripts: bool
) -> None:
    make.organization(name="Lewis and Clark Library", city="Helena")
    library = make.organization(name="Lewistown Public Library", city="Lewistown")
    visitor = open_browser(scripts=scripts, width=320)
    signs_up(visitor)
    visitor.sees("Welcome, Edith Moreno", "Yes, in the track that fits what I do")
    find = visitor.field("Type the name of your library or town")
    if scripts:
        with visitor.wait_for_results("lewi"):
            find.press_sequentially("lewi")
        expect(visitor.page.get_by_role("status").last).to_be_attached()
    else:
        find.fill("lewi")
        visitor.press("Find")
    choice(visitor, "Lewistown Public Library").check()
    choice(visitor, "I work there").check()
    if scripts:
        expect(choice(visitor, "Yes, as Library Staff")).to_be_checked()
        visitor.sees("You said: Staff, Lewistown Public Library, Lewistown.")
    choice(visitor, "Yes Send us").check()
    visitor.page.get_by_text("Send us your list or certificates", exact=True).click()
    old_list = tmp_path / "old list.csv"
    old_list.write_text("title,credits\nWeeding,2\n")
    visitor.field("Your list or certificates").set_input_files(old_list)
    visitor.press("Start")
    visitor.sees("You are all set. You follow Library Staff. Lewistown Public Library is your")
    newcomer = User.objects.get(email="edith@library.example")
    assert Position.objects.get(person=newcomer).organization == library
    assert str(Participation.objects.get(person=newcomer).track) == "Library Staff"
    assert Attachment.objects.get().file_name == "old list.csv"


def test_a_person_moves_to_another_library_and_undoes_it(
    open_browser: Callable[..., Visitor],
) -> None:
    person = make.person()
    old, new = make.organization(name="Old Library"), make.organization(name="New Library")
    Position.objects.create(person=person, organization=old, kind="staff")
    visitor = open_browser(person, width=320)
    visitor.visit("/accounts/profile/")
    visitor.field("Library or organization").select_option(str(new))
    visitor.field("Your position there").select_option("Staff")
    visitor.press("Save position")
    visitor.sees(
        "Your position was saved: Staff, New Library", "The last day of Staff, Old Library"
    )
    expect(visitor.menu).to_contain_text("New Library")
    visitor.page.get_by_role("button", name=re.compile("^Undo")).click()
    visitor.sees("Your position continues: Staff, Old Library")
    assert Position.objects.get().until_on is None
