"""What goes in: an issuer's digests and facts. What comes out: rows that wait for the night, and an outcome for each.

It answers only after COMMIT, and refuses bad items here, never later.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from anchor_service.core import doubts, metadata
from anchor_service.core.actor import Actor
from anchor_service.core.errors import (
    CertificateSealed,
    DigestConflict,
    FieldRejected,
    NumberConflict,
    Rejected,
    StoreBusy,
    UnknownCertificate,
)
from anchor_service.core.hashing import HASH_SIZE, IssuerId, certificate_leaf
from anchor_service.core.metadata import Metadata
from anchor_service.pipeline import naming
from anchor_service.pipeline.holds import require_no_hold
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import forms as form_queries
from anchor_service.store import intake as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import AlreadyThere, Connection, Store
from anchor_service.store.intake import Row
from anchor_service.store.tables import Issuer

# Bounds one transaction, and what is in memory. Many rows at once spare the database from writing
# the same page of an index again and again.
CHUNK = 100_000
ATTEMPTS = 4
# Each draw is a call to the system, which lets go of the lock that hashing threads wait for.
NONCES_A_DRAW = 100


class Submission(NamedTuple):
    """One certificate as it is handed in: its digest and its metadata fields, the nonce left out or given."""

    document_digest: bytes
    fields: Mapping[str, Any]


class Outcome(NamedTuple):
    """What became of one submission: its leaf hash, when it was taken in and whether it is new; or why not.

    `received_at` is in seconds since 1970: of the earlier taking in where it is known already, 0 where it is refused.
    """

    leaf_hash: bytes | None
    received_at: int
    is_new: bool
    refused: Rejected | None


class CheckedSubmission(NamedTuple):
    """A submission that only the database may still refuse, with its metadata."""

    submission: Submission
    metadata: Metadata


Check = Callable[[Submission | Rejected], CheckedSubmission | Rejected]


def nonces() -> Iterator[str]:
    """Nonces of metadata without an end, from the system's own randomness."""
    while True:
        drawn = secrets.token_bytes(metadata.NONCE_BYTES * NONCES_A_DRAW)
        for start in range(0, len(drawn), metadata.NONCE_BYTES):
            yield drawn[start : start + metadata.NONCE_BYTES].hex()


def checker(store: Store, issuer: Issuer, new_nonces: Iterator[str], today: str) -> Check:
    """What needs no transaction: a submission with its metadata and a nonce, or why it is refused.

    The certificate that it supersedes may be named as `naming.find` takes it. What was refused before stays so.
    `today` is the last date that has come, as `doubts.last_date` says.
    """
    scope = frozenset(issuer.scope.split())

    def check(submission: Submission | Rejected) -> CheckedSubmission | Rejected:
        if isinstance(submission, Rejected):
            return submission
        try:
            if len(submission.document_digest) != HASH_SIZE:
                raise FieldRejected("document_digest", "must be a SHA-256 of 32 bytes")
            submission = _with_leaf_superseded(store, issuer, submission)
            found = metadata.from_fields({"nonce": next(new_nonces), **submission.fields})
            doubts.require_meant(submission.fields, today)
            if found.kind not in scope:
                known = ", ".join(sorted(scope))
                raise FieldRejected("kind", f"{found.kind!r} is not what this issuer is accredited for: {known}")
        except Rejected as refused:
            return refused.as_value()
        return CheckedSubmission(submission, found)

    return check


def _with_leaf_superseded(store: Store, issuer: Issuer, submission: Submission) -> Submission:
    """The submission with the leaf hash of the certificate that it names. Raises: FieldRejected."""
    name = submission.fields.get("supersedes")
    if not isinstance(name, str):
        return submission
    try:
        with store.reading() as connection:
            found = naming.find(connection, issuer.id, name).certificate
            # A later form is the certificate too, which is superseded whole.
            issued = form_queries.forms_of(connection, issuer.id, found.leaf_hash)[0]
    except UnknownCertificate as error:
        raise FieldRejected(
            "supersedes", f"{error}; name it by number, code, SHA-256 of its PDF, or leaf hash"
        ) from None
    superseded: str | None = issued.leaf_hash.hex()
    if found.document_digest == submission.document_digest:
        # It took over the number or the code, and is handed in again: what it superseded then is meant.
        superseded = metadata.facts(found.metadata_text).get("supersedes")
        if superseded is None:
            raise FieldRejected("supersedes", f"{name} is the certificate itself")
    return submission._replace(fields={**submission.fields, "supersedes": superseded})


