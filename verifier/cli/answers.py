"""What the commands say and how they end: one answer, and exit codes that mean the same everywhere."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verifier import report
from verifier.errors import Malformed, VerifierError
from verifier.formats.policy import Policy
from verifier.formats.strictjson import is_hash
from verifier.verdict.ask import Result
from verifier.verdict.verdict import EXIT_CODES, USAGE_ERROR, Verdict

EPILOG = "exit codes: 0 valid or recorded; 1 a definite no; 2 usage; 3 waiting to be anchored; 4 could not be checked"
DONE = EXIT_CODES[Verdict.VALID]
COULD_NOT = EXIT_CODES[Verdict.UNDETERMINED]
DEFINITE_NO = EXIT_CODES[Verdict.INVALID]


class UsageError(VerifierError):
    """The command cannot be carried out as it was given."""


class Refuted(VerifierError):
    """A definite no to what was asked about, where that is no certificate."""


def show(result: Result, trusted: Policy, options: argparse.Namespace, *, looked_up: bool) -> int:
    """Print an answer; returns its exit code."""
    if options.json:
        print(json.dumps(report.as_json(result, trusted, looked_up=looked_up), ensure_ascii=False, indent=1))
    else:
        print(report.as_text(result, trusted, options.lang, looked_up=looked_up))
    return EXIT_CODES[result.answer.verdict]


def show_undetermined(detail: str, *, as_json: bool) -> int:
    """Say that nothing could be checked, which is neither yes nor no."""
    if as_json:
        print(json.dumps(undetermined(detail)))
    else:
        print(f"{Verdict.UNDETERMINED}: {detail}")
    return COULD_NOT


def undetermined(detail: str) -> dict[str, str]:
    """Could not check, as a program reads it."""
    return {"verdict": Verdict.UNDETERMINED, "reason": "unavailable", "detail": detail}


def show_invalid(detail: str) -> int:
    """Say a definite no of something that is no certificate."""
    print(f"{Verdict.INVALID}: {detail}")
    return DEFINITE_NO


@contextmanager
def naming_malformed(name: object) -> Iterator[None]:
    """Where what is read here is malformed, name it. Raises: the same error, its name before it."""
    try:
        yield
    except Malformed as error:
        raise type(error)(f"{name}: {error}") from None


@contextmanager
def usage_errors(done: str) -> Iterator[None]:
    """Where the system refuses a file, say what cannot be done with it. Raises: UsageError; OSError of no file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise UsageError(f"{error.filename} cannot be {done}: {error.strerror}") from None


def read_bounded(path: Path, most: int) -> bytes:
    """A file that was handed over, and no more of it than one byte beyond what it may have. Raises: OSError."""
    with path.open("rb") as file:
        return file.read(most + 1)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises: UsageError."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def hash_of(option: str, given: str) -> bytes:
    """32 bytes from what an option was given. Raises: UsageError."""
    if not is_hash(given):
        raise UsageError(f"{option} {given}: write it as 64 lowercase hexadecimal digits")
    return bytes.fromhex(given)


def pinned_at(trusted: Policy, block: str | None) -> Policy:
    """The policy as if it pinned the block that --block names, where it names one. Raises: UsageError."""
    if not block:
        return trusted
    return trusted._replace(pinned_block=hash_of("--block", block.removeprefix("0x")))


def show_usage(problem: str) -> int:
    """Say what is wrong with the command."""
    print(f"jangkar-verify: {problem}", file=sys.stderr)
    return USAGE_ERROR


def progress(done: int, last: int) -> None:
    """Say how far the reading has come, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\rblock {done} of {last}", end="\n" if done == last else "", file=sys.stderr, flush=True)
