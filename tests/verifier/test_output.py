"""How `jangkar-verify` ends where its output or itself fails: never with a definite no."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import reference
from vectors_reader import load
from verifier_table import POLICY_TEXT

from verifier.errors import LogDiffers, MalformedReceipt, NodeUnavailable, ServiceUnavailable, plain

FILE = b"%PDF-1.7 a file\n%%EOF\n"
NAME = "Balai “Uji”"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file with its receipt, whose issuer no ASCII terminal can show, and a policy whose node is down."""
    fields = json.loads(load("receipts.json")["right"]["text"])
    profile = reference.canonical({"code": "UJI", "name": NAME})
    fields |= {"document_digest": reference.sha256(FILE).hex(), "issuer_profile": profile}
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    (tmp_path / "a.pdf").write_bytes(FILE)
    (tmp_path / "a.pdf.jangkar.json").write_text(text, encoding="utf-8")
    (tmp_path / "policy.json").write_text(POLICY_TEXT)
    return tmp_path


def check(folder: Path, *options: str, program: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    start = ["-c", program] if program else ["-m", "verifier"]
    command = [sys.executable, *start, "check", "a.pdf", "--policy", "policy.json", *options]
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, cwd=folder, env=os.environ | path | environment, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_letter_that_a_terminal_lacks_is_escaped(folder, encoding):
    told = check(folder, PYTHONIOENCODING=encoding)
    assert told.returncode == 4, told.stderr
    shown = NAME.encode(encoding, errors="backslashreplace")
    assert shown in told.stdout


def test_json_is_utf_8_whatever_the_terminal_speaks(folder):
    told = check(folder, "--json", PYTHONIOENCODING="ascii")
    assert told.returncode == 4, told.stderr
    assert json.loads(told.stdout.decode())["claims"][0]["issuer"]["name"] == NAME


def test_a_defect_of_our_own_is_no_answer(folder):
    broken = (
        "import sys, verifier.verdict.ask as ask; ask.parse = None; from verifier.cli import main; sys.exit(main())"
    )
    told = check(folder, program=broken)
    assert told.returncode == 4
    assert b"this is a defect" in told.stderr


def test_a_full_disk_is_no_answer(folder):
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "verifier", "check", "a.pdf", "--policy", "policy.json"]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        told = subprocess.run(command, cwd=folder, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert told.returncode == 4, told.stderr


SCREEN = "\x1b[2J\x1b[Hvalid: GENUINE \u202e\u3164\u200b\r\n\U000e0041"


@pytest.mark.parametrize("kind", [MalformedReceipt, NodeUnavailable, ServiceUnavailable, LogDiffers])
def test_a_strangers_words_move_no_cursor_and_hide_nothing(kind):
    told = str(kind(f"the node said {SCREEN}"))
    assert told.isprintable()
    assert told == ("the node said \\u001b[2J\\u001b[Hvalid: GENUINE \\u202e\\u3164\\u200b\\u000d\\u000a\\U000e0041")


def test_a_strangers_words_are_bounded():
    assert plain("a" * 1_000) == "a" * 1_000
    assert plain("a" * 1_234) == "a" * 1_000 + "... and 234 more letters"


def test_a_node_writes_no_verdict_on_the_terminal(folder):
    """Its refusal is printed, and its control letters are spelled out: in text and as JSON."""
    with one_answer(json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": SCREEN}})) as url:
        text = POLICY_TEXT.replace("http://127.0.0.1:1", url)
        (folder / "policy.json").write_text(text)
        for options in ((), ("--json",)):
            told = check(folder, *options)
            assert told.returncode == 4
            assert b"\x1b" not in told.stdout + told.stderr
            assert b"GENUINE" in told.stdout


@contextmanager
def one_answer(text: str) -> Iterator[str]:
    """A server that answers everything with this text, by its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
