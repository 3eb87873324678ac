"""`jangkar-verify`: check certificates on your own machine, with your own node."""

import argparse
from pathlib import Path

from verifier import policy
from verifier.cli import auditing, checking, logs, watching
from verifier.cli.answers import EPILOG, usage
from verifier.errors import MalformedPolicy
from verifier.words import LANGUAGES

DEFAULT_POLICY = Path("jangkar-policy.json")

_DESCRIPTION = """Check a certificate against the chain, trusting only your own policy file."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        trusted = policy.load(options.policy)
    except OSError as error:
        return usage(f"policy {options.policy} cannot be read: {error.strerror}; name it with --policy")
    except MalformedPolicy as error:
        return usage(f"{options.policy}: {error}")
    code: int = options.run(options, trusted)
    return code


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--policy", type=Path, default=DEFAULT_POLICY, help=f"what you trust (default: {DEFAULT_POLICY})"
    )
    shared.add_argument("--json", action="store_true", help="print the answer as JSON")
    shared.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the answer (default: en)")
    parser = argparse.ArgumentParser(prog="jangkar-verify", description=_DESCRIPTION, epilog=EPILOG)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (checking, logs, auditing, watching):
        group.add_commands(commands, shared)
    return parser
