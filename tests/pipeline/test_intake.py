"""Intake: every accepted certificate is one row, and what is refused is refused with its reason."""

import threading
from itertools import islice

import pytest
from world import TESTER, TODAY, digest, facts

from anchor_service.core.errors import (
    CertificateSealed,
    DigestConflict,
    FieldRejected,
    NumberConflict,
    UnknownCertificate,
)
from anchor_service.core.metadata import NONCE_BYTES
from anchor_service.pipeline import access, intake
from anchor_service.pipeline.intake import Submission
from anchor_service.store import rows
from anchor_service.store.bulk import ROWS_AT_ONCE


def take(world, *submissions, issuer=None):
    check = intake.checker(world.store, issuer or world.issuer, world._nonces, TODAY)
    return intake.submit(
        world.store, issuer or world.issuer, [check(one) for one in submissions], actor=TESTER, now=world.now
    )


def refusal(outcome):
    assert outcome.refused is not None
    return type(outcome.refused)


def test_no_nonce_comes_twice():
    drawn = list(islice(intake.nonces(), 3 * intake.NONCES_A_DRAW))
    assert len({bytes.fromhex(nonce) for nonce in drawn}) == len(drawn)
    assert {len(nonce) for nonce in drawn} == {2 * NONCE_BYTES}


def test_the_same_again_is_the_same_row(world):
    first, second = world.submit("a"), world.submit("a")
    assert (first[0].is_new, second[0].is_new) == (True, False)
    assert first[0].leaf_hash == second[0].leaf_hash


def test_many_at_once_of_which_some_are_known_and_one_has_a_number_that_is_taken(world):
    names = [f"c{number}" for number in range(2 * ROWS_AT_ONCE + 50)]
    known = {names[3], names[ROWS_AT_ONCE], names[-1]}
    world.submit(*known)
    given = [Submission(digest(name), facts(name)) for name in names]
    given[150] = Submission(digest("another"), facts(names[3]))
    outcomes = take(world, *given)
    assert refusal(outcomes[150]) is NumberConflict
    assert [one.is_new for one in outcomes] == [name not in known and n != 150 for n, name in enumerate(names)]
    with world.store.reading() as connection:
        held = connection.exec_driver_sql("SELECT document_digest FROM certificates").scalars().all()
    assert sorted(held) == sorted(digest(name) for n, name in enumerate(names) if n != 150)


def test_the_same_twice_in_one_call_is_one_row(world):
    outcomes = take(world, Submission(digest("a"), facts("1")), Submission(digest("a"), facts("1")))
    assert [outcome.is_new for outcome in outcomes] == [True, False]


def test_the_same_file_with_other_facts_is_refused(world):
    world.submit("a")
    assert refusal(take(world, Submission(digest("a"), facts("a", jp=40)))[0]) is DigestConflict


def test_the_same_number_for_another_file_is_refused(world):
    world.submit("a")
    assert refusal(take(world, Submission(digest("b"), facts("a")))[0]) is NumberConflict


def test_two_issuers_may_hold_the_same_file_and_number(world):
    other = world.add_issuer("BPSDM-B")
    assert world.submit("a")[0].leaf_hash != world.submit("a", issuer=other)[0].leaf_hash


def test_a_bad_one_does_not_hold_up_the_others(world):
    outcomes = take(
        world,
        Submission(digest("a"), facts("a")),
        Submission(digest("b"), facts("b", issued_on="2026-02-30")),
        Submission(digest("c"), facts("c")),
    )
    assert [outcome.is_new for outcome in outcomes] == [True, False, True]
    assert refusal(outcomes[1]) is FieldRejected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "kursus"}, "kind"),
        ({"number": " 1"}, "number"),
        ({"name": "Budi"}, "name"),
        ({"nip": "198609262015051001"}, "nip"),
        ({"nonce": "00"}, "nonce"),
        ({"supersedes": "00" * 32}, "supersedes"),
    ],
)
def test_fields_are_checked_at_intake(world, changes, field):
    outcome = take(world, Submission(digest("a"), facts("a") | changes))[0]
    assert refusal(outcome) is FieldRejected
    assert outcome.refused.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issued_on": "2026-11-28"}, "issued_on"),
        ({"issued_on": "2062-01-01"}, "issued_on"),
        ({"valid_until": "2026-11-19T17:00:00Z"}, "valid_until"),
        ({"number": "1.97001E+17"}, "number"),
        ({"number": "1,97001E+17"}, "number"),
        ({"number": "#N/A"}, "number"),
        ({"number": "########"}, "number"),
        ({"number": '="0004"'}, "number"),
        ({"number": "'0004"}, "number"),
        ({"number": "1,97001e+17"}, "number"),
        ({"number": "#DIV/0!"}, "number"),
        ({"number": "Err:502"}, "number"),
        ({"number": "\u3164"}, "number"),
        ({"number": "N1\U000e0041"}, "number"),
        ({"number": "N\u2800"}, "number"),
        ({"title": "#REF!"}, "title"),
        ({"grade": "\uffa0"}, "grade"),
    ],
)
def test_what_no_institute_means_is_refused(world, changes, field):
    outcome = take(world, Submission(digest("a"), facts("a") | changes))[0]
    assert refusal(outcome) is FieldRejected
    assert outcome.refused.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_on": "2026-11-27"}, {"number": "800/12E3/2026"}, {"number": "7E2"}, {"number": "12E-2026"},
        {"title": "Pelatihan '26 = baru"},
        {"valid_until": "2026-11-20T17:00:00Z"}, {"number": "#12"},
    ],
)  # fmt: skip
def test_what_looks_odd_and_may_be_meant_is_taken(world, changes):
    assert take(world, Submission(digest("a"), facts("a") | changes))[0].is_new


