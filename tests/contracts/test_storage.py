"""The storage layout is an interface: verifiers read slots by `eth_getProof`. docs/spec/storage.md freezes it."""

import re
from pathlib import Path

from eth_utils import keccak
from registry_contract import ARTIFACT, FOREVER, ISSUER, PROFILE, Registry

PAGE = (Path(__file__).parents[2] / "docs" / "spec" / "storage.md").read_text()
ROOT, LEAF = b"\x01" * 32, b"\x02" * 32
ROW = re.compile(r"^\| `?([\w.]+)`? \| (\d+) \| (\d+) \| `([^`]+)` \|", re.MULTILINE)


def rows(title: str) -> list[tuple[str, int, int, str]]:
    """The rows of the page's table under a heading."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    return [(label, int(slot), int(offset), type_) for label, slot, offset, type_ in ROW.findall(section)]


def fields(found: list[dict]) -> list[tuple[str, int, int, str]]:
    return [(one["label"], one["slot"], one["offset"], one["type"]) for one in found]


def test_the_page_is_the_artifacts_layout():
    storage = ARTIFACT["storage"]
    assert rows("1. Variables") == fields(storage["variables"])
    listed = [
        (f"{name.split('.')[-1]}.{label}", slot, offset, type_)
        for name, members in storage["structs"].items()
        for label, slot, offset, type_ in fields(members)
    ]
    assert rows("2. Structs") == listed


def place(name: str) -> int:
    return next(one["slot"] for one in ARTIFACT["storage"]["variables"] if one["label"] == name)


def mapped(slot: int | bytes, key: bytes) -> bytes:
    """Where a mapping keeps a key's value: Keccak-256(key || slot)."""
    base = slot.to_bytes(32, "big") if isinstance(slot, int) else slot
    return keccak(key.rjust(32, b"\0") + base)


def word(registry: Registry, slot: int | bytes, plus: int = 0) -> bytes:
    number = (slot if isinstance(slot, int) else int.from_bytes(slot, "big")) + plus
    return bytes(registry.web3.eth.get_storage_at(registry.contract.address, number)).rjust(32, b"\0")


def test_the_slots_hold_what_the_views_say():
    """Each value that a verdict rests on, read from the slot that the page gives, by the page's own formulas."""
    registry = Registry()
    registry.accredit()
    f, key = registry.f, bytes.fromhex(registry.accounts["key"][2:])
    registry.by("key", f.anchor(ISSUER, 1, ROOT, 9))
    registry.by("key", f.setStatus(ISSUER, [LEAF], 3, 4, True))
    registry.by("accreditor", f.declareCompromise(ISSUER, registry.accounts["key"], 5))
    registry.by("accreditor", f.addKey(ISSUER, registry.accounts["other_key"], 3, 1))
    registry.by("other_key", f.reattest(ISSUER, [(1, ROOT)]))

    anchor = mapped(mapped(place("_anchors"), ISSUER), (1).to_bytes(32, "big"))
    assert word(registry, anchor) == ROOT
    _, size, time, number, window, _ = f.anchorOf(ISSUER, 1).call()
    packed = b"".join(value.to_bytes(8, "big") for value in (window, number, time, size))
    assert word(registry, anchor, 1) == packed
    assert word(registry, anchor, 2)[12:] == key

    stored = word(registry, mapped(mapped(place("_keys"), ISSUER), key))
    from_, until, since, purposes, custody = f.keyOf(ISSUER, registry.accounts["key"]).call()
    assert stored == b"".join(
        [bytes(6), bytes([custody, purposes]), *(value.to_bytes(8, "big") for value in (since, until, from_))]
    )

    windows = mapped(place("_windows"), ISSUER)
    assert int.from_bytes(word(registry, windows), "big") == 1
    first = keccak(windows)
    assert word(registry, first)[16:] == FOREVER.to_bytes(8, "big") + f.windowOf(ISSUER, 0).call()[0].to_bytes(8, "big")
    assert (word(registry, first, 1)[-1], word(registry, first, 2)) == (1, PROFILE)

    again = word(registry, mapped(mapped(place("_reattestations"), ISSUER), (1).to_bytes(32, "big")))
    by, at = f.reattestationOf(ISSUER, 1).call()
    assert again == bytes(4) + at.to_bytes(8, "big") + bytes.fromhex(by[2:])

    history = mapped(mapped(place("_histories"), ISSUER), LEAF)
    assert int.from_bytes(word(registry, history), "big") == 1
    status, from_beginning, by_regulator, reason, time, writer, _ = f.statusAt(ISSUER, LEAF, 0).call()
    record = word(registry, keccak(history))
    flags = bytes([reason, by_regulator, from_beginning, status])
    assert record == bytes.fromhex(writer[2:]) + time.to_bytes(8, "big") + flags

    assert int.from_bytes(word(registry, mapped(place("_progress"), ISSUER))[24:], "big") == 1
    assert int.from_bytes(word(registry, place("_logSize"))[24:], "big") == f.checkpoint().call()[0]
    assert word(registry, place("_successor"))[12:] == bytes(20)
