"""What goes in: later forms of issued PDFs, such as with long-term validation added. What comes out: rows that wait.

A later form is the same certificate: it begins with the issued file, byte for byte, has its number and its facts, and a
leaf of its own. docs/spec/metadata.md 5.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from anchor_service.core import metadata
from anchor_service.core.actor import Actor
from anchor_service.core.errors import DocumentRejected, Rejected, StoreBusy
from anchor_service.core.hashing import certificate_leaf
from anchor_service.core.states import Status
from anchor_service.pipeline import statuses
from anchor_service.pipeline.folder import HEADER_WINDOW, TRAILER_WINDOW, require_pdf
from anchor_service.pipeline.holds import require_no_hold
from anchor_service.pipeline.intake import Check, Outcome, Submission
from anchor_service.store import actors as actor_queries
from anchor_service.store import intake as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store.engine import AlreadyThere, Connection, Store
from anchor_service.store.intake import Row
from anchor_service.store.tables import Issuer

# Where an issued file may have ended: docs/spec/verification.md 7.
_END = re.compile(rb"%%EOF[\0\t\n\f\r ]{0,8}")
_MARKER_BYTES = 5


class LaterForm(NamedTuple):
    """A PDF's SHA-256, and that of each of its beginnings that may be the issued file, the longest first."""

    document_digest: bytes
    beginnings: tuple[bytes, ...]


def read(path: Path) -> LaterForm:
    """A PDF with its beginnings. Raises: DocumentRejected when it cannot be read, is no PDF, or breaks off."""
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise DocumentRejected(f"{path.name} cannot be read: {error.strerror}") from None
    require_pdf(path.name, bytes(data[:HEADER_WINDOW]), bytes(data[-TRAILER_WINDOW:]))
    taken, state, beginnings = 0, hashlib.sha256(), []
    for marker in _END.finditer(data):
        for end in range(marker.start() + _MARKER_BYTES, min(marker.end() + 1, len(data))):
            state.update(data[taken:end])
            taken = end
            beginnings.append(state.digest())
    state.update(data[taken:])
    return LaterForm(state.digest(), tuple(reversed(beginnings)))


def submit(
    store: Store, issuer: Issuer, forms: Sequence[LaterForm | Rejected], check: Check, *, actor: Actor, now: int
) -> list[Outcome]:
    """Take later forms in, each on its own, with the facts of the certificate that each begins with.

    `check` is `intake.checker`'s. Outcomes are in the order given; what was refused stays refused, and what is a later
    form already stays as it is. Raises: StoreBusy when another process hands the same files in; ChainAhead.
    """
    try:
        with store.writing() as connection:
            # A change of status is written for every form that is there, and comes before these or after them.
            issuer_queries.lock_issuer(connection, issuer.id)
            require_no_hold(connection, issuer.id)
            actor_id = actor_queries.id_of(connection, actor)
            return [_outcome(connection, issuer, form, check, actor_id, now) for form in forms]
    except AlreadyThere as error:
        raise StoreBusy("others are submitting the same certificates; try again") from error


def _outcome(
    connection: Connection, issuer: Issuer, form: LaterForm | Rejected, check: Check, actor_id: int | None, now: int
) -> Outcome:
    try:
        if isinstance(form, Rejected):
            raise form
        return _take(connection, issuer, form, check, actor_id, now)
    except Rejected as refused:
        return Outcome(None, 0, is_new=False, refused=refused.as_value())


def _take(
    connection: Connection, issuer: Issuer, form: LaterForm, check: Check, actor_id: int | None, now: int
) -> Outcome:
    """Raises: Rejected."""
    found = queries.live_matches(connection, issuer.id, [form.document_digest, *form.beginnings], (), ())
    by_digest = {row.document_digest: row for row in found}
    same = by_digest.get(form.document_digest)
    if same is not None:
        if same.form_of is None:
            raise DocumentRejected(f"it is the file of certificate {same.number!r} itself: nothing was added")
        return Outcome(same.leaf_hash, same.received_at, is_new=False, refused=None)
    begun = next((by_digest[digest] for digest in form.beginnings if digest in by_digest), None)
    if begun is None:
        raise DocumentRejected("it begins with no file that this issuer handed in and did not replace")
    if begun.form_of is not None:
        begun = next(queries.live_matches(connection, issuer.id, (), (), (begun.form_of,)), begun)
    if begun.form_of is not None:
        raise DocumentRejected(f"the issued file of certificate {begun.number!r} is not here: `jangkar fsck`")
    if begun.batch_id is None:
        raise DocumentRejected(f"certificate {begun.number!r} waits for the night: hand its later form in after that")
    standing = statuses.standing_of(connection, issuer.id, begun.leaf_hash)
    if standing != Status.ACTIVE:
        raise DocumentRejected(f"certificate {begun.number!r} is {standing}")
    checked = check(Submission(form.document_digest, metadata.facts_of_later_form(begun.metadata_text)))
    if isinstance(checked, Rejected):
        raise checked
    row = Row(
        issuer_id=issuer.id,
        document_digest=form.document_digest,
        metadata_text=checked.metadata.text,
        number=begun.number,
        code=begun.code,
        leaf_hash=certificate_leaf(issuer.id, form.document_digest, checked.metadata.text),
        received_at=now,
        actor_id=actor_id,
        form_of=begun.leaf_hash,
    )
    queries.insert_certificates(connection, [row])
    return Outcome(row.leaf_hash, now, is_new=True, refused=None)
