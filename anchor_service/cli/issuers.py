"""`jangkar issuer` and `jangkar key`: the institutes of this service, and who may write for them."""

from typing import Annotated

import typer

from anchor_service.bootstrap import build_reader
from anchor_service.cli.context import (
    IssuerOption,
    UsageError,
    hex_hash,
    now,
    settings,
    show,
    the_issuer,
    the_services,
    this_user,
)
from anchor_service.core import profile
from anchor_service.core.hashing import IssuerId
from anchor_service.core.kinds import kinds_of
from anchor_service.core.scopes import SCOPES

commands = typer.Typer()
issuer = typer.Typer(no_args_is_help=True, help="The institutes whose certificates this service takes in.")
key = typer.Typer(no_args_is_help=True, help="API keys of the writing routes.")
commands.add_typer(issuer, name="issuer")
commands.add_typer(key, name="key")


@issuer.command()
def add(
    issuer_id: Annotated[str, typer.Option("--id", help="issuer id, as `jangkar registry issuer accredit` printed it")],
    code: Annotated[str, typer.Option(help="legal code, as accredited")],
    name: Annotated[str, typer.Option(help="legal name, as accredited")],
) -> None:
    """Add an accredited institute, or take over its newest window. Compares code and name with the chain."""
    from anchor_service.store import actors as actor_queries
    from anchor_service.store import issuers as queries
    from anchor_service.store.tables import Issuer

    identifier = hex_hash("id", issuer_id)
    window = build_reader(settings()).open_window(IssuerId(identifier))
    if window is None:
        raise UsageError(
            f"no window of {issuer_id} is open on chain: "
            "an accreditor opens one with `jangkar registry issuer accredit`"
        )
    text = profile.from_fields(code, name)
    if window.profile_digest != profile.digest(text):
        raise UsageError("code and name are not the accredited ones: write them exactly as they were accredited")
    scope = " ".join(kinds_of(window.scope))
    with the_services().store.writing() as connection:
        by = actor_queries.id_of(connection, this_user())
        row = Issuer(id=identifier, profile=text, scope=scope, created_at=now(), actor_id=by)
        if queries.find_issuer(connection, identifier):
            queries.update_issuer(connection, row)
            actor_queries.record_intervention(connection, this_user(), "update", "issuer", identifier.hex(), now())
        else:
            queries.add_issuer(connection, row)
    show(f"{issuer_id}: {name}, for {scope}")


@issuer.command("list")
def list_issuers() -> None:
    """List the institutes."""
    from anchor_service.store import issuers as queries

    with the_services().store.reading() as connection:
        for row in queries.all_issuers(connection):
            show(f"{row.id.hex()}  {row.profile}  {row.scope}")


@key.command()
def new(
    given: IssuerOption = None,
    scope: Annotated[list[str] | None, typer.Option(help=f"repeated: {', '.join(SCOPES)}; all when left out")] = None,
    days: Annotated[int, typer.Option(min=1, help="days until it expires")] = 365,
) -> None:
    """Make an API key and print it. It is shown this once."""
    from anchor_service.pipeline import access

    scopes = scope or SCOPES
    until = now() + days * 86_400
    token = access.new_api_key(
        the_services().store, the_issuer(given), scopes, actor=this_user(), expires_at=until, now=now()
    )
    show(token)


@key.command()
def revoke(key_id: Annotated[str, typer.Argument(help="the 16 digits after jgk_")]) -> None:
    """Revoke an API key at once."""
    from anchor_service.store import actors as actor_queries
    from anchor_service.store import issuers as queries

    with the_services().store.writing() as connection:
        if not queries.revoke_api_key(connection, key_id, now()):
            raise UsageError(f"no live API key {key_id}")
        actor_queries.record_intervention(connection, this_user(), "revoke", "key", key_id, now())
    show(f"{key_id} is revoked")


@key.command("list")
def list_keys() -> None:
    """List the API keys; their secrets are not kept."""
    from anchor_service.store import issuers as queries

    with the_services().store.reading() as connection:
        for row in queries.api_keys(connection):
            state = "revoked" if row.revoked_at else "expired" if (row.expires_at or now() + 1) <= now() else "live"
            show(f"{row.id}  {state}  {row.issuer_id.hex()[:8]}  {row.scopes}")
