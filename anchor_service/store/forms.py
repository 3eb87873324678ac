"""Queries of later forms: the files of one certificate, and the pairs whose statuses have to be the same."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select
from sqlmodel import col

from anchor_service.store import rows
from anchor_service.store.tables import Batch, Certificate


class Form(NamedTuple):
    """One file of a certificate; `form_of` is the leaf hash of the issued one, nothing for that one itself."""

    id: int
    number: str
    leaf_hash: bytes
    document_digest: bytes
    batch_id: int | None
    form_of: bytes | None


def forms_of(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> list[Form]:
    """All files of the certificate that has this leaf among its forms: the issued one first, then the later ones.

    Whether they wait, are in a batch, or were replaced since; nothing where the leaf is not known, or was withdrawn.
    """
    found = _of_leaf(connection, issuer_id, leaf_hash)
    if found and found[0].form_of is not None:
        found = _of_leaf(connection, issuer_id, found[0].form_of) or found
    if not found:
        return []
    issued = found[0]
    return [issued, *_select(connection, issuer_id, col(Certificate.form_of) == issued.leaf_hash)]


def leaves_of(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> list[bytes]:
    """The leaves of all forms of a certificate, and this one at least: it may be on chain, and erased here."""
    forms = forms_of(connection, issuer_id, leaf_hash)
    return list(dict.fromkeys([leaf_hash, *(form.leaf_hash for form in forms)]))


def later_forms(connection: Connection, issuer_id: bytes) -> list[Form]:
    """All later forms of an issuer's certificates."""
    return _select(connection, issuer_id, col(Certificate.form_of).is_not(None))


def _of_leaf(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> list[Form]:
    # Leaves are found by their batch.
    batches = select(col(Batch.id)).where(col(Batch.issuer_id) == issuer_id)
    own = col(Certificate.leaf_hash) == leaf_hash
    in_a_batch = _select(connection, issuer_id, own, col(Certificate.batch_id).in_(batches))
    return in_a_batch or _select(connection, issuer_id, own, col(Certificate.batch_id).is_(None))


def _select(connection: Connection, issuer_id: bytes, *conditions: ColumnElement[bool]) -> list[Form]:
    table = rows.table(Certificate)
    wanted: list[Any] = [table.c[name] for name in Form._fields]
    # What was withdrawn is neither.
    kept = or_(table.c.batch_id.is_not(None), table.c.live)
    query = select(*wanted).where(table.c.issuer_id == issuer_id, kept, *conditions).order_by(table.c.id)
    return [Form(*row) for row in connection.execute(query)]
