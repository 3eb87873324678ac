"""`jangkar-verify`: check certificates on your own machine, with your own node."""

import argparse
import json
import re
import sys
from pathlib import Path

from verifier import approval, certificate_code, fingerprint, log_proof, ots, policy, report, service
from verifier.ask import Question, Result, ask
from verifier.errors import MalformedCode, MalformedPolicy, MalformedProof, NodeUnavailable, ServiceUnavailable
from verifier.log import checkpoint_of, read_entries
from verifier.merkle import root_from_leaves
from verifier.policy import Policy
from verifier.receipt import MAX_BYTES
from verifier.registry import Checkpoint, RegistryReader
from verifier.rpc import Node
from verifier.verdict import EXIT_CODES, USAGE_ERROR, Verdict
from verifier.words import LANGUAGES, REASONS

SUFFIX = ".jangkar.json"
DEFAULT_POLICY = Path("jangkar-policy.json")

_DESCRIPTION = """Check a certificate against the chain, trusting only your own policy file."""
_EPILOG = (
    """exit codes: 0 valid or recorded; 1 a definite no; 2 usage; 3 waiting to be anchored; 4 could not be checked"""
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        trusted = policy.load(options.policy)
    except OSError as error:
        return _usage(f"policy {options.policy} cannot be read: {error.strerror}; name it with --policy")
    except MalformedPolicy as error:
        return _usage(f"{options.policy}: {error}")
    code: int = options.run(options, trusted)
    return code


def _check(options: argparse.Namespace, trusted: Policy) -> int:
    try:
        issuers = frozenset(_issuer(one) for one in options.issuer)
    except ValueError as error:
        return _usage(str(error))
    try:
        with options.file.open("rb") as stream:
            file = fingerprint.of_stream(stream)
    except OSError as error:
        return _usage(f"{options.file} cannot be read: {error.strerror}")
    if file.length == 0:
        return _usage(f"{options.file} is empty: there is nothing to check")
    receipts = []
    path = options.receipt or _beside(options.file)
    if path is not None:
        try:
            with path.open("rb") as stream:
                receipts.append(stream.read(MAX_BYTES + 1))
        except OSError as error:
            return _usage(f"receipt {path} cannot be read: {error.strerror}")
    pending = False
    if options.service:
        try:
            found = service.look_up_file(options.service, file)
        except ServiceUnavailable as error:
            if not receipts:
                return _could_not(
                    REASONS["service-unavailable"].in_(options.lang, {"detail": error}), as_json=options.json
                )
            print(REASONS["service-unavailable"].in_(options.lang, {"detail": error}), file=sys.stderr)
            options.service = None
        else:
            receipts += [one for one in found.receipts if one not in receipts]
            pending = found.pending > 0
    looked_up = options.service is not None
    result = ask(Question(file, receipts, issuers, looked_up, pending), trusted)
    return _print(result, trusted, options, looked_up=looked_up)


def _code(options: argparse.Namespace, trusted: Policy) -> int:
    try:
        code = certificate_code.normalise(options.code)
        found = service.look_up_code(options.service, code)
    except MalformedCode as error:
        return _usage(f"{options.code}: {error}")
    except ServiceUnavailable as error:
        return _could_not(REASONS["service-unavailable"].in_(options.lang, {"detail": error}), as_json=options.json)
    result = ask(Question(None, found.receipts, looked_up=True, pending=found.pending > 0, code=code), trusted)
    return _print(result, trusted, options, looked_up=True)


def _ots(options: argparse.Namespace, trusted: Policy) -> int:
    """A receipt's proof in the form of OpenTimestamps, under the size that the chain holds."""
    try:
        with options.receipt.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return _usage(f"{options.receipt} cannot be read: {error.strerror}")
    result = ask(Question(None, [data]), trusted)
    if result.malformed:
        print(f"{Verdict.INVALID}: {result.malformed[0]}")
        return EXIT_CODES[Verdict.INVALID]
    claim = result.answer.claims[0]
    anchor = claim.proven_anchor
    if anchor is None:
        return _print(result, trusted, options, looked_up=False)
    path = options.out or options.receipt.with_name(options.receipt.name.removesuffix(SUFFIX) + ots.SUFFIX)
    try:
        with path.open("xb") as file:
            file.write(ots.encode(claim.receipt, anchor.size))
    except OSError as error:
        return _usage(f"{path} cannot be written: {error.strerror}")
    print(path)
    return EXIT_CODES[Verdict.VALID]


def _log(options: argparse.Namespace, trusted: Policy) -> int:
    if sum(one is not None for one in (options.entry, options.since, options.proof)) > 1:
        return _usage("--entry, --since and --proof are different questions: ask one at a time")
    if options.proof is not None:
        return _check_log_proof(options, trusted)
    node = Node(trusted.nodes[0])
    reader = RegistryReader(node, trusted)
    registry = trusted.registries[0].address
    try:
        head = reader.open()
        stated = reader.checkpoint(head, registry)
        entries = read_entries(node, registry, head)
        rebuilt = checkpoint_of(entries)
        same = stated == rebuilt
        if same and options.entry is not None:
            print(log_proof.prove_inclusion(trusted.chain_id, registry, entries, options.entry))
            return EXIT_CODES[Verdict.VALID]
        if same and options.since is not None:
            print(log_proof.prove_consistency(trusted.chain_id, registry, entries, options.since))
            return EXIT_CODES[Verdict.VALID]
    except NodeUnavailable as error:
        return _could_not(str(error), as_json=options.json)
    except MalformedProof as error:
        print(error)
        return EXIT_CODES[Verdict.INVALID]
    if options.json:
        print(json.dumps({"size": stated.size, "root": stated.root.hex(), "rebuilt": rebuilt.root.hex(), "same": same}))
    else:
        print(f"block {head.number}: log of {stated.size} entries, root {stated.root.hex()}")
        print(
            "rebuilt from events: the same"
            if same
            else f"rebuilt from events: {rebuilt.size}, {rebuilt.root.hex()}: DIFFERENT"
        )
    return EXIT_CODES[Verdict.VALID if same else Verdict.INVALID]


def _check_log_proof(options: argparse.Namespace, trusted: Policy) -> int:
    """A proof against a checkpoint: the one that was given, else the chain's own."""
    try:
        proof = log_proof.parse(options.proof.read_bytes()[: log_proof.MAX_BYTES + 1])
    except OSError as error:
        return _usage(f"{options.proof} cannot be read: {error.strerror}")
    except MalformedProof as error:
        print(f"{Verdict.INVALID}: {error}")
        return EXIT_CODES[Verdict.INVALID]
    registries = [pin.address for pin in trusted.registries]
    if proof.chain_id != trusted.chain_id or proof.registry not in registries:
        print(f"{Verdict.INVALID}: the proof is about registry {proof.registry} on chain {proof.chain_id}")
        return EXIT_CODES[Verdict.INVALID]
    try:
        known = _checkpoint(options.checkpoint) if options.checkpoint else None
    except ValueError as error:
        return _usage(str(error))
    if known is None:
        reader = RegistryReader(Node(trusted.nodes[0]), trusted)
        try:
            known = reader.checkpoint(reader.open(), proof.registry)
        except NodeUnavailable as error:
            return _could_not(str(error), as_json=options.json)
    if known.size != proof.checkpoint.size:
        return _could_not(
            f"the proof is for a log of {proof.checkpoint.size} entries, the checkpoint for {known.size}; "
            "ask for a proof of that size",
            as_json=options.json,
        )
    if known.root != proof.checkpoint.root:
        print(f"{Verdict.INVALID}: the proof leads to another root than the checkpoint's")
        return EXIT_CODES[Verdict.INVALID]
    if proof.old is None:
        print(f"entry {proof.index} stands in the log of {known.size} entries, root {known.root.hex()}")
    else:
        print(f"the log of {known.size} entries begins with the {proof.old.size} of root {proof.old.root.hex()}")
    return EXIT_CODES[Verdict.VALID]


def _checkpoint(given: str) -> Checkpoint:
    size, _, root = given.partition(":")
    if not re.fullmatch("[0-9]{1,19}", size) or not re.fullmatch("[0-9a-f]{64}", root):
        raise ValueError(f"--checkpoint {given}: write it as SIZE:ROOT, the root in 64 lowercase hexadecimal digits")
    return Checkpoint(int(size), bytes.fromhex(root))


def _approval(options: argparse.Namespace, trusted: Policy) -> int:
    """What a wallet should show before it signs a batch: rebuilt from the manifest, by none of the service's code."""
    try:
        lines = options.manifest.read_text().splitlines()
        header = json.loads(lines[0])
        leaves = [bytes.fromhex(line) for line in lines[1:]]
        root = root_from_leaves(leaves)
        given = approval.Approval(
            chain_id=trusted.chain_id,
            registry=trusted.registries[-1].address,
            issuer_id=bytes.fromhex(header["issuer_id"]),
            sequence=header["sequence"],
            root=root,
            size=len(leaves),
            deadline=options.deadline,
        )
        digest = approval.digest(given)
    except OSError as error:
        return _usage(f"{options.manifest} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, MalformedProof) as error:
        return _usage(f"{options.manifest} is no manifest: {error}")
    for name, value in (
        ("chain id", given.chain_id),
        ("registry", given.registry),
        ("issuer", given.issuer_id.hex()),
        ("sequence", given.sequence),
        ("root", root.hex()),
        ("size", given.size),
        ("deadline", given.deadline),
        ("digest", "0x" + digest.hex()),
    ):
        print(f"{name:9} {value}")
    return EXIT_CODES[Verdict.VALID]


def _print(result: Result, trusted: Policy, options: argparse.Namespace, *, looked_up: bool) -> int:
    if options.json:
        print(json.dumps(report.as_json(result, trusted, looked_up=looked_up), ensure_ascii=False, indent=1))
    else:
        print(report.as_text(result, trusted, options.lang, looked_up=looked_up))
    return EXIT_CODES[result.answer.verdict]


def _beside(file: Path) -> Path | None:
    path = file.with_name(file.name + SUFFIX)
    return path if path.exists() else None


def _issuer(given: str) -> bytes:
    if not re.fullmatch("[0-9a-f]{64}", given):
        raise ValueError(f"--issuer {given}: an issuer id has 64 lowercase hexadecimal digits")
    return bytes.fromhex(given)


def _could_not(detail: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"verdict": Verdict.UNDETERMINED, "reason": "unavailable", "detail": detail}))
    else:
        print(f"{Verdict.UNDETERMINED}: {detail}")
    return EXIT_CODES[Verdict.UNDETERMINED]


