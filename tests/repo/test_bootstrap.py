"""The environment that scripts make: nothing unpinned, nothing twice."""

import sys
from pathlib import Path

import _bootstrap
import pytest

PINNED = sorted(path for path in (_bootstrap.ROOT / "requirements").glob("*.txt") if path.stem != "overrides")


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.stem)
def test_every_requirement_is_pinned_with_its_hashes_and_none_is_lost(path):
    text = path.read_text()
    found = _bootstrap.pinned(text)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert "".join(found.values()).splitlines() == lines
    assert all("--hash=sha256:" in block for block in found.values())


def test_what_is_not_pinned_is_refused():
    with pytest.raises(ValueError, match="not a pinned requirement: requests>=2"):
        _bootstrap.pinned("requests>=2 \\\n    --hash=sha256:00\n")


def test_a_name_and_its_version_are_those_of_the_folder_that_an_installer_makes(tmp_path):
    text = "Foo.Bar[extra]==1.0b1 ; python_version < '4' \\\n    --hash=sha256:00\nsix==2 \\\n    --hash=sha256:11\n"
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    done, broken_off = packages / "foo_bar-1.0b1.dist-info", packages / "six-2.dist-info"
    for folder in (done, broken_off):
        folder.mkdir(parents=True)
    (done / "INSTALLER").write_text("pip\n")
    assert list(_bootstrap.pinned(text)) == [("foo-bar", "1.0b1"), ("six", "2")]
    assert _bootstrap.installed(tmp_path) == {("foo-bar", "1.0b1")}


def test_this_environment_lacks_nothing_of_its_set():
    wanted = _bootstrap.pinned((_bootstrap.ROOT / "requirements" / "dev.txt").read_text())
    there = _bootstrap.installed(Path(sys.prefix))
    lacking = [block for key, block in wanted.items() if key not in there]
    # What is lacking is for another platform or another Python.
    assert all(" ; " in block for block in lacking)
