"""Settings go in, the parts of a service come out: they are made here and nowhere else.

Parts take longer to import than most commands take to run: each is imported by the function that makes it.
"""
# ruff: noqa: PLC0415

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchor_service.core.errors import ApprovalRejected, SettingMissing

if TYPE_CHECKING:
    from web3 import Web3

    from anchor_service.chain.administration import Administration
    from anchor_service.chain.inspection import Inspection
    from anchor_service.core.approval import BatchApproval
    from anchor_service.core.bundle import RecordedHistory
    from anchor_service.core.log_proof import Log
    from anchor_service.core.manifest import BatchHeader
    from anchor_service.pipeline.filing import Filing
    from anchor_service.pipeline.receipts import Receipts
    from anchor_service.ports import RegistryReader, RegistryWriter, Signer
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


def build_reader(settings: "Settings") -> "RegistryReader":
    """The registry, for reading: without a key. Raises: SettingMissing."""
    from anchor_service.chain.web3_registry import Web3Reader

    return Web3Reader(_client(settings), settings.chain_id, registry_address(settings), settings.finality_depth)


def build_writer(settings: "Settings") -> "RegistryWriter":
    """The registry with its signer. Raises: SettingMissing, KeystoreRejected."""
    from anchor_service.chain.web3_registry import Web3Writer

    signer, address = _signer(settings), registry_address(settings)
    return Web3Writer(_client(settings), settings.chain_id, address, settings.finality_depth, signer)


def build_administration(settings: "Settings", keystore: Path, password_file: Path | None) -> "Administration":
    """One account's acts on this registry. Raises: SettingMissing, KeystoreRejected, RegistryUnavailable."""
    from anchor_service.chain.administration import Administration
    from anchor_service.chain.signer import KeystoreSigner, load

    signer = KeystoreSigner(load(keystore, password_file))
    return Administration(_own_chain(settings), signer, registry_address(settings), settings.chain_id)


def deploy(
    settings: "Settings", keystore: Path, password_file: Path | None, admin: str, admin_delay_seconds: int
) -> str:
    """Deploy a registry with this admin. Returns its address.

    Raises: as `chain.administration.deploy`, and KeystoreRejected.
    """
    from anchor_service.chain import administration
    from anchor_service.chain.signer import KeystoreSigner, load

    signer = KeystoreSigner(load(keystore, password_file))
    return administration.deploy(_own_chain(settings), signer, admin, admin_delay_seconds, settings.chain_id)


def build_inspection(settings: "Settings") -> "Inspection":
    """What anybody reads of this registry. Raises: SettingMissing, RegistryUnavailable."""
    from anchor_service.chain.inspection import Inspection

    return Inspection(_own_chain(settings), registry_address(settings))


def read_log(settings: "Settings") -> "Log":
    """This registry's log, rebuilt from events. Raises: SettingMissing, RegistryUnavailable, Damaged."""
    from anchor_service.chain import log

    return log.read(_own_chain(settings), registry_address(settings))


def read_recorded(settings: "Settings", predecessors: Sequence[str]) -> "RecordedHistory":
    """The logs of the registries that this one succeeds, oldest first, and its own, up to the newest final block.

    Raises: SettingMissing, RegistryUnavailable, RegistryRefused, Damaged.
    """
    from anchor_service.chain import log

    registries = [*predecessors, registry_address(settings)]
    return log.read_recorded(_own_chain(settings), registries, settings.finality_depth)


def read_policy_pins(settings: "Settings", successors: Sequence[str]) -> list[dict[str, Any]]:
    """What a policy pins of this registry and of those that succeed it, read from the node.

    Raises: SettingMissing, RegistryUnavailable, RegistryRefused.
    """
    from anchor_service.chain.administration import policy_pins

    client = _own_chain(settings)
    return [policy_pins(client, registry) for registry in (registry_address(settings), *successors)]


def sign_approval(header: "BatchHeader", deadline: int, keystore: Path, password_file: Path | None) -> "BatchApproval":
    """An institute's signature of a batch. Raises: KeystoreRejected."""
    from anchor_service.chain import approvals, signer

    return approvals.approve(header, deadline, signer.load(keystore, password_file))


def approval_as_signed(settings: "Settings", given: "BatchApproval") -> "BatchApproval":
    """An approval as the registry reads it. Raises: ApprovalRejected where its approver did not sign it.

    Whether a contract did, the registry asks it. Raises besides: SettingMissing, RegistryUnavailable.
    """
    from anchor_service.chain import approvals

    found = approvals.normalised(given)
    if found is None and not build_inspection(settings).is_contract(given.approver):
        raise ApprovalRejected(f"its signature is not of {given.approver}, or not of this batch: sign it again")
    return found or given


def new_keystore(keystore: Path, password_file: Path) -> str:
    """Make a new key in a new keystore file. Returns its address. Raises: KeystoreRejected."""
    from anchor_service.chain import signer

    return signer.create(keystore, password_file)


def registry_address(settings: "Settings") -> str:
    """The registry's address, lowercase. Raises: SettingMissing."""
    if settings.registry is None:
        raise SettingMissing("registry")
    return settings.registry.lower()


@cache
def _client(settings: "Settings") -> "Web3":
    """The node's client: one, for everything that asks it."""
    from anchor_service.chain.contract import connect

    return connect(settings.rpc_url)


def _own_chain(settings: "Settings") -> "Web3":
    """The same, of a node that follows the chain that the settings name. Raises: RegistryUnavailable."""
    from anchor_service.chain.contract import require_chain

    client = _client(settings)
    require_chain(client, settings.chain_id)
    return client


def _signer(settings: "Settings") -> "Signer":
    from anchor_service.chain.signer import KeystoreSigner, RemoteSigner, load

    if settings.signer_url is not None and settings.signer_address is not None:
        return RemoteSigner(settings.signer_url, settings.signer_address)
    if settings.keystore is None:
        raise SettingMissing("keystore")
    return KeystoreSigner(load(settings.keystore, settings.password_file))