def _usage(problem: str) -> int:
    print(f"jangkar-verify: {problem}", file=sys.stderr)
    return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--policy", type=Path, default=DEFAULT_POLICY, help=f"what you trust (default: {DEFAULT_POLICY})"
    )
    shared.add_argument("--json", action="store_true", help="print the answer as JSON")
    shared.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the answer (default: en)")
    parser = argparse.ArgumentParser(prog="jangkar-verify", description=_DESCRIPTION, epilog=_EPILOG)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", parents=[shared], help="check a file", epilog=_EPILOG)
    check.add_argument("file", type=Path, metavar="FILE", help="the certificate's file")
    check.add_argument("--receipt", type=Path, help=f"its receipt (default: FILE{SUFFIX}, where that is there)")
    check.add_argument("--service", metavar="URL", help="a service to ask for every anchor of this file")
    check.add_argument(
        "--issuer", action="append", default=[], metavar="ID", help="the issuer that the certificate should be by"
    )
    check.set_defaults(run=_check)

    code = commands.add_parser("code", parents=[shared], help="look a certificate code up", epilog=_EPILOG)
    code.add_argument("code", metavar="CODE", help="the 12 characters on the certificate")
    code.add_argument("--service", metavar="URL", required=True, help="the service to ask")
    code.set_defaults(run=_code)

    ots_ = commands.add_parser("ots", parents=[shared], help="write a receipt's proof for OpenTimestamps' own tool")
    ots_.add_argument("receipt", type=Path, metavar="RECEIPT", help=f"the receipt, NAME.pdf{SUFFIX}")
    ots_.add_argument("--out", type=Path, help="the file to write (default: NAME.pdf.ots)")
    ots_.set_defaults(run=_ots)

    log = commands.add_parser("log", parents=[shared], help="rebuild the registry's log from events and compare")
    log.add_argument("--entry", type=int, metavar="N", help="print the proof that entry N stands in the log")
    log.add_argument("--since", type=int, metavar="SIZE", help="print the proof that the log only grew since SIZE")
    log.add_argument("--proof", type=Path, metavar="FILE", help="check such a proof instead of rebuilding the log")
    log.add_argument(
        "--checkpoint", metavar="SIZE:ROOT", help="with --proof: compare with this, not with the chain's own"
    )
    log.set_defaults(run=_log)

    approval_ = commands.add_parser("approval", parents=[shared], help="show what a wallet signs for a batch")
    approval_.add_argument("manifest", type=Path, metavar="MANIFEST", help="the batch's manifest")
    approval_.add_argument("--deadline", type=int, required=True, help="seconds since 1970 until when it holds")
    approval_.set_defaults(run=_approval)
    return parser
