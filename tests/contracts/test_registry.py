"""The registry's rules, one by one, each refusal by its own name."""

import itertools
from typing import Any

import pytest
import reference
from eth_account import Account
from registry_contract import ANCHOR, BOTH, FOREVER, INSTITUTE, ISSUER, OTHER, PROFILE, STATUS, Registry

from verifier.history.log import LOGGED_EVENTS, checkpoint_of

ROOT = b"\x01" * 32
LEAF, NEXT_LEAF = b"\x02" * 32, b"\x03" * 32
ACTIVE, SUSPENDED, SUPERSEDED, REVOKED = range(4)


def test_the_deployer_keeps_nothing(registry):
    deployer = registry.accounts["stranger"]
    assert registry.f.defaultAdmin().call() == registry.accounts["admin"]
    for role in ("DEFAULT_ADMIN", "ACCREDITOR", "REGULATOR", "PAUSER"):
        assert not registry.f.hasRole(getattr(registry.f, f"{role}_ROLE")().call(), deployer).call()


def test_views_answer_for_what_is_unknown(registry):
    assert registry.f.anchorOf(ISSUER, 1).call() == (bytes(32), 0, 0, 0, 0, "0x" + "0" * 40)
    assert registry.f.lastSequence(ISSUER).call() == 0
    assert registry.f.windowCount(ISSUER).call() == 0
    assert registry.f.windowOf(ISSUER, 7).call() == (0, 0, 0, bytes(32))
    assert registry.f.keyOf(ISSUER, registry.accounts["key"]).call() == (0, 0, 0, 0, 0)
    assert registry.f.statusOf(ISSUER, LEAF).call() == (0, False, False, 0, 0, "0x" + "0" * 40, bytes(32))
    assert registry.f.statusAt(ISSUER, LEAF, 0).call() == registry.f.statusOf(ISSUER, LEAF).call()
    assert registry.f.statusCount(ISSUER, LEAF).call() == registry.f.lastNight(ISSUER).call() == 0
    assert registry.f.reattestationOf(ISSUER, 1).call() == ("0x" + "0" * 40, 0)
    assert not registry.f.carriesWeight(ISSUER, 1).call()
    assert registry.f.successor().call() == "0x" + "0" * 40
    assert registry.f.pausedUntil().call() == 0
    assert registry.f.checkpoint().call() == [0, reference.sha256(b"")]
    assert not registry.f.verifyInclusion(ISSUER, 1, LEAF, 0, []).call()


@pytest.mark.parametrize("name", ["admin", "regulator", "key", "stranger"])
def test_only_an_accreditor_opens_closes_and_gives_keys(registry, name):
    registry.accredit()
    key = registry.accounts["stranger"]
    for call in (
        registry.f.openWindow(OTHER, 0, FOREVER, 1, PROFILE),
        registry.f.closeWindow(ISSUER, 0, 0),
        registry.f.addKey(ISSUER, key, BOTH, INSTITUTE),
        registry.f.retireKey(ISSUER, registry.accounts["key"]),
        registry.f.declareCompromise(ISSUER, registry.accounts["key"], 0),
    ):
        assert registry.refused(name, call) == "AccessControlUnauthorizedAccount"


def test_a_window_and_its_refusals(registry):
    f = registry.f
    now = registry.now()
    assert registry.refused("accreditor", f.openWindow(bytes(32), 0, FOREVER, 1, PROFILE)) == "RegistryZeroIssuer"
    assert registry.refused("accreditor", f.openWindow(ISSUER, 0, FOREVER, 0, PROFILE)) == "RegistryEmptyScope"
    assert registry.refused("accreditor", f.openWindow(ISSUER, 0, FOREVER, 1, bytes(32))) == "RegistryZeroProfile"
    assert registry.refused("accreditor", f.openWindow(ISSUER, now - 10, FOREVER, 1, PROFILE)) == "RegistryBadWindow"
    assert registry.refused("accreditor", f.openWindow(ISSUER, now + 10, now + 10, 1, PROFILE)) == "RegistryBadWindow"
    registry.open(until=now + 100)
    opened = registry.f.windowOf(ISSUER, 0).call()
    assert opened == (registry.now(), now + 100, 1, PROFILE)
    # It may be followed, never overlapped.
    assert registry.refused("accreditor", f.openWindow(ISSUER, now + 99, FOREVER, 1, PROFILE)) == "RegistryBadWindow"
    registry.open(from_=now + 200)
    # And at most one lies ahead.
    assert registry.refused("accreditor", f.openWindow(ISSUER, now + 300, FOREVER, 1, PROFILE)) == "RegistryBadWindow"


