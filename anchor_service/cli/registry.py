"""`jangkar registry`: what an admin, an accreditor and a regulator do on chain, and what anybody reads there."""

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchor_service import bootstrap
from anchor_service.bootstrap import build_inspection, read_log, read_policy_pins
from anchor_service.cli.context import KeystoreOption, PasswordOption, UsageError, hex_hash, settings, show
from anchor_service.core import profile
from anchor_service.core.errors import FieldRejected
from anchor_service.core.kinds import KIND_NUMBERS, scope_of
from anchor_service.core.states import MAX_REASON, RequestedStatus, Status
from anchor_service.ports import CUSTODIES, FOREVER

if TYPE_CHECKING:
    from anchor_service.chain.administration import Administration
    from anchor_service.core.hashing import LeafHash

commands = typer.Typer()
app = typer.Typer(no_args_is_help=True, help="The registry contract: govern it, accredit issuers, read it.")
admin = typer.Typer(no_args_is_help=True, help="The admin: changed in two steps, with a delay between them.")
role = typer.Typer(no_args_is_help=True, help="Roles, each on an account of its own. The admin does this.")
issuer = typer.Typer(no_args_is_help=True, help="Issuers and their windows. An accreditor does this.")
key = typer.Typer(no_args_is_help=True, help="Issuers' signing keys. An accreditor does this.")
status = typer.Typer(no_args_is_help=True, help="Statuses by leaf hash. A regulator, or a status key, does this.")
for name, group in (("admin", admin), ("role", role), ("issuer", issuer), ("key", key), ("status", status)):
    app.add_typer(group, name=name)
commands.add_typer(app, name="registry")

POLICY_FORMAT = "jangkar-policy-v1"
# What a policy pins of a registry that carries on: chain and genesis are the first one's.
SUCCESSOR_PINS = ("registry", "code_hash")
ROLES = ("ACCREDITOR", "REGULATOR", "PAUSER")
PURPOSES = {"anchor": 1, "status": 2, "close": 4}

IdOption = Annotated[str, typer.Option("--id", help="issuer id, 64 hexadecimal digits")]
KeyOption = Annotated[str, typer.Option("--key", help="address of the key")]
AccountArgument = Annotated[str, typer.Argument(help="address of the account")]
RoleArgument = Annotated[str, typer.Argument(help=", ".join(ROLES))]


@app.command()
def deploy(
    keystore: KeystoreOption,
    admin: Annotated[str, typer.Option(help="address of the admin: best a multisig, and not the deployer")],
    password_file: PasswordOption = None,
    admin_delay: Annotated[int, typer.Option(help="seconds that a change of admin takes")] = 172_800,
) -> None:
    """Deploy a registry and print its address. The deployer gets nothing by deploying."""
    show(bootstrap.deploy(settings(), keystore, password_file, admin, admin_delay))


@app.command()
def info() -> None:
    """Print who governs the registry, whether it is paused or succeeded, and its log's checkpoint."""
    _show(build_inspection(settings()).registry())


@app.command()
def log(
    entry: Annotated[int | None, typer.Option(min=0, help="print the proof that this entry stands in the log")] = None,
    since: Annotated[int | None, typer.Option(min=1, help="print the proof that it only grew since this size")] = None,
) -> None:
    """Rebuild the registry's log from events alone and print its checkpoint, or a proof that anybody can check."""
    found = read_log(settings())
    if entry is not None and since is not None:
        raise UsageError("--entry and --since are two proofs: ask for one at a time")
    if entry is not None:
        show(found.inclusion_proof(entry))
    elif since is not None:
        show(found.consistency_proof(since))
    else:
        show(f"{len(found.entries)} entries, root {found.root_hash.hex()}, rebuilt from events: the same")


@app.command()
def pause(keystore: KeystoreOption, password_file: PasswordOption = None) -> None:
    """Stop new anchors and accreditations for seven days. A pauser does this."""
    acting(keystore, password_file).pause()
    show("paused; statuses, compromises and closings go on")


@app.command()
def unpause(keystore: KeystoreOption, password_file: PasswordOption = None) -> None:
    """End a pause early. The admin does this."""
    acting(keystore, password_file).unpause()
    show("the pause is over")


