"""What a verifier may find on chain, and what it may be asked, as tables: the outcomes, the verdict, the reason."""

import reference
from vectors_reader import load

from verifier.chain.facts import Anchor, Custody, Facts, Head, Key, Reattestation, Status, StatusRecord, Window
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.policy import parse as parse_policy
from verifier.formats.receipt import parse
from verifier.verdict import checks
from verifier.verdict.checks import ExpectedIssuers, Outcome, Unreadable
from verifier.verdict.verdict import Claim

VECTOR = load("receipts.json")["right"]
RECEIPT = parse(VECTOR["text"].encode())
NOW = 1_800_000_000
ANCHORED_AT = NOW - 1_000
PINS = {
    "chain_id": RECEIPT.chain_id,
    "genesis": "0x" + "00" * 32,
    "registry": RECEIPT.registry,
    "code_hash": "0x" + "00" * 32,
}
POLICY_TEXT = reference.canonical(
    {"format": "jangkar-policy-v1", **PINS, "finality": "instant", "operators": 1, "nodes": ["http://127.0.0.1:1"]}
)
POLICY = parse_policy(POLICY_TEXT.encode())
ISSUER = RECEIPT.issuer_id
FILE = Fingerprint(RECEIPT.document_digest)
ALTERED = Fingerprint(b"\x07" * 32, revisions=(b"\x06" * 32, RECEIPT.document_digest))
FACTS = Facts(
    head=Head(number=100, hash=bytes(32), time=NOW - 10, final=100),
    anchor=Anchor(
        bytes.fromhex(VECTOR["root_hash"]), VECTOR["tree_size"], ANCHORED_AT, RECEIPT.block, 0, "0x" + "33" * 20
    ),
    window=Window(ANCHORED_AT - 10, 2**64 - 1, 1, reference.sha256(RECEIPT.profile_text.encode())),
    key=Key(ANCHORED_AT - 10, 2**64 - 1, 0, 3, Custody.INSTITUTE),
    reattestation=None,
    status=StatusRecord(Status.ACTIVE, False, False, 0, 0, bytes(32)),
    unlisted_successor=None,
)


def facts(**changes):
    """FACTS with parts changed: `anchor__tree_size=3` reaches into a part."""
    found = FACTS
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        new = getattr(found, part)._replace(**{inner: value}) if inner else value
        found = found._replace(**{part: new})
    return found


def judge(given=FACTS, *, receipt=RECEIPT, file=FILE, policy=POLICY, asked=None, now=NOW):
    asked = ExpectedIssuers([ISSUER]) if asked is None else asked
    known = None if isinstance(given, Unreadable) else given
    return Claim(receipt, known, checks.all_checks(file, receipt, policy, given, asked, now))


def outcomes(claim):
    return "".join(
        {Outcome.PASS: "+", Outcome.FAIL: "x", Outcome.UNKNOWN: "?"}[check.outcome] for check in claim.checks
    )


REVOKED = StatusRecord(Status.REVOKED, False, False, 3, NOW - 5, bytes(32))
SUSPENDED = REVOKED._replace(status=Status.SUSPENDED)
SUPERSEDED = REVOKED._replace(status=Status.SUPERSEDED, successor=b"\x01" * 32)
FROZEN = {"head__time": NOW - 16 * 60}
ABSENT = {"anchor": None, "window": None, "key": None}
SOUND_KEY = Key(ANCHORED_AT, 2**64 - 1, 0, 3, Custody.INSTITUTE)
STOLEN = {"key__compromised_since": ANCHORED_AT}
AGAIN = {**STOLEN, "reattestation": Reattestation(ANCHORED_AT + 50, SOUND_KEY)}
AGAIN_STOLEN = Reattestation(ANCHORED_AT + 50, SOUND_KEY._replace(compromised_since=ANCHORED_AT + 50))
ELSEWHERE = {"unlisted_successor": "0x" + "77" * 20}

