"""What goes in: a file's digest. What comes out: what people did to an issuer's certificates of it, who, and when."""

from collections.abc import Iterator
from typing import NamedTuple

from anchor_service.core.actor import Actor
from anchor_service.core.errors import UnknownCertificate
from anchor_service.store import actors as queries
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import rebuilding as rebuilding_queries
from anchor_service.store.engine import Connection, Store
from anchor_service.store.tables import Certificate, Issuer


class Deed(NamedTuple):
    """What somebody did, in seconds since 1970; no actor where it was done before anybody was recorded."""

    when: int
    actor: Actor | None
    what: str


def of_file(store: Store, issuer: Issuer, document_digest: bytes) -> list[Deed]:
    """What people did to an issuer's certificates of a file, oldest first. Raises: UnknownCertificate."""
    with store.reading() as connection:
        found = rebuilding_queries.of_digest(connection, issuer.id, document_digest)
        if not found:
            raise UnknownCertificate(document_digest.hex())
        names = queries.names(connection)
        deeds = [deed for certificate in found for deed in _of_certificate(connection, certificate, names)]
    return sorted(deeds, key=lambda deed: deed.when)


def _of_certificate(connection: Connection, certificate: Certificate, names: dict[int, Actor]) -> Iterator[Deed]:
    def name(actor_id: int | None) -> Actor | None:
        return None if actor_id is None else names[actor_id]

    what = "a later form of" if certificate.form_of is not None else "number"
    yield Deed(certificate.received_at, name(certificate.actor_id), f"hand in {what} {certificate.number}")
    for when, actor, verb in queries.interventions_on(connection, "certificate", str(certificate.id)):
        yield Deed(when, actor, verb)
    for asked in anchoring_queries.status_acts_of(connection, certificate.issuer_id, certificate.leaf_hash):
        yield Deed(asked.created_at, name(asked.actor_id), f"ask for status {asked.status}, now {asked.state}")
        for when, actor, verb in queries.interventions_on(connection, "status", str(asked.id)):
            yield Deed(when, actor, f"{verb} status {asked.id}")
    if certificate.batch_id is None:
        return
    approval = anchoring_queries.approval_of(connection, certificate.batch_id)
    if approval is not None:
        what = f"bring the approval of batch {certificate.batch_id} by {approval.approver}"
        yield Deed(approval.received_at, name(approval.actor_id), what)
    for when, actor, verb in queries.interventions_on(connection, "batch", str(certificate.batch_id)):
        yield Deed(when, actor, f"{verb} batch {certificate.batch_id}")
