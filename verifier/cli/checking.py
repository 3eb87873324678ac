"""Commands about one certificate: check, code, export, ots, call."""

import argparse
import hashlib
import json
import re
import shlex
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from verifier import report
from verifier.chain.nodes import Chain, open_chain
from verifier.chain.onchain import InclusionCall
from verifier.cli.answers import (
    COULD_NOT,
    DEFINITE_NO,
    DONE,
    EPILOG,
    Refuted,
    UsageError,
    hash_of,
    naming_malformed,
    pinned_at,
    progress,
    read_bounded,
    show,
    undetermined,
    usage_errors,
    write_new,
)
from verifier.cli.keeping import held, replace_file
from verifier.errors import BeyondReach, Malformed, MalformedReceipt, ServiceUnavailable
from verifier.exports import EXPORTS, OPENTIMESTAMPS
from verifier.formats import certificate_code, fingerprint
from verifier.formats.policy import Policy, is_http
from verifier.formats.receipt import MAX_BYTES, SUFFIX
from verifier.formats.receipt import parse as parse_receipt
from verifier.history import bundle, memory
from verifier.history.recorded import RecordedHistory, ask_about, record
from verifier.places import service
from verifier.places.location import Location
from verifier.verdict import words
from verifier.verdict.ask import Question, Result, ask
from verifier.verdict.checks import Outcome, anchor, inclusion
from verifier.verdict.days import WIB
from verifier.verdict.verdict import EXIT_CODES
from verifier.verdict.words import Saying

CONTRADICTED = Saying(
    "Jawaban {node} bertentangan dengan yang dibuktikan penyimpanan registri.",
    "What {node} answers contradicts what the registry's storage proves.",
)


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add this group's commands to the parser."""
    check = commands.add_parser("check", parents=[shared], help="check a file", epilog=EPILOG)
    check.add_argument("file", type=Path, metavar="FILE", help="the certificate's file")
    check.add_argument("--receipt", type=Path, help=f"its receipt (default: FILE{SUFFIX}, where that is there)")
    check.add_argument("--service", metavar="URL", help="a service to ask for every anchor of this file")
    check.add_argument(
        "--issuer", action="append", default=[], metavar="ID", help="the issuer that the certificate should be by"
    )
    check.add_argument("--bundle", type=Path, metavar="FILE", help="read this bundle instead of the policy's nodes")
    check.add_argument(
        "--mirror", metavar="PLACE", help="read the bundle that the policy pins from this folder or address of a mirror"
    )
    check.add_argument("--digest", metavar="SHA256", help="a bundle's digest, as if the policy pinned it")
    check.add_argument("--offline", action="store_true", help="ask nobody: needs a file or folder, and a receipt")
    check.add_argument("--block", metavar="HASH", help="read at this block, as if the policy pinned it")
    check.add_argument(
        "--memory",
        type=Path,
        metavar="FILE",
        help="refuse a history that does not extend the one that this file remembers; made where it is not there",
    )
    check.add_argument(
        "--save-original",
        type=Path,
        metavar="FILE",
        help="write the issued file, where it stands whole in one that was altered",
    )
    check.add_argument(
        "--at",
        metavar="DATE",
        help="was it in force at the end of this day (WIB), or at an instant such as 2026-03-01T12:00:00+07:00",
    )
    check.set_defaults(run=_check)

    code = commands.add_parser("code", parents=[shared], help="look a certificate code up", epilog=EPILOG)
    code.add_argument("code", metavar="CODE", help="the 12 characters on the certificate")
    code.add_argument("--service", metavar="URL", required=True, help="the service to ask")
    code.set_defaults(run=_code)

    export = commands.add_parser("export", parents=[shared], help="write a receipt's proof in the form of another tool")
    export.add_argument("receipt", type=Path, metavar="RECEIPT", help=f"the receipt, NAME.pdf{SUFFIX}")
    export.add_argument(
        "--as", dest="form", required=True, choices=EXPORTS, metavar="NAME", help=f"the form: {', '.join(EXPORTS)}"
    )
    export.add_argument("--out", type=Path, help="the file to write (default: NAME.pdf and the form's own ending)")
    export.set_defaults(run=_export)

    ots_ = commands.add_parser("ots", parents=[shared], help="write a receipt's proof for OpenTimestamps' own tool")
    ots_.add_argument("receipt", type=Path, metavar="RECEIPT", help=f"the receipt, NAME.pdf{SUFFIX}")
    ots_.add_argument("--out", type=Path, help="the file to write (default: NAME.pdf.ots)")
    ots_.set_defaults(run=_export, form=OPENTIMESTAMPS)

    call = commands.add_parser(
        "call", parents=[shared], help="ask the registry itself, and print the call for any other EVM tool"
    )
    call.add_argument("receipt", type=Path, metavar="RECEIPT", help=f"the receipt, NAME.pdf{SUFFIX}")
    call.set_defaults(run=_call)


