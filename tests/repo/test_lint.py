"""What pyproject.toml excuses from the linter is there."""

import json
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RUFF = Path(sys.prefix) / "bin" / "ruff"


def test_every_ignored_rule_has_a_finding():
    """A rule that is ignored for some files needs one there that is not ignored everywhere already."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    everywhere, in_files = options["lint"].pop("ignore"), options["lint"].pop("per-file-ignores")
    found = _findings(options)
    left = {(rule, path) for rule, path in found if not rule.startswith(tuple(everywhere))}
    idle = [ignored for ignored in everywhere if not any(rule.startswith(ignored) for rule, _ in found)]
    idle += [
        f"{pattern}: {ignored}"
        for pattern, rules in in_files.items()
        for ignored in rules
        if not any(rule.startswith(ignored) and fnmatch(path, pattern) for rule, path in left)
    ]
    assert idle == []


def _findings(options: dict[str, Any]) -> set[tuple[str, str]]:
    """Rule and path of what ruff finds with these options alone. On the command line ignores could only be added."""
    command = [str(RUFF), "check", "--isolated", "--no-cache", "--exit-zero", "--output-format", "json"]
    for option in _flat(options):
        command += ["--config", option]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))
    return {(finding["code"], Path(finding["filename"]).relative_to(ROOT).as_posix()) for finding in found}


def _flat(options: dict[str, Any], prefix: str = "") -> list[str]:
    """Each option as TOML on a line of its own."""
    lines = []
    for name, value in options.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {json.dumps(value)}")
    return lines
