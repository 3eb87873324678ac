"""Which test files a change can reach, by what imports what and by what names what.

A test file depends on what it imports, on what that imports, and on the fixtures that it asks for. A Python file that
names a module or a package in a string depends on it too (`importlib`, `-m`), and so it does on every other file whose
name, or one of whose folders, it names. A changed file that no test can be found for means all of them; for a page
(`.md`) those that look at every page are enough.
"""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

# Where a module's name begins; beside these, the folder of whoever imports it.
PACKAGES_IN = (".", "hardhat-free-devnet")
PATHS = (*PACKAGES_IN, "tests", "scripts")
# They look at the whole tree, and at each page in it.
ALWAYS = "tests/repo/"
# On these hangs how every test runs.
EVERYTHING = (".ci/", "pyproject.toml", "requirements/", "scripts/_bootstrap.py", "tests/conftest.py")
UPSTREAM = ("origin/main", "main")


@dataclass(frozen=True)
class Choice:
    """What to run. `why` names, for each test file, changed files that it reaches."""

    why: dict[str, list[str]]
    # Changed files that every test hangs on, or for which none was found: then every test is chosen.
    unmapped: list[str] = field(default_factory=list)


def changed_files(root: Path) -> list[str]:
    """What differs from the last commit that is shared with main: committed, uncommitted and untracked files.

    On main itself, or where there is no main, what differs from the last commit.
    """
    upstream = next((name for name in UPSTREAM if _git(root, "rev-parse", "--verify", "--quiet", name)), "HEAD")
    base = (_git(root, "merge-base", upstream, "HEAD") or ["HEAD"])[0]
    tracked = _git(root, "diff", "--name-only", "--no-renames", base)
    return sorted({*tracked, *_git(root, "ls-files", "--others", "--exclude-standard")})


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


class Tree:
    """The Python files of a repository and what each depends on. Paths are relative to its root."""

    def __init__(self, root: Path, files: list[str]) -> None:
        self._root = root
        self._files = set(files)
        self._python = {name: _Source(ast.parse((root / name).read_text())) for name in files if name.endswith(".py")}
        self._needed: dict[str, set[str]] = {}
        self.tests = sorted(name for name in self._python if _is_test(name))

    @classmethod
    def of(cls, root: Path) -> "Tree":
        """The files that git knows or would take in."""
        listed = _git(root, "ls-files", "--cached", "--others", "--exclude-standard")
        return cls(root, [name for name in listed if (root / name).is_file()])

    def choose(self, changed: list[str]) -> Choice:
        """The test files that depend on what changed."""
        reached: dict[str, list[str]] = {test: [] for test in self.tests}
        unmapped = []
        for name in changed:
            if name not in self._files and _is_test(name):
                continue
            found = [test for test in self.tests if name in self._closure[test] or self._names(test, name)]
            for test in found:
                reached[test].append(name)
            is_mapped = name.endswith(".md") or any(not test.startswith(ALWAYS) for test in found)
            if name.startswith(EVERYTHING) or not is_mapped:
                unmapped.append(name)
        why = {test: names for test, names in reached.items() if names or unmapped or test.startswith(ALWAYS)}
        return Choice(why if changed else {}, unmapped)

    def _names(self, test: str, changed: str) -> bool:
        """Whether something that a test depends on names a file that is no Python, or one of its folders."""
        if changed.endswith(".py") or changed not in self._files:
            return False
        path = PurePosixPath(changed)
        words = {path.name, *path.parts[:-1]}
        return any(words & self._python[name].segments for name in self._closure[test] if name in self._python)

    @cached_property
    def _packages(self) -> set[str]:
        inits = (PurePosixPath(name) for name in self._python if name.endswith("/__init__.py"))
        return {path.parent.name for path in inits if str(path.parent.parent) in PACKAGES_IN}

    @cached_property
    def _closure(self) -> dict[str, set[str]]:
        return {test: self._reach(test) for test in self.tests}

    def _reach(self, test: str) -> set[str]:
        reached = {test}
        waiting = [test]
        for conftest in self._conftests(test):
            reached.add(conftest)
            waiting += self._of_fixtures(conftest, self._python[test].asked)
        while waiting:
            name = waiting.pop()
            reached.add(name)
            waiting += [other for other in self._needs(name) if other not in reached]
        return reached

    def _conftests(self, test: str) -> list[str]:
        folders = [str(parent / "conftest.py") for parent in PurePosixPath(test).parents]
        return [name for name in folders if name in self._python]

    def _of_fixtures(self, conftest: str, asked: set[str]) -> Iterator[str]:
        """What those fixtures of a conftest need that are asked for, be it by one another."""
        source = self._python[conftest]
        known, waiting = set(asked), list(asked | source.automatic)
        while waiting:
            fixture = source.functions.get(waiting.pop())
            if fixture is None:
                continue
            for node in ast.walk(fixture):
                if isinstance(node, ast.Name) and node.id in source.imported:
                    yield from self._resolve(source.imported[node.id], conftest)
            more = {one.arg for one in ast.walk(fixture) if isinstance(one, ast.arg)} | _strings(fixture)
            waiting += more - known
            known |= more

    def _needs(self, name: str) -> set[str]:
        if name not in self._needed:
            self._needed[name] = self._find_needs(name)
        return self._needed[name]

    def _find_needs(self, name: str) -> set[str]:
        source = self._python[name]
        needs = {found for module in source.modules for found in self._resolve(module, name)}
        for word in source.words:
            if word.endswith(".py"):
                needs |= {other for other in self._python if PurePosixPath(other).name == PurePosixPath(word).name}
            elif word.partition(".")[0] in self._packages:
                needs |= self._below(word.strip("."))
        return needs - {name}

    def _resolve(self, module: str, importer: str) -> Iterator[str]:
        """The files of a module, and of the packages that it is in, that are ours."""
        parts = module.split(".")
        for base in (*PATHS, str(PurePosixPath(importer).parent)):
            for end in range(1, len(parts) + 1):
                stem = PurePosixPath(base, *parts[:end])
                yield from (name for name in (f"{stem}.py", f"{stem}/__init__.py") if name in self._python)

    def _below(self, package: str) -> set[str]:
        """The files of a module that is named by its whole path, and of all that is in it."""
        found = set()
        for base in PACKAGES_IN:
            stem = str(PurePosixPath(base, *package.split(".")))
            found |= {name for name in self._python if name == f"{stem}.py" or name.startswith(f"{stem}/")}
        return found


class _Source:
    """What one Python file imports, names and asks for."""

    def __init__(self, tree: ast.Module) -> None:
        self.modules: set[str] = set()
        # The name that an import gives, and the module that it may be.
        self.imported: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    self._add(one.asname or one.name.partition(".")[0], one.name)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for one in node.names:
                    self._add(one.asname or one.name, f"{node.module}.{one.name}")
        self.words = _strings(tree)
        self.segments = {segment for word in self.words for segment in word.split("/")}
        self.functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
        self.asked = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | self.words
        self.automatic = {name for name, one in self.functions.items() if "autouse" in map(_keyword, ast.walk(one))}

    def _add(self, name: str, module: str) -> None:
        self.modules.add(module)
        self.imported[name] = module


def _keyword(node: ast.AST) -> str | None:
    return node.arg if isinstance(node, ast.keyword) else None


def _strings(tree: ast.AST) -> set[str]:
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    # A text of several words names nothing.
    return {value for value in values if value and not any(character.isspace() for character in value)}


def _is_test(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[0] == "tests" and path.name.startswith("test_") and path.suffix == ".py"