def submit(
    store: Store, issuer: Issuer, checked: Sequence[CheckedSubmission | Rejected], *, actor: Actor, now: int
) -> list[Outcome]:
    """Take certificates in, each on its own: a bad one does not hold up the others.

    They were checked before, since nobody else writes to SQLite during a transaction. The same digest with the same
    facts is the same row, however often it comes. Outcomes are in the order given; what was refused stays refused.
    Raises: StoreBusy when others keep writing the same certificates at the same time; ChainAhead.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(checked), CHUNK):
        chunk = checked[start : start + CHUNK]
        for attempt in range(ATTEMPTS):
            try:
                with store.writing() as connection:
                    require_no_hold(connection, issuer.id)
                    # Most of what comes is new, and the database refuses what is not: then we look first. Another
                    # process may write one of these between our look and our insert: then we look again.
                    actor_id = actor_queries.id_of(connection, actor)
                    taken = _Chunk(connection, issuer, actor_id, now).take(chunk, look=attempt > 0)
                break
            except AlreadyThere as error:
                if attempt == ATTEMPTS - 1:
                    raise StoreBusy("others are submitting the same certificates; try again") from error
        outcomes += taken
    return outcomes


def withdraw(store: Store, issuer: Issuer, document_digest: bytes, *, actor: Actor, now: int) -> None:
    """Take a certificate back before it is sealed; the one that it was to supersede stands as before.

    Raises: UnknownCertificate; CertificateSealed; ChainAhead.
    """
    with store.writing() as connection:
        require_no_hold(connection, issuer.id)
        withdrawn = queries.withdraw(connection, issuer.id, document_digest)
        if withdrawn is not None:
            number, text, leaf = withdrawn
            # What was asked for a later form waited with it.
            for act in anchoring_queries.status_acts_of(connection, issuer.id, leaf):
                anchoring_queries.forget_status_act(connection, act)
            actor_queries.record_intervention(connection, actor, "withdraw", "certificate", str(number), now)
            if earlier := metadata.facts(text).get("supersedes"):
                queries.revive(connection, issuer.id, bytes.fromhex(earlier))
            return
        if receipt_queries.of_issuer(connection, issuer.id, document_digest):
            raise CertificateSealed(document_digest)
    raise UnknownCertificate(document_digest.hex())


class _Chunk:
    """What is known while one chunk is taken in: the live rows that it touches, and what it adds."""

    def __init__(self, connection: Connection, issuer: Issuer, actor_id: int, now: int) -> None:
        self._connection = connection
        # Once: an attribute of a row object costs as much as a hash.
        self._issuer_id = IssuerId(issuer.id)
        self._actor_id = actor_id
        self._now = now
        self._by_digest: dict[bytes, Row] = {}
        self._by_number: dict[str, Row] = {}
        self._by_leaf: dict[bytes, Row] = {}
        self._codes_given: set[str] = set()
        self._codes_used: set[str] = set()
        self._added: list[Row] = []
        self._retired: list[bytes] = []

    def take(self, checked: Sequence[CheckedSubmission | Rejected], *, look: bool) -> list[Outcome]:
        sound = [one for one in checked if isinstance(one, CheckedSubmission)]
        is_correcting = any("supersedes" in given.fields for given, _ in sound)
        if is_correcting:
            # No later form of what is superseded comes in meanwhile.
            issuer_queries.lock_issuer(self._connection, self._issuer_id)
        if look or is_correcting or any(found.code for _, found in sound):
            self._load(sound)
        outcomes = [
            self._place(*one) if isinstance(one, CheckedSubmission) else Outcome(None, 0, is_new=False, refused=one)
            for one in checked
        ]
        queries.retire(self._connection, self._issuer_id, self._retired)
        queries.insert_certificates(self._connection, self._added)
        return outcomes

    def _load(self, found: Sequence[CheckedSubmission]) -> None:
        codes = [one.code for _, one in found if one.code]
        superseded = [bytes.fromhex(one.fields["supersedes"]) for one, _ in found if "supersedes" in one.fields]
        digests = [one.document_digest for one, _ in found]
        numbers = [one.number for _, one in found]
        for row in queries.live_matches(self._connection, self._issuer_id, digests, numbers, superseded):
            self._remember(row)
        self._codes_given = issuer_queries.codes_of(self._connection, self._issuer_id, codes)
        self._codes_used = queries.live_codes(self._connection, codes)

    def _place(self, submission: Submission, found: Metadata) -> Outcome:
        same = self._by_digest.get(submission.document_digest)
        try:
            if same is not None:
                if _facts(same.metadata_text, submission.fields) != _facts(found.text, submission.fields):
                    raise DigestConflict(submission.document_digest)
                return Outcome(same.leaf_hash, same.received_at, is_new=False, refused=None)
            return Outcome(self._add(submission, found), self._now, is_new=True, refused=None)
        except Rejected as refused:
            return Outcome(None, 0, is_new=False, refused=refused.as_value())

    def _add(self, submission: Submission, found: Metadata) -> bytes:
        superseded = self._superseded(submission)
        numbered = self._by_number.get(found.number)
        if numbered is not None and numbered is not superseded:
            raise NumberConflict(found.number)
        if found.code is not None and not (superseded is not None and superseded.code == found.code):
            if found.code not in self._codes_given:
                problem = "was not given out to this issuer: `jangkar code new`, or `code adopt` where it is on paper"
                raise FieldRejected("code", f"{found.code} {problem}")
            if found.code in self._codes_used:
                raise FieldRejected("code", f"{found.code} stands on another certificate already")
            self._codes_used.add(found.code)
        if superseded is not None:
            self._retired.append(superseded.leaf_hash)
            self._forget(superseded)
        leaf = certificate_leaf(self._issuer_id, submission.document_digest, found.text)
        row = Row(
            issuer_id=self._issuer_id,
            document_digest=submission.document_digest,
            metadata_text=found.text,
            number=found.number,
            code=found.code,
            leaf_hash=leaf,
            received_at=self._now,
            actor_id=self._actor_id,
        )
        self._added.append(row)
        self._remember(row)
        return leaf

    def _superseded(self, submission: Submission) -> Row | None:
        given = submission.fields.get("supersedes")
        if given is None:
            return None
        row = self._by_leaf.get(bytes.fromhex(given))
        if row is None:
            raise FieldRejected("supersedes", f"{given} is no live certificate of this issuer")
        if row.batch_id is None:
            raise FieldRejected("supersedes", f"{given} is not sealed yet: withdraw it instead")
        for form in form_queries.forms_of(self._connection, self._issuer_id, row.leaf_hash):
            if form.batch_id is None:
                name = form.document_digest.hex()
                raise FieldRejected(
                    "supersedes", f"{given} has a later form that waits for the night, {name}: withdraw that one first"
                )
        return row

    def _remember(self, row: Row) -> None:
        self._by_digest[row.document_digest] = row
        self._by_number[row.number] = row
        self._by_leaf[row.leaf_hash] = row

    def _forget(self, row: Row) -> None:
        self._by_digest.pop(row.document_digest, None)
        self._by_number.pop(row.number, None)
        self._by_leaf.pop(row.leaf_hash, None)


def _facts(text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to compare: without the nonce, unless the submission itself names one."""
    return json.loads(text) if "nonce" in given else metadata.facts(text)
