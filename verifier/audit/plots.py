"""Pictures of a report as SVG without scripts: every one is drawn from numbers that a table beside it holds."""

from collections.abc import Sequence
from html import escape
from math import log10

WIDTH = 900
DATE_WIDTH, NAME_LETTERS = 80, 18
LEFT, RIGHT, TOP, BOTTOM = 130, 20, 16, 34
CELL, WIDEST_CELL = 14, 30


def calendar(days: Sequence[str], rows: Sequence[tuple[str, dict[str, str]]], title: str) -> str:
    """A row for each issuer and a column for each day; a cell's class is what happened: anchored, closed or missed."""
    step = min(WIDEST_CELL, (WIDTH - LEFT - RIGHT) / max(len(days), 1))
    cells = []
    for line, (name, marks) in enumerate(rows):
        y = TOP + line * (CELL + 4)
        cells.append(_text(LEFT - 8, y + CELL - 3, _short(name), "end"))
        cells += [
            f'<rect class="{marks[day]}" x="{LEFT + column * step:.1f}" y="{y}" width="{max(step - 1, 0.6):.1f}" '
            f'height="{CELL}"><title>{escape(name)} {day}: {marks[day]}</title></rect>'
            for column, day in enumerate(days)
            if day in marks
        ]
    height = TOP + len(rows) * (CELL + 4)
    cells += _days(days, step, height + 14)
    return _svg(height + BOTTOM, title, cells)


def bars(days: Sequence[str], values: Sequence[tuple[str, int]], title: str) -> str:
    """A mark for each batch at its day and size, on a logarithmic scale from 1."""
    step = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    column = {day: number for number, day in enumerate(days)}
    decades = max(1, int(log10(max((value for _, value in values), default=1))) + 1)
    drawn = []
    for decade in range(decades + 1):
        y = TOP + 160 * (1 - decade / decades)
        drawn += [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            _text(LEFT - 8, y + 4, f"{10**decade:,}", "end"),
        ]
    for day, value in values:
        y = TOP + 160 * (1 - log10(max(value, 1)) / decades)
        x = LEFT + (column[day] + 0.5) * step
        drawn.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{day}: {value:,}</title></circle>')
    return _svg(TOP + 160 + BOTTOM, title, [*drawn, *_days(days, step, TOP + 160 + 18)])


def matrix(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[int, int]]]], title: str) -> str:
    """A row for each issuer, a column for each thing that should be whole: how many are, of how many."""
    width = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    drawn = [_text(LEFT + (at + 0.5) * width, TOP + 4, name, "middle") for at, name in enumerate(columns)]
    for line, (name, cells) in enumerate(rows):
        y = TOP + 14 + line * 26
        drawn.append(_text(LEFT - 8, y + 15, _short(name), "end"))
        for at, (done, of) in enumerate(cells):
            kind = "whole" if done == of else "none" if done == 0 else "part"
            drawn += [
                f'<rect class="{kind}" x="{LEFT + at * width + 2:.1f}" y="{y}" width="{width - 4:.1f}" height="22"/>',
                _text(LEFT + (at + 0.5) * width, y + 15, f"{done:,} / {of:,}", "middle"),
            ]
    return _svg(TOP + 14 + len(rows) * 26 + 10, title, drawn)


def steps(days: Sequence[str], series: Sequence[tuple[str, str, Sequence[int]]], title: str) -> str:
    """Lines that go up and down in steps: for each series its class, its name and its values."""
    most = max((value for _, _, values in series for value in values), default=0) or 1
    step = (WIDTH - LEFT - RIGHT - 130) / max(len(days), 1)
    drawn = [_text(LEFT - 8, TOP + 8, f"{most:,}", "end"), _text(LEFT - 8, TOP + 164, "0", "end")]
    for line, (name, label, values) in enumerate(series):
        x, height = WIDTH - RIGHT - 80, TOP + 8 + 18 * line
        drawn.append(f'<polyline class="{name}" points="{x - 24},{height - 4} {x - 4},{height - 4}"/>')
        drawn.append(_text(x, height, f"{label} {values[-1] if values else 0:,}", "start"))
        points = []
        for at, value in enumerate(values):
            y = TOP + 160 * (1 - value / most)
            points += [f"{LEFT + at * step:.1f},{y:.1f}", f"{LEFT + (at + 1) * step:.1f},{y:.1f}"]
        if points:
            drawn.append(f'<polyline class="{name}" points="{" ".join(points)}"/>')
    return _svg(TOP + 160 + BOTTOM, title, [*drawn, *_days(days, step, TOP + 160 + 18)])


def _days(days: Sequence[str], step: float, y: float) -> list[str]:
    """The first, the middle and the last day under an axis."""
    columns = sorted({0, len(days) // 2, len(days) - 1}) if days else []
    if len(days) * step < 3 * DATE_WIDTH:
        columns = columns[:1] if len(days) * step < 2 * DATE_WIDTH else [columns[0], columns[-1]]
    return [_text(LEFT + (column + 0.5) * step, y, days[column], "middle") for column in columns]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(name: str) -> str:
    """A name as far as there is room for it on the left; the table has the whole."""
    return name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1] + "…"


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title, quote=True)}">{body}</svg>'
