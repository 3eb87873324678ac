"""Two institutes on anvil with their manifests and entries, and what only the holder of a chain can do to them."""

import base64
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import reference
from devnet import CHAIN_ID, Anvil
from registry_contract import ARTIFACT
from web3 import Web3

from anchor_service.chain.administration import policy_pins
from anchor_service.chain.contract import connect
from anchor_service.core import metadata, profile
from anchor_service.core.hashing import DocumentDigest, IssuerId, leaf_hash, leaf_input
from anchor_service.core.kinds import scope_of
from anchor_service.core.manifest import BatchEntry, BatchHeader, entries_lines, manifest_lines
from anchor_service.core.merkle import MerkleTree
from anchor_service.core.receipt import Hints, Receipt
from anchor_service.ports import FOREVER
from verifier.audit.slots import expected_words
from verifier.chain import storage
from verifier.chain.nodes import open_chain
from verifier.cli import main
from verifier.formats import policy
from verifier.history.recorded import record
from verifier.proofs import hashing
from verifier.proofs.merkle import Frontier

A, B = IssuerId(b"\xaa" * 32), IssuerId(b"\xbb" * 32)
NAMES = {A: "BPSDM Provinsi Uji", B: 'Balai "Lain" & <script>alert(1)</script>'}
DAY = 86_400
ZERO = bytes(32)
EVENTS = {one["name"]: one for one in ARTIFACT["abi"] if one["type"] == "event"}


