"""The page in Debian's Chromium, as a phone shows it: QR, upload, verdict, both languages, no JavaScript."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import Installation
from playwright.sync_api import Browser, Page, sync_playwright
from tools import missing

OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENSHOTS = Path(os.environ["JANGKAR_SCREENSHOTS"]) if "JANGKAR_SCREENSHOTS" in os.environ else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("Chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, str, Path]]:
    with Installation(tmp_path_factory.mktemp("browser")) as installation:
        folder = installation.certificates("good", "revoked")
        installation.jangkar("ingest", str(folder), "--csv", str(installation.manifest))
        installation.jangkar("anchor", "run")
        installation.jangkar("receipt", "write", str(folder))
        installation.jangkar("status", "set", str(folder / "revoked.pdf"), "revoked", "--reason", "4")
        installation.jangkar("anchor", "run")
        service = installation.start("jangkar", "serve", "--port", "0")
        yield installation, installation.start_page("--service", service), folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    made = context.new_page()
    problems: list[str] = []
    # Chromium also reports the status 422 of a form that was filled in wrong: that is the page's own answer.
    made.on("console", lambda message: problems.append(message.text) if "422" not in message.text else None)
    made.on("requestfailed", lambda request: problems.append(request.url))
    yield made
    context.close()
    assert problems == [], "a policy was broken, or something could not be loaded"


def shoot(page: Page, name: str) -> None:
    if SCREENSHOTS:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def verdict(page: Page) -> str | None:
    return page.locator("[data-verdict]").get_attribute("data-verdict")


def fits(page: Page) -> bool:
    box = page.locator("main").bounding_box()
    return box is not None and box["width"] <= 360


def test_a_visitor_uploads_a_genuine_file(page, site):
    _, url, folder = site
    page.goto(url)
    shoot(page, "form")
    assert page.locator("html").get_attribute("lang") == "id"
    page.set_input_files("#file", folder / "good.pdf")
    page.get_by_role("button", name="Periksa").click()
    assert verdict(page) == "valid"
    assert page.get_by_role("heading", level=1).inner_text().endswith("ASLI dan berlaku")
    assert page.locator("ol").first.locator("li").count() == 5
    assert "BPSDM Provinsi Uji" in page.locator("dl").first.inner_text()
    assert fits(page)
    shoot(page, "valid")


def test_an_altered_file_with_its_receipt(page, site, tmp_path):
    _, url, folder = site
    altered = tmp_path / "altered.pdf"
    altered.write_bytes((folder / "good.pdf").read_bytes() + b"%more\n")
    page.goto(f"{url}?lang=en")
    page.set_input_files("#file", altered)
    page.set_input_files("#receipt", folder / "good.pdf.jangkar.json")
    page.get_by_role("button", name="Check").click()
    assert verdict(page) == "invalid"
    assert "The file is not the one that the receipt names" in page.locator("ol").first.inner_text()
    shoot(page, "invalid-en")
    page.goto(url)
    page.set_input_files("#file", altered)
    page.get_by_role("button", name="Periksa").click()
    assert verdict(page) == "not_found"
    shoot(page, "not-found")


def test_a_qr_and_a_revoked_file(page, site):
    installation, url, folder = site
    page.goto(f"{url}/V/{installation.codes['good']}")
    assert verdict(page) == "recorded"
    assert "Unggah berkasnya untuk memastikan" in page.inner_text("main")
    shoot(page, "recorded")
    page.set_input_files("#file", folder / "revoked.pdf")
    page.get_by_role("button", name="Periksa").click()
    assert verdict(page) == "revoked"
    shoot(page, "revoked")


def test_by_keyboard_alone(page, site):
    installation, url, _ = site
    page.goto(url)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "code":
            break
    page.keyboard.type(installation.codes["good"].lower())
    page.keyboard.press("Enter")
    assert verdict(page) == "recorded"


def test_a_mistyped_code(page, site):
    _, url, _ = site
    page.goto(url)
    page.fill("#code", "AAAA-AAAA-AAAA")
    page.get_by_role("button", name="Cari kode").click()
    assert page.get_by_role("alert").inner_text().startswith("Kode salah ketik")
    shoot(page, "mistyped")
