"""Later forms: one certificate in several files, which stand and fall together."""

import hashlib

import pytest
from sqlalchemy import text
from world import TESTER, TODAY, digest, facts

from anchor_service.core import metadata
from anchor_service.core.errors import FieldRejected, IllegalTransition
from anchor_service.core.states import RequestedStatus, Status
from anchor_service.pipeline import (
    access,
    augmenting,
    deeds,
    erasing,
    fsck,
    intake,
    naming,
    nightly,
    rebuild,
    reconcile,
    statuses,
)
from anchor_service.pipeline.augmenting import LaterForm
from anchor_service.pipeline.intake import Submission
from verifier.formats.receipt import parse

ISSUED = b"%PDF-1.7\nissued\n%%EOF\n"


def later(name, *begins_with):
    """A later form as it is read: its beginnings are the longest first."""
    return LaterForm(digest(name), tuple(map(digest, begins_with)))


def augment(world, *forms):
    check = intake.checker(world.store, world.issuer, intake.nonces(), TODAY)
    outcomes = augmenting.submit(world.store, world.issuer, forms, check, actor=TESTER, now=world.now)
    for form, outcome in zip(forms, outcomes, strict=True):
        if outcome.leaf_hash:
            world.accepted[world.issuer.id, form.document_digest] = outcome.leaf_hash
    return outcomes


def correct(world, name, **more):
    check = intake.checker(world.store, world.issuer, intake.nonces(), TODAY)
    checked = [check(Submission(digest(name), facts("a", **more)))]
    (outcome,) = intake.submit(world.store, world.issuer, checked, actor=TESTER, now=world.now)
    if outcome.leaf_hash:
        world.accepted[world.issuer.id, digest(name)] = outcome.leaf_hash
    return outcome


def standing(world, name):
    fact = world.chain.standing(world.issuer.id, world.accepted[world.issuer.id, digest(name)])
    return fact.status if fact else Status.ACTIVE


def exceptions(world):
    return reconcile.balance(world.store, world.registry, world.issuer, overdue_before=0).exceptions


@pytest.fixture
def code(world):
    """Certificate `a` is anchored under a code, and its later form `a-ltv` too."""
    given = access.new_codes(world.store, world.issuer, 1, actor=TESTER, now=world.now)[0]
    world.submit("a", code=given, title="Latsar")
    world.night()
    assert augment(world, later("a-ltv", "a"))[0].is_new
    world.night()
    return given


@pytest.mark.parametrize(
    ("data", "beginnings"),
    [
        (ISSUED + b"more %%EOF", [ISSUED, ISSUED[:-1]]),
        (ISSUED + b"more %%EOF\n", [ISSUED + b"more %%EOF", ISSUED, ISSUED[:-1]]),
        (ISSUED + b" \0more %%EOF", [ISSUED + b" \0", ISSUED + b" ", ISSUED, ISSUED[:-1]]),
        (ISSUED[:-1], []),
    ],
)
def test_beginnings_are_where_an_issued_file_may_have_ended(tmp_path, data, beginnings):
    path = tmp_path / "later.pdf"
    path.write_bytes(data)
    wanted = [hashlib.sha256(one).digest() for one in (data, *beginnings)]
    assert augmenting.read(path) == LaterForm(wanted[0], tuple(wanted[1:]))


def test_a_later_form_is_the_same_certificate(world, code):
    assert world.audit() == 2
    first, second = (parse(world.receipts.by_digest(digest(name)).receipts[0]) for name in ("a", "a-ltv"))
    assert metadata.facts(first.metadata_text) == metadata.facts(second.metadata_text)
    assert first.sequence < second.sequence
    # Whoever types the code or the number means the certificate, not one of its files.
    assert [parse(one).leaf_hash for one in world.receipts.by_code(code).receipts] == [first.leaf_hash]
    with world.store.reading() as connection:
        for name in ("a", code):
            assert naming.find(connection, world.issuer.id, name).certificate.leaf_hash == first.leaf_hash
    told = [what for _, _, what in deeds.of_file(world.store, world.issuer, digest("a-ltv"))]
    assert told == ["hand in a later form of a"]
    assert list(fsck.check(world.store, world.filing, world.registry)) == []


