"""From checks to one verdict. Source: docs/spec/verification.md 3 and 4."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from verifier.chain.facts import Anchor, Facts
from verifier.formats.receipt import Receipt
from verifier.verdict.checks import EARLIER_REVISION, OTHER_FILE, Check, Outcome


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

    @property
    def is_genuine(self) -> bool:
        """Whether the file is proven to be the issued one, in force or not."""
        return self in (self.VALID, self.REVOKED, self.SUSPENDED, self.SUPERSEDED, self.EXPIRED)


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

_OTHER_ISSUER, _COMPROMISED = "other-issuer", "key-compromised"
# The issuer's name comes from the profile: with another profile, outside a window or by a thief, it is nobody's; that
# of an issuer who was not asked for is compared with nothing.
_UNPROVEN_ISSUER = ("other-profile", "not-accredited", "key-not-active", _OTHER_ISSUER, _COMPROMISED)
_IN_DOUBT = (Verdict.REVOKED, Verdict.SUSPENDED)
_NOT_IN_FORCE = (*_IN_DOUBT, Verdict.SUPERSEDED, Verdict.EXPIRED)
_IN_FORCE = (Verdict.VALID, Verdict.RECORDED)
_REFUSED = (Verdict.UNTRUSTED, Verdict.INVALID)
_BEST_FIRST = (*_IN_FORCE, *_NOT_IN_FORCE, Verdict.MODIFIED, *_REFUSED)


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
    def is_of_another_file(self) -> bool:
        """Whether nothing fails but that the receipt belongs to another file than the one at hand."""
        return [check.reason for check in self.checks if check.outcome is Outcome.FAIL] == [OTHER_FILE]

    @property
    def is_asked_for(self) -> bool:
        """Whether its issuer is one that was asked for, and that the policy trusts."""
        return self.checks[3].reason != _OTHER_ISSUER

    @property
    def verdict(self) -> Verdict:
        """Fail beats unknown beats pass; what is genuine but not in force is told as that.

        Revoked and suspended are told even of a claim by a key that was compromised: it is in doubt twice.
        """
        *proof, status = self.checks
        if proof[0].reason == EARLIER_REVISION:
            return self._of_an_altered_file()
        outcomes = [check.outcome for check in proof]
        failed = [check.reason for check in proof if check.outcome is Outcome.FAIL]
        is_held = status.outcome is Outcome.FAIL and outcomes[1:3] == [Outcome.PASS, Outcome.PASS]
        if is_held and (not failed or (failed == [_COMPROMISED] and status.reason in _IN_DOUBT)):
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

    What an issuer does to its own claim decides nothing of another's: not where that one was asked for, and else the
    file is contested, which is for a person to decide.
    """
    expected = [claim for claim in claims if claim.is_asked_for]
    if not expected and (looked_up or pending or not claims):
        return _of_no_expected_issuer(claims, pending=pending, looked_up=looked_up)
    return _of_claims(expected or claims, claims, pending=pending)


def _of_claims(expected: Sequence[Claim], claims: Sequence[Claim], *, pending: bool) -> Answer:
    proven = [claim for claim in expected if claim.is_proven and claim.verdict in (*_IN_FORCE, *_NOT_IN_FORCE)]
    unknown = [claim for claim in expected if claim.verdict is Verdict.UNDETERMINED]
    altered = [claim for claim in expected if claim.verdict is Verdict.MODIFIED]
    in_force = _issuers_in_force(proven)
    for verdict in _IN_DOUBT:
        hit = [claim for claim in proven if claim.verdict is verdict]
        # What another issuer holds, or may hold, stands beside it: then neither decides.
        if hit and not (in_force | _issuers(unknown)) - _issuers(hit):
            return _answer(verdict, "claim", hit, claims)
    if len(_issuers((*proven, *altered))) > 1 and in_force:
        rivals = sorted((*proven, *altered), key=lambda one: (one.verdict not in _NOT_IN_FORCE, _anchored_at(one)))
        return _answer(Verdict.UNDETERMINED, "contested", rivals, claims)
    if unknown:
        # One that could not be checked may be the revoked one.
        return _answer(Verdict.UNDETERMINED, "claim", unknown, claims)
    if pending and len(altered) == len(expected):
        # A service took this very file in: a revision of the issuer's own, perhaps.
        return _answer(Verdict.PENDING, "pending", altered, claims)
    best = min(map(_rank, expected))
    hit = [claim for claim in expected if _rank(claim) == best]
    return _answer(hit[0].verdict, "claim", hit, claims)


def _rank(claim: Claim) -> tuple[bool, bool, int]:
    """Where a claim comes among others, the best first: one without weight says less than an altered file."""
    is_weightless = claim.verdict in _IN_DOUBT and not claim.is_proven
    return claim.verdict in _REFUSED, is_weightless, _BEST_FIRST.index(claim.verdict)


def _of_no_expected_issuer(claims: Sequence[Claim], *, pending: bool, looked_up: bool) -> Answer:
    """Nobody who was asked for claims the file, as far as it was looked up; others' claims are shown."""
    if pending:
        return _answer(Verdict.PENDING, "pending", (), claims)
    if looked_up:
        return _answer(Verdict.NOT_FOUND, "only-others" if claims else "not-found", (), claims)
    return Answer(Verdict.UNDETERMINED, "nothing-to-check", ())


def _issuers(claims: Sequence[Claim]) -> set[bytes]:
    return {claim.receipt.issuer_id for claim in claims}


def _issuers_in_force(proven: Sequence[Claim]) -> set[bytes]:
    """The issuers with a proven claim in force, and none that is revoked or suspended."""
    in_doubt = _issuers([claim for claim in proven if claim.verdict in _IN_DOUBT])
    return _issuers([claim for claim in proven if claim.verdict in _IN_FORCE]) - in_doubt


def _anchored_at(claim: Claim) -> int:
    return claim.facts.anchor.block_time if claim.facts and claim.facts.anchor else 0


def _answer(verdict: Verdict, reason: str, first: Sequence[Claim], claims: Sequence[Claim]) -> Answer:
    return Answer(verdict, reason, (*first, *(claim for claim in claims if claim not in first)))
