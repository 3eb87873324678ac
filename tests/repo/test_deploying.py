"""What deploy/ promises: little is exposed, each process has its own user, and nothing unpinned is installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools import missing
from units import DEPLOY, UNITS, Unit

ROOT = DEPLOY.parent
README = (DEPLOY / "README.md").read_text()
MOST_EXPOSED = 3.0
SECRETS = ("/var/lib/jangkar/key", "/srv/jangkar-entries", "/srv/jangkar-backups")


@pytest.mark.parametrize("name", UNITS)
def test_little_of_the_machine_is_exposed_to_a_unit(name):
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze")
    unit = str(DEPLOY / "systemd" / f"{name}.service")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        check=True,
        capture_output=True,
        text=True,
    )
    exposed = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout + done.stderr)
    assert float(exposed[1]) <= MOST_EXPOSED
    checked = subprocess.run(["systemd-analyze", "verify", unit], check=False, capture_output=True, text=True).stderr
    # A key or a value that systemd does not know is left out in silence, but for a line here.
    ours = [line for line in checked.splitlines() if "jangkar" in line]
    assert [line for line in ours if "is not executable" not in line] == []


def test_who_is_reached_from_outside_has_neither_key_nor_entries():
    assert len({Unit(name).one("User") for name in ("jangkar-api", "jangkar-worker", "jangkar-mirror")}) == 3
    for name in ("jangkar-api", "jangkar-mirror"):
        assert set(SECRETS) <= set(Unit(name).may_not_see)
    assert "/var/lib/jangkar/key" in Unit("jangkar-backup").may_not_see
    page = Unit("jangkar-page")
    assert page.one("DynamicUser") == "yes"
    assert page.writes == []
    assert {"/var/lib/jangkar", "/srv"} <= set(page.may_not_see)


def test_every_unit_and_every_user_is_in_the_readme():
    for name in UNITS:
        assert f"`systemd/{name}.service`" in README
    for user in re.findall(r"^u (\S+)", (DEPLOY / "sysusers.d" / "jangkar.conf").read_text(), re.MULTILINE):
        assert f"| `{user}` |" in README
    for path in re.findall(r"^[df] (\S+)", (DEPLOY / "tmpfiles.d" / "jangkar.conf").read_text(), re.MULTILINE):
        assert f"`{path}" in README


def test_the_readmes_install_line_asks_no_index_for_a_build_system(tmp_path):
    """What is built with is pinned in run.txt, by hash, and installed before."""
    install = re.findall(r"/opt/jangkar/bin/pip (install [^&\n]*)", README)
    assert "--require-hashes" in install[0]
    assert "hatchling==" in (ROOT / "requirements" / "run.txt").read_text()
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    # Stands for what the first line has installed.
    installed = str(Path(pytest.__file__).parents[1])
    pip = [str(tmp_path / "venv" / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *install[1].split()]
    environment = os.environ | {"PIP_NO_INDEX": "1", "PYTHONPATH": installed}
    done = subprocess.run(pip, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [str(tmp_path / "venv" / "bin" / "jangkar-verify"), "--help"]
    assert subprocess.run(found, cwd=tmp_path, check=False, capture_output=True).returncode == 0
