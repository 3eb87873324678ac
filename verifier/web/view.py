"""An answer as what the page shows: plain values for the template, every word in one language."""

import re
from dataclasses import dataclass
from typing import Any

from verifier import report
from verifier.chain.facts import Anchor, Custody, Remark
from verifier.formats.policy import Policy
from verifier.proofs.merkle import siblings_on_the_left
from verifier.verdict import words
from verifier.verdict.ask import Result
from verifier.verdict.checks import Outcome
from verifier.verdict.verdict import Claim, Verdict
from verifier.verdict.words import Language
from verifier.web.phrases import DAYS, LABELS, PHRASES, SHOWN_FIELDS

# Colour never stands alone: each tone has its own mark.
TONES = {
    Verdict.VALID: ("good", "✔"),
    Verdict.RECORDED: ("info", "i"),
    Verdict.PENDING: ("wait", "…"),
    Verdict.SUPERSEDED: ("wait", "⇄"),
    Verdict.SUSPENDED: ("bad", "✖"),
    Verdict.EXPIRED: ("bad", "✖"),
    Verdict.REVOKED: ("bad", "✖"),
    Verdict.UNTRUSTED: ("bad", "✖"),
    Verdict.MODIFIED: ("bad", "✖"),
    Verdict.INVALID: ("bad", "✖"),
    Verdict.NOT_FOUND: ("unknown", "?"),
    Verdict.UNDETERMINED: ("unknown", "⚠"),
}
ROW_HEIGHT = 24
# What neither a data: address nor an attribute in single quotes may hold as it is.
_QUOTED = re.compile(rb"[^!$(-;=?-~ \"]")
MARKS = {Outcome.PASS: "✔", Outcome.FAIL: "✖", Outcome.UNKNOWN: "?"}


@dataclass(frozen=True)
class CheckView:
    """One check's line. `name`, `outcome` and `reason` are names of words.py; `values` fill its blanks."""

    name: str
    outcome: str
    mark: str
    reason: str
    values: dict[str, Any]
    more: str


@dataclass(frozen=True)
class PictureView:
    """The path as a picture, from `below` its siblings to `above`; `text` is for who cannot see it.

    A sibling is its side, `l` or `r`, and how its hash begins.
    """

    height: int
    below: tuple[str, ...]
    siblings: tuple[tuple[str, str], ...]
    above: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class ClaimView:
    """One issuer's claim on the file. `root` and `size` are the chain's; `receipt` is percent-encoded."""

    issuer: str
    issuer_id: str
    is_proven: bool
    root: str
    size: int
    receipt: str
    fields: tuple[tuple[str, str], ...]
    checks: tuple[CheckView, ...]
    picture: PictureView | None
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AnswerView:
    """The whole answer."""

    verdict: str
    tone: str
    mark: str
    title: str
    sentence: str
    claims: tuple[ClaimView, ...]
    remarks: tuple[Remark, ...]
    is_recorded: bool
    asks_issuer: bool


def view(result: Result, policy: Policy, language: Language, *, looked_up: bool) -> AnswerView:
    """What the page shows of an answer."""
    verdict = result.answer.verdict
    tone, mark = TONES[verdict]
    remarks = report.remarks(result, policy, language, looked_up=looked_up)
    if any(
        claim.facts and claim.facts.key and claim.facts.key.custody is Custody.OPERATOR
        for claim in result.answer.claims
    ):
        remarks.append(Remark("by-operator", {}))
    if result.head:
        time = words.date_time(result.head.time, language)
        values = {"block": result.head.number, "time": time, "age": max(0, result.now - result.head.time)}
        remarks.append(Remark("head", values))
    return AnswerView(
        verdict=verdict,
        tone=tone,
        mark=mark,
        title=words.VERDICTS[verdict].in_(language),
        sentence=report.headline(result, language),
        claims=tuple(_claim(claim, language) for claim in result.answer.claims),
        remarks=tuple(remarks),
        is_recorded=verdict is Verdict.RECORDED,
        asks_issuer=_asks_issuer(result),
    )


