"""Claims by two issuers on one file, in every standing, asked and trusted or not: what no issuer may do to another's.

Three readings of docs/spec/verification.md 3 and 4 agree on each cell: Python's, the browser's, and the one here.
"""

import itertools
import json
import shutil
from functools import cache
from typing import NamedTuple

import javascript
import pytest
import reference
from javascript import PACKAGES, ask
from tools import missing
from vectors_reader import load
from verifier_table import ANCHORED_AT, FACTS, NOW, POLICY_TEXT

from verifier.chain.facts import Anchor, Facts, Status, StatusRecord
from verifier.formats import policy
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.kinds import NUMBERS
from verifier.formats.receipt import parse
from verifier.verdict.checks import ExpectedIssuers, all_checks
from verifier.verdict.verdict import EXIT_CODES, Claim, combine

if shutil.which("node") is None or not PACKAGES.exists():
    missing("node, or what python3 scripts/build_browser.py installs", whole_file=True)

STANDINGS = ("active", "suspended", "superseded", "revoked", "expired", "not final")
DIGEST = bytes.fromhex(json.loads(load("receipts.json")["right"]["text"])["document_digest"])


class Standing(NamedTuple):
    """How one issuer's claim stands: its status, and whether its anchor's key was in wrong hands."""

    status: str
    is_stolen: bool


class Cell(NamedTuple):
    """What both issuers' claims are, None where there is none, who is asked for and trusted, who anchored first."""

    standing: dict[str, Standing | None]
    asked: str
    trusted: str
    first: str
    pending: bool


def all_cells() -> list[Cell]:
    standings = [None, *itertools.starmap(Standing, itertools.product(STANDINGS, (False, True)))]
    return [
        Cell({"A": a, "B": b}, asked, trusted, first, pending)
        for a, b, asked, trusted, first, pending in itertools.product(
            standings, standings, ("", "A", "B"), ("", "A", "B"), ("A", "B"), (False, True)
        )
    ]


def by_the_spec(cell: Cell) -> tuple[str, str]:
    """Verdict and the issuer that is named first, read from the page once more, and from nothing else."""
    heard = {
        name: one
        for name, one in cell.standing.items()
        if one and cell.asked in ("", name) and cell.trusted in ("", name)
    }
    if not heard:
        others = [name for name, one in cell.standing.items() if one]
        return "pending" if cell.pending else "not_found", others[0] if others else ""
    words = {name: _word(one) for name, one in heard.items()}
    proves = [name for name, one in heard.items() if not one.is_stolen and words[name] != "undetermined"]
    open_ = [name for name, word in words.items() if word == "undetermined"]
    in_force = [name for name in proves if words[name] == "valid"]
    for word in ("revoked", "suspended"):
        hit = [name for name in proves if words[name] == word]
        if hit and not set(in_force + open_) - set(hit):
            return word, hit[0]
    if len(proves) == 2 and in_force:
        out_of_force = [name for name in proves if name not in in_force]
        return "undetermined", out_of_force[0] if out_of_force else cell.first
    if open_:
        return "undetermined", open_[0]
    order = ("valid", "superseded", "expired")
    for names, verdicts in ((proves, order), (heard, ("revoked", "suspended")), (heard, ("untrusted",))):
        for verdict in verdicts:
            for name in names:
                if words[name] == verdict:
                    return verdict, name
    raise AssertionError(cell)


def _word(one: Standing) -> str:
    if one.is_stolen:
        return one.status if one.status in ("revoked", "suspended") else "untrusted"
    return {"active": "valid", "not final": "undetermined"}.get(one.status, one.status)


