"""Every error of the service.

AnchorServiceError
├── Rejected                 the input is wrong; the same call fails again
│   ├── FieldRejected        a field of metadata, of a profile or of a request
│   ├── TextRejected         a JSON text that is not in the frozen form
│   ├── DocumentRejected     a file that cannot be a certificate
│   ├── CertificateCodeRejected
│   ├── TableRejected        an institute's table that cannot be read, or not against its folder
│   ├── TreeRejected         leaves that make no tree, or an index outside it
│   ├── IllegalTransition    a batch or a status cannot move this way
│   ├── DigestConflict       the digest stands under other metadata
│   ├── NumberConflict       the certificate number stands under another digest
│   ├── CertificateSealed    too late to withdraw
│   ├── CertificateUnfinished  too early to erase
│   ├── UnknownIssuer
│   ├── UnknownCertificate
│   ├── NotAuthorised        no key, a wrong key, a revoked or expired key, a missing scope
│   ├── NightMissed          a night cannot be closed any more
│   ├── ApprovalRejected     an approval, or what is to be approved, does not hold together
│   ├── BackupRejected       a database cannot be copied this way
│   ├── SettingMissing
│   ├── OtherRegistry        the database's batches are anchored in another registry than the settings name
│   ├── KeystoreRejected     a keystore or its password cannot be used
│   ├── SignerRejected       a remote signer refuses, or signs something else
│   └── RegistryRefused      the registry's rules do not allow this transaction
├── Unavailable              nothing is wrong with the input: try again
│   ├── RegistryUnavailable
│   │   ├── AskedTooMuch     a node did not answer in time, whole or with success
│   │   └── FeeTooLow        the chain wants more for these bytes than they offer
│   ├── ChainAhead           the chain knows batches that this database does not: read-only until they are back
│   ├── StoreBusy
│   ├── StoreUnavailable     the database does not answer, or cannot write
│   ├── NotApproved          a batch waits for its institute
│   │   └── NotAccredited    or for a window of it to open
│   └── NotYetFinal
└── Damaged                  what is stored contradicts itself: a person decides
"""

from typing import Self


class AnchorServiceError(Exception):
    """Base of every error of the service. `code` is stable and appears on the wire."""

    code = "error"


class Rejected(AnchorServiceError):
    """The input is wrong: the same call fails again."""

    code = "rejected"

    def as_value(self) -> Self:
        """The same, to be kept beside what was not refused: without the frames that it came through."""
        # Frames hold their callers, and those the list that this goes into: nothing of a piece would ever be freed.
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self


class Unavailable(AnchorServiceError):
    """Nothing is known to be wrong: the same call may succeed later."""

    code = "unavailable"


class Damaged(AnchorServiceError):
    """What is stored contradicts itself or the chain. Nothing goes on without a person."""

    code = "damaged"

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"{what}: {detail}. Stop, keep the files, and follow docs/runbook.md")
        self.what = what
        self.detail = detail


class FieldRejected(Rejected):
    """One field does not hold what its definition asks for."""

    code = "field-rejected"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class TextRejected(Rejected):
    """A JSON text is not in the frozen form that its specification asks for."""

    code = "text-rejected"


class DocumentRejected(Rejected):
    """A file cannot be a certificate."""

    code = "document-rejected"


class CertificateCodeRejected(Rejected):
    """A certificate code has the wrong length, a foreign character or a wrong check character."""

    code = "code-rejected"

    def __init__(self, given: str, problem: str) -> None:
        super().__init__(f"certificate code {given!r}: {problem}; read it again from the certificate")
        self.given = given
        self.problem = problem


class TableRejected(Rejected):
    """An institute's table cannot be read, or not against its folder."""

    # As it is on the wire since the first release.
    code = "manifest-rejected"


class TreeRejected(Rejected):
    """The leaves make no tree, or an index lies outside it."""

    code = "tree-rejected"


class IllegalTransition(Rejected):
    """A state may not follow another."""

    code = "illegal-transition"

    def __init__(self, what: str, current: str, wanted: str) -> None:
        super().__init__(f"{what} cannot go from {current} to {wanted}")
        self.what = what
        self.current = current
        self.wanted = wanted


class DigestConflict(Rejected):
    """The same file is recorded already, with other metadata."""

    code = "digest-conflict"

    def __init__(self, document_digest: bytes) -> None:
        super().__init__(
            f"file {document_digest.hex()} is recorded already with other data; withdraw it before "
            "the night's sealing, or issue a corrected file that supersedes it"
        )
        self.document_digest = document_digest


class NumberConflict(Rejected):
    """The same certificate number is recorded already, for another file."""

    code = "number-conflict"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"certificate number {number!r} is recorded already for another file; correct the number, supersede the "
            "earlier certificate, or, where this file is that one with something added, `jangkar augment` it"
        )
        self.number = number


