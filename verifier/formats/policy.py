"""What the verifier itself trusts, read from docs/spec/policy.md. Never taken from a receipt."""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from verifier.errors import MalformedPolicy, MalformedText
from verifier.formats.strictjson import read

FORMAT = "jangkar-policy-v1"
MAX_BYTES = 64 * 1024
DEFAULT_MAX_HEAD_AGE = 15 * 60

_HASH = re.compile("0x[0-9a-f]{64}")
_ADDRESS = re.compile("0x[0-9a-f]{40}")
_DIGEST = re.compile("[0-9a-f]{64}")
_REQUIRED = {"format", "chain_id", "genesis", "registry", "code_hash", "finality", "operators", "nodes"}
_OPTIONAL = {"max_head_age", "issuers", "successors", "quorum", "pinned_block", "bundles", "max_bundle_age"}


class RegistryPin(NamedTuple):
    """A registry that is trusted: its address and the Keccak-256 of its code."""

    address: str
    code_hash: bytes


class Policy(NamedTuple):
    """Pins of one chain and of a registry with those that succeed it, oldest first.

    `depth` 0 means that a sealed block is final at once. `quorum` is how many of the nodes have to show the same
    block; `pinned_block`, where it is not empty, is the hash of the one block that is read. `bundles` are the
    SHA-256 of the bundles that are believed. Ages are in seconds.
    """

    chain_id: int
    genesis: bytes
    registries: tuple[RegistryPin, ...]
    depth: int
    operators: int
    nodes: tuple[str, ...]
    max_head_age: int
    issuers: frozenset[bytes]
    quorum: int
    pinned_block: bytes
    bundles: frozenset[bytes]
    max_bundle_age: int

    def place_of(self, registry: str) -> int:
        """Where a registry stands among the policy's; the first place where it is none of them."""
        return next((place for place, pin in enumerate(self.registries) if pin.address == registry), 0)


def load(path: Path) -> Policy:
    """Read a policy file. Raises: MalformedPolicy; OSError when it cannot be opened."""
    return parse(path.read_bytes())


def parse(data: bytes) -> Policy:
    """Read a policy's bytes. Raises: MalformedPolicy, named by the defect."""
    try:
        fields = read(data, what="policy", max_bytes=MAX_BYTES)
    except MalformedText as error:
        raise MalformedPolicy(str(error)) from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise MalformedPolicy(f"policy is not of format {FORMAT}")
    unknown, missing = set(fields) - _REQUIRED - _OPTIONAL, _REQUIRED - set(fields)
    if unknown:
        raise MalformedPolicy(f"policy has an unknown field {min(unknown)!r}")
    if missing:
        raise MalformedPolicy(f"policy lacks {min(missing)!r}")
    nodes = _nodes(fields["nodes"])
    max_head_age = _integer(fields, "max_head_age", 1) if "max_head_age" in fields else DEFAULT_MAX_HEAD_AGE
    return Policy(
        chain_id=_integer(fields, "chain_id", 1),
        genesis=bytes.fromhex(_match(fields, "genesis", _HASH)[2:]),
        registries=(_pin(fields), *_successors(fields.get("successors", []))),
        depth=_finality(fields["finality"]),
        operators=_integer(fields, "operators", 1),
        nodes=nodes,
        max_head_age=max_head_age,
        issuers=_digests(fields, "issuers"),
        quorum=_quorum(fields, len(nodes)),
        pinned_block=bytes.fromhex(_match(fields, "pinned_block", _HASH)[2:]) if "pinned_block" in fields else b"",
        bundles=_digests(fields, "bundles"),
        max_bundle_age=_integer(fields, "max_bundle_age", 1) if "max_bundle_age" in fields else max_head_age,
    )


def _integer(fields: dict[str, Any], name: str, least: int) -> int:
    value = fields[name]
    if type(value) is not int or value < least:
        raise MalformedPolicy(f"policy field {name!r} is not a whole number from {least}")
    return value


def _match(fields: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedPolicy(f"policy field {name!r} is not lowercase 0x hexadecimal of its length")
    return value


def _pin(fields: dict[str, Any]) -> RegistryPin:
    return RegistryPin(_match(fields, "registry", _ADDRESS), bytes.fromhex(_match(fields, "code_hash", _HASH)[2:]))


def _successors(value: Any) -> tuple[RegistryPin, ...]:
    names = {"registry", "code_hash"}
    if not isinstance(value, list) or not all(isinstance(one, dict) and set(one) == names for one in value):
        raise MalformedPolicy("policy field 'successors' is not a list of objects of 'registry' and 'code_hash'")
    return tuple(_pin(one) for one in value)


def _finality(value: Any) -> int:
    if value == "instant":
        return 0
    if isinstance(value, dict) and set(value) == {"depth"}:
        return _integer(value, "depth", 1)
    raise MalformedPolicy('policy field \'finality\' is neither "instant" nor {"depth": blocks}')


def _nodes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(url, str) and is_http(url) for url in value):
        raise MalformedPolicy("policy field 'nodes' is not a list of at least one http or https address")
    if len(set(value)) < len(value):
        raise MalformedPolicy("policy field 'nodes' names an address twice: that would agree with itself")
    return tuple(value)


def _quorum(fields: dict[str, Any], nodes: int) -> int:
    if "quorum" not in fields:
        return nodes
    quorum = _integer(fields, "quorum", 1)
    if quorum > nodes:
        raise MalformedPolicy(f"policy field 'quorum' asks for {quorum} of {nodes} nodes")
    return quorum


def is_http(url: str) -> bool:
    """Whether this is an http or https address with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _digests(fields: dict[str, Any], name: str) -> frozenset[bytes]:
    value = fields.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in value):
        raise MalformedPolicy(f"policy field {name!r} is not a list of texts of 64 hexadecimal digits")
    return frozenset(bytes.fromhex(one) for one in value)
