"""What the demonstration's pages and e-mails promise can be had from where it is said.

Four people open every kind of page that a link leads them to, and every link in their e-mails.
"""

import copy
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve
from lxml import html
from zeal import zeal_ignore

from accounts.models import User
from tests.aspen.test_demo_data import account, load_everything
from tests.emails import sent
from tests.web import signed_in

pytestmark = pytest.mark.django_db

# Pages with the same view and filters are alike, except that events are in many states.
PAGES_OF_A_KIND = {"events:detail": 6, "tracks:credit": 3, "admin:view_on_site": 20}
SIGN_OUT = "/accounts/logout/"
# A sentence with one of these promises something.
PROMISE = re.compile(
    r"\b((?<!if )you can|you will|we (?:will )?(?:e-mail|send)|(?:is|are) (?:sent|e-mailed)|"
    r"below|above|here|press|choose)\b",
    re.IGNORECASE,
)
BLOCKS = ("p", "li", "dd", "summary", "legend", "h1", "h2", "h3")
# What a sentence is together with: the nearest of these has to have the link, button or field.
PARTS = {"section", "form", "fieldset", "details", "article", "main"}
CONTROLS = ".//a[@href] | .//button | .//input[not(@type='hidden')] | .//select | .//textarea"
MATTER = f"{CONTROLS} | .//h2 | .//h3 | .//ul | .//ol | .//table | .//dl"


@pytest.fixture(autouse=True, scope="module")
def loaded(make_once: Callable[[Any], Any]) -> None:
    make_once(load_everything)


class Walk:
    """One person's way over all kinds of pages, from one page on."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.pages: dict[str, Any] = {}
        self.broken: list[str] = []
        self._seen: set[str] = set()
        self._kinds: Counter[str] = Counter()
        self._buttons: set[str] = set()

    def everywhere_from(self, start: str) -> None:
        ahead = deque([(start, "")])
        while ahead:
            address, origin = ahead.popleft()
            if self._is_new(address, origin):
                ahead.extend((link, address) for link in self._open(address, origin))

    def _is_new(self, address: str, origin: str) -> bool:
        parts = urlsplit(address)
        try:
            view = resolve(parts.path).view_name
        except Resolver404:
            self.broken.append(f"{origin}: {address} does not exist")
            return False
        if address in self._seen or parts.path == SIGN_OUT:
            return False
        self._seen.add(address)
        # The filters of the admin's lists can be combined in thousands of ways.
        filters = [] if view.startswith("admin:") else parse_qs(parts.query, True)
        kind = " ".join([view, *sorted(filters)])
        self._kinds[kind] += 1
        return self._kinds[kind] <= PAGES_OF_A_KIND.get(kind, 1)

    def _open(self, address: str, origin: str) -> Iterator[str]:
        """Open a page, and yield the portal's own addresses to which it leads."""
        with zeal_ignore():
            response = self.client.get(address)
        if response.status_code in (301, 302):
            yield from own(address, response["Location"])
        elif response.status_code != 200:
            self.broken.append(f"{origin}: {address} answers {response.status_code}")
        elif response["Content-Type"].startswith("text/html"):
            page = self.pages[address] = html.fromstring(response.content.decode())
            for link in page.iter("a"):
                yield from own(address, link.get("href", ""))
            for form in page.forms:
                yield from self._press(address, form)

    def _press(self, address: str, form: Any) -> Iterator[str]:
        """Submit a form as it is, and undo what it does."""
        [action] = [*own(address, form.action or address), None][:1]
        is_for_reading = not form.xpath(".//button | .//input[@type='submit']")
        if action is None or is_for_reading or urlsplit(action).path == SIGN_OUT:
            return
        if form.method == "GET":
            yield urlsplit(action).path
            return
        view = resolve(urlsplit(action).path).view_name
        buttons = form.xpath(".//button[@name]")[:1]
        if f"{view} {[button.get('name') for button in buttons]}" in self._buttons:
            return
        self._buttons.add(f"{view} {[button.get('name') for button in buttons]}")
        values: dict[str, list[str]] = {}
        pressed = [(button.get("name"), button.get("value", "")) for button in buttons]
        for name, value in [*form.form_values(), *pressed]:
            values.setdefault(name, []).append(value)
        cookies = copy.deepcopy(self.client.cookies)
        with transaction.atomic(), zeal_ignore():
            status = self.client.post(action, values).status_code
            transaction.set_rollback(True)
        self.client.cookies = cookies
        if status not in (200, 302):
            self.broken.append(f"{address}: the button to {action} answers {status}")


