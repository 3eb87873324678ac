"""Every error of the verifier, but for UsageError and Refuted, which are of its commands: verifier/cli/answers.py.

VerifierError
├── Malformed       the thing that was handed over is not what it claims to be
│   ├── MalformedText, MalformedReceipt, MalformedMetadata, MalformedProfile, MalformedCode
│   ├── MalformedPolicy   the verifier's own policy cannot be used
│   ├── MalformedProof    index, size and path do not fit together
│   ├── MalformedManifest a batch's manifest or entries cannot be used
│   ├── MalformedMemory   what was seen of a chain before cannot be read
│   └── MalformedBundle   the file that a history was written down in cannot be used
└── Unavailable     could not be read; says nothing about the certificate
    ├── SourceUnavailable a file, an address or a recorded log, where no node is asked
    │   ├── Unfinished    its answer was too long, or did not end in time: less may be asked for
    │   └── NodeUnavailable
    │       ├── NodeRefused   it answered, and did not want to: too much at once, perhaps
    │       ├── NodeResting   it was not asked, since it failed a moment ago
    │       ├── LogDiffers    its events lead elsewhere than what the registry's storage holds
    │       └── HistoryForked it shows another history than the one that was seen before
    ├── ServiceUnavailable
    ├── BundleNotPinned   nobody who is trusted stands behind this bundle
    └── BeyondReach       the question reaches further than what was read
"""

import re

MAX_SHOWN = 1_000
# Printable by their kind, and seen by nobody: Unicode's default ignorables that are letters or marks.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]|[\U000e0100-\U000e01ef]")


def plain(text: str) -> str:
    """A stranger's words as what they are, on one line: what moves a cursor, turns or hides letters is spelled out.

    At most 1,000 letters of them, and how many more there were.
    """
    shown = "".join(letter if _is_seen(letter) else _spelled(letter) for letter in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}... and {len(text) - MAX_SHOWN} more letters"


def _is_seen(letter: str) -> bool:
    return letter.isprintable() and not _UNSEEN.match(letter)


def _spelled(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


class VerifierError(Exception):
    """Base of every error of the verifier. What it says may hold what a node, a service or a file said."""

    def __str__(self) -> str:
        return plain(super().__str__())


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


class MalformedManifest(Malformed):
    """A manifest or a file of entries breaks a rule of docs/spec/manifest.md."""


class MalformedMemory(Malformed):
    """The memory is none of ours."""


class MalformedBundle(Malformed):
    """The bundle breaks a rule of docs/spec/bundle.md."""


class Unavailable(VerifierError):
    """Something could not be read. Says nothing about the certificate."""


class SourceUnavailable(Unavailable):
    """What is read from is not there, did not answer, or holds nothing that can be believed."""


class Unfinished(SourceUnavailable):
    """An answer began, and was too long or too slow to be read to its end: for less, it may do."""


class NodeUnavailable(SourceUnavailable):
    """The node did not answer, or not with something that can be believed."""


class NodeRefused(NodeUnavailable):
    """The node answered with an error instead of a result, or with more than could be read."""


class NodeResting(NodeUnavailable):
    """The node was not asked: it failed a moment ago."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} was not asked: it failed a moment ago")


class LogDiffers(NodeUnavailable):
    """The node's events are not the log that the registry's storage binds."""


class BundleNotPinned(Unavailable):
    """The policy does not name this bundle's digest."""


class HistoryForked(NodeUnavailable):
    """What the nodes show does not extend what was seen before."""


class BeyondReach(Unavailable):
    """What was read does not reach as far as the question: a later instant, a log of another size."""


class ServiceUnavailable(Unavailable):
    """The look-up service did not answer, or not with something that can be used."""
