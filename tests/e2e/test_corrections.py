"""An institute corrects a certificate, and a visitor gets the issued file out of an altered one: by the commands."""

import csv
import json

from installation import PDF


def hand_in(quick, rows, header, *options, exit_code=0):
    """Write a list and its PDFs, and hand them in; each row's first cell is its PDF's name."""
    folder = quick.folder / f"list-{rows[0][0]}"
    folder.mkdir(exist_ok=True)
    for name, *_ in rows:
        (folder / f"{name}.pdf").write_bytes(PDF % name.encode())
    table = folder / "list.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([header, *((f"{name}.pdf", *cells) for name, *cells in rows)])
    quick.jangkar("ingest", str(folder), "--table", str(table), *options, exit_code=exit_code)
    return folder


HEADER = ("berkas", "nomor_sertifikat", "jenis_diklat", "tanggal_terbit")


def test_a_correction_supersedes_in_its_night_and_reads_so(quick):
    first = hand_in(quick, [("lama", "800/1/2026", "latsar", "20-11-2026")], HEADER)
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(first))
    corrected = ("baru", "800/1/2026", "latsar", "20-11-2026", "800/1/2026")
    second = hand_in(quick, [corrected], (*HEADER, "menggantikan"))
    assert "wrote 1 statuses" in quick.jangkar("anchor", "run")
    hand_in(quick, [corrected], (*HEADER, "menggantikan"))
    for folder in (first, second):
        quick.jangkar("receipt", "write", str(folder))
    old, new = first / "lama.pdf", second / "baru.pdf"
    assert quick.verify(str(old), "--issuer", quick.issuer)[1]["verdict"] == "superseded"
    assert quick.verify(str(new), "--issuer", quick.issuer)[1]["verdict"] == "valid"
    audit = ("audit", "--manifests", str(quick.folder / "manifests"), "--entries", str(quick.folder / "entries"))
    done = quick.run("jangkar-verify", *audit, "--out", str(quick.folder / "audit"), "--policy", str(quick.policy))
    assert done.returncode == 0, done.stdout + done.stderr
    # By its name, like every certificate; and by the old one's PDF.
    third = ("ketiga", "800/2/2026", "latsar", "20-11-2026", f"../list-baru/{new.name}")
    hand_in(quick, [third], (*HEADER, "menggantikan"))
    quick.jangkar("anchor", "run")
    assert quick.verify(str(new), "--issuer", quick.issuer)[1]["verdict"] == "superseded"
    assert quick.jangkar("status", "set", "800/2/2026", "suspended").endswith("to suspended, sealed")
    quick.jangkar("anchor", "run")
    assert "revoked already" not in quick.jangkar("status", "set", "800/2/2026", "revoked")
    quick.jangkar("anchor", "run")
    assert "cannot go from revoked" in quick.run("jangkar", "status", "set", "800/2/2026", "active").stderr


def test_files_with_long_term_validation_added_are_the_same_certificates(quick):
    folder = hand_in(quick, [(name, name, "latsar", "20-11-2026") for name in ("p", "q")], HEADER)
    quick.jangkar("anchor", "run")
    later = quick.folder / "later"
    later.mkdir()
    for name in ("p", "q"):
        (later / f"{name}.pdf").write_bytes((folder / f"{name}.pdf").read_bytes() + b"9 0 obj <</DSS>> %%EOF\n")
    (later / "x.pdf").write_bytes(PDF % b"x")
    refused = quick.run("jangkar", "augment", str(later), "--errors", str(quick.folder / "errors.csv"))
    assert (refused.returncode, refused.stdout) == (1, "accepted 2, known already 0, refused 1\n")
    assert "x.pdf: it begins with no file that this issuer handed in" in refused.stderr
    assert "x.pdf,document-rejected" in (quick.folder / "errors.csv").read_text()
    (later / "x.pdf").unlink()
    assert quick.jangkar("augment", str(later)) == "accepted 0, known already 2, refused 0"
    quick.jangkar("anchor", "run")
    for one in (folder, later):
        quick.jangkar("receipt", "write", str(one))
    both = [one / "p.pdf" for one in (folder, later)]
    assert [quick.verify(str(one), "--issuer", quick.issuer)[1]["verdict"] for one in both] == ["valid", "valid"]
    assert len(quick.jangkar("status", "set", str(both[0]), "revoked").splitlines()) == 2
    assert "wrote 2 statuses" in quick.jangkar("anchor", "run")
    assert [quick.verify(str(one), "--issuer", quick.issuer)[1]["verdict"] for one in both] == ["revoked", "revoked"]
    assert quick.verify(str(later / "q.pdf"), "--issuer", quick.issuer)[1]["verdict"] == "valid"
    assert quick.run("jangkar", "reconcile").returncode == 0


