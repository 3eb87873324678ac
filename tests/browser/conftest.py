"""Debian's Chromium, and one installation in which every verdict can be read."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import scene as scenes
from begun import Begun
from installation import Installation
from playwright.sync_api import Browser, Page, sync_playwright
from scene import Scene
from tools import missing

OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP verif.test 127.0.0.1",
]  # fmt: skip
PHONE = {"width": 360, "height": 740}
SCREENSHOTS = Path(os.environ["JANGKAR_SCREENSHOTS"]) if "JANGKAR_SCREENSHOTS" in os.environ else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("Chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield made
        made.close()


@pytest.fixture(scope="session")
def scene(begun: Begun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    with Installation(folder, begun, devnet_options=("--test-methods", "--any-origin")) as installation:
        yield scenes.make(installation)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page as a phone shows it. What a policy forbids, or cannot be loaded, fails the test."""
    problems: list[str] = []
    contexts = []

    def opened(url: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": PHONE, **options})
        contexts.append(context)
        page = context.new_page()
        # Chromium also reports the status 422 of a form that was filled in wrong: that is the page's own answer.
        page.on("console", lambda message: problems.append(message.text) if "422" not in message.text else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        # A download is a navigation that failed, as Chromium tells it.
        page.on("requestfailed", lambda sent: problems.append(sent.url) if "/export/" not in sent.url else None)
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Keeps a picture where JANGKAR_SCREENSHOTS names a folder for them."""

    def taken(page: Page, name: str) -> None:
        if SCREENSHOTS:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return taken
