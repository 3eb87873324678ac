"""Build everything that people download, the same bytes on every machine, with bills of materials and a statement.

    python3 scripts/build_release.py                  writes dist/release/
    python3 scripts/build_release.py --check FOLDER   compares a folder that was downloaded with what this commit gives

The wheel, jangkar-verify.pyz, jangkar-verify.html; for each a bill of materials (.cdx.json, CycloneDX 1.6);
provenance.json (in-toto v1, SLSA provenance v1), which names commit, command and inputs; SHA256SUMS. Nothing may be
changed since the commit. Exits 1 on a difference. jangkar-verify.html is the committed one, which
`python3 scripts/build_browser.py --check` builds anew.
"""

import _bootstrap

if __name__ == "__main__":
    _bootstrap.enter("run")

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import _bills
import build_pyz

ROOT = _bootstrap.ROOT
PAGE = "verifier/web/static/jangkar-verify.html"
# What decides the bytes beside the sources.
PINS = ("requirements/run.txt", "verifier/web/browser/package-lock.json")
SUMS, STATEMENT = "SHA256SUMS", "provenance.json"


def build() -> dict[str, bytes]:
    """Each file of a release, by name."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    wheel, data = _wheel()
    page = Path(PAGE)
    made = {wheel: data, build_pyz.NAME: build_pyz.build(), page.name: (ROOT / page).read_bytes()}
    bills = {wheel: _bills.of_python, build_pyz.NAME: _bills.of_nothing, page.name: _bills.of_browser}
    made |= {f"{name}.cdx.json": bill(name, made[name], version) for name, bill in bills.items()}
    made[STATEMENT] = _statement(made)
    made[SUMS] = "".join(f"{_sha256(made[name])}  {name}\n" for name in sorted(made)).encode()
    return made


def _wheel() -> tuple[str, bytes]:
    """The wheel's name, and its bytes as hatchling makes them, but stored: a zlib of another make packs differently."""
    with tempfile.TemporaryDirectory(prefix="jangkar-") as scratch:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", scratch]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        (path,) = Path(scratch).iterdir()
        stored = io.BytesIO()
        with zipfile.ZipFile(path) as packed, zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as file:
            for member in packed.infolist():
                again = zipfile.ZipInfo(member.filename, build_pyz.DATE)
                again.create_system = 3
                again.external_attr = 0o644 << 16
                file.writestr(again, packed.read(member))
        return path.name, stored.getvalue()


def _statement(made: dict[str, bytes]) -> bytes:
    """What was built, from what, by which command. Signed by nobody: whoever repeats it gets the same bytes."""
    pins = [{"name": name, "digest": {"sha256": _sha256((ROOT / name).read_bytes())}} for name in PINS]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": _sha256(data)}} for name, data in sorted(made.items())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:jangkar:release:1",
                "externalParameters": {"command": "python3 scripts/build_release.py"},
                "resolvedDependencies": [
                    {"name": "jangkar", "digest": {"gitCommit": _git("rev-parse", "HEAD")}},
                    *pins,
                ],
            },
            "runDetails": {"builder": {"id": "urn:jangkar:anybody"}},
        },
    }
    return json.dumps(statement, indent=1).encode() + b"\n"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="compare this folder's files, write nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "release", help="folder (default: dist/release)")
    options = parser.parse_args()
    if changed := _git("status", "--porcelain"):
        print(f"commit first, what is built has to be a commit's:\n{changed}", file=sys.stderr)
        return 2
    made = build()
    if options.check:
        there = {path.name: path.read_bytes() for path in options.check.iterdir() if path.is_file()}
        differing = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
        for name in differing:
            print(f"{name} DIFFERS")
        print(f"{len(made)} files, {len(differing)} differ")
        return 1 if differing else 0
    options.out.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        (options.out / name).write_bytes(data)
    print(f"written: {options.out}, {len(made)} files, commit {_git('rev-parse', 'HEAD')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
