"""What the repository promises about itself."""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tools import missing

from anchor_service.settings import Settings

ROOT = Path(__file__).parents[2]
if shutil.which("git") is None:
    missing("git", whole_file=True)
TRACKED = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
TEXTS = [
    path
    for path in TRACKED
    if (ROOT / path).is_file() and Path(path).suffix in {".md", ".py", ".sol", ".toml", ".html", ".css", ".js", ".mjs"}
]
TOP_LEVEL = {
    "anchor_service", "contracts", "deploy", "docs", "findings", "hardhat-free-devnet", "requirements", "scripts",
    "tests", "verifier",
    ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "pyproject.toml",
}  # fmt: skip


def test_the_top_level_is_the_layouts():
    assert {path.split("/")[0] for path in TRACKED} <= TOP_LEVEL


def test_every_link_between_pages_leads_somewhere():
    broken = [
        f"{page}: {target}"
        for page in (path for path in TEXTS if path.endswith(".md"))
        for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text())
        if not target.startswith(("http://", "https://")) and not (ROOT / page).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_every_alert_has_its_metric_and_its_page():
    alerts = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
    source = (ROOT / "anchor_service" / "metrics.py").read_text()
    for metric in set(re.findall(r"jangkar_(\w+)", alerts)):
        assert re.search(rf'"(jangkar_)?{metric.removesuffix("_total")}"', source), metric
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    pages = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    named = set(re.findall(r"docs/runbook\.md#([a-z0-9-]+)", alerts))
    assert named <= pages
    assert len(named) == alerts.count("- alert:")


def test_every_setting_is_documented():
    page = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"`{name}`" in page
        assert field.description in page


def test_the_readme_begins_with_the_two_commands():
    commands = re.findall(r"^python3 scripts/\w+\.py", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["python3 scripts/demo.py", "python3 scripts/test.py"]


@pytest.mark.parametrize(
    "script", [path.removeprefix("scripts/") for path in TRACKED if re.fullmatch(r"scripts/(.*/)?[^_/][^/]*\.py", path)]
)
def test_every_script_says_what_it_does(script):
    done = subprocess.run(
        [sys.executable, f"scripts/{script}", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert f"scripts/{script}" in done.stdout


def test_requirements_are_pinned_by_hash_and_name_no_address():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        for line in text.splitlines():
            if re.match(r"[a-z]", line) and path.name != "overrides.txt":
                assert "==" in line


def test_the_committed_requirements_hold_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [], "the verifier needs nothing"
    pinned = {
        line.split("==")[0] for line in (ROOT / "requirements" / "dev.txt").read_text().splitlines() if "==" in line
    }
    for extra in project["optional-dependencies"].values():
        for wanted in extra:
            assert re.split(r"[\[<>=;!~ ]", wanted)[0].lower() in pinned


def test_the_artifact_is_what_the_source_gives():
    if shutil.which("npm") is None:
        missing("npm")
    done = subprocess.run(
        [sys.executable, "scripts/compile_contracts.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", ["build_browser.py", "build_pyz.py"])
def test_what_people_download_is_what_the_source_gives(script):
    if script == "build_browser.py" and shutil.which("npm") is None:
        missing("npm")
    done = subprocess.run(
        [sys.executable, f"scripts/{script}", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_archive_is_the_same_bytes_wherever_it_is_built(tmp_path):
    """In another folder, with another clock, locale and mask."""
    made = []
    for place, zone in (("one", "Asia/Jakarta"), ("two", "UTC")):
        copy = tmp_path / place
        for name in ("verifier", "docs"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        (copy / "scripts").mkdir()
        for name in ("_bootstrap.py", "_downloads.py", "build_pyz.py"):
            shutil.copy(ROOT / "scripts" / name, copy / "scripts")
        command = [sys.executable, "-S", str(copy / "scripts" / "build_pyz.py")]
        subprocess.run(command, check=True, env={"TZ": zone, "PATH": "/usr/bin:/bin"}, umask=0o077)
        made.append((copy / "dist" / "jangkar-verify.pyz").read_bytes())
    assert made[0] == made[1]
    assert hashlib.sha256(made[0]).hexdigest() in (ROOT / "docs" / "downloads.md").read_text()


def test_nothing_is_left_to_do_in_the_code():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [path for path in TEXTS if path.endswith((".py", ".sol")) and path != "tests/repo/test_repository.py"]
    assert [path for path in found if marks.search((ROOT / path).read_text())] == []


def test_no_path_of_a_machine():
    pattern = re.compile(r"/(root|home/\w+)/")
    assert [
        path for path in TEXTS if path != "tests/repo/test_repository.py" and pattern.search((ROOT / path).read_text())
    ] == []