@pytest.mark.usefixtures("code")
def test_handing_it_in_again_changes_nothing(world):
    again = augment(world, later("a-ltv", "a"), later("a-ltv", "a"))
    assert [(one.is_new, one.refused) for one in again] == [(False, None)] * 2
    assert world.night().anchored == []


@pytest.mark.usefixtures("code")
def test_a_form_may_begin_with_a_later_form(world):
    assert augment(world, later("a-ltv-2", "a-ltv", "a"))[0].is_new
    world.night()
    assert [act.status for act in _request(world, "a", Status.REVOKED)] == ["revoked"] * 3


@pytest.mark.parametrize("named", ["a", "a-ltv"])
@pytest.mark.usefixtures("code")
def test_a_status_of_one_holds_for_all(world, named):
    for status in (Status.SUSPENDED, Status.ACTIVE, Status.REVOKED):
        acts = _request(world, named, status)
        assert acts[0].leaf_hash == world.accepted[world.issuer.id, digest(named)]
        assert _request(world, "a", status)[0].id in [act.id for act in acts]
        assert len(world.night().written) == 2
        assert (standing(world, "a"), standing(world, "a-ltv")) == (status, status)
    with pytest.raises(IllegalTransition):
        _request(world, "a-ltv", Status.ACTIVE)


@pytest.mark.usefixtures("code")
def test_a_form_that_waits_is_revoked_in_the_night_that_anchors_it(world):
    augment(world, later("a-ltv-2", "a"), later("a-ltv-3", "a"))
    assert len(_request(world, "a", Status.REVOKED)) == 4
    run = nightly.NightlyRun(world.store, world.registry, world.filing, lambda: world.now)
    run.advance()
    # Nobody reads of a status whose leaf stands nowhere yet.
    assert [standing(world, name) for name in ("a", "a-ltv", "a-ltv-2")] == ["revoked", "revoked", "active"]
    intake.withdraw(world.store, world.issuer, digest("a-ltv-3"), actor=TESTER, now=world.now)
    del world.accepted[world.issuer.id, digest("a-ltv-3")]
    world.night()
    assert standing(world, "a-ltv-2") == Status.REVOKED
    assert len(world.chain.written) == 3
    assert "is revoked" in str(augment(world, later("a-ltv-4", "a"))[0].refused)


@pytest.mark.usefixtures("code")
def test_no_form_supersedes_another(world):
    leaves = [world.accepted[world.issuer.id, digest(name)] for name in ("a", "a-ltv")]
    for old, new in (leaves, leaves[::-1], (leaves[0], leaves[0])):
        asked = RequestedStatus(Status.SUPERSEDED, 5, successor=new)
        with pytest.raises(FieldRejected, match="or another form of it"):
            statuses.request(world.store, world.issuer, old, asked, actor=TESTER, now=world.now)


@pytest.mark.usefixtures("code")
def test_a_form_whose_issued_file_is_not_here_gets_no_more(world):
    with world.store.writing() as connection:
        connection.execute(text("UPDATE certificates SET live = :no WHERE form_of IS NULL"), {"no": False})
    assert "is not here: `jangkar fsck`" in str(augment(world, later("a-ltv-2", "a-ltv"))[0].refused)


@pytest.mark.usefixtures("code")
def test_a_correction_supersedes_all_forms(world):
    augment(world, later("a-ltv-2", "a"))
    assert "withdraw that one first" in str(correct(world, "new", supersedes="a").refused)
    intake.withdraw(world.store, world.issuer, digest("a-ltv-2"), actor=TESTER, now=world.now)
    del world.accepted[world.issuer.id, digest("a-ltv-2")]
    new = correct(world, "new", title="Latsar", supersedes=digest("a-ltv").hex())
    assert new.is_new
    assert "no file that this issuer" in str(augment(world, later("a-ltv-3", "a"))[0].refused)
    world.night()
    assert (standing(world, "a"), standing(world, "a-ltv")) == (Status.SUPERSEDED, Status.SUPERSEDED)
    # A later form of the correction supersedes nothing once more.
    assert augment(world, later("new-ltv", "new"))[0].is_new
    assert world.night().written == []
    assert exceptions(world) == []


