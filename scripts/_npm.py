"""Packages from npm, as a folder's package-lock.json pins them."""

import shutil
import subprocess
import sys
from pathlib import Path


def install(folder: Path) -> None:
    """Install the packages of a folder's package-lock.json. Exits with 2 where npm is missing."""
    wanted = (folder / "package-lock.json").read_bytes()
    stamp = folder / "node_modules" / ".jangkar-lock"
    if not stamp.exists() or stamp.read_bytes() != wanted:
        npm = shutil.which("npm")
        if npm is None:
            print("npm is not here: sudo apt-get install -y nodejs npm", file=sys.stderr)
            raise SystemExit(2)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True)
        stamp.write_bytes(wanted)