def test_a_kind_outside_the_accreditation_is_refused(world):
    world.issuer = rows.with_changes(world.issuer, scope="pkp")
    outcome = world.submit("a")[0]
    assert refusal(outcome) is FieldRejected
    assert "accredited for: pkp" in str(outcome.refused)


def test_a_code_belongs_to_whom_it_was_given(world):
    other = world.add_issuer("BPSDM-B")
    code, spare = access.new_codes(world.store, world.issuer, 2, actor=TESTER, now=world.now)
    assert refusal(take(world, Submission(digest("a"), facts("a", code=code)), issuer=other)[0]) is FieldRejected
    assert take(world, Submission(digest("a"), facts("a", code=code)))[0].is_new
    again = take(world, Submission(digest("b"), facts("b", code=code)))[0]
    assert "another certificate already" in str(again.refused)
    assert take(world, Submission(digest("b"), facts("b", code=spare)))[0].is_new


def test_withdrawn_before_sealing_and_not_after(world):
    world.submit("a", "b")
    intake.withdraw(world.store, world.issuer, digest("a"), actor=TESTER, now=world.now)
    del world.accepted[world.issuer.id, digest("a")]
    assert world.night().anchored[0].tree_size == 1
    with pytest.raises(CertificateSealed):
        intake.withdraw(world.store, world.issuer, digest("b"), actor=TESTER, now=world.now)
    with pytest.raises(UnknownCertificate):
        intake.withdraw(world.store, world.issuer, digest("a"), actor=TESTER, now=world.now)
    assert world.audit() == 1


def test_nobody_withdraws_for_another(world):
    world.submit("a")
    with pytest.raises(UnknownCertificate):
        intake.withdraw(world.store, world.add_issuer("BPSDM-B"), digest("a"), actor=TESTER, now=world.now)


def test_a_correction_takes_the_number_over(world):
    old = world.submit("a")[0].leaf_hash
    world.night()
    new = take(world, Submission(digest("corrected"), facts("a", supersedes=old.hex())))[0]
    assert new.is_new
    world.accepted[world.issuer.id, digest("corrected")] = new.leaf_hash
    world.night()
    assert world.audit() == 2


def test_what_was_superseded_may_come_again_in_the_same_call(world):
    old = world.submit("a")[0].leaf_hash
    world.night()
    new, again = take(
        world,
        Submission(digest("corrected"), facts("a", supersedes=old.hex())),
        Submission(digest("a"), facts("another number")),
    )
    assert (new.is_new, again.is_new) == (True, True)


def test_what_is_not_sealed_is_withdrawn_and_not_superseded(world):
    old = world.submit("a")[0].leaf_hash
    outcome = take(world, Submission(digest("b"), facts("a", supersedes=old.hex())))[0]
    assert "withdraw it instead" in str(outcome.refused)


def test_many_at_once_from_many_threads_are_one_row_each(world):
    names = [f"certificate {number}" for number in range(60)]
    found: list = []

    def hand_in():
        outcomes = take(world, *(Submission(digest(name), facts(name, nonce="0" * 32)) for name in names))
        found.append(sum(outcome.is_new for outcome in outcomes))
        assert not [outcome for outcome in outcomes if outcome.refused]

    threads = [threading.Thread(target=hand_in) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == len(names)
    assert world.night().anchored[0].tree_size == len(names)
