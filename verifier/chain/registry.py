"""What a registry holds at a block, read from one node of which nothing is believed but the block's hash.

Every value is a storage slot that a Merkle proof leads to from the block's state root, and an absence is
proved like a value. Source: docs/spec/storage.md, docs/spec/verification.md 1; EIP-1186.
"""

from collections.abc import Iterable
from typing import Any

from verifier.chain import storage
from verifier.chain.facts import (
    NO_RECORD,
    Anchor,
    Facts,
    Head,
    Key,
    Reattestation,
    StatusRecord,
    standing_record,
    walk_successors,
    was_sound,
)
from verifier.chain.header import Header, read_header
from verifier.chain.rpc import Node, data
from verifier.errors import MalformedProof, NodeUnavailable, SourceUnavailable
from verifier.formats.policy import Policy, RegistryPin
from verifier.proofs import rlp
from verifier.proofs.merkle import Frontier
from verifier.proofs.trie import pool, value_at

NO_ADDRESS = "0x" + "00" * 20
# An issuer's reversible changes of a leaf end at 64; only a regulator can write more.
MAX_RECORDS = 1_024
MAX_FRONTIER = 64
# A branch has 17 items of at most 33 bytes; what is longer would only fill the memory that hashes are kept in.
MAX_NODE_BYTES = 1_024
# A walk takes a nibble of a hash with each node.
MAX_PROOF_NODES = 65


class RegistryReader:
    """Reads a policy's registries at blocks whose hashes are known."""

    def __init__(self, node: Node, policy: Policy) -> None:
        self._node = node
        self._policy = policy
        self._headers: dict[bytes, Header] = {}

    def facts(self, head: Head, registry: str, issuer_id: bytes, sequence: int, leaf_hash: bytes) -> Facts:
        """Everything that one receipt of a registry is judged by. Raises: SourceUnavailable."""
        registry_index = self._policy.index_of(registry)
        if registry_index is None:
            raise SourceUnavailable(f"registry {registry} is none of the policy's")
        pin = self._policy.registries[registry_index]
        anchor = self.anchor_of(head, pin, issuer_id, sequence)
        window = key = again = None
        if anchor is not None:
            first = (
                storage.first_item_slot(storage.mapping_slot(storage.WINDOWS, issuer_id))
                + storage.WINDOW_WORDS * anchor.window
            )
            slot = storage.mapping_slot(storage.REATTESTATIONS, issuer_id, storage.integer_key(sequence))
            *words, reattested = self.words(head, pin, [*_consecutive(first, storage.WINDOW_WORDS), slot])
            window = storage.read_window(words)
            time = storage.block_time_at(reattested, 20)
            writers = [anchor.key] + ([storage.address_at(reattested)] if time else [])
            keys = self._keys(head, pin, issuer_id, writers)
            key = keys[anchor.key]
            again = Reattestation(time, keys[storage.address_at(reattested)]) if time else None
        statuses, unlisted = self._statuses(head, registry_index, issuer_id, leaf_hash)
        return Facts(head, anchor, window, key, again, standing_record(statuses), unlisted)

    def anchor_of(self, head: Head, pin: RegistryPin, issuer_id: bytes, sequence: int) -> Anchor | None:
        """The anchor of a sequence number, or nothing. Raises: NodeUnavailable."""
        slot = storage.mapping_slot(storage.ANCHORS, issuer_id, storage.integer_key(sequence))
        return storage.read_anchor(self.words(head, pin, _consecutive(slot, storage.ANCHOR_WORDS)))

    def frontier(self, head: Head, pin: RegistryPin) -> Frontier:
        """The frontier of a registry's log. Raises: NodeUnavailable."""
        size = storage.uint64_at(self.words(head, pin, [storage.LOG_SIZE])[0], 0)
        levels = [level for level in range(MAX_FRONTIER) if size >> level & 1]
        words = self.words(head, pin, [storage.FRONTIER + level for level in levels])
        return Frontier(size, [word.to_bytes(32, "big") for word in words])

    def _statuses(
        self, head: Head, registry_index: int, issuer_id: bytes, leaf_hash: bytes
    ) -> tuple[list[StatusRecord], str | None]:
        """What stands for a leaf in its registry and in each that succeeds it, and who of those is unlisted."""
        pins = self._policy.registries

        def read(index: int) -> tuple[StatusRecord, str | None]:
            slot = storage.mapping_slot(storage.HISTORIES, issuer_id, leaf_hash)
            length, succeeded = self.words(head, pins[index], [slot, storage.SUCCESSOR])
            record = self._standing_record(head, pins[index], issuer_id, slot, length)
            successor = storage.address_at(succeeded)
            return record, None if successor == NO_ADDRESS else successor

        return walk_successors([pin.address for pin in pins], registry_index, read)

    def _standing_record(self, head: Head, pin: RegistryPin, issuer_id: bytes, slot: int, length: int) -> StatusRecord:
        """The last record of a leaf that carries weight: docs/spec/registry.md 5."""
        if length > MAX_RECORDS:
            raise NodeUnavailable(f"a leaf has {length} status records; this verifier reads {MAX_RECORDS}")
        words = self.words(head, pin, _consecutive(storage.first_item_slot(slot), storage.RECORD_WORDS * length))
        records = [
            storage.read_record(words[start : start + 2]) for start in range(0, len(words), storage.RECORD_WORDS)
        ]
        writers = {writer for record, writer in records if not record.by_regulator}
        keys = self._keys(head, pin, issuer_id, writers)
        for record, writer in reversed(records):
            if record.by_regulator or was_sound(keys[writer], record.block_time):
                return record
        return NO_RECORD

    def _keys(self, head: Head, pin: RegistryPin, issuer_id: bytes, addresses: Iterable[str]) -> dict[str, Key]:
        wanted = sorted(set(addresses))
        slots = [storage.mapping_slot(storage.KEYS, issuer_id, storage.address_key(key)) for key in wanted]
        words = self.words(head, pin, slots)
        return {key: storage.read_key(word) for key, word in zip(wanted, words, strict=True)}

    def words(self, head: Head, pin: RegistryPin, slots: list[int]) -> list[int]:
        """What stands in these slots of a registry, each proved; and that the registry's code is the pinned one.

        Raises: NodeUnavailable.
        """
        if not slots:
            return []
        state_root = self._header(head.hash).state_root
        slots_in_hex = [f"0x{slot:064x}" for slot in slots]
        answer = self._node.call("eth_getProof", pin.address, slots_in_hex, {"blockHash": "0x" + head.hash.hex()})
        nodes = pool(proof_nodes(answer, len(slots)))
        try:
            account = value_at(state_root, storage.address_key(pin.address), nodes)
            fields = rlp.decode(account) if account is not None else None
            if not isinstance(fields, list) or len(fields) != 4 or fields[3] != pin.code_hash:
                raise NodeUnavailable(f"{self._node.url} does not show the policy's registry code at {pin.address}")
            root = fields[2]
            if not isinstance(root, bytes):
                raise MalformedProof("an account has no storage root")
            return [_integer(value_at(root, slot.to_bytes(32, "big"), nodes)) for slot in slots]
        except MalformedProof as error:
            raise NodeUnavailable(f"{self._node.url} does not prove what it says of {pin.address}: {error}") from None

    def _header(self, hash_: bytes) -> Header:
        """The header of a known hash, whoever sends it."""
        if hash_ not in self._headers:
            header = read_header(self._node.call("eth_getBlockByHash", "0x" + hash_.hex(), False))
            if header.hash != hash_:
                raise NodeUnavailable(f"{self._node.url} sent another block than 0x{hash_.hex()}")
            self._headers[hash_] = header
        return self._headers[hash_]