def test_closing_is_prospective(accredited):
    f = accredited.f
    assert accredited.refused("accreditor", f.closeWindow(ISSUER, 1, 0)) == "RegistryUnknownWindow"
    assert accredited.refused("accreditor", f.closeWindow(ISSUER, 0, accredited.now() - 1)) == "RegistryBadWindow"
    assert accredited.refused("accreditor", f.closeWindow(ISSUER, 0, FOREVER)) == "RegistryBadWindow"
    accredited.by("key", f.anchor(ISSUER, 1, ROOT, 1))
    accredited.by("accreditor", f.closeWindow(ISSUER, 0, 0))
    assert f.windowOf(ISSUER, 0).call()[1] == accredited.now() + 1
    accredited.travel(5)
    assert accredited.refused("key", f.anchor(ISSUER, 2, ROOT, 1)) == "RegistryNotAccredited"
    # What was anchored before lies inside the window for good, and statuses go on.
    window, anchored = f.windowOf(ISSUER, 0).call(), f.anchorOf(ISSUER, 1).call()
    assert window[0] <= anchored[2] < window[1]
    accredited.by("key", status(accredited, LEAF, REVOKED))


def test_a_window_ahead_does_not_hide_the_open_one(registry):
    now = registry.now()
    registry.accredit()
    registry.by("accreditor", registry.f.closeWindow(ISSUER, 0, now + 1_000))
    registry.open(from_=now + 2_000)
    registry.by("key", registry.f.anchor(ISSUER, 1, ROOT, 1))
    assert registry.f.anchorOf(ISSUER, 1).call()[4] == 0
    registry.travel(1_500)
    assert registry.refused("key", registry.f.anchor(ISSUER, 2, ROOT, 1)) == "RegistryNotAccredited"
    registry.travel(1_000)
    registry.by("key", registry.f.anchor(ISSUER, 2, ROOT, 1))
    assert registry.f.anchorOf(ISSUER, 2).call()[4] == 1


def test_a_window_that_was_to_begin_in_milliseconds_is_taken_back(registry):
    f, now = registry.f, registry.now()
    registry.accredit()
    registry.by("accreditor", f.closeWindow(ISSUER, 0, now + 1_000))
    registry.open(from_=1_795_772_104_000)
    assert registry.refused("accreditor", f.openWindow(ISSUER, now + 1_000, FOREVER, 1, PROFILE)) == "RegistryBadWindow"
    registry.by("accreditor", f.closeWindow(ISSUER, 1, 0))
    assert registry.refused("accreditor", f.openWindow(ISSUER, now + 999, FOREVER, 1, PROFILE)) == "RegistryBadWindow"
    registry.open(from_=now + 1_000)
    assert (f.windowCount(ISSUER).call(), f.windowOf(ISSUER, 1).call()[:2]) == (2, (now + 1_000, FOREVER))
    registry.by("key", f.anchor(ISSUER, 1, ROOT, 1))
    registry.travel(1_000)
    registry.by("key", f.anchor(ISSUER, 2, ROOT, 1))
    assert [f.anchorOf(ISSUER, sequence).call()[4] for sequence in (1, 2)] == [0, 1]


