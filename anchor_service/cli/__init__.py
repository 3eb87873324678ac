"""`jangkar`: for institutes, operators and auditors. Reads what is typed, calls a verb, prints; has no rule of its own.

Exit codes: 0 done; 1 a definite no; 2 usage; 3 pending; 4 could not check.
"""

import atexit
import gc
import importlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from io import TextIOWrapper
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from anchor_service.cli.context import UsageError
from anchor_service.core.errors import (
    AnchorServiceError,
    BackupRejected,
    CertificateCodeRejected,
    DocumentRejected,
    FieldRejected,
    KeystoreRejected,
    OtherRegistry,
    SettingMissing,
    SignerRejected,
    TableRejected,
    Unavailable,
    UnknownIssuer,
)

# Where each command stands, in the order of the help. A module is imported when a command of it is asked for, or the
# help of all; what a command works with, when it runs.
COMMANDS = {
    "devnet": "setup",
    "ingest": "certificates",
    "augment": "certificates",
    "withdraw": "certificates",
    "who": "certificates",
    "approve": "approving",
    "mirror": "mirroring",
    "serve": "serving",
    "worker": "operating",
    "backup": "operating",
    "doctor": "diagnosis",
    "reconcile": "operating",
    "rebuild": "operating",
    "fsck": "operating",
    "erase": "operating",
    "db": "setup",
    "keystore": "setup",
    "registry": "registry",
    "issuer": "issuers",
    "key": "issuers",
    "code": "certificates",
    "anchor": "night",
    "batch": "night",
    "receipt": "receipts",
    "status": "certificates",
}

# New objects between two rounds of Python's collector of cycles.
_COLLECTED_AFTER = 50_000

_USAGE = (
    BackupRejected,
    CertificateCodeRejected,
    DocumentRejected,
    FieldRejected,
    KeystoreRejected,
    OtherRegistry,
    SettingMissing,
    SignerRejected,
    TableRejected,
    UnknownIssuer,
    UsageError,
)


class _Commands(Mapping[str, Any]):
    """The commands by name; looking at one imports its module."""

    def __getitem__(self, name: str) -> Any:
        return commands_of(COMMANDS[name])[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def commands_of(module: str) -> dict[str, Any]:
    """The commands that a module of this package declares, by name."""
    commands: typer.Typer = importlib.import_module(f"anchor_service.cli.{module}").commands
    return dict(get_group(commands).commands)


def main() -> None:
    """Run one command; errors become one line and an exit code."""
    # What a command imports stays to its end: looking through it again and again, and once more when all of it goes,
    # would take a quarter of a short command's time.
    gc.set_threshold(_COLLECTED_AFTER)
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A letter that a terminal's own encoding lacks is escaped.
            stream.reconfigure(errors="backslashreplace")
    program = TyperGroup(
        commands=_Commands(),  # type: ignore[arg-type]  # a mapping is enough
        no_args_is_help=True,
        help="Anchor training certificates: take them in by day, anchor them by night, hand out receipts.",
        epilog="Exit codes: 0 done; 1 a definite no; 2 usage; 3 pending; 4 could not check.",
    )
    try:
        program()
    except AnchorServiceError as error:
        print(f"jangkar: {error}", file=sys.stderr)
        raise SystemExit(_exit_code(error)) from None
    except OSError as error:
        print(f"jangkar: {error.filename or ''}: {error.strerror}; nothing after this was done", file=sys.stderr)
        raise SystemExit(4) from None
    except Exception:  # noqa: BLE001  (what nobody foresaw is no answer, and never a definite no)
        traceback.print_exc()
        print("jangkar: nothing after this was done; this is a defect of jangkar", file=sys.stderr)
        raise SystemExit(4) from None


def _exit_code(error: AnchorServiceError) -> int:
    if isinstance(error, _USAGE):
        return 2
    return 4 if isinstance(error, Unavailable) else 1
