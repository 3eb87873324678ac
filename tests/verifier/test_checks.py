"""The five checks as a table: what each says of every kind of fact, and how verdicts follow."""

import pytest
from verifier_table import (
    ABSENT,
    ALTERED,
    FACTS,
    FROZEN,
    ISSUER,
    NOW,
    QUESTIONS,
    RECEIPT,
    REVOKED,
    STOLEN,
    SUPERSEDED,
    SUSPENDED,
    TABLE,
    VECTOR,
    facts,
    judge,
    outcomes,
)

from verifier.chain.facts import Status, standing_record, walk_successors
from verifier.formats.fingerprint import Fingerprint
from verifier.verdict.checks import ExpectedIssuers, Outcome, Unreadable
from verifier.verdict.verdict import EXIT_CODES, Claim, Verdict, combine
from verifier.verdict.words import LANGUAGES, REASONS, reason


def test_all_five_pass():
    claim = judge()
    assert outcomes(claim) == "+++++"
    assert claim.verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("given", "expected", "verdict", "why"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table(given, expected, verdict, why):
    claim = judge(given)
    assert outcomes(claim) == expected
    assert claim.verdict == verdict
    if why:
        assert why in [check.reason for check in claim.checks if check.outcome is not Outcome.PASS]


@pytest.mark.parametrize(
    ("question", "expected", "verdict", "why"), [row[1:] for row in QUESTIONS], ids=[row[0] for row in QUESTIONS]
)
def test_the_questions(question, expected, verdict, why):
    claim = judge(**question)
    assert outcomes(claim) == expected
    assert claim.verdict == verdict
    if why:
        assert why in [check.reason for check in claim.checks if check.outcome is not Outcome.PASS]


def test_another_file_is_invalid():
    claim = judge(file=Fingerprint(bytes(32)))
    assert outcomes(claim) == "x++++"
    assert claim.verdict is Verdict.INVALID


def test_another_file_of_a_revoked_receipt_is_invalid_and_not_revoked():
    assert judge(facts(status=REVOKED), file=Fingerprint(bytes(32))).verdict is Verdict.INVALID


def test_without_a_file_it_is_recorded_and_never_genuine():
    claim = judge(file=None)
    assert outcomes(claim) == "?++++"
    assert claim.verdict is Verdict.RECORDED
    assert judge(facts(status=REVOKED), file=None).verdict is Verdict.REVOKED


@pytest.mark.parametrize("changes", [{"registry": "0x" + "99" * 20}, {"chain_id": 5}])
def test_a_receipt_that_names_another_registry_or_chain_is_invalid(changes):
    claim = judge(receipt=RECEIPT._replace(**changes))
    assert claim.checks[2].reason == "other-registry"
    assert claim.verdict is Verdict.INVALID


def test_a_forged_fact_is_not_included():
    forged = RECEIPT.metadata_text.replace('"jp":40', '"jp":99')
    claim = judge(receipt=RECEIPT._replace(metadata_text=forged))
    assert claim.checks[1].reason == "other-root"
    assert claim.verdict is Verdict.INVALID


def test_another_root_is_told_with_both_roots():
    check = judge(facts(anchor__root_hash=b"\x09" * 32)).checks[1]
    assert check.values == {"found": VECTOR["root_hash"], "anchored": "09" * 32}


def test_only_what_the_chain_holds_is_shown_as_recorded():
    assert judge().is_proven
    assert judge(facts(status=REVOKED)).is_proven
    for given in (
        Unreadable("down"),
        facts(anchor__root_hash=bytes(32)),
        facts(window__profile_digest=bytes(32)),
        facts(**ABSENT),
    ):
        assert not judge(given).is_proven


def test_a_replayed_root_is_not_included_under_another_issuer():
    """Issuer B anchors A's root: A's leaf binds A's id, so that it leads nowhere under B."""
    claim = judge(receipt=RECEIPT._replace(issuer_id=b"\xbb" * 32), asked=ExpectedIssuers([b"\xbb" * 32]))
    assert claim.checks[1].reason == "other-root"
    assert claim.verdict is Verdict.INVALID


def test_a_kind_that_is_not_in_the_table_is_unknown():
    metadata = RECEIPT.metadata._replace(fields=RECEIPT.metadata.fields | {"kind": "astronaut"})
    claim = judge(receipt=RECEIPT._replace(metadata=metadata))
    assert claim.checks[3].reason == "unknown-kind"
    assert claim.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    ("now", "head", "verdict"),
    [(-1, -10, "valid"), (0, -10, "expired"), (1, -10, "expired"), (-1, 0, "expired"), (-10_000, 0, "expired")],
)
def test_expiry_is_exclusive_and_by_the_later_of_clock_and_head(now, head, verdict):
    until = int(RECEIPT.metadata.valid_until.timestamp())
    assert judge(facts(head__time=until + head), now=until + now).verdict == verdict


