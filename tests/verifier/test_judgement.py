"""What holds of every judgement, whichever facts of the table meet: drawn at random, not row by row."""

from itertools import combinations_with_replacement, product

from hypothesis import example, given
from hypothesis import strategies as st
from verifier_table import (
    ALTERED,
    ANOTHER_ISSUER,
    FACTS,
    FILE,
    ISSUER,
    NOW,
    QUESTIONS,
    RECEIPT,
    REVOKED,
    TABLE,
    facts,
    judge,
)

from verifier.chain.facts import Facts
from verifier.formats.fingerprint import Fingerprint
from verifier.verdict.checks import ExpectedIssuers, Unreadable
from verifier.verdict.verdict import Claim, Verdict, combine

ROWS = [FACTS, *(row[1] for row in TABLE if isinstance(row[1], Facts))]
UNREADABLE = Unreadable("down")
# Every part of the facts by itself from any row, so that what no row holds together meets too.
MIXED = st.builds(Facts, **{name: st.sampled_from([getattr(row, name) for row in ROWS]) for name in Facts._fields})
ANY_FACTS = st.one_of(st.sampled_from([*ROWS, UNREADABLE]), MIXED)
FILES = st.sampled_from([FILE, ALTERED, None, Fingerprint(bytes(32))])
QUESTIONERS = st.sampled_from(
    [ExpectedIssuers([ISSUER]), ExpectedIssuers([ANOTHER_ISSUER]), ExpectedIssuers(looked_up=True), ExpectedIssuers()]
)

GENUINE = {Verdict.VALID, Verdict.RECORDED}


def by(issuer: bytes, claim: Claim) -> Claim:
    """The same judgement of a receipt by this issuer: what `combine` sees of it."""
    return claim._replace(receipt=RECEIPT._replace(issuer_id=issuer))


DRAWN = st.builds(
    lambda given_facts, file, asked: judge(given_facts, file=file, asked=asked), ANY_FACTS, FILES, QUESTIONERS
)
TABLED = [judge(row[1]) for row in TABLE] + [judge(**row[1]) for row in QUESTIONS]
# Most of what is drawn is invalid: each verdict gets the same chance here, so that genuine claims meet.
OF_EACH_VERDICT = [
    by(issuer, claim)
    for issuer in (ISSUER, ANOTHER_ISSUER)
    for claim in {claim.verdict: claim for claim in TABLED}.values()
]
UNASKED = judge(asked=ExpectedIssuers([ANOTHER_ISSUER]))
CLAIMS = st.one_of(st.sampled_from(OF_EACH_VERDICT), st.builds(by, st.sampled_from([ISSUER, ANOTHER_ISSUER]), DRAWN))


@given(st.lists(CLAIMS, max_size=4).flatmap(lambda claims: st.tuples(st.just(claims), st.permutations(claims))),
       st.booleans(), st.booleans())  # fmt: skip
def test_the_order_of_claims_decides_nothing(orders, pending, looked_up):
    one, other = (combine(claims, pending=pending, looked_up=looked_up) for claims in orders)
    assert (one.verdict, one.reason) == (other.verdict, other.reason)
    assert len(one.claims) == len(other.claims)


def test_the_order_of_two_claims_decides_nothing():
    """Every pair of verdicts, by one issuer and by two."""
    for one, other in combinations_with_replacement(OF_EACH_VERDICT, 2):
        for pending, looked_up in product((True, False), repeat=2):
            answers = [combine(order, pending=pending, looked_up=looked_up) for order in ((one, other), (other, one))]
            assert len({(answer.verdict, answer.reason) for answer in answers}) == 1


@given(st.lists(CLAIMS, min_size=1, max_size=3), CLAIMS, st.booleans(), st.booleans())
@example(claims=[judge(facts(status=REVOKED))], further=judge(), pending=False, looked_up=True)
@example(claims=[judge(UNREADABLE)], further=judge(), pending=False, looked_up=True)
def test_another_claim_never_heals_what_is_in_doubt(claims, further, pending, looked_up):
    """What proves, and is revoked or suspended, and what is undetermined, stay what a person has to look at."""
    before = combine(claims, pending=pending, looked_up=looked_up)
    after = combine([*claims, further], pending=pending, looked_up=looked_up).verdict
    is_in_doubt = before.verdict in (Verdict.REVOKED, Verdict.SUSPENDED) and before.claims[0].is_proven
    if is_in_doubt or before.verdict is Verdict.UNDETERMINED:
        assert after not in GENUINE
    if is_in_doubt and before.verdict is Verdict.REVOKED:
        assert after in (Verdict.REVOKED, Verdict.UNDETERMINED)


@given(st.lists(CLAIMS, max_size=3), CLAIMS, st.booleans(), st.booleans())
def test_a_claim_that_was_not_asked_for_changes_no_verdict(claims, further, pending, looked_up):
    """Whatever its issuer did: beside one that was asked for it only stands behind."""
    unasked = further._replace(checks=(*further.checks[:3], UNASKED.checks[3], further.checks[4]))
    before = combine(claims, pending=pending, looked_up=looked_up)
    after = combine([*claims, unasked], pending=pending, looked_up=looked_up)
    if any(claim.is_asked_for for claim in claims) or pending or looked_up:
        assert after.verdict is before.verdict
        assert not after.claims[-1].is_asked_for


NEEDED = ("anchor", "window", "key")
TOO_OLD = {"head": FACTS.head._replace(time=NOW - 16 * 60)}
LOST = st.one_of(
    st.just(None),
    st.sets(st.sampled_from(NEEDED), min_size=1).map(dict.fromkeys),
    st.just(TOO_OLD),
    st.just({"head": FACTS.head._replace(number=RECEIPT.block - 1)}),
)


@given(st.one_of(st.sampled_from(ROWS), MIXED), LOST, FILES, QUESTIONERS)
@example(FACTS, None, FILE, ExpectedIssuers([ISSUER]))
@example(FACTS, TOO_OLD, FILE, ExpectedIssuers([ISSUER]))
@example(FACTS, {"window": None}, FILE, ExpectedIssuers([ISSUER]))
def test_a_fact_that_is_missing_makes_nothing_genuine(known, lost, file, asked):
    """Unreadable, absent or too old: what cannot be seen is never valid, nor recorded."""
    left = UNREADABLE if lost is None else known._replace(**lost)
    assert judge(left, file=file, asked=asked).verdict not in GENUINE


@given(st.one_of(st.sampled_from(ROWS), MIXED), FILES, QUESTIONERS)
def test_a_re_attestation_only_ever_helps(known, file, asked):
    without = judge(known._replace(reattestation=None), file=file, asked=asked).verdict
    if without in GENUINE:
        assert judge(known, file=file, asked=asked).verdict is without
