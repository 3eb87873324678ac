"""The one path from a question to an answer, for the command line and for the public page."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from verifier.chain.facts import Facts, Head, LeftOut, Remark
from verifier.chain.nodes import open_chain
from verifier.chain.rpc import Node
from verifier.errors import Malformed, SourceUnavailable
from verifier.formats.fingerprint import Fingerprint, Place
from verifier.formats.policy import Policy
from verifier.formats.receipt import Receipt, parse
from verifier.verdict.checks import ExpectedIssuers, Unreadable, all_checks
from verifier.verdict.verdict import Answer, Claim, Verdict, combine


class Source(Protocol):
    """Where facts come from: nodes that agree on a block, or a log that was written down."""

    @property
    def head(self) -> Head:
        """The block that everything is read at."""

    @property
    def grounds(self) -> Remark:
        """What the facts stand on."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The nodes that they do not stand on."""

    def facts(self, registry: str, issuer_id: bytes, sequence: int, leaf_hash: bytes) -> Facts:
        """What one receipt is judged by. Raises: SourceUnavailable."""


class Question(NamedTuple):
    """What is asked: a file by its fingerprint, or else a code, the receipts at hand, and by whom it should be.

    `looked_up` says that a service was asked for every anchor of the file; `pending` that it
    accepted the file and has not anchored it yet.
    """

    document: Fingerprint | None
    receipts: Sequence[bytes]
    issuers: Collection[bytes] = ()
    looked_up: bool = False
    pending: bool = False
    code: str | None = None


class Original(NamedTuple):
    """Where the issued file lies in an altered one of `length` bytes; and whether white space is all that was added."""

    place: Place
    length: int
    is_blank: bool


class Result(NamedTuple):
    """The answer, what its facts were read from, what was handed over but is no receipt, and the verifier's clock.

    `original` is there where the file was altered and the issued one stands in it still.
    """

    answer: Answer
    source: Source | None
    malformed: tuple[str, ...]
    now: int
    original: Original | None = None

    @property
    def head(self) -> Head | None:
        """The block that everything was read at."""
        return self.source.head if self.source else None


def ask(
    question: Question,
    policy: Policy,
    source: Source | None = None,
    clock: Callable[[], float] = time.time,
    node_at: Callable[[str], Node] = Node,
) -> Result:
    """Judge every receipt against the chain, read from the policy's nodes or from a source, and combine what they say.

    What is no receipt was compared with nothing: alone it leaves the answer open, and it never hides a
    receipt. Raises: nothing; what could not be read becomes an unknown check.
    """
    receipts: list[Receipt] = []
    malformed: list[str] = []
    for data in question.receipts:
        try:
            receipt = parse(data)
        except Malformed as error:
            malformed.append(str(error))
            continue
        if question.code is not None and receipt.metadata.fields.get("code") != question.code:
            malformed.append(f"the service sent the receipt of another certificate than {question.code}")
            continue
        receipts.append(receipt)
    now = int(clock())
    claims: list[Claim] = []
    if receipts:
        found = source or _open(policy, node_at)
        source = None if isinstance(found, Unreadable) else found
        expected = ExpectedIssuers(question.issuers, policy.issuers, question.looked_up)
        for receipt in receipts:
            facts = _facts(found, receipt)
            checks = all_checks(question.document, receipt, policy, facts, expected, now)
            claims.append(Claim(receipt, None if isinstance(facts, Unreadable) else facts, checks))
    answer = combine(claims, pending=question.pending, looked_up=question.looked_up)
    if malformed and not claims and not question.pending:
        answer = Answer(Verdict.UNDETERMINED, "malformed-receipt", ())
    return Result(answer, source if receipts else None, tuple(malformed), now, _original(answer, question.document))


def _original(answer: Answer, document: Fingerprint | None) -> Original | None:
    if answer.verdict is not Verdict.MODIFIED or document is None or not document.places:
        return None
    place = document.places[document.revisions.index(answer.claims[0].receipt.document_digest)]
    return Original(place, document.length, place.start == 0 and not place.behind and place.end >= document.ink_end)


def _open(policy: Policy, node_at: Callable[[str], Node]) -> Source | Unreadable:
    try:
        return open_chain(policy, node_at)
    except SourceUnavailable as error:
        return Unreadable(str(error))


def _facts(source: Source | Unreadable, receipt: Receipt) -> Facts | Unreadable:
    if isinstance(source, Unreadable):
        return source
    try:
        return source.facts(receipt.registry, receipt.issuer_id, receipt.sequence, receipt.leaf_hash)
    except SourceUnavailable as error:
        return Unreadable(str(error))