def _asks_issuer(result: Result) -> bool:
    """Whether the visitor can settle it by naming the issuer that the certificate shows."""
    reasons = {check.reason for claim in result.answer.claims for check in claim.checks}
    is_open = result.answer.verdict is Verdict.UNDETERMINED and "issuer-not-named" in reasons
    return is_open or result.answer.reason == "contested"


def _claim(claim: Claim, language: Language) -> ClaimView:
    metadata = claim.receipt.metadata.fields
    fields = [(PHRASES["issuer"].in_(language), claim.receipt.profile.name)]
    fields += [
        (PHRASES[LABELS.get(name, name)].in_(language), _value(claim, name, language))
        for name in SHOWN_FIELDS
        if name in metadata
    ]
    checks = tuple(
        CheckView(check.name, check.outcome, MARKS[check.outcome], check.reason, *words.reason_parts(check, language))
        for check in claim.checks
    )
    anchor = claim.facts.anchor if claim.facts else None
    return ClaimView(
        issuer=claim.receipt.profile.name,
        issuer_id=claim.receipt.issuer_id.hex(),
        is_proven=claim.is_proven,
        root=anchor.root_hash.hex() if anchor else "",
        size=anchor.tree_size if anchor else 0,
        receipt=_as_data(claim.receipt.encode()),
        fields=tuple(fields),
        checks=checks,
        picture=_picture(claim, anchor, language) if anchor else None,
        steps=_steps(claim, language),
    )


def _value(claim: Claim, name: str, language: Language) -> str:
    """A field of the metadata as a person reads it."""
    value, until = claim.receipt.metadata.fields[name], claim.receipt.metadata.valid_until
    if name == "valid_until" and until is not None:
        return words.until(int(until.timestamp()), language)
    return words.day(value, language) if name in DAYS else str(value)


def _picture(claim: Claim, anchor: Anchor, language: Language) -> PictureView | None:
    """The path from file to block, where it fits the tree that the chain holds."""
    sides = siblings_on_the_left(claim.receipt.leaf_index, anchor.tree_size)
    if len(sides) != len(claim.receipt.path):
        return None
    siblings = tuple(
        ("l" if is_left else "r", node.hex()[:8]) for node, is_left in zip(claim.receipt.path, sides, strict=True)
    )
    values = {"steps": len(siblings), "block": anchor.block_number}
    return PictureView(
        height=ROW_HEIGHT * (len(siblings) + 4) + 8,
        below=(
            f"{PHRASES['file-short'].in_(language)} {claim.receipt.document_digest.hex()[:8]}",
            f"{PHRASES['leaf-short'].in_(language)} {claim.receipt.leaf_hash.hex()[:8]}",
        ),
        siblings=siblings,
        above=(
            f"{PHRASES['root-short'].in_(language)} {anchor.root_hash.hex()[:8]}",
            f"{PHRASES['step-block'].in_(language)} {anchor.block_number}",
        ),
        text=PHRASES["picture"].in_(language, values),
    )


def _as_data(receipt: bytes) -> str:
    """A receipt as the rest of a data: address, nearly as it is, so that it compresses well."""
    return _QUOTED.sub(lambda match: b"%%%02X" % match[0][0], receipt).decode()


def _steps(claim: Claim, language: Language) -> tuple[tuple[str, str], ...]:
    anchor = claim.facts.anchor if claim.facts else None
    steps = [
        (PHRASES["step-file"].in_(language), claim.receipt.document_digest.hex()),
        (PHRASES["step-leaf"].in_(language), claim.receipt.leaf_hash.hex()),
        (PHRASES["step-siblings"].in_(language), str(len(claim.receipt.path))),
    ]
    if anchor:
        block = f"{anchor.block_number}, {words.date_time(anchor.block_time, language)}"
        steps += [
            (PHRASES["step-root"].in_(language), anchor.root_hash.hex()),
            (PHRASES["step-block"].in_(language), block),
        ]
    return tuple(steps)
