"""What a mirror holds, put together again: a bundle from its pieces, a receipt from a tree's tiles.

Nothing of it is believed: a bundle is compared with the digest that the policy pins, and a receipt is a claim like
any other. Source: docs/spec/mirror.md.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from verifier.errors import BundleNotPinned, Malformed, SourceUnavailable
from verifier.formats.metadata import parse_metadata, parse_profile
from verifier.formats.policy import Policy
from verifier.formats.receipt import Receipt
from verifier.formats.strictjson import read
from verifier.places.location import Location
from verifier.proofs.hashing import DIGEST_BYTES, certificate_leaf, node_hash
from verifier.proofs.merkle import root_from_leaves, siblings, split_of

HEIGHT = 8
WIDTH = 1 << HEIGHT
MAX_TEXT_BYTES = 64 * 1024
# The length of an entry stands in the two bytes before it.
LENGTH_BYTES = 2
# No event of the log has more than eleven words: docs/spec/log.md.
MAX_ENTRY_BYTES = 11 * 32
MAX_RUN_BYTES = WIDTH * (LENGTH_BYTES + MAX_ENTRY_BYTES)
# So much of a bundle is kept before its digest has vouched for it; a larger one is read a second time.
MAX_UNPROVED_BYTES = 64 << 20
# More than a nation's institutes write in a century.
MAX_LOG_SIZE = 10**8
BLOCK_BYTES = 8
# Runs that are read at the same time.
AT_ONCE = 8

_CHECKPOINT = re.compile(
    r"jangkar/([1-9][0-9]{0,15})/(0x[0-9a-f]{40})/([0-9a-f]{64})/([0-9]{8,16})\n"
    r"([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n"
    r"block ([0-9]{1,16})\ntransaction (0x[0-9a-f]{64})\nprofile ([^\n]+)\n"
)


def bundle_from(location: Location, policy: Policy, most_unproved: int = MAX_UNPROVED_BYTES) -> bytes:
    """The newest bundle that the policy pins and the mirror holds, put together from its pieces.

    How long it is, its header says, and nobody has vouched for that before all of it was hashed: no more than
    `most_unproved` bytes are kept until then.
    Raises: BundleNotPinned where the policy pins none; SourceUnavailable where the mirror holds none of them, or not
    all of it; OSError.
    """
    if not policy.bundles:
        raise BundleNotPinned(
            "a mirror is only believed by a bundle's digest: name one that you trust in the policy's \"bundles\" or "
            "with --digest"
        )
    found: list[tuple[int, list[int], bytes, bytes]] = []
    refused: list[SourceUnavailable] = []
    for digest in sorted(policy.bundles):
        try:
            header = location.read(f"bundles/{digest.hex()}", MAX_TEXT_BYTES)
            found.append((*_outline(header), header, digest))
        except SourceUnavailable as error:
            refused.append(error)
    if not found:
        raise refused[0]
    _, sizes, header, digest = max(found)
    most = most_unproved
    for _ in range(2):
        hashed, length, kept = hashlib.sha256(), 0, []
        for piece in _pieces(location, policy, header, sizes):
            hashed.update(piece)
            length += len(piece)
            if length <= most:
                kept.append(piece)
            else:
                kept.clear()
        if hashed.digest() != digest:
            break
        if length <= most:
            return b"".join(kept)
        most = length
    raise SourceUnavailable(f"the pieces that the mirror holds do not give the bundle {digest.hex()}")


def _pieces(location: Location, policy: Policy, header: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The bundle's lines. Raises: SourceUnavailable; OSError."""
    yield header
    for pin, size in zip(policy.registries, sizes, strict=False):
        yield from _entries(location, f"logs/{pin.address}", size)


class Tree:
    """One batch's tree, read from the tiles of a mirror as far as it is asked for."""

    def __init__(self, location: Location, folder: str, size: int) -> None:
        self.size = size
        self._location = location
        self._folder = folder
        self._tiles: dict[tuple[int, int], bytes] = {}

    def leaf(self, index: int) -> bytes:
        """A leaf hash. Raises: SourceUnavailable; OSError."""
        return self._node(0, index)

    def find(self, leaf_hash: bytes) -> int | None:
        """Where a leaf stands: they are in ascending order. Raises: SourceUnavailable; OSError."""
        index = bisect_left(range(self.size), leaf_hash, key=self.leaf)
        return index if index < self.size and self.leaf(index) == leaf_hash else None

    def path(self, index: int) -> tuple[bytes, ...]:
        """The inclusion path of a leaf, lowest first. Source: RFC 9162 2.1.3.1. Raises: SourceUnavailable; OSError."""
        return tuple(siblings(self.size, index, self._root))

    def _root(self, start: int, end: int) -> bytes:
        height = (end - start - 1).bit_length()
        if end - start == 1 << height:
            return self._node(height, start >> height)
        split = split_of(start, end)
        return node_hash(self._root(start, split), self._root(split, end))

    def _node(self, height: int, index: int) -> bytes:
        """The root of 2^height leaves, from the tile of the level at or below it."""
        level, above = divmod(height, HEIGHT)
        number, first = divmod(index << above, WIDTH)
        hashes = self._tile(level, number)
        run = range(first * DIGEST_BYTES, (first + (1 << above)) * DIGEST_BYTES, DIGEST_BYTES)
        return root_from_leaves([hashes[at : at + DIGEST_BYTES] for at in run])

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._tiles:
            width = min(WIDTH, (self.size >> HEIGHT * level) - number * WIDTH)
            name = f"{self._folder}/{_name(f'tile/{level}', number, width)}"
            tile = self._location.read(name, width * DIGEST_BYTES)
            if len(tile) != width * DIGEST_BYTES:
                raise SourceUnavailable(f"{name} has {len(tile)} bytes where {width} hashes belong")
            self._tiles[level, number] = tile
        return self._tiles[level, number]


