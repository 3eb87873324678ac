"""Checks 1 to 5 of docs/spec/verification.md, in that order, each pass, fail or unknown.

Everything here is pure: facts come in as values, so that the same history always gives the same
answer. A reason is a name that verifier/verdict/words.py spells out in each language, with its values.
"""

import hashlib
from collections.abc import Collection
from enum import StrEnum
from typing import Any, NamedTuple

from verifier.chain.facts import PURPOSE_ANCHOR, Anchor, Facts, Head, Key, Status, Window
from verifier.errors import MalformedProof
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.kinds import NUMBERS
from verifier.formats.policy import Policy
from verifier.formats.receipt import Receipt
from verifier.proofs.merkle import root_from_path

# A clock that runs ahead of the head by less than this is a clock, not a lie.
CLOCK_TOLERANCE = 15 * 60
EARLIER_REVISION = "earlier-revision"
OTHER_FILE = "other-file"


class Outcome(StrEnum):
    """What a check says. Fail beats unknown, unknown beats pass."""

    PASS = "pass"  # noqa: S105  (the check passed)
    FAIL = "fail"
    UNKNOWN = "unknown"


class Check(NamedTuple):
    """One numbered check with its outcome and its reason."""

    number: int
    name: str
    outcome: Outcome
    reason: str
    # A value like any other: nobody changes it.
    values: dict[str, Any] = {}  # noqa: RUF012


class CheckIdentity(NamedTuple):
    """Which check it is, as docs/spec/verification.md 2 numbers them; gives each outcome its reason and values."""

    number: int
    name: str

    # A value may be called `reason` too: it is the one of a status.
    def passes(self, reason: str, /, **values: Any) -> Check:
        """The check holds."""
        return Check(self.number, self.name, Outcome.PASS, reason, values)

    def fails(self, reason: str, /, **values: Any) -> Check:
        """The check does not hold."""
        return Check(self.number, self.name, Outcome.FAIL, reason, values)

    def unknown(self, reason: str, /, **values: Any) -> Check:
        """Whether the check holds could not be seen."""
        return Check(self.number, self.name, Outcome.UNKNOWN, reason, values)


DOCUMENT = CheckIdentity(1, "document")
INCLUSION = CheckIdentity(2, "inclusion")
ANCHOR = CheckIdentity(3, "anchor")
ISSUER = CheckIdentity(4, "issuer")
STATUS = CheckIdentity(5, "status")


class Unreadable(NamedTuple):
    """The facts could not be read; says nothing about the certificate."""

    detail: str


class ExpectedIssuers(NamedTuple):
    """What the question was: by whom it should be, and whether other claims were looked for.

    `named` are the issuers that the asker expects, `trusted` those of the policy; either is empty when
    it does not say. `looked_up` says that a service was asked for every anchor of this file.
    """

    named: Collection[bytes] = ()
    trusted: Collection[bytes] = ()
    looked_up: bool = False

    def excludes(self, issuer_id: bytes) -> bool:
        """Whether an issuer is none of those that were asked for, or that the policy trusts."""
        return any(wanted and issuer_id not in wanted for wanted in (self.named, self.trusted))

    @property
    def settles_issuer(self) -> bool:
        """Whether one issuer is meant, or all claims were looked for."""
        return self.looked_up or len(self.named or self.trusted) == 1


def document(file: Fingerprint | None, receipt: Receipt) -> Check:
    """Check 1: the file's SHA-256 equals the receipt's digest."""
    if file is None:
        return DOCUMENT.unknown("no-file")
    if receipt.document_digest in file.revisions:
        return DOCUMENT.fails(EARLIER_REVISION)
    if file.digest != receipt.document_digest:
        return DOCUMENT.fails(OTHER_FILE)
    return DOCUMENT.passes("same-file")


def inclusion(receipt: Receipt, facts: Facts | Unreadable) -> Check:
    """Check 2: leaf, path and index give the root under the size that the chain holds."""
    if isinstance(facts, Unreadable):
        return INCLUSION.unknown("unreadable", detail=facts.detail)
    if facts.anchor is None:
        return INCLUSION.unknown("no-anchor-to-compare")
    try:
        root = root_from_path(receipt.leaf_hash, receipt.leaf_index, facts.anchor.tree_size, receipt.path)
    except MalformedProof as error:
        return INCLUSION.fails("bad-path", detail=str(error))
    if root != facts.anchor.root_hash:
        return INCLUSION.fails("other-root", found=root.hex(), anchored=facts.anchor.root_hash.hex())
    return INCLUSION.passes("included", size=facts.anchor.tree_size)


def anchor(receipt: Receipt, policy: Policy, facts: Facts | Unreadable, now: int) -> Check:
    """Check 3: the pinned registry on the pinned chain holds the anchor in a final block.

    Which block that is, the registry says: one may be dropped, and the anchor stand in a later one.
    """
    if not policy.trusts(receipt.chain_id, receipt.registry):
        return ANCHOR.fails("other-registry", chain=receipt.chain_id, registry=receipt.registry)
    if isinstance(facts, Unreadable):
        return ANCHOR.unknown("unreadable", detail=facts.detail)
    if facts.anchor is None:
        if _is_stale(receipt, policy, facts, now):
            return ANCHOR.unknown("stale-head", age=now - facts.head.time)
        return ANCHOR.fails("no-anchor", sequence=receipt.sequence)
    if facts.anchor.block_number > facts.head.final:
        return ANCHOR.unknown("not-final", block=facts.anchor.block_number)
    return ANCHOR.passes("anchored", block=facts.anchor.block_number, time=facts.anchor.block_time)


