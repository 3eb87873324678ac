"""A command imports what it works with and nothing else: what is not imported takes no time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from anchor_service import cli

# One process runs all that it is given, one after the other, and says last what it has imported.
PROGRAM = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from anchor_service.cli import main
codes = []
for command in json.loads(sys.argv[1]):
    sys.argv = ["jangkar", *command]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            main()
    except SystemExit as ended:
        codes.append(ended.code)
print(json.dumps([codes, sorted(sys.modules)]))
"""

CHAIN = {"anchor_service.chain", "eth_abi", "eth_account", "eth_keys", "requests", "web3"}
SERVERS = {"anchor_service.web", "fastapi", "prometheus_client", "starlette", "structlog", "uvicorn"}
STORE = {"alembic", "anchor_service.pipeline", "anchor_service.store", "pydantic_settings", "sqlalchemy", "sqlmodel"}


def loaded(folder: Path, *commands: list[str], codes: set[int]) -> set[str]:
    """What is imported after these commands, each of which ended in one of the codes."""
    asked = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
    ended, modules = json.loads(done.stdout)
    assert len(ended) == len(commands)
    assert set(ended) <= codes, list(zip(commands, ended, strict=True))
    return set(modules)


def names_below(group, *above: str) -> list[list[str]]:
    """A group's commands and their commands, each as the words that call it."""
    found = []
    for name, command in group.items():
        found.append([*above, name])
        found += names_below(getattr(command, "commands", {}), *above, name)
    return found


EVERY = names_below({name: cli.commands_of(module)[name] for name, module in cli.COMMANDS.items()})


def test_the_table_of_commands_is_what_the_modules_declare():
    for module in set(cli.COMMANDS.values()):
        assert set(cli.commands_of(module)) == {name for name, where in cli.COMMANDS.items() if where == module}
    sources = {path.stem: path.read_text() for path in Path(cli.__file__).parent.glob("*.py")}
    declaring = {name for name, source in sources.items() if "\ncommands = typer.Typer()" in source}
    assert declaring == set(cli.COMMANDS.values())


def test_every_help_is_there_without_what_the_command_works_with(tmp_path):
    helps = [[*words, "--help"] for words in EVERY if words != ["devnet"]]
    assert len(helps) > 50
    assert loaded(tmp_path, ["--help"], *helps, codes={0}) & (CHAIN | SERVERS | STORE) == set()


def test_one_command_imports_its_own_module_only(tmp_path):
    modules = loaded(tmp_path, ["code", "check", "ABC"], codes={2})
    assert modules & (CHAIN | SERVERS | STORE | {"rich", "segno"}) == set()
    assert {name for name in modules if name.startswith("anchor_service.cli.")} == {
        "anchor_service.cli.certificates",
        "anchor_service.cli.context",
    }


def test_a_defect_of_our_own_is_never_a_definite_no(tmp_path):
    broken = (
        "from anchor_service import cli; from anchor_service.core import certificate_code as c; c.parse = 1\ncli.main()"
    )
    command = [sys.executable, "-c", broken, "code", "check", "ABC"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 4
    assert "this is a defect of jangkar" in told.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service without a node."""
    (tmp_path / "jangkar.toml").write_text(f'registry = "0x{40 * "1"}"\nbackups = "kept"\n')
    loaded(tmp_path, ["db", "upgrade"], codes={0})
    return tmp_path


def test_what_asks_the_database_imports_no_chain_and_no_server(folder):
    (folder / "pdfs").mkdir()
    commands = [
        ["issuer", "list"],
        ["key", "list"],
        ["key", "new"],
        ["key", "revoke", 16 * "0"],
        ["code", "new"],
        ["batch", "list"],
        ["batch", "approve", "jangkar.toml"],
        ["ingest", "pdfs", "--kind", "pka", "--issued-on", "2026-01-02"],
        ["withdraw", 64 * "0"],
        ["who", 64 * "0"],
        ["receipt", "write", "pdfs"],
        ["receipt", "show", 64 * "0"],
        ["status", "set", 64 * "0", "revoked"],
        ["fsck", "--offline"],
        ["erase", 64 * "0", "--yes"],
        ["db", "backup", "copy.sqlite3"],
        ["db", "scrub"],
        ["backup"],
    ]
    modules = loaded(folder, *commands, codes={0, 2})
    assert modules & (CHAIN | SERVERS | {"alembic", "rich", "segno"}) == set()
