"""What the commands share: settings, services, the terminal, and the issuer that is meant."""

import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anchor_service.bootstrap import Services, build, build_reader
from anchor_service.core import actor
from anchor_service.core.actor import Actor
from anchor_service.core.errors import Rejected, UnknownIssuer

if TYPE_CHECKING:
    from anchor_service.pipeline.folder import Listing
    from anchor_service.pipeline.table import Columns
    from anchor_service.settings import Settings
    from anchor_service.store import anchoring as anchoring_queries
    from anchor_service.store.tables import Issuer

_COLOURS = {"red": 31, "yellow": 33}
# What moves a terminal's cursor about; a stranger's file name may hold it.
_MOVES = dict.fromkeys((7, 8, 11, 12, 13))

IssuerOption = Annotated[
    str | None,
    typer.Option("--issuer", help="issuer id, or its first digits; may be left out where there is one issuer"),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="HEADER=FIELD", help="what a column of the table is, repeated"),
]
LeaveOutOption = Annotated[
    list[str] | None, typer.Option("--leave-out", metavar="HEADER", help="a column that is not taken in, repeated")
]
KeystoreOption = Annotated[Path, typer.Option("--keystore", help="keystore file of the account that acts")]
PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="file with its password; asked for on the terminal when left out")
]


class UsageError(Rejected):
    """The command was called with something that it cannot work with."""

    code = "usage"


def now() -> int:
    """This machine's clock, in seconds since 1970."""
    return int(time.time())


@cache
def this_user() -> Actor:
    """Who runs this command: the account that the system runs it as, whatever the environment says."""
    user = os.getuid()
    try:
        return actor.of_user(pwd.getpwuid(user).pw_name)
    except KeyError:
        return actor.of_user(str(user))


@cache
def worker_name() -> str:
    """This process's name among the workers of one database."""
    import secrets
    import socket

    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


@cache
def settings() -> "Settings":
    """The settings of this process. Raises: UsageError."""
    from pydantic import ValidationError

    from anchor_service.settings import Settings

    try:
        return Settings()  # type: ignore[call-arg]  # every field has a default or comes from outside
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise UsageError(f"the settings cannot be used: {'; '.join(problems)}") from None
    except ValueError as error:
        raise UsageError(f"jangkar.toml cannot be read: {error}") from None


@cache
def the_services() -> Services:
    """The services, with tables that are the newest, of this registry. Raises: UsageError; OtherRegistry."""
    from anchor_service.pipeline import home

    services = build(settings())
    if not services.store.is_there():
        raise UsageError(
            f"there is no database at {services.settings.database_url}: `jangkar db upgrade` makes an empty one; where "
            "there was one, bring its backup back (docs/runbook.md)"
        )
    if not services.store.is_current():
        raise UsageError("the database's tables are not the newest: run `jangkar db upgrade`")
    home.require(services.store, services.filing.chain_id, services.filing.registry)
    return services


def the_issuer(given: str | None) -> "Issuer":
    """The issuer that is meant. Raises: UnknownIssuer, UsageError."""
    from anchor_service.store import issuers as queries

    with the_services().store.reading() as connection:
        found = [issuer for issuer in queries.all_issuers(connection) if issuer.id.hex().startswith(given or "")]
    if not found:
        raise UnknownIssuer(given or "at all")
    if len(found) > 1:
        raise UsageError(
            "more than one issuer is meant; name one with --issuer: " + ", ".join(issuer.id.hex() for issuer in found)
        )
    return found[0]


def hex_hash(name: str, given: str) -> bytes:
    """32 bytes from 64 hexadecimal digits. Raises: UsageError."""
    try:
        value = bytes.fromhex(given.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32:
        raise UsageError(f"{name} {given} has to be 64 hexadecimal digits")
    return value


def digest_of(given: str) -> bytes:
    """The digest that is meant: 64 hexadecimal digits, or a file to be hashed. Raises: UsageError, DocumentRejected."""
    return hex_hash("digest", name_of(given))


def name_of(given: str) -> str:
    """What names a certificate, as `naming.find` takes it: a file by its SHA-256. Raises: DocumentRejected."""
    from anchor_service.pipeline.folder import document_digest

    path = Path(given)
    return document_digest(path).hex() if path.is_file() else given


def listing_of(
    folder: Path, table: Path | None, kind: str | None, issued_on: str | None, columns: "Columns"
) -> "Listing":
    """What a folder of PDFs holds by its CSV, or by what stands for one. Raises: UsageError, as `list_table`."""
    from anchor_service.pipeline.folder import list_folder, list_table

    defaults = defaults_of(kind, issued_on)
    if table is not None:
        return list_table(folder, table, settings().zone, defaults, columns)
    if len(defaults) < 2:
        raise UsageError("without --table, --kind and --issued-on say what the certificates are")
    return list_folder(folder, defaults)


def columns_of(named: list[str] | None, left_out: list[str] | None) -> "Columns":
    """What the options say of a table's columns. Raises: UsageError."""
    from anchor_service.pipeline.table import HEADERS, Columns, header_of

    fields = {}
    for given in named or []:
        header, separator, field = given.rpartition("=")
        if not separator or field not in HEADERS:
            raise UsageError(f"--column {given}: write it as HEADER=FIELD, the field one of {', '.join(HEADERS)}")
        fields[header_of(header)] = field
    return Columns(fields, frozenset(map(header_of, left_out or [])))


def defaults_of(kind: str | None, issued_on: str | None) -> dict[str, str]:
    """What fills the columns that a table has not."""
    return {name: value for name, value in (("kind", kind), ("issued_on", issued_on)) if value}


@contextmanager
def progress(doing: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on the terminal, with how many, how fast and how long still; nothing where there is no terminal.

    It is given what is being done, how much of it is done, and how much there is.
    """
    if not sys.stderr.isatty():
        yield lambda _doing, _done, _total: None
        return
    from anchor_service.cli import terminal

    with terminal.bar(doing) as step:
        yield step


@contextmanager
def working(doing: str) -> Iterator[Callable[[str], None]]:
    """A sign on the terminal that work goes on, told what is being done; nothing where there is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _doing: None
        return
    from anchor_service.cli import terminal

    with terminal.spinner(doing) as say:
        yield say


def remark(text: str, colour: Literal["red", "yellow"] | None = None) -> None:
    """Print what is no result: on standard error, in colour where that is a terminal."""
    plain = text.translate(_MOVES)
    is_coloured = colour and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(f"\x1b[{_COLOURS[colour]}m{plain}\x1b[0m" if colour and is_coloured else plain, file=sys.stderr, flush=True)


def show(value: Any) -> None:
    """Print a result."""
    typer.echo(value)


def requeue(kind: "type[anchoring_queries.SubjectT]", number: int, name: str) -> None:
    """Let something that is quarantined try again, and say so. Raises: UsageError, IllegalTransition."""
    from anchor_service.pipeline import deciding

    services, registry = the_services(), build_reader(settings())
    found = the_subject(kind, number, name)
    deciding.requeue(services.store, registry, services.filing, found, actor=this_user(), now=now())
    show(f"{name} {number} will be tried again by the next run")


def the_subject(kind: "type[anchoring_queries.SubjectT]", number: int, name: str) -> "anchoring_queries.SubjectT":
    """A batch or a change of status by its number. Raises: UsageError."""
    from anchor_service.store import anchoring as anchoring_queries

    with the_services().store.reading() as connection:
        found = anchoring_queries.find(connection, kind, number)
    if found is None:
        raise UsageError(f"there is no {name} {number}")
    return found
