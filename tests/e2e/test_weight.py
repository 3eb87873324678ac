"""What anchors and statuses weigh, asked at every moment of one real history: the grid, and a registry's successor.

On the devnet and on two anvils, from the registry's storage and from its log: the verdicts are the same.
"""

import hashlib
from typing import Any

import pytest
from devnet import Anvil, Devnet
from eth_account import Account
from eth_account.signers.local import LocalAccount
from moments import ISSUER, PROFILE, REVOKED, SUSPENDED, Certificate, Timeline
from web3 import Web3

from anchor_service.chain.contract import artifact
from anchor_service.core import profile
from anchor_service.core.kinds import scope_of
from anchor_service.ports import FOREVER
from verifier.chain.facts import Head
from verifier.errors import SourceUnavailable
from verifier.history import bundle

NETWORKS = ["devnet", "anvil's newest", "anvil's london"]


@pytest.fixture(scope="module", params=NETWORKS)
def history(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    """Key `thief` is stolen at the moment "at"; `sound` is the institute's other key."""
    network = {
        "devnet": lambda: Devnet(tmp_path_factory.mktemp("devnet")),
        "anvil's newest": Anvil,
        "anvil's london": lambda: Anvil("--hardfork", "london"),
    }[request.param]()
    with network as devnet:
        made = Timeline(devnet)
        thief = devnet.account("institute")
        sound = made.fund(Account.create())
        accreditor, regulator = devnet.account("accreditor"), devnet.account("regulator")
        made.certificates = {name: Certificate(number) for number, name in enumerate(NAMES, start=1)}
        c = made.certificates

        def anchored(moment: str, *names: str, by: LocalAccount) -> Head:
            head = made.block(moment, *((by, *c[name].anchor()) for name in names))
            for name in names:
                c[name].anchored(made.registry, head)
            return head

        def status(by: LocalAccount, name: str, wanted: int) -> tuple[LocalAccount, str, tuple]:
            return by, "setStatus", (ISSUER, [c[name].leaf], wanted, 4, False)

        made.block(
            "accredited",
            (accreditor, "openWindow", (ISSUER, 0, FOREVER, scope_of(["latsar"]), profile.digest(PROFILE))),
            (accreditor, "addKey", (ISSUER, thief.address, 3, 1)),
            (accreditor, "addKey", (ISSUER, sound.address, 3, 1)),
        )
        anchored("first", "held", "lifted", "revoked before", "revoked at", "revoked after", "by regulator", by=sound)
        made.block("suspended", status(sound, "held", SUSPENDED), status(sound, "lifted", SUSPENDED))
        anchored("before", "before", by=thief)
        made.block("revoked before", status(thief, "revoked before", REVOKED))
        stolen = made.block(
            "at",
            (thief, *c["at"].anchor()),
            status(thief, "revoked at", REVOKED),
            status(thief, "lifted", 0),
        )
        c["at"].anchored(made.registry, stolen)
        anchored("after", "after", by=thief)
        made.block(
            "acted",
            status(thief, "revoked after", REVOKED),
            status(thief, "held", REVOKED),
            status(regulator, "by regulator", REVOKED),
        )
        made.block("declared", (accreditor, "declareCompromise", (ISSUER, thief.address, stolen.time)))
        made.block(
            "re-attested",
            (sound, "reattest", (ISSUER, [(c["after"].sequence, c["after"].leaf)])),
            status(sound, "revoked after", REVOKED),
        )
        # Closing takes effect in the next second: an anchor of the same block lies inside.
        closing = made.block(
            "closed",
            (accreditor, "closeWindow", (ISSUER, 0, 0)),
            (sound, *c["at closing"].anchor()),
        )
        c["at closing"].anchored(made.registry, closing)
        made.block("later")
        yield made


NAMES = [
    "held", "lifted", "revoked before", "revoked at", "revoked after", "by regulator",
    "before", "at", "after", "at closing",
]  # fmt: skip

# Certificate x moment of asking. "-" is before it was anchored: the head lies below the receipt's block.
MOMENTS = ["before", "at", "after", "acted", "declared", "re-attested", "closed", "later"]
V, U, R, S, X = "valid", "untrusted", "revoked", "suspended", "undetermined"
GRID = {
    # anchored before, at and after the instant since when the key counts as stolen; re-attested or not
    "before": [V, V, V, V, V, V, V, V],
    "at": [X, V, V, V, U, U, U, U],
    "after": [X, X, V, V, U, V, V, V],
    # statuses by that key, before, at and after; written again by a sound key; by the regulator
    "revoked before": [V, R, R, R, R, R, R, R],
    "revoked at": [V, R, R, R, V, V, V, V],
    "revoked after": [V, V, V, R, V, R, R, R],
    "by regulator": [V, V, V, R, R, R, R, R],
    # what stood before the thief stands again: a suspension that it lifted, and one that it made a revocation
    "lifted": [S, V, V, V, S, S, S, S],
    "held": [S, S, S, R, S, S, S, S],
    # anchored in the second in which its window was closed
    "at closing": [X, X, X, X, X, X, V, V],
}


@pytest.mark.parametrize("name", list(GRID))
def test_the_grid(history, name):
    found = [history.verdict(history.certificates[name], moment) for moment in MOMENTS]
    assert found == GRID[name]


@pytest.mark.parametrize("name", list(GRID))
def test_the_log_says_what_the_storage_says(history, name):
    """Fact by fact, at every moment; and no act of a genuine history is a breach."""
    certificate = history.certificates[name]
    for moment in MOMENTS:
        recorded = history.recorded(moment)
        assert recorded.histories[0].breaches == []
        stored = history.facts(certificate, moment)
        assert recorded.facts(history.registry, ISSUER, certificate.sequence, certificate.leaf) == stored
        assert history.verdict(certificate, moment, recorded=recorded) == GRID[name][MOMENTS.index(moment)]


def test_after_the_closing_nothing_is_anchored(history):
    name, arguments = Certificate(len(NAMES) + 1).anchor()
    functions = history.client.eth.contract(
        address=Web3.to_checksum_address(history.registry), abi=artifact()["abi"]
    ).functions
    with pytest.raises(Exception, match="0x"):
        getattr(functions, name)(*arguments).call({"from": history.network.account("institute").address})


def test_a_registry_with_a_successor(history):
    """A policy that does not list it knows no status any more; one that does sees a revocation made there."""
    devnet = history.network
    devnet.call("evm_setAutomine", True)
    successor = devnet.deploy()
    devnet.call("evm_setAutomine", False)
    certificate = history.certificates["before"]
    listing = history.trust(history.registry, successor)
    assert history.verdict(certificate, "later", listing) == "valid", "named beforehand"

    naming = (devnet.account("admin"), "setSuccessor", (Web3.to_checksum_address(successor),))
    history.block("succeeded", naming)
    assert history.verdict(certificate, "succeeded") == "undetermined"
    assert (
        history.verdict(certificate, "succeeded", history.trust(history.registry, history.registry)) == "undetermined"
    )
    assert history.verdict(certificate, "succeeded", listing) == "valid"
    assert history.verdict(history.certificates["by regulator"], "succeeded") == "revoked", "that does not heal"

    regulator = devnet.account("regulator")
    revocation = (regulator, "setStatus", (ISSUER, [certificate.leaf], REVOKED, 4, False))
    history.block("revoked there", revocation, at=successor)
    assert history.verdict(certificate, "revoked there", listing) == "revoked"
    assert history.verdict(certificate, "revoked there") == "undetermined"
    assert history.verdict(history.certificates["after"], "revoked there", listing) == "valid"
    # From the two logs, and from a bundle of both, as from the storage.
    for trusted in (listing, history.policy):
        recorded = history.recorded("revoked there", trusted)
        data = bundle.encode(recorded)
        pinned = trusted._replace(bundles=frozenset({hashlib.sha256(data).digest()}))
        for source in (recorded, bundle.parse(data, pinned)):
            for one in (certificate, history.certificates["after"]):
                stored = history.facts(one, "revoked there", trusted)
                assert source.facts(history.registry, ISSUER, one.sequence, one.leaf) == stored
    with pytest.raises(SourceUnavailable, match="not among what was recorded"):
        history.recorded("later", listing).facts(successor, ISSUER, 1, certificate.leaf)
