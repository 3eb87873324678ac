"""`jangkar`: for institutes, operators and auditors.

Exit codes: 0 done; 1 a definite no; 2 usage; 3 pending; 4 could not check.
"""

import sys

import typer

from anchor_service.bootstrap import SettingMissing
from anchor_service.cli import (
    approving,
    certificates,
    diagnosis,
    issuers,
    mirroring,
    night,
    operating,
    receipts,
    registry,
    serving,
    setup,
)
from anchor_service.cli.context import UsageError
from anchor_service.core.errors import (
    AnchorServiceError,
    BackupRejected,
    CertificateCodeRejected,
    DocumentRejected,
    FieldRejected,
    KeystoreRejected,
    ManifestRejected,
    Unavailable,
    UnknownIssuer,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Anchor training certificates: take them in by day, anchor them by night, hand out receipts.",
    epilog="Exit codes: 0 done; 1 a definite no; 2 usage; 3 pending; 4 could not check.",
)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)(
    setup.devnet
)
app.add_typer(setup.db, name="db")
app.add_typer(setup.keystore, name="keystore")
app.add_typer(registry.app, name="registry")
app.add_typer(issuers.issuer, name="issuer")
app.add_typer(issuers.key, name="key")
app.add_typer(certificates.code, name="code")
app.command()(certificates.ingest)
app.command()(certificates.withdraw)
app.add_typer(night.anchor, name="anchor")
app.add_typer(night.batch, name="batch")
app.command()(approving.approve)
app.add_typer(receipts.app, name="receipt")
app.add_typer(certificates.status, name="status")
app.command()(mirroring.mirror)
app.command()(serving.serve)
app.command()(operating.worker)
app.command()(diagnosis.doctor)
app.command("reconcile")(operating.balance)
app.command()(operating.rebuild)
app.command()(operating.fsck)
app.command()(operating.erase)

_USAGE = (
    BackupRejected,
    CertificateCodeRejected,
    DocumentRejected,
    FieldRejected,
    KeystoreRejected,
    ManifestRejected,
    SettingMissing,
    UnknownIssuer,
    UsageError,
)


def main() -> None:
    """Run one command; errors become one line and an exit code."""
    try:
        app()
    except AnchorServiceError as error:
        print(f"jangkar: {error}", file=sys.stderr)
        raise SystemExit(_exit_code(error)) from None
    except OSError as error:
        print(f"jangkar: {error.filename or ''}: {error.strerror}; nothing after this was done", file=sys.stderr)
        raise SystemExit(4) from None


def _exit_code(error: AnchorServiceError) -> int:
    if isinstance(error, _USAGE):
        return 2
    return 4 if isinstance(error, Unavailable) else 1
