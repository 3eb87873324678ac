"""The audit as a command: `audit`, from its options to the files of its report."""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from verifier.audit import page
from verifier.audit.findings import in_words
from verifier.audit.progress import Progress
from verifier.audit.run import AuditQuestion, audit
from verifier.chain.facts import Checkpoint
from verifier.chain.nodes import open_chain
from verifier.cli.answers import UsageError, usage_errors
from verifier.formats.policy import Policy, is_http
from verifier.places.location import Location

MAX_LAG_DAYS = 366
MOST_LINES = 40
EPILOG = "exit codes: 0 no breach; 1 a rule was broken; 2 usage; 4 some of it could not be checked"


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add this group's commands to the parser."""
    audit_ = commands.add_parser(
        "audit", parents=[shared], help="judge a registry's whole history and all its batches", epilog=EPILOG
    )
    audit_.add_argument(
        "--manifests",
        action="append",
        required=True,
        metavar="PLACE",
        help="folder or address of the manifests; repeated for each registry of the policy, in its order",
    )
    audit_.add_argument(
        "--entries",
        action="append",
        default=[],
        metavar="PLACE",
        help="folder or address of the entries, where institutes open them; repeated as --manifests",
    )
    audit_.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where report.json and .html go")
    audit_.add_argument("--previous", type=Path, metavar="JSON", help="the last audit's report.json, to extend it")
    audit_.add_argument("--seed", default="", help="your own words, from which the sample is drawn")
    audit_.add_argument("--sample", type=int, default=20, metavar="N", help="how many leaves to draw (default: 20)")
    audit_.add_argument(
        "--max-lag",
        type=int,
        default=MAX_LAG_DAYS,
        metavar="DAYS",
        help=f"a printed date that lies further back is a breach (default: {MAX_LAG_DAYS})",
    )
    audit_.set_defaults(run=_audit)


def _audit(options: argparse.Namespace, trusted: Policy) -> int:
    try:
        with usage_errors("used"):
            previous = _checkpoints(options.previous) if options.previous else {}
            options.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{options.previous} is no report of an audit") from None
    of = len(trusted.registries)
    for option, locations in (("--manifests", options.manifests), ("--entries", options.entries)):
        # Sequence numbers begin anew in each registry: whose batch a file is, its name does not say.
        if locations and len(locations) != of:
            listed = ", ".join(pin.address for pin in trusted.registries)
            raise UsageError(f"the policy lists {of} registries, {listed}: give {option} once for each, in this order")
        for location in locations:
            # A mistyped folder is no fraud.
            if not is_http(location) and not Path(location).is_dir():
                raise UsageError(f"{option} {location} is neither a folder nor an http address")
    known = {pin.address for pin in trusted.registries}
    if previous and not known & set(previous):
        raise UsageError(f"{options.previous} is about another registry than the policy's")
    asked = AuditQuestion(
        manifests=[Location(place) for place in options.manifests],
        entries=[Location(place) for place in options.entries],
        previous=previous,
        seed=options.seed,
        sample=options.sample,
        max_lag=options.max_lag,
        now=int(time.time()),
    )
    progress = Progress(options.out / "progress.jsonl", f"{options.max_lag}", sys.stderr)
    report = audit(open_chain(trusted), asked, progress)
    data = json.dumps(report, ensure_ascii=False, indent=1).encode() + b"\n"
    digest = hashlib.sha256(data).hexdigest()
    with usage_errors("written"):
        (options.out / "report.json").write_bytes(data)
        (options.out / "report.html").write_text(page.render(report, digest, options.lang), encoding="utf-8")
    progress.end()
    result = page.outcome(report)
    if options.json:
        print(json.dumps({"outcome": result, "digest": digest, "findings": report["findings"]}, ensure_ascii=False))
    else:
        _say(report, result, digest, options)
    return page.EXIT_OF[result]


def _say(report: dict[str, Any], result: str, digest: str, options: argparse.Namespace) -> None:
    counts = report["counts"]
    print(f"{result}: {page.WORDS[result].in_(options.lang)}")
    print(
        f"block {report['block']['number']}: issuers {counts['issuers']}, batches {counts['anchors']}, "
        f"certificates {counts['certificates']}, entries opened {counts['entries_opened']}, log {counts['entries']}"
    )
    told = [finding for finding in report["findings"] if finding["weight"] != "remark"]
    for finding in told[:MOST_LINES]:
        named = ("registry", "issuer", "sequence", "entry")[len(report["logs"]) < 2 :]
        known = [name for name in named if finding[name] not in ("", None)]
        subject = "".join(f", {name} {finding[name]}" for name in known)
        print(f"{finding['weight']}: {finding['name']}{subject}: {in_words(finding, options.lang)}")
    if len(told) > MOST_LINES:
        print(page.WORDS["more"].in_(options.lang, {"count": len(told) - MOST_LINES}))
    print(f"{options.out / 'report.json'}, digest {digest}")


def _checkpoints(path: Path) -> dict[str, Checkpoint]:
    """The logs that an earlier report saw. Raises: OSError, ValueError, KeyError, TypeError."""
    logs = json.loads(path.read_bytes())["logs"]
    return {log["registry"]: Checkpoint(int(log["size"]), bytes.fromhex(log["root"])) for log in logs}
