"""One honest history, which every test gets as it was."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from devnet import Anvil
from nation import DAY, A, Nation, honest

from verifier.cli import main

NAMES = ("suspended", "revoked", "superseded", "valid")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    # It anchors at 22:00 in Western Indonesia Time, for five days, and ends at most a day ago.
    evening = 15 * 3600
    began = (int(time.time()) - 60 - evening) // DAY * DAY + evening - 5 * DAY
    with Anvil("--timestamp", str(began)) as anvil:
        yield honest(anvil, tmp_path_factory.mktemp("nation"))


@pytest.fixture
def nation(base: Nation, tmp_path) -> Iterator[Nation]:
    """The honest history and a copy of its files; what a test does to either is undone."""
    snapshot = base.anvil.call("evm_snapshot")
    kept = vars(base).copy()
    base.folder, base.leaves, base.certificates = tmp_path / "copy", base.leaves.copy(), base.certificates.copy()
    shutil.copytree(kept["folder"], base.folder)
    yield base
    vars(base).update(kept)
    assert base.anvil.call("evm_revert", snapshot)


@pytest.fixture
def verify(nation: Nation, capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """A command's exit code and what it printed; as JSON where it was asked for that."""

    def run(*arguments: object) -> SimpleNamespace:
        code = main([*(str(one) for one in arguments), "--policy", str(nation.policy)])
        said = capsys.readouterr()
        fields = json.loads(said.out) if "--json" in arguments and said.out else {}
        return SimpleNamespace(code=code, out=said.out, err=said.err, **{"verdict": None, **fields})

    return run


@pytest.fixture
def papers(nation: Nation) -> dict[str, Path]:
    """Of institute A's first batch: the suspended, the revoked, the superseded and one that is in force."""
    return {name: nation.paper(A, 1, index) for index, name in enumerate(NAMES)}
