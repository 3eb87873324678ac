"""Folders and tables: each mistake has its own clear word, with its row where it has one."""

import contextlib
import gc
import hashlib
import os
import re
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from anchor_service.core.errors import DocumentRejected, Rejected, TableRejected
from anchor_service.pipeline.folder import (
    HEADER_WINDOW,
    READ_BYTES,
    TRAILER_WINDOW,
    document_digest,
    list_folder,
    list_table,
    pdf_names,
    read_digests,
    read_items,
)
from anchor_service.pipeline.table import Columns, header_of, open_table

ZONE = ZoneInfo("Asia/Jakarta")
PDF = b"%PDF-1.7\nbody\n%%EOF\n"
HEADER = "berkas;nomor_sertifikat;jenis_diklat;tanggal_terbit;jp;berlaku_sampai;nama"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "certificates"
    (made / "deep").mkdir(parents=True)
    (made / "a.pdf").write_bytes(PDF)
    (made / "deep" / "B.PDF").write_bytes(PDF + b"\n")
    (made / "notes.txt").write_text("no certificate")
    return made


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder.parent / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_every_pdf_below_the_folder_is_found(folder):
    assert pdf_names(folder) == ["a.pdf", "deep/B.PDF"]
    items = list(read_items(list_folder(folder, {"kind": "latsar", "issued_on": "2026-11-20"})))
    assert [item.submission.fields["number"] for item in items] == ["a", "B"]


def test_a_table_as_a_spreadsheet_writes_it(folder):
    rows = ("a.pdf;1/PKP;pkp;20-11-2026;40;31/12/2029;Budi", "deep/B.PDF;2/PKP;pkp;2026-11-20;;;Siti", ";;;;;;")
    text = "\ufeff" + "".join(f"{row}\r\n" for row in (HEADER, *rows))
    listing = list_table(folder, written(folder, text), ZONE, {})
    assert listing.ignored == ("nama",)
    first, second = (item.submission for item in read_items(listing))
    assert first.fields == {
        "number": "1/PKP",
        "kind": "pkp",
        "issued_on": "2026-11-20",
        "jp": 40,
        "valid_until": "2029-12-31T17:00:00Z",
    }
    assert "jp" not in second.fields


def test_a_missing_column_is_named_with_what_it_may_be_called(folder):
    with pytest.raises(TableRejected, match=r"no column kind \(kind/jenis_diklat"):
        list_table(folder, written(folder, "file,number,issued_on\n"), ZONE, {})


def test_a_column_may_be_given_for_all(folder):
    text = "file,number,issued_on\na.pdf,1,2026-11-20\ndeep/B.PDF,2,2026-11-20\n"
    listing = list_table(folder, written(folder, text), ZONE, {"kind": "latsar"})
    assert {item.submission.fields["kind"] for item in read_items(listing)} == {"latsar"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("c.pdf;1;pkp;2026-11-20;;;", "row 2 names c.pdf, which is not in the folder"),
        ("a.pdf;1;pkp", "row 2 has 3 cells, the header has 7"),
        (";1;pkp;2026-11-20;;;", "row 2 names no file"),
        ("a.pdf;1;pkp;November;;;", "'November' is neither 2026-11-20 nor 20-11-2026"),
        ("a.pdf;1;pkp;2026-11-20;forty;;", "'forty' is not a whole number of lesson hours"),
        ("a.pdf;1;pkp;2026-11-20;;31-02-2029;", "not a day of the calendar"),
        ("a.pdf;1;pkp;2026-11-20;;31-12-9999;", "leave the cell empty where there is no end"),
        ("a.pdf;1;pkp;2026-11-20;;0000-01-01;", "not a day of the calendar"),
        (f"a.pdf;1;pkp;2026-11-20;{'9' * 5000};;", "is not a whole number of lesson hours"),
    ],
)
def test_a_bad_row_is_refused_with_its_number(folder, row, said):
    listing = list_table(folder, written(folder, f"{HEADER}\n{row}\n"), ZONE, {})
    refused = [item for item in read_items(listing) if item.row == 2]
    assert said in str(refused[0].submission)


