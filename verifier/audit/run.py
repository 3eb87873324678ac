"""The whole audit, from a chain and the files of its batches to one report. Source: docs/spec/audit.md."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from verifier.audit import nights, sample
from verifier.audit.batches import Batch, BatchJudgement, judge
from verifier.audit.files import LEAF_LINE_BYTES, MAX_ENTRIES_BYTES, MAX_LEAVES, MAX_LINE_BYTES, SLACK_BYTES, path_of
from verifier.audit.findings import Finding, history_forked, of_breach
from verifier.audit.progress import Progress
from verifier.audit.slots import ExpectedWord, expected_words
from verifier.chain.facts import Checkpoint, Status
from verifier.chain.nodes import Chain, at_final
from verifier.chain.onchain import InclusionCall
from verifier.errors import LogDiffers, Malformed, NodeUnavailable, SourceUnavailable
from verifier.formats.metadata import parse_profile
from verifier.history.events import StatusChanged, read_event
from verifier.history.log import checkpoint_of
from verifier.history.recorded import RecordedHistory, record
from verifier.history.state import DAY, History, Issuer
from verifier.places.location import Location
from verifier.proofs.merkle import inclusion_path
from verifier.verdict.days import date_of, day_of

FORMAT = "jangkar-audit-v1"
SLOTS_AT_ONCE = 64
NO_MANIFEST = {"batch-too-large", "manifest-missing", "manifest-unreadable", "manifest-malformed"}
BUCKETS = ((0, "same-day"), (7, "week"), (31, "month"), (365, "year"), (None, "longer"))


@dataclass(frozen=True)
class AuditQuestion:
    """What an audit reads, compares with and draws.

    `manifests` are of the policy's registries, in its order, and so are `entries`, which are empty where they are not
    opened. `previous` are the last audit's checkpoints by registry; `max_lag` is in days; `now` is the auditor's clock,
    in seconds since 1970.
    """

    manifests: Sequence[Location]
    entries: Sequence[Location]
    previous: dict[str, Checkpoint]
    seed: str
    sample: int
    max_lag: int
    now: int


@dataclass
class IssuerTally:
    """What an audit has gathered of one issuer, over all registries.

    `issuers` are what their logs say of it, by address, oldest first; `leaves` are with the batch that held each first.
    """

    issuers: dict[str, Issuer] = field(default_factory=dict)
    profile: str = ""
    leaves: dict[bytes, Batch] = field(default_factory=dict)
    all_read: bool = True
    opened: int = 0
    lags: Counter[int] = field(default_factory=Counter)
    # What its certificates say they supersede: leaf of the earlier one, batch and leaf of the newer.
    supersedes: list[tuple[bytes, Batch, bytes]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)


def audit(chain: Chain, question: AuditQuestion, progress: Progress) -> dict[str, Any]:
    """Judge everything up to the chain's newest final block. The same chain, files and question give the same report.

    Raises: NodeUnavailable when the log or the storage cannot be read; OSError.
    """
    findings: list[Finding] = []
    if question.now - chain.head.time > chain.policy.max_head_age:
        findings.append(Finding("head-stale", values={"time": chain.head.time}))
    # Younger blocks may go back: the next audit would call that a fork.
    chain = at_final(chain)
    try:
        recorded = record(chain, progress.blocks)
    except LogDiffers as error:
        findings.append(Finding("log-differs", values={"detail": str(error)}))
        recorded = RecordedHistory(chain.policy, chain.head, (), (), chain.grounds)
    checkpoints = [checkpoint_of(entry.data for entry in log) for log in recorded.logs]
    pins = chain.policy.registries[: len(recorded.logs)]
    issuers: dict[bytes, IssuerTally] = {}
    drawn: list[dict[str, Any]] = []
    words_compared = 0
    for registry_index, (pin, history) in enumerate(zip(pins, recorded.histories, strict=True)):
        findings += _of_previous(recorded, registry_index, question.previous.get(pin.address))
        findings += [of_breach(breach, pin.address) for breach in history.breaches]
        for issuer_id, issuer in history.issuers.items():
            issuers.setdefault(issuer_id, IssuerTally()).issuers[pin.address] = issuer
        expected = list(expected_words(history))
        words_compared += len(expected)
        findings += _of_storage(chain, registry_index, expected, progress)
        batches = list(_batches(chain, pin.address, history))
        whole: list[tuple[Batch, list[bytes]]] = []
        for number, batch in enumerate(batches):
            tally = issuers[batch.issuer_id]
            progress.step("batches", number + 1, len(batches))
            judgement = _judge_batch(batch, question, registry_index, progress)
            findings += judgement.findings
            findings += _add_to_issuer(tally, batch, judgement)
            if _is_whole(judgement):
                whole.append((batch, judgement.leaves))
        sizes = [len(leaves) for _, leaves in whole]
        chosen = sample.draw(question.seed, checkpoints[registry_index], sizes, question.sample)
        drawn += [_call(*whole[number], index, chain, findings) for number in chosen for index in chosen[number]]
        if history.successor is None:
            for issuer_id, issuer in history.issuers.items():
                findings += nights.missed(issuer_id, issuer, chain.head.time)
    findings += _roots_of_others(recorded.histories)
    for issuer_id, tally in issuers.items():
        findings += _statuses_of_no_leaf(issuer_id, tally)
        findings += _not_superseded(recorded, tally)
    return _report(chain, question, recorded, checkpoints, words_compared, issuers, drawn, findings)


def _of_previous(recorded: RecordedHistory, registry_index: int, previous: Checkpoint | None) -> Iterator[Finding]:
    """Whether the history begins with the one that the last audit saw."""
    if previous is not None and not recorded.begins_with(registry_index, previous):
        yield history_forked(previous, recorded.policy.registries[registry_index].address)


def _of_storage(
    chain: Chain, registry_index: int, expected: list[ExpectedWord], progress: Progress
) -> Iterator[Finding]:
    """Whether the registry's storage is what its log leads to, slot by slot."""
    wrong: dict[str, None] = {}
    for first in range(0, len(expected), SLOTS_AT_ONCE):
        some = expected[first : first + SLOTS_AT_ONCE]
        found = chain.words(registry_index, [one.slot for one in some])
        wrong |= {one.what: None for one, word in zip(some, found, strict=True) if one.word != word}
        progress.step("slots", min(first + SLOTS_AT_ONCE, len(expected)), len(expected))
    registry = chain.policy.registries[registry_index].address
    yield from (Finding("storage-differs", values={"what": what}, registry=registry) for what in wrong)


