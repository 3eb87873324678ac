"""Visitors of a server, alone and beside held connections: what they are told, how long they wait, the report."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from _crowd import AGAIN_SECONDS, DRIP_SECONDS, PAUSE_SECONDS, Answers, Question, held, visit

MIB = 1 << 20
MAY_GROW = 64 * MIB


class Plan(NamedTuple):
    """How many connections of each kind are held, how many visitors ask, and for how long."""

    each: int
    visitors: int
    seconds: float


@dataclass
class Visited:
    """What the visitors of a server were told alone, and beside what was held; and by how many bytes it grew."""

    name: str
    alone: Answers
    beside: Answers
    grown: int

    @property
    def ratio(self) -> float:
        """How many times as long all but one in a hundred waited."""
        return self.beside.all_but(0.01) / self.alone.all_but(0.01)

    @property
    def wrong(self) -> list[str]:
        """What may not be."""
        bad = [f"{self.name}: visitors were told {dict(self.beside.statuses)}"] * (self.beside.bad > 0)
        return bad + [f"{self.name} grew by {self.grown / MIB:.0f} MiB beside what was held"] * (self.grown > MAY_GROW)

    def line(self, plan: Plan) -> str:
        """The result."""
        asked = len(self.beside.seconds)
        return (
            f"{self.name}: beside {plan.each} idle, {plan.each} dripping, {plan.each} half-sent connections: answered "
            f"{asked - self.beside.bad} of {asked}, p99 {1000 * self.alone.all_but(0.01):.0f} ms alone and "
            f"{self.ratio:.1f} times that, grown {self.grown / MIB:.0f} MiB"
        )

    @property
    def row(self) -> str:
        """The result, in the report's table."""
        told = ", ".join(f"{count} times {status}" for status, count in sorted(self.beside.statuses.items()))
        times = " | ".join(
            f"{1000 * one.all_but(0.5):.0f} / {1000 * one.all_but(0.01):.0f}" for one in (self.alone, self.beside)
        )
        return f"| {self.name} | {told} | {times} | {self.ratio:.1f} | {self.grown / MIB:.0f} |\n"


def visited(name: str, url: str, known: Mapping[str, str], plan: Plan, memory: Sequence[int]) -> Visited:
    """Ask a server the same questions alone and beside the others. `memory` grows by its bytes while it is watched."""
    asked = questions(name, known)
    visit(url, asked, plan.visitors, PAUSE_SECONDS)
    alone = visit(url, asked, plan.visitors, plan.seconds)
    before, begin = memory[-1], len(memory)
    with held(url, "/ask" if name == "page" else "/v1/documents", plan.each):
        beside = visit(url, asked, plan.visitors, plan.seconds)
    return Visited(name, alone, beside, max(memory[begin:]) - before)


def questions(name: str, known: Mapping[str, str]) -> list[Question]:
    """What visitors ask: how it is, as a balancer does, and after files that are recorded."""
    digests = [value for value in known.values() if len(value) == 64]
    json_ = {"Content-Type": "application/json"}
    asked: list[Question] = [("GET", "/healthz", None, {})]
    if name == "page":
        asked.append(("GET", "/", None, {}))
        asks = ({"digests": [digest], "receipt": "", "issuer": ""} for digest in digests)
        return asked + [("POST", "/ask", json.dumps(one).encode(), json_) for one in asks]
    asked += [("GET", f"/v1/documents/{digest}", None, {}) for digest in digests]
    files = ({"document_digests": [digest]} for digest in digests)
    return asked + [("POST", "/v1/documents", json.dumps(one).encode(), json_) for one in files]


def last_of(beside: Sequence[Visited]) -> str:
    """The result of all servers."""
    visits, bad = (
        sum(numbers) for numbers in zip(*((len(one.beside.seconds), one.beside.bad) for one in beside), strict=True)
    )
    times, grown = max(one.ratio for one in beside), max(one.grown for one in beside)
    return f"visits {visits}, unanswered {bad}, p99 {times:.1f} times, grown {grown / MIB:.0f} MiB"


def write(path: Path, commit: str, plan: Plan, beside: Sequence[Visited], last: str) -> None:
    """The report."""
    options = f"--requests 0 --held {plan.each} --visitors {plan.visitors} --seconds {plan.seconds:g}"
    path.write_text(
        f"""# Held connections

`python3 scripts/campaigns/flood.py {options}` at `{commit}`, Python {platform.python_version()}, Linux

{plan.visitors} visitors ask page and API through connections of their own, each every {PAUSE_SECONDS} seconds for \
{plan.seconds:g} seconds: alone, then beside
{plan.each} connections that say nothing, {plan.each} that send a byte every {DRIP_SECONDS} seconds (half of them of a \
head, half of a body) and {plan.each} that stop
in the middle of a head or a body. All have one address, as behind a proxy; whoever is cut off comes again after some \
{AGAIN_SECONDS} seconds.
Servers, crowd and visitors share the machine.

| server | what visitors were told | alone: median / p99, ms | beside: median / p99, ms | p99, times | grown, MiB |
| --- | --- | --- | --- | --- | --- |
{"".join(one.row for one in beside)}
`{last}`
"""
    )
