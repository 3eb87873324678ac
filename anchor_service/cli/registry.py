"""`jangkar registry`: what an admin and an accreditor do on chain, and what anybody reads there."""

import json
import secrets
from typing import Annotated

import typer

from anchor_service.bootstrap import build_administration, read_policy_pins, registry_address
from anchor_service.cli.context import KeystoreOption, PasswordOption, UsageError, hex_hash, settings, show
from anchor_service.core import profile
from anchor_service.core.kinds import KIND_NUMBERS, scope_of
from anchor_service.ports import CUSTODIES, FOREVER

app = typer.Typer(no_args_is_help=True, help="The registry contract: deploy it, accredit issuers, write a policy.")

POLICY_FORMAT = "jangkar-policy-v1"
ROLES = ("ACCREDITOR", "REGULATOR")
PURPOSES = {"anchor": 1, "status": 2, "both": 3}

IdOption = Annotated[str, typer.Option("--id", help="issuer id, 64 hexadecimal digits")]


@app.command()
def deploy(
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
    admin: Annotated[str | None, typer.Option(help="address of the admin; the deployer when left out")] = None,
    admin_delay: Annotated[int, typer.Option(help="seconds that a change of admin takes")] = 172_800,
) -> None:
    """Deploy a registry and print its address."""
    administration = build_administration(settings(), keystore, password_file)
    show(administration.deploy(admin or administration.account, admin_delay))


@app.command()
def grant(
    role: Annotated[str, typer.Argument(help=" or ".join(ROLES))],
    account: Annotated[str, typer.Argument(help="address of the account")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
) -> None:
    """Give an account a role. The admin does this."""
    if role not in ROLES:
        raise UsageError(f"role {role} is neither {' nor '.join(ROLES)}")
    build_administration(settings(), keystore, password_file).grant_role(registry_address(settings()), role, account)
    show(f"{account} is {role} now")


@app.command()
def accredit(
    keystore: KeystoreOption,
    code: Annotated[str, typer.Option(help="legal code of the institute, such as LAN-001")],
    name: Annotated[str, typer.Option(help="legal name of the institute")],
    kind: Annotated[list[str], typer.Option(help=f"kind of training, repeated: {', '.join(KIND_NUMBERS)}")],
    issuer_id: Annotated[
        str | None, typer.Option("--id", help="issuer id of an earlier window; a new one when left out")
    ] = None,
    until: Annotated[int, typer.Option(help="end in seconds since 1970; open when left out")] = FOREVER,
    password_file: PasswordOption = None,
) -> None:
    """Accredit an institute from now on and print its issuer id. An accreditor does this."""
    identifier = hex_hash("id", issuer_id) if issuer_id else secrets.token_bytes(32)
    digest = profile.digest(profile.from_fields(code, name))
    administration = build_administration(settings(), keystore, password_file)
    administration.open_window(registry_address(settings()), identifier, until, scope_of(kind), digest)
    show(identifier.hex())


@app.command("close-window")
def close_window(
    issuer_id: IdOption,
    window: Annotated[int, typer.Option(help="number of the window, from 0")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
) -> None:
    """End an institute's accreditation at once; what it anchored before stays good."""
    administration = build_administration(settings(), keystore, password_file)
    administration.close_window(registry_address(settings()), hex_hash("id", issuer_id), window)
    show(f"window {window} of {issuer_id} is closed")


@app.command("add-key")
def add_key(
    issuer_id: IdOption,
    key: Annotated[str, typer.Option(help="address of the key")],
    custody: Annotated[str, typer.Option(help="who holds it: institute or operator")],
    keystore: KeystoreOption,
    purpose: Annotated[str, typer.Option(help="anchor, status or both")] = "both",
    password_file: PasswordOption = None,
) -> None:
    """Give an institute a signing key. An accreditor does this."""
    if custody not in CUSTODIES[1:] or purpose not in PURPOSES:
        raise UsageError("custody is institute or operator; purpose is anchor, status or both")
    administration = build_administration(settings(), keystore, password_file)
    administration.add_key(registry_address(settings()), hex_hash("id", issuer_id), key, PURPOSES[purpose], custody)
    show(f"{key} acts for {issuer_id} now")


@app.command("retire-key")
def retire_key(
    issuer_id: IdOption,
    key: Annotated[str, typer.Option(help="address of the key")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
) -> None:
    """Retire a signing key for good; what it did before stays good."""
    administration = build_administration(settings(), keystore, password_file)
    administration.retire_key(registry_address(settings()), hex_hash("id", issuer_id), key)
    show(f"{key} acts no more for {issuer_id}")


@app.command()
def policy(
    operators: Annotated[int, typer.Option(min=1, help="how many independent operators run the chain")],
    node: Annotated[
        list[str] | None, typer.Option(help="node to be read, repeated; this service's when left out")
    ] = None,
    issuer: Annotated[
        list[str] | None, typer.Option(help="issuer id to trust, repeated; any accredited when left out")
    ] = None,
) -> None:
    """Print a verifier's policy for this registry. Whoever uses it should compare its pins with the published ones."""
    configured = settings()
    pins = read_policy_pins(configured)
    depth = configured.finality_depth
    written = {
        "format": POLICY_FORMAT,
        **pins,
        "finality": {"depth": depth} if depth else "instant",
        "operators": operators,
        "nodes": node or [configured.rpc_url],
        **({"issuers": [hex_hash("issuer", one).hex() for one in issuer]} if issuer else {}),
    }
    show(json.dumps(written, indent=1))
