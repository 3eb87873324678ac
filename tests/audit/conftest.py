"""One honest history, which every test gets as it was."""

import shutil
import time
from collections.abc import Iterator

import pytest
from devnet import Anvil
from nation import DAY, Nation, honest


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    # Five days pass in it, so that its newest block is of now.
    with Anvil("--timestamp", str(int(time.time()) - 5 * DAY - 60)) as anvil:
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