def test_no_accreditor_shuts_an_issuer_out_for_ever(registry):
    """A thief of its key opens what never begins; a new accreditor sets it right with two calls."""
    f = registry.f
    registry.open(from_=2**63)
    registry.by("accreditor", f.closeWindow(ISSUER, 0, 0))
    registry.accredit()
    registry.by("key", f.anchor(ISSUER, 1, ROOT, 1))


def test_keys_and_their_refusals(registry):
    f, key = registry.f, registry.accounts["key"]
    assert registry.refused("accreditor", f.addKey(bytes(32), key, BOTH, INSTITUTE)) == "RegistryZeroIssuer"
    for purposes, custody, address in ((0, 1, key), (8, 1, key), (BOTH, 0, key), (BOTH, 1, "0x" + "0" * 40)):
        assert registry.refused("accreditor", f.addKey(ISSUER, address, purposes, custody)) == "RegistryBadKey"
    registry.accredit()
    assert registry.refused("accreditor", f.addKey(ISSUER, key, ANCHOR, INSTITUTE)) == "RegistryKeyExists"
    # Rotation with overlap: both keys work until the old one retires.
    registry.by("accreditor", f.addKey(ISSUER, registry.accounts["other_key"], BOTH, 2))
    registry.by("key", f.anchor(ISSUER, 1, ROOT, 1))
    registry.by("other_key", f.anchor(ISSUER, 2, ROOT, 1))
    registry.by("accreditor", f.retireKey(ISSUER, key))
    registry.travel(2)
    assert registry.refused("key", f.anchor(ISSUER, 3, ROOT, 1)) == "RegistryKeyNotActive"
    assert registry.refused("accreditor", f.retireKey(ISSUER, key)) == "RegistryKeyNotActive"
    assert registry.refused("accreditor", f.addKey(ISSUER, key, BOTH, INSTITUTE)) == "RegistryKeyExists"
    registry.by("other_key", f.anchor(ISSUER, 3, ROOT, 1))


def test_a_key_does_what_it_is_for(registry):
    registry.accredit(purposes=ANCHOR)
    registry.by("accreditor", registry.f.addKey(ISSUER, registry.accounts["status_key"], STATUS, INSTITUTE))
    anchor = registry.f.anchor(ISSUER, 1, ROOT, 1)
    revocation = status(registry, LEAF, REVOKED)
    assert registry.refused("status_key", anchor) == "RegistryKeyNotActive"
    assert registry.refused("key", revocation) == "RegistryKeyNotActive"
    registry.by("key", anchor)
    registry.by("status_key", revocation)


def test_anchors_are_gapless_and_written_once(accredited):
    f = accredited.f
    for sequence in (0, 2, FOREVER):
        assert accredited.refused("key", f.anchor(ISSUER, sequence, ROOT, 1)) == "RegistryBadSequence"
    assert accredited.refused("key", f.anchor(ISSUER, 1, bytes(32), 1)) == "RegistryZeroRoot"
    assert accredited.refused("key", f.anchor(ISSUER, 1, ROOT, 0)) == "RegistryEmptyTree"
    receipt = accredited.by("key", f.anchor(ISSUER, 1, ROOT, 9))
    expected = (ROOT, 9, accredited.now(), receipt["blockNumber"], 0, accredited.accounts["key"])
    assert f.anchorOf(ISSUER, 1).call() == expected
    assert accredited.refused("key", f.anchor(ISSUER, 1, b"\x09" * 32, 1)) == "RegistryBadSequence"
    accredited.by("key", f.anchor(ISSUER, 2, b"\x09" * 32, 1))
    assert f.anchorOf(ISSUER, 1).call() == expected
    assert f.lastSequence(ISSUER).call() == 2


