"""A person using a browser, and the checks for every page they visit."""

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
# A page's problems: horizontal scrolling, short words broken in two, forms without a CSRF token,
# and headings.
CHECK = """() => {
    // We write the words in these elements, and each is short enough for one line.
    const UNBROKEN = "button, .btn, .state, time, .box summary";
    // Colors that are still changing would make the measured contrast wrong.
    document.getAnimations().forEach(animation => animation.finish());
    const problems = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
        const wide = [...document.querySelectorAll("body *")].filter(
            element => element.getBoundingClientRect().right > width + 1
        );
        const cause = wide.slice(-3).map(element => element.outerHTML.slice(0, 150));
        problems.push(`scrolls sideways: ${cause.join(" | ")}`);
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        if (!text.parentElement.closest(UNBROKEN)) continue;
        for (const word of text.data.matchAll(/\\S+/g)) {
            if (word[0].length > 12 || /[-–\\/@.]./.test(word[0])) continue;
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (lines.size > 1) problems.push(`breaks the word ${word[0]} of “${text.data}”`);
        }
    }
    for (const form of document.querySelectorAll("form[method=post]")) {
        if (!form.elements.csrfmiddlewaretoken) problems.push(`has no CSRF token: ${form.action}`);
    }
    const headings = document.querySelectorAll("h1").length;
    if (headings !== 1) problems.push(`has ${headings} first-level headings`);
    return problems;
}"""
# Check accessibility. Preloading is off because these rules do not need it and because it would
# request stylesheets again, some at wrong addresses.
RUN_AXE = """([options, colors]) => axe.run(
    colors ? {include: colors.flatMap(each => window.textByColors().get(each) || [])} : document,
    {...options, resultTypes: ["violations"], preload: false}
).then(result => result.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${rule.help}: ${node.target.join(" ")}: ${node.failureSummary}`
)))"""
# Everything that axe's results depend on, except for contrast: the elements, whether they have
# text, the focus and the width. The text itself does not matter.
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
# Loaded with each page: the elements with text, by everything that their contrast depends on: the
# text's color and size, and the background behind it.
TEXT_BY_COLORS = """window.textByColors = () => {
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
    const elements = new Map();
    for (const element of document.body.querySelectorAll("*")) {
        const hasText = element.matches("input, select, textarea")
            || [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!hasText || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const colors = [
            style.color, style.fontSize, style.fontWeight, style.textShadow,
            element.matches(":disabled"), behind(element),
        ].join(" ");
        elements.set(colors, [...(elements.get(colors) || []), element]);
    }
    return elements;
}"""
COLORS = "() => [...window.textByColors().keys()]"
CELLS = """rows => rows.map(row => [...row.cells].map(cell => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach(shape => shape.remove());
    return copy.textContent.replace(/\\s+/g, " ").trim();
}))"""

LINES = """lines => lines.map(line => [...line.children].map(part => {
    const copy = part.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach(shape => shape.remove());
    return copy.textContent.replace(/\\s+/g, " ").trim();
}).join(" "))"""


