"""The browser's verifier, asked by a test or a campaign: its own modules, run by node."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from verifier.chain.facts import Facts, Key
from verifier.formats.fingerprint import Fingerprint
from verifier.verdict.checks import Unreadable

ROOT = Path(__file__).parent.parent
HARNESS = ROOT / "tests" / "conformance" / "verifier.mjs"
PACKAGES = ROOT / "verifier" / "web" / "browser" / "node_modules" / "@noble" / "hashes"


def ask(questions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What it says to each: {"answer": ...}, {"refused": why}, or {"crashed": where}, which it never should."""
    lines = "".join(json.dumps(one) + "\n" for one in questions)
    done = subprocess.run(["node", str(HARNESS)], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def claim(
    receipt: bytes, file: Fingerprint | None, facts: Facts | Unreadable, named: Sequence[bytes], now: int, **more: Any
) -> dict[str, Any]:
    """The question for the verdict on one claim."""
    return {
        "ask": "claim",
        "receipt": receipt.hex(),
        "file": None if file is None else in_hex(file),
        "facts": of_facts(facts),
        "named": [one.hex() for one in named],
        "lookedUp": False,
        "now": now,
    } | more


def in_hex(file: Fingerprint) -> dict[str, Any]:
    """A fingerprint as the browser has it."""
    revisions = [revision.hex() for revision in file.revisions]
    places = [[place.start, place.end, place.behind.decode()] for place in file.places]
    return {"digest": file.digest.hex(), "length": file.length, "revisions": revisions, "places": places}


def of_facts(facts: Facts | Unreadable) -> dict[str, Any]:
    """Facts as the browser's reader gives them; what it holds as BigInt has an `n` behind it."""
    if isinstance(facts, Unreadable):
        return {"unreadable": facts.detail}
    head, anchor, window, status = facts.head, facts.anchor, facts.window, facts.status
    return {
        "head": {"number": f"{head.number}n", "time": f"{head.time}n", "final": f"{head.final}n"},
        "anchor": anchor
        and {
            "root": anchor.root_hash.hex(),
            "size": f"{anchor.tree_size}n",
            "blockTime": f"{anchor.block_time}n",
            "blockNumber": f"{anchor.block_number}n",
        },
        "window": window
        and {
            "from": f"{window.from_}n",
            "until": f"{window.until}n",
            "scope": f"{window.scope}n",
            "profileDigest": window.profile_digest.hex(),
        },
        "key": facts.key and _key(facts.key),
        "reattestation": facts.reattestation
        and {"blockTime": f"{facts.reattestation.block_time}n", "key": _key(facts.reattestation.key)},
        "status": {
            "status": status.status.name.lower(),
            "fromBeginning": status.from_beginning,
            "byRegulator": status.by_regulator,
            "reason": status.reason,
            "blockTime": f"{status.block_time}n",
        },
        "unlistedSuccessor": facts.unlisted_successor,
    }


def _key(key: Key) -> dict[str, str]:
    return {
        "from": f"{key.from_}n",
        "until": f"{key.until}n",
        "compromisedSince": f"{key.compromised_since}n",
        "purposes": f"{key.purposes}n",
        "custody": key.custody.name.lower(),
    }