def _batches(chain: Chain, registry: str, history: History) -> Iterator[Batch]:
    for issuer_id, issuer in sorted(history.issuers.items()):
        for sequence, anchor in sorted(issuer.anchors.items()):
            window = issuer.windows[anchor.window] if anchor.window < len(issuer.windows) else None
            yield Batch(chain.policy.chain_id, registry, issuer_id, sequence, anchor, window)


def _judge_batch(batch: Batch, question: AuditQuestion, registry_index: int, progress: Progress) -> BatchJudgement:
    """Read and judge a batch's files, or take the judgement that an interrupted audit wrote down."""
    if batch.anchor.tree_size > MAX_LEAVES:
        return BatchJudgement([batch.finding("batch-too-large", size=batch.anchor.tree_size, most=MAX_LEAVES)])
    try:
        most = 2 * LEAF_LINE_BYTES * batch.anchor.tree_size + SLACK_BYTES
        manifest = question.manifests[registry_index].find(path_of(batch.issuer_id, batch.sequence, "manifest"), most)
        most = min(MAX_LINE_BYTES * (batch.anchor.tree_size + 1), MAX_ENTRIES_BYTES)
        opened = path_of(batch.issuer_id, batch.sequence, "entries")
        entries = question.entries[registry_index].find(opened, most) if question.entries else None
    except SourceUnavailable as error:
        return BatchJudgement([batch.finding("manifest-unreadable", detail=str(error))])
    if manifest is None:
        return BatchJudgement([batch.finding("manifest-missing")])
    return progress.judgement_of(batch, manifest, entries, lambda: judge(batch, manifest, entries, question.max_lag))


