"""The auditors' guide, followed literally in both languages: each command prints what the guide says."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import missing

ROOT = Path(__file__).parents[2]
GUIDES = ("auditing.md", "pemeriksaan.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "<<that was all>>"


@pytest.fixture(scope="module")
def demo() -> Iterator[None]:
    """What the guide asks for: the demo, left up."""
    if shutil.which("curl") is None:
        missing("curl")
    command = [sys.executable, "scripts/demo.py", "--serve"]
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert running.stdout
    said = []
    for line in running.stdout:
        said.append(line)
        if line.startswith("Press Ctrl-C"):
            break
    assert running.poll() is None, "".join(said)
    yield
    # The demo and its servers together, as a closed terminal ends them.
    os.killpg(running.pid, signal.SIGTERM)
    running.communicate(timeout=60)


def steps(guide: str) -> list[tuple[str, str]]:
    """The commands of a guide, each with what it should print."""
    found: list[tuple[list[str], list[str]]] = []
    for block in BLOCK.findall((ROOT / "docs" / guide).read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(([line[2:]], []))
            elif line.startswith("> ") or line == ">":
                found[-1][0].append(line[2:])
            else:
                found[-1][1].append(line)
    return [("\n".join(command), "\n".join(printed)) for command, printed in found]


def fits(said: str, wanted: str) -> bool:
    """Whether a text is the wanted one, of which `...` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, said, re.DOTALL) is not None


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("guide", GUIDES)
def test_each_command_prints_what_the_guide_says(guide):
    commands = steps(guide)
    assert len(commands) > 20
    made = ("tampered", "audit", "next", "broken", "history.bundle", "watch.json", "seen.json")
    for name in made:
        place = ROOT / "demo-output" / name
        shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)
    # One shell for all of them, as a person has it; a line after each command tells where its output ends.
    script = "\n".join(f"{command}\necho '{END}'" for command, _ in commands)
    done = subprocess.run(
        ["bash", "-s"], cwd=ROOT, input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    printed = [part.strip("\n") for part in done.stdout.split(f"{END}\n")[:-1]]
    assert len(printed) == len(commands)
    wrong = [
        f"$ {command}\n{said}\n--- the guide says\n{wanted}"
        for (command, wanted), said in zip(commands, printed, strict=True)
        if not fits(said, wanted.strip("\n"))
    ]
    assert wrong == [], "\n\n".join(wrong)


def test_the_guides_have_the_same_commands():
    english, indonesian = ([command for command, _ in steps(guide)] for guide in GUIDES)
    assert [command.replace(" --lang id", "") for command in indonesian] == english