@pytest.mark.usefixtures("code")
def test_a_correction_that_is_withdrawn_leaves_all_forms_as_they_were(world):
    correct(world, "new", supersedes="a")
    intake.withdraw(world.store, world.issuer, digest("new"), actor=TESTER, now=world.now)
    del world.accepted[world.issuer.id, digest("new")]
    assert [one.refused for one in augment(world, later("a-ltv", "a"), later("a-ltv-2", "a-ltv"))] == [None, None]


def test_what_is_no_later_form_is_refused_by_name(world):
    world.submit("a")
    outcomes = augment(world, later("a-ltv", "a"), later("a"), later("b-ltv", "b"))
    assert [str(one.refused) for one in outcomes] == [
        "certificate 'a' waits for the night: hand its later form in after that",
        "it is the file of certificate 'a' itself: nothing was added",
        "it begins with no file that this issuer handed in and did not replace",
    ]
    world.night()
    other = world.add_issuer("BPSDM-B")
    check = intake.checker(world.store, other, intake.nonces(), TODAY)
    (outcome,) = augmenting.submit(world.store, other, [later("a-ltv", "a")], check, actor=TESTER, now=world.now)
    assert "no file that this issuer" in str(outcome.refused)


@pytest.mark.usefixtures("code")
def test_rebuild_knows_later_forms(world):
    augment(world, later("a-ltv-2", "a-ltv", "a"))
    world.night()
    correct(world, "new", title="Latsar", supersedes="a")
    world.night()
    augment(world, later("new-ltv", "new"))
    world.night()
    with world.store.reading() as connection:
        query = text("SELECT leaf_hash, form_of, live FROM certificates ORDER BY leaf_hash")
        before = connection.execute(query).all()
    world.store.downgrade("base")
    world.store.upgrade()
    found = rebuild.rebuild(world.store, world.registry, world.filing, now=world.now)
    assert (found.certificates, found.statuses, found.exceptions) == (5, 3, [])
    with world.store.reading() as connection:
        assert connection.execute(query).all() == before
    assert [act.status for act in _request(world, "new-ltv", Status.REVOKED)] == ["revoked"] * 2


@pytest.mark.usefixtures("code")
def test_reconcile_names_forms_whose_statuses_differ(world):
    assert exceptions(world) == []
    leaf = world.accepted[world.issuer.id, digest("a")]
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 4), b"\x01" * 32)
    (told,) = exceptions(world)
    assert told.startswith("certificate 'a': revoked on chain, and its later form")
    _request(world, "a-ltv", Status.REVOKED)
    assert exceptions(world) == []
    world.night()
    assert exceptions(world) == []
    assert standing(world, "a-ltv") == Status.REVOKED


@pytest.mark.usefixtures("code")
def test_dropping_a_change_drops_it_for_all_forms(world):
    act, _ = _request(world, "a", Status.SUSPENDED)
    statuses.drop(world.store, act, actor=TESTER, now=world.now)
    assert world.night().written == []
    assert standing(world, "a-ltv") == Status.ACTIVE


@pytest.mark.usefixtures("code")
def test_erasing_one_erases_all_forms(world):
    assert erasing.erase(world.store, world.filing, world.issuer, digest("a"), actor=TESTER, now=world.now) == 2
    assert world.receipts.by_digest(digest("a-ltv")).receipts == ()
    assert list(fsck.check(world.store, world.filing, world.registry)) == []


@pytest.mark.usefixtures("code")
def test_fsck_names_a_form_of_nothing(world):
    with world.store.writing() as connection:
        row = connection.execute(
            text("UPDATE certificates SET form_of = :no WHERE form_of IS NOT NULL RETURNING id"), {"no": bytes(32)}
        ).scalar_one()
    assert [one.where for one in fsck.check(world.store, world.filing, world.registry)] == [f"certificate row {row}"]


def test_going_back_keeps_every_file(world):
    world.submit("a")
    world.night()
    augment(world, later("a-ltv", "a"))
    world.night()
    world.store.downgrade("0005")
    world.store.upgrade()
    assert world.audit() == 2


def _request(world, name, status):
    leaf = world.accepted[world.issuer.id, digest(name)]
    return statuses.request(world.store, world.issuer, leaf, RequestedStatus(status, 4), actor=TESTER, now=world.now)
