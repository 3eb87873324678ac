"""What the benchmarks share: each writes its own section of docs/benchmarks.md, with the machine and a picture."""

import json
import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "pictures"
# What is measured beside ours: npm packages of its package.json, Python packages of requirements/.
PEERS = ROOT / "scripts" / "benchmarks" / "peers"

HEAD = """# Benchmarks

Each section is written by the command that stands in it, and holds for the machine and versions that it names. Ratios
are between things that were measured in the same run, in turn; figures are medians. See also [gas](gas.md) and
[what an audit costs](audit-cost.md).
"""
SECTIONS = ("The tree", "The night", "Documents to proofs", "Serving receipts", "Taking PDFs in", "Verifying")

# Distinguishable without colours too: each line has its name at its end.
COLOURS = ("#0b5", "#c33", "#26c", "#a60", "#818", "#066")
WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 720, 400, 70, 45, 190, 20


def write(title: str, text: str) -> None:
    """Put a section into the page, in the place of an earlier one."""
    page = PAGE.read_text() if PAGE.exists() else ""
    found = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    found[title] = f"\n{text.strip()}\n\n"
    body = "".join(f"\n## {name}\n{found[name].rstrip()}\n" for name in SECTIONS if name in found)
    PAGE.write_text(HEAD + body)


def machine(*packages: str) -> str:
    """What was measured on: cores, processor, Python, and these packages."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    named = "".join(f", {name} {version(name)}" for name in packages)
    return f"{os.cpu_count()} cores ({model}), Linux, Python {platform.python_version()}{named}"


def install_npm_peers() -> None:
    """Install the npm packages that ours are measured beside. Exits with the remedy where there is no npm."""
    if shutil.which("npm") is None:
        raise SystemExit("npm is not here: sudo apt-get install -y nodejs npm")
    command = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=PEERS, check=True)


def npm_pinned() -> dict[str, str]:
    """The npm packages that ours are measured beside, with their versions."""
    found: dict[str, str] = json.loads((PEERS / "package.json").read_text())["dependencies"]
    return found


def pinned(name: str) -> dict[str, str]:
    """What a set of requirements names, with its versions."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    return dict(line.split("==", 1) for line in lines if "==" in line)


def plot(name: str, title: str, unit: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> Path:
    """A log-log picture of how something grows: for each name its points of size and value."""
    points = [point for line in series.values() for point in line]
    spans = [_powers(axis) for axis in zip(*points, strict=True)]

    def place(point: tuple[float, float]) -> tuple[float, float]:
        (left, right), (low, high) = spans
        across = (math.log10(point[0]) - left) / (right - left)
        up = (math.log10(point[1]) - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"',
        f' font-size="12" role="img" aria-label="{title}"><rect width="100%" height="100%" fill="#fff"/>',
    ]
    for power in range(spans[0][0], spans[0][1] + 1):
        x, _ = place((10.0**power, 10.0 ** spans[1][0]))
        parts.append(
            f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{10**power:,}</text>'
        )
    for power in range(spans[1][0], spans[1][1] + 1):
        _, y = place((10.0 ** spans[0][0], 10.0**power))
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    ends = _apart([place(line[-1])[1] for line in series.values()])
    for (label, line), colour, end in zip(series.items(), COLOURS * 3, ends, strict=False):
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, line))
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in map(place, line))
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}')
        parts.append(f'<text x="{place(line[-1])[0] + 8:.1f}" y="{end + 4:.1f}" fill="{colour}">{label}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{title}</text>'
        f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">{unit}</text>'
        "</svg>\n"
    )
    path = PICTURES / f"{name}.svg"
    path.write_text("\n".join(parts))
    return path


def _powers(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that hold these values between them."""
    least, most = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return least, max(most, least + 1)


def _apart(heights: Sequence[float]) -> list[float]:
    """The same heights, moved down where two names would stand on each other."""
    placed: dict[int, float] = {}
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        placed[index] = max(heights[index], max(placed.values(), default=-99.0) + 14)
    return [placed[index] for index in range(len(heights))]
