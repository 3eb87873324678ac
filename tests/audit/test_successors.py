"""A registry that another one succeeds: its batches are still its own, and nothing of it is denied or accused."""

from pathlib import Path

import pytest
from nation import A, Nation, with_policy


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