def test_the_institutes_own_key_supersedes_by_two_receipts(quick):
    folder = hand_in(quick, [(name, name, "latsar", "20-11-2026") for name in ("satu", "dua")], HEADER)
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    old, new = (str(folder / f"{name}.pdf.jangkar.json") for name in ("satu", "dua"))
    acting = ("--keystore", str(quick.devnet.folder / "keystore" / "institute.json"))
    password = ("--password-file", str(quick.devnet.folder / "password"))
    quick.jangkar("registry", "status", "supersede", old, new, *acting, *password)
    assert quick.verify(str(folder / "satu.pdf"), "--issuer", quick.issuer)[1]["verdict"] == "superseded"
    refused = quick.run("jangkar", "registry", "status", "supersede", str(folder / "list.csv"), new, *acting, *password)
    assert (refused.returncode, "is no receipt" in refused.stderr) == (2, True)


def test_columns_that_look_like_known_ones_stop_the_hand_in(quick):
    header = (*HEADER, "Nama Diklat", "Jumlah JP", "Tgl Mulai", "NIP", "Nama")
    rows = [("a", "1", "latsar", "20-11-2026", "Pelatihan Dasar", "40", "01-11-2026", "1986", "Budi")]
    folder = hand_in(quick, rows, header, exit_code=2)
    table = ("--table", str(folder / "list.csv"))
    said = quick.run("jangkar", "ingest", str(folder), *table).stderr
    for doubtful in (
        "nama_diklat (as title?)",
        "jumlah_jp (as jp?)",
        "tgl_mulai (as starts_on?)",
        "--leave-out HEADER",
    ):
        assert doubtful in said.replace("\n", " ")
    named = ("--column", "Nama Diklat=title", "--column", "jumlah jp=jp", "--leave-out", "Tgl Mulai")
    taken = quick.run("jangkar", "ingest", str(folder), *table, *named)
    assert taken.returncode == 0
    assert "Columns that are not taken in: tgl_mulai, nip, nama" in taken.stderr
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    metadata = quick.verify(str(folder / "a.pdf"), "--issuer", quick.issuer)[1]["claims"][0]["metadata"]
    assert (metadata["title"], metadata["jp"]) == ("Pelatihan Dasar", 40)
    assert quick.run("jangkar", "ingest", str(folder), *table, "--column", "x=jp").returncode == 2
    assert quick.run("jangkar", "ingest", str(folder), *table, "--column", "jumlah jp=name").returncode == 2


def test_the_issued_file_is_saved_out_of_an_altered_one(quick):
    folder = hand_in(quick, [("a", "1", "latsar", "20-11-2026")], HEADER)
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    issued, receipt = (folder / "a.pdf").read_bytes(), str(folder / "a.pdf.jangkar.json")
    altered, saved = quick.folder / "altered.pdf", quick.folder / "saved.pdf"
    given = (str(altered), "--receipt", receipt, "--issuer", quick.issuer)
    for data, said in (
        (issued + b"2 0 obj %%EOF\n", "bytes were added after issue"),
        (issued + b"\n  \n", "blank bytes follow"),
        (b"Received: by mail\r\n" + issued, "were put in front of it"),
        (issued[:-1], "last line end of the original"),
    ):
        altered.write_bytes(data)
        check = ("check", *given, "--policy", str(quick.policy), "--save-original", str(saved))
        done = quick.run("jangkar-verify", *check)
        assert (done.returncode, said in done.stdout) == (1, True), done.stdout
        assert saved.read_bytes() == issued
        assert quick.verify(str(saved), "--receipt", receipt, "--issuer", quick.issuer)[1]["verdict"] == "valid"
        assert quick.run("jangkar-verify", *check).returncode == 2, "a file that is there is not written over"
        saved.unlink()
    altered.write_bytes(issued)
    done = quick.run("jangkar-verify", *check)
    assert (done.returncode, "nothing was saved" in done.stderr, saved.exists()) == (0, True, False)
    assert quick.run("jangkar-verify", *check, "--at", "2026-11-20").returncode == 2


def test_a_wallets_approval_is_of_the_manifests_own_header(quick):
    hand_in(quick, [("a", "1", "latsar", "20-11-2026")], HEADER)
    quick.jangkar("anchor", "run")
    (manifest,) = (quick.folder / "manifests").glob("*/*.manifest")
    header, leaves = manifest.read_text().split("\n", 1)
    forged = quick.folder / "forged.manifest"
    for name, value, code in (
        ("sequence", 1, 0), ("root_hash", "00" * 32, 1), ("tree_size", 2, 1), ("registry", "0x" + "11" * 20, 1),
        ("chain_id", 5, 1), ("sequence", "1", 2),
    ):  # fmt: skip
        changed = json.dumps(
            json.loads(header) | {name: value}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        forged.write_text(f"{changed}\n{leaves}")
        done = quick.run("jangkar-verify", "approval", str(forged), "--deadline", "1", "--policy", str(quick.policy))
        assert done.returncode == code, (name, done.stdout, done.stderr)
