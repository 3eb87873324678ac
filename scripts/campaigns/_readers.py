"""Every reader of strangers' bytes in the verifier: what it is fed, how large that may be, and what it began with.

Stands on the verifier alone, so that atheris' environment, which has nothing else, can use it. Those of the service
and of the page's forms are in _more_readers.py. `families` are inputs of any size that have been, or may be, slow.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from verifier.audit import files
from verifier.chain.header import MAX_EXTRA_DATA, read_header
from verifier.chain.registry import MAX_NODE_BYTES, proof_nodes
from verifier.chain.rpc import MAX_ANSWER_BYTES, result_of
from verifier.errors import VerifierError
from verifier.formats import certificate_code, fingerprint, metadata, policy, receipt, strictjson
from verifier.formats.policy import Policy
from verifier.history import bundle, log_proof, memory
from verifier.history.events import read_event
from verifier.history.log import LOGGED_EVENTS, LogEntry
from verifier.history.state import replay
from verifier.places import mirror, service
from verifier.places.location import Location
from verifier.proofs import rlp
from verifier.proofs.keccak import keccak256
from verifier.proofs.trie import value_at

VECTORS = Path(__file__).resolve().parents[2] / "tests" / "vectors"
URL = "http://127.0.0.1:1"
# The largest input that is timed, where a reader's own bound lies above: there a square takes seconds.
MOST_TIMED = 128 * 1024

PINS = {
    "format": "jangkar-policy-v1", "chain_id": 7, "genesis": "0x" + "00" * 32, "registry": "0x" + "11" * 20,
    "code_hash": "0x" + "00" * 32, "finality": "instant", "operators": 1, "nodes": [URL],
}  # fmt: skip
METADATA = f'{{"issued_on":"2026-11-20","kind":"latsar","nonce":"{"0" * 32}","number":"1"}}'
TRUSTED: Policy = policy.parse(json.dumps(PINS).encode())

# An input of at most so many bytes, and nearly as many.
Family = Callable[[int], bytes]


class Reader(NamedTuple):
    """How something is read, the most bytes that it may have, well-formed inputs, and slow ones by name.

    `read` raises `refusals` and nothing else.
    """

    read: Callable[[bytes], object]
    most: int
    seeds: Sequence[bytes]
    families: Mapping[str, Family]
    refusals: tuple[type[Exception], ...] = (VerifierError,)
    # The largest input that is timed, and the seconds after which it need not be larger.
    timed: int = MOST_TIMED
    enough: float = 0.02

    def take(self, data: bytes) -> None:
        """Read it, whether it is refused or not."""
        with suppress(*self.refusals):
            self.read(data)


class Shape(NamedTuple):
    """A family: `head`, then `unit` as often as there is room, then `tail`."""

    head: bytes
    unit: bytes
    tail: bytes = b""

    def __call__(self, size: int) -> bytes:
        """The input of at most so many bytes."""
        return self.head + self.unit * ((size - len(self.head) - len(self.tail)) // len(self.unit)) + self.tail


def numbered(head: bytes, unit: bytes, tail: bytes = b"") -> Family:
    """The same, with pieces that are all different: `unit` holds a %d."""

    def of_size(size: int) -> bytes:
        pieces, left = [head], size - len(head) - len(tail)
        for number in itertools.count():
            piece = unit % number
            left -= len(piece)
            if left < 0:
                return b"".join((*pieces, tail))
            pieces.append(piece)
        raise AssertionError("numbers do not end")

    return of_size


JSON_FAMILIES = {
    "a text that does not end, of escaped quotes": Shape(b'"', b'\\"'),
    "the same, ending in half an escape": Shape(b'"', b'\\"', b"\\"),
    "a text of escaped quotes": Shape(b'"', b'\\"', b'"'),
    "quotes": Shape(b"", b'"'),
    "a long text": Shape(b'"', b"a", b'"'),
    "a text of brackets": Shape(b'"', b"[{", b'"'),
    "backslashes": Shape(b"", b"\\"),
    "escapes of letters": Shape(b'"', b"\\u0041", b'"'),
    "halves of a surrogate": Shape(b'"', b"\\ud800", b'"'),
    "letters of three bytes": Shape(b'"', "\u2028".encode(), b'"'),
    "brackets": Shape(b"", b"["),
    "brackets that close": Shape(b"[", b"[],", b"[]]"),
    "objects": Shape(b"[", b"{},", b"{}]"),
    "white space": Shape(b"", b" "),
    "line feeds": Shape(b"", b"\n", b"x"),
    "a list of texts": Shape(b"[", b'"",', b'""]'),
    "a list of numbers": Shape(b"[", b"1,", b"1]"),
    "a long number": Shape(b"", b"1"),
    "a long fraction": Shape(b"1.", b"1"),
    "signs": Shape(b"", b"-1"),
    "keys": numbered(b"{", b'"%d":0,', b'"x":0}'),
    "keys, the last of them twice": numbered(b"{", b'"%d":0,', b'"x":0,"x":0}'),
    "one key": Shape(b"{", b'"a":0,', b'"a":0}'),
    "colons": Shape(b"{", b":", b"}"),
}  # fmt: skip


def in_answer(result: bytes) -> tuple[bytes, bytes]:
    """What stands before and behind a part of a node's answer; the part is at the @ of `result`."""
    head, tail = result.split(b"@")
    return b'{"jsonrpc":"2.0","id":1,"result":' + head, tail + b"}"


