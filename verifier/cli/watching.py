"""The watch as a command: look, tell, remember; what could not be told is told again."""

import argparse
import json
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from verifier.audit import watch
from verifier.audit.findings import Finding
from verifier.chain.nodes import open_chain
from verifier.chain.rpc import fetch
from verifier.cli.answers import COULD_NOT, DEFINITE_NO, DONE, UsageError
from verifier.cli.keeping import held, replace_file
from verifier.errors import NodeUnavailable, SourceUnavailable
from verifier.formats.policy import Policy, is_http
from verifier.history.log import LogEntry

EPILOG = "exit codes: 0 nothing to tell; 1 an alarm was told; 2 usage; 4 the chain could not be read"
WEBHOOK_SECONDS = 10
WEBHOOK_BYTES = 64 * 1024


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    watch_ = commands.add_parser(
        "watch", parents=[shared], help="follow the chain and tell of what should not be there", epilog=EPILOG
    )
    watch_.add_argument("--state", type=Path, required=True, metavar="FILE", help="what was told already")
    watch_.add_argument(
        "--key", action="append", default=[], metavar="ADDRESS", help="a key that may be added; repeated"
    )
    watch_.add_argument("--webhook", metavar="URL", help="an address that gets each alarm as JSON")
    watch_.add_argument("--once", action="store_true", help="look once and end")
    watch_.add_argument("--every", type=int, default=60, metavar="SECONDS", help="between looks (default: 60)")
    watch_.set_defaults(run=_watch)


def _watch(options: argparse.Namespace, trusted: Policy) -> int:
    if options.webhook and not is_http(options.webhook):
        raise UsageError(f"--webhook {options.webhook} is no http address")
    if options.every < 1:
        raise UsageError("--every counts seconds, from 1")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    watcher = _Watcher(options, trusted)
    codes = {watcher.look()}
    while not options.once and not stop.wait(options.every):
        codes.add(watcher.look())
    return next((code for code in (DEFINITE_NO, COULD_NOT) if code in codes), DONE)


def _state(path: Path) -> watch.WatchMemory:
    """What was told already. Raises: UsageError."""
    try:
        return watch.decode(path.read_text()) if path.exists() else watch.WatchMemory()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{path} is no state of a watch") from None


class _Watcher:
    """One watch: what it knows of the chain, and what it goes on telling. What was told stands in its file."""

    def __init__(self, options: argparse.Namespace, trusted: Policy) -> None:
        self._options = options
        self._trusted = trusted
        self._known: tuple[tuple[LogEntry, ...], ...] = ()
        self._standing: list[Finding] = []

    def look(self) -> int:
        """Look once and tell; an alarm that stands since the last look is not told again. Returns an exit code."""
        # Another watch may keep the same file: what one has told, and at which head, the other does not tell again.
        with held(self._options.state):
            return self._look(_state(self._options.state))

    def _look(self, state: watch.WatchMemory) -> int:
        expected = [key.lower() for key in self._options.key]
        try:
            seen = watch.look(open_chain(self._trusted), state, expected, int(time.time()), self._known)
        except NodeUnavailable as error:
            self._alarm([Finding("unreadable", values={"detail": str(error)})])
            return COULD_NOT
        self._known = seen.logs
        for finding in seen.news:
            self._say(finding, "news")
        if self._alarm(seen.alarms) and seen.state != state:
            replace_file(self._options.state, seen.state.encode().encode())
        return DEFINITE_NO if seen.alarms else DONE

    def _alarm(self, alarms: watch.Findings) -> bool:
        """Tell of each that does not stand yet. Returns whether all reached everybody."""
        reached = [alarm for alarm in alarms if alarm in self._standing or self._reaches(alarm)]
        self._standing = reached
        return len(reached) == len(alarms)

    def _reaches(self, finding: Finding) -> bool:
        fields = self._say(finding, "alarm")
        if self._options.webhook is None:
            return True
        body = json.dumps(fields, ensure_ascii=False).encode()
        try:
            fetch(self._options.webhook, body, WEBHOOK_SECONDS, WEBHOOK_BYTES)
        except SourceUnavailable as error:
            print(f"webhook: {error}; the alarm is told again", file=sys.stderr, flush=True)
            return False
        return True

    def _say(self, finding: Finding, kind: str) -> dict[str, Any]:
        """One line on standard output. Returns it as a program reads it."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        fields = {"time": now, "kind": kind, **finding.as_json(), "said": finding.in_(self._options.lang)}
        if self._options.json:
            print(json.dumps(fields, ensure_ascii=False), flush=True)
        else:
            issuer = f", issuer {finding.issuer}" if finding.issuer else ""
            print(f"{now} {kind}: {finding.name}{issuer}: {fields['said']}", flush=True)
        return fields
