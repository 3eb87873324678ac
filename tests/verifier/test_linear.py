"""Whoever reads strangers' bytes takes twice the time for twice the bytes, and no more.

Told by processor time at a quarter, a half and all of the largest input: a line doubles, a square quadruples.
scripts/campaigns/fuzz.py --time looks for what is slower than the families here.
"""

import json
import re
import sys
from pathlib import Path

import javascript
import pytest
from tools import missing

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts" / "campaigns"))

from _cost import MOST_A_DOUBLING, growth  # noqa: E402  (campaigns import each other by name)
from _more_readers import MORE_READERS  # noqa: E402
from _readers import JSON_FAMILIES, READERS, Reader  # noqa: E402

ALL = READERS | MORE_READERS
CASES = [(name, family) for name, reader in ALL.items() for family in reader.families]


@pytest.mark.parametrize("name", ALL)
def test_what_a_reader_is_fed_is_read_or_refused(name):
    for seed in ALL[name].seeds:
        ALL[name].take(seed)


@pytest.mark.parametrize(("name", "family"), CASES, ids=[": ".join(case) for case in CASES])
def test_reading_costs_in_proportion_to_what_is_read(name, family):
    found = growth(ALL[name], ALL[name].families[family])
    if found.a_doubling >= MOST_A_DOUBLING:
        # Once more, at length: a machine that is short of memory or of breath is no square.
        found = growth(ALL[name], ALL[name].families[family], 15)
    assert found.a_doubling < MOST_A_DOUBLING, str(found)


def test_a_reader_that_begins_anew_at_each_place_is_seen():
    anew = Reader(lambda data: re.findall(rb'"(?:\\.|[^"\\])*"', data), 8_192, [], {})
    assert growth(anew, JSON_FAMILIES["a text that does not end, of escaped quotes"], 1).a_doubling > MOST_A_DOUBLING


@pytest.mark.parametrize("reader", ["receipt", "metadata", "policy", "answer"])
def test_the_browsers_readers_do_so_too(reader):
    if not javascript.PACKAGES.is_dir():
        missing("the browser's packages: python3 scripts/build_browser.py")
    most = min(ALL.get(reader, READERS["rpc"]).most, 64 * 1024)
    families = JSON_FAMILIES | ALL.get(reader, READERS["rpc"]).families
    texts = {
        name: [make(most // part).decode("utf-8", "replace") for part in (4, 2, 1)] for name, make in families.items()
    }
    costs = javascript.ask({"ask": "costs", "reader": reader, "texts": inputs} for inputs in texts.values())
    slow = {}
    for name, cost in zip(texts, costs, strict=True):
        first, _, last = cost["answer"]
        # In microseconds: what takes less than a millisecond is no square of so many bytes.
        if last > 1_000 and (last / first) ** 0.5 >= MOST_A_DOUBLING:
            slow[name] = cost["answer"]
    assert slow == {}, json.dumps(slow)
