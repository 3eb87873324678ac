"""How far an audit has come: said to whoever watches, and written down so that an interrupted one goes on."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from verifier.audit.batches import Batch, BatchJudgement
from verifier.audit.files import read_manifest
from verifier.audit.findings import Finding
from verifier.errors import MalformedManifest

SECONDS_BETWEEN = 1.0
# What a line holds, and by which rules it was judged: another one is judged anew.
_FORM = b"2"


class Progress:
    """Judgements by what they were made of: another file, anchor or question is judged anew.

    Judgements of the auditor's own machine are believed; its file is as safe as its report.
    """

    def __init__(self, path: Path, question: str, say: TextIO | None) -> None:
        """`path` holds what an interrupted audit wrote; `question` is what else its judgements rest on."""
        self._path = path
        self._question = question
        self._say = say
        self._said_at = 0.0
        self._began: dict[str, float] = {}
        self._known = self._read()

    def step(self, what: str, done: int, of: int) -> None:
        """Say how far something has come, with its rate and what is left; at most once a second."""
        now = time.monotonic()
        began = self._began.setdefault(what, now)
        # What takes no time is not worth a line.
        if self._say is None or now - (began if done == of else max(began, self._said_at)) < SECONDS_BETWEEN:
            return
        self._said_at = now
        rate = done / max(now - began, 0.001)
        left = f", {(of - done) / rate:.0f} s left" if done < of else ""
        print(f"{what}: {done} of {of}, {rate:.0f} a second{left}", file=self._say, flush=True)

    def blocks(self, done: int, of: int) -> None:
        """How far the log has been read."""
        self.step("blocks", done, of)

    def judgement_of(
        self, batch: Batch, manifest: bytes, entries: bytes | None, judge: Callable[[], BatchJudgement]
    ) -> BatchJudgement:
        """The judgement of these bytes, from the file where it stands there, else made and written down."""
        key = self._key(batch, manifest, entries)
        if key in self._known:
            return _restored(self._known[key], manifest, batch.registry)
        judgement = judge()
        line = {
            "key": key,
            "findings": [
                [finding.name, finding.issuer, finding.sequence, finding.values] for finding in judgement.findings
            ],
            "opened": judgement.opened,
            "profile": judgement.profile,
            "lags": sorted(judgement.lags.items()),
            "supersedes": [[new.hex(), old.hex()] for new, old in judgement.supersedes.items()],
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return judgement

    def end(self) -> None:
        """The audit is done: the next one begins anew."""
        self._path.unlink(missing_ok=True)

    def _key(self, batch: Batch, manifest: bytes, entries: bytes | None) -> str:
        parts = (
            _FORM,
            repr(batch).encode(),
            self._question.encode(),
            manifest,
            b"-" if entries is None else b"+" + entries,
        )
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    def _read(self) -> dict[str, Any]:
        """What was written down; a line that a crash cut off is judged anew."""
        known = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            try:
                fields = json.loads(line)
                known[fields["key"]] = fields
            except (ValueError, KeyError, TypeError):
                continue
        return known


def _restored(fields: dict[str, Any], manifest: bytes, registry: str) -> BatchJudgement:
    try:
        leaves = read_manifest(manifest)[1]
    except MalformedManifest:
        leaves = []
    findings = [
        Finding(name, issuer, sequence, values=values, registry=registry)
        for name, issuer, sequence, values in fields["findings"]
    ]
    lags = Counter({int(days): count for days, count in fields["lags"]})
    supersedes = {bytes.fromhex(new): bytes.fromhex(old) for new, old in fields["supersedes"]}
    return BatchJudgement(findings, leaves, fields["opened"], lags, fields["profile"], supersedes)