class Nation:
    """An honest history: `batch`, `close` and `status` are the registry's own calls, at times that the test sets."""

    def __init__(self, anvil: Anvil, folder: Path) -> None:
        self.anvil = anvil
        self.folder = folder
        self.client = connect(anvil.url)
        self.address = anvil.deploy()
        self.contract = self.client.eth.contract(Web3.to_checksum_address(self.address), abi=ARTIFACT["abi"])
        self.profiles = {one: profile.from_fields(one.hex()[:4].upper(), name) for one, name in NAMES.items()}
        self.leaves: dict[tuple[bytes, int], list[bytes]] = {}
        self.certificates: dict[tuple[bytes, int], list[tuple]] = {}
        # Of each registry, oldest first: where its batches' files are.
        self.folders = [{"manifest": "manifests", "entries": "entries"}]
        self.write_policy()
        self.accredit()

    def accredit(self) -> None:
        """Both institutes, each with a key of its own."""
        for issuer in NAMES:
            digest = profile.digest(self.profiles[issuer])
            self.act("accreditor", "openWindow", issuer, 0, FOREVER, scope_of(["latsar"]), digest)
            self.act("accreditor", "addKey", issuer, self.key(issuer), 7, 1)

    def succeed(self, *, on_chain: bool = True) -> None:
        """Another registry carries on: its sequences begin anew, and its batches' files have folders of their own.

        Or it is only listed: the first one does not name it yet.
        """
        address = self.anvil.deploy()
        if on_chain:
            self.act("admin", "setSuccessor", Web3.to_checksum_address(address))
        self.address = address
        self.contract = self.client.eth.contract(Web3.to_checksum_address(address), abi=ARTIFACT["abi"])
        self.leaves, self.certificates = {}, {}
        self.folders = [
            *self.folders, {suffix: f"{folder}-of-the-successor" for suffix, folder in self.folders[-1].items()},
        ]  # fmt: skip
        for folder in self.folders[-1].values():
            (self.folder / folder).mkdir()
        pins = policy_pins(self.client, address)
        with_policy(self, successors=[{name: pins[name] for name in ("registry", "code_hash")}])
        self.accredit()

    @property
    def policy(self) -> Path:
        return self.folder / "policy.json"

    def write_policy(self) -> None:
        fields = {
            "format": policy.FORMAT,
            **policy_pins(self.client, self.address),
            "finality": "instant",
            "operators": 1,
            "nodes": [self.anvil.url],
            "max_head_age": 10 * DAY,
        }
        self.policy.write_text(json.dumps(fields))

    def key(self, issuer: bytes) -> str:
        return self.anvil.account(NAMES[IssuerId(issuer)]).address

    def act(self, who: str, name: str, *arguments: object) -> None:
        account = self.anvil.account(who)
        call = getattr(self.contract.functions, name)(*arguments).build_transaction(
            {
                "from": account.address,
                "nonce": self.client.eth.get_transaction_count(account.address),
                "gas": 3_000_000,
                "chainId": CHAIN_ID,
                "gasPrice": self.client.eth.gas_price * 2,
            }
        )
        sent = self.client.eth.send_raw_transaction(account.sign_transaction(call).raw_transaction)
        assert self.client.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)["status"] == 1, (
            name,
            arguments,
        )

    def batch(self, issuer: bytes, sequence: int, size: int = 8, **changes: str) -> None:
        """Anchor a batch of certificates of today's date and write its files."""
        issuer = IssuerId(issuer)
        facts = {"kind": "latsar", "issued_on": self.today()} | changes
        made = []
        for number in range(size):
            name = f"{issuer.hex()[:2]}-{sequence}-{number}"
            digest = DocumentDigest(reference.sha256(name.encode()))
            text = metadata.from_fields({"nonce": digest.hex()[:32], "number": name, **facts})
            made.append((leaf_hash(leaf_input(issuer, digest, text.digest)), digest, text.text, name))
        made.sort()
        leaves = [one for one, *_ in made]
        tree = MerkleTree(leaves)
        self.act(NAMES[issuer], "anchor", issuer, sequence, tree.root_hash, size)
        self.leaves[issuer, sequence] = leaves
        self.certificates[issuer, sequence] = made
        header = BatchHeader(CHAIN_ID, self.address, issuer, self.profiles[issuer], sequence, size, tree.root_hash)
        entries = [BatchEntry(index, digest, text) for index, (_, digest, text, _) in enumerate(made)]
        self.write(issuer, sequence, "manifest", manifest_lines(header, leaves))
        self.write(issuer, sequence, "entries", entries_lines(header, entries))

    def paper(self, issuer: bytes, sequence: int, index: int) -> Path:
        """A certificate's file with its receipt beside it."""
        _, digest, text, name = self.certificates[issuer, sequence][index]
        path = self.folder / f"{name}.pdf"
        path.write_bytes(name.encode())
        block = self.contract.functions.anchorOf(issuer, sequence).call()[3]
        receipt = Receipt(
            document_digest=digest,
            metadata=text,
            issuer_id=IssuerId(issuer),
            issuer_profile=self.profiles[IssuerId(issuer)],
            sequence=sequence,
            leaf_index=index,
            path=MerkleTree(self.leaves[issuer, sequence]).inclusion_path(index),
            hints=Hints(CHAIN_ID, self.address, ZERO, block),
        )
        path.with_name(f"{name}.pdf.jangkar.json").write_bytes(receipt.encode())
        return path

    def write(self, issuer: bytes, sequence: int, suffix: str, lines: object) -> None:
        path = self.path(issuer, sequence, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))

    def path(self, issuer: bytes, sequence: int, suffix: str) -> Path:
        return self.folder / self.folders[-1][suffix] / issuer.hex() / f"{sequence:08d}.{suffix}"

    def mirror(self, folder: Path, issuer: bytes, hashes: int = 8) -> None:
        """An institute's batches in this registry, as docs/spec/mirror.md has them, each of one tile of so many."""
        for sequence in [sequence for one, sequence in self.leaves if one == issuer]:
            leaves = self.leaves[issuer, sequence]
            place = folder / issuer.hex() / f"{sequence:08}"
            (place / "tile" / "0" / "000.p").mkdir(parents=True)
            (place / "tile" / "0" / "000.p" / str(len(leaves))).write_bytes(b"".join(leaves[:hashes]))
            root = base64.b64encode(MerkleTree(leaves).root_hash).decode()
            block = self.contract.functions.anchorOf(issuer, sequence).call()[3]
            (place / "checkpoint").write_text(
                f"jangkar/{CHAIN_ID}/{self.address.lower()}/{issuer.hex()}/{sequence:08}\n{len(leaves)}\n{root}\n"
                f"block {block}\ntransaction 0x{ZERO.hex()}\nprofile {self.profiles[IssuerId(issuer)]}\n"
            )

    def close(self, issuer: bytes) -> None:
        sequence = max((number for one, number in self.leaves if one == issuer), default=0)
        self.act(NAMES[IssuerId(issuer)], "closeNight", issuer, (self.now() + 7 * 3600) // DAY, sequence)

    def status(self, who: str, issuer: bytes, leaf_: bytes, status: int) -> None:
        self.act(who, "setStatus", issuer, [leaf_], status, 4, False)

    def now(self) -> int:
        return int(self.client.eth.get_block("latest")["timestamp"])

    def today(self) -> str:
        """The date in Western Indonesia Time."""
        return datetime.fromtimestamp(self.now() + 7 * 3600, UTC).date().isoformat()

    def sleep(self, seconds: int = DAY) -> None:
        self.anvil.call("evm_increaseTime", seconds)
        self.anvil.call("evm_mine")

    def command(self, out: Path, manifests: str | None = None) -> list[str]:
        """An audit of everything, or of manifests that are elsewhere."""
        given = ["audit", "--policy", str(self.policy), "--out", str(out)]
        for folders in self.folders:
            given += ["--manifests", manifests or str(self.folder / folders["manifest"])]
            given += ["--entries", str(self.folder / folders["entries"])]
        return given

    def audit(self, *options: str, out: str = "out", manifests: str | None = None) -> tuple[int, dict]:
        """The command itself. Returns its exit code and its report."""
        place = self.folder / out
        shutil.rmtree(place, ignore_errors=True)
        code = main([*self.command(place, manifests), *options])
        return code, json.loads((place / "report.json").read_text())


class Holder:
    """Whoever holds the chain: writes any entry into the log and any word into the storage, under genuine code."""

    def __init__(self, nation: Nation) -> None:
        self.nation = nation
        self.ask = nation.anvil.call
        self.trusted = policy.load(nation.policy)._replace(max_head_age=2**40)

    def write(self, name: str, *words: bytes | int | str, time: int | None = None) -> None:
        """Add one entry to the log, as an event and in the frontier."""
        address = self.nation.address
        event = EVENTS[name]
        signature = f"{name}({','.join(given['type'] for given in event['inputs'])})"
        size = self.word(storage.LOG_SIZE)
        time = time or self.nation.now() + 1
        entry = [Web3.keccak(text=signature), *words, time, size]
        data = b"".join(map(_word, entry))
        topics = 1 + sum(given["indexed"] for given in event["inputs"])
        code = self.ask("eth_getCode", address, "latest")
        self.ask("anvil_setCode", address, "0x" + _machine(topics).hex())
        sender = self.nation.anvil.account("thief")
        call = {
            "to": Web3.to_checksum_address(address), "data": data, "gas": 500_000, "chainId": CHAIN_ID, "value": 0,
            "nonce": self.nation.client.eth.get_transaction_count(sender.address),
            "gasPrice": self.nation.client.eth.gas_price * 2,
        }  # fmt: skip
        sent = self.nation.client.eth.send_raw_transaction(sender.sign_transaction(call).raw_transaction)
        assert self.nation.client.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)["status"] == 1
        self.ask("anvil_setCode", address, code)
        nodes = [self.word(storage.FRONTIER + level) for level in range(64) if size >> level & 1]
        frontier = Frontier(size, [_word(node) for node in nodes])
        frontier.append(hashing.leaf_hash(data))
        self.store(storage.LOG_SIZE, size + 1)
        for level, node in zip((one for one in range(64) if frontier.size >> one & 1), frontier.nodes, strict=True):
            self.store(storage.FRONTIER + level, int.from_bytes(node, "big"))
        self.ask("evm_mine")

    def settle(self) -> None:
        """Make the storage what the log now leads to, so that nothing but the rule itself tells."""
        history = record(open_chain(self.trusted)).histories[0]
        for _, slot, word in expected_words(history):
            self.store(slot, word)
        self.ask("evm_mine")

    def word(self, slot: int) -> int:
        return int(self.ask("eth_getStorageAt", self.nation.address, hex(slot), "latest"), 16)

    def store(self, slot: int, word: int) -> None:
        self.ask("anvil_setStorageAt", self.nation.address, f"0x{slot:064x}", f"0x{word:064x}")


