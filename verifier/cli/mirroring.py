"""The command about what a mirror holds: receipt."""

import argparse
import sys
from pathlib import Path
from typing import Any

from verifier.chain.nodes import open_chain
from verifier.cli.answers import (
    DONE,
    Refuted,
    UsageError,
    hash_of,
    naming_malformed,
    progress,
    read_bounded,
    show,
    write_new,
)
from verifier.errors import SourceUnavailable
from verifier.formats import fingerprint
from verifier.formats.metadata import MAX_METADATA_BYTES, parse_metadata
from verifier.formats.policy import Policy
from verifier.formats.receipt import SUFFIX, Receipt
from verifier.history import bundle
from verifier.history.recorded import RecordedHistory, record
from verifier.places.location import Location
from verifier.places.mirror import bundle_from, receipt_from
from verifier.verdict.ask import Question, ask


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add this group's commands to the parser."""
    receipt = commands.add_parser("receipt", parents=[shared], help="write a certificate's receipt from a mirror")
    receipt.add_argument("file", type=Path, metavar="FILE", help="the certificate's file")
    receipt.add_argument(
        "--metadata", type=Path, required=True, metavar="JSON", help="its metadata, in the form that the leaf binds"
    )
    receipt.add_argument("--issuer", required=True, metavar="ID", help="the issuer that handed it in")
    receipt.add_argument("--mirror", required=True, metavar="PLACE", help="folder or address of a mirror")
    receipt.add_argument(
        "--digest", metavar="SHA256", help="read the history from the mirror too, by this bundle's digest"
    )
    receipt.add_argument("--out", type=Path, help=f"the file to write (default: FILE{SUFFIX})")
    receipt.set_defaults(run=_receipt)


def _receipt(options: argparse.Namespace, trusted: Policy) -> int:
    """From the mirror alone; judged like any other before it is written."""
    issuer_id = hash_of("--issuer", options.issuer)
    with options.file.open("rb") as stream:
        file = fingerprint.of_stream(stream)
    try:
        # An editor's line feed behind it is none of it.
        metadata = read_bounded(options.metadata, MAX_METADATA_BYTES + 1).decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError(f"{options.metadata} is not UTF-8") from None
    with naming_malformed(options.metadata):
        parse_metadata(metadata)
    recorded = _recorded(options, trusted)
    found = _find(Location(options.mirror), recorded, issuer_id, file.digest, metadata)
    if found is None:
        raise Refuted(
            f"up to block {recorded.head.number} no batch of this issuer holds this file with this metadata; "
            "it may not be anchored yet"
        )
    data = found.encode()
    result = ask(Question(file, [data], {issuer_id}), recorded.policy, recorded)
    if result.answer.claims[0].proven_anchor is None:
        return show(result, recorded.policy, options, looked_up=False)
    path = options.out or options.file.with_name(options.file.name + SUFFIX)
    write_new(path, data)
    print(path)
    return DONE


def _recorded(options: argparse.Namespace, trusted: Policy) -> RecordedHistory:
    if options.digest is None:
        return record(open_chain(trusted), progress)
    pinned = trusted._replace(bundles=frozenset({hash_of("--digest", options.digest)}))
    with naming_malformed(options.mirror):
        return bundle.parse(bundle_from(Location(options.mirror), pinned), pinned)


def _find(
    location: Location, recorded: RecordedHistory, issuer_id: bytes, digest: bytes, metadata: str
) -> Receipt | None:
    """The receipt from the newest batch that holds the certificate's leaf; nothing where none of all batches does.

    Raises: SourceUnavailable where it is not found and there are batches that the mirror does not hold: it is that of
    one registry. MalformedMetadata; OSError.
    """
    unread: list[str] = []
    if (successor := recorded.unlisted_successor) is not None:
        unread.append(f"registry {successor} succeeds the policy's, which does not list it")
    pins = recorded.policy.registries[: len(recorded.histories)]
    for pin, history in reversed(list(zip(pins, recorded.histories, strict=True))):
        sequences = sorted(history.issuer(issuer_id).anchors, reverse=True)
        try:
            for done, sequence in enumerate(sequences, start=1):
                found = receipt_from(location, pin.address, issuer_id, sequence, digest, metadata)
                if sys.stderr.isatty():
                    end = "\n" if found or done == len(sequences) else ""
                    print(f"\rbatch {done} of {len(sequences)}", end=end, file=sys.stderr, flush=True)
                if found is not None:
                    return found
        except SourceUnavailable as error:
            unread.append(str(error))
    if unread:
        raise SourceUnavailable(f"not found, and not all batches were read: {'; '.join(unread)}")
    return None
