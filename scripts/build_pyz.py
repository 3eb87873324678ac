"""Build the verifier as one file that plain Python runs, the same bytes on every machine.

    python3 scripts/build_pyz.py           writes dist/jangkar-verify.pyz, and its SHA-256 into docs/downloads.md
    python3 scripts/build_pyz.py --check   builds in memory, compares with docs/downloads.md, exits 1 on a difference

The file needs Python 3.11 or later and nothing else: `python3 -I -S jangkar-verify.pyz check FILE --policy POLICY`.
Its members are stored, in order, with one fixed date: no clock, folder order or zlib has a part in it.
"""

import argparse
import io
import zipfile
from pathlib import Path

import _bootstrap
import _downloads

NAME = "jangkar-verify.pyz"
VERIFIER = _bootstrap.ROOT / "verifier"
PAGE = VERIFIER / "web"
SHEBANG = b"#!/usr/bin/env python3\n"
MAIN = "from verifier.cli import main\n\nraise SystemExit(main())\n"
# The earliest that the format knows.
DATE = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """The archive's bytes. The public page needs other packages, and is left out."""
    paths = [path for path in VERIFIER.rglob("*.py") if PAGE not in path.parents]
    members = {f"verifier/{path.relative_to(VERIFIER)}": path.read_text() for path in paths} | {"__main__.py": MAIN}
    archive = io.BytesIO()
    archive.write(SHEBANG)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, text in sorted(members.items()):
            member = zipfile.ZipInfo(name, DATE)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            file.writestr(member, text)
    return archive.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the published SHA-256, write nothing")
    parser.add_argument(
        "--out", type=Path, default=_bootstrap.ROOT / "dist", help="folder for the file (default: dist)"
    )
    options = parser.parse_args()
    data = build()
    if options.check:
        same = _downloads.is_published(NAME, data)
        print("the file is the published one" if same else "the file DIFFERS from the published one")
        return 0 if same else 1
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / NAME
    path.write_bytes(data)
    path.chmod(0o755)
    _downloads.publish(NAME, data)
    print(f"written: {path}, {len(data)} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