def _word(value: bytes | int | str) -> bytes:
    if isinstance(value, str):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes(value)


def _machine(topics: int) -> bytes:
    """EVM code that emits its call data as an event with so many topics."""
    copy = bytes.fromhex("366000600037")  # CALLDATASIZE PUSH1 0 PUSH1 0 CALLDATACOPY
    pushed = b"".join(bytes([0x60, 32 * place, 0x51]) for place in reversed(range(topics)))  # PUSH1 MLOAD
    # PUSH1 offset, CALLDATASIZE, SUB: what is left behind the topics; then its offset.
    rest = bytes([0x60, 32 * topics, 0x36, 0x03, 0x60, 32 * topics, 0xA0 + topics, 0x00])
    return copy + pushed + rest


def honest(anvil: Anvil, folder: Path) -> Nation:
    """Five days of two institutes: nine batches, an empty night, a suspension, a revocation, a supersession."""
    nation = Nation(anvil, folder)
    anvil.account("thief")
    for day in range(1, 6):
        nation.batch(A, day)
        if day == 3:
            nation.close(B)
        else:
            nation.batch(B, day if day < 3 else day - 1, size=day)
        nation.sleep()
    nation.status(NAMES[A], A, nation.leaves[A, 1][0], 1)
    nation.status("regulator", A, nation.leaves[A, 1][1], 3)
    newer = nation.leaves[A, 2]
    path = MerkleTree(newer).inclusion_path(1)
    nation.act(NAMES[A], "supersede", A, nation.leaves[A, 1][2], 5, False, (newer[1], 2, 1, list(path)))
    return nation


def names(report: dict, *weights: str) -> set[str]:
    """The names of what was found, of these weights."""
    return {one["name"] for one in report["findings"] if one["weight"] in (weights or ("breach", "unknown"))}


def issuers(report: dict, name: str) -> Sequence[str]:
    return [one["issuer"] for one in report["findings"] if one["name"] == name]


def with_policy(nation: Nation, **changes: object) -> policy.Policy:
    nation.policy.write_text(json.dumps(json.loads(nation.policy.read_text()) | changes))
    return policy.load(nation.policy)