def test_a_file_that_no_row_names_is_refused_and_not_passed_over(folder):
    listing = list_table(folder, written(folder, f"{HEADER}\na.pdf;1;pkp;2026-11-20;;;\n"), ZONE, {})
    refused = [item for item in read_items(listing) if isinstance(item.submission, Rejected)]
    assert [item.file for item in refused] == ["deep/B.PDF"]


def test_a_file_named_twice_is_taken_once(folder):
    row = "a.pdf;1;pkp;2026-11-20;;;"
    listing = list_table(folder, written(folder, f"{HEADER}\n{row}\n{row}\n"), ZONE, {})
    assert "a second time" in str(next(item for item in read_items(listing) if item.row == 3).submission)


def test_a_row_that_is_refused_names_its_file_all_the_same(folder):
    text = "jp,number,kind,issued_on,file\nforty,1,pkp,2026-11-20,a.pdf\n"
    refused = [
        item
        for item in read_items(list_table(folder, written(folder, text), ZONE, {}))
        if isinstance(item.submission, Rejected)
    ]
    assert [(item.file, item.row) for item in refused] == [("a.pdf", 2), ("deep/B.PDF", None)]


def test_a_table_may_say_what_each_file_has_to_be(folder):
    right, wrong = hashlib.sha256(PDF).hexdigest(), "00" * 32
    text = f"file,sha256,number,kind,issued_on\na.pdf,{right},1,pkp,2026-11-20\ndeep/B.PDF,{wrong},2,pkp,2026-11-20\n"
    first, second = read_items(list_table(folder, written(folder, text), ZONE, {}))
    assert first.submission.fields == {"number": "1", "kind": "pkp", "issued_on": "2026-11-20"}
    assert "another file than the table says" in str(second.submission)


def test_a_table_of_digests_needs_no_files(tmp_path):
    digests = [hashlib.sha256(PDF).hexdigest(), "ab" * 31, "zz" * 32, ""]
    rows = "".join(f"x.pdf,{digest},{number},pkp,2026-11-20\n" for number, digest in enumerate(digests))
    text = f"file,sha256,number,kind,issued_on\n{rows}"
    table = open_table(written(tmp_path / "any", text), "document_digest", ZONE, {})
    first, *refused = read_digests(table)
    assert (table.count, table.ignored) == (4, ("file",))
    assert first.submission.document_digest == hashlib.sha256(PDF).digest()
    assert ["64 hexadecimal digits" in str(item.submission) for item in refused] == [True, True, False]
    assert "row 5 names no document_digest" in str(refused[2].submission)


def test_what_stops_in_the_middle_leaves_the_interpreter_as_it_was(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.pdf").write_bytes(PDF)
    before = gc.isenabled(), sys.getswitchinterval()
    items = read_items(list_folder(tmp_path, {}))
    next(items)
    assert gc.isenabled() != before[0]
    assert sys.getswitchinterval() != before[1]
    items.close()
    assert (gc.isenabled(), sys.getswitchinterval()) == before


def test_a_folder_of_many_files_comes_in_order(tmp_path):
    for number in range(700):
        (tmp_path / f"{number:03}.pdf").write_bytes(PDF + b"%d" % number)
    items = list(read_items(list_folder(tmp_path, {"kind": "latsar", "issued_on": "2026-11-20"})))
    assert [item.file for item in items] == [f"{number:03}.pdf" for number in range(700)]
    assert items[17].submission.document_digest == hashlib.sha256(PDF + b"17").digest()


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("", "utf-8", "is empty"),
        (f"{HEADER}\n\xe9", "latin-1", "not UTF-8"),
        (f'{HEADER}\n"a.pdf;1', "utf-8", "line"),
        ("file,berkas,number,kind,issued_on\n", "utf-8", "more than one column for file"),
    ],
)
def test_a_table_that_is_none(folder, text, encoding, said):
    with pytest.raises(TableRejected, match=said):
        list_table(folder, written(folder, text, encoding), ZONE, {})


