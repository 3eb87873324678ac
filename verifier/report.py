"""An answer as text and as JSON."""

from typing import Any

from verifier.chain.facts import Remark
from verifier.formats.policy import Policy
from verifier.history.recorded import PastAnswer
from verifier.verdict import words
from verifier.verdict.ask import Result
from verifier.verdict.checks import Outcome
from verifier.verdict.days import LAST_SECOND, utc
from verifier.verdict.verdict import Claim
from verifier.verdict.words import Language

_MARKS = {Outcome.PASS: "+", Outcome.FAIL: "x", Outcome.UNKNOWN: "?"}


def headline(result: Result, language: Language) -> str:
    """The verdict in one sentence that names the issuer."""
    answer = result.answer
    if answer.reason in ("anchored-later", "only-others"):
        return words.FURTHER_REMARKS[answer.reason].in_(language)
    if answer.claims and answer.claims[0].is_of_another_file:
        return words.FURTHER_REMARKS["only-another-file"].in_(language)
    values = {"issuer": "", "time": ""}
    if answer.claims:
        claim = answer.claims[0]
        values["issuer"] = claim.receipt.profile.name
        if claim.facts and claim.facts.anchor:
            values["time"] = words.date_time(claim.facts.anchor.block_time, language)
    return words.EXPLANATIONS[answer.verdict].in_(language, values)


def remarks(result: Result, policy: Policy, language: Language, *, looked_up: bool) -> list[Remark]:
    """What stands behind the verdict and is not one of its checks."""
    said: list[Remark] = []
    if result.answer.reason in ("contested", "nothing-to-check"):
        said.append(Remark(result.answer.reason, {}))
    said += [Remark("malformed-receipt", {"detail": detail}) for detail in result.malformed]
    for claim in result.answer.claims[:1]:
        if anchor := claim.proven_anchor:
            printed = claim.receipt.metadata.fields["issued_on"]
            said.append(words.lag(printed, anchor.block_time, language))
            if anchor.block_number != claim.receipt.block:
                named = {"named": claim.receipt.block, "block": anchor.block_number}
                said.append(Remark("other-block", named))
    if result.source:
        name = "one-operator" if policy.operators == 1 else "several-operators"
        said.append(Remark(name, {"operators": policy.operators}))
        grounds = result.source.grounds
        age = result.now - result.source.head.time
        more = {"age": words.age(age, language)} if grounds.name == "pinned-bundle" else {}
        said.append(Remark(grounds.name, grounds.values | more))
        if result.source.left_out:
            said.append(words.left_out(result.source.left_out, language))
    asked_for = [claim.is_asked_for for claim in result.answer.claims]
    if any(asked_for) and not all(asked_for):
        said.append(Remark("others-claim", {}))
    if not looked_up and result.answer.claims:
        said.append(Remark("not-looked-up", {}))
    return said


def as_text(result: Result, policy: Policy, language: Language, *, looked_up: bool) -> str:
    """The answer for a terminal: verdict, sentence, claims with their checks, and what stands behind."""
    lines = [
        f"{result.answer.verdict}: {words.VERDICTS[result.answer.verdict].in_(language)}",
        headline(result, language),
    ]
    for claim in result.answer.claims:
        lines += ["", *_claim_lines(claim, language)]
    sayings = words.REASONS | words.REMARKS | words.FURTHER_REMARKS
    said = [
        sayings[remark.name].in_(language, remark.values)
        for remark in remarks(result, policy, language, looked_up=looked_up)
    ]
    if result.original:
        remark = words.original(result.original)
        said.append(sayings[remark.name].in_(language, remark.values))
    if result.head:
        said.append(f"block {result.head.number}, {utc(result.head.time):%Y-%m-%d %H:%M:%S} UTC")
    return "\n".join(lines + ([""] if said else []) + said)