def own(page: str, link: str) -> Iterator[str]:
    """Yield the link as an address within the portal, unless it leads elsewhere."""
    parts = urlsplit(urljoin(page, link))
    is_own = f"{parts.scheme}://{parts.netloc}" in ("://", settings.ADDRESS, "http://testserver")
    if is_own and link and not parts.path.startswith(settings.STATIC_URL):
        yield parts._replace(scheme="", netloc="", fragment="").geturl()


def lost_fragments(pages: dict[str, Any]) -> Iterator[str]:
    for address, page in pages.items():
        for link in page.iter("a"):
            parts = urlsplit(link.get("href", ""))
            [target] = [*own(address, link.get("href", "")), ""][:1]
            if not parts.fragment or target not in pages:
                continue
            if not pages[target].xpath("//*[@id=$id]", id=parts.fragment):
                yield f"{address}: {link.get('href')}"


def empty_promises(address: str, page: Any) -> Iterator[str]:
    [main] = page.xpath("//main") or [None]
    if main is None:
        return
    order = {element: place for place, element in enumerate(main.iter())}
    matter = [order[each] for each in main.xpath(MATTER)]
    for block in main.iter(*BLOCKS):
        text = " ".join(block.text_content().split())
        for sentence in re.split(r"(?<=[.!?:]) ", text):
            words = {word.lower() for word in PROMISE.findall(sentence)}
            if not words or "@" in sentence:
                continue
            inside = [order[each] for each in block.iter()]
            if (
                ("below" in words and not any(place > inside[-1] for place in matter))
                or ("above" in words and not any(place < inside[0] for place in matter))
                or not part_of(block).xpath(CONTROLS)
            ):
                yield f"{address}: {sentence}"


def part_of(block: Any) -> Any:
    return next(each for each in block.iterancestors() if each.tag in PARTS)


@pytest.mark.parametrize(
    ("part", "is_empty"),
    [
        ("<p>You can change it.</p>", True),
        ("<p>You can change it.</p><a href='/'>Change</a>", False),
        ("<p>Write to help@aspen.example, and you will hear from us.</p>", False),
        ("<a href='/'>Change</a><p>See the table below.</p>", True),
        ("<a href='/'>Change</a><p>See the table below.</p><table></table>", False),
        ("<p>Choose one above.</p><select></select>", True),
        ("<p>The library has books.</p>", False),
    ],
)
def test_empty_promises_are_found(part: str, is_empty: bool) -> None:
    page = html.fromstring(f"<html><body><a href='/'>Menu</a><main>{part}</main></body></html>")
    assert bool(list(empty_promises("/", page))) is is_empty


@pytest.mark.parametrize("name", ["librarian", "director", "learner01", "coordinator"])
def test_every_link_button_and_sentence_keeps_its_promise(name: str) -> None:
    walk = Walk(signed_in(account(name)))

    walk.everywhere_from("/")

    assert len(walk.pages) > 40
    assert walk.broken == []
    assert list(lost_fragments(walk.pages)) == []
    own_pages = {path: page for path, page in walk.pages.items() if "/admin/" not in path}
    assert [each for path, page in own_pages.items() for each in empty_promises(path, page)] == []


def test_every_link_in_an_email_opens_for_its_reader() -> None:
    broken, opened = [], set()
    for message in sent():
        reader = User.objects.filter(email__in=message.to).first()
        client = signed_in(reader) if reader else Client()
        for link in re.findall(rf"{re.escape(settings.ADDRESS)}(/\S*)", str(message.body)):
            kind = (message.to[0], resolve(urlsplit(link).path).view_name)
            if kind in opened:
                continue
            opened.add(kind)
            response = client.get(link, follow=True)
            if response.status_code != 200 or "/accounts/login/" in response.request["PATH_INFO"]:
                broken.append(f"{message.subject}: {link} answers {response.status_code}")
    assert broken == []
    assert len(opened) > 10
