"""A registry that another one succeeds: its batches are still its own, and nothing of it is denied or accused."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nation import DAY, NAMES, A, B, Nation, names, with_policy

from anchor_service.core.merkle import MerkleTree
from verifier.cli import main


def metadata(nation: Nation, sequence: int) -> tuple[Path, Path]:
    """The first certificate of a batch of institute A's, and its metadata."""
    paper, path = nation.paper(A, sequence, 0), nation.folder / f"metadata-{sequence}.json"
    path.write_text(nation.certificates[A, sequence][0][2])
    return paper, path


@pytest.fixture
def receipt(nation, verify):
    def run(mirror: Path, paper: Path, facts: Path):
        out = nation.folder / "again.json"
        out.unlink(missing_ok=True)
        given = ("--metadata", facts, "--issuer", A.hex(), "--mirror", mirror, "--out", out)
        said = verify("receipt", paper, *given)
        beside = paper.with_name(paper.name + ".jangkar.json")
        assert said.code or out.read_bytes() == beside.read_bytes()
        return said

    return run


def test_a_mirror_gives_receipts_of_an_earlier_registry(nation, receipt):
    """And says no only where all batches of the issuer were searched, in each registry."""
    earlier, later = nation.folder / "earlier", nation.folder / "later"
    old = metadata(nation, 1)
    nation.mirror(earlier, A)
    nation.succeed()
    assert receipt(earlier, *old).code == 0
    nation.batch(A, 1)
    nation.batch(A, 2)
    new = metadata(nation, 2)
    nation.mirror(later, A)
    assert receipt(earlier, *old).code == 0
    assert receipt(later, *new).code == 0
    for mirror, asked, why in ((later, old, "holds no "), (earlier, new, "is of another registry")):
        said = receipt(mirror, *asked)
        assert (said.code, why in said.out) == (4, True), said.out


def test_a_successor_that_is_not_listed_was_not_searched(nation, receipt):
    earlier = nation.folder / "earlier"
    nation.mirror(earlier, A)
    nation.batch(A, 6)
    nation.mirror(nation.folder / "whole", A)
    paper, facts = metadata(nation, 6)
    stranger = facts.with_name("stranger.json")
    stranger.write_text(facts.read_text().replace("latsar", "pkp"))
    assert receipt(nation.folder / "whole", paper, stranger).code == 1
    nation.succeed()
    successor = nation.address.lower()
    with_policy(nation, successors=[])
    said = receipt(nation.folder / "whole", paper, stranger)
    assert (said.code, successor in said.out) == (4, True), said.out


def supersede(nation: Nation, old: bytes, sequence: int) -> None:
    """By the only certificate of a batch of institute A's."""
    (newer,) = nation.leaves[A, sequence]
    nation.act(NAMES[A], "supersede", A, old, 5, False, (newer, sequence, 0, []))


@pytest.fixture
def succeeded(nation: Nation) -> Nation:
    """A certificate that supersedes another in the first registry, and one of the second that supersedes one there."""
    first, second = nation.leaves[A, 5][0], nation.leaves[A, 4][0]
    nation.batch(A, 6, size=1, supersedes=first.hex())
    supersede(nation, first, 6)
    nation.succeed()
    nation.batch(A, 1, size=1, supersedes=second.hex())
    nation.batch(A, 2)
    nation.batch(B, 1)
    nation.old = second
    nation.sleep(2 * DAY)
    return nation


def test_an_audit_of_two_registries_accuses_nobody(succeeded):
    """Each has its own batch number 1; a status is read where the certificate stands and in what succeeds that."""
    supersede(succeeded, succeeded.old, 1)
    code, report = succeeded.audit("--sample", "60")
    assert (code, names(report)) == (0, set()), report["findings"]
    assert report["counts"]["certificates"] == report["counts"]["leaves_recomputed"] == 52 + 1 + 1 + 8 + 8
    assert [one["answer"] for one in report["sample"]["certificates"]] == [True] * (53 + 17)
    first, second = (log["registry"] for log in report["logs"])
    (institute,) = [one for one in report["issuers"] if one["id"] == A.hex()]
    assert [(one["registry"], one["sequence"]) for one in institute["batches"]] == [
        *((first, number) for number in range(1, 7)), (second, 1), (second, 2),
    ]  # fmt: skip
    assert len(institute["windows"]) == 2
    assert [one["registry"] for one in institute["keys"]] == [first, second]


def test_what_was_not_superseded_in_either_registry_is_found(succeeded):
    code, report = succeeded.audit("--sample", "0")
    assert (code, names(report)) == (1, {"not-superseded"})
    (found,) = [one for one in report["findings"] if one["weight"] == "breach"]
    assert (found["registry"], found["sequence"]) == (succeeded.address.lower(), 1)
    assert found["values"]["leaf"] == succeeded.old.hex()


def test_a_certificate_of_both_registries_is_anchored_twice(nation, capsys):
    leaves = nation.leaves[A, 1]
    nation.succeed()
    text = (nation.folder / "manifests" / A.hex() / "00000001.manifest").read_text()
    nation.act(NAMES[A], "anchor", A, 1, MerkleTree(leaves).root_hash, 8)
    nation.write(A, 1, "manifest", re.sub('"registry":"[^"]*"', f'"registry":"{nation.address.lower()}"', text))
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"leaf-anchored-twice"})
    assert f"registry {nation.address.lower()}, issuer {A.hex()}, sequence 1" in capsys.readouterr().out


def test_a_place_for_each_registry(succeeded, capsys):
    """With one place for two registries, an honest institute's first batch was another's."""
    given = succeeded.command(succeeded.folder / "out")
    assert main(given[:-4]) == 2
    assert "2 registries" in capsys.readouterr().err
    assert main([*given, "--manifests", str(succeeded.folder)]) == 2
    # Entries are opened for all of them, or for none.
    assert main(given[:-2]) == 2


def test_of_a_log_that_was_not_read_nothing_is_said(nation, verify):
    """Neither that its issuer was not accredited, nor what another registry says of it."""
    nation.succeed(on_chain=False)
    nation.batch(A, 1)
    paper = nation.paper(A, 1, 0)
    given = ("--issuer", A.hex(), "--at", datetime.fromtimestamp(nation.now(), UTC).isoformat())
    assert verify("check", paper, "--issuer", A.hex()).code == 0
    said = verify("check", paper, *given, "--json")
    assert (said.verdict, said.past["issuer_accredited"]) == ("undetermined", None)
    assert "accredited at that time" not in verify("check", paper, *given).out
    # The first registry knows this institute, and holds a batch of this number: of another registry's it says nothing.
    with_policy(nation, successors=[])
    said = verify("check", paper, *given, "--json")
    assert (said.verdict, said.past["issuer_accredited"]) == ("invalid", None)
    said = verify("check", paper, "--issuer", A.hex(), "--json")
    assert [check["outcome"] for check in said.claims[0]["checks"]] == ["pass", "unknown", "fail", "unknown", "unknown"]
    detail = f"registry {nation.address.lower()} is none of the policy's"
    assert said.claims[0]["checks"][1]["values"] == {"detail": detail}
