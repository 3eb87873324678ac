"""Makes or reuses `.venv` and runs the calling script in it. Standard library only.

A script calls `enter("run")` or `enter("dev")` before it imports anything else. The packages are
the hash-pinned ones of `requirements/`, installed whole and without resolving; `uv` is used when
it is there, else `venv` and `pip`. `tools` makes a second environment beside it.

What is there already is not installed again, and what was installed is compiled once: where Python
writes no bytecode (`PYTHONDONTWRITEBYTECODE`), each start would compile it anew.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("JANGKAR_VENV", ROOT / ".venv"))
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
# Each set holds the one before it.
SETS = ("run", "dev")
# What an editable install makes known.
OURS = ("anchor_service", "verifier", "doorkeeper", "hardhat-free-devnet/jangkar_devnet")
# pip reads the index of one package after the other, and most of a first start is that and waiting for the network.
INSTALLED_AT_ONCE = 3
# Not imported by anything of ours, or compiled already.
NOT_COMPILED = r"site-packages[/\\](pip|setuptools|pkg_resources|mypyc?|pygments[/\\]lexers|.*[/\\]tests?)[/\\]"

_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)")


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
        _compile(venv).wait()
        stamp.write_text(_fingerprint(name))
    return venv / "bin"


def pinned(text: str) -> dict[tuple[str, str], str]:
    """What a requirements file pins: name and version, both as a folder of metadata has them, and its lines."""
    blocks: dict[tuple[str, str], str] = {}
    # A requirement goes on in the next line after a backslash, and its hashes are such lines.
    for block in re.findall(r"^[^\s#][^\n]*(?:(?<=\\)\n[^\n]*)*\n?", text, re.MULTILINE):
        match = _PINNED.match(block)
        if match is None:
            raise ValueError(f"not a pinned requirement: {block[:80]}")
        blocks[_plain(match[1]), match[2]] = block.rstrip("\n") + "\n"
    return blocks


def installed(venv: Path) -> set[tuple[str, str]]:
    """Name and version of all that was installed to its end."""
    # INSTALLER is written last: what a killed installation left behind has none.
    markers = venv.glob("lib/python*/site-packages/*.dist-info/INSTALLER")
    parts = (marker.parent.name.removesuffix(".dist-info").rpartition("-") for marker in markers)
    return {(_plain(name), version) for name, _, version in parts}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def _fingerprint(name: str) -> str:
    # With this file: an environment that an older one made may lack what this one does.
    files = (_requirements(name), ROOT / "pyproject.toml", Path(__file__))
    parts = (*(path.read_bytes() for path in files), str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _is_ready(wanted: str) -> bool:
    enough = SETS[SETS.index(wanted) :]
    stamps = {VENV / f"installed-{name}": _fingerprint(name) for name in enough}
    return PYTHON.exists() and any(stamp.exists() and stamp.read_text() == print_ for stamp, print_ in stamps.items())


def _install(wanted: str) -> None:
    pip = _fill(VENV, wanted)
    compiling = _compile(VENV)
    # What is installed editably depends on pyproject.toml alone, and another set may have brought it.
    ours = VENV / "installed-ours"
    print_ = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()).hexdigest()
    if not ours.exists() or ours.read_text() != print_:
        _run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
        ours.write_text(print_)
    compiling.wait()
    (VENV / f"installed-{wanted}").write_text(_fingerprint(wanted))


def _fill(venv: Path, wanted: str) -> list[str]:
    """Install what an environment lacks of a set. Returns the command that installs more."""
    uv = shutil.which("uv")
    python = venv / "bin" / "python"
    print(f"Preparing {venv} ({'uv' if uv else 'venv and pip: a minute the first time'}) ...", flush=True)
    if not python.exists() or not (uv or _has_pip(python)):
        _make_environment(venv)
    if uv:
        pip = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    there = installed(venv)
    lacking = [block for key, block in pinned(_requirements(wanted).read_text()).items() if key not in there]
    if not lacking:
        return pip
    # Two installers in one environment do not meet: each writes the files of its own packages, and asks for no others.
    at_once = 1 if uv else min(INSTALLED_AT_ONCE, len(lacking))
    with tempfile.TemporaryDirectory(prefix="jangkar-") as scratch:
        started = []
        for number in range(at_once):
            part = Path(scratch, f"part-{number}.txt")
            part.write_text("".join(lacking[number::at_once]))
            command = [*pip, "--no-deps", "--require-hashes", "-r", str(part)]
            started.append((command, subprocess.Popen(command, cwd=ROOT)))
        for command, code in [(command, process.wait()) for command, process in started]:
            _check(command, code)
    return pip


def _compile(venv: Path) -> "subprocess.Popen[bytes]":
    """Begin to compile what is installed, and what is ours, by all processors. What fails to compile is never asked."""
    places = [*map(str, venv.glob("lib/python*/site-packages")), *(str(ROOT / name) for name in OURS)]
    command = [str(venv / "bin" / "python"), "-m", "compileall", "-qq", "-j", "0", "-x", NOT_COMPILED, *places]
    return subprocess.Popen(command, cwd=ROOT)


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
    _check(command, subprocess.run(command, cwd=ROOT, check=False).returncode)


def _check(command: list[str], code: int) -> None:
    if code:
        _refuse(f"this failed, see above: {' '.join(command)}")


def _refuse(reason: str) -> None:
    print(reason, file=sys.stderr)
    raise SystemExit(2)