class Visitor:
    """A person with their own browser. Checks every page they visit.

    `errors` collects errors that no page should cause; it must be empty at the end of the test.
    """

    # States and colors that have passed axe in this process.
    _passed: ClassVar[set[str]] = set()

    def __init__(self, page: Page, *, address: str, scripts: bool = True) -> None:
        self.page = page
        self.address = address
        self._scripts = scripts
        self.errors: list[str] = []
        self._expected = ""
        page.on("console", self._log_console)
        page.on("pageerror", lambda error: self.errors.append(f"script error: {error}"))
        page.on("dialog", self._log_dialog)
        page.on("request", self._log_other_host)
        page.on("response", self._log_server_error)

    def _log_console(self, message: ConsoleMessage) -> None:
        if not (self._expected and self._expected in message.text):
            where = message.location.get("url", "")
            self.errors.append(f"console {message.type} on {self.page.url}: {message.text} {where}")

    def _log_dialog(self, dialog: Dialog) -> None:
        self.errors.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _log_other_host(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.errors.append(f"request to another host: {request.url}")

    def _log_server_error(self, response: Response) -> None:
        if response.status >= 500:
            self.errors.append(f"{response.status}: {response.url}")

    # ---------- Navigation ----------

    def visit(self, path: str, *, status: int = 200) -> None:
        """Go to an address and check the page."""
        self.open(path, status=status)
        self.check()

    def open(self, path: str, *, status: int = 200) -> None:
        """Go to an address without checking the page."""
        self.expect_error_status(status if status != 200 else 0)
        response = self.page.goto(self.address + path)
        assert response
        assert response.status == status, f"{path} returned {response.status}"

    def expect_error_status(self, status: int) -> None:
        """Allow the message that Chromium logs for this status; 0 allows none."""
        self._expected = f"status of {status}" if status else ""

    def follow(self, link: str, *, within: Locator | None = None) -> None:
        """Click the link with this text and wait for its page."""
        self.click(self._one("link", link, within))

    def press(self, button: str, *, within: Locator | None = None) -> None:
        """Click the button with this label and wait for the next page."""
        self.click(self._one("button", button, within))

    def press_twice(self, button: str) -> None:
        """Double-click, as impatient people do, and wait for the response to the second click."""
        target = self._one("button", button)
        target.dblclick()
        # Not expect_navigation(), because the second click interrupts the first navigation.
        expect(target).to_have_count(0)
        self.page.wait_for_load_state("networkidle")
        self.check()

    def click(self, target: Locator) -> None:
        """Click an element that opens another page."""
        with self.page.expect_navigation(wait_until="load"):
            # expect_navigation() waits for the page, with a longer timeout.
            target.click(no_wait_after=True)
        self.check()

    def _one(self, role: Any, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role(role, name=name, exact=True)

    @property
    def menu(self) -> Locator:
        """The blue box of a signed-in person."""
        return self.page.get_by_role("navigation", name="Your menu")

    # ---------- Forms ----------

    def field(self, label: str) -> Locator:
        """Return the field with this label, with or without the mark for required fields."""
        name = re.compile(rf"^\s*{re.escape(label)}\s*(\*\s*\(required\))?\s*$")
        return self.page.get_by_role("main").get_by_label(name)

    def choose_filter(self, menu: str, label: str, choice: str) -> None:
        """Open a menu of filters and choose one. It applies with the next press of its button."""
        self.page.get_by_role("main").locator("summary", has_text=menu).click()
        self.field(label).select_option(choice)

    @contextmanager
    def wait_for_results(self, words: str) -> Iterator[None]:
        """On exit, wait until the page shows the results for `words`, which the block types.

        Otherwise a test could see results for the first letters only, or the results could arrive
        during its next step.
        """
        with self.page.expect_response(lambda response: words in _parameters(response.url)):
            yield
        expect(self.page.locator(".htmx-request")).to_have_count(0)

    def error_of(self, label: str) -> str:
        """Return the error next to a field, which `aria-describedby` refers to."""
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
        """Return the table row that contains these words."""
        return self.page.get_by_role("row").filter(has_text=words)

    def credit_lines(self, title: str) -> Locator:
        """Return the credits for the event with this title, in a table or as lines that open."""
        return self.page.locator("main :is(tr, details.line)").filter(has_text=title)

    def item(self, words: str) -> Locator:
        """Return the list item that contains these words."""
        return self.page.get_by_role("main").get_by_role("listitem").filter(has_text=words)

    def cells(self, caption: str) -> list[list[str]]:
        """Return the text of a table by row and cell, without decoration."""
        table = self.page.get_by_role("table", name=caption, exact=True)
        return table.locator("tr:has(td)").evaluate_all(CELLS)

    def legend(self, track: str) -> list[str]:
        """Return the lines below a track's bar, without decoration."""
        bar = self.page.get_by_role("img", name=re.compile(f"^{re.escape(track)}: "))
        lines = bar.locator("xpath=following-sibling::dl[1]/div")
        texts: list[str] = lines.evaluate_all(LINES)
        return texts

    # ---------- The checks ----------

    def check(self) -> None:
        assert not (problems := self.problems()), "\n".join([self.page.url, *problems])

    def problems(self) -> list[str]:
        """Return the page's current problems. Run axe only if scripts are on."""
        problems: list[str] = self.page.evaluate(CHECK)
        if self._scripts:
            problems += self._structure_problems() + self._contrast_problems()
        return problems

    def _structure_problems(self) -> list[str]:
        """Run axe's rules, except for contrast, on a page in a state that has not passed yet."""
        state = self.page.evaluate(STATE)
        if state in self._passed:
            return []
        violations: list[str] = self.page.evaluate(RUN_AXE, [RULES, None])
        if not violations:
            self._passed.add(state)
        return violations

    def _contrast_problems(self) -> list[str]:
        """Run axe's contrast rule on text in colors that have not passed yet."""
        colors = set(self.page.evaluate(COLORS)) - self._passed
        if not colors:
            return []
        violations: list[str] = self.page.evaluate(RUN_AXE, [CONTRAST, sorted(colors)])
        if not violations:
            self._passed |= colors
        return violations


def _parameters(url: str) -> list[str]:
    return [value for _, value in parse_qsl(urlsplit(url).query)]