def issuer(receipt: Receipt, policy: Policy, facts: Facts | Unreadable, expected: ExpectedIssuers, now: int) -> Check:
    """Check 4: accredited for this kind, with a sound key, at the anchor's block time; and the one asked for.

    An anchor that lost its weight may have been re-attested since: at a stale head that is unknown.
    """
    values = {"issuer": receipt.profile.name, "id": receipt.issuer_id.hex()}
    if expected.excludes(receipt.issuer_id):
        return ISSUER.fails("other-issuer", **values)
    if isinstance(facts, Unreadable):
        return ISSUER.unknown("unreadable", detail=facts.detail)
    if facts.anchor is None or facts.window is None or facts.key is None:
        return ISSUER.unknown("no-anchor-to-compare")
    unfit = _unfit_key(facts.anchor, facts.window, facts.key, values) or _unfit_claim(receipt, facts.window, values)
    if unfit is not None and unfit.outcome is Outcome.FAIL:
        return unfit
    if not facts.carries_weight:
        if _is_stale(receipt, policy, facts, now):
            return ISSUER.unknown("stale-head", age=now - facts.head.time)
        return ISSUER.fails("key-compromised", time=facts.key.compromised_since, **values)
    if unfit is not None:
        return unfit
    if not expected.settles_issuer:
        return ISSUER.unknown("issuer-not-named", **values)
    if facts.reattestation is not None and not facts.key_was_sound:
        return ISSUER.passes("re-attested", **values, time=facts.reattestation.block_time)
    return ISSUER.passes("accredited", **values)


def _unfit_key(anchor: Anchor, window: Window, key: Key, values: dict[str, Any]) -> Check | None:
    """Why the anchor's window or key was not in force at its block time, if it was not."""
    time = anchor.block_time
    if not window.from_ <= time < window.until:
        return ISSUER.fails("not-accredited", **values)
    if not (key.from_ <= time < key.until and key.purposes & PURPOSE_ANCHOR):
        return ISSUER.fails("key-not-active", **values)
    return None


def _unfit_claim(receipt: Receipt, window: Window, values: dict[str, Any]) -> Check | None:
    """Why the window is not one for this receipt's profile and kind, if it is not."""
    if hashlib.sha256(receipt.profile_text.encode()).digest() != window.profile_digest:
        return ISSUER.fails("other-profile", **values)
    kind = receipt.metadata.kind
    if kind not in NUMBERS:
        return ISSUER.unknown("unknown-kind", kind=kind)
    if not window.scope >> NUMBERS[kind] & 1:
        return ISSUER.fails("out-of-scope", kind=kind, **values)
    return None


def status(receipt: Receipt, policy: Policy, facts: Facts | Unreadable, now: int) -> Check:
    """Check 5: in force at the head that was read, and not past the proven end.

    Revoked, superseded and expired do not heal, so that even an old head is enough to say them.
    """
    until = receipt.metadata.valid_until
    latest = now if isinstance(facts, Unreadable) else max(now, facts.head.time)
    expired = until is not None and latest >= until.timestamp()
    if not isinstance(facts, Unreadable):
        record = facts.status
        stale = _is_stale(receipt, policy, facts, now)
        values = {
            "time": record.block_time,
            "reason": record.reason,
            "from_beginning": record.from_beginning,
            "by_regulator": record.by_regulator,
        }
        may_have_healed = stale or facts.unlisted_successor is not None
        if record.status is Status.REVOKED:
            return STATUS.fails("revoked", **values)
        if record.status is Status.SUSPENDED and not may_have_healed:
            return STATUS.fails("suspended", **values)
        if record.status is Status.SUPERSEDED:
            return STATUS.fails("superseded", **values, successor=record.successor.hex())
    if expired and until is not None:
        return STATUS.fails("expired", time=int(until.timestamp()))
    if isinstance(facts, Unreadable):
        return STATUS.unknown("unreadable", detail=facts.detail)
    if stale:
        return STATUS.unknown("stale-head", age=now - facts.head.time)
    if facts.unlisted_successor is not None:
        return STATUS.unknown("unlisted-successor", registry=facts.unlisted_successor)
    return STATUS.passes("in-force", time=facts.head.time)


def all_checks(
    file: Fingerprint | None,
    receipt: Receipt,
    policy: Policy,
    facts: Facts | Unreadable,
    expected: ExpectedIssuers,
    now: int,
) -> tuple[Check, ...]:
    """The five checks in order. `now` is the verifier's own clock in seconds since 1970."""
    return (
        document(file, receipt),
        inclusion(receipt, facts),
        anchor(receipt, policy, facts, now),
        issuer(receipt, policy, facts, expected, now),
        status(receipt, policy, facts, now),
    )


def is_current(policy: Policy, head: Head, now: int) -> bool:
    """Whether a head is neither too old nor ahead of any honest clock."""
    return -CLOCK_TOLERANCE <= now - head.time <= policy.max_head_age


def _is_stale(receipt: Receipt, policy: Policy, facts: Facts, now: int) -> bool:
    """Whether the head is not current, or below the receipt's block."""
    return not is_current(policy, facts.head, now) or facts.head.number < receipt.block
