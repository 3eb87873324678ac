"""What goes in: what a person calls a certificate. What comes out: the certificate of that issuer.

By the SHA-256 of its file, its leaf hash, its number or its code; a file that is handed over is hashed by whoever asks.
"""

import re

from anchor_service.core import certificate_code
from anchor_service.core.errors import CertificateCodeRejected, UnknownCertificate
from anchor_service.store import intake as intake_queries
from anchor_service.store import receipts as queries
from anchor_service.store.engine import Connection, Store
from anchor_service.store.receipts import CertificateInBatch
from anchor_service.store.tables import Issuer

_HASH = re.compile("[0-9a-fA-F]{64}", re.ASCII)


def leaf_named(store: Store, issuer: Issuer, name: str) -> bytes:
    """The leaf hash of what `find` finds. Raises: UnknownCertificate."""
    with store.reading() as connection:
        return find(connection, issuer.id, name).certificate.leaf_hash


def find(connection: Connection, issuer_id: bytes, name: str) -> CertificateInBatch:
    """An issuer's certificate by a name; the live one of a number, which a correction takes over.

    Of a file that was handed in several times, the last that is anchored. Raises: UnknownCertificate.
    """
    for found in (_by_hash, _by_number, _by_code):
        known = [one for one in found(connection, issuer_id, name) if one.certificate.issuer_id == issuer_id]
        if known:
            return next((one for one in reversed(known) if one.is_anchored), known[-1])
    raise UnknownCertificate(f"{name} of this issuer")


def _by_hash(connection: Connection, issuer_id: bytes, name: str) -> list[CertificateInBatch]:
    if not _HASH.fullmatch(name):
        return []
    value = bytes.fromhex(name)
    placed = queries.by_leaf(connection, issuer_id, value)
    return [*([placed] if placed else []), *queries.by_digest(connection, value)]


def _by_number(connection: Connection, issuer_id: bytes, name: str) -> list[CertificateInBatch]:
    rows = intake_queries.live_matches(connection, issuer_id, (), (name,), ())
    placed = [queries.by_leaf(connection, issuer_id, row.leaf_hash) for row in rows]
    return [one for one in placed if one]


def _by_code(connection: Connection, _issuer_id: bytes, name: str) -> list[CertificateInBatch]:
    try:
        code = certificate_code.parse(name)
    except CertificateCodeRejected:
        return []
    return queries.by_code(connection, code)
