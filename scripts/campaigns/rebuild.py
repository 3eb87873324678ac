"""Lose the database, bring it back from chain, manifests and entries, and compare every receipt byte for byte.

    python3 scripts/campaigns/rebuild.py --certificates 100000
    python3 scripts/campaigns/rebuild.py --certificates 2000 --database postgres

Certificates of four institutes are anchored in ten batches on a real node; the database is dropped; `jangkar rebuild`
fills an empty one. Ends with `certificates N, receipts equal N`, or exits 1. Needs anvil (node and npm, Linux on
x86-64), and PostgreSQL where that is asked for.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(Path(__file__).resolve().parent)]

import argparse  # noqa: E402  (the environment comes first)
import hashlib  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

import _contracts  # noqa: E402
from _hand_in import hand_in  # noqa: E402
from _stage import CHAIN_ID, Postgres, Stage  # noqa: E402

from anchor_service.pipeline import fsck  # noqa: E402
from anchor_service.pipeline.receipts import Receipts  # noqa: E402
from anchor_service.store import anchoring as queries  # noqa: E402
from anchor_service.store import rebuilding  # noqa: E402

ISSUERS = 4
BATCHES = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=2_000)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args()
    _contracts.require_native()
    postgres = Postgres() if options.database == "postgres" else None
    try:
        with tempfile.TemporaryDirectory(prefix="jangkar-rebuild-") as folder:
            return _run(Path(folder), postgres, options.certificates)
    finally:
        if postgres is not None:
            postgres.close()


def _run(folder: Path, postgres: Postgres | None, certificates: int) -> int:
    with Stage(folder, postgres, ISSUERS) as stage:
        for number in range(BATCHES):
            count = certificates // BATCHES + (number < certificates % BATCHES)
            hand_in(stage, stage.issuers[number % ISSUERS], f"batch {number}", count)
            if number % ISSUERS == ISSUERS - 1:
                stage.must("anchor", "run", "--wait", "60")
        stage.must("anchor", "run", "--wait", "60")
        before = _receipts(stage)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"anchored {len(before)} certificates; {size / len(before):.0f} bytes each, files and database together")
        if postgres is None:
            for path in folder.glob("jangkar.sqlite3*"):
                path.unlink()
        else:
            stage.database_url = postgres.new_database()
            stage.configure()
        stage.must("db", "upgrade")
        began = time.monotonic()
        stage.must("rebuild")
        seconds = time.monotonic() - began
        after = _receipts(stage)
        equal = sum(after.get(key) == digest for key, digest in before.items())
        print(f"rebuilt in {seconds:.1f} seconds, {len(before) / seconds:.0f} certificates a second")
        with stage.store() as store:
            findings = list(fsck.check(store, stage.filing(), stage.port()))
        print(f"fsck findings {len(findings)}")
        print(f"certificates {certificates}, receipts equal {equal}")
        return 0 if equal == len(before) == len(after) == certificates and not findings else 1


def _receipts(stage: Stage) -> dict[tuple[bytes, bytes], bytes]:
    """The SHA-256 of every certificate's receipt."""
    found = {}
    with stage.store() as store:
        receipts = Receipts(store, CHAIN_ID, stage.registry)
        with store.reading() as connection:
            batches = queries.batches(connection)
            certificates = [one for batch in batches for one in rebuilding.certificates_of(connection, batch.id)]
        for certificate in certificates:
            data = receipts.of_issuer(certificate.issuer_id, certificate.document_digest)
            if data is None:
                raise SystemExit(f"certificate {certificate.number} has no receipt")
            found[certificate.issuer_id, certificate.document_digest] = hashlib.sha256(data).digest()
    return found


if __name__ == "__main__":
    raise SystemExit(main())
