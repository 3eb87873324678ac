"""Every word that a log leads to, to compare a registry's storage with it. Source: docs/spec/storage.md."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from verifier.chain import storage
from verifier.history.state import History, Issuer


class ExpectedWord(NamedTuple):
    """What a slot has to hold, and what that is in words."""

    what: str
    slot: int
    word: int


def expected_words(history: History) -> Iterator[ExpectedWord]:
    """Every word that the registry has to hold."""
    word = _packed((_word_of(history.successor), 20), (history.paused_until, 8))
    yield ExpectedWord("the successor and the pause", storage.SUCCESSOR, word)
    for issuer_id, issuer in history.issuers.items():
        yield from _of_issuer(issuer_id, issuer)


def _of_issuer(issuer_id: bytes, issuer: Issuer) -> Iterator[ExpectedWord]:
    name = f"issuer {issuer_id.hex()}"
    progress = _packed((issuer.sequence, 8), (issuer.last_night, 8))
    yield ExpectedWord(f"{name}: its progress", storage.mapping_slot(storage.PROGRESS, issuer_id), progress)
    yield from _accreditation(name, issuer_id, issuer)
    for sequence, anchor in issuer.anchors.items():
        packed = _packed((anchor.tree_size, 8), (anchor.block_time, 8), (anchor.block_number, 8), (anchor.window, 8))
        slot = storage.mapping_slot(storage.ANCHORS, issuer_id, storage.integer_key(sequence))
        words = (int.from_bytes(anchor.root_hash, "big"), packed, _word_of(anchor.key))
        yield from _consecutive(f"{name}: anchor {sequence}", slot, words)
    for sequence, (time, address) in issuer.reattestations.items():
        slot = storage.mapping_slot(storage.REATTESTATIONS, issuer_id, storage.integer_key(sequence))
        packed = _packed((_word_of(address), 20), (time, 8))
        yield ExpectedWord(f"{name}: re-attestation of anchor {sequence}", slot, packed)
    for leaf_hash, kept in issuer.kept.items():
        slot = storage.mapping_slot(storage.HISTORIES, issuer_id, leaf_hash)
        yield ExpectedWord(f"{name}: how many statuses of leaf {leaf_hash.hex()}", slot, len(kept))
        for record_index, written in enumerate(kept):
            said = written.record
            flags = ((said.status, 1), (said.from_beginning, 1), (said.by_regulator, 1), (said.reason, 1))
            packed = _packed(*flags, (said.block_time, 8), (_word_of(written.writer), 20))
            first = storage.first_item_slot(slot) + storage.RECORD_WORDS * record_index
            record = (packed, int.from_bytes(said.successor, "big"))
            yield from _consecutive(f"{name}: status {record_index} of leaf {leaf_hash.hex()}", first, record)


def _accreditation(name: str, issuer_id: bytes, issuer: Issuer) -> Iterator[ExpectedWord]:
    windows = storage.mapping_slot(storage.WINDOWS, issuer_id)
    yield ExpectedWord(f"{name}: how many windows", windows, len(issuer.windows))
    for window_index, window in enumerate(issuer.windows):
        span = _packed((window.from_, 8), (window.until, 8))
        first = storage.first_item_slot(windows) + storage.WINDOW_WORDS * window_index
        yield from _consecutive(
            f"{name}: window {window_index}", first, (span, window.scope, int.from_bytes(window.profile_digest, "big"))
        )
    for address, key in issuer.keys.items():
        spans = ((key.from_, 8), (key.until, 8), (key.compromised_since, 8))
        word = _packed(*spans, (key.purposes, 1), (key.custody, 1))
        slot = storage.mapping_slot(storage.KEYS, issuer_id, storage.address_key(address))
        yield ExpectedWord(f"{name}: key {address}", slot, word)


def _consecutive(what: str, first: int, words: Iterable[int]) -> Iterator[ExpectedWord]:
    for offset, word in enumerate(words):
        yield ExpectedWord(what, (first + offset) % 2**256, word)


def _packed(*parts: tuple[int, int]) -> int:
    """Values of so many bytes each, the first one at the right end of the word."""
    word, offset = 0, 0
    for value, length in parts:
        word |= value << 8 * offset
        offset += length
    return word


def _word_of(address: str | None) -> int:
    return int(address, 16) if address else 0
