"""One honest history, which every test gets as it was."""

import shutil
import time
from collections.abc import Iterator

import pytest
from devnet import Anvil
from nation import DAY, Nation, honest


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
    kept, base.folder = base.folder, tmp_path / "copy"
    shutil.copytree(kept, base.folder)
    yield base
    base.folder = kept
    assert base.anvil.call("evm_revert", snapshot)
