"""Build what runs in a visitor's browser from its sources, byte for byte.

    python3 scripts/build_browser.py           writes verifier/web/static/, and a SHA-256 into docs/downloads.md
    python3 scripts/build_browser.py --check   compares instead, and exits 1 on a difference

Two files: `page.js`, which the public page holds inline, and `jangkar-verify.html`, a whole verifier in one
file. Their words are the Python verifier's own. Needs node and npm: the bundler is npm's esbuild, pinned in
verifier/web/browser/package-lock.json. Nobody needs either to run Jangkar.
"""

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import base64  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import _downloads  # noqa: E402
import _npm  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT))

from verifier.formats import kinds  # noqa: E402
from verifier.verdict import words  # noqa: E402
from verifier.web import phrases  # noqa: E402
from verifier.web.view import MARKS, TONES  # noqa: E402

WEB = _bootstrap.ROOT / "verifier" / "web"
BROWSER = WEB / "browser"
STATIC = WEB / "static"
DOWNLOAD = "jangkar-verify.html"
# The bundled library's own files name no licence; its text stands beside the page and in the download.
NOTICE = "/*! @noble/hashes, MIT, (c) 2022 Paul Miller */"
LICENCE = STATIC / "noble-hashes.LICENSE"


def bundle(name: str, *options: str) -> str:
    """One script of all that a module imports, minified."""
    esbuild = BROWSER / "node_modules" / ".bin" / "esbuild"
    command = [
        str(esbuild), f"src/{name}.js", "--bundle", "--minify", "--format=iife", "--target=es2022", "--charset=utf8",
        "--legal-comments=none", "--log-level=warning", f"--banner:js={NOTICE}", *options,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=BROWSER, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise SystemExit(1)
    return done.stdout


def both(saying: words.Saying) -> list[str]:
    """A saying as the script holds it: Indonesian, English."""
    return [saying.id, saying.en]


def vocabulary() -> dict[str, Any]:
    """The Python verifier's words, tones and tables, so that there is one source of each."""
    return {
        "verdicts": {
            verdict: [*TONES[verdict], both(words.VERDICTS[verdict]), both(words.EXPLANATIONS[verdict])]
            for verdict in words.VERDICTS
        },
        "reasons": {name: both(saying) for name, saying in words.REASONS.items()},
        "statusReasons": {str(code): both(saying) for code, saying in words.STATUS_REASONS.items()},
        "otherReason": both(words.OTHER_REASON),
        "fromBeginning": both(words.FROM_BEGINNING),
        "leftOut": {name: both(saying) for name, saying in words.LEFT_OUT.items()},
        "byRegulator": both(words.BY_REGULATOR),
        "checks": {name: both(saying) for name, saying in words.CHECK_NAMES.items()},
        "outcomes": {outcome: [MARKS[outcome], both(words.OUTCOMES[outcome])] for outcome in MARKS},
        "phrases": {name: both(phrases.PHRASES[name]) for name in phrases.STANDALONE_WORDS},
        "fields": [[name, both(phrases.PHRASES[phrases.LABELS.get(name, name)])] for name in phrases.SHOWN_FIELDS],
        "kinds": kinds.NUMBERS,
        "remarks": {name: both(saying) for name, saying in (words.REMARKS | words.FURTHER_REMARKS).items()},
    }


def standalone() -> str:
    """The verifier in one file: markup, style and script, and a policy that lets in nothing else."""
    script = bundle("standalone", f"--define:VOCABULARY={json.dumps(vocabulary(), ensure_ascii=False)}")
    style = (WEB / "templates" / "page.css").read_text()
    text = (BROWSER / "standalone.html").read_text()
    text = text.replace("{LICENCE}", LICENCE.read_text())
    for name, value in (("STYLE", style), ("SCRIPT", script)):
        digest = base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()
        text = text.replace(f"{{{name}-SOURCE}}", f"'sha256-{digest}'").replace(f"{{{name}}}", value)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    _npm.install(BROWSER)
    built = {"page.js": bundle("page"), DOWNLOAD: standalone()}
    different = [name for name, text in built.items() if not _holds(STATIC / name, text)]
    if check:
        if not _downloads.is_published(DOWNLOAD, built[DOWNLOAD].encode()):
            different.append("docs/downloads.md")
        print(f"DIFFERENT: {', '.join(different)}" if different else "the files are what the sources give")
        return 1 if different else 0
    for name in different:
        (STATIC / name).write_text(built[name])
    _downloads.publish(DOWNLOAD, built[DOWNLOAD].encode())
    print(f"written: {', '.join(different) or 'nothing, they are what the sources give'}")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    raise SystemExit(main())