class CertificateSealed(Rejected):
    """The certificate stands in a sealed batch and can only change status now."""

    code = "certificate-sealed"

    def __init__(self, document_digest: bytes) -> None:
        super().__init__(
            f"file {document_digest.hex()} stands in a sealed batch already; set its status to revoked instead"
        )
        self.document_digest = document_digest


class CertificateUnfinished(Rejected):
    """The certificate is still on its way to the chain and cannot be erased yet."""

    code = "certificate-unfinished"

    def __init__(self, document_digest: bytes, problem: str) -> None:
        super().__init__(f"file {document_digest.hex()} is not erased: {problem}")
        self.document_digest = document_digest


class UnknownIssuer(Rejected):
    """No issuer of this id or code is configured here."""

    code = "unknown-issuer"

    def __init__(self, given: str) -> None:
        super().__init__(f"issuer {given} is not configured here; add it with `jangkar issuer add`")
        self.given = given


class UnknownCertificate(Rejected):
    """No certificate of this digest or code is recorded."""

    code = "unknown-certificate"

    def __init__(self, given: str) -> None:
        super().__init__(f"no certificate {given} is recorded here")
        self.given = given


class NotAuthorised(Rejected):
    """The API key is missing, unknown, revoked, expired, or lacks the scope."""

    code = "not-authorised"

    def __init__(self, problem: str, *, key_is_sound: bool) -> None:
        super().__init__(problem)
        self.key_is_sound = key_is_sound


class NightMissed(Rejected):
    """A night cannot be closed any more: an anchor went past it, or the registry refuses it."""

    code = "night-missed"


class ApprovalRejected(Rejected):
    """An approval, or what is to be approved, does not hold together."""

    code = "approval-rejected"


class BackupRejected(Rejected):
    """A database cannot be copied this way, or not to this place."""

    code = "backup-rejected"


class SettingMissing(Rejected):
    """A command needs a setting that is not there."""

    code = "setting-missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not set: put it into jangkar.toml, or set JANGKAR_{name.upper()}")


class OtherRegistry(Rejected):
    """The database's batches are anchored in another registry than the settings name."""

    code = "other-registry"

    def __init__(self, chain_id: int, registry: str, given_chain_id: int, given: str) -> None:
        super().__init__(
            f"this database is of registry {registry} on chain {chain_id}, and the settings name {given} on chain "
            f"{given_chain_id}: another registry has a database, manifests and entries of its own, docs/runbook.md"
        )
        self.chain_id = chain_id
        self.registry = registry


class KeystoreRejected(Rejected):
    """A keystore or its password cannot be used."""

    code = "keystore-rejected"


class SignerRejected(Rejected):
    """A remote signer refuses, or signs anything but what it was asked for."""

    code = "signer-rejected"


class RegistryRefused(Rejected):
    """The registry's rules do not allow this transaction. `error` is the contract's own name for it."""

    code = "registry-refused"

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"the registry refuses this: {error} {detail}".rstrip())
        self.error = error


class RegistryUnavailable(Unavailable):
    """The chain did not answer, or not with something that can be believed."""

    code = "registry-unavailable"


class AskedTooMuch(RegistryUnavailable):
    """A node did not answer in time, whole or with success: it was asked for too much, perhaps."""

    code = "asked-too-much"


class FeeTooLow(RegistryUnavailable):
    """The chain does not take these bytes at the fee that they offer."""

    code = "fee-too-low"


class ChainAhead(Unavailable):
    """The chain knows batches of an issuer that this database does not: nothing new of it is taken in."""

    code = "chain-ahead"

    def __init__(self, issuer_id: bytes, detail: str) -> None:
        super().__init__(
            f"issuer {issuer_id.hex()} is read-only: {detail}. An old backup was restored, or a stolen key anchored; "
            "see docs/runbook.md, then `jangkar rebuild` or `jangkar batch disown`"
        )
        self.issuer_id = issuer_id
        self.detail = detail


class StoreBusy(Unavailable):
    """Another process holds the database at this moment."""

    code = "store-busy"


class StoreUnavailable(Unavailable):
    """The database does not answer or cannot write; what it was doing may have taken effect or not."""

    code = "store-unavailable"


class NotApproved(Unavailable):
    """It waits for the institute's approval, or for a key of this service that may do it."""

    code = "not-approved"


class NotAccredited(NotApproved):
    """No window of the institute is open, by what one node says: it waits for one, and nothing is decided."""

    code = "not-accredited"


class NotYetFinal(Unavailable):
    """The transaction is on its way; its block is not final yet."""

    code = "not-yet-final"
