"""The fast lane runs what can see a change, and everything where nobody can tell."""

import subprocess

import _affected
import pytest

FILES = {
    "pyproject.toml": "",
    "README.md": "# A house\n",
    "docs/spec/tree.md": "# Trees\n",
    "house/__init__.py": "",
    "house/cellar/__init__.py": "",
    "house/cellar/bricks.py": "def brick(): ...\n",
    "house/hall.py": "from house.cellar import bricks\n",
    "house/attic.py": "def look():\n    from house.hall import bricks\n    return bricks\n",
    "house/garden.py": "",
    "house/pages/front.html": "<p>\n",
    "house/doors.py": 'PAGES = "pages"\n',
    "scripts/build.py": "from _plans import plan\n",
    "scripts/_plans.py": "plan = 1\n",
    "scripts/alone.py": "",
    "tests/conftest.py": (
        "import pytest\nfrom scene import scene\nfrom house.garden import x\n\n"
        "@pytest.fixture\ndef tree(inner): return inner\n\n@pytest.fixture\ndef inner(): return scene\n"
    ),
    "tests/scene.py": "import house.hall\nscene = 1\n",
    "tests/programs.py": 'COMMAND = ["-m", "house"]\n',
    "tests/cellar/test_bricks.py": "import house.cellar.bricks as b\n",
    "tests/upstairs/test_attic.py": "from house import attic\n",
    "tests/upstairs/test_tree.py": "def test_it(tree): ...\n",
    "tests/upstairs/test_program.py": "import programs\n",
    "tests/upstairs/test_doors.py": "import house.doors\n",
    "tests/upstairs/test_spec.py": 'SPEC = "docs/spec"\n',
    "tests/upstairs/test_build.py": 'SCRIPT = "build.py"\n',
    "tests/repo/test_tree.py": "",
}
WHOLE = "repo/test_tree"
ALL = {name.removeprefix("tests/").removesuffix(".py") for name in FILES if "/test_" in name}


@pytest.fixture
def house(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def chosen(house, *changed) -> set[str]:
    choice = _affected.Tree(house, list(FILES)).choose(list(changed))
    return {name.removeprefix("tests/").removesuffix(".py") for name in choice.why}


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ("house/cellar/bricks.py", {"cellar/test_bricks", "upstairs/test_attic", "upstairs/test_tree"}),
        ("house/attic.py", {"upstairs/test_attic"}),
        # A package's own file runs when anything in it is imported.
        ("house/cellar/__init__.py", {"cellar/test_bricks", "upstairs/test_attic", "upstairs/test_tree"}),
        # By a fixture that asks for another; who asks for neither is not reached by what a conftest imports.
        ("tests/scene.py", {"upstairs/test_tree"}),
        ("house/garden.py", set()),
        # By a string: a folder's name, a script's, a package that is run as a program.
        ("house/pages/front.html", {"upstairs/test_doors"}),
        ("scripts/_plans.py", {"upstairs/test_build"}),
        ("docs/spec/tree.md", {"upstairs/test_spec"}),
        ("tests/cellar/test_bricks.py", {"cellar/test_bricks"}),
        # Whoever looks at the whole tree sees every page.
        ("README.md", None),
    ],
)
def test_a_change_is_seen_by_what_imports_it_or_names_it(house, changed, wanted):
    programs = {"upstairs/test_program"} if changed.startswith("house/") else set()
    assert chosen(house, changed) == {WHOLE} | programs | (wanted or set())


@pytest.mark.parametrize("changed", ["pyproject.toml", "tests/conftest.py", "scripts/alone.py", "house/gone.py"])
def test_what_everything_hangs_on_or_nobody_knows_means_everything(house, changed):
    assert chosen(house, "house/attic.py", changed) == ALL
    assert _affected.Tree(house, list(FILES)).choose([changed]).unmapped == [changed]


def test_nothing_changed_means_nothing_and_a_test_that_is_gone_is_not_asked_for(house):
    assert chosen(house) == set()
    assert chosen(house, "tests/upstairs/test_gone.py") == {WHOLE}


def test_each_choice_says_why(house):
    why = _affected.Tree(house, list(FILES)).choose(["house/attic.py", "house/hall.py"]).why
    assert why["tests/upstairs/test_attic.py"] == ["house/attic.py", "house/hall.py"]
    assert why["tests/repo/test_tree.py"] == []


def test_what_changed_is_counted_from_main_with_what_is_not_committed(house):
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, *arguments], cwd=house, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    assert _affected.changed_files(house) == []
    (house / "README.md").write_text("# Another\n")
    assert _affected.changed_files(house) == ["README.md"]
    git("checkout", "-b", "other")
    git("commit", "-am", "two")
    (house / "house" / "hall.py").write_text("")
    (house / "house" / "new.py").write_text("")
    (house / "house" / "doors.py").unlink()
    assert _affected.changed_files(house) == ["README.md", "house/doors.py", "house/hall.py", "house/new.py"]


def test_in_this_repository_a_room_is_seen_from_the_rooms_above_it():
    tree = _affected.Tree.of(_affected.Path(__file__).resolve().parents[2])
    below = set(tree.choose(["verifier/proofs/merkle.py"]).why)
    above = set(tree.choose(["verifier/cli/watching.py"]).why)
    assert above < below < set(tree.tests)
    assert "tests/verifier/test_proofs.py" in below - above
    assert "tests/core/test_properties.py" not in below
    assert "tests/verifier/test_vectors.py" in tree.choose(["tests/vectors/trees.json"]).why
