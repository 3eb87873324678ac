"""What an institute finds when it rebuilds a batch from its own files."""

from dataclasses import replace

import pytest

from anchor_service.core import approval as approval_format
from anchor_service.core import metadata
from anchor_service.core.errors import ApprovalRejected, TableRejected, TextRejected
from anchor_service.core.hashing import DocumentDigest, IssuerId, LeafHash, leaf_hash, leaf_input
from anchor_service.core.manifest import (
    BatchEntry,
    BatchHeader,
    entries_lines,
    manifest_lines,
    read_entries,
    read_manifest,
)
from anchor_service.core.merkle import MerkleTree
from anchor_service.pipeline.approval import Differences, compare
from anchor_service.pipeline.folder import Item
from anchor_service.pipeline.intake import Submission

ISSUER = b"\xaa" * 32


def facts(name, **more):
    return {"kind": "latsar", "number": f"{name}/2026", "issued_on": "2026-11-20", "jp": 40, **more}


def digest(name):
    return DocumentDigest(name.encode().ljust(32, b"."))


def batch(*certificates):
    """A sealed batch as a host files it, of (digest, facts): header, leaves, entries."""
    made = {}
    for number, (document, fields) in enumerate(certificates):
        text = metadata.from_fields(fields | {"nonce": f"{number:032x}"}).text
        data = leaf_input(IssuerId(ISSUER), document, metadata.from_text(text).digest)
        made[leaf_hash(data)] = (document, text)
    leaves = sorted(made)
    entries = [BatchEntry(index, *made[leaf]) for index, leaf in enumerate(leaves)]
    root = MerkleTree(leaves).root_hash
    header = BatchHeader(7, "0x" + "11" * 20, ISSUER, '{"code":"A","name":"A"}', 1, len(leaves), root)
    return header, leaves, entries


def own(*names):
    return [Item(f"{name}.pdf", None, Submission(digest(name), facts(name))) for name in names]


def found(certificates, items):
    header, leaves, entries = batch(*certificates)
    return compare(header, leaves, header, entries, items)


HELD = [(digest(name), facts(name)) for name in "abc"]


def test_nothing_differs():
    assert not found(HELD, own("a", "b", "c"))


@pytest.mark.parametrize(
    ("certificates", "items", "expected"),
    [
        (HELD, own("a", "b"), Differences((), ("c/2026",), ())),
        (HELD, own("a", "b", "c", "d"), Differences(("d.pdf",), (), ())),
        ([*HELD[:2], (digest("x"), facts("c"))], own("a", "b", "c"),
         Differences((), (), ("c/2026: the batch holds another file than c.pdf",))),
        ([*HELD[:2], (digest("c"), facts("c", jp=400, grade="Baik"))], own("a", "b", "c"),
         Differences((), (), ("c.pdf: the batch says otherwise in grade, jp",))),
        ([*HELD[:2], (digest("c"), facts("z"))], own("a", "b", "c"),
         Differences((), (), ("c.pdf: the batch says otherwise in number",))),
        # A second leaf of one file, with another nonce: it would stay valid when the first is revoked.
        (HELD + HELD[2:], own("a", "b", "c"), Differences((), ("c/2026: a second leaf of c.pdf",), ())),
        (HELD, [*own("a", "b"), Item("c.pdf", 3, TableRejected("no such row"))],
         Differences(("c.pdf: no such row",), ("c/2026",), ())),
    ],
)  # fmt: skip
def test_what_differs_is_named(certificates, items, expected):
    assert found(certificates, items) == expected


def test_a_manifest_that_contradicts_itself_is_refused():
    header, leaves, entries = batch(*HELD)
    other = replace(header, sequence=2)
    swapped = [leaves[1], leaves[0], leaves[2]]
    foreign = [*leaves[:2], LeafHash(b"\xff" * 32)]
    rebuilt = replace(header, root_hash=MerkleTree(foreign).root_hash)
    rubbish = [*entries[:2], replace(entries[2], metadata="{}")]
    for arguments in (
        (other, leaves, header, entries),
        (header, swapped, header, entries),
        (header, foreign, header, entries),
        (rebuilt, foreign, rebuilt, entries),
        (header, leaves, header, entries[:2]),
        (header, leaves, header, rubbish),
    ):
        with pytest.raises(ApprovalRejected):
            compare(*arguments, own("a", "b", "c"))


def test_files_read_back_as_they_were_written():
    header, leaves, entries = batch(*HELD)
    assert read_manifest(manifest_lines(header, leaves)) == (header, leaves)
    assert read_entries(entries_lines(header, entries)) == (header, entries)


def test_files_that_somebody_else_wrote():
    header, leaves, entries = batch(*HELD)
    lines, listed = list(manifest_lines(header, leaves)), list(entries_lines(header, entries))
    for wrong in (
        [],
        [""],
        lines[1:],
        lines[:-1],
        [*lines, lines[1]],
        [*lines[:3], "00\n"],
        [*lines[:3], lines[3].upper()],
        [lines[0].replace('"sequence":1', '"sequence":0'), *lines[1:]],
        [lines[0].replace('"sequence":1', '"sequence":1,"more":1'), *lines[1:]],
        [lines[0].replace("0x11", "0xzz"), *lines[1:]],
        listed,
    ):
        with pytest.raises(TextRejected):
            read_manifest(wrong)
    for wrong in (
        lines,
        [listed[0], listed[2], listed[1]],
        [listed[0], listed[1], listed[1]],
        [*listed, listed[3].replace('"leaf_index":2', '"leaf_index":3')],
        [listed[0], "{}\n"],
        [listed[0], listed[1].replace('"leaf_index":0', '"leaf_index":true')],
    ):
        with pytest.raises(TextRejected):
            read_entries(wrong)


def test_an_approval_file():
    made = approval_format.BatchApproval(
        7, "0x" + "11" * 20, ISSUER, 1, b"\x01" * 32, 3, 99, "0x" + "22" * 20, b"\x03" * 65
    )
    text = made.encode()
    assert approval_format.parse(text) == made
    for wrong in (
        b"",
        b"[]",
        b"\xff",
        text + text,
        text.replace(b'"sequence":1', b'"sequence":0'),
        text.replace(b'"sequence":1', b'"sequence":"1"'),
        text.replace(b"approval-v1", b"approval-v2"),
        text.replace(b'"tree_size":3', b'"tree_size":3,"tree_sizes":3'),
        text.replace(b'"sequence":1,', b""),
        text.replace(b"0x22", b"0xZZ"),
        text.replace(b"0303", b"030", 1),
    ):
        with pytest.raises(TextRejected):
            approval_format.parse(wrong)