def test_issuers_do_not_touch_each_other(accredited):
    accredited.accredit(OTHER, "other_key")
    f = accredited.f
    accredited.by("key", f.anchor(ISSUER, 1, ROOT, 1))
    assert accredited.refused("other_key", f.anchor(ISSUER, 2, ROOT, 1)) == "RegistryKeyNotActive"
    assert accredited.refused("other_key", status(accredited, LEAF, REVOKED)) == "RegistryKeyNotActive"
    # The same root may be anchored by another: it proves nothing there, because leaves bind their issuer.
    accredited.by("other_key", f.anchor(OTHER, 1, ROOT, 1))
    accredited.by("other_key", f.setStatus(OTHER, [LEAF], REVOKED, 0, False))
    assert f.statusOf(ISSUER, LEAF).call()[0] == ACTIVE


LEGAL = {
    (ACTIVE, SUSPENDED), (ACTIVE, SUPERSEDED), (ACTIVE, REVOKED),
    (SUSPENDED, ACTIVE), (SUSPENDED, SUPERSEDED), (SUSPENDED, REVOKED),
    (SUPERSEDED, REVOKED),
}  # fmt: skip


def status(registry: Registry, leaf: bytes, wanted: int, sequence: int = 1) -> Any:
    """A change of status as a call; the successor is the one leaf of batch `sequence`."""
    if wanted == SUPERSEDED:
        return registry.f.supersede(ISSUER, leaf, 5, False, (NEXT_LEAF, sequence, 0, []))
    return registry.f.setStatus(ISSUER, [leaf], wanted, 5, False)


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(range(4), range(4))))
def test_the_status_machine(accredited, current, wanted):
    accredited.by("key", accredited.f.anchor(ISSUER, 1, NEXT_LEAF, 1))
    if current != ACTIVE:
        accredited.by("key", status(accredited, LEAF, current))
    call = status(accredited, LEAF, wanted)
    if (current, wanted) in LEGAL:
        accredited.by("key", call)
        record = accredited.f.statusOf(ISSUER, LEAF).call()
        assert record[:5] == (wanted, False, False, 5, accredited.now())
        assert record[5] == accredited.accounts["key"]
    else:
        assert accredited.refused("key", call) == "RegistryBadTransition"


def test_an_issuer_never_lifts_a_regulators_suspension(accredited):
    accredited.by("key", accredited.f.anchor(ISSUER, 1, NEXT_LEAF, 1))
    accredited.by("key", status(accredited, LEAF, SUSPENDED))
    # The regulator takes the issuer's suspension over.
    accredited.by("regulator", status(accredited, LEAF, SUSPENDED))
    assert accredited.refused("key", status(accredited, LEAF, ACTIVE)) == "RegistryHeldByRegulator"
    assert accredited.refused("key", status(accredited, LEAF, SUPERSEDED)) == "RegistryHeldByRegulator"
    accredited.by("regulator", status(accredited, LEAF, ACTIVE))
    accredited.by("key", status(accredited, LEAF, SUSPENDED))
    accredited.by("regulator", status(accredited, LEAF, SUSPENDED))
    accredited.by("key", status(accredited, LEAF, REVOKED))


def test_a_successor_is_a_leaf_of_the_same_issuer(accredited):
    accredited.accredit(OTHER, "other_key")
    f = accredited.f
    accredited.by("key", f.anchor(ISSUER, 1, NEXT_LEAF, 1))
    assert accredited.refused("key", f.setStatus(ISSUER, [LEAF], SUPERSEDED, 5, False)) == "RegistryBadSuccessor"
    for leaf, sequence, index, path in (
        (b"\x09" * 32, 1, 0, []),
        (NEXT_LEAF, 2, 0, []),
        (NEXT_LEAF, 1, 1, []),
        (NEXT_LEAF, 1, 0, [bytes(32)]),
    ):
        call = f.supersede(ISSUER, LEAF, 5, False, (leaf, sequence, index, path))
        assert accredited.refused("key", call) == "RegistryBadSuccessor"
    assert accredited.refused("key", status(accredited, NEXT_LEAF, SUPERSEDED)) == "RegistryBadSuccessor"
    call = f.supersede(OTHER, LEAF, 5, False, (NEXT_LEAF, 1, 0, []))
    assert accredited.refused("other_key", call) == "RegistryBadSuccessor"
    accredited.by("key", status(accredited, LEAF, SUPERSEDED))