def _check(options: argparse.Namespace, trusted: Policy) -> int:
    issuers = frozenset(hash_of("--issuer", issuer) for issuer in options.issuer)
    trusted = _with_pins(options, trusted)
    instant = _instant(options.at) if options.at else None
    with options.file.open("rb") as stream:
        file = fingerprint.of_stream(stream)
    if file.length == 0:
        raise UsageError(f"{options.file} is empty: there is nothing to check")
    receipts = []
    path = options.receipt or _beside(options.file)
    if path is not None:
        try:
            receipts.append(read_bounded(path, MAX_BYTES))
        except OSError as error:
            raise UsageError(f"receipt {path} cannot be read: {error.strerror}") from None
    pending = False
    if options.service:
        try:
            found = service.look_up_file(options.service, file)
        except ServiceUnavailable as error:
            if not receipts:
                raise
            print(words.REASONS["service-unavailable"].in_(options.lang, {"detail": error}), file=sys.stderr)
            options.service = None
        else:
            receipts += [receipt for receipt in found.receipts if receipt not in receipts]
            pending = found.pending > 0
    question = Question(file, receipts, issuers, options.service is not None, pending)
    return _answer(question, options, trusted, instant)


def _answer(question: Question, options: argparse.Namespace, trusted: Policy, instant: int | None) -> int:
    """Ask the nodes, or what was written down, about now or about an instant."""
    with usage_errors("used"), naming_malformed(options.bundle or options.mirror or options.memory):
        chain, recorded = _sources(options, trusted, instant)
    if instant is None or recorded is None:
        policy = recorded.policy if recorded else trusted
        result = ask(question, policy, recorded or chain)
        code = show(result, policy, options, looked_up=question.looked_up)
        if options.save_original:
            _save_original(result, options.file, options.save_original)
        return code
    if instant > recorded.head.time:
        raise BeyondReach(
            f"what is known ends at {report.rfc3339(recorded.head.time)}, and {report.rfc3339(instant)} is later"
        )
    past = ask_about(question, recorded, instant)
    if options.json:
        answer = report.past_as_json(past, recorded.policy, looked_up=question.looked_up)
        print(json.dumps(answer, ensure_ascii=False, indent=1))
    else:
        print(report.past_as_text(past, recorded.policy, options.lang, looked_up=question.looked_up))
    return EXIT_CODES[past.result.answer.verdict]


def _save_original(result: Result, file: Path, target: Path) -> None:
    """Write the issued file out of one that was altered; whoever has it checks it again. Raises: UsageError."""
    if result.original is None:
        print("nothing was saved: only an altered file has an original in it", file=sys.stderr)
        return
    place = result.original.place
    with file.open("rb") as stream:
        stream.seek(place.start)
        data = stream.read(place.end - place.start) + place.behind
    if hashlib.sha256(data).digest() != result.answer.claims[0].receipt.document_digest:
        raise UsageError(f"{file} was changed while it was checked")
    write_new(target, data)


def _sources(
    options: argparse.Namespace, trusted: Policy, instant: int | None
) -> tuple[Chain | None, RecordedHistory | None]:
    """The chain, where it is needed before the question is asked, and the history, where the answer comes from that.

    Raises: OSError, MalformedBundle, MalformedMemory, BundleNotPinned, NodeUnavailable.
    """
    if options.bundle:
        return None, bundle.parse(options.bundle.read_bytes(), trusted)
    if options.mirror:
        # Its reader brings threads along, which a check without it should not wait for.
        from verifier.places import mirror  # noqa: PLC0415

        return None, bundle.parse(mirror.bundle_from(Location(options.mirror), trusted), trusted)
    if instant is None and options.memory is None:
        return None, None
    chain = _remembered(trusted, options.memory) if options.memory else open_chain(trusted)
    return chain, None if instant is None else record(chain, progress)


def _remembered(trusted: Policy, path: Path) -> Chain:
    """The chain, where it extends what was seen before, and is remembered. Raises: HistoryForked."""
    # Opened while the memory is held: whoever waited for it would come with an older head than is remembered by then.
    with held(path):
        seen = memory.decode(path.read_bytes()) if path.exists() else {}
        chain = open_chain(trusted)
        replace_file(path, memory.encode(memory.extend(chain, seen, int(time.time()))))
    return chain


