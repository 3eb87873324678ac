"""`jangkar devnet`, `jangkar db`, `jangkar keystore`: what stands before the first certificate."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchor_service.bootstrap import build, new_keystore
from anchor_service.cli.context import settings, show

if TYPE_CHECKING:
    from anchor_service.store.engine import Store

commands = typer.Typer()
db = typer.Typer(no_args_is_help=True, help="The database's tables.")
keystore = typer.Typer(no_args_is_help=True, help="Signing keys as encrypted files.")
commands.add_typer(db, name="db")
commands.add_typer(keystore, name="keystore")


@commands.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def devnet(context: typer.Context) -> None:
    """Start the local chain; `jangkar devnet --help` says how. It is a program of its own."""
    os.execv(sys.executable, [sys.executable, "-m", "jangkar_devnet", *context.args])  # noqa: S606  (no shell)


@db.command()
def upgrade() -> None:
    """Bring the tables to the newest revision."""
    _store().upgrade()
    show("the tables are the newest")


@db.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="such as 0002; what newer tables hold is lost")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Take the tables back to an older revision, for an older release."""
    if not yes and not typer.confirm(f"Take the tables back to {revision}, and lose what newer ones hold?"):
        raise typer.Exit(1)
    _store().downgrade(revision)
    show(f"the tables are at {revision}")


@db.command()
def backup(path: Annotated[Path, typer.Argument(help="file to be made")]) -> None:
    """Copy the database as it is at this instant: SQLite as a database, PostgreSQL for `pg_restore`."""
    from anchor_service.store import copies

    copies.write(_store(), path)
    show(f"copied to {path}")


@db.command()
def copy(
    target: Annotated[str, typer.Argument(metavar="URL", help="an empty SQLite or PostgreSQL database")],
) -> None:
    """Copy every row into an empty database, such as from SQLite to PostgreSQL: what waits, keys and codes too.

    Stop the API and the workers first: what they write later is not in the copy. Each table is read again where it
    arrived, and counted and compared by SHA-256. Then name the new database in jangkar.toml.
    """
    from anchor_service.store import moving
    from anchor_service.store.engine import Store

    copied = moving.copy(_store(), Store(target), show)
    rows = sum(one.rows for one in copied)
    show(f"copied {rows} rows of {len(copied)} tables; now set database_url, then run `jangkar doctor`")


@db.command()
def scrub() -> None:
    """Let what was erased leave the database's files too; `jangkar erase` does so itself, where nobody reads."""
    _store().scrub()
    show("what was deleted has left the files")


@keystore.command()
def new(
    path: Annotated[Path, typer.Argument(help="file to be made")],
    password_file: Annotated[Path, typer.Option(help="file with the password to lock it with")],
) -> None:
    """Make a new key and print its address."""
    show(new_keystore(path, password_file))


def _store() -> "Store":

    return build(settings()).store