def _consecutive(first: int, count: int) -> list[int]:
    return [(first + offset) % 2**256 for offset in range(count)]


def proof_nodes(answer: Any, slots: int) -> list[bytes]:
    """The trie nodes of an answer about so many slots: what else it says is proved by them, or false.

    Raises: NodeUnavailable for what is no proof, or larger than one can be.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("storageProof"), list):
        raise NodeUnavailable("the node sent something else than a proof")
    proofs = [answer.get("accountProof"), *(_proof_of(slot) for slot in answer["storageProof"])]
    if len(proofs) > 1 + slots or not all(
        isinstance(proof, list) and len(proof) <= MAX_PROOF_NODES for proof in proofs
    ):
        raise NodeUnavailable("the node sent something else than a proof")
    found = [data(node) for proof in proofs for node in proof]
    if any(len(node) > MAX_NODE_BYTES for node in found):
        raise NodeUnavailable("the node sent something else than a proof")
    return found


def _proof_of(slot: Any) -> Any:
    return slot.get("proof") if isinstance(slot, dict) else None


def _integer(value: bytes | None) -> int:
    """A word of storage, which stands in the trie as the RLP of an integer; an absent one is zero."""
    if value is None:
        return 0
    found = rlp.decode(value)
    if not isinstance(found, bytes) or len(found) > 32:
        raise MalformedProof("a slot holds something else than a word")
    return int.from_bytes(found, "big")
