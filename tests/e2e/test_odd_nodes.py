"""A node that answers less at once than others do, and one of another chain."""

import json

import pytest
from rpc_proxy import Proxy


def too_many_blocks(asked, said):
    first, last = (int(asked["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
    return b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"range"}}' if last - first >= 3 else said


def too_many_events(_asked, said):
    return (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"10000"}}' if said.count(b"logIndex") > 2 else said
    )


@pytest.mark.parametrize("limit", [too_many_blocks, too_many_events])
def test_the_log_is_read_from_a_node_that_answers_little_at_once(quick, limit):
    folder = quick.certificates("satu", "dua")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.jangkar("anchor", "run")
    quick.jangkar("status", "set", str(folder / "dua.pdf"), "suspended")
    quick.jangkar("anchor", "run")
    whole = quick.jangkar("registry", "log")
    refused = 0

    def answer(asked, said):
        nonlocal refused
        if asked["method"] != "eth_getLogs":
            return said
        limited = limit(asked, said)
        refused += limited is not said
        return limited

    with Proxy(quick.devnet.url) as node:
        node.after = answer
        quick.configure(node.url)
        pinned = json.loads(quick.policy.read_text())
        quick.policy.write_text(json.dumps(pinned | {"nodes": [node.url]}))
        assert quick.jangkar("registry", "log") == whole
        assert refused
        quick.jangkar("mirror", str(quick.folder / "mirror"))
        (quick.folder / "jangkar.sqlite3").unlink()
        quick.jangkar("db", "upgrade")
        assert "statuses 1," in quick.jangkar("rebuild")
        trusted = ("--policy", str(quick.policy))
        quick.jangkar("receipt", "write", str(folder))
        memory = ("--memory", str(quick.folder / "memory.json"))
        assert quick.verify(str(folder / "satu.pdf"), "--issuer", quick.issuer, *memory)[1]["verdict"] == "valid"
        for asked in (("log",), ("bundle", str(quick.folder / "log.bundle"))):
            done = quick.run("jangkar-verify", *asked, *trusted)
            assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_refuses_the_node_of_another_chain(quick):
    path = quick.folder / "jangkar.toml"
    path.write_text(path.read_text().replace("chain_id = ", "chain_id = 5 #"))
    admin = ("--keystore", str(quick.devnet.folder / "keystore" / "admin.json"))
    password = ("--password-file", str(quick.devnet.folder / "password"))
    account = "0x" + "aa" * 20
    before = quick.devnet.call("eth_blockNumber")
    for command in (
        ("role", "grant", "REGULATOR", account, *admin, *password),
        ("deploy", "--admin", account, *admin, *password),
        ("pause", *admin, *password),
        ("policy", "--operators", "1"),
        ("info",),
        ("log",),
    ):
        done = quick.run("jangkar", "registry", *command)
        assert done.returncode == 4, (command, done.stdout, done.stderr)
        assert "and the settings name 5" in done.stderr, command
    assert quick.devnet.call("eth_blockNumber") == before