def inside(family: Family, head: bytes, tail: bytes) -> Family:
    """A family within something that goes before and behind it."""
    if isinstance(family, Shape):
        return Shape(head + family.head, family.unit, family.tail + tail)
    return lambda size: head + family(size - len(head) - len(tail)) + tail


def _receipts() -> tuple[str, list[bytes]]:
    """The text of the vectors' receipt, and all of them, right and wrong."""
    known = json.loads((VECTORS / "receipts.json").read_text())
    texts = [one["text"].encode("utf-8", "surrogatepass") for one in (known["right"], *known["wrong"])]
    return known["right"]["text"], texts


def _metadata() -> list[bytes]:
    known = json.loads((VECTORS / "metadata.json").read_text())
    return [one["text"].encode("utf-8", "surrogatepass") for one in (*known["right"], *known["wrong"])]


def _policies() -> list[bytes]:
    more = {"finality": {"depth": 2}, "issuers": ["aa" * 32], "successors": [], "max_head_age": 60}
    return [json.dumps(PINS).encode(), json.dumps(PINS | more).encode()]


def _block() -> dict[str, object]:
    sizes = {"hash": 32, "parentHash": 32, "sha3Uncles": 32, "miner": 20, "stateRoot": 32, "transactionsRoot": 32,
             "receiptsRoot": 32, "logsBloom": 256, "extraData": 0, "mixHash": 32, "nonce": 8}  # fmt: skip
    quantities = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas")
    return {key: "0x" + "00" * size for key, size in sizes.items()} | dict.fromkeys(quantities, "0x1")


def _answers() -> list[bytes]:
    proof = {"accountProof": ["0xc0"], "storageProof": [{"key": "0x0", "value": "0x0", "proof": ["0xc0", "0x80"]}]}
    refused = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no"}}).encode()
    return [*(json.dumps({"jsonrpc": "2.0", "id": 1, "result": one}).encode() for one in (_block(), proof)), refused]


def _header_of_extra_data(size: int) -> bytes:
    """A block whose extra data hold a list within a list, of so many items that it has its size."""
    count = (size - len(json.dumps(_block()))) // 2 - 16
    extra = rlp.encode([[b""] * max(0, count), b"x"])
    return json.dumps(_block() | {"extraData": "0x" + extra.hex()}).encode()


