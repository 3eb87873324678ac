"""`jangkar-verify`: check certificates on your own machine, with your own node. Judges nothing itself."""

import argparse
import importlib
import sys
from pathlib import Path

from verifier.cli.answers import EPILOG, usage
from verifier.errors import MalformedPolicy
from verifier.formats import policy
from verifier.verdict.words import LANGUAGES

# Where each command stands. A command is imported when it is the one that is asked for: reading one file
# takes less than importing what judges a nation's history.
COMMANDS = {
    "check": "checking",
    "code": "checking",
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

_DESCRIPTION = """Check a certificate against the chain, trusting only your own policy file."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    try:
        trusted = policy.load(options.policy)
    except OSError as error:
        return usage(f"policy {options.policy} cannot be read: {error.strerror}; name it with --policy")
    except MalformedPolicy as error:
        return usage(f"{options.policy}: {error}")
    code: int = options.run(options, trusted)
    return code


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
