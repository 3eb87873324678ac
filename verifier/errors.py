"""Every error of the verifier.

VerifierError
├── Malformed       the thing that was handed over is not what it claims to be
│   ├── MalformedText, MalformedReceipt, MalformedMetadata, MalformedProfile, MalformedCode
│   ├── MalformedPolicy   the verifier's own policy cannot be used
│   └── MalformedProof    index, size and path do not fit together
└── Unavailable     could not be read; says nothing about the certificate
    ├── NodeUnavailable
    └── ServiceUnavailable
"""


class VerifierError(Exception):
    """Base of every error of the verifier."""


class Malformed(VerifierError):
    """The thing that was handed over is not what it claims to be."""


class MalformedText(Malformed):
    """A JSON text is not in the frozen form."""


class MalformedReceipt(Malformed):
    """The receipt breaks a rule of docs/spec/receipt.md."""


class MalformedMetadata(Malformed):
    """The metadata breaks a rule of docs/spec/metadata.md."""


class MalformedProfile(Malformed):
    """The issuer's profile breaks a rule of docs/spec/registry.md 3."""


class MalformedCode(Malformed):
    """The certificate code was mistyped."""


class MalformedPolicy(Malformed):
    """The policy breaks a rule of docs/spec/policy.md."""


class MalformedProof(Malformed):
    """Leaf index, tree size and path do not fit together."""


class Unavailable(VerifierError):
    """Something could not be read. Says nothing about the certificate."""


class NodeUnavailable(Unavailable):
    """The node did not answer, or not with something that can be believed."""


class ServiceUnavailable(Unavailable):
    """The look-up service did not answer, or not with something that can be used."""
