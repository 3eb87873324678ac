"""Every word that a log leads to, to compare a registry's storage with it. Source: docs/spec/storage.md."""

from collections.abc import Iterable, Iterator

from verifier.chain import storage
from verifier.history.state import History, Issuer

Slot = tuple[str, int, int]


def expected(history: History) -> Iterator[Slot]:
    """What stands where, in words: its name, its slot and its word."""
    word = _packed((_word_of(history.successor), 20), (history.paused_until, 8))
    yield "the successor and the pause", storage.SUCCESSOR, word
    for issuer_id, issuer in history.issuers.items():
        yield from _of_issuer(issuer_id, issuer)


def _of_issuer(issuer_id: bytes, issuer: Issuer) -> Iterator[Slot]:
    name = f"issuer {issuer_id.hex()}"
    progress = _packed((issuer.sequence, 8), (max(issuer.nights, default=0), 8))
    yield f"{name}: its progress", storage.mapped(storage.PROGRESS, issuer_id), progress
    yield from _accreditation(name, issuer_id, issuer)
    for sequence, anchor in issuer.anchors.items():
        packed = _packed((anchor.tree_size, 8), (anchor.block_time, 8), (anchor.block_number, 8), (anchor.window, 8))
        slot = storage.mapped(storage.ANCHORS, issuer_id, storage.number(sequence))
        words = (int.from_bytes(anchor.root_hash, "big"), packed, _word_of(anchor.key))
        yield from _run(f"{name}: anchor {sequence}", slot, words)
    for sequence, (time, address) in issuer.reattestations.items():
        slot = storage.mapped(storage.REATTESTATIONS, issuer_id, storage.number(sequence))
        yield f"{name}: re-attestation of anchor {sequence}", slot, _packed((_word_of(address), 20), (time, 8))
    for leaf_hash, kept in issuer.kept.items():
        slot = storage.mapped(storage.HISTORIES, issuer_id, leaf_hash)
        yield f"{name}: how many statuses of leaf {leaf_hash.hex()}", slot, len(kept)
        for record_index, written in enumerate(kept):
            said = written.record
            flags = ((said.status, 1), (said.from_beginning, 1), (said.by_regulator, 1), (said.reason, 1))
            packed = _packed(*flags, (said.block_time, 8), (_word_of(written.writer), 20))
            first = storage.items(slot) + storage.RECORD_WORDS * record_index
            record = (packed, int.from_bytes(said.successor, "big"))
            yield from _run(f"{name}: status {record_index} of leaf {leaf_hash.hex()}", first, record)


def _accreditation(name: str, issuer_id: bytes, issuer: Issuer) -> Iterator[Slot]:
    windows = storage.mapped(storage.WINDOWS, issuer_id)
    yield f"{name}: how many windows", windows, len(issuer.windows)
    for window_index, window in enumerate(issuer.windows):
        span = _packed((window.from_, 8), (window.until, 8))
        first = storage.items(windows) + storage.WINDOW_WORDS * window_index
        yield from _run(
            f"{name}: window {window_index}", first, (span, window.scope, int.from_bytes(window.profile_digest, "big"))
        )
    for address, key in issuer.keys.items():
        spans = ((key.from_, 8), (key.until, 8), (key.compromised_since, 8))
        word = _packed(*spans, (key.purposes, 1), (key.custody, 1))
        yield f"{name}: key {address}", storage.mapped(storage.KEYS, issuer_id, storage.account(address)), word


def _run(what: str, first: int, words: Iterable[int]) -> Iterator[Slot]:
    for offset, word in enumerate(words):
        yield what, (first + offset) % 2**256, word


def _packed(*parts: tuple[int, int]) -> int:
    """Values of so many bytes each, the first one at the right end of the word."""
    word, offset = 0, 0
    for value, length in parts:
        word |= value << 8 * offset
        offset += length
    return word


def _word_of(address: str | None) -> int:
    return int(address, 16) if address else 0
