"""From checks to one verdict. Source: docs/spec/verification.md 3 and 4."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from verifier.chain.facts import Anchor, Facts
from verifier.formats.receipt import Receipt
from verifier.verdict.checks import EARLIER_REVISION, Check, Outcome


class Verdict(StrEnum):
    """The one word that an answer begins with."""

    VALID = "valid"
    RECORDED = "recorded"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    UNTRUSTED = "untrusted"
    MODIFIED = "modified"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    PENDING = "pending"
    UNDETERMINED = "undetermined"


EXIT_CODES = {
    Verdict.VALID: 0,
    Verdict.RECORDED: 0,
    Verdict.REVOKED: 1,
    Verdict.SUSPENDED: 1,
    Verdict.SUPERSEDED: 1,
    Verdict.EXPIRED: 1,
    Verdict.UNTRUSTED: 1,
    Verdict.MODIFIED: 1,
    Verdict.INVALID: 1,
    Verdict.NOT_FOUND: 1,
    Verdict.PENDING: 3,
    Verdict.UNDETERMINED: 4,
}
USAGE_ERROR = 2

_COMPROMISED = "key-compromised"
# The issuer's name comes from the profile: with another profile, outside a window or by a thief, it is nobody's.
_UNPROVEN_ISSUER = ("other-profile", "not-accredited", "key-not-active", _COMPROMISED)
# Revoked and suspended are told although one of these fails: the file itself is in doubt then.
_NO_EXCUSE = {"other-issuer", _COMPROMISED}
_IN_DOUBT = (Verdict.REVOKED, Verdict.SUSPENDED)
_NOT_IN_FORCE = (*_IN_DOUBT, Verdict.SUPERSEDED, Verdict.EXPIRED)
_BEST_FIRST = (
    Verdict.VALID, Verdict.RECORDED, *_NOT_IN_FORCE, Verdict.MODIFIED, Verdict.UNTRUSTED, Verdict.INVALID,
)  # fmt: skip


class Claim(NamedTuple):
    """One receipt's judgement: which issuer says what about this file."""

    receipt: Receipt
    facts: Facts | None
    checks: tuple[Check, ...]

    @property
    def is_proven(self) -> bool:
        """Whether the chain holds these facts under this issuer; else they are only what somebody wrote."""
        _, inclusion, anchor, issuer, _ = self.checks
        outcomes = {inclusion.outcome, anchor.outcome}
        return outcomes == {Outcome.PASS} and issuer.reason not in _UNPROVEN_ISSUER

    @property
    def proven_anchor(self) -> Anchor | None:
        """The anchor that the claim leads to, where it is proven."""
        return self.facts.anchor if self.facts and self.is_proven else None

    @property
    def verdict(self) -> Verdict:
        """Fail beats unknown beats pass; what is genuine but not in force is told as that.

        Revoked and suspended are told even of a claim by another issuer than the one asked for, or
        by a key that was compromised: the file itself is in doubt then.
        """
        *proof, status = self.checks
        if proof[0].reason == EARLIER_REVISION:
            return self._of_an_altered_file()
        outcomes = [check.outcome for check in proof]
        failed = [check.reason for check in proof if check.outcome is Outcome.FAIL]
        is_held = status.outcome is Outcome.FAIL and outcomes[1:3] == [Outcome.PASS, Outcome.PASS]
        if is_held and (not failed or (set(failed) <= _NO_EXCUSE and status.reason in _IN_DOUBT)):
            return Verdict(status.reason)
        if failed == [_COMPROMISED]:
            return Verdict.UNTRUSTED
        if failed:
            return Verdict.INVALID
        if Outcome.UNKNOWN in (*outcomes[1:], status.outcome):
            return Verdict.UNDETERMINED
        return Verdict.RECORDED if outcomes[0] is Outcome.UNKNOWN else Verdict.VALID

    def _of_an_altered_file(self) -> Verdict:
        """What a claim on an earlier revision says of the file: altered since, where the claim proves."""
        _, inclusion, anchor, issuer, _ = self.checks
        if Outcome.FAIL in (inclusion.outcome, anchor.outcome, issuer.outcome):
            return Verdict.INVALID
        if Outcome.UNKNOWN in (inclusion.outcome, anchor.outcome):
            return Verdict.UNDETERMINED
        return Verdict.MODIFIED


class Answer(NamedTuple):
    """The verdict on one file or code, with every claim it rests on; the deciding one first."""

    verdict: Verdict
    reason: str
    claims: tuple[Claim, ...]


def combine(claims: Sequence[Claim], *, pending: bool, looked_up: bool) -> Answer:
    """One verdict over all claims on the same file.

    A revoked or suspended claim is never outshone by a valid one. Two issuers that both hold a
    genuine claim on one file contest it, also where one of them claims an earlier revision: that is
    for a person to decide.
    """
    for verdict in _IN_DOUBT:
        if hit := [claim for claim in claims if claim.verdict is verdict]:
            return _answer(verdict, "claim", hit, claims)
    genuine = [claim for claim in claims if claim.verdict in (Verdict.VALID, Verdict.RECORDED, *_NOT_IN_FORCE)]
    unknown = [claim for claim in claims if claim.verdict is Verdict.UNDETERMINED]
    altered = [claim for claim in claims if claim.verdict is Verdict.MODIFIED]
    if genuine and len({claim.receipt.issuer_id for claim in (*genuine, *altered)}) > 1:
        return _answer(Verdict.UNDETERMINED, "contested", sorted((*genuine, *altered), key=_anchored_at), claims)
    if unknown:
        # One that could not be checked may be the revoked one.
        return _answer(Verdict.UNDETERMINED, "claim", unknown, claims)
    if pending and len(altered) == len(claims):
        # A service took this very file in: a revision of the issuer's own, perhaps.
        return _answer(Verdict.PENDING, "pending", altered, claims)
    for verdict in _BEST_FIRST:
        if hit := [claim for claim in claims if claim.verdict is verdict]:
            return _answer(verdict, "claim", hit, claims)
    if looked_up:
        return Answer(Verdict.NOT_FOUND, "not-found", ())
    return Answer(Verdict.UNDETERMINED, "nothing-to-check", ())


def _anchored_at(claim: Claim) -> int:
    return claim.facts.anchor.block_time if claim.facts and claim.facts.anchor else 0


def _answer(verdict: Verdict, reason: str, first: Sequence[Claim], claims: Sequence[Claim]) -> Answer:
    return Answer(verdict, reason, (*first, *(claim for claim in claims if claim not in first)))