TABLE = [
    # name, facts, outcomes, verdict, reason of the check that decides
    ("another root", facts(anchor__root_hash=bytes(32)), "+x+++", "invalid", "other-root"),
    ("a smaller tree", facts(anchor__tree_size=1), "+x+++", "invalid", "bad-path"),
    ("a larger tree", facts(anchor__tree_size=5), "+x+++", "invalid", "bad-path"),
    ("no anchor", facts(**ABSENT), "+?x?+", "invalid", "no-anchor"),
    ("no anchor on a node below the receipt's block", facts(**ABSENT, head__number=6), "+????",
     "undetermined", "stale-head"),
    ("no anchor on a frozen node", facts(**ABSENT, **FROZEN), "+????", "undetermined", "stale-head"),
    ("another block than the receipt names", facts(anchor__block_number=8), "+++++", "valid", None),
    ("another block, which is not final", facts(anchor__block_number=8, head__final=7), "++?++",
     "undetermined", "not-final"),
    ("a block that is not final", facts(head__final=6), "++?++", "undetermined", "not-final"),
    ("before the window", facts(window__from_=ANCHORED_AT + 1), "+++x+", "invalid", "not-accredited"),
    ("at the window's beginning", facts(window__from_=ANCHORED_AT), "+++++", "valid", None),
    ("at the window's end", facts(window__until=ANCHORED_AT), "+++x+", "invalid", "not-accredited"),
    ("just before the window's end", facts(window__until=ANCHORED_AT + 1), "+++++", "valid", None),
    ("a retired key", facts(key__until=ANCHORED_AT), "+++x+", "invalid", "key-not-active"),
    ("a key for statuses only", facts(key__purposes=2), "+++x+", "invalid", "key-not-active"),
    ("a key stolen before", facts(key__compromised_since=ANCHORED_AT - 1), "+++x+", "untrusted", "key-compromised"),
    ("a key stolen in that second", facts(**STOLEN), "+++x+", "untrusted", "key-compromised"),
    ("a key stolen after", facts(key__compromised_since=ANCHORED_AT + 1), "+++++", "valid", None),
    ("a stolen key, re-attested", facts(**AGAIN), "+++++", "valid", None),
    ("a stolen key, re-attested by another thief", facts(**STOLEN, reattestation=AGAIN_STOLEN), "+++x+",
     "untrusted", "key-compromised"),
    ("a stolen key on a frozen head: it may have been re-attested", facts(**STOLEN, **FROZEN), "+++??",
     "undetermined", "stale-head"),
    ("a stolen key, and revoked", facts(**STOLEN, status=REVOKED), "+++xx", "revoked", "revoked"),
    ("a stolen key, and a root that is another", facts(**STOLEN, anchor__root_hash=bytes(32)), "+x+x+",
     "invalid", "key-compromised"),
    ("a stolen key, and another profile", facts(**STOLEN, window__profile_digest=bytes(32)), "+++x+",
     "invalid", "other-profile"),
    ("a successor that is not listed", facts(**ELSEWHERE), "++++?", "undetermined", "unlisted-successor"),
    ("revoked, whatever a successor holds", facts(**ELSEWHERE, status=REVOKED), "++++x", "revoked", "revoked"),
    ("suspended, and perhaps reinstated by a successor", facts(**ELSEWHERE, status=SUSPENDED), "++++?",
     "undetermined", "unlisted-successor"),
    ("another profile", facts(window__profile_digest=bytes(32)), "+++x+", "invalid", "other-profile"),
    ("a kind out of scope", facts(window__scope=0b10), "+++x+", "invalid", "out-of-scope"),
    ("revoked", facts(status=REVOKED), "++++x", "revoked", "revoked"),
    ("suspended", facts(status=SUSPENDED), "++++x", "suspended", "suspended"),
    ("superseded", facts(status=SUPERSEDED), "++++x", "superseded", "superseded"),
    ("a frozen head", facts(**FROZEN), "++++?", "undetermined", "stale-head"),
    ("a head from the future", facts(head__time=NOW + 16 * 60), "++++?", "undetermined", "stale-head"),
    ("a head below the receipt's block", facts(head__number=6, head__final=100), "++++?", "undetermined", "stale-head"),
    ("revoked, on a frozen head: that never heals", facts(status=REVOKED, **FROZEN), "++++x", "revoked", "revoked"),
    ("suspended, on a frozen head: it may have healed", facts(status=SUSPENDED, **FROZEN), "++++?",
     "undetermined", "stale-head"),
    ("an unreadable chain", Unreadable("down"), "+????", "undetermined", "unreadable"),
]  # fmt: skip

UNTIL = int(RECEIPT.metadata.valid_until.timestamp())
ANOTHER_ISSUER = b"\xbb" * 32
ASTRONAUT = RECEIPT.metadata._replace(fields=RECEIPT.metadata.fields | {"kind": "astronaut"})

QUESTIONS = [
    # name, what is asked otherwise than in the table of facts, outcomes, verdict, reason of the check that decides
    ("no file, only its code", {"file": None}, "?++++", "recorded", "no-file"),
    ("another file", {"file": Fingerprint(bytes(32))}, "x++++", "invalid", "other-file"),
    ("a file that was altered", {"file": ALTERED}, "x++++", "modified", "earlier-revision"),
    ("a receipt that names another registry", {"receipt": RECEIPT._replace(registry="0x" + "99" * 20)}, "++x++",
     "invalid", "other-registry"),
    ("a receipt that names another chain", {"receipt": RECEIPT._replace(chain_id=5)}, "++x++",
     "invalid", "other-registry"),
    ("another issuer's certificate", {"asked": ExpectedIssuers([ANOTHER_ISSUER])}, "+++x+", "invalid", "other-issuer"),
    ("by nobody in particular", {"asked": ExpectedIssuers()}, "+++?+", "undetermined", "issuer-not-named"),
    ("a kind that is not in the verifier's table", {"receipt": RECEIPT._replace(metadata=ASTRONAUT)}, "+++?+",
     "undetermined", "unknown-kind"),
    ("a moment before the end", {"given": facts(head__time=UNTIL - 2), "now": UNTIL - 1}, "+++++", "valid", None),
    ("at the end", {"given": facts(head__time=UNTIL - 1), "now": UNTIL}, "++++x", "expired", "expired"),
]  # fmt: skip