def _with_pins(options: argparse.Namespace, trusted: Policy) -> Policy:
    """The policy with what the command line pins besides. Raises: UsageError."""
    written = options.bundle or options.mirror
    if options.bundle and options.mirror:
        raise UsageError("--bundle and --mirror both say where the history is: leave one of them out")
    if options.offline and (written is None or is_http(str(written))):
        raise UsageError("--offline needs a --bundle, or a --mirror that is a folder, to read instead of a node")
    if options.offline and options.service:
        raise UsageError("--offline asks nobody, and --service asks a service: leave one of them out")
    if options.memory and written:
        raise UsageError("--memory is of a chain, and a bundle asks none: leave one of them out")
    if options.save_original and options.save_original.exists():
        raise UsageError(f"{options.save_original} is there already: name a file that is not")
    if options.save_original and options.at:
        raise UsageError("--save-original is of the file as it is now, and --at of the past: leave one of them out")
    if options.digest and written is None:
        raise UsageError("--digest is a bundle's: say where that is with --bundle or --mirror")
    if options.digest:
        trusted = trusted._replace(bundles=trusted.bundles | {hash_of("--digest", options.digest)})
    return pinned_at(trusted, options.block)


def _code(options: argparse.Namespace, trusted: Policy) -> int:
    with naming_malformed(options.code):
        code = certificate_code.normalise(options.code)
    found = service.look_up_code(options.service, code)
    result = ask(Question(None, found.receipts, looked_up=True, pending=found.pending > 0, code=code), trusted)
    return show(result, trusted, options, looked_up=True)


def _export(options: argparse.Namespace, trusted: Policy) -> int:
    """A receipt's proof in another form, by the anchor that the chain holds."""
    data = read_bounded(options.receipt, MAX_BYTES)
    result = ask(Question(None, [data]), trusted)
    if result.malformed:
        raise MalformedReceipt(result.malformed[0])
    claim = result.answer.claims[0]
    proven = claim.proven_anchor
    if proven is None:
        return show(result, trusted, options, looked_up=False)
    export = EXPORTS[options.form]
    path = options.out or options.receipt.with_name(options.receipt.name.removesuffix(SUFFIX) + export.suffix)
    write_new(path, export.encode(claim.receipt, proven))
    print(path)
    return DONE


def _call(options: argparse.Namespace, trusted: Policy) -> int:
    """The registry's own check of a receipt's proof, at one block, by every node; and how to repeat it.

    What the storage proves decides; a node that says something else is named.
    """
    try:
        receipt = parse_receipt(read_bounded(options.receipt, MAX_BYTES))
    except Malformed as error:
        raise MalformedReceipt(str(error)) from None
    if not trusted.trusts(receipt.chain_id, receipt.registry):
        raise Refuted(f"the receipt is about registry {receipt.registry} on chain {receipt.chain_id}")
    call = InclusionCall(
        receipt.registry, receipt.issuer_id, receipt.sequence, receipt.leaf_hash, receipt.leaf_index, receipt.path
    )
    chain = open_chain(trusted)
    facts = chain.facts(receipt.registry, receipt.issuer_id, receipt.sequence, receipt.leaf_hash)
    proof = inclusion(receipt, facts) if facts.anchor else anchor(receipt, trusted, facts, int(time.time()))
    holds = {Outcome.PASS: True, Outcome.FAIL: False}.get(proof.outcome)
    answers = {node.url: call.ask(node, chain.head.number) for node in chain.nodes}
    contradicting = [node for node, answer in answers.items() if holds is not None and answer is not holds]
    reason, block, url = words.reason(proof, options.lang), chain.head.number, chain.nodes[0].url
    for node in contradicting:
        reason += " " + CONTRADICTED.in_(options.lang, {"node": node})
    code = DEFINITE_NO if holds is False else DONE if holds and not contradicting else COULD_NOT
    if options.json:
        said = {
            "call": {"to": call.registry, "data": "0x" + call.data.hex(), "block": block},
            "cast": call.cast(block, url),
            "answers": answers,
            "proof": proof.outcome,
            "contradicted_by": contradicting,
        }
        print(json.dumps(said | (undetermined(reason) if code == COULD_NOT else {}), indent=1))
    else:
        print(f"{'to':8} {call.registry}\n{'data':8} 0x{call.data.hex()}\n{'block':8} {block}")
        for node, answer in answers.items():
            print(f"{'answer':8} {str(answer).lower()}, says {node}")
        print(f"{'proof':8} {words.OUTCOMES[proof.outcome].in_(options.lang)}. {reason}")
        request = shlex.quote(call.request(block))
        print(f"\ncurl -s -H 'Content-Type: application/json' -d {request} {url}\n{call.cast(block, url)}")
    return code


def _beside(file: Path) -> Path | None:
    path = file.with_name(file.name + SUFFIX)
    return path if path.exists() else None


def _instant(given: str) -> int:
    """The end of a day in Western Indonesia Time, or an instant with its offset, in seconds since 1970."""
    try:
        moment = datetime.fromisoformat(given)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", given):
            moment = moment.replace(tzinfo=WIB) + timedelta(days=1, seconds=-1)
        if moment.tzinfo is not None and moment.timestamp() >= 0:
            return int(moment.timestamp())
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"--at {given}: write a day as 2026-03-01, or an instant as 2026-03-01T12:00:00+07:00")
