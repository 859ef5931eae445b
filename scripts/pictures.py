"""Takes the pictures of the README from a running demonstration, in light and dark colors.

Start `make run` first, on the day and with the data that the pictures should show:

    .venv/bin/python scripts/pictures.py http://127.0.0.1:8000
"""

import io
import shutil
import sys
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parents[1] / "docs/pictures"
PASSWORD = "aspen-demo-2026"
# For each picture: its file, the account, and the page. The certificate is opened from its list.
PICTURES = [
    ("today", "director@aspen.example", "/"),
    ("calendar", "librarian@aspen.example", "/events/"),
    ("certificate", "chair@aspen.example", "/certificates/"),
]
COLORS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZE = 1280, 720


def main(address: str) -> None:
    chromium = shutil.which("chromium") or sys.exit("Chromium is needed: run make browser.")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, email, path in PICTURES:
            take(browser, address, name, email, path)
        browser.close()


def take(browser: Browser, address: str, name: str, email: str, path: str) -> None:
    width, height = SIZE
    page = browser.new_page(viewport={"width": width, "height": height})
    sign_in(page, address, email)
    page.goto(address + path)
    for colors in COLORS:
        page.emulate_media(color_scheme=colors)
        file = FOLDER / f"{name}-{colors}.png"
        picture = Image.open(io.BytesIO(page.screenshot()))
        # The pages have few colors, and a palette makes the files a third as large.
        picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(file, optimize=True)
        print(f"{file.name}: {file.stat().st_size:,} bytes")
    page.close()


def sign_in(page: Page, address: str, email: str) -> None:
    page.goto(f"{address}/accounts/login/")
    page.get_by_label("Email").or_(page.get_by_label("E-mail")).first.fill(email)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").first.click()
    page.wait_for_load_state()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
