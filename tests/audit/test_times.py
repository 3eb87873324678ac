"""Times that no date says, of a block, in the log, in the storage: they are named, and nothing breaks off."""

import pytest
from nation import A, Holder, names

from verifier.audit.slots import expected_words
from verifier.chain.facts import LAST_TIME
from verifier.chain.nodes import open_chain
from verifier.history.recorded import record

TOO_LATE = [LAST_TIME + 1, 2**63, 2**64 - 1]


@pytest.mark.parametrize("time", TOO_LATE)
def test_a_block_of_such_a_time_is_none(nation, verify, papers, time):
    """A lone node's word: there is no answer of it, and no other end."""
    nation.anvil.call("evm_mine", hex(time))
    said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
    assert (said.code, said.verdict, said.head) == (4, "undetermined", None)
    assert str(time) in said.claims[0]["checks"][1]["values"]["detail"]
    for command in (
        ("bundle", nation.folder / "new.bundle"),
        ("log",),
        ("watch", "--state", nation.folder / "state.json", "--once"),
        nation.command(nation.folder / "out"),
    ):
        assert verify(*command).code == 4


@pytest.mark.parametrize("time", TOO_LATE)
def test_an_act_of_such_a_time_is_no_entry(nation, verify, papers, time):
    """Only the holder of the chain writes one: the log is none, and the audit says which time stands in it."""
    holder = Holder(nation)
    holder.write("Unpaused", nation.key(A), time=time)
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"log-differs"})
    assert str(time) in report["findings"][0]["values"]["detail"]
    assert verify("check", papers["valid"], "--issuer", A.hex(), "--at", "2026-01-01").code == 4


ODD = {
    "a night": ("NightClosed", lambda key: (A, 2**63, 5, key)),
    "a sequence number": ("Anchored", lambda key: (A, 2**64, b"\x11" * 32, 1, 0, key, key)),
    "a size": ("Anchored", lambda key: (A, 6, b"\x11" * 32, 2**64, 0, key, key)),
    "a window": ("WindowOpened", lambda key: (A, 1, 2**64, 2**255, 1, b"\x01" * 32, key)),
    "a purpose": ("KeyAdded", lambda key: (A, key, 256, 1, key)),
}


@pytest.mark.parametrize("name", list(ODD))
def test_a_number_that_the_registry_has_no_room_for_is_no_entry(nation, name):
    event, words = ODD[name]
    Holder(nation).write(event, *words(nation.key(A)))
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"log-differs"})


def test_what_ends_never_may_stand_in_the_log(nation):
    """A window and a pause may end later than any date, and are said as numbers or as without end."""
    holder = Holder(nation)
    holder.write("Paused", nation.key(A), 2**64 - 1)
    holder.settle()
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (0, set())


@pytest.mark.parametrize("time", TOO_LATE)
def test_a_storage_of_such_a_time_proves_nothing(nation, verify, papers, time):
    holder = Holder(nation)
    slots = expected_words(record(open_chain(holder.trusted)).histories[0])
    # The root stands before size, time, block and window, 8 bytes each.
    _, slot, word = [one for one in slots if one.what.endswith("anchor 1")][1]
    holder.store(slot, word & ~((2**64 - 1) << 64) | time << 64)
    holder.ask("evm_mine")
    said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
    assert (said.code, str(time) in said.claims[0]["checks"][1]["values"]["detail"]) == (4, True)
