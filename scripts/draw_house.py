"""Draw the house into CONTRIBUTING.md: the rooms of service and verifier, storey above storey, from their imports.

    python3 scripts/draw_house.py           write it
    python3 scripts/draw_house.py --check   compare it

A room is a package or a module that stands directly in `anchor_service` or `verifier`; what it is comes from its
docstring. It stands one storey above the highest room that it imports from. Exits with 1 where the picture is stale or
two rooms stand on each other.
"""

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import ast  # noqa: E402
import sys  # noqa: E402
import textwrap  # noqa: E402
from collections.abc import Mapping  # noqa: E402

import grimp  # noqa: E402

PAGE = _bootstrap.ROOT / "CONTRIBUTING.md"
HOUSES = ("anchor_service", "verifier")
BEGIN, END = "<!-- drawn by scripts/draw_house.py -->\n", "<!-- until here -->\n"
WIDTH = 118
# What only begins a program.
NO_ROOMS = ("__main__",)

Rooms = Mapping[str, set[str]]


class RoomsStandOnEachOther(Exception):
    """Rooms import one another in a circle: there is no storey for them."""


def draw() -> str:
    """Both houses as text, the highest storey first."""
    graph = grimp.build_graph(*HOUSES, cache_dir=None)
    drawn = [_draw_one(name, stands_on(graph, name)) for name in HOUSES]
    return "```\n" + "\n".join(drawn) + "```\n"


def stands_on(graph: grimp.ImportGraph, house: str) -> dict[str, set[str]]:
    """Each room of a house with the rooms that it imports from."""
    rooms = [name for name in graph.find_children(house) if name.rpartition(".")[2] not in NO_ROOMS]
    return {
        room.rpartition(".")[2]: {
            other.rpartition(".")[2]
            for other in rooms
            if other != room and graph.direct_import_exists(importer=room, imported=other, as_packages=True)
        }
        for room in rooms
    }


def storeys(rooms: Rooms) -> list[list[str]]:
    """The rooms by storey, the lowest first. Raises: RoomsStandOnEachOther."""
    built: list[list[str]] = []
    placed: set[str] = set()
    while len(placed) < len(rooms):
        storey = sorted(room for room, below in rooms.items() if room not in placed and below <= placed)
        if not storey:
            raise RoomsStandOnEachOther(", ".join(sorted(set(rooms) - placed)))
        built.append(storey)
        placed |= set(storey)
    return built


def nearest(rooms: Rooms, room: str) -> list[str]:
    """The rooms that one stands on, without those that these stand on themselves."""
    further: set[str] = set()
    waiting = [other for below in rooms[room] for other in rooms[below]]
    while waiting:
        other = waiting.pop()
        if other not in further:
            further.add(other)
            waiting += rooms[other]
    return sorted(rooms[room] - further)


def _draw_one(house: str, rooms: Rooms) -> str:
    built = storeys(rooms)
    width = max(map(len, rooms))
    lines = [_wrapped(f"{house}/  ", _sentence(house))]
    for number in range(len(built), 0, -1):
        lines.append(f"--+-{'-' * (WIDTH - 4)}\n")
        for place, room in enumerate(built[number - 1]):
            below = nearest(rooms, room)
            text = _sentence(f"{house}.{room}") + (f" [on {', '.join(below)}]" if below else "")
            first = f"{number if place == 0 else ' '} | {room:{width}}  "
            lines.append(_wrapped(first, text, f"  | {' ' * width}  "))
    return "".join(lines)


def _wrapped(first: str, text: str, later: str | None = None) -> str:
    indent = " " * len(first) if later is None else later
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False) + "\n"


def _sentence(module: str) -> str:
    """What a module says of itself first."""
    path = _bootstrap.ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    said = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split())


def drawn_into(page: str) -> str:
    """A page with the picture in its place."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} has no place for the picture: {BEGIN.strip()} ... {END.strip()}")
    return before + begin + draw() + end + after


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where it is stale")
    options = parser.parse_args()
    there = PAGE.read_text(encoding="utf-8")
    try:
        wanted = drawn_into(there)
    except RoomsStandOnEachOther as circle:
        print(f"these stand on each other: {circle}", file=sys.stderr)
        return 1
    if options.check and wanted != there:
        print("the house in CONTRIBUTING.md is stale: run python3 scripts/draw_house.py", file=sys.stderr)
        return 1
    if wanted != there:
        PAGE.write_text(wanted, encoding="utf-8")
    print("the house in CONTRIBUTING.md is as the imports are")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
