"""What a mirror's header says of its size is nobody's word: no memory is spent on it before the digest vouches."""

import hashlib
import json
import tracemalloc

import pytest

from verifier.errors import SourceUnavailable
from verifier.formats import policy
from verifier.places import mirror
from verifier.places.location import Location

REGISTRY = "0x" + "11" * 20
PINS = {
    "format": "jangkar-policy-v1", "chain_id": 7, "genesis": "0x" + "00" * 32, "registry": REGISTRY,
    "code_hash": "0x" + "00" * 32, "finality": "instant", "operators": 1, "nodes": ["http://127.0.0.1:1"],
}  # fmt: skip
ENTRY = b"\x07" * mirror.MAX_ENTRY_BYTES
RUN = len(ENTRY).to_bytes(2, "big") + ENTRY


class Boundless(Location):
    """A mirror that makes up as many entries as its header says, each run when it is asked for."""

    def __init__(self, size: int) -> None:
        super().__init__("boundless")
        self.header = json.dumps({"block": {"number": 1}, "logs": [{"size": size}]}).encode() + b"\n"
        self.size, self.asked = size, 0

    def find(self, name: str, max_bytes: int) -> bytes:
        self.asked += 1
        width = int(name.rpartition("/")[2]) if ".p/" in name else mirror.WIDTH
        if name.startswith("bundles/"):
            return self.header
        found = RUN * width if "entries" in name else bytes(mirror.BLOCK_BYTES) * width
        return found[: max_bytes + 1]

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.header + f"0 {ENTRY.hex()}\n".encode() * self.size).digest()


def read(location: Boundless, digest: bytes) -> bytes:
    pinned = policy.parse(json.dumps(PINS | {"bundles": [digest.hex()]}).encode())
    return mirror.bundle_from(location, pinned, 1 << 20)


def test_what_no_digest_vouches_for_is_not_kept():
    location = Boundless(20_000)
    tracemalloc.start()
    try:
        with pytest.raises(SourceUnavailable, match="do not give the bundle"):
            read(location, bytes(32))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 14 MB came; the runs that are read at once are 3 MB.
    assert peak < 8 << 20


@pytest.mark.parametrize("size", [1, 300, 3_000])
def test_a_bundle_that_is_vouched_for_comes_whole(size):
    location = Boundless(size)
    assert hashlib.sha256(read(location, location.digest)).digest() == location.digest
    assert location.asked == 1 + 2 * -(-size // mirror.WIDTH) * (2 if size == 3_000 else 1)


def test_a_size_that_no_log_has_is_refused_before_anything_is_read():
    location = Boundless(10**15)
    with pytest.raises(SourceUnavailable, match="begins with no header"):
        read(location, bytes(32))
    assert location.asked == 1


def test_an_entry_that_no_event_has_is_refused():
    location = Boundless(mirror.WIDTH)
    location.find = lambda name, most: location.header if name.startswith("bundles/") else bytes(most + 1)
    with pytest.raises(SourceUnavailable, match="has more than 90624 bytes"):
        read(location, bytes(32))