@pytest.mark.parametrize("name", ["list.csv", "LIST.CSV", "list.txt", "list"])
def test_a_table_is_read_as_a_csv_whatever_its_suffix(tmp_path, name):
    path = tmp_path / name
    path.write_text("file;number;kind;issued_on\na.pdf;1;pkp;2026-11-20\n", encoding="utf-8")
    table = open_table(path, "file", ZONE, {})
    assert [(row.number, row.key) for row in table.rows()] == [(2, "a.pdf")]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Nama Diklat", "title"), ("Jumlah JP", "jp"), ("Tgl Mulai", "starts_on"), ("Tanggal Sertifikat", "issued_on"),
        ("Tgl Mulai Pelatihan", "starts_on"), ("Jam Pelatihan", "jp"), ("Masa Berlaku", "valid_until"),
        ("Kadaluwarsa", "valid_until"), ("Tanggal Akhir", "ends_on"), ("No STTPP", "number"),
        ("tanggal_terbitt", "issued_on"),
    ],
)  # fmt: skip
def test_a_column_that_looks_like_a_known_one_stops_the_table(folder, header, field):
    path = written(folder, f"file;number;kind;issued_on;{header}\na.pdf;1;pkp;2026-11-20;x\n")
    with pytest.raises(TableRejected, match=re.escape(f"(as {field}?)")):
        open_table(path, "file", ZONE, {})
    named = Columns({header_of(header): field} if field not in ("number", "issued_on") else {})
    left = Columns(left_out=frozenset({header_of(header)}))
    for columns in (named, left) if named.named else (left,):
        assert open_table(path, "file", ZONE, {}, columns).count == 1


@pytest.mark.parametrize(
    "header", ["Nama", "NIP", "Tempat Pelatihan", "Lokasi Diklat", "Tanggal Lahir", "No Urut", "Jabatan"]
)
def test_a_column_of_something_else_is_left_out(folder, header):
    path = written(folder, f"file;number;kind;issued_on;{header}\na.pdf;1;pkp;2026-11-20;x\n")
    assert open_table(path, "file", ZONE, {}).ignored == (header_of(header),)


def test_a_column_of_files_beside_digests_may_be_named(tmp_path):
    path = written(tmp_path / "any", f"sha256;number;kind;issued_on;Nama File\n{'ab' * 32};1;pkp;2026-11-20;x\n")
    table = open_table(path, "document_digest", ZONE, {}, Columns({"nama_file": "file"}))
    assert table.ignored == ("nama_file",)


def test_one_date_that_is_month_first_stops_the_table(folder):
    rows = "a.pdf;1;pkp;03/12/2026\ndeep/B.PDF;2;pkp;03/25/2026\n"
    with pytest.raises(TableRejected, match="row 3 has 03/25/2026 in issued_on: the month stands first"):
        open_table(written(folder, f"file;number;kind;issued_on\n{rows}"), "file", ZONE, {})


def test_an_empty_folder(tmp_path):
    with pytest.raises(DocumentRejected, match="holds no PDF"):
        list_folder(tmp_path, {})


def test_a_missing_table(folder):
    with pytest.raises(TableRejected, match="No such file"):
        list_table(folder, folder / "nothing.csv", ZONE, {})


@contextlib.contextmanager
def as_nobody():
    """Root reads everything: be somebody else for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_without_read_permission(tmp_path):
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith("pytest"):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a.pdf").write_bytes(PDF)
    closed.chmod(0)
    try:
        with as_nobody(), pytest.raises(DocumentRejected, match="cannot be read: Permission denied"):
            list_folder(tmp_path, {})
    finally:
        closed.chmod(0o755)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"GIF89a", "is not a PDF"),
        (PDF[:-8], "breaks off"),
    ],
)
def test_files_that_are_no_certificate(tmp_path, data, said):
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    with pytest.raises(DocumentRejected, match=said):
        document_digest(path)


def test_a_file_that_vanished(tmp_path):
    with pytest.raises(DocumentRejected, match="cannot be read"):
        document_digest(tmp_path / "a.pdf")


def test_a_file_is_hashed_as_it_is_whatever_its_size(tmp_path):
    for size in (1, READ_BYTES - 20, READ_BYTES - 15, READ_BYTES, READ_BYTES + 1, 3 * READ_BYTES + 7):
        content = b"%PDF-1.7\n" + bytes(size) + b"%%EOF\n"
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        assert document_digest(path) == hashlib.sha256(content).digest()
        path.write_bytes(content + bytes(TRAILER_WINDOW))
        with pytest.raises(DocumentRejected, match="breaks off"):
            document_digest(path)
        path.write_bytes(bytes(HEADER_WINDOW) + content)
        with pytest.raises(DocumentRejected, match="does not begin"):
            document_digest(path)