def test_expired_needs_no_chain_but_proof_does():
    until = int(RECEIPT.metadata.valid_until.timestamp())
    claim = judge(Unreadable("down"), now=until + 1)
    assert claim.checks[4].reason == "expired"
    assert claim.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize(
    ("asked", "outcome", "why"),
    [
        (ExpectedIssuers([ISSUER]), Outcome.PASS, "accredited"),
        (ExpectedIssuers([b"\xbb" * 32]), Outcome.FAIL, "other-issuer"),
        (ExpectedIssuers(trusted=[ISSUER]), Outcome.PASS, "accredited"),
        # Naming an issuer never widens the policy.
        (ExpectedIssuers([ISSUER], trusted=[b"\xbb" * 32]), Outcome.FAIL, "other-issuer"),
        (ExpectedIssuers([b"\xbb" * 32], trusted=[ISSUER]), Outcome.FAIL, "other-issuer"),
        (ExpectedIssuers([ISSUER], trusted=[ISSUER, b"\xbb" * 32]), Outcome.PASS, "accredited"),
        (ExpectedIssuers([], looked_up=True), Outcome.PASS, "accredited"),
        (ExpectedIssuers([]), Outcome.UNKNOWN, "issuer-not-named"),
        (ExpectedIssuers(trusted=[ISSUER, b"\xbb" * 32]), Outcome.UNKNOWN, "issuer-not-named"),
        (ExpectedIssuers(trusted=[ISSUER, b"\xbb" * 32], looked_up=True), Outcome.PASS, "accredited"),
    ],
)
def test_somebody_says_which_issuer_or_all_claims_were_looked_for(asked, outcome, why):
    check = judge(asked=asked).checks[3]
    assert (check.outcome, check.reason) == (outcome, why)


OTHER_RECEIPT = RECEIPT._replace(issuer_id=b"\xbb" * 32)
LOOKED_UP = ExpectedIssuers([], looked_up=True)
NOT_ASKED = ExpectedIssuers([b"\xcc" * 32], looked_up=True)


def other(given=FACTS, asked=LOOKED_UP):
    """A genuine claim by another issuer on the same file."""
    found = judge(given, asked=asked)
    return Claim(OTHER_RECEIPT, found.facts, found.checks)


def test_no_claim_of_its_own_issuer_outshines_a_revoked_one():
    for order in (1, -1):
        claims = [judge(facts(status=REVOKED), asked=LOOKED_UP), judge(asked=LOOKED_UP)][::order]
        assert combine(claims, pending=False, looked_up=True).verdict is Verdict.REVOKED


@pytest.mark.parametrize("status", [REVOKED, SUSPENDED, SUPERSEDED])
def test_what_another_issuer_does_to_its_own_claim_contests_the_file(status):
    """It is shown first, and it decides nothing: who is asked for does."""
    for order in (1, -1):
        claims = [other(facts(status=status)), judge(asked=LOOKED_UP)][::order]
        answer = combine(claims, pending=False, looked_up=True)
        assert (answer.verdict, answer.reason) == (Verdict.UNDETERMINED, "contested")
        assert answer.claims[0].receipt.issuer_id == OTHER_RECEIPT.issuer_id


