"""Looking for the input that a reader takes longest over: shapes are bred, and the slowest a byte are kept.

A shape is a beginning, a piece that is repeated, and an end: what is slow by its length alone is slow in this form.
"""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from _cost import Growth, growth, seconds, without_collections
from _readers import Reader, Shape

# The input that is tried: a square of so many bytes takes long already.
TRIED = 8 * 1024
KEPT = 6
# No input of so few bytes takes longer, in processor time, unless by a power of them.
MOST_SECONDS = 10
LONGEST_UNIT = 48
TOKENS = (
    b'"', b"\\", b'\\"', b"\\u0041", b"[", b"]", b"{", b"}", b":", b",", b'"a":', b"0", b"1", b"-", b".", b"e", b"0x",
    b"00", b" ", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3\xa9", b"%", b"%%EOF", b"%PDF-", b"&", b"=", b";", b"/",
    b"\xf8", b"\xc0", b"\x80", b"--", b"a",
)  # fmt: skip


class Slowest(NamedTuple):
    """What a search ended with: how many inputs it tried, the shape whose time grows most, and how it grows."""

    tried: int
    shape: Shape
    growth: Growth


class TooSlow(Exception):
    """One input took longer than any of its size may."""


def search(reader: Reader, duration: float, draw: random.Random) -> Slowest:
    """Try shapes for `duration` seconds of processor time. Raises: TooSlow, with the shape."""
    size = min(reader.most, TRIED)
    kept: list[tuple[float, Shape]] = []
    known = [family for family in reader.families.values() if isinstance(family, Shape)]
    tried, began = 0, time.process_time()
    with without_collections():
        while tried < KEPT or time.process_time() - began < duration:
            shape = known.pop() if known else _bred(draw, reader, [shape for _, shape in kept])
            data = shape(size)
            tried += 1
            with _watched(shape):
                score = seconds(reader.take, data, 1) / max(1, len(data))
                if len(kept) == KEPT and score > kept[-1][0]:
                    # A moment's disturbance is no slowness.
                    score = min(score, seconds(reader.take, data, 1) / max(1, len(data)))
            kept = sorted([*kept, (score, shape)], key=lambda one: one[0], reverse=True)[:KEPT]
    shape = max((shape for _, shape in kept), key=lambda shape: growth(reader, shape, 1).a_doubling)
    return Slowest(tried, shape, growth(reader, shape))


def _bred(draw: random.Random, reader: Reader, kept: list[Shape]) -> Shape:
    """A new shape, or one part of a kept one changed."""
    if not kept or draw.random() < 0.2:
        seed = draw.choice(reader.seeds)
        at = draw.randrange(len(seed) + 1)
        return Shape(seed[:at], _unit(draw, seed), draw.choice((b"", seed[at:])))
    shape, other = draw.choice(kept), draw.choice(kept)
    changed = draw.randrange(4)
    if changed == 0:
        return shape._replace(unit=_unit(draw, shape.unit + other.unit))
    if changed == 1:
        return shape._replace(head=_edited(draw, shape.head))
    if changed == 2:
        return shape._replace(tail=_edited(draw, shape.tail))
    return Shape(shape.head, other.unit, draw.choice((shape.tail, other.tail, b"")))


def _unit(draw: random.Random, source: bytes) -> bytes:
    pieces = [draw.choice(TOKENS) for _ in range(draw.randrange(1, 4))]
    if source and draw.random() < 0.4:
        at = draw.randrange(len(source))
        pieces.append(source[at : at + draw.randrange(1, LONGEST_UNIT)])
    draw.shuffle(pieces)
    return b"".join(pieces)[:LONGEST_UNIT]


def _edited(draw: random.Random, text: bytes) -> bytes:
    at = draw.randrange(len(text) + 1)
    token = draw.choice(TOKENS)
    return draw.choice((text[:at] + token + text[at:], text[:at], text[:at] + token, token, text[:at] + text[at + 1 :]))


@contextmanager
def _watched(shape: Shape) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlow(repr(shape))

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