def _add_to_issuer(tally: IssuerTally, batch: Batch, judgement: BatchJudgement) -> Iterator[Finding]:
    """Add a batch to what is known of its issuer; a leaf that another batch held already is a finding."""
    names = {finding.name for finding in judgement.findings}
    is_whole = _is_whole(judgement)
    for leaf in judgement.leaves if is_whole else ():
        other = tally.leaves.setdefault(leaf, batch)
        if other is not batch:
            yield batch.finding("leaf-anchored-twice", leaf=leaf.hex(), other=other.sequence, registry=other.registry)
    tally.all_read &= is_whole
    tally.opened += judgement.opened
    tally.lags += judgement.lags
    tally.supersedes += [(old, batch, new) for new, old in judgement.supersedes.items()]
    tally.profile = judgement.profile or tally.profile
    tally.batches.append(
        {
            "registry": batch.registry,
            "sequence": batch.sequence,
            "time": batch.anchor.block_time,
            "day": date_of(day_of(batch.anchor.block_time)),
            "size": batch.anchor.tree_size,
            "manifest": not names & NO_MANIFEST,
            "root": is_whole,
            "opened": judgement.opened,
            "findings": len(names - {"entries-closed"}),
        }
    )


def _is_whole(judgement: BatchJudgement) -> bool:
    """Whether the leaves of a manifest are those that were anchored."""
    return bool(judgement.leaves) and not {"root-differs", "size-differs"} & {
        finding.name for finding in judgement.findings
    }


def _call(batch: Batch, leaves: list[bytes], index: int, chain: Chain, findings: list[Finding]) -> dict[str, Any]:
    """One leaf of the sample, asked of the registry itself, with the call that anybody can repeat.

    That it stands under the anchor is proved already: a node that denies it contradicts what its storage proves.
    """
    leaf, path = leaves[index], tuple(inclusion_path(leaves, index))
    call = InclusionCall(batch.registry, batch.issuer_id, batch.sequence, leaf, index, path)
    answer: bool | None = True
    for node in chain.nodes:
        try:
            if not call.ask(node, chain.head.number):
                answer = False
                findings.append(batch.finding("call-refuted", leaf=leaf.hex(), index=index, node=node.url))
        except NodeUnavailable as error:
            answer = answer and None  # what one denied stays denied
            findings.append(batch.finding("call-unanswered", detail=str(error)))
    said = {"to": batch.registry, "data": "0x" + call.data.hex(), "block": chain.head.number}
    where = {"issuer": batch.issuer_id.hex(), "sequence": batch.sequence, "index": index, "leaf": leaf.hex()}
    return {**where, "call": said, "cast": call.cast(chain.head.number, "URL"), "answer": answer}


def _roots_of_others(histories: Sequence[History]) -> Iterator[Finding]:
    """Roots that a second issuer anchored after the first: a leaf binds its issuer, so that they can prove nothing."""
    anchors = [
        (anchor.block_time, anchor.block_number, issuer_id, sequence, anchor.root_hash)
        for history in histories
        for issuer_id, issuer in history.issuers.items()
        for sequence, anchor in issuer.anchors.items()
    ]
    first: dict[bytes, bytes] = {}
    for _, _, issuer_id, sequence, root in sorted(anchors):
        owner = first.setdefault(root, issuer_id)
        if owner != issuer_id:
            yield Finding("root-of-another-issuer", issuer_id.hex(), sequence, values={"other": owner.hex()})


def _statuses_of_no_leaf(issuer_id: bytes, tally: IssuerTally) -> Iterator[Finding]:
    for registry, issuer in tally.issuers.items():
        for leaf in issuer.statuses:
            if tally.all_read and leaf not in tally.leaves:
                yield Finding("status-of-no-leaf", issuer_id.hex(), values={"leaf": leaf.hex()}, registry=registry)


def _not_superseded(recorded: RecordedHistory, tally: IssuerTally) -> Iterator[Finding]:
    """Certificates that say they supersede another which is in force all the same, a day after they were anchored."""
    for old, batch, new in tally.supersedes:
        # Of one in no manifest, wherever something was written for it.
        registry = tally.leaves[old].registry if old in tally.leaves else recorded.policy.registries[0].address
        status = recorded.status(registry, batch.issuer_id, old).status
        is_late = recorded.head.time - batch.anchor.block_time > DAY
        if status not in (Status.SUPERSEDED, Status.REVOKED) and is_late:
            yield batch.finding("not-superseded", leaf=old.hex(), successor=new.hex())


