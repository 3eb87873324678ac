"""Versions of the contract: each is known by its code, and none moved what a verifier reads or a tool calls."""

import re
from pathlib import Path

import pytest
from registry_contract import ARTIFACT, RELEASED, Registry

from anchor_service.chain.versions import NEWEST, VERSIONS, hash_of, version_of

PAGE = (Path(__file__).parents[2] / "docs" / "spec" / "registry.md").read_text()
ROW = re.compile(r"^\| (\d+) \| [\d-]+ \| ([\d,]+) \| `([0-9a-f]{64})` \| ([\d, ]+) \|$", re.MULTILINE)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.number)
def test_a_deployed_registry_is_known_by_its_code(version):
    registry = Registry(version.number)
    code = bytes(registry.web3.eth.get_code(registry.contract.address))
    assert version_of(code) == version.number
    # What the constructor wrote is passed over, and nothing else.
    assert code != bytes.fromhex(RELEASED[version.number]["deployed_bytecode"][2:])
    assert version_of(bytes([code[0] ^ 1]) + code[1:]) is None
    assert version_of(code + b"\0") is None


def test_no_code_is_no_version():
    assert version_of(b"") is None


def test_the_table_the_page_and_the_artifacts_say_the_same():
    assert max(RELEASED) == NEWEST
    released = []
    for number, artifact in RELEASED.items():
        code = bytes.fromhex(artifact["deployed_bytecode"][2:])
        places = tuple(one["start"] for one in artifact["immutables"])
        assert {one["length"] for one in artifact["immutables"]} == {32}
        released.append((number, len(code), hash_of(code, ()), places))
    assert [(one.number, one.hash, one.immutables) for one in VERSIONS] == [
        (number, digest, places) for number, _, digest, places in released
    ]
    assert [
        (int(number), int(size.replace(",", "")), bytes.fromhex(digest), tuple(map(int, places.split(", "))))
        for number, size, digest, places in ROW.findall(PAGE)
    ] == released


@pytest.mark.parametrize("part", ["storage", "abi"])
def test_no_version_moved_a_slot_or_changed_a_call(part):
    assert [released[part] for released in RELEASED.values()] == [ARTIFACT[part]] * len(RELEASED)