def as_json(result: Result, policy: Policy, *, looked_up: bool) -> dict[str, Any]:
    """The answer for a program. Hashes are lowercase hex, times RFC 3339 UTC."""
    answer, head = result.answer, result.head
    return {
        "verdict": answer.verdict,
        "reason": answer.reason,
        "genuine": answer.verdict.is_genuine,
        "claims": [_claim_json(claim) for claim in answer.claims],
        "malformed": list(result.malformed),
        "head": None
        if head is None
        else {"block": head.number, "hash": "0x" + head.hash.hex(), "time": rfc3339(head.time)},
        "operators": policy.operators,
        "stands_on": None if result.source is None else result.source.grounds.name,
        "nodes": 0 if result.source is None else result.source.grounds.values.get("nodes", 0),
        "left_out": [] if result.source is None else [one._asdict() for one in result.source.left_out],
        "original": result.original
        and {
            "start": result.original.place.start,
            "end": result.original.place.end,
            "behind": result.original.place.behind.decode(),
            "only_white_space": result.original.is_blank,
        },
        "looked_up": looked_up,
    }


def _claim_lines(claim: Claim, language: Language) -> list[str]:
    receipt = claim.receipt
    facts = [
        f"{name} {receipt.metadata.fields[name]}"
        for name in ("number", "kind", "issued_on")
        if name in receipt.metadata.fields
    ]
    source = words.PROVEN if claim.is_proven else words.NOT_PROVEN
    lines = [
        f"{source.in_(language)} {receipt.profile.name} ({receipt.issuer_id.hex()})",
        "  " + ", ".join(facts),
    ]
    for check in claim.checks:
        name = words.CHECK_NAMES[check.name].in_(language)
        outcome = words.OUTCOMES[check.outcome].in_(language)
        lines.append(f"  {_MARKS[check.outcome]} {check.number} {name}: {outcome}. {words.reason(check, language)}")
    return lines


def _claim_json(claim: Claim) -> dict[str, Any]:
    receipt, facts = claim.receipt, claim.facts
    anchor = facts.anchor if facts else None
    return {
        "verdict": claim.verdict,
        "proven": claim.is_proven,
        "issuer": {"id": receipt.issuer_id.hex(), "code": receipt.profile.code, "name": receipt.profile.name},
        "custody": facts.key.custody.name.lower() if facts and facts.key else None,
        "carries_weight": facts.carries_weight if facts else None,
        "reattested_at": rfc3339(facts.reattestation.block_time) if facts and facts.reattestation else None,
        "metadata": receipt.metadata.fields,
        "leaf_hash": receipt.leaf_hash.hex(),
        "sequence": receipt.sequence,
        "leaf_index": receipt.leaf_index,
        "anchor": None
        if anchor is None
        else {
            "root_hash": anchor.root_hash.hex(),
            "tree_size": anchor.tree_size,
            "block": anchor.block_number,
            "time": rfc3339(anchor.block_time),
            "key": anchor.key,
        },
        "checks": [
            {
                "number": check.number,
                "name": check.name,
                "outcome": check.outcome,
                "reason": check.reason,
                "values": check.values,
            }
            for check in claim.checks
        ],
    }


def past_as_text(past: PastAnswer, policy: Policy, language: Language, *, looked_up: bool) -> str:
    """The answer about an instant for a terminal: what held then by what is known now, then what was known then."""
    said = ["at-instant"]
    if past.accredited is not None:
        said.append("accredited-then" if past.accredited else "not-accredited-then")
    if past.known_then is not past.result.answer.verdict:
        said.append("known-otherwise")
    values = {
        "time": words.date_time(past.instant, language),
        "verdict": words.VERDICTS[past.known_then].in_(language),
    }
    lines = [words.FURTHER_REMARKS[name].in_(language, values) for name in said]
    return "\n".join([*lines, "", as_text(past.result, policy, language, looked_up=looked_up)])


def past_as_json(past: PastAnswer, policy: Policy, *, looked_up: bool) -> dict[str, Any]:
    """The answer about an instant for a program."""
    then = {"at": rfc3339(past.instant), "issuer_accredited": past.accredited, "verdict_known_then": past.known_then}
    return {**as_json(past.result, policy, looked_up=looked_up), "past": then}


def rfc3339(seconds: int) -> str:
    """An instant in RFC 3339, UTC; one that no date says, in seconds since 1970."""
    if seconds > LAST_SECOND:
        return str(seconds)
    return f"{utc(seconds):%Y-%m-%dT%H:%M:%SZ}"
