"""What the verifier itself trusts, read from docs/spec/policy.md. Never taken from a receipt."""

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from verifier.errors import MalformedPolicy, MalformedText
from verifier.formats.strictjson import Fields, read, require_names

FORMAT = "jangkar-policy-v1"
MAX_BYTES = 64 * 1024
DEFAULT_MAX_HEAD_AGE = 15 * 60

_THIS_MACHINE = "localhost"
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

    def trusts(self, chain_id: int, registry: str) -> bool:
        """Whether a registry on a chain is one of the policy's."""
        return chain_id == self.chain_id and registry in [pin.address for pin in self.registries]

    def index_of(self, registry: str) -> int | None:
        """The index of a registry among the policy's; nothing where it is none of them."""
        return next((index for index, pin in enumerate(self.registries) if pin.address == registry), None)


def load(path: Path) -> Policy:
    """Read a policy file. Raises: MalformedPolicy; OSError when it cannot be opened."""
    return parse(path.read_bytes())


def parse(data: bytes) -> Policy:
    """Read a policy's bytes. Raises: MalformedPolicy, named by the defect."""
    try:
        members = read(data, what="policy", max_bytes=MAX_BYTES)
        if not isinstance(members, dict) or members.get("format") != FORMAT:
            raise MalformedPolicy(f"policy is not of format {FORMAT}")
        require_names(members, _REQUIRED, _OPTIONAL, what="policy")
    except MalformedText as error:
        raise MalformedPolicy(str(error)) from None
    nodes = _nodes(members["nodes"])
    members = {"max_head_age": DEFAULT_MAX_HEAD_AGE, "issuers": [], "successors": [], "bundles": []} | members
    fields = Fields({"quorum": len(nodes)} | members, _defect)
    max_head_age = fields.integer("max_head_age", 1)
    return Policy(
        chain_id=fields.integer("chain_id", 1),
        genesis=fields.hash_0x("genesis"),
        registries=(_pin(members), *_successors(members["successors"])),
        depth=_finality(members["finality"]),
        operators=fields.integer("operators", 1),
        nodes=nodes,
        max_head_age=max_head_age,
        issuers=frozenset(fields.hashes("issuers")),
        quorum=_quorum(fields, len(nodes)),
        pinned_block=fields.hash_0x("pinned_block") if "pinned_block" in members else b"",
        bundles=frozenset(fields.hashes("bundles")),
        max_bundle_age=fields.integer("max_bundle_age", 1) if "max_bundle_age" in members else max_head_age,
    )


def _defect(name: str, expected: str) -> MalformedPolicy:
    return MalformedPolicy(f"policy field {name!r} is not {expected}")


def _pin(members: dict[str, Any]) -> RegistryPin:
    fields = Fields(members, _defect)
    return RegistryPin(fields.address("registry"), fields.hash_0x("code_hash"))


def _successors(value: Any) -> tuple[RegistryPin, ...]:
    names = {"registry", "code_hash"}
    if not isinstance(value, list) or not all(isinstance(pin, dict) and set(pin) == names for pin in value):
        raise MalformedPolicy("policy field 'successors' is not a list of objects of 'registry' and 'code_hash'")
    return tuple(map(_pin, value))


def _finality(value: Any) -> int:
    if value == "instant":
        return 0
    if isinstance(value, dict) and set(value) == {"depth"}:
        return Fields(value, _defect).integer("depth", 1)
    raise MalformedPolicy('policy field \'finality\' is neither "instant" nor {"depth": blocks}')


def _nodes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(url, str) and is_http(url) for url in value):
        raise MalformedPolicy("policy field 'nodes' is not a list of at least one http or https address")
    meant: dict[tuple[str, str, int, str, str], str] = {}
    for url in value:
        other = meant.setdefault(_meant(url), url)
        if other is not url:
            raise MalformedPolicy(
                f"policy field 'nodes' names an address twice, {other} and {url}: that would agree with itself"
            )
    return tuple(value)


def _meant(url: str) -> tuple[str, str, int, str, str]:
    """The server and the path that an address means, however it is spelled: without case, slash, user and default port.

    What is this machine itself is one server, by whichever of its names. Source: RFC 3986 6.2.
    """
    parts = urlsplit(url)
    host = _host(parts.hostname or "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, host, port, unquote(parts.path).rstrip("/"), parts.query


def _host(name: str) -> str:
    name = name.rstrip(".")
    try:
        # 127.1 and 2130706433 are addresses to whoever connects, too.
        address = ip_address(name) if ":" in name else ip_address(socket.inet_aton(name))
    except (ValueError, OSError):
        return _THIS_MACHINE if name == "localhost" or name.endswith(".localhost") else name
    address = getattr(address, "ipv4_mapped", None) or address
    return _THIS_MACHINE if address.is_loopback or address.is_unspecified else str(address)


def _quorum(fields: Fields, nodes: int) -> int:
    quorum = fields.integer("quorum", 1)
    if quorum > nodes:
        raise MalformedPolicy(f"policy field 'quorum' asks for {quorum} of {nodes} nodes")
    return quorum


def is_http(url: str) -> bool:
    """Whether this is an http or https address with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
