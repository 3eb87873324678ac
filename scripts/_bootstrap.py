"""Makes or reuses `.venv` and runs the calling script in it. Standard library only.

A script calls `enter("run")` or `enter("dev")` before it imports anything else. The packages are
the hash-pinned ones of `requirements/`, installed whole and without resolving; `uv` is used when
it is there, else `venv` and `pip`. `tools` makes a second environment beside it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("JANGKAR_VENV", ROOT / ".venv"))
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
# Each set holds the one before it.
SETS = ("run", "dev")


def enter(wanted: str) -> None:
    """Continue in the virtual environment with the packages of `wanted`; return once there.

    Exits with 2 and the remedy when Python is too old, or when no environment can be made.
    """
    if sys.version_info < OLDEST:
        _refuse(f"Jangkar needs Python {OLDEST[0]}.{OLDEST[1]} or later; this is {sys.version.split()[0]}")
    if not _is_ready(wanted):
        _install(wanted)
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])  # noqa: S606  (no shell is wanted)


def tools(name: str) -> Path:
    """The folder of programs of a set that stands apart, because its packages and ours exclude each other.

    Makes or reuses `.venv-NAME` from `requirements/NAME.txt`. Exits as `enter` does.
    """
    venv = ROOT / f".venv-{name}"
    stamp = venv / f"installed-{name}"
    if not stamp.exists() or stamp.read_text() != _fingerprint(name):
        _fill(venv, name)
        stamp.write_text(_fingerprint(name))
    return venv / "bin"


def _requirements(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def _fingerprint(name: str) -> str:
    parts = (_requirements(name).read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _is_ready(wanted: str) -> bool:
    enough = SETS[SETS.index(wanted) :]
    stamps = {VENV / f"installed-{name}": _fingerprint(name) for name in enough}
    return PYTHON.exists() and any(stamp.exists() and stamp.read_text() == print_ for stamp, print_ in stamps.items())


def _install(wanted: str) -> None:
    pip = _fill(VENV, wanted)
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    (VENV / f"installed-{wanted}").write_text(_fingerprint(wanted))


def _fill(venv: Path, wanted: str) -> list[str]:
    """Install a set into an environment. Returns the command that installs more."""
    print(
        f"Preparing {venv} ({'uv' if shutil.which('uv') else 'venv and pip: a few minutes the first time'}) ...",
        flush=True,
    )
    python = venv / "bin" / "python"
    if not python.exists() or not (shutil.which("uv") or _has_pip(python)):
        _make_environment(venv)
    if shutil.which("uv"):
        pip = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    else:
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    _run([*pip, "--no-deps", "--require-hashes", "-r", str(_requirements(wanted))])
    return pip


def _has_pip(python: Path) -> bool:
    # An environment that uv made has none; uv may be gone since.
    asked = subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False)
    return asked.returncode == 0


def _make_environment(venv: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--python", sys.executable, str(venv)])
        return
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        _refuse("no virtual environment can be made: sudo apt-get install -y python3-venv")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        _refuse(f"this failed, see above: {' '.join(command)}")


def _refuse(reason: str) -> None:
    print(reason, file=sys.stderr)
    raise SystemExit(2)
