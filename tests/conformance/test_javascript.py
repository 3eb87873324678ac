"""The browser's verifier against the shared vectors, and against the Python one wherever both can be asked."""

import random
import shutil

import javascript
import pytest
from javascript import PACKAGES, ask
from node_spellings import OTHER_NODES, SAME_NODES
from tools import missing
from vectors_reader import load
from verifier_table import ALTERED, FACTS, FILE, ISSUER, NOW, POLICY_TEXT, TABLE, VECTOR, judge

from verifier.errors import MalformedPolicy
from verifier.formats import fingerprint, policy
from verifier.formats.kinds import NUMBERS
from verifier.verdict.verdict import combine

if shutil.which("node") is None or not PACKAGES.exists():
    missing("node, or what python3 scripts/build_browser.py installs", whole_file=True)

TRUST = {"ask": "trust", "policy": POLICY_TEXT, "kinds": NUMBERS}


def answers(questions):
    found = ask(questions)
    assert [one for one in found if "crashed" in one] == []
    assert len(found) == len(questions)
    return [one.get("answer") for one in found]


def test_hashing():
    vectors = load("hashing.json")
    leaves = [{"ask": "leaf", **one} for one in vectors["leaf"]]
    nodes = [{"ask": "node", **one} for one in vectors["node"]]
    assert answers(leaves + nodes) == [one["hash"] for one in leaves + nodes]
    inputs = load("leaf-inputs.json")
    assert answers([{"ask": "certificate", **one} for one in inputs]) == [one["leaf_hash"] for one in inputs]


def test_inclusion():
    vectors = load("inclusion.json")
    for kind in ("right", "wrong"):
        asked = [
            {"ask": "root", **one, "leaf_index": str(one["leaf_index"]), "tree_size": str(one["tree_size"])}
            for one in vectors[kind]
        ]
        for one, root in zip(asked, answers(asked), strict=True):
            assert (root == one["root_hash"]) == (kind == "right"), one["name"]


def test_metadata():
    vectors = load("metadata.json")
    assert None not in answers([{"ask": "metadata", "text": one["text"]} for one in vectors["right"]])
    wrong = answers([{"ask": "metadata", "text": one["text"]} for one in vectors["wrong"]])
    assert [one["name"] for one, said in zip(vectors["wrong"], wrong, strict=True) if said is not None] == []
    digests = answers([{"ask": "digest", "text": one["text"]} for one in vectors["right"]])
    assert digests == [one["digest"] for one in vectors["right"]]


def test_receipts():
    vectors = load("receipts.json")
    texts = [one["text"].encode("utf-8", "surrogatepass") for one in vectors["wrong"]]
    assert answers([{"ask": "receipt", "receipt": VECTOR["text"].encode().hex()}]) == [VECTOR["leaf_hash"]]
    wrong = answers([{"ask": "receipt", "receipt": one.hex()} for one in (*texts, b"\xff\xfe")])
    assert [said for said in wrong if said is not None] == []


def test_codes():
    vectors = load("certificate-codes.json")
    right = [{"ask": "code", "typed": one["code"], **one} for one in vectors["right"]] + [
        {"ask": "code", **one} for one in vectors["typed"]
    ]
    assert answers(right) == [one["code"] for one in right]
    assert set(answers([{"ask": "code", "typed": one["typed"]} for one in vectors["wrong"]])) == {None}


def test_fingerprints():
    """The browser's own SHA-256 over the whole file, and the streaming one over pieces, as Python's."""
    chance = random.Random(32_000)
    parts = [b"%%EOF", b"\r", b"\n", b"x", b"%%EO", b" ", b"\0" * 9]
    files = [b"".join(chance.choices(parts, k=chance.randrange(60))) for _ in range(60)]
    files.append(b"%%EOF\n" * 500)
    for data in files:
        taking = fingerprint.FingerprintBuilder()
        taking.update(data)
        wanted = javascript.in_hex(taking.finish())
        pieces = (0, 1, 3, 1000)
        found = answers([{"ask": "fingerprint", "data": data.hex(), "piece": piece} for piece in pieces])
        assert found == [wanted] * len(pieces)


def test_policies():
    more = f'"quorum":1,"pinned_block":"0x{"ab" * 32}","bundles":["{"cd" * 32}"],"max_bundle_age":604800'
    right = [POLICY_TEXT, POLICY_TEXT.replace('"operators":1', f'"operators":1,{more}')]
    wrong = [
        POLICY_TEXT.replace(old, new)
        for old, new in (
            ('"operators":1', '"operators":0'), ('"operators":1', '"operators":1.0'), ('"chain_id"', '"chain"'),
            ('"instant"', '"soon"'), ('"instant"', '{"depth":0}'), ('"nodes":[', '"nodes":["ftp://x",'),
            ('"operators":1', '"operators":1,"quorum":2'), ('"operators":1', '"operators":1,"pinned_block":"0x"'),
            ('"nodes":["http://127.0.0.1:1"', '"nodes":["http://127.0.0.1:1","http://127.0.0.1:1"'),
            ('"operators":1', '"operators":1,"operators":1'), ('"operators":1', '"operators":1,"issuers":["x"]'),
        )
    ]  # fmt: skip
    nodes = '"nodes":["http://127.0.0.1:1"'
    right += [POLICY_TEXT.replace(nodes, f'"nodes":["{one}","{other}"') for one, other in OTHER_NODES]
    wrong += [POLICY_TEXT.replace(nodes, f'"nodes":["{one}","{other}"') for one, other in SAME_NODES]
    assert POLICY_TEXT not in wrong
    assert set(answers([{"ask": "policy", "policy": one.encode().hex()} for one in wrong])) == {None}
    assert set(answers([{"ask": "policy", "policy": one.encode().hex()} for one in right])) == {"policy"}
    for text in right:
        policy.parse(text.encode())
    for text in wrong:
        with pytest.raises(MalformedPolicy):
            policy.parse(text.encode())


@pytest.mark.parametrize("file", [FILE, ALTERED, None, fingerprint.Fingerprint(bytes(32))])
def test_the_table_of_checks(file):
    asked = [javascript.claim(VECTOR["text"].encode(), file, row[1], [ISSUER], NOW) for row in TABLE]
    found = answers([TRUST, *asked])[1:]
    assert found == [judge(row[1], file=file).verdict for row in TABLE]
    checked = answers([TRUST, *(question | {"ask": "checks"} for question in asked)])[1:]
    assert checked == [[_told(check) for check in judge(row[1], file=file).checks] for row in TABLE]


def _told(check):
    roots = [check.values["found"], check.values["anchored"]] if check.reason == "other-root" else []
    return [check.name, check.outcome, check.reason, *roots]


def test_combinations():
    """Two claims of any two rows, by one issuer or by two: one verdict, as Python has it."""
    chance = random.Random(5)
    rows = [row[1] for row in TABLE]
    questions, wanted = [TRUST], []
    for _ in range(400):
        chosen = [(chance.choice((FACTS, *rows)), chance.choice((FILE, ALTERED))) for _ in range(chance.randrange(4))]
        pending, looked_up = chance.random() < 0.3, chance.random() < 0.5
        claims = [judge(facts, file=file) for facts, file in chosen]
        wanted.append(combine(claims, pending=pending, looked_up=looked_up).verdict)
        asked = [javascript.claim(VECTOR["text"].encode(), file, facts, [ISSUER], NOW) for facts, file in chosen]
        questions.append({"ask": "answer", "claims": asked, "pending": pending, "lookedUp": looked_up})
    assert answers(questions)[1:] == wanted
    assert len(set(wanted)) > 8
