"""`jangkar-verify`: check certificates on your own machine, with your own node."""

import argparse
import json
import re
import sys
from pathlib import Path

from verifier import certificate_code, policy, report, service
from verifier.ask import Question, Result, ask
from verifier.errors import MalformedCode, MalformedPolicy, MalformedProof, NodeUnavailable, ServiceUnavailable
from verifier.hashing import digest_of_stream
from verifier.log import checkpoint_of, read_entries
from verifier.policy import Policy
from verifier.receipt import MAX_BYTES
from verifier.registry import RegistryReader
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
            digest, length = digest_of_stream(stream)
    except OSError as error:
        return _usage(f"{options.file} cannot be read: {error.strerror}")
    if length == 0:
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
            found = service.look_up_digest(options.service, digest)
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
    result = ask(Question(digest, receipts, issuers, looked_up, pending), trusted)
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


def _log(options: argparse.Namespace, trusted: Policy) -> int:
    node = Node(trusted.nodes[0])
    reader = RegistryReader(node, trusted)
    try:
        head = reader.open()
        stated = reader.checkpoint(head)
        rebuilt = checkpoint_of(read_entries(node, trusted, head))
    except NodeUnavailable as error:
        return _could_not(str(error), as_json=options.json)
    except MalformedProof as error:
        print(error)
        return EXIT_CODES[Verdict.INVALID]
    same = stated == rebuilt
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

    log = commands.add_parser("log", parents=[shared], help="rebuild the registry's log from events and compare")
    log.set_defaults(run=_log)
    return parser
