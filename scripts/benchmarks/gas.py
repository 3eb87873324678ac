"""Measure what the registry's calls cost in gas, beside OpenAttestation's document store in the same run.

    python3 scripts/benchmarks/gas.py           prints the table
    python3 scripts/benchmarks/gas.py --write   writes docs/gas.md

Both contracts stand on one fresh anvil with the newest rules that it knows. Gas is what a transaction's receipt says,
of a view what `eth_estimateGas` says. Needs node and npm, and Linux on x86-64.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import subprocess  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402

import _contracts  # noqa: E402
from eth_account import Account  # noqa: E402
from eth_utils.crypto import keccak  # noqa: E402
from web3 import HTTPProvider, Web3  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT))

from anchor_service.chain import approvals  # noqa: E402
from anchor_service.core.hashing import LeafHash, RootHash  # noqa: E402
from anchor_service.core.manifest import BatchHeader  # noqa: E402
from anchor_service.core.merkle import MerkleTree  # noqa: E402

TARGET = _bootstrap.ROOT / "docs" / "gas.md"
PEER = "@trustvc/document-store"
LONG_LOG = 1_023
LEVELS = 20
SIZES = (1, 1_000, 40_000, 1_000_000)
ISSUER = b"\xaa" * 32
FOREVER = 2**64 - 1
REVOKED, SUSPENDED = 3, 1


HEAD = """# Gas

Written by `python3 scripts/benchmarks/gas.py --write`: both contracts on one fresh anvil with its newest rules. On a
permissioned chain gas has no price; it bounds what fits into a block.

| what | registry | document store of OpenAttestation ({peer} {version}) | ratio |
| --- | ---: | ---: | ---: |"""
BATCHES = """
An anchor costs the same for any number of certificates, but for the bytes of that number in the call: each of these
was mined at the same block and undone again.

| certificates in the batch | registry | a certificate | document store | a certificate | ratio |
| ---: | ---: | ---: | ---: | ---: | ---: |"""
FOOT = """
What the difference buys: an entry of the log with every act (SHA-256 over the entry and the nodes above it), the
sequence, size, window and key beside the root, and writer, time and reason beside a mere "revoked". The document
store hashes sorted pairs without prefixes, by one opcode; ours calls the SHA-256 precompile, with positions bound.
"""


class Chain:
    """One anvil, and what each transaction on it cost."""

    def __init__(self, url: str) -> None:
        self.client = Web3(HTTPProvider(url))
        self.accounts = self.client.eth.accounts

    def deploy(self, abi: Any, bytecode: str, *arguments: Any) -> tuple[Any, int]:
        """A contract, and the gas that its deployment used."""
        factory = self.client.eth.contract(abi=abi, bytecode=bytecode)
        receipt = self._mined(factory.constructor(*arguments).transact({"from": self.accounts[9]}))
        return self.client.eth.contract(address=receipt["contractAddress"], abi=abi), receipt["gasUsed"]

    def gas(self, account: int, call: Any) -> int:
        """Gas that a transaction used."""
        return int(self._mined(call.transact({"from": self.accounts[account]}))["gasUsed"])

    def grant(self, functions: Any, *roles: str) -> None:
        """Give each of these roles to an account of its own, from the second on."""
        for place, role in enumerate(roles, start=1):
            self.gas(0, functions.grantRole(getattr(functions, f"{role}_ROLE")().call(), self.accounts[place]))

    def undone(self, account: int, call: Any) -> int:
        """Gas that a transaction used, on a chain that is as before afterwards."""
        mark = self.client.provider.make_request("evm_snapshot", [])["result"]
        used = self.gas(account, call)
        self.client.provider.make_request("evm_revert", [mark])
        return used

    def _mined(self, transaction: Any) -> Any:
        receipt = self.client.eth.wait_for_transaction_receipt(transaction)
        if receipt["status"] != 1:
            raise RuntimeError(f"transaction {transaction.hex()} reverted")
        return receipt


def measure(chain: Chain, batches: list[tuple[int, int, int]]) -> Iterator[tuple[str, int, int | None]]:
    """What is done, its gas in ours, and in the document store where that does it too.

    Fills `batches`: certificates in a batch, gas of its anchor in both.
    """
    artifact = json.loads((_contracts.CONTRACTS / "CertificateRegistry.json").read_text())
    registry, deployed = chain.deploy(artifact["abi"], artifact["bytecode"], 0, chain.accounts[0])
    program = f"const f=require('{PEER}').DocumentStore__factory;console.log(JSON.stringify([f.abi,f.bytecode]))"
    told = subprocess.run(["node", "-e", program], cwd=_contracts.CONTRACTS, capture_output=True, text=True, check=True)
    store, peer_deployed = chain.deploy(*json.loads(told.stdout), "store", chain.accounts[0])
    yield "deploy", deployed, peer_deployed

    f, theirs = registry.functions, store.functions
    chain.grant(f, "ACCREDITOR", "REGULATOR")
    yield "openWindow", chain.gas(1, f.openWindow(ISSUER, 0, FOREVER, 1, keccak(b"profile"))), None
    yield "addKey", chain.gas(1, f.addKey(ISSUER, chain.accounts[3], 7, 1)), None
    wallet = Account.create()
    chain.gas(1, f.addKey(ISSUER, wallet.address, 1, 1))

    leaves = sorted(keccak(number.to_bytes(4, "big")) for number in range(1 << LEVELS))
    tree = MerkleTree([LeafHash(leaf) for leaf in leaves])
    root = tree.root_hash
    size = f.checkpoint().call()[0]
    first = chain.gas(3, f.anchor(ISSUER, 1, root, len(leaves)))
    yield f"anchor, an issuer's first (log of {size})", first, chain.gas(0, theirs.issue(root))
    sequence = 1
    while f.checkpoint().call()[0] < LONG_LOG - 1:
        sequence += 1
        chain.gas(3, f.anchor(ISSUER, sequence, keccak(sequence.to_bytes(4, "big")), 1))
    for size in (LONG_LOG - 1, LONG_LOG):
        sequence += 1
        what = "no carry" if size == LONG_LOG - 1 else "ten carries, the dearest place so far"
        ours = chain.gas(3, f.anchor(ISSUER, sequence, keccak(sequence.to_bytes(4, "big")), 1))
        yield f"anchor (log of {size:,}, {what})", ours, chain.gas(0, theirs.issue(keccak(size.to_bytes(4, "big"))))
    batches += _of_sizes(chain, f, theirs, sequence + 1)
    header = BatchHeader(
        chain.client.eth.chain_id, registry.address.lower(), ISSUER, "", sequence + 1, 1, RootHash(root)
    )
    approval = approvals.approve(header, FOREVER, wallet)
    relayed = f.anchorApproved(ISSUER, sequence + 1, root, 1, FOREVER, wallet.address, approval.signature)
    yield "anchorApproved, relayed", chain.gas(4, relayed), None
    yield "closeNight", chain.gas(3, f.closeNight(ISSUER, 1, sequence + 1)), None

    hashes = [leaves[number] for number in range(104)]
    proof = _peer_proof(chain, theirs)
    revoked = theirs["revoke(bytes32,bytes32,bytes32[])"](*proof)
    included = theirs["isIssued(bytes32,bytes32,bytes32[])"](*proof).estimate_gas()
    one = chain.gas(3, f.setStatus(ISSUER, hashes[:1], REVOKED, 4, False))
    yield f"revoke one (theirs with its proof of {LEVELS} levels)", one, chain.gas(0, revoked)
    yield "suspend one", chain.gas(3, f.setStatus(ISSUER, hashes[1:2], SUSPENDED, 3, False)), None
    batch = chain.gas(3, f.setStatus(ISSUER, hashes[2:102], REVOKED, 4, False))
    yield "revoke a hundred in one call, each", batch // 100, None
    path = list(tree.inclusion_path(200))
    call = f.verifyInclusion(ISSUER, 1, leaves[200], 200, path)
    yield f"verifyInclusion, {LEVELS} levels", call.estimate_gas(), included
    newer = (leaves[200], 1, 200, path)
    yield f"supersede, {LEVELS} levels", chain.gas(3, f.supersede(ISSUER, hashes[102], 5, False, newer)), None
    yield "declareCompromise", chain.gas(1, f.declareCompromise(ISSUER, wallet.address, 1)), None
    yield "reattest one", chain.gas(3, f.reattest(ISSUER, [(sequence + 1, root)])), None


def _of_sizes(chain: Chain, f: Any, theirs: Any, sequence: int) -> list[tuple[int, int, int]]:
    """Gas of one anchor for batches of each size, and of the peer's issue."""
    root = keccak(b"unseen")
    issue = chain.undone(0, theirs.issue(root))
    return [(number, chain.undone(3, f.anchor(ISSUER, sequence, root, number)), issue) for number in SIZES]