def test_a_thiefs_acts_weigh_nothing_until_somebody_re_attests_them(accredited):
    f, key = accredited.f, accredited.accounts["key"]
    accredited.by("accreditor", f.addKey(ISSUER, accredited.accounts["other_key"], BOTH, INSTITUTE))
    accredited.by("key", f.anchor(ISSUER, 1, ROOT, 1))
    accredited.by("key", status(accredited, LEAF, SUSPENDED))
    accredited.travel(10)
    stolen = accredited.now() + 1
    accredited.travel(10)
    accredited.by("key", f.anchor(ISSUER, 2, ROOT, 1))
    accredited.by("key", f.setStatus(ISSUER, [LEAF, NEXT_LEAF], REVOKED, 4, True))
    accredited.by("accreditor", f.declareCompromise(ISSUER, key, stolen))
    assert accredited.refused("accreditor", f.declareCompromise(ISSUER, key, stolen)) == "RegistryBadCompromise"
    assert f.carriesWeight(ISSUER, 1).call()
    assert not f.carriesWeight(ISSUER, 2).call()
    assert [f.statusOf(ISSUER, leaf).call()[0] for leaf in (LEAF, NEXT_LEAF)] == [SUSPENDED, ACTIVE]
    assert accredited.refused("key", f.reattest(ISSUER, [(2, ROOT)])) == "RegistryKeyNotActive"
    assert accredited.refused("other_key", f.reattest(ISSUER, [(1, ROOT)])) == "RegistryNothingToReattest"
    assert accredited.refused("other_key", f.reattest(ISSUER, [(2, LEAF)])) == "RegistryNothingToReattest"
    accredited.by("other_key", f.reattest(ISSUER, [(2, ROOT)]))
    assert f.carriesWeight(ISSUER, 2).call()
    accredited.by("other_key", status(accredited, LEAF, REVOKED))
    assert f.statusCount(ISSUER, LEAF).call() == 2


def test_an_approval_by_a_wallet_is_relayed_by_anybody(registry):
    """The signature comes from eth-account's own EIP-712, not from ours."""
    signer = Account.from_key(b"\x07" * 32)
    registry.open()
    registry.by("accreditor", registry.f.addKey(ISSUER, signer.address, ANCHOR, INSTITUTE))
    deadline = registry.now() + 1_000
    signed = signer.sign_typed_data(full_message=reference.approval(*registry.pins(), ISSUER, 1, ROOT, 9, deadline))
    call = registry.f.anchorApproved(ISSUER, 1, ROOT, 9, deadline, signer.address, bytes(signed.signature))
    assert bytes(signed.message_hash) == registry.f.approvalDigest(ISSUER, 1, ROOT, 9, deadline).call()
    registry.by("stranger", call)
    assert registry.f.anchorOf(ISSUER, 1).call()[-1] == signer.address
    assert registry.refused("stranger", call) == "RegistryBadSequence"
    other = registry.f.anchorApproved(ISSUER, 2, ROOT, 9, deadline, signer.address, bytes(signed.signature))
    assert registry.refused("stranger", other) == "RegistryBadApproval"
    registry.travel(2_000)
    assert registry.refused("stranger", call) == "RegistryApprovalExpired"


def test_an_account_is_a_key_or_holds_one_role(accredited):
    f = accredited.f
    roles = {name: getattr(f, f"{name}_ROLE")().call() for name in ("ACCREDITOR", "REGULATOR", "PAUSER")}
    for name in ("admin", "accreditor", "regulator", "pauser", "key"):
        account = accredited.accounts[name]
        for role, identifier in roles.items():
            if role.lower() != name:
                assert accredited.refused("admin", f.grantRole(identifier, account)) == "RegistryRolesNotSeparate"
        if name != "key":
            assert accredited.refused("accreditor", f.addKey(OTHER, account, BOTH, 1)) == "RegistryRolesNotSeparate"