@app.command()
def succeed(
    successor: Annotated[str, typer.Argument(help="address of the registry that carries on")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="it cannot be undone, and this says that you know")] = False,
) -> None:
    """Name the registry that carries on, for good: anchors and statuses stop in this one. The admin does this."""
    if not yes:
        raise UsageError("this cannot be undone: anchors and statuses stop here for good; say --yes")
    acting(keystore, password_file).set_successor(successor)
    show(f"{successor} carries on; verifiers need a policy that lists it (`jangkar registry policy --successor`)")


@app.command()
def reattest(
    issuer_id: IdOption,
    sequence: Annotated[list[int], typer.Option(help="sequence number of an anchor, repeated")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
) -> None:
    """Put a sound key's weight behind anchors of a key that was declared compromised.

    Look at each batch first: this says that it was the institute's own. An anchor key does this.
    """
    identifier = hex_hash("id", issuer_id)
    inspection = build_inspection(settings())
    anchors = [(number, bytes.fromhex(inspection.anchor(identifier, number)["root"])) for number in sequence]
    administration = acting(keystore, password_file)
    administration.reattest(identifier, anchors)
    for number, root in anchors:
        show(f"sequence {number}, root {root.hex()}: re-attested by {administration.account}")


@app.command()
def anchor(
    issuer_id: IdOption, sequence: Annotated[int, typer.Option(min=1, help="sequence number of the anchor")]
) -> None:
    """Print an anchor, and whether it carries weight."""
    _show(build_inspection(settings()).anchor(hex_hash("id", issuer_id), sequence))


@app.command()
def policy(
    operators: Annotated[int, typer.Option(min=1, help="how many independent operators run the chain")],
    node: Annotated[
        list[str] | None, typer.Option(help="node to be read, repeated; this service's when left out")
    ] = None,
    quorum: Annotated[
        int | None,
        typer.Option(min=1, help="how many of the nodes have to show the same block; more than half if left out"),
    ] = None,
    trust: Annotated[
        list[str] | None, typer.Option("--issuer", help="issuer id to trust, repeated; any accredited when left out")
    ] = None,
    successor: Annotated[
        list[str] | None, typer.Option(help="registry that carries on after this one, repeated, oldest first")
    ] = None,
) -> None:
    """Print a verifier's policy for this registry. Whoever uses it should compare its pins with the published ones."""
    configured = settings()
    pins, *later = read_policy_pins(configured, successor or [])
    depth = configured.finality_depth
    nodes = node or [configured.rpc_url]
    enough = quorum or len(nodes) // 2 + 1
    if enough > len(nodes):
        raise FieldRejected("quorum", f"asks for {enough} of {len(nodes)} nodes")
    written = {
        "format": POLICY_FORMAT,
        **pins,
        "finality": {"depth": depth} if depth else "instant",
        "operators": operators,
        "nodes": nodes,
        **({"quorum": enough} if len(nodes) > 1 else {}),
        **({"issuers": [hex_hash("issuer", trusted).hex() for trusted in trust]} if trust else {}),
        **({"successors": [{name: pinned[name] for name in SUCCESSOR_PINS} for pinned in later]} if later else {}),
    }
    _show(written)


@admin.command("begin")
def begin_transfer(account: AccountArgument, keystore: KeystoreOption, password_file: PasswordOption = None) -> None:
    """First step: name the new admin, who accepts after the delay. The admin does this."""
    administration = acting(keystore, password_file)
    administration.begin_admin_transfer(account)
    show(f"{account} may accept after the delay; `jangkar registry info` shows from when")


@admin.command("cancel")
def cancel_transfer(keystore: KeystoreOption, password_file: PasswordOption = None) -> None:
    """Take the first step back. The admin does this."""
    acting(keystore, password_file).cancel_admin_transfer()
    show("the change of admin is off")


@admin.command("accept")
def accept_transfer(keystore: KeystoreOption, password_file: PasswordOption = None) -> None:
    """Second step: become the admin. The new admin does this."""
    administration = acting(keystore, password_file)
    administration.accept_admin()
    show(f"{administration.account} is the admin now")


@role.command()
def grant(
    name: RoleArgument, account: AccountArgument, keystore: KeystoreOption, password_file: PasswordOption = None
) -> None:
    """Give an account a role. It may hold no other, and be no issuer's key."""
    administration = acting(keystore, password_file)
    administration.grant_role(_role(name), account)
    show(f"{account} is {name} now")


@role.command("revoke")
def revoke_role(
    name: RoleArgument, account: AccountArgument, keystore: KeystoreOption, password_file: PasswordOption = None
) -> None:
    """Take a role from an account."""
    administration = acting(keystore, password_file)
    administration.revoke_role(_role(name), account)
    show(f"{account} is no {name} any more")


@issuer.command()
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
    """Open a window for an institute from now on and print its issuer id."""
    identifier = hex_hash("id", issuer_id) if issuer_id else secrets.token_bytes(32)
    digest = profile.digest(profile.from_fields(code, name))
    administration = acting(keystore, password_file)
    administration.open_window(identifier, until, scope_of(kind), digest)
    show(identifier.hex())


@issuer.command()
def close(
    issuer_id: IdOption,
    window: Annotated[int, typer.Option(help="number of the window, from 0")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
) -> None:
    """End an institute's window at once; what it anchored before stays good."""
    administration = acting(keystore, password_file)
    administration.close_window(hex_hash("id", issuer_id), window)
    show(f"window {window} of {issuer_id} is closed")


@issuer.command("show")
def show_issuer(issuer_id: IdOption) -> None:
    """Print an issuer's windows and how far it came."""
    _show(build_inspection(settings()).issuer(hex_hash("id", issuer_id)))


@key.command()
def add(
    issuer_id: IdOption,
    address: KeyOption,
    custody: Annotated[str, typer.Option(help="who holds it: institute or operator")],
    keystore: KeystoreOption,
    purpose: Annotated[
        list[str] | None, typer.Option(help="repeated: anchor, status, close (nights); anchor and status if left out")
    ] = None,
    password_file: PasswordOption = None,
) -> None:
    """Give an institute a signing key. Two keys may overlap while one replaces the other."""
    purposes = purpose or ["anchor", "status"]
    if custody not in CUSTODIES[1:] or not set(purposes) <= set(PURPOSES):
        raise UsageError(f"custody is institute or operator; purpose is {', '.join(PURPOSES)}")
    number = sum(PURPOSES[name] for name in set(purposes))
    administration = acting(keystore, password_file)
    administration.add_key(hex_hash("id", issuer_id), address, number, custody)
    show(f"{address} acts for {issuer_id} now")


@key.command()
def retire(
    issuer_id: IdOption, address: KeyOption, keystore: KeystoreOption, password_file: PasswordOption = None
) -> None:
    """Retire a signing key for good; what it did before stays good."""
    administration = acting(keystore, password_file)
    administration.retire_key(hex_hash("id", issuer_id), address)
    show(f"{address} acts no more for {issuer_id}")


@key.command()
def compromise(
    issuer_id: IdOption,
    address: KeyOption,
    keystore: KeystoreOption,
    since: Annotated[int, typer.Option(min=0, help="seconds since 1970 of its first wrong use; 0 is now")] = 0,
    password_file: PasswordOption = None,
) -> None:
    """Declare that a key was in wrong hands. What it did since then, anchors and statuses alike, weighs nothing.

    It may be declared earlier afterwards, never later. docs/runbook.md says what to do before and after.
    """
    administration = acting(keystore, password_file)
    administration.declare_compromise(hex_hash("id", issuer_id), address, since)
    show(f"{address} is declared compromised since {since or 'now'}; it acts no more")


@key.command("show")
def show_key(issuer_id: IdOption, address: KeyOption) -> None:
    """Print a key of an issuer."""
    _show(build_inspection(settings()).key(hex_hash("id", issuer_id), address))


@status.command("set")
def set_status(
    wanted: Annotated[Status, typer.Argument(metavar="STATUS", help="active, suspended or revoked")],
    issuer_id: IdOption,
    keystore: KeystoreOption,
    leaf: Annotated[list[str] | None, typer.Option(help="leaf hash, repeated")] = None,
    leaves: Annotated[Path | None, typer.Option(help="file of leaf hashes, one a line")] = None,
    reason: Annotated[int, typer.Option(min=0, max=MAX_REASON, help="reason code, see docs/spec/registry.md")] = 0,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="it was never right, not only from now on")
    ] = False,
    at_once: Annotated[int, typer.Option(min=1, help="leaves in one transaction; fewer where a block is small")] = 100,
    password_file: PasswordOption = None,
) -> None:
    """Write one status for any number of an issuer's leaves. An institute's own go by `jangkar status set`.

    What stands may be affirmed by another writer: it then outlives a compromise of the first one's key.
    """
    if wanted is Status.SUPERSEDED:
        raise UsageError(
            "superseding needs the proof of its successor: `jangkar registry status supersede` takes it from receipts"
        )
    given = [*(leaf or []), *(leaves.read_text(encoding="utf-8").split() if leaves else [])]
    if not given:
        raise UsageError("name leaves by --leaf or --leaves")
    hashes = [hex_hash("leaf", text) for text in given]
    administration, asked = acting(keystore, password_file), RequestedStatus(wanted, reason, from_beginning)
    for start in range(0, len(hashes), at_once):
        part = hashes[start : start + at_once]
        administration.set_statuses(hex_hash("id", issuer_id), part, asked)
        show(f"{start + len(part)} of {len(hashes)} leaves are {wanted}")


