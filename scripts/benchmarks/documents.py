"""Measure the way from documents to proofs, beside Blockcerts' cert-issuer and OpenAttestation on theirs.

    python3 scripts/benchmarks/documents.py --documents 10000            prints the table
    python3 scripts/benchmarks/documents.py --documents 10000 --write    writes docs/benchmarks.md

Ours, in one process and without a database: a file's bytes and its facts are hashed, checked and bound, the leaves
ordered, the tree built, and each receipt written to its last byte but for the block that nobody knows yet. Theirs is
what their issuers call: cert-issuer's tree and proof generator over given documents, without the normalization of
JSON-LD that it does before; OpenAttestation's wrapDocuments. The peers run once, ours five times. Ends with the ratios.
Needs node and npm.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import secrets  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT))

import _report  # noqa: E402
from _paths import inclusion_paths  # noqa: E402

from anchor_service.core import metadata, profile  # noqa: E402
from anchor_service.core.hashing import DocumentDigest, IssuerId, certificate_leaf  # noqa: E402
from anchor_service.core.merkle import MerkleTree  # noqa: E402
from anchor_service.core.receipt import Hints, Receipt  # noqa: E402

ROUNDS = 5

TABLE = """`python3 scripts/benchmarks/documents.py --documents {documents} --write`, on {machine}.

From {documents:,} documents to a proof of each, in memory. cert-issuer {blockcerts}: its tree and its proof
generator, without the normalization of JSON-LD before them. @govtechsg/open-attestation {attestation}:
`wrapDocuments`. Ours is the median of {rounds}, theirs ran once.

| | us a document | ours is faster |
| --- | ---: | ---: |
| from a file's bytes and facts to its receipt | {ours:.0f} | |
| cert-issuer | {issuer:,.0f} | {faster_issuer:.1f} times |
| OpenAttestation | {open:,.0f} | {faster_open:.1f} times |
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000, help="(default: 10000)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options = parser.parse_args()
    count = options.documents
    _report.install_npm_peers()
    ours = statistics.median(receipts(count) for _ in range(ROUNDS))
    python = str(_bootstrap.tools("blockcerts") / "python")
    issuer = seconds([python, "_documents.py", str(count)])
    wrapping = seconds(["node", "documents.mjs", str(count)])
    text = TABLE.format(
        documents=count,
        machine=_report.machine(),
        blockcerts=_report.pinned("blockcerts")["cert-issuer"],
        attestation=_report.npm_pinned()["@govtechsg/open-attestation"],
        rounds=ROUNDS,
        ours=ours / count * 1e6,
        issuer=issuer / count * 1e6,
        open=wrapping / count * 1e6,
        faster_issuer=issuer / ours,
        faster_open=wrapping / ours,
    )
    if options.write:
        _report.write("Documents to proofs", text)
    print(text)
    print(f"faster than cert-issuer {issuer / ours:.1f} times, than OpenAttestation {wrapping / ours:.1f} times")
    return 0


def seconds(command: list[str]) -> float:
    """What a peer says that it took."""
    done = subprocess.run(command, cwd=_report.PEERS, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def receipts(count: int) -> float:
    """Seconds from the bytes and facts of so many files to their receipts."""
    issuer, text = IssuerId(os.urandom(32)), profile.from_fields("UJI", "Lembaga Uji")
    given = [
        (
            b"%PDF-1.7 " + os.urandom(500),
            {
                "number": f"{number:07}/LATSAR/2026",
                "kind": "latsar",
                "issued_on": "2026-11-20",
                "title": "Pelatihan Dasar Calon Pegawai Negeri Sipil",
                "jp": 40,
            },
        )
        for number in range(count)
    ]
    began = time.perf_counter()
    bound = []
    for file, fields in given:
        digest = DocumentDigest(hashlib.sha256(file).digest())
        facts = metadata.from_fields({"nonce": secrets.token_hex(metadata.NONCE_BYTES), **fields})
        bound.append((certificate_leaf(issuer, digest, facts.text), digest, facts.text))
    bound.sort()
    tree = MerkleTree(leaf for leaf, _, _ in bound)
    hints = Hints(1, "0x" + "11" * 20, bytes(32), 1)
    made = [
        Receipt(digest, facts, issuer, text, 1, index, path, hints).encode()
        for index, ((_, digest, facts), path) in enumerate(zip(bound, inclusion_paths(tree), strict=True))
    ]
    took = time.perf_counter() - began
    if len(made) != count:
        raise SystemExit("a receipt is missing")
    return took


if __name__ == "__main__":
    raise SystemExit(main())
