"""Erasing: a person's entry goes everywhere, and every other proof goes on verifying.

What stays is a leaf hash, which nobody can link to anything without the erased file, facts and nonce.
"""

from anchor_service.core.actor import Actor
from anchor_service.core.errors import CertificateUnfinished, UnknownCertificate
from anchor_service.core.states import OnChainState
from anchor_service.pipeline.filing import Filing
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import forms as form_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import rebuilding as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, Issuer


def erase(store: Store, filing: Filing, issuer: Issuer, document_digest: bytes, *, actor: Actor, now: int) -> int:
    """Erase an issuer's certificates of a file from database and entries, all forms of them. Returns how many.

    The file is written first: whatever fails in between, asking again finishes it.
    Raises: UnknownCertificate; CertificateUnfinished while one of them waits or is on its way; Damaged;
    StoreBusy when it is done, but for what the database's log still holds while others read.
    """
    with store.writing() as connection:
        # Two erasures must not rewrite the same entries at once.
        issuer_queries.lock_issuer(connection, issuer.id)
        named = queries.of_digest(connection, issuer.id, document_digest)
        if not named:
            raise UnknownCertificate(document_digest.hex())
        forms = (form_queries.forms_of(connection, issuer.id, one.leaf_hash) for one in named)
        digests = {document_digest: None} | {form.document_digest: None for some in forms for form in some}
        found = [one for digest in digests for one in queries.of_digest(connection, issuer.id, digest)]
        ids = {certificate.batch_id for certificate in found if certificate.batch_id is not None}
        batches = {batch_id: anchoring_queries.find(connection, Batch, batch_id) for batch_id in ids}
        if any(certificate.batch_id is None and certificate.live for certificate in found):
            raise CertificateUnfinished(document_digest, "it waits to be sealed: withdraw it first")
        if any(batch is None or batch.state != OnChainState.ANCHORED for batch in batches.values()):
            raise CertificateUnfinished(document_digest, "its batch is not on chain yet: ask again after the night")
        actor_id = actor_queries.id_of(connection, actor)
        for certificate in found:
            batch = batches[certificate.batch_id] if certificate.batch_id is not None else None
            if batch is None or certificate.leaf_index is None:
                continue
            filing.erase_entry(issuer.id, batch.sequence, certificate.leaf_index)
            queries.record_erasures(connection, batch.id, [certificate.leaf_index], actor_id, now)
        queries.delete_certificates(connection, [certificate.id for certificate in found])
    store.scrub()
    return len(found)
