"""The files of deploy/, read as systemd does, and what they make in a folder that stands for a machine's root."""

import shutil
import subprocess
from pathlib import Path

from commands import Identity
from tools import missing

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted(path.stem for path in (DEPLOY / "systemd").glob("*.service"))


class Unit:
    """One service. What is named several times is one list, as paths and filters are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._values: dict[str, list[str]] = {}
        # In systemd's order: the unit, then what all of them share.
        for path in (f"{name}.service", "jangkar-.service.d/sandbox.conf"):
            for line in (DEPLOY / "systemd" / path).read_text().splitlines():
                key, is_value, value = line.partition("=")
                if is_value and not line.startswith("#"):
                    self._values.setdefault(key, []).append(value)

    def all(self, key: str) -> list[str]:
        return " ".join(self._values.get(key, [])).split()

    def one(self, key: str) -> str:
        (value,) = self._values[key]
        return value

    @property
    def writes(self) -> list[str]:
        return [path.removeprefix("-") for path in self.all("ReadWritePaths")]

    @property
    def may_not_see(self) -> list[str]:
        return [path.removeprefix("-") for path in self.all("InaccessiblePaths")]


class Machine:
    """A folder in which the users and folders of deploy/ are made, by systemd's own tools. Needs root."""

    def __init__(self, root: Path) -> None:
        if shutil.which("systemd-sysusers") is None:
            missing("systemd")
        self.root = root
        for name in ("etc", "usr/lib", "var/lib", "srv"):
            (root / name).mkdir(parents=True)
        self._run("systemd-sysusers", f"--root={root}", str(DEPLOY / "sysusers.d" / "jangkar.conf"))
        self.set_owners()

    def set_owners(self) -> None:
        """Make what is missing, and give each path its owner and mode."""
        self._run("systemd-tmpfiles", f"--root={self.root}", "--create", str(DEPLOY / "tmpfiles.d" / "jangkar.conf"))

    def path(self, path: str) -> Path:
        """Where an absolute path is here."""
        return self.root / path.lstrip("/")

    def identity(self, unit: Unit) -> Identity:
        """Whom a unit runs as."""
        users = dict(line.split(":")[0:3:2] for line in self.path("/etc/passwd").read_text().splitlines())
        groups = dict(line.split(":")[0:3:2] for line in self.path("/etc/group").read_text().splitlines())
        return Identity(int(users[unit.one("User")]), int(groups[unit.one("Group")]), int(unit.one("UMask"), 8))

    def may(self, unit: Unit, test: str, path: str) -> bool:
        """Whether a unit's user may read (`-r`), write (`-w`), list or enter (`-x`) a path, by its owner and mode."""
        user, group, _ = self.identity(unit)
        asked = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "test", test, str(self.path(path))]
        return subprocess.run(asked, check=False, cwd="/").returncode == 0

    @staticmethod
    def _run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)
