"""How long an answer is by the depth of its batch's tree: hashes do not compress, and words should."""

import gzip
import random

import pytest
import reference
from starlette.requests import Request
from verifier_table import FACTS, NOW, POLICY, RECEIPT, judge

from verifier.chain.nodes import Chain
from verifier.chain.rpc import Node
from verifier.verdict.ask import Result
from verifier.verdict.verdict import combine
from verifier.web.app import Page, PageSettings
from verifier.web.view import view

HEADERS = 250


def answer(levels, language):
    """A sound certificate with every fact, in a full tree of this depth, as a script gets it."""
    chance = random.Random(levels)
    facts = {
        "code": "7K3MQ9X2T4HB", "ends_on": "2026-11-19", "grade": "Sangat Memuaskan", "issued_on": "2026-11-20",
        "jp": 120, "kind": "latsar", "nonce": chance.randbytes(16).hex(), "number": "00001/PKP/BPSDM/XI/2026",
        "starts_on": "2026-11-02", "title": "Pelatihan Kepemimpinan Pengawas Angkatan XII Tahun 2026",
    }  # fmt: skip
    receipt = RECEIPT._replace(
        metadata_text=reference.canonical(facts),
        metadata=RECEIPT.metadata._replace(fields=facts),
        leaf_index=chance.randrange(2**levels),
        path=tuple(chance.randbytes(32) for _ in range(levels)),
        issuer_id=chance.randbytes(32),
        registry="0x" + chance.randbytes(20).hex(),
        transaction="0x" + chance.randbytes(32).hex(),
        document_digest=chance.randbytes(32),
    )
    anchor = FACTS.anchor._replace(tree_size=2**levels, root_hash=chance.randbytes(32))
    claim = judge()._replace(receipt=receipt, facts=FACTS._replace(anchor=anchor))
    result = Result(
        combine([claim], pending=False, looked_up=True),
        Chain(POLICY, FACTS.head, (Node("http://127.0.0.1:1"),), is_pinned=False),
        (),
        NOW,
    )
    page = Page(PageSettings(POLICY, ("http://127.0.0.1:1",)))
    asked = {
        "type": "http",
        "method": "POST",
        "path": "/ask",
        "query_string": f"lang={language}".encode(),
        "headers": [],
    }
    shown = page.show(Request(asked), answer=view(result, POLICY, language, looked_up=True))
    return len(gzip.compress(shown.body, 9))


@pytest.mark.parametrize("language", ["id", "en"])
def test_an_answer_is_at_most_two_kilobytes(language):
    """With its headers to 16,384 leaves in a batch, and without them to a million."""
    assert answer(14, language) + HEADERS <= 2048
    assert answer(20, language) <= 2048