@pytest.mark.parametrize("asked", [ExpectedIssuers([ISSUER]), ExpectedIssuers(trusted=[ISSUER], looked_up=True)])
@pytest.mark.parametrize("status", [REVOKED, SUSPENDED])
def test_the_status_of_a_claim_that_was_not_asked_for_decides_nothing(asked, status):
    theirs = Claim(OTHER_RECEIPT, facts(status=status), judge(facts(status=status), asked=NOT_ASKED).checks)
    assert theirs.checks[3].reason == "other-issuer"
    ours = judge(asked=asked)
    for claims in ([theirs, ours], [ours, theirs]):
        answer = combine(claims, pending=False, looked_up=True)
        assert (answer.verdict, answer.claims) == (Verdict.VALID, (ours, theirs))
    for pending, verdict in ((True, Verdict.PENDING), (False, Verdict.NOT_FOUND)):
        answer = combine([theirs], pending=pending, looked_up=True)
        assert (answer.verdict, answer.claims) == (verdict, (theirs,)), "it is shown"
    assert combine([theirs], pending=False, looked_up=False).verdict is Verdict.INVALID


def test_a_name_that_was_compared_with_nothing_is_not_proven():
    """The profile of a claim that fails because another issuer was asked for may hold any name."""
    assert judge(asked=LOOKED_UP).is_proven
    assert not judge(asked=NOT_ASKED).is_proven
    assert judge(asked=NOT_ASKED).proven_anchor is None


def test_a_revoked_claim_without_weight_decides_nothing_beside_one_that_proves():
    theirs = other(facts(**STOLEN, status=REVOKED))
    for claims in ([theirs, judge(asked=LOOKED_UP)], [judge(asked=LOOKED_UP), theirs]):
        assert combine(claims, pending=False, looked_up=True).verdict is Verdict.VALID
    assert combine([theirs], pending=False, looked_up=True).verdict is Verdict.REVOKED


def test_two_genuine_claims_contest_the_file():
    answer = combine([other(facts(anchor__block_time=NOW - 5)), judge(asked=LOOKED_UP)], pending=False, looked_up=True)
    assert (answer.verdict, answer.reason) == (Verdict.UNDETERMINED, "contested")
    assert answer.claims[0].receipt.issuer_id == ISSUER, "the earlier anchor comes first"


def test_a_claim_that_could_not_be_checked_may_be_the_revoked_one():
    answer = combine([judge(asked=LOOKED_UP), other(Unreadable("down"))], pending=False, looked_up=True)
    assert answer.verdict is Verdict.UNDETERMINED


def test_a_thiefs_claim_outshines_nothing_but_rubbish():
    untrusted = judge(facts(**STOLEN), asked=LOOKED_UP)
    assert not untrusted.is_proven
    for beside, verdict in ((other(), "valid"), (judge(file=Fingerprint(bytes(32))), "untrusted")):
        for claims in ([untrusted, beside], [beside, untrusted]):
            assert combine(claims, pending=False, looked_up=True).verdict == verdict


ACTIVE = REVOKED._replace(status=Status.ACTIVE)
NOTHING = FACTS.status


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([NOTHING], NOTHING),
        ([NOTHING, REVOKED], REVOKED),
        ([REVOKED, NOTHING], REVOKED),
        ([REVOKED, ACTIVE], REVOKED),
        ([SUPERSEDED, ACTIVE], SUPERSEDED),
        ([SUPERSEDED, SUSPENDED], SUSPENDED),
        ([SUPERSEDED, REVOKED], REVOKED),
        ([SUSPENDED, NOTHING, NOTHING], SUSPENDED),
        ([SUSPENDED, ACTIVE], ACTIVE),
        ([ACTIVE, NOTHING, SUSPENDED], SUSPENDED),
    ],
)
def test_what_stands_over_a_registry_and_those_that_succeed_it(statuses, expected):
    assert standing_record(statuses) == expected


