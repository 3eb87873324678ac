"""What a user gets wrong, and what must stay private."""

import json
import sqlite3
from pathlib import Path

from installation import CODE, NAME, PDF


def test_what_a_user_gets_wrong(quick, tmp_path):
    """Each mistake: its own exit code and one line that says what to do."""
    folder = quick.certificates("one")

    def refused(*arguments: str, code: int = 2) -> str:
        done = quick.run("jangkar", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    empty = tmp_path / "empty"
    empty.mkdir()
    dates = ("--kind", "latsar", "--issued-on", "2026-11-20")
    assert "holds no PDF" in refused("ingest", str(empty), *dates)
    assert "is not a folder" in refused("ingest", str(tmp_path / "nothing"), *dates)
    assert "--kind and --issued-on" in refused("ingest", str(folder))
    assert "is not configured here" in refused("ingest", str(folder), *dates, "--issuer", "ffff")
    headless = tmp_path / "headless.csv"
    headless.write_text("file,number,issued_on\n")
    assert "no column kind" in refused("ingest", str(folder), "--csv", str(headless))
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "broken.pdf").write_bytes(PDF[:-8] % b"x")
    errors = tmp_path / "errors.csv"
    said = refused("ingest", str(folder), *dates, "--errors", str(errors), code=1)
    assert "empty (0 bytes)" in said
    assert "breaks off" in said
    assert len(errors.read_text().splitlines()) == 3
    # A dry run says all that needs no database.
    said = refused("ingest", str(folder), "--kind", "menari", "--issued-on", "2026-02-30", "--dry-run", code=1)
    assert "one.pdf: issued_on: 2026-02-30 is not a day of the calendar" in said
    assert "there is no batch 7" in refused("batch", "requeue", "7")
    assert "there is no change of status 7" in refused("status", "requeue", "7")
    assert "no certificate" in refused("status", "set", str(folder / "one.pdf"), "revoked", code=1)
    assert "does not fit" in refused("code", "check", "7K3M-Q9X2-T4H1")
    right = (quick.folder / "jangkar.toml").read_text()
    for url, said in (("mysql://x", "must begin with"), ("postgresql://nobody@127.0.0.1:1/x", "does not do its work")):
        (quick.folder / "jangkar.toml").write_text(right + f'database_url = "{url}"\n')
        code = 2 if "must" in said else 4
        assert said in refused("db", "upgrade", code=code)
        assert said in refused("batch", "list", code=code)
    (quick.folder / "jangkar.toml").write_text("rpc = 1\n")
    assert "rpc" in refused("batch", "list")
    (quick.folder / "jangkar.toml").write_text("rpc_url\n")
    assert "cannot be" in refused("batch", "list")


def test_a_database_that_is_missing_empty_or_moved(quick):
    folder = quick.certificates("satu")
    codes = quick.jangkar("code", "new", "-n", "2").splitlines()
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    other = f"sqlite:///{quick.folder / 'other.sqlite3'}"
    assert "now set database_url" in quick.jangkar("db", "copy", other)
    assert "holds rows already" in quick.run("jangkar", "db", "copy", other).stderr
    path = quick.folder / "jangkar.toml"
    text = path.read_text()
    path.write_text(text + f'database_url = "{other}"\n')
    assert "anchored 1 batches of 1 certificates" in quick.jangkar("anchor", "run")
    for name, database in (("missing", "nowhere"), ("empty", "empty")):
        path.write_text(text + f'database_url = "sqlite:///{database}.sqlite3"\n')
        if name == "empty":
            quick.jangkar("db", "upgrade")
        done = quick.run("jangkar", "anchor", "run")
        said = {"missing": "there is no database at", "empty": "no institute is in this database"}[name]
        assert (done.returncode, said in done.stderr) == ({"missing": 2, "empty": 4}[name], True), done.stderr
        assert (quick.folder / f"{database}.sqlite3").exists() == (name == "empty")
        assert quick.run("jangkar", "doctor").returncode == 1
    # What was printed before is taken over, all of it or nothing.
    quick.jangkar("issuer", "add", "--id", quick.issuer, "--code", CODE, "--name", NAME)
    listed = quick.folder / "codes.txt"
    listed.write_text("\n".join([*codes, "7K3M-Q9X2-T4H1"]))
    assert quick.run("jangkar", "code", "adopt", str(listed)).returncode == 2
    listed.write_text("\n".join(codes))
    assert quick.jangkar("code", "adopt", str(listed)) == "took 2 codes over, knew 0 already"
    assert quick.jangkar("code", "adopt", str(listed)) == "took 0 codes over, knew 2 already"
    another = quick.accredit_another("BPSDM-Y", "Lembaga Y")
    assert "another issuer" in quick.run("jangkar", "code", "adopt", str(listed), "--issuer", another).stderr


def test_a_name_too_long_for_its_receipt_stops_no_other(quick):
    folder = quick.certificates("satu")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    long_name = "a" * 249 + ".pdf"
    (folder / long_name).write_bytes(PDF % b"long")
    table = quick.folder / "long.csv"
    table.write_text(f"file,number,kind,issued_on\n{long_name},L-1,latsar,2026-11-20\n")
    assert "accepted 1" in quick.run("jangkar", "ingest", str(folder), "--table", str(table)).stdout
    quick.jangkar("anchor", "run")
    done = quick.run("jangkar", "receipt", "write", str(folder))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "give the PDF a shorter name" in done.stderr
    assert (folder / "satu.pdf.jangkar.json").exists()


def test_a_wrong_password_is_told_and_not_printed(quick):
    quick.certificates("one")
    (quick.devnet.folder / "password").rename(quick.devnet.folder / "kept")
    (quick.devnet.folder / "password").write_text("secret-and-wrong\n")
    done = quick.run("jangkar", "anchor", "run")
    assert done.returncode == 2
    assert "does not open" in done.stderr
    assert "secret-and-wrong" not in done.stderr + done.stdout


def test_files_are_private_where_they_must_be(quick):
    folder = quick.certificates("one")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.jangkar("anchor", "run")
    entries = next(Path(quick.folder / "entries").rglob("*.entries"))
    manifest = next(Path(quick.folder / "manifests").rglob("*.manifest"))
    assert entries.stat().st_mode & 0o077 == 0
    digest = json.loads(entries.read_text().splitlines()[1])["document_digest"]
    assert digest not in manifest.read_text()
    assert "Pelatihan" not in manifest.read_text()
    password = (quick.devnet.folder / "password").read_text().strip()
    for path in quick.folder.rglob("*"):
        if path.is_file() and path != quick.devnet.folder / "password":
            assert password.encode() not in path.read_bytes()
    with sqlite3.connect(quick.folder / "jangkar.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