class BatchCheckpoint(NamedTuple):
    """What a mirror says of a batch, in its checkpoint. `registry` is a lowercase 0x address."""

    chain_id: int
    registry: str
    size: int
    block: int
    transaction: str
    profile: str


def receipt_from(
    location: Location, registry: str, issuer_id: bytes, sequence: int, document_digest: bytes, metadata_text: str
) -> Receipt | None:
    """The receipt of a certificate, where the tree of a registry's batch holds its leaf.

    Raises: MalformedMetadata; SourceUnavailable where the mirror lacks the batch or part of it, or holds that of
    another registry; OSError.
    """
    metadata = parse_metadata(metadata_text)
    folder = f"{issuer_id.hex()}/{sequence:08}"
    checkpoint = _checkpoint(location, folder, issuer_id, sequence)
    if checkpoint.registry != registry:
        raise SourceUnavailable(f"{folder}/checkpoint is of another registry than {registry}: {checkpoint.registry}")
    tree = Tree(location, folder, checkpoint.size)
    index = tree.find(certificate_leaf(issuer_id, document_digest, metadata_text))
    if index is None:
        return None
    try:
        profile = parse_profile(checkpoint.profile)
    except Malformed as error:
        raise SourceUnavailable(f"{folder}/checkpoint: {error}") from None
    return Receipt(
        document_digest=document_digest,
        metadata_text=metadata_text,
        metadata=metadata,
        issuer_id=issuer_id,
        profile_text=checkpoint.profile,
        profile=profile,
        sequence=sequence,
        leaf_index=index,
        path=tree.path(index),
        chain_id=checkpoint.chain_id,
        registry=checkpoint.registry,
        transaction=checkpoint.transaction,
        block=checkpoint.block,
    )


def _checkpoint(location: Location, folder: str, issuer_id: bytes, sequence: int) -> BatchCheckpoint:
    name = f"{folder}/checkpoint"
    match = _CHECKPOINT.fullmatch(location.read(name, MAX_TEXT_BYTES).decode(errors="replace"))
    if match is None or (bytes.fromhex(match[3]), int(match[4])) != (issuer_id, sequence):
        raise SourceUnavailable(f"{name} is no checkpoint of this batch")
    return BatchCheckpoint(int(match[1]), match[2], int(match[5]), int(match[7]), match[8], match[9])


def _outline(header: bytes) -> tuple[int, list[int]]:
    """The block of a bundle's first line, and how many entries each of its logs has. Raises: SourceUnavailable."""
    try:
        fields = read(header, what="the bundle's first line", max_bytes=MAX_TEXT_BYTES)
        number, sizes = fields["block"]["number"], [log["size"] for log in fields["logs"]]
    except (Malformed, KeyError, TypeError):
        number, sizes = None, []
    if not all(type(count) is int and count >= 0 for count in (number, *sizes)) or max(sizes, default=0) > MAX_LOG_SIZE:
        raise SourceUnavailable("the mirror's bundle begins with no header")
    return number, sizes


def _entries(location: Location, folder: str, size: int) -> Iterator[bytes]:
    """The lines of a log in a bundle. Some runs are read at once; how many there are nobody has vouched for yet."""
    runs = range(-(-size // WIDTH))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for first in range(0, len(runs), AT_ONCE):
            for lines in pool.map(partial(_lines_of_run, location, folder, size), runs[first : first + AT_ONCE]):
                yield from lines


def _lines_of_run(location: Location, folder: str, size: int, number: int) -> list[bytes]:
    """The lines of one run of entries, with the numbers of their blocks."""
    width = min(WIDTH, size - number * WIDTH)
    name = _name(f"{folder}/tile/entries", number, width)
    entries = list(_split(location.read(name, MAX_RUN_BYTES)))
    blocks = location.read(_name(f"{folder}/blocks", number, width), width * BLOCK_BYTES)
    if (len(entries), len(blocks)) != (width, width * BLOCK_BYTES):
        raise SourceUnavailable(f"{name} and its blocks are not {width} entries")
    numbers = (int.from_bytes(blocks[at : at + BLOCK_BYTES]) for at in range(0, len(blocks), BLOCK_BYTES))
    return [f"{block} {entry.hex()}\n".encode() for block, entry in zip(numbers, entries, strict=True)]


def _split(run: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(run):
        begin = at + LENGTH_BYTES
        at = begin + int.from_bytes(run[at:begin])
        yield run[begin:at]


def _name(kind: str, number: int, width: int) -> str:
    """Where a run of up to 256 lies. Source: C2SP tlog-tiles."""
    groups = [f"{number % 1_000:03}"]
    while number := number // 1_000:
        groups.append(f"x{number % 1_000:03}")
    return "/".join([kind, *reversed(groups)]) + ("" if width == WIDTH else f".p/{width}")