@pytest.mark.parametrize(
    ("first", "links", "expected", "unlisted"),
    [
        (0, {"a": None}, ["a"], None),
        (0, {"a": "b", "b": "c", "c": None}, ["a", "b", "c"], None),
        (1, {"b": "c", "c": None}, ["b", "c"], None),
        (0, {"a": "x"}, ["a"], "x"),
        (0, {"a": "c"}, ["a"], "c"),
        (0, {"a": "b", "b": "a"}, ["a", "b"], "a"),
        (2, {"c": "x"}, ["c"], "x"),
    ],
)
def test_the_walk_over_successors_follows_what_is_listed_in_its_order(first, links, expected, unlisted):
    """Of the registries a, b and c, oldest first; whoever it does not come to is not asked."""
    listed = ["a", "b", "c"]
    read = lambda index: (listed[index], links[listed[index]])  # noqa: E731  (one line of the table's)
    assert walk_successors(listed, first, read) == (expected, unlisted)


def test_rubbish_beside_a_genuine_claim_changes_nothing():
    answer = combine([judge(file=Fingerprint(bytes(32))), judge(asked=LOOKED_UP)], pending=True, looked_up=True)
    assert answer.verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("pending", "looked_up", "verdict"),
    [(True, True, "pending"), (False, True, "not_found"), (False, False, "undetermined")],
)
def test_without_a_claim(pending, looked_up, verdict):
    assert combine([], pending=pending, looked_up=looked_up).verdict == verdict


def test_exit_codes():
    assert {verdict: EXIT_CODES[verdict] for verdict in Verdict} == {
        "valid": 0, "recorded": 0,
        "revoked": 1, "suspended": 1, "superseded": 1, "expired": 1, "untrusted": 1, "modified": 1,
        "invalid": 1, "not_found": 1,
        "pending": 3, "undetermined": 4,
    }  # fmt: skip


# Of a whole answer, or of what was handed over.
NOT_OF_A_CHECK = {"contested", "nothing-to-check", "malformed-receipt", "service-unavailable"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_is_spelled_out(language):
    said = set()
    for claim in (*(judge(row[1]) for row in TABLE), *(judge(**row[1]) for row in QUESTIONS)):
        for check in claim.checks:
            assert "{" not in reason(check, language)
            said.add(check.reason)
    assert set(REASONS) == said | NOT_OF_A_CHECK


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (FACTS, "modified"),
        (facts(status=REVOKED), "modified"),
        (facts(**FROZEN), "modified"),
        (facts(anchor__root_hash=bytes(32)), "invalid"),
        (facts(**STOLEN), "invalid"),
        (facts(window__scope=0b10), "invalid"),
        (facts(head__final=6), "undetermined"),
        (Unreadable("down"), "undetermined"),
    ],
)
def test_an_altered_file_is_called_that_where_its_beginning_is_proven(given, verdict):
    claim = judge(given, file=ALTERED)
    assert claim.checks[0].reason == "earlier-revision"
    assert claim.verdict == verdict
    assert combine([claim], pending=False, looked_up=True).verdict == verdict


def other_issuers(claim):
    return claim._replace(receipt=claim.receipt._replace(issuer_id=b"\x09" * 32))


def test_an_altered_file_that_its_issuer_anchored_too_is_what_that_anchor_says():
    altered, whole = judge(file=ALTERED), judge()
    assert combine([altered, whole], pending=False, looked_up=True).verdict == "valid"
    assert combine([altered, judge(facts(status=SUPERSEDED))], pending=False, looked_up=True).verdict == "superseded"
    assert combine([altered], pending=True, looked_up=True).verdict == "pending"
    assert combine([altered, judge(Unreadable("down"))], pending=False, looked_up=True).verdict == "undetermined"


def test_nobody_takes_anothers_file_over_by_appending_to_it():
    answer = combine([other_issuers(judge()), judge(file=ALTERED)], pending=False, looked_up=True)
    assert (answer.verdict, answer.reason) == ("undetermined", "contested")
