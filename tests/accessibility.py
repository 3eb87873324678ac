"""What axe-core says of a page in a browser."""

from pathlib import Path

from playwright.sync_api import Page
from tools import missing

AXE = Path(__file__).parents[1] / "verifier" / "web" / "browser" / "node_modules" / "axe-core" / "axe.min.js"


def assert_accessible(page: Page) -> None:
    """WCAG 2.0 to 2.2, A and AA, and best practice: nothing is found."""
    if not AXE.exists():
        missing("axe-core (python3 scripts/build_browser.py installs it)")
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", tags)
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
