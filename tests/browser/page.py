"""Someone at a browser: what a person does there, and what every page has to pass."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, Request, Response, expect

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "rules": {"color-contrast": {"enabled": False}},
}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# What is wrong with a page: width, short words broken in two, forms that would be refused,
# headings.
CHECK = """() => {
    // In these every word is ours, and short enough for a line of its own.
    const WHOLE = "button, .btn, .state, time";
    // A color that is still changing has no contrast worth measuring.
    document.getAnimations().forEach(animation => animation.finish());
    const found = [];
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > room) {
        const wide = [...document.querySelectorAll("body *")].filter(
            element => element.getBoundingClientRect().right > room + 1
        );
        const cause = wide.slice(-3).map(element => element.outerHTML.slice(0, 150));
        found.push(`scrolls sideways: ${cause.join(" | ")}`);
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        if (!text.parentElement.closest(WHOLE)) continue;
        for (const word of text.data.matchAll(/\\S+/g)) {
            if (word[0].length > 12 || /[-–\\/@.]./.test(word[0])) continue;
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (lines.size > 1) found.push(`breaks the word ${word[0]} of “${text.data}”`);
        }
    }
    for (const form of document.querySelectorAll("form[method=post]")) {
        if (!form.elements.csrfmiddlewaretoken) found.push(`would be refused: ${form.action}`);
    }
    const headings = document.querySelectorAll("h1").length;
    if (headings !== 1) found.push(`has ${headings} headings of the first level`);
    return found;
}"""
# Accessibility. Preloading would request stylesheets a second time, some at a wrong address; none
# of these rules needs it.
RUN_AXE = """options => axe.run(
    document, {...options, resultTypes: ["violations"], preload: false}
).then(result => result.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${rule.help}: ${node.target.join(" ")}: ${node.failureSummary}`
)))"""
# What axe's answer depends on, except for contrast: the elements, whether they have text, the
# focus and the width. Not the words and numbers.
STATE = """() => {
    const copy = document.documentElement.cloneNode(true);
    copy.querySelectorAll("script, [name=csrfmiddlewaretoken]").forEach(each => each.remove());
    const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        text.data = text.data.trim() ? "x" : "";
    }
    const focused = [...document.querySelectorAll("*")].indexOf(document.activeElement);
    const addresses = /((?:href|action|src|value|content|datetime)=")[^"#][^"]*/g;
    const html = copy.outerHTML.replace(addresses, "$1x").replace(/[0-9]{2,}/g, "00");
    return [innerWidth, focused, html].join(" ");
}"""
# What the contrast of a text depends on: its color and size, and what is painted behind it.
COLORS = """() => {
    const layers = new Map([[null, ""]]);
    const behind = element => {
        if (!layers.has(element)) {
            const style = getComputedStyle(element);
            const painted = style.backgroundColor !== "rgba(0, 0, 0, 0)"
                || style.backgroundImage !== "none" || style.opacity !== "1"
                || style.filter !== "none" || !["static", "relative"].includes(style.position);
            const own = painted ? [
                style.backgroundColor, style.backgroundImage, style.opacity, style.filter,
                style.position,
            ].join(" ") : "";
            layers.set(element, own + "|" + behind(element.parentElement));
        }
        return layers.get(element).replace(/\\|+/g, "|");
    };
    const found = new Set();
    for (const element of document.body.querySelectorAll("*")) {
        const hasText = element.matches("input, select, textarea")
            || [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!hasText || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        found.add([
            style.color, style.fontSize, style.fontWeight, style.textShadow,
            element.matches(":disabled"), behind(element),
        ].join(" "));
    }
    return [...found];
}"""
CELLS = """rows => rows.map(row => [...row.cells].map(cell => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach(shape => shape.remove());
    return copy.textContent.replace(/\\s+/g, " ").trim();
}))"""


class Visitor:
    """A person with a browser of their own. Every page they come to is checked.

    `noise` collects what no page may cause; it must be empty when the test is over.
    """

    # States and colors in which axe found nothing wrong, in this process.
    _passed: ClassVar[set[str]] = set()

    def __init__(self, page: Page, *, address: str, scripts: bool = True) -> None:
        self.page = page
        self.address = address
        self._scripts = scripts
        self.noise: list[str] = []
        self._expected = ""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.noise.append(f"script error: {error}"))
        page.on("dialog", self._dismiss)
        page.on("request", self._ask)
        page.on("response", self._receive)

    def _hear(self, message: ConsoleMessage) -> None:
        if not (self._expected and self._expected in message.text):
            where = message.location.get("url", "")
            self.noise.append(f"console {message.type} on {self.page.url}: {message.text} {where}")

    def _dismiss(self, dialog: Dialog) -> None:
        self.noise.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _ask(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.noise.append(f"asked another host: {request.url}")

    def _receive(self, response: Response) -> None:
        if response.status >= 500:
            self.noise.append(f"{response.status}: {response.url}")

    # ---------- Getting somewhere ----------

    def visit(self, path: str, *, answers: int = 200) -> None:
        """Type an address."""
        self.open(path, answers=answers)
        self.check()

    def open(self, path: str, *, answers: int = 200) -> None:
        """Go to an address without checking the page there."""
        self.expect_refusal(answers if answers != 200 else 0)
        response = self.page.goto(self.address + path)
        assert response
        assert response.status == answers, f"{path} answered {response.status}"

    def expect_refusal(self, status: int) -> None:
        """Chromium itself remarks on its console that a page was refused; allow that, once asked.

        0 expects none again.
        """
        self._expected = f"status of {status}" if status else ""

    def follow(self, link: str, *, within: Locator | None = None) -> None:
        """Click a link by its words and arrive where it leads."""
        self.click(self._one("link", link, within))

    def press(self, button: str, *, within: Locator | None = None) -> None:
        """Click a button that leads to a page."""
        self.click(self._one("button", button, within))

    def press_twice(self, button: str) -> None:
        """Double-click, as impatient people do: the second answer replaces the first one."""
        target = self._one("button", button)
        target.dblclick()
        # Not expect_navigation(): the first one is broken off.
        expect(target).to_have_count(0)
        self.page.wait_for_load_state("networkidle")
        self.check()

    def click(self, target: Locator) -> None:
        """Click what leads to another page."""
        with self.page.expect_navigation(wait_until="load"):
            # The navigation is waited for here, with more patience.
            target.click(no_wait_after=True)
        self.check()

    def _one(self, role: Any, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role(role, name=name, exact=True)

    @property
    def menu(self) -> Locator:
        """The blue box of someone who is signed in."""
        return self.page.get_by_role("navigation", name="Your menu")

    # ---------- Forms ----------

    def field(self, label: str) -> Locator:
        """The field with this label; the remark that it is required may follow."""
        name = re.compile(rf"^\s*{re.escape(label)}\s*(\*\s*\(required\))?\s*$")
        return self.page.get_by_role("main").get_by_label(name)

    def write(self, **words: str) -> None:
        """Fill fields, named by their labels with underscores for blanks."""
        for label, text in words.items():
            self.field(label.replace("_", " ")).fill(text)

    @contextmanager
    def answered(self, words: str) -> Iterator[None]:
        """Type these words inside; afterwards the page shows what the server says to all of them.

        Whoever types slowly gets answers to the first letters, too, and the last answer may come
        in the middle of what is done next.
        """
        with self.page.expect_response(lambda answer: words in _asked(answer.url)):
            yield
        expect(self.page.locator(".htmx-request")).to_have_count(0)

    def error_at(self, label: str) -> str:
        """What stands beside a field as its error; the field points at it."""
        described_by = self.field(label).get_attribute("aria-describedby") or ""
        [error] = [id for id in described_by.split() if id.endswith("_error")]
        return self.page.locator(f"#{error}").inner_text()

    # ---------- Reading ----------

    def sees(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.get_by_role("main")).to_contain_text(text)

    def sees_no(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.get_by_role("main")).not_to_contain_text(text)

    def row(self, words: str) -> Locator:
        """The line of a table that says so."""
        return self.page.get_by_role("row").filter(has_text=words)

    def item(self, words: str) -> Locator:
        """The entry of a list that says so."""
        return self.page.get_by_role("main").get_by_role("listitem").filter(has_text=words)

    def cells(self, caption: str) -> list[list[str]]:
        """What a table says line by line, without what is there for the eye only."""
        table = self.page.get_by_role("table", name=caption, exact=True)
        return table.locator("tr:has(td)").evaluate_all(CELLS)

    # ---------- The checks ----------

    def check(self) -> None:
        assert not (problems := self.problems()), "\n".join([self.page.url, *problems])

    def problems(self) -> list[str]:
        """What is wrong with the page in its present state; without scripts, not axe's part."""
        found: list[str] = self.page.evaluate(CHECK)
        if self._scripts:
            found += self._run_axe(RULES, {self.page.evaluate(STATE)})
            found += self._run_axe(CONTRAST, set(self.page.evaluate(COLORS)))
        return found

    def _run_axe(self, options: dict[str, Any], seen: set[str]) -> list[str]:
        """Violations of these rules; does not run axe if everything `seen` has passed already."""
        if seen <= self._passed:
            return []
        if not self.page.evaluate("() => Boolean(window.axe)"):
            self.page.evaluate(AXE)
        found: list[str] = self.page.evaluate(RUN_AXE, options)
        if not found:
            self._passed |= seen
        return found


def _asked(url: str) -> list[str]:
    return [value for _, value in parse_qsl(urlsplit(url).query)]
