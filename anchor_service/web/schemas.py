"""What goes over the wire. Unknown members are refused: an issuer in a body is not overlooked, it is an error."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from anchor_service.core.certificate_code import MAX_CODES
from anchor_service.core.states import Status

MAX_AT_ONCE = 1_000
# The file's own digest and 64 of earlier revisions: docs/spec/verification.md 7.
MAX_FILE_DIGESTS = 65

HexHash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Wire(BaseModel):
    """Base of what goes over the wire."""

    model_config = ConfigDict(extra="forbid")


class CertificateIn(Wire):
    """One certificate: the SHA-256 of its file and the facts to be bound to it, which the service checks."""

    document_digest: HexHash
    number: str
    kind: str
    issued_on: str
    nonce: str | None = None
    code: str | None = None
    title: str | None = None
    # Strict: JSON's true is no number of hours.
    jp: StrictInt | None = None
    grade: str | None = None
    starts_on: str | None = None
    ends_on: str | None = None
    valid_until: str | None = None
    supersedes: str | None = None


class CertificatesIn(Wire):
    """Up to a thousand certificates; each is taken or refused on its own."""

    certificates: list[CertificateIn] = Field(min_length=1, max_length=MAX_AT_ONCE)


class ProblemOut(Wire):
    """Why one certificate was refused."""

    code: str
    detail: str


class ResultOut(Wire):
    """What became of one certificate, in the order of the request. `anchor_by` is in seconds since 1970."""

    document_digest: str
    result: Literal["accepted", "known", "refused"]
    leaf_hash: str | None
    anchor_by: int | None
    problem: ProblemOut | None


class ResultsOut(Wire):
    """What became of each certificate."""

    results: list[ResultOut]


class CodesIn(Wire):
    """How many codes to give out."""

    count: int = Field(ge=1, le=MAX_CODES)


class CodesOut(Wire):
    """Codes to be printed on certificates."""

    codes: list[str]


class StatusIn(Wire):
    """A change of status. `successor` names the newer certificate, exactly when superseded.

    It is named by its leaf hash, document digest, number or code.
    """

    status: Status
    reason: int = Field(ge=0, le=255)
    from_beginning: bool = False
    successor: str | None = Field(None, min_length=1, max_length=128)


class StatusOut(Wire):
    """A change of status that is recorded and will be written on chain by the next run."""

    document_digest: str
    leaf_hash: str
    status: Status
    state: str


class FileIn(Wire):
    """A file by its SHA-256, followed by those of its earlier revisions."""

    document_digests: list[HexHash] = Field(min_length=1, max_length=MAX_FILE_DIGESTS)


class LookUpOut(Wire):
    """Every anchor of a file or code as receipts, and how many more wait to be anchored."""

    format: Literal["jangkar-lookup-v1"]
    receipts: list[str]
    pending: int


class HealthOut(Wire):
    """Whether the service can do its work."""

    status: Literal["ok"]
