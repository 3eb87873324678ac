"""The soak's figures: a straight line through what the processes held, a table and a picture."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

COLOURS = {"API": "#1a5fb4", "worker": "#a51d2d"}
FONT = 'font-family="sans-serif" font-size="12"'


@dataclass
class Sample:
    """What a process holds: seconds since the beginning, bytes of resident memory, open descriptors."""

    second: float
    memory: int
    descriptors: int


def line_of(samples: list[Sample]) -> tuple[float, float, float]:
    """Of the second half: mean memory in MiB, growth in percent of it within the whole run, descriptors gained."""
    half = [one for one in samples if one.second >= samples[-1].second / 2]
    length = samples[-1].second
    memory = sum(one.memory for one in half) / len(half)
    growth = _slope([(one.second, one.memory) for one in half]) * length / memory * 100
    return memory / 2**20, growth, _slope([(one.second, one.descriptors) for one in half]) * length


def _slope(points: list[tuple[float, float]]) -> float:
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def write(report: Path, version: str, asked: str, result: str, samples: dict[str, list[Sample]]) -> None:
    """Write the report with its picture beside it."""
    lines = {name: line_of(found) for name, found in samples.items()}
    picture = report.with_suffix(".svg")
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(_plot(samples))
    rows = "\n".join(
        f"| {name} | {memory:.0f} MiB | {growth:+.1f} % | {more:+.1f} |"
        for name, (memory, growth, more) in lines.items()
    )
    report.write_text(
        f"""# Soak

`python3 scripts/campaigns/soak.py {asked}`

At {version}, on {os.cpu_count()} cores, Python {platform.python_version()}. `--help` says what is done. The lines go
through the second half of the run.

| process | memory | growth within the run | descriptors gained |
| --- | --- | --- | --- |
{rows}

![Resident memory of both processes over time]({picture.name})

`{result}`
"""
    )


def _plot(samples: dict[str, list[Sample]]) -> str:
    width, height, left, bottom = 720, 260, 60, 30
    length = max(found[-1].second for found in samples.values())
    most = max(one.memory for found in samples.values() for one in found) * 1.1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT}>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for step in range(5):
        y = height - bottom - step / 4 * (height - bottom - 10)
        parts.append(f'<path d="M{left} {y:.1f}H{width - 10}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{step / 4 * most / 2**20:.0f} MiB</text>')
    for name, found in samples.items():
        points = " ".join(
            f"{left + one.second / length * (width - left - 10):.1f},"
            f"{height - bottom - one.memory / most * (height - bottom - 10):.1f}"
            for one in found
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        x, y = points.rsplit(" ", 1)[-1].split(",")
        place = f'x="{x}" y="{float(y) - 8:.1f}" text-anchor="end"'
        parts.append(f'<text {place} fill="{COLOURS[name]}">{name}</text>')
    parts.append(f'<text x="{left}" y="{height - 8}">0</text>')
    parts.append(f'<text x="{width - 10}" y="{height - 8}" text-anchor="end">{length / 60:.0f} minutes</text></svg>')
    return "\n".join(parts) + "\n"