def receipt_of(name: str, status: str) -> bytes:
    """The receipt of an issuer alone in its batch."""
    fields = json.loads(load("receipts.json")["right"]["text"])
    facts = json.loads(fields["metadata"])
    facts.pop("valid_until", None)
    if status == "expired":
        facts["valid_until"] = "2026-11-22T00:00:00Z"
    profile = reference.canonical({"code": name, "name": f"Lembaga {name}"})
    issuer = reference.sha256(name.encode()).hex()
    fields |= {"metadata": reference.canonical(facts), "issuer_id": issuer, "issuer_profile": profile}
    text = json.dumps(fields | {"path": [], "leaf_index": 0}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return (text + "\n").encode()


RECEIPTS = {(name, status): receipt_of(name, status) for name in "AB" for status in STANDINGS}
IDS = {"": [], **{name: [reference.sha256(name.encode())] for name in "AB"}}


@cache
def facts_of(name: str, one: Standing, first: str) -> Facts:
    receipt = parse(RECEIPTS[name, one.status])
    time = ANCHORED_AT if name == first else ANCHORED_AT + 7
    number = 200 if one.status == "not final" else receipt.block
    kept = one.status.upper() if one.status in ("suspended", "superseded", "revoked") else "ACTIVE"
    return FACTS._replace(
        head=FACTS.head._replace(number=300),
        anchor=Anchor(receipt.leaf_hash, 1, time, number, 0, "0x" + "33" * 20),
        window=FACTS.window._replace(profile_digest=reference.sha256(receipt.profile_text.encode())),
        key=FACTS.key._replace(compromised_since=1 if one.is_stolen else 0),
        status=StatusRecord(Status[kept], False, False, 0, NOW - 5, bytes(32)),
    )


@cache
def receipt_text(name: str, one: Standing) -> bytes:
    """An anchor that is not final stands in a later block, which its receipt names."""
    text = RECEIPTS[name, one.status]
    return text.replace(b'"block":7,', b'"block":200,') if one.status == "not final" else text


parsed = cache(parse)


def by_python(cell: Cell, trusted: policy.Policy) -> tuple[str, str]:
    expected = ExpectedIssuers(IDS[cell.asked], trusted.issuers, looked_up=True)
    claims = []
    for name, one in cell.standing.items():
        if one:
            receipt, facts = parsed(receipt_text(name, one)), facts_of(name, one, cell.first)
            checks = all_checks(Fingerprint(DIGEST), receipt, trusted, facts, expected, NOW)
            claims.append(Claim(receipt, facts, checks))
    answer = combine(claims, pending=cell.pending, looked_up=True)
    return answer.verdict, answer.claims[0].receipt.profile.name[-1] if answer.claims else ""


def question(cell: Cell) -> dict[str, object]:
    claims = [
        javascript.claim(
            receipt_text(name, one), Fingerprint(DIGEST), facts_of(name, one, cell.first), IDS[cell.asked], NOW,
            lookedUp=True,
        )
        for name, one in cell.standing.items()
        if one
    ]  # fmt: skip
    return {"ask": "answer", "claims": claims, "pending": cell.pending, "lookedUp": True}


def trusting(name: str) -> str:
    """The policy's text; it lists one issuer or none."""
    listed = f'"issuers":["{IDS[name][0].hex()}"],' if name else ""
    return POLICY_TEXT.replace('"nodes"', f'{listed}"nodes"')


@pytest.mark.parametrize("trusted", ["", "A", "B"])
def test_three_readings_agree_on_every_cell(trusted):
    text = trusting(trusted)
    pins = policy.parse(text.encode())
    cells = [cell for cell in all_cells() if cell.trusted == trusted]
    wanted = [by_the_spec(cell) for cell in cells]
    found = [by_python(cell, pins) for cell in cells]
    assert [one for one in zip(cells, wanted, found, strict=True) if one[1] != one[2]][:3] == []
    told = ask([{"ask": "trust", "policy": text, "kinds": NUMBERS}, *map(question, cells)])[1:]
    differing = [one for one in zip(cells, wanted, told, strict=True) if one[2].get("answer") != one[1][0]]
    assert differing[:3] == []


def test_no_act_of_another_issuer_turns_a_valid_one_into_a_no():
    """Whatever B holds, and however it stands: A's alone is valid, and with B's it is never a definite no."""
    definite_no = {verdict for verdict, code in EXIT_CODES.items() if code == 1}
    alone = {
        (cell.asked, cell.trusted, cell.first, cell.pending)
        for cell in all_cells()
        if cell.standing == {"A": Standing("active", False), "B": None} and by_the_spec(cell)[0] == "valid"
    }
    beside = [
        cell
        for cell in all_cells()
        if cell.standing["A"] == Standing("active", False) and cell[1:] in alone and cell.standing["B"]
    ]
    assert len(beside) > 100
    for cell in beside:
        assert by_the_spec(cell)[0] not in definite_no, cell


def test_no_act_of_another_issuer_hides_a_revocation():
    for cell in all_cells():
        if cell.standing["A"] == Standing("revoked", False) and "B" not in (cell.asked, cell.trusted):
            assert by_the_spec(cell)[0] in ("revoked", "undetermined"), cell