def _report(
    chain: Chain,
    question: AuditQuestion,
    recorded: RecordedHistory,
    checkpoints: list[Checkpoint],
    words_compared: int,
    issuers: dict[bytes, IssuerTally],
    drawn: list[dict[str, Any]],
    findings: list[Finding],
) -> dict[str, Any]:
    head, policy = chain.head, chain.policy
    return {
        "format": FORMAT,
        "chain_id": policy.chain_id,
        "genesis": "0x" + policy.genesis.hex(),
        "block": {"number": head.number, "hash": "0x" + head.hash.hex(), "time": head.time},
        "stands_on": chain.grounds.name,
        "nodes": len(chain.nodes),
        "logs": [
            {
                "registry": pin.address,
                "code_hash": "0x" + pin.code_hash.hex(),
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "previous": _previous(question.previous.get(pin.address)),
            }
            for pin, checkpoint in zip(policy.registries, checkpoints, strict=False)
        ],
        "counts": {
            "issuers": len(issuers),
            "anchors": sum(len(tally.batches) for tally in issuers.values()),
            "certificates": sum(batch["size"] for tally in issuers.values() for batch in tally.batches),
            "leaves_recomputed": sum(len(tally.leaves) for tally in issuers.values()),
            "entries_opened": sum(tally.opened for tally in issuers.values()),
            "entries": sum(checkpoint.size for checkpoint in checkpoints),
            "words": words_compared,
            "closed_nights": sum(len(_closed_nights(tally)) for tally in issuers.values()),
        },
        "max_lag_days": question.max_lag,
        "findings": [finding.as_json() for finding in findings],
        "issuers": [_issuer_json(issuer_id, tally) for issuer_id, tally in sorted(issuers.items())],
        "statuses": _statuses_over_time(recorded),
        "sample": {"seed": question.seed, "certificates": drawn},
    }


def _previous(checkpoint: Checkpoint | None) -> dict[str, Any] | None:
    return {"size": checkpoint.size, "root": checkpoint.root.hex()} if checkpoint else None


def _issuer_json(issuer_id: bytes, tally: IssuerTally) -> dict[str, Any]:
    return {
        "id": issuer_id.hex(),
        "name": _name(tally.profile),
        "windows": [
            {"registry": registry, "from": window.from_, "until": window.until}
            for registry, issuer in tally.issuers.items()
            for window in issuer.windows
        ],
        "keys": [
            {
                "registry": registry,
                "address": address,
                "from": key.from_,
                "until": key.until,
                "compromised_since": key.compromised_since,
                "purposes": key.purposes,
                "custody": key.custody.name.lower(),
            }
            for registry, issuer in tally.issuers.items()
            for address, key in issuer.keys.items()
        ],
        "batches": tally.batches,
        "closed_nights": [date_of(night) for night in _closed_nights(tally)],
        "dates": _dates(tally.lags),
    }


def _closed_nights(tally: IssuerTally) -> list[int]:
    return sorted({night for issuer in tally.issuers.values() for night in issuer.closed_nights})


def _name(profile: str) -> str:
    """The legal name of a profile; whether it is the registered one is a finding of its own."""
    try:
        return parse_profile(profile).name
    except Malformed:
        return ""


def _dates(lags: Counter[int]) -> dict[str, int]:
    """Certificates by how long after their printed date they were anchored; empty where no entries were opened."""
    found = dict.fromkeys(("earlier", *(name for _, name in BUCKETS)), 0) if lags else {}
    for days, count in lags.items():
        name = "earlier" if days < 0 else next(name for most, name in BUCKETS if most is None or days <= most)
        found[name] += count
    return found | ({"longest_days": max(lags)} if lags else {})


def _statuses_over_time(recorded: RecordedHistory) -> list[dict[str, Any]]:
    """How many leaves were suspended, superseded and revoked at the end of each day on which that changed."""
    standing: dict[tuple[bytes, bytes], Status] = {}
    counts: Counter[Status] = Counter()
    days: dict[str, dict[str, Any]] = {}
    for log in recorded.logs:
        for event in map(read_event, log):
            if isinstance(event.act, StatusChanged):
                leaf = (event.act.issuer, event.act.leaf_hash)
                counts[standing.get(leaf, Status.ACTIVE)] -= 1
                standing[leaf] = event.act.status
                counts[event.act.status] += 1
                day = date_of(day_of(event.time))
                days[day] = {
                    "day": day,
                    **{status.name.lower(): counts[status] for status in Status if status is not Status.ACTIVE},
                }
    return [days[day] for day in sorted(days)]
