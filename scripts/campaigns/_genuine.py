"""A small nation of genuine certificates, and what a registry and the verifier say of them.

Pure: the registry is a table of anchors, windows, keys and statuses, as a verifier reads them at one block.
"""

import json
import random
from dataclasses import dataclass
from typing import Any

import reference

from verifier.chain.facts import Anchor, Custody, Facts, Head, Key, Status, StatusRecord, Window
from verifier.errors import Malformed
from verifier.formats import policy
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.kinds import NUMBERS
from verifier.formats.policy import Policy
from verifier.formats.receipt import Receipt, parse
from verifier.verdict.checks import ExpectedIssuers, all_checks
from verifier.verdict.verdict import Claim, Verdict

CHAIN_ID = 200_826
REGISTRY = "0x" + "11" * 20
NOW = 1_800_000_000
FOREVER = 2**64 - 1
ISSUERS = 3
SIZES = (1, 2, 3, 5, 8, 13, 40, 64)
ACTIVE = StatusRecord(Status.ACTIVE, False, False, 0, 0, bytes(32))
# How a certificate may stand; most are sound, because a forger starts from one.
STANDINGS = ("sound", "sound", "sound", "revoked", "suspended", "superseded", "expired", "out of scope")


@dataclass(frozen=True)
class Genuine:
    """A certificate as it was issued: its file, its receipt, and how it stands today."""

    file: bytes
    fields: dict[str, Any]
    standing: str

    @property
    def text(self) -> bytes:
        """The receipt's exact bytes."""
        return encode(self.fields)


class Nation:
    """Issuers with batches of several sizes, and what a registry would say of each."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.policy: Policy = policy.parse(self.policy_text().encode())
        self.issuers = [draw.randbytes(32) for _ in range(ISSUERS)]
        self.genuine: list[Genuine] = []
        self._facts: dict[tuple[bytes, int], Facts] = {}
        self._statuses: dict[bytes, StatusRecord] = {}
        self.nodes: list[bytes] = []
        for number, issuer in enumerate(self.issuers):
            for sequence, size in enumerate(SIZES, 1):
                self._anchor(draw, number, issuer, sequence, size)

    @staticmethod
    def policy_text() -> str:
        """The verifier's policy: it trusts this registry, and every issuer that it accredits."""
        return reference.canonical(
            {
                "format": policy.FORMAT, "chain_id": CHAIN_ID, "genesis": "0x" + "00" * 32, "registry": REGISTRY,
                "code_hash": "0x" + "00" * 32, "finality": "instant", "operators": 1, "nodes": ["http://127.0.0.1:1"],
            }
        )  # fmt: skip

    def facts(self, receipt: Receipt) -> Facts:
        """What the registry says to this receipt, by issuer, sequence and leaf, as `statusOf` and `anchorOf` do."""
        status = self._statuses.get(receipt.leaf_hash, ACTIVE)
        held = self._facts.get((receipt.issuer_id, receipt.sequence))
        if held is None or receipt.registry != REGISTRY:
            return next(iter(self._facts.values()))._replace(anchor=None, window=None, key=None, status=status)
        return held._replace(status=status)

    def verdict(self, file: Fingerprint, text: bytes) -> Verdict:
        """What the Python verifier says of a file with one receipt, where any issuer is welcome."""
        try:
            receipt = parse(text)
        except Malformed:
            return Verdict.INVALID
        facts = self.facts(receipt)
        # `looked_up` is the forger's best case: nobody asks for one issuer.
        checks = all_checks(file, receipt, self.policy, facts, ExpectedIssuers(looked_up=True), NOW)
        return Claim(receipt, facts, checks).verdict

    def _anchor(self, draw: random.Random, number: int, issuer: bytes, sequence: int, size: int) -> None:
        profile = reference.canonical({"code": f"BPSDM-{number}", "name": f"BPSDM Provinsi {number}"})
        made = [self._certificate(draw, issuer, profile, f"{number}/{sequence}/{place}") for place in range(size)]
        made.sort(key=lambda one: one[0])
        leaves = [leaf for leaf, _ in made]
        self.nodes += leaves
        anchored = NOW - 10_000 + sequence
        self._facts[issuer, sequence] = Facts(
            head=Head(1_000, bytes(32), NOW - 5, 1_000),
            anchor=Anchor(reference.root(leaves), size, anchored, 100 + sequence, 0, "0x" + "33" * 20),
            window=Window(NOW - 20_000, FOREVER, 1 << NUMBERS["latsar"], reference.sha256(profile.encode())),
            key=Key(NOW - 20_000, FOREVER, 0, 3, Custody.INSTITUTE),
            reattestation=None,
            status=ACTIVE,
            unlisted_successor=None,
        )
        for index, (leaf, one) in enumerate(made):
            path = reference.path(index, leaves)
            self.nodes += path
            one.fields.update(
                sequence=sequence, leaf_index=index, path=[node.hex() for node in path],
                hints={
                    "block": 100 + sequence, "chain_id": CHAIN_ID, "registry": REGISTRY,
                    "transaction": "0x" + "22" * 32,
                },
            )  # fmt: skip
            if one.standing.upper() in Status.__members__:
                self._statuses[leaf] = StatusRecord(Status[one.standing.upper()], False, False, 3, NOW - 50, bytes(32))
            self.genuine.append(one)

    @staticmethod
    def _certificate(draw: random.Random, issuer: bytes, profile: str, number: str) -> tuple[bytes, Genuine]:
        standing = draw.choice(STANDINGS)
        facts: dict[str, Any] = {
            "nonce": draw.randbytes(16).hex(), "kind": "pkp" if standing == "out of scope" else "latsar",
            "number": number, "issued_on": "2026-11-20", "jp": draw.randrange(1, 200), "title": "Pelatihan Dasar",
            "grade": "Memuaskan",
        }  # fmt: skip
        if standing == "expired":
            facts["valid_until"] = "2026-11-21T00:00:00Z"
        text = reference.canonical(facts)
        file = b"%PDF-1.7 " + draw.randbytes(12) + b"\n%%EOF\n"
        fields = {
            "format": "jangkar-receipt-v1", "document_digest": reference.sha256(file).hex(), "metadata": text,
            "issuer_id": issuer.hex(), "issuer_profile": profile,
        }  # fmt: skip
        leaf = reference.leaf(reference.leaf_input(issuer, reference.sha256(file), text))
        return leaf, Genuine(file, fields, standing)


def encode(fields: dict[str, Any]) -> bytes:
    """Fields in a receipt's one byte form, whatever they hold."""
    return (json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()