def _peer_proof(chain: Chain, theirs: Any) -> tuple[bytes, bytes, list[bytes]]:
    """Root, document and path of a document that the peer holds, as many levels deep: Keccak-256 of sorted pairs."""
    path = [keccak(level.to_bytes(4, "big")) for level in range(LEVELS)]
    node = document = keccak(b"document")
    for sibling in path:
        node = keccak(b"".join(sorted((node, sibling))))
    chain.gas(0, theirs.issue(node))
    return node, document, path


def table(rows: list[tuple[str, int, int | None]], batches: list[tuple[int, int, int]], version: str) -> str:
    lines = [HEAD.format(peer=PEER, version=version)]
    for what, ours, theirs in rows:
        peer = ("", "") if theirs is None else (f"{theirs:,}", f"{ours / theirs:.1f}")
        lines.append(f"| {what} | {ours:,} | {peer[0]} | {peer[1]} |")
    lines.append(BATCHES)
    for number, ours, theirs in batches:
        each = f"{ours / number:,.3f} | {theirs:,} | {theirs / number:,.3f} | {ours / theirs:.1f}"
        lines.append(f"| {number:,} | {ours:,} | {each} |")
    return "\n".join([*lines, FOOT])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/gas.md")
    write = parser.parse_args().write
    _contracts.require_native()
    version = json.loads((_contracts.CONTRACTS / "package.json").read_text())["devDependencies"][PEER]
    with _contracts.anvil("--gas-limit", "1000000000") as url:
        batches: list[tuple[int, int, int]] = []
        rows = list(measure(Chain(url), batches))
    text = table(rows, batches, version)
    print(text)
    least, most = min(ours for _, ours, _ in batches), max(ours for _, ours, _ in batches)
    number, ours, peer = batches[-1]
    print(
        f"gas of an anchor from {SIZES[0]} to {number:,} certificates: {least:,} to {most:,}; "
        f"a certificate of {number:,}: {ours / number:.3f}, with issue {peer / number:.3f}"
    )
    if write:
        TARGET.write_text(text)
        print(f"written: {TARGET.relative_to(_bootstrap.ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
