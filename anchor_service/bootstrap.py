"""The one place where settings become parts.

Parts take longer to import than most commands take to run: each is imported by the function that makes it.
"""
# ruff: noqa: PLC0415

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchor_service.core.errors import SettingMissing

if TYPE_CHECKING:
    from anchor_service.chain.administration import Administration
    from anchor_service.chain.inspection import Inspection
    from anchor_service.core.approval import BatchApproval
    from anchor_service.core.bundle import Recorded
    from anchor_service.core.log_proof import Log
    from anchor_service.core.manifest import BatchHeader
    from anchor_service.pipeline.filing import Filing
    from anchor_service.pipeline.receipts import Receipts
    from anchor_service.ports import Registry, Signer
    from anchor_service.settings import Settings
    from anchor_service.store.engine import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service."""

    settings: "Settings"
    store: "Store"
    receipts: "Receipts"
    filing: "Filing"


def build(settings: "Settings") -> Services:
    """The parts that need no key and no node. Raises: SettingMissing."""
    from anchor_service.pipeline.filing import Filing
    from anchor_service.pipeline.receipts import Receipts
    from anchor_service.store.engine import Store

    address = registry_address(settings)
    store = Store(settings.database_url)
    return Services(
        settings=settings,
        store=store,
        receipts=Receipts(store, settings.chain_id, address),
        filing=Filing(settings.manifests, settings.entries, settings.chain_id, address),
    )


def build_registry(settings: "Settings") -> "Registry":
    """The registry with its signer. Raises: SettingMissing, KeystoreRejected."""
    from anchor_service.chain.signer import KeystoreSigner, RemoteSigner, load

    if settings.signer_url is not None and settings.signer_address is not None:
        return _web3_registry(settings, RemoteSigner(settings.signer_url, settings.signer_address))
    if settings.keystore is None:
        raise SettingMissing("keystore")
    return _web3_registry(settings, KeystoreSigner(load(settings.keystore, settings.password_file)))


def build_reader(settings: "Settings") -> "Registry":
    """The registry without a signer, for reading. Raises: SettingMissing."""
    return _web3_registry(settings, None)


def build_administration(settings: "Settings", keystore: Path, password_file: Path | None) -> "Administration":
    """One account's acts on this registry. Raises: SettingMissing, KeystoreRejected."""
    from anchor_service.chain.administration import Administration
    from anchor_service.chain.contract import connect
    from anchor_service.chain.signer import KeystoreSigner, load

    signer = KeystoreSigner(load(keystore, password_file))
    return Administration(connect(settings.rpc_url), signer, registry_address(settings))


def deploy(
    settings: "Settings", keystore: Path, password_file: Path | None, admin: str, admin_delay_seconds: int
) -> str:
    """Deploy a registry with this admin. Returns its address. Raises: as `chain.administration.deploy`, and
    KeystoreRejected.
    """
    from anchor_service.chain import administration
    from anchor_service.chain.contract import connect
    from anchor_service.chain.signer import KeystoreSigner, load

    signer = KeystoreSigner(load(keystore, password_file))
    return administration.deploy(connect(settings.rpc_url), signer, admin, admin_delay_seconds)


def build_inspection(settings: "Settings") -> "Inspection":
    """What anybody reads of this registry. Raises: SettingMissing."""
    from anchor_service.chain.contract import connect
    from anchor_service.chain.inspection import Inspection

    return Inspection(connect(settings.rpc_url), registry_address(settings))


def read_log(settings: "Settings") -> "Log":
    """This registry's log, rebuilt from events. Raises: SettingMissing, RegistryUnavailable, Damaged."""
    from anchor_service.chain import log
    from anchor_service.chain.contract import connect

    return log.read(connect(settings.rpc_url), registry_address(settings))


def read_recorded(settings: "Settings", predecessors: Sequence[str]) -> "Recorded":
    """The logs of the registries that this one succeeds, oldest first, and its own, up to the newest final block.

    Raises: SettingMissing, RegistryUnavailable, RegistryRefused, Damaged.
    """
    from anchor_service.chain import log
    from anchor_service.chain.contract import connect

    registries = [*predecessors, registry_address(settings)]
    return log.read_recorded(connect(settings.rpc_url), registries, settings.finality_depth)


def read_policy_pins(settings: "Settings", successors: Sequence[str]) -> list[dict[str, Any]]:
    """What a policy pins of this registry and of those that succeed it, read from the node.

    Raises: SettingMissing, RegistryUnavailable, RegistryRefused.
    """
    from anchor_service.chain.administration import policy_pins
    from anchor_service.chain.contract import connect

    client = connect(settings.rpc_url)
    return [policy_pins(client, registry) for registry in (registry_address(settings), *successors)]


def sign_approval(header: "BatchHeader", deadline: int, keystore: Path, password_file: Path | None) -> "BatchApproval":
    """An institute's signature of a batch. Raises: KeystoreRejected."""
    from anchor_service.chain import approvals, signer

    return approvals.approve(header, deadline, signer.load(keystore, password_file))


def new_keystore(keystore: Path, password_file: Path) -> str:
    """Make a new key in a new keystore file. Returns its address. Raises: KeystoreRejected."""
    from anchor_service.chain import signer

    return signer.create(keystore, password_file)


def registry_address(settings: "Settings") -> str:
    """The registry's address, lowercase. Raises: SettingMissing."""
    if settings.registry is None:
        raise SettingMissing("registry")
    return settings.registry.lower()


def _web3_registry(settings: "Settings", signer: "Signer | None") -> "Registry":
    from anchor_service.chain.contract import connect
    from anchor_service.chain.web3_registry import Web3Registry

    client = connect(settings.rpc_url)
    return Web3Registry(client, settings.chain_id, registry_address(settings), settings.finality_depth, signer)
