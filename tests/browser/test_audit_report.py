"""An audit's report as an auditor opens it: readable by everybody, each picture with its table, nothing that runs."""

import time
from collections.abc import Iterator

import pytest
from accessibility import assert_accessible
from devnet import Anvil
from nation import DAY, A, Nation, honest

DESK = {"width": 1100, "height": 900}
PICTURES = ("calendar", "sizes", "reconcile", "statuses")


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    """An honest history, a certificate that was dated back, and nights of which nothing is told."""
    evening = 15 * 3600
    with Anvil("--timestamp", str((int(time.time()) - evening) // DAY * DAY + evening - 10 * DAY)) as anvil:
        made = honest(anvil, tmp_path_factory.mktemp("nation"))
        made.batch(A, 6, size=1, issued_on="2020-01-01")
        made.sleep(5 * DAY)
        yield made


@pytest.mark.parametrize(("language", "title"), [("id", "ADA PELANGGARAN"), ("en", "BREACHES FOUND")])
def test_the_report(nation, open_page, shoot, language, title):
    code, report = nation.audit("--lang", language, "--seed", "uji", out=language)
    assert code == 1
    page = open_page((nation.folder / language / "report.html").as_uri(), viewport=DESK)
    assert page.locator("html").get_attribute("lang") == language
    assert page.get_by_role("heading", level=1).inner_text().endswith(title)
    assert page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
    assert_accessible(page)
    for name in PICTURES:
        section = page.locator(f"#{name}")
        assert section.locator("svg[role=img]").get_attribute("aria-label")
        assert section.locator("table tr").count() > 1
    assert page.locator("#findings tr").count() == len(report["findings"]) + 1
    assert page.locator("#sample tr").count() == 21
    assert page.locator("rect.missed").count() == len(
        [one for one in report["findings"] if one["name"] == "missed-night"]
    )
    shoot(page, f"audit-{language}")
