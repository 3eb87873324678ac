"""An answer as what the page shows: plain values for the template, every word in one language."""

from dataclasses import dataclass

from verifier import report, words
from verifier.ask import Result
from verifier.checks import Outcome
from verifier.policy import Policy
from verifier.registry import Custody
from verifier.verdict import Claim, Verdict
from verifier.web.phrases import DAYS, LABELS, PHRASES, SHOWN_FIELDS
from verifier.words import Language

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
MARKS = {Outcome.PASS: "✔", Outcome.FAIL: "✖", Outcome.UNKNOWN: "?"}


@dataclass(frozen=True)
class CheckView:
    """One check's line."""

    outcome: str
    mark: str
    name: str
    said: str
    reason: str


@dataclass(frozen=True)
class StepView:
    """One step of the path from file to block."""

    what: str
    value: str


@dataclass(frozen=True)
class ClaimView:
    """One issuer's claim on the file."""

    issuer: str
    issuer_id: str
    is_proven: bool
    fields: tuple[tuple[str, str], ...]
    checks: tuple[CheckView, ...]
    steps: tuple[StepView, ...]


@dataclass(frozen=True)
class AnswerView:
    """The whole answer."""

    verdict: str
    tone: str
    mark: str
    title: str
    sentence: str
    claims: tuple[ClaimView, ...]
    remarks: tuple[str, ...]
    is_recorded: bool
    is_contested: bool


def view(result: Result, policy: Policy, language: Language, *, looked_up: bool) -> AnswerView:
    """What the page shows of an answer."""
    verdict = result.answer.verdict
    tone, mark = TONES[verdict]
    remarks = report.remarks(result, policy, language, looked_up=looked_up)
    if any(
        claim.facts and claim.facts.key and claim.facts.key.custody is Custody.OPERATOR
        for claim in result.answer.claims
    ):
        remarks.append(PHRASES["by-operator"].in_(language))
    if result.head:
        values = {"block": result.head.number, "time": words.date_time(result.head.time, language)}
        remarks.append(PHRASES["head"].in_(language, values))
    return AnswerView(
        verdict=verdict,
        tone=tone,
        mark=mark,
        title=words.VERDICTS[verdict].in_(language),
        sentence=report.headline(result, language),
        claims=tuple(_claim(claim, language) for claim in result.answer.claims),
        remarks=tuple(remarks),
        is_recorded=verdict is Verdict.RECORDED,
        is_contested=result.answer.reason == "contested",
    )


def _claim(claim: Claim, language: Language) -> ClaimView:
    metadata = claim.receipt.metadata.fields
    fields = [(PHRASES["issuer"].in_(language), claim.receipt.profile.name)]
    for name in SHOWN_FIELDS:
        if name in metadata:
            value = words.day(metadata[name], language) if name in DAYS else str(metadata[name])
            fields.append((PHRASES[LABELS.get(name, name)].in_(language), value))
    checks = tuple(
        CheckView(
            check.outcome,
            MARKS[check.outcome],
            words.CHECK_NAMES[check.name].in_(language),
            words.OUTCOMES[check.outcome].in_(language),
            words.reason(check, language),
        )
        for check in claim.checks
    )
    return ClaimView(
        issuer=claim.receipt.profile.name,
        issuer_id=claim.receipt.issuer_id.hex(),
        is_proven=claim.is_proven,
        fields=tuple(fields),
        checks=checks,
        steps=_steps(claim, language),
    )


def _steps(claim: Claim, language: Language) -> tuple[StepView, ...]:
    anchor = claim.facts.anchor if claim.facts else None
    steps = [
        StepView(PHRASES["step-file"].in_(language), claim.receipt.document_digest.hex()),
        StepView(PHRASES["step-leaf"].in_(language), claim.receipt.leaf_hash.hex()),
        StepView(PHRASES["step-siblings"].in_(language), str(len(claim.receipt.path))),
    ]
    if anchor:
        block = f"{anchor.block_number}, {words.date_time(anchor.block_time, language)}"
        steps += [
            StepView(PHRASES["step-root"].in_(language), anchor.root.hex()),
            StepView(PHRASES["step-block"].in_(language), block),
        ]
    return tuple(steps)
