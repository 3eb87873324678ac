"""Writing routes: certificates, codes and statuses of the issuer that the key belongs to."""

import time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from anchor_service.core import doubts
from anchor_service.core.states import RequestedStatus
from anchor_service.pipeline import access, intake, naming, statuses
from anchor_service.pipeline.intake import Outcome, Submission
from anchor_service.web.access import CertificatesCaller, KeyFirst, ServicesDep, StatusesCaller
from anchor_service.web.schemas import (
    CertificatesIn,
    CodesIn,
    CodesOut,
    ProblemOut,
    ResultOut,
    ResultsOut,
    StatusIn,
    StatusOut,
)

router = APIRouter(prefix="/v1", tags=["writing"], route_class=KeyFirst)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, lowercase hex")]


@router.post("/certificates")
def submit(asked: CertificatesIn, services: ServicesDep, caller: CertificatesCaller) -> ResultsOut:
    """Take certificates in. Safe to repeat: what is known already is said to be known."""
    submissions = [
        Submission(bytes.fromhex(one.document_digest), one.model_dump(exclude={"document_digest"}, exclude_none=True))
        for one in asked.certificates
    ]
    now = int(time.time())
    check = intake.checker(services.store, caller.issuer, intake.nonces(), doubts.last_date(now))
    checked = [check(one) for one in submissions]
    outcomes = intake.submit(services.store, caller.issuer, checked, actor=caller.actor, now=now)
    return ResultsOut(
        results=[
            _result(one.document_digest, outcome, services.settings.anchor_within_hours * 3_600)
            for one, outcome in zip(asked.certificates, outcomes, strict=True)
        ]
    )


@router.delete("/certificates/{document_digest}", status_code=HTTPStatus.NO_CONTENT)
def withdraw(document_digest: Digest, services: ServicesDep, caller: CertificatesCaller) -> None:
    """Take a certificate back before the night's sealing."""
    digest = bytes.fromhex(document_digest)
    intake.withdraw(services.store, caller.issuer, digest, actor=caller.actor, now=int(time.time()))


@router.post("/codes", status_code=HTTPStatus.CREATED)
def new_codes(asked: CodesIn, services: ServicesDep, caller: CertificatesCaller) -> CodesOut:
    """Give out certificate codes, to be printed with their QR before there is a file."""
    codes = access.new_codes(services.store, caller.issuer, asked.count, actor=caller.actor, now=int(time.time()))
    return CodesOut(codes=codes)


@router.post("/certificates/{document_digest}/statuses", status_code=HTTPStatus.ACCEPTED)
def change_status(document_digest: Digest, asked: StatusIn, services: ServicesDep, caller: StatusesCaller) -> StatusOut:
    """Record a change of status, for all forms of the certificate; the next run writes it on chain."""
    successor = naming.leaf_named(services.store, caller.issuer, asked.successor) if asked.successor else None
    act, *_ = statuses.request(
        services.store,
        caller.issuer,
        naming.leaf_named(services.store, caller.issuer, document_digest),
        RequestedStatus(asked.status, asked.reason, asked.from_beginning, successor),
        actor=caller.actor,
        now=int(time.time()),
    )
    return StatusOut(
        document_digest=document_digest, leaf_hash=act.leaf_hash.hex(), status=asked.status, state=act.state
    )


def _result(document_digest: str, outcome: Outcome, within_seconds: int) -> ResultOut:
    refused = outcome.refused
    return ResultOut(
        document_digest=document_digest,
        result="refused" if refused else "accepted" if outcome.is_new else "known",
        leaf_hash=outcome.leaf_hash.hex() if outcome.leaf_hash else None,
        anchor_by=None if refused else outcome.received_at + within_seconds,
        problem=ProblemOut(code=refused.code, detail=str(refused)) if refused else None,
    )
