"""The one path from a question to an answer, for the command line and for the public page."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from verifier.checks import Asked, Unreadable, all_checks
from verifier.errors import Malformed, NodeUnavailable
from verifier.fingerprint import Fingerprint
from verifier.policy import Policy
from verifier.receipt import Receipt, parse
from verifier.registry import Facts, Head, RegistryReader
from verifier.rpc import Node
from verifier.verdict import Answer, Claim, Verdict, combine


@dataclass(frozen=True)
class Question:
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


@dataclass(frozen=True)
class Result:
    """The answer, the block it was read at, what was handed over but is no receipt, and the verifier's own clock."""

    answer: Answer
    head: Head | None
    malformed: tuple[str, ...]
    now: int


def ask(question: Question, policy: Policy, clock: Callable[[], float] = time.time) -> Result:
    """Judge every receipt against the chain and combine what they say.

    A receipt that is not one makes the whole answer invalid when nothing better is at hand; it never
    hides another receipt. Raises: nothing; what could not be read becomes an unknown check.
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
    head: Head | None = None
    claims: list[Claim] = []
    if receipts:
        reader = _open(policy)
        head = reader[1] if isinstance(reader, tuple) else None
        asked = Asked(question.issuers, policy.issuers, question.looked_up)
        for receipt in receipts:
            facts = _facts(reader, receipt)
            checks = all_checks(question.document, receipt, policy, facts, asked, now)
            claims.append(Claim(receipt, None if isinstance(facts, Unreadable) else facts, checks))
    answer = combine(claims, pending=question.pending, looked_up=question.looked_up)
    if malformed and not claims:
        answer = Answer(Verdict.INVALID, "malformed-receipt", ())
    return Result(answer, head, tuple(malformed), now)


def _open(policy: Policy) -> tuple[RegistryReader, Head] | Unreadable:
    """The first node of the policy that shows the pinned chain and registry."""
    refused = []
    for url in policy.nodes:
        reader = RegistryReader(Node(url), policy)
        try:
            return reader, reader.open()
        except NodeUnavailable as error:
            refused.append(str(error))
    return Unreadable("; ".join(refused))


def _facts(reader: tuple[RegistryReader, Head] | Unreadable, receipt: Receipt) -> Facts | Unreadable:
    if isinstance(reader, Unreadable):
        return reader
    try:
        return reader[0].facts(reader[1], receipt.registry, receipt.issuer_id, receipt.sequence, receipt.leaf_hash)
    except NodeUnavailable as error:
        return Unreadable(str(error))
