"""`jangkar-verify`: check certificates on your own machine, with your own node. Judges nothing itself."""

import argparse
import importlib
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from verifier.cli.answers import (
    COULD_NOT,
    DEFINITE_NO,
    EPILOG,
    Refuted,
    UsageError,
    naming_malformed,
    show_invalid,
    show_undetermined,
    show_usage,
)
from verifier.errors import Malformed, MalformedProof, MalformedReceipt, ServiceUnavailable, Unavailable, VerifierError
from verifier.formats import policy
from verifier.verdict.verdict import USAGE_ERROR
from verifier.verdict.words import LANGUAGES, REASONS

# Where each command stands. A command is imported when it is the one that is asked for: reading one file
# takes less than importing what judges a nation's history.
COMMANDS = {
    "check": "checking",
    "code": "checking",
    "export": "checking",
    "ots": "checking",
    "call": "checking",
    "log": "logs",
    "bundle": "logs",
    "approval": "logs",
    "receipt": "mirroring",
    "audit": "auditing",
    "watch": "watching",
}
DEFAULT_POLICY = Path("jangkar-policy.json")

# What each cause ends a command with, whichever it is: the nearest class above an error decides. What is needed to
# ask is not what is asked about: the former's defect is mended and says nothing of a certificate, the latter's is a no.
# What is no receipt was compared with nothing: it is fetched again.
ERROR_CODES: dict[type[VerifierError], int] = {
    UsageError: USAGE_ERROR,
    Malformed: USAGE_ERROR,
    MalformedReceipt: COULD_NOT,
    MalformedProof: DEFINITE_NO,
    Refuted: DEFINITE_NO,
    Unavailable: COULD_NOT,
}

_DESCRIPTION = """Check a certificate against the chain, trusting only your own policy file."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error becomes one line and an exit code. Returns that code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    _prepare(sys.stdout, as_json=options.json)
    _prepare(sys.stderr)
    try:
        code: int = options.run(options, _load_policy(options.policy))
        sys.stdout.flush()
    except VerifierError as error:
        return _say(error, options)
    except OSError as error:
        if error.filename is not None:
            return show_usage(f"{error.filename} cannot be read: {error.strerror}")
        print(f"jangkar-verify: {error.strerror}", file=sys.stderr)
        return COULD_NOT
    except Exception:  # noqa: BLE001  (what nobody foresaw says nothing of a certificate: it is never a no)
        traceback.print_exc()
        print("jangkar-verify: nothing could be said; this is a defect of jangkar-verify", file=sys.stderr)
        return COULD_NOT
    return code


def _prepare(stream: TextIO, *, as_json: bool = False) -> None:
    """JSON is UTF-8; a letter that a terminal's own encoding lacks is escaped there."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(encoding="utf-8" if as_json else None, errors="backslashreplace")


def exit_code(error: VerifierError) -> int:
    """The exit code of an error, by the nearest class above it that has one."""
    return next(ERROR_CODES[kind] for kind in type(error).__mro__ if kind in ERROR_CODES)


def _say(error: VerifierError, options: argparse.Namespace) -> int:
    code = exit_code(error)
    if code == USAGE_ERROR:
        return show_usage(str(error))
    if code == DEFINITE_NO:
        return show_invalid(str(error))
    is_service = isinstance(error, ServiceUnavailable)
    detail = REASONS["service-unavailable"].in_(options.lang, {"detail": error}) if is_service else str(error)
    return show_undetermined(detail, as_json=options.json)


def _load_policy(path: Path) -> policy.Policy:
    """What the person trusts. Raises: UsageError, MalformedPolicy."""
    try:
        with naming_malformed(path):
            return policy.load(path)
    except OSError as error:
        raise UsageError(f"policy {path} cannot be read: {error.strerror}; name it with --policy") from None


def _parser(given: list[str]) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--policy", type=Path, default=DEFAULT_POLICY, help=f"what you trust (default: {DEFAULT_POLICY})"
    )
    shared.add_argument("--json", action="store_true", help="print the answer as JSON")
    shared.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the answer (default: en)")
    parser = argparse.ArgumentParser(prog="jangkar-verify", description=_DESCRIPTION, epilog=EPILOG)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    named = COMMANDS.get(given[0]) if given else None
    for group in [named] if named else dict.fromkeys(COMMANDS.values()):
        importlib.import_module(f"verifier.cli.{group}").add_commands(commands, shared)
    return parser
