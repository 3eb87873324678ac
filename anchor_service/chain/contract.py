"""The registry contract as web3 sees it, and its refusals by their own names."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import abi_to_signature, collapse_if_tuple
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError
from web3.middleware import ExtraDataToPOAMiddleware

from anchor_service.chain.provider import BoundedProvider, address_of
from anchor_service.core.errors import AnchorServiceError, RegistryRefused, RegistryUnavailable

# More of what a library says of an answer is the answer itself.
MAX_DETAIL = 300
# No engine that we know of has more, and a devnet that makes a block a call has fewer.
MOST_BLOCKS_A_SECOND = 10


@cache
def artifact() -> dict[str, Any]:
    """The committed artifact: compiler, settings, ABI and bytecode."""
    text = files("anchor_service.chain").joinpath("CertificateRegistry.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def connect(rpc_url: str) -> Web3:
    """A client that neither retries by itself nor trips over a permissioned chain's headers."""
    client = Web3(BoundedProvider(rpc_url))
    client.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return client


def require_chain(client: Web3, chain_id: int) -> None:
    """Raises: RegistryUnavailable where the node follows another chain, or does not say which."""
    with asking(client, "reading the chain id"):
        found = client.eth.chain_id
    if found != chain_id:
        raise RegistryUnavailable(f"{node_of(client)} follows chain {found}, and the settings name {chain_id}")


def newest(client: Web3) -> int:
    """The newest block's number. Raises: RegistryUnavailable for one that no clock allows: readers begin at block 0."""
    number = int(client.eth.block_number)
    if not 0 <= number <= MOST_BLOCKS_A_SECOND * time.time():
        raise RegistryUnavailable(f"{node_of(client)} shows block {number}, for which there was no time since 1970")
    return number


def code_hash(client: Web3, registry: str, block: int | Literal["latest"]) -> bytes:
    """Keccak-256 of a registry's code at a block. Raises: RegistryRefused where there is none."""
    code = client.eth.get_code(Web3.to_checksum_address(registry), block_identifier=block)
    if not code:
        raise RegistryRefused("no contract", f"at {registry}")
    return bytes(Web3.keccak(code))


@contextmanager
def asking(client: Web3, what: str, *, writes: bool = False) -> Iterator[None]:
    """Turn whatever comes of a node's answers into one of our errors; ours go through as they are.

    What a library raises while it reads what a stranger sent is one kind, whatever its class: the node is named by
    scheme and host, for its path may hold a secret, and the class is said.
    Raises: RegistryUnavailable, which says nothing about what took effect; where it `writes`, RegistryRefused with the
    contract's own error's name when the contract reverts. A reading is refused by nobody but a node.
    """
    try:
        yield
    except AnchorServiceError:
        raise
    except Exception as error:
        refused = _refusal(error) if writes else None
        if refused is not None:
            raise refused from error
        raise RegistryUnavailable(f"{what}: {describe(client, error)}") from error


def describe(client: Web3, error: Exception) -> str:
    """What went wrong with a node: its scheme and host, the error's class, and what it says without the address."""
    url, host = _url_of(client), node_of(client)
    said = str(error).replace(url, host)
    if path := urlsplit(url).path.strip("/"):
        said = said.replace(path, "...")
    return f"{host}: {type(error).__name__}: {said[:MAX_DETAIL]}"


def node_of(client: Web3) -> str:
    """The node that a client asks, as it may be named."""
    return address_of(_url_of(client))


def _url_of(client: Web3) -> str:
    return str(getattr(client.provider, "endpoint_uri", ""))


def _refusal(error: Exception) -> RegistryRefused | None:
    """The contract's refusal in what web3 raised; nothing where it is none, or none that can be read."""
    if not isinstance(error, ContractLogicError):
        return None
    if not isinstance(error, ContractCustomError):
        return RegistryRefused("revert", str(error)[:MAX_DETAIL])
    try:
        raw = bytes.fromhex(str(error.data).removeprefix("0x"))
    except ValueError:
        return None
    name, types = _custom_errors().get(raw[:4], ("unknown error", ()))
    try:
        values = decode(types, raw[4:])
    except (DecodingError, ValueError, OverflowError):
        values = (raw.hex()[:MAX_DETAIL],)
    return RegistryRefused(name, ", ".join(value.hex() if isinstance(value, bytes) else str(value) for value in values))


@cache
def _custom_errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    return {
        keccak(text=abi_to_signature(entry))[:4]: (
            entry["name"],
            tuple(collapse_if_tuple(parameter) for parameter in entry["inputs"]),
        )
        for entry in artifact()["abi"]
        if entry["type"] == "error"
    }