@status.command("supersede")
def supersede(
    old: Annotated[Path, typer.Argument(help="the earlier certificate's receipt")],
    new: Annotated[Path, typer.Argument(help="the newer certificate's receipt")],
    keystore: KeystoreOption,
    reason: Annotated[int, typer.Option(min=0, max=MAX_REASON, help="reason code, see docs/spec/registry.md")] = 5,
    password_file: PasswordOption = None,
) -> None:
    """Write that a certificate supersedes another, with the institute's own status key.

    Where the host's key may not write statuses, its nightly run waits until this is done.
    """
    from anchor_service.core.hashing import IssuerId
    from anchor_service.ports import LeafReference, StatusChange

    issuer_id, earlier, _ = _placed_leaf(old)
    newer_issuer, newer, (sequence, index, path) = _placed_leaf(new)
    if issuer_id != newer_issuer:
        raise UsageError(f"{old} and {new} are receipts of two issuers")
    reference = LeafReference(newer, sequence, index, path)
    change = StatusChange(
        IssuerId(issuer_id), (earlier,), Status.SUPERSEDED, reason, from_beginning=False, successor=reference
    )
    acting(keystore, password_file).supersede(change)
    show(f"{earlier.hex()} is superseded by {newer.hex()}")


@status.command("show")
def show_status(issuer_id: IdOption, leaf: Annotated[str, typer.Option(help="leaf hash")]) -> None:
    """Print what stands for a leaf, and every record that it keeps."""
    _show(build_inspection(settings()).status(hex_hash("id", issuer_id), hex_hash("leaf", leaf)))


def acting(keystore: Path, password_file: Path | None) -> "Administration":
    """The acts of a keystore's account on the registry of the settings. Raises: SettingMissing, KeystoreRejected."""
    return bootstrap.build_administration(settings(), keystore, password_file)


def _placed_leaf(receipt: Path) -> "tuple[bytes, LeafHash, tuple[int, int, list[bytes]]]":
    """Issuer, leaf hash and place of a receipt: sequence number, index, path. Raises: UsageError."""
    from anchor_service.core.hashing import certificate_leaf

    try:
        fields = json.loads(receipt.read_bytes())
        issuer_id = bytes.fromhex(fields["issuer_id"])
        leaf = certificate_leaf(issuer_id, bytes.fromhex(fields["document_digest"]), fields["metadata"])
        path = [bytes.fromhex(node) for node in fields["path"]]
        return issuer_id, leaf, (int(fields["sequence"]), int(fields["leaf_index"]), path)
    except OSError as error:
        raise UsageError(f"{receipt} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{receipt} is no receipt") from None


def _role(name: str) -> str:
    if name not in ROLES:
        raise UsageError(f"role {name} is none of {', '.join(ROLES)}")
    return name


def _show(value: object) -> None:
    show(json.dumps(value, indent=1))