def _framed(entries: Sequence[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _unframed(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(data):
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "big")
        yield data[begin:at]


def _entry(event: str, *words: int) -> bytes:
    """The log's entry of an event; its last two words, time and index, are not looked at by what reads it here."""
    signature = next(bytes.fromhex(topic[2:]) for topic, name in LOGGED_EVENTS.items() if name == event)
    return signature + b"".join(word.to_bytes(32, "big") for word in (*words, 1, 0))


def _log_of(entry_of: Callable[[int], bytes], *before: bytes) -> Family:
    """A log of one kind of entry, behind some others."""

    def of_size(size: int) -> bytes:
        count = (size - len(_framed(before))) // len(_framed([entry_of(1)]))
        return _framed([*before, *map(entry_of, range(1, count + 1))])

    return of_size


_ISSUER, _LEAF, _KEY = 5, 6, 7
LOG_FAMILIES = {
    "nights of one issuer": _log_of(lambda number: _entry("NightClosed", _ISSUER, number, 0, _KEY)),
    "one leaf's statuses, by a regulator": _log_of(
        lambda number: _entry("StatusChanged", _ISSUER, _LEAF, number % 2, 0, 0, 0, 1, _KEY)
    ),
    "one leaf's statuses, by a key that is none": _log_of(
        lambda number: _entry("StatusChanged", _ISSUER, _LEAF, number % 2, 0, 0, 0, 0, _KEY)
    ),
    "statuses of many leaves": _log_of(lambda number: _entry("StatusChanged", _ISSUER, number, 3, 0, 0, 0, 1, _KEY)),
    "anchors of one issuer": _log_of(lambda number: _entry("Anchored", _ISSUER, number, 1, 1, 0, _KEY, _KEY)),
    "windows of one issuer": _log_of(lambda number: _entry("WindowOpened", _ISSUER, number, 1, 2, 1, 1, _KEY)),
    "keys of one issuer": _log_of(lambda number: _entry("KeyAdded", _ISSUER, number, 1, 1, _KEY)),
    "issuers": _log_of(lambda number: _entry("KeyAdded", number, _KEY, 1, 1, _KEY)),
}


def _replayed(data: bytes) -> object:
    return replay(LogEntry(0, entry) for entry in _unframed(data))


def _empty_extensions(size: int) -> bytes:
    """A walk through extensions that lead on by nothing, each to the next."""
    nodes, reference = [], bytes(32)
    for _ in range(max(1, size // 38)):
        nodes.append(rlp.encode([b"\x00", reference]))
        reference = keccak256(nodes[-1])
    return b"".join(len(node).to_bytes(2, "big") + node for node in reversed(nodes))


def _walk(data: bytes) -> None:
    """A trie of the input's nodes, walked from the first for some keys: hashes always fit, nodes are anything."""
    nodes = list(_unframed(data)) or [b""]
    # Not by `pool`, which remembers: the second reading would cost nothing.
    known = {keccak256(node): node for node in nodes}
    for number in range(8):
        with suppress(VerifierError):
            value_at(keccak256(nodes[0]), bytes([number]), known)


def _read_node(data: bytes) -> None:
    """What a node sends of a block, and of a registry's storage at that block."""
    for read in (read_header, lambda answer: proof_nodes(answer, 64)):
        with suppress(VerifierError):
            read(result_of(data, URL, "eth_getProof"))


def _read_header(data: bytes) -> object:
    return read_header(strictjson.read(data, what="block", max_bytes=2 * MAX_EXTRA_DATA))


def _read_bundle(data: bytes) -> None:
    """A bundle that the policy pins, whatever stands in it."""
    bundle.parse(data, TRUSTED._replace(bundles=frozenset({hashlib.sha256(data).digest()})))


class Everywhere(Location):
    """A mirror of which every file holds the same."""

    def __init__(self, data: bytes) -> None:
        super().__init__("everywhere")
        self._data = data

    def find(self, name: str, max_bytes: int) -> bytes:  # noqa: ARG002  (it is everywhere)
        return self._data[: max_bytes + 1]


def _read_mirror(data: bytes) -> None:
    """Checkpoint, tiles, bundle line, entries and blocks of a mirror."""
    location, pinned = Everywhere(data), TRUSTED._replace(bundles=frozenset({bytes(32)}))
    with suppress(VerifierError):
        mirror.receipt_from(location, TRUSTED.registries[0].address, b"\xaa" * 32, 1, bytes(32), METADATA)
    mirror.bundle_from(location, pinned)


def _read_in_pieces(data: bytes) -> None:
    """A file's earlier forms, read whole and by small pieces."""
    fingerprint.of_stream(BytesIO(data))
    taking = fingerprint.FingerprintBuilder()
    for at in range(0, len(data), 7):
        taking.update(data[at : at + 7])
    taking.finish()


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


def _bundle_header(entry: bytes, size: int = 1) -> bytes:
    log = {"registry": "0x" + "11" * 20, "code_hash": "0x" + "00" * 32, "size": size,
           "root": hashlib.sha256(b"\0" + entry).hexdigest()}  # fmt: skip
    header = {"format": "jangkar-bundle-v1", "chain_id": 7, "genesis": "0x" + "00" * 32,
              "block": {"number": 1, "hash": "0x" + "00" * 32, "time": 1}, "logs": [log]}  # fmt: skip
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _mirror_files(profile: str, entry: bytes) -> list[bytes]:
    told = f"jangkar/7/0x{'11' * 20}/{'aa' * 32}/00000001\n%d\n{'A' * 43}=\nblock 3\ntransaction 0x{'00' * 32}\n"
    tree_sizes = (1, 300, 10**15)
    return [f"{told % size}profile {profile}\n".encode() for size in tree_sizes] + [_bundle_header(entry), entry]


def _readers() -> dict[str, Reader]:
    right, receipts = _receipts()
    profile = json.loads(right)["issuer_profile"]
    entry, unpaused = _entry("KeyRetired", 0, 0, 0), _entry("Unpaused", 0)
    look_up = json.dumps({"format": "jangkar-lookup-v1", "receipts": [right], "pending": 1}).encode()
    long_data = in_answer(b'{"accountProof":["0x@"],"storageProof":[]}')
    many_nodes = in_answer(b'{"accountProof":[@"0xc0"],"storageProof":[]}')
    short, leaf = b"\xc4\x82\x20\xaa\x01", b"\xc8\x83\x20\xaa\xbb\x83abc"
    nodes = [_framed(some) for some in ([short], [leaf], [b"\xd1" + b"\x80" * 17], [leaf, short])]
    manifest = {"format": files.MANIFEST_FORMAT, "chain_id": 7, "registry": "0x" + "11" * 20, "issuer_id": "aa" * 32,
                "issuer_profile": profile, "sequence": 1, "tree_size": 10**9, "root_hash": "00" * 32}  # fmt: skip
    header = _canonical_line(manifest)
    entries_header = _canonical_line(manifest | {"format": files.ENTRIES_FORMAT})
    opened = b'{"document_digest":"' + b"00" * 32 + b'","leaf_index":%d,"metadata":"{}"}\n'
    line = b"1 " + entry.hex().encode() + b"\n"
    remembered = {"format": memory.FORMAT, "logs": {"0x" + "11" * 20: {"block": 1, "size": 1, "nodes": ["00" * 32]}}}
    proof = {"format": log_proof.FORMAT, "chain_id": 7, "registry": "", "size": 1, "root": "00" * 32, "path": [],
             "entry": "", "index": 0}  # fmt: skip
    spaced = b"%%EOF" + b" " * 8
    texts = JSON_FAMILIES
    return {
        "receipt": Reader(receipt.parse, receipt.MAX_BYTES, receipts, texts),
        "metadata": Reader(_text(metadata.parse_metadata), metadata.MAX_METADATA_BYTES, _metadata(), texts),
        "profile": Reader(_text(metadata.parse_profile), metadata.MAX_PROFILE_BYTES, [profile.encode()], texts),
        "policy": Reader(policy.parse, policy.MAX_BYTES, _policies(), texts | {
            "a node of slashes": inside(
                Shape(URL.encode(), b"/", b"x"), *json.dumps(PINS | {"nodes": ["@"]}).encode().split(b"@")
            ),
            "many nodes": inside(
                numbered(b"", b'"http://a%d",', b'"http://b"'), *json.dumps(PINS | {"nodes": "@"}).encode()
                .replace(b'"@"', b"[@]").split(b"@")
            ),
        }),
        "rpc": Reader(_read_node, MAX_ANSWER_BYTES, _answers(), texts | {
            "bytes": Shape(long_data[0], b"00", long_data[1]),
            "half a byte at the end": Shape(long_data[0], b"00", b"0" + long_data[1]),
            "a proof of many nodes": Shape(many_nodes[0], b'"0xc0",', many_nodes[1]),
        }),
        "header": Reader(_read_header, 2 * MAX_EXTRA_DATA, [json.dumps(_block()).encode()], {
            "extra data": _header_of_extra_data,
        }),
        "rlp": Reader(rlp.decode, MAX_ANSWER_BYTES, [short, leaf], {
            "a list within a list": lambda size: rlp.encode([[b""] * (size - 16), b"x"]),
            "lists": lambda size: rlp.encode([[]] * (size - 16)),
            "lists that are cut off": Shape(b"", b"\xf8\xff"),
            "a long length": Shape(b"\xbf", b"\xff"),
        }),
        "trie": Reader(_walk, 64 * MAX_NODE_BYTES, nodes, {"extensions that lead on by nothing": _empty_extensions}),
        "bundle": Reader(_read_bundle, 1 << 40, [_bundle_header(entry) + line], {
            "entries": Shape(_bundle_header(entry, 10**9), line),
            "one entry": Shape(_bundle_header(entry) + b"1 ", b"00" * 32, b"\n"),
            "one entry and half a word": Shape(_bundle_header(entry) + b"1 ", b"00" * 32, b"0\n"),
            "line feeds": Shape(_bundle_header(entry, 10**9), b"\n"),
            "a first line without end": Shape(b"", b'"'),
        }),
        "mirror": Reader(_read_mirror, mirror.MAX_RUN_BYTES, _mirror_files(profile, entry), {
            "entries of nothing": Shape(b"", b"\0"),
            "a checkpoint's profile": Shape(_mirror_files("x", entry)[1].removesuffix(b"x\n"), b"a", b"\n"),
        }),
        "event": Reader(lambda data: read_event(LogEntry(0, data)), 0xFFFF, [entry, unpaused], {
            "words": Shape(entry, bytes(32)),
        }),
        "log": Reader(_replayed, 1 << 40, [_framed([entry, unpaused])], LOG_FAMILIES,
                      # An entry takes as long as a look at a thousand others.
                      timed=2 << 20, enough=1.0),
        "lookup": Reader(lambda data: service.read_answer(data, URL), service.MAX_BYTES, [look_up], texts | {
            "receipts": inside(
                numbered(b"", b'"%d",', b'""'), b'{"format":"jangkar-lookup-v1","pending":0,"receipts":[', b"]}"
            ),
        }),
        "memory": Reader(memory.decode, memory.MAX_BYTES, [json.dumps(remembered).encode()], texts),
        "log proof": Reader(log_proof.parse, log_proof.MAX_BYTES, [json.dumps(proof).encode()], texts),
        "manifest": Reader(files.read_manifest, 1 << 40, [header + b"00" * 32 + b"\n"], {
            "leaves": Shape(header, b"00" * 32 + b"\n"),
            "line feeds": Shape(header, b"\n"),
            "a header without end": Shape(b"", b'\\"', b"\n"),
        }),
        "entries": Reader(files.read_entries, 1 << 40, [entries_header + opened % 0], {
            "entries": numbered(entries_header, opened),
            "line feeds": Shape(entries_header, b"\n"),
        }),
        "code": Reader(_text(certificate_code.normalise), 1 << 20, [b"0123-4567-89AB"], {
            "dashes": Shape(b"", b"-"),
            "letters": Shape(b"", b"O"),
        }),
        "file": Reader(_read_in_pieces, 1 << 40, [b"%PDF-1.7\n%%EOF\n"], {
            "ends": Shape(b"", b"%%EOF"),
            "ends with all white space": Shape(b"", spaced),
            "white space": Shape(b"%%EOF", b" "),
            "percents": Shape(b"", b"%"),
            "headers": Shape(b"\n", b"%PDF-"),
            "half a header": Shape(b"", b"%PDF"),
        }),
    }  # fmt: skip


def _canonical_line(members: Mapping[str, object]) -> bytes:
    return (json.dumps(members, sort_keys=True, separators=(",", ":")) + "\n").encode()


READERS = _readers()