def test_nobody_bars_who_may_become_the_admin(accredited):
    f, heir = accredited.f, accredited.accounts["stranger"]
    accredited.by("admin", f.beginDefaultAdminTransfer(heir))
    assert accredited.refused("accreditor", f.addKey(OTHER, heir, BOTH, INSTITUTE)) == "RegistryRolesNotSeparate"
    accredited.travel(10)
    accredited.by("stranger", f.acceptDefaultAdminTransfer())
    assert f.defaultAdmin().call() == heir
    # A key is refused when it is named, and not only after the delay.
    key = accredited.accounts["key"]
    assert accredited.refused("stranger", f.beginDefaultAdminTransfer(key)) == "RegistryRolesNotSeparate"


def test_a_pause_ends_by_itself_and_a_successor_never(accredited):
    f = accredited.f
    accredited.by("pauser", f.pause())
    assert accredited.refused("key", f.anchor(ISSUER, 1, ROOT, 1)) == "RegistryPaused"
    assert accredited.refused("accreditor", f.openWindow(OTHER, 0, FOREVER, 1, PROFILE)) == "RegistryPaused"
    accredited.by("key", status(accredited, LEAF, REVOKED))
    accredited.travel(7 * 86_400)
    accredited.by("key", f.anchor(ISSUER, 1, ROOT, 1))
    successor = Registry().contract.address
    assert accredited.refused("admin", f.setSuccessor(successor)) == "RegistryBadRegistry", "it has no code here"
    accredited.by("admin", f.setSuccessor(accredited.deploy()))
    assert accredited.refused("key", f.anchor(ISSUER, 2, ROOT, 1)) == "RegistrySucceeded"
    assert accredited.refused("regulator", status(accredited, NEXT_LEAF, REVOKED)) == "RegistrySucceeded"


def test_the_log_holds_every_change_and_nothing_else(registry):
    """After each change: size and root by the reference over events alone, and by the verifier's code."""
    f = registry.f
    registry.accredit()
    registry.by("accreditor", f.addKey(ISSUER, registry.accounts["other_key"], BOTH, 2))
    for sequence in range(1, 12):
        registry.by("key", f.anchor(ISSUER, sequence, bytes([sequence]) * 32, sequence))
        size, root = f.checkpoint().call()
        entries = registry.entries()
        assert size == len(entries) == sequence + 3
        assert root == reference.root([reference.leaf(entry) for entry in entries])
        stated = checkpoint_of(entries)
        assert (stated.size, stated.root) == (size, root)
    day = registry.now() // 86_400
    for name, call in (
        ("regulator", f.setStatus(ISSUER, [LEAF, NEXT_LEAF], SUSPENDED, 1, True)),
        ("key", f.closeNight(ISSUER, day, 11)),
        ("accreditor", f.declareCompromise(ISSUER, registry.accounts["key"], 1)),
        ("other_key", f.reattest(ISSUER, [(1, b"\x01" * 32), (2, b"\x02" * 32)])),
        ("accreditor", f.retireKey(ISSUER, registry.accounts["other_key"])),
        ("accreditor", f.closeWindow(ISSUER, 0, 0)),
        ("pauser", f.pause()),
        ("admin", f.unpause()),
        ("admin", f.setSuccessor(registry.deploy())),
    ):
        registry.by(name, call)
        entries = registry.entries()
        assert [int.from_bytes(entry[-32:], "big") for entry in entries] == list(range(len(entries)))
        assert f.checkpoint().call() == [len(entries), reference.root([reference.leaf(entry) for entry in entries])]
    assert {"0x" + entry[:32].hex() for entry in entries} == set(LOGGED_EVENTS)


def test_the_contract_takes_no_ether(accredited):
    with pytest.raises(Exception, match=r"revert|fail"):
        accredited.web3.eth.send_transaction(
            {"from": accredited.accounts["stranger"], "to": accredited.contract.address, "value": 1}
        )
