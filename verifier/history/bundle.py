"""One file that holds a registry's whole history up to a block, for places without a network.

Source: docs/spec/bundle.md.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from verifier.chain.facts import LAST_TIME, Checkpoint, Head, Remark
from verifier.errors import BundleNotPinned, MalformedBundle, MalformedProof, MalformedText
from verifier.formats.policy import Policy
from verifier.formats.strictjson import Fields, read, require
from verifier.history.log import LogEntry, checkpoint_of, proved_entries
from verifier.history.recorded import RecordedHistory
from verifier.history.state import replay

FORMAT = "jangkar-bundle-v1"
MAX_HEADER_BYTES = 64 * 1024

_HEADER = {"format", "chain_id", "genesis", "block", "logs"}
_BLOCK = {"number", "hash", "time"}
_LOG = {"registry", "code_hash", "size", "root"}
_DEFECTS = {
    "number": "the block's number is no whole number",
    "time": "the block's time is no date in seconds since 1970",
    "hash": "the block's hash is none",
    "size": "the size of a log is no whole number",
    "root": "the root of a log is no hash",
}
_require = partial(require, MalformedBundle)
_MAX_INT64 = 2**63 - 1
_LINE = re.compile("(0|[1-9][0-9]{0,18}) ((?:[0-9a-f]{64})++)")


def encode(recorded: RecordedHistory) -> bytes:
    """The bundle of what was read at a final block; the same history up to the same block gives the same bytes."""
    policy, head = recorded.policy, recorded.head
    pins = policy.registries[: len(recorded.logs)]
    checkpoints = [checkpoint_of(entry.data for entry in log) for log in recorded.logs]
    header = {
        "format": FORMAT,
        "chain_id": policy.chain_id,
        "genesis": "0x" + policy.genesis.hex(),
        "block": {"number": head.number, "hash": "0x" + head.hash.hex(), "time": head.time},
        "logs": [
            {
                "registry": pin.address,
                "code_hash": "0x" + pin.code_hash.hex(),
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
            }
            for pin, checkpoint in zip(pins, checkpoints, strict=True)
        ],
    }
    lines = [json.dumps(header, sort_keys=True, separators=(",", ":"))]
    lines += [f"{entry.block} {entry.data.hex()}" for log in recorded.logs for entry in log]
    return ("\n".join(lines) + "\n").encode()


def parse(data: bytes, policy: Policy) -> RecordedHistory:
    """Read a bundle of the policy's chain and registries; every log is rebuilt and compared with its header.

    What is older than the policy's `max_bundle_age` counts as stale.
    Raises: MalformedBundle; BundleNotPinned when the policy does not name its digest.
    """
    digest = hashlib.sha256(data).digest()
    if digest not in policy.bundles:
        raise BundleNotPinned(
            f"the policy does not pin a bundle of digest {digest.hex()}: compare it with one that you trust, "
            'and name it in the policy\'s "bundles" or with --digest'
        )
    try:
        first, rest = data.split(b"\n", 1)
        header = read(first, what="bundle header", max_bytes=MAX_HEADER_BYTES)
        _require(isinstance(header, dict) and header.get("format") == FORMAT, f"this is no bundle of format {FORMAT}")
        _require(set(header) == _HEADER, "the header has other fields than docs/spec/bundle.md names")
        head = _head(header["block"])
        checkpoints = _checkpoints(header, policy)
        lines = iter(rest.decode("ascii").removesuffix("\n").split("\n") if rest else ())
        logs = tuple(
            tuple(proved_entries([_entry(line) for line in _take(lines, checkpoint.size)], checkpoint))
            for checkpoint in checkpoints
        )
        _require(next(lines, None) is None and data.endswith(b"\n"), "there is something behind the last entry")
        histories = tuple(replay(log) for log in logs)
    except (MalformedText, MalformedProof, UnicodeDecodeError, ValueError) as error:
        raise MalformedBundle(str(error)) from None
    stale_after = policy._replace(max_head_age=policy.max_bundle_age)
    return RecordedHistory(stale_after, head, logs, histories, Remark("pinned-bundle", {"digest": digest.hex()}))


def _checkpoints(header: dict[str, Any], policy: Policy) -> list[Checkpoint]:
    """The checkpoints of the header, which has to name the policy's chain and registries."""
    logs = header["logs"]
    _require(isinstance(logs, list) and bool(logs), "the bundle holds no log")
    _require(
        header["chain_id"] == policy.chain_id and header["genesis"] == "0x" + policy.genesis.hex(),
        "the bundle is of another chain than the policy's",
    )
    _require(len(logs) <= len(policy.registries), "the bundle holds registries that the policy does not list")
    found = []
    for log, pin in zip(logs, policy.registries, strict=False):
        _require(isinstance(log, dict) and set(log) == _LOG, "a log of the header has other fields than it should")
        _require(
            log["registry"] == pin.address and log["code_hash"] == "0x" + pin.code_hash.hex(),
            f"the bundle is of another registry than the policy's {pin.address}",
        )
        fields = Fields(log, _defect)
        found.append(Checkpoint(fields.integer("size"), fields.hash("root")))
    return found


def _head(block: Any) -> Head:
    _require(isinstance(block, dict) and set(block) == _BLOCK, "the block has other fields than it should")
    fields = Fields(block, _defect)
    number, time = fields.integer("number", most=_MAX_INT64), fields.integer("time", most=LAST_TIME)
    # Whoever stands behind the digest wrote down what was final.
    return Head(number, fields.hash_0x("hash"), time, number)


def _take(lines: Iterator[str], count: int) -> list[str]:
    found = [line for _, line in zip(range(count), lines, strict=False)]
    _require(len(found) == count, f"the bundle ends after {len(found)} of {count} entries")
    return found


def _entry(line: str) -> LogEntry:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedBundle(f"a line of the bundle is no entry: {line[:80]!r}")
    return LogEntry(int(match[1]), bytes.fromhex(match[2]))


def _defect(name: str, _expected: str) -> MalformedBundle:
    return MalformedBundle(_DEFECTS[name])
