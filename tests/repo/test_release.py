"""What people download, built in two places: the same bytes, with bills of materials and where they come from."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import _bootstrap
import pytest
from tools import missing

ROOT = Path(__file__).parents[2]
NAMES = ("jangkar-0.1.0-py3-none-any.whl", "jangkar-verify.pyz", "jangkar-verify.html")
PROGRAM = "import build_release; raise SystemExit(build_release.main())"
# Who commits and when are part of a commit's digest.
COMMITTED = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
             (("NAME", "Jangkar"), ("EMAIL", "jangkar@example"), ("DATE", "2026-11-27T00:00:00Z"))}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True, env=os.environ | COMMITTED).strip()


def released(folder: Path, *options: str, mask: int = 0o022, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *options],
        cwd=folder / "scripts",
        env=os.environ | environment,
        umask=mask,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same commit in two folders, with what differs in this working copy from its own."""
    if shutil.which("git") is None:
        missing("git")
    names = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    made = []
    for place in ("one", "two"):
        folder = tmp_path_factory.mktemp(place) / "jangkar"
        for name in names:
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        git(folder, "init", "--quiet")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "A release")
        made.append(folder)
    return made


def test_a_release_is_the_same_bytes_wherever_it_is_built(checkouts, tmp_path):
    one, two = checkouts
    downloaded = tmp_path / "downloaded"
    done = released(one, "--out", str(downloaded), TZ="Asia/Jakarta")
    assert done.returncode == 0, done.stderr
    compared = released(two, "--check", str(downloaded), mask=0o077, TZ="UTC", SOURCE_DATE_EPOCH="1234567890")
    assert (compared.returncode, compared.stdout) == (0, "8 files, 0 differ\n"), compared
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=downloaded, check=True, capture_output=True)
    statement = json.loads((downloaded / "provenance.json").read_text())
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in downloaded.iterdir()
        if path.name not in {"provenance.json", "SHA256SUMS"}
    }
    inputs = {one["name"]: one["digest"] for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert inputs["jangkar"] == {"gitCommit": git(two, "rev-parse", "HEAD")}
    for name in NAMES[1:]:
        assert hashlib.sha256((downloaded / name).read_bytes()).hexdigest() in (ROOT / "docs/downloads.md").read_text()
    (downloaded / NAMES[1]).write_bytes(b"another")
    (downloaded / "more").touch()
    compared = released(two, "--check", str(downloaded))
    assert (compared.returncode, compared.stdout) == (1, f"{NAMES[1]} DIFFERS\nmore DIFFERS\n8 files, 2 differ\n")
    (two / "LICENSE").write_text("another\n")
    assert released(two, "--out", str(tmp_path / "never")).returncode == 2
    assert not (tmp_path / "never").exists()


def test_a_bill_names_all_that_a_file_brings_or_asks_for(checkouts, tmp_path):
    assert released(checkouts[0], "--out", str(tmp_path)).returncode == 0
    bills = {name: json.loads((tmp_path / f"{name}.cdx.json").read_text()) for name in NAMES}
    for name, bill in bills.items():
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
        (digest,) = bill["metadata"]["component"]["hashes"]
        assert digest == {"alg": "SHA-256", "content": hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}
        references = [one["bom-ref"] for one in bill["components"]]
        assert len(references) == len(set(references))
    pinned = _bootstrap.pinned((ROOT / "requirements" / "run.txt").read_text())
    wheel, archive, page = (bills[name]["components"] for name in NAMES)
    assert {(one["name"], one["version"]) for one in wheel} == set(pinned)
    asked = [one["properties"][0]["value"] for one in wheel if "properties" in one]
    assert len(asked) == sum(" ; " in block.splitlines()[0] for block in pinned.values()) > 0
    assert all(value.isprintable() and "\\" not in value for value in asked)
    assert archive == []
    assert [one["name"] for one in page if one["scope"] == "required"] == ["@noble/hashes"]
    with zipfile.ZipFile(tmp_path / NAMES[0]) as packed:
        assert packed.testzip() is None
        assert "verifier/web/static/jangkar-verify.html" in packed.namelist()


def test_the_wheel_can_be_installed(checkouts, tmp_path):
    assert released(checkouts[0], "--out", str(tmp_path)).returncode == 0
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(tmp_path / NAMES[0])]
    subprocess.run(install, check=True)
    done = subprocess.run([python, "-I", "-m", "verifier", "--help"], cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == 0
