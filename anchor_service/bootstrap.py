"""The one place where settings become parts."""

from dataclasses import dataclass

from anchor_service.chain import signer
from anchor_service.chain.contract import connect
from anchor_service.chain.web3_registry import Web3Registry
from anchor_service.core.errors import Rejected
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.receipts import Receipts
from anchor_service.settings import Settings
from anchor_service.store.engine import Store


class SettingMissing(Rejected):
    """A command needs a setting that is not there."""

    code = "setting-missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not set: put it into jangkar.toml, or set JANGKAR_{name.upper()}")


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service."""

    settings: Settings
    store: Store
    receipts: Receipts
    filing: Filing


def build(settings: Settings) -> Services:
    """The parts that need no key and no node. Raises: SettingMissing."""
    address = registry_address(settings)
    store = Store(settings.database_url)
    return Services(
        settings=settings,
        store=store,
        receipts=Receipts(store, settings.chain_id, address),
        filing=Filing(settings.manifests, settings.entries, settings.chain_id, address),
    )


def build_registry(settings: Settings) -> Web3Registry:
    """The registry with its signer. Raises: SettingMissing, KeystoreRejected."""
    if settings.keystore is None:
        raise SettingMissing("keystore")
    account = signer.load(settings.keystore, settings.password_file)
    client = connect(settings.rpc_url)
    return Web3Registry(client, settings.chain_id, registry_address(settings), settings.finality_depth, account)


def registry_address(settings: Settings) -> str:
    """The registry's address, lowercase. Raises: SettingMissing."""
    if settings.registry is None:
        raise SettingMissing("registry")
    return settings.registry.lower()
