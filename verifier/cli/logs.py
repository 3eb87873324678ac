"""Commands about a registry's whole log and its batches: log, bundle, approval."""

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from verifier.audit.files import MAX_MANIFEST_BYTES, read_manifest
from verifier.chain.facts import Checkpoint
from verifier.chain.nodes import at_final, open_chain
from verifier.cli.answers import DONE, Refuted, UsageError, pinned_at, progress, read_bounded, write_new
from verifier.errors import BeyondReach
from verifier.formats import approval
from verifier.formats.policy import Policy
from verifier.formats.strictjson import is_hash
from verifier.history import bundle, log_proof
from verifier.history.log import checkpoint_of, read_log
from verifier.history.recorded import record
from verifier.proofs.merkle import root_from_leaves


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add this group's commands to the parser."""
    log = commands.add_parser("log", parents=[shared], help="rebuild the registry's log from events and compare")
    log.add_argument("--entry", type=int, metavar="N", help="print the proof that entry N stands in the log")
    log.add_argument("--since", type=int, metavar="SIZE", help="print the proof that the log only grew since SIZE")
    log.add_argument("--proof", type=Path, metavar="FILE", help="check such a proof instead of rebuilding the log")
    log.add_argument(
        "--checkpoint", metavar="SIZE:ROOT", help="with --proof: compare with this, not with the chain's own"
    )
    log.set_defaults(run=_log)

    bundle_ = commands.add_parser("bundle", parents=[shared], help="write the whole history into one file, for offline")
    bundle_.add_argument("file", type=Path, metavar="FILE", help="the file to write")
    bundle_.add_argument("--block", metavar="HASH", help="read up to this block, as if the policy pinned it")
    bundle_.set_defaults(run=_bundle)

    approval_ = commands.add_parser("approval", parents=[shared], help="show what a wallet signs for a batch")
    approval_.add_argument("manifest", type=Path, metavar="MANIFEST", help="the batch's manifest")
    approval_.add_argument("--deadline", type=int, required=True, help="seconds since 1970 until when it holds")
    approval_.set_defaults(run=_approval)


def _log(options: argparse.Namespace, trusted: Policy) -> int:
    if sum(option is not None for option in (options.entry, options.since, options.proof)) > 1:
        raise UsageError("--entry, --since and --proof are different questions: ask one at a time")
    if options.proof is not None:
        return _check_log_proof(options, trusted)
    registry = trusted.registries[0].address
    chain = at_final(open_chain(trusted))
    entries = [entry.data for entry in read_log(chain, progress=progress)]
    if options.entry is not None:
        print(log_proof.prove_inclusion(trusted.chain_id, registry, entries, options.entry))
        return DONE
    if options.since is not None:
        print(log_proof.prove_consistency(trusted.chain_id, registry, entries, options.since))
        return DONE
    checkpoint, block, hash_ = checkpoint_of(entries), chain.head.number, "0x" + chain.head.hash.hex()
    if options.json:
        print(json.dumps({"size": checkpoint.size, "root": checkpoint.root.hex(), "block": block, "hash": hash_}))
    else:
        print(f"block {block}, {hash_}: log of {checkpoint.size} entries, root {checkpoint.root.hex()}")
        print("rebuilt from events: the same as the registry's storage holds")
    return DONE


def _check_log_proof(options: argparse.Namespace, trusted: Policy) -> int:
    """A proof against a checkpoint: the one that was given, else the chain's own."""
    proof = log_proof.parse(read_bounded(options.proof, log_proof.MAX_BYTES))
    registry_index = trusted.index_of(proof.registry)
    if proof.chain_id != trusted.chain_id or registry_index is None:
        raise Refuted(f"the proof is about registry {proof.registry} on chain {proof.chain_id}")
    known = checkpoint(options.checkpoint) if options.checkpoint else None
    if known is None:
        known = at_final(open_chain(trusted)).checkpoint(registry_index)
    if known.size != proof.checkpoint.size:
        raise BeyondReach(
            f"the proof is for a log of {proof.checkpoint.size} entries, the checkpoint for {known.size}; "
            "ask for a proof of that size"
        )
    if known.root != proof.checkpoint.root:
        raise Refuted("the proof leads to another root than the checkpoint's")
    if proof.old is None:
        print(f"entry {proof.index} stands in the log of {known.size} entries, root {known.root.hex()}")
    else:
        print(f"the log of {known.size} entries begins with the {proof.old.size} of root {proof.old.root.hex()}")
    return DONE


def checkpoint(given: str) -> Checkpoint:
    """A checkpoint from its text. Raises: UsageError."""
    size, _, root = given.partition(":")
    if not re.fullmatch("[0-9]{1,19}", size) or not is_hash(root):
        raise UsageError(f"checkpoint {given}: write it as SIZE:ROOT, the root in 64 lowercase hexadecimal digits")
    return Checkpoint(int(size), bytes.fromhex(root))


def _bundle(options: argparse.Namespace, trusted: Policy) -> int:
    """Everything that a check needs, up to one block, in one file."""
    recorded = record(at_final(open_chain(pinned_at(trusted, options.block))), progress)
    data = bundle.encode(recorded)
    write_new(options.file, data)
    digest, entries = hashlib.sha256(data).hexdigest(), sum(len(log) for log in recorded.logs)
    if options.json:
        print(json.dumps({"digest": digest, "block": recorded.head.number, "entries": entries}))
    else:
        print(f"{options.file}: {entries} entries up to block {recorded.head.number}, {len(data)} bytes")
        print(f"digest {digest}")
    return DONE


def _approval(options: argparse.Namespace, trusted: Policy) -> int:
    """What a wallet should show before it signs a batch: rebuilt from the manifest, by none of the service's code."""
    header, leaves = read_manifest(read_bounded(options.manifest, MAX_MANIFEST_BYTES))
    if not trusted.trusts(header.chain_id, header.registry):
        raise Refuted(f"the manifest is about registry {header.registry} on chain {header.chain_id}")
    if header.tree_size != len(leaves) or header.root_hash != root_from_leaves(leaves):
        raise Refuted("the manifest's leaves are not those of the root and size in its own first line")
    given = approval.Approval(
        chain_id=header.chain_id,
        registry=header.registry,
        issuer_id=header.issuer_id,
        sequence=header.sequence,
        root_hash=header.root_hash,
        tree_size=header.tree_size,
        deadline=options.deadline,
    )
    for name, value in (
        ("chain id", given.chain_id),
        ("registry", given.registry),
        ("issuer", given.issuer_id.hex()),
        ("sequence", given.sequence),
        ("root", given.root_hash.hex()),
        ("size", given.tree_size),
        ("deadline", given.deadline),
        ("digest", "0x" + approval.digest(given).hex()),
    ):
        print(f"{name:9} {value}")
    return DONE
