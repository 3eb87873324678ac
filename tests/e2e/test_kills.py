"""Real processes, a real chain, and kill -9 in the places that hurt."""

import signal

import pytest
from installation import Installation
from rpc_proxy import Proxy

from anchor_service.core.hashing import IssuerId


def state(installation: Installation) -> str:
    return installation.jangkar("batch", "list").split("leaves")[-1].split()[0]


@pytest.mark.parametrize("moment", ["between signed and sent", "between sent and confirmed"])
def test_killed_in_the_middle_of_anchoring(installation, moment):
    """The next run ends with exactly one anchor for that sequence, and receipts that verify."""
    folder = installation.certificates("one", "two", "three")
    installation.jangkar("ingest", str(folder), "--csv", str(installation.table))
    with Proxy(installation.devnet.url) as proxy:
        installation.configure(proxy.url)
        process = installation.popen("jangkar", "anchor", "run")
        sent: list[str] = []

        def kill_before(asked: dict) -> bool:
            if asked["method"] != "eth_sendRawTransaction" or moment != "between signed and sent":
                return True
            process.send_signal(signal.SIGKILL)
            return False

        def kill_after(asked: dict, answer: bytes) -> bytes:
            if asked["method"] == "eth_sendRawTransaction":
                sent.append(asked["params"][0])
                process.send_signal(signal.SIGKILL)
            return answer

        proxy.before, proxy.after = kill_before, kill_after
        process.wait(60)
        process.stdout.close()
        assert process.returncode == -signal.SIGKILL
        assert len(sent) == (0 if moment == "between signed and sent" else 1)
        proxy.before = lambda _: True
        again: list[str] = []

        def remember(asked: dict, answer: bytes) -> bytes:
            if asked["method"] == "eth_sendRawTransaction":
                again.append(asked["params"][0])
            return answer

        proxy.after = remember
        installation.jangkar("anchor", "run")
        installation.jangkar("anchor", "run")
        # The same bytes, or none at all when the first ones had been mined meanwhile.
        assert set(again) <= set(sent or again)
        assert len(set(again)) <= 1
    installation.configure(installation.devnet.url)
    registry = installation.devnet.registry(installation.registry)
    assert registry.last_sequence(IssuerId(bytes.fromhex(installation.issuer))) == 1
    assert registry.next_nonce() == 1, "one transaction was mined, and no other"
    assert "1 statuses" not in installation.jangkar("anchor", "run")
    installation.jangkar("receipt", "write", str(folder))
    for name in ("one", "two", "three"):
        code, answer = installation.verify(str(folder / f"{name}.pdf"), "--issuer", installation.issuer)
        assert (code, answer["verdict"]) == (0, "valid")


def test_a_node_that_is_down_loses_nothing(quick):
    folder = quick.certificates("one")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    port = quick.devnet.port
    quick.devnet.kill()
    done = quick.run("jangkar", "anchor", "run")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    quick.devnet.start(port)
    assert "anchored 1 batches of 1 certificates" in quick.jangkar("anchor", "run")


def test_a_night_that_ends_before_its_block_is_pending(quick):
    folder = quick.certificates("one")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.devnet.call("evm_setAutomine", False)
    quick.jangkar("anchor", "run", "--wait", "0", exit_code=3)
    quick.jangkar("receipt", "write", str(folder), exit_code=3)
    assert state(quick) == "sent"
    quick.devnet.call("evm_setAutomine", True)
    quick.jangkar("anchor", "run")
    assert state(quick) == "anchored"
