"""The registry contract as web3 sees it, and its refusals by their own names."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import abi_to_signature, collapse_if_tuple
from eth_utils.crypto import keccak
from requests.exceptions import RequestException
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware

from anchor_service.chain.provider import PunctualProvider
from anchor_service.core.errors import RegistryRefused, RegistryUnavailable

TIMEOUT_SECONDS = 10


@cache
def artifact() -> dict[str, Any]:
    """The committed artifact: compiler, settings, ABI and bytecode."""
    text = files("anchor_service.chain").joinpath("CertificateRegistry.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def connect(rpc_url: str) -> Web3:
    """A client that neither retries by itself nor trips over a permissioned chain's headers."""
    client = Web3(PunctualProvider(rpc_url, TIMEOUT_SECONDS))
    client.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return client


def code_hash(client: Web3, registry: str, block: int | Literal["latest"]) -> bytes:
    """Keccak-256 of a registry's code at a block. Raises: RegistryRefused where there is none."""
    code = client.eth.get_code(Web3.to_checksum_address(registry), block_identifier=block)
    if not code:
        raise RegistryRefused("no contract", f"at {registry}")
    return bytes(Web3.keccak(code))


@contextmanager
def translating_errors(what: str) -> Iterator[None]:
    """Turn every way in which a node fails into one of ours.

    Raises: RegistryRefused when the contract reverts, with its own error's name; RegistryUnavailable
    for anything else, which says nothing about what took effect.
    """
    try:
        yield
    except ContractCustomError as error:
        raise _refusal(str(error.data)) from error
    except ContractLogicError as error:
        raise RegistryRefused("revert", str(error)) from error
    except (Web3Exception, RequestException, OSError, ValueError) as error:
        raise RegistryUnavailable(f"{what}: {error}") from error


def _refusal(data: str) -> RegistryRefused:
    raw = bytes.fromhex(data.removeprefix("0x"))
    name, types = _custom_errors().get(raw[:4], ("unknown error", ()))
    try:
        values = decode(types, raw[4:])
    except DecodingError:
        values = (raw.hex(),)
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
