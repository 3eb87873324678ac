"""The public page in its own process, over real services and a real chain, without JavaScript."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import httpx
import pytest
from begun import Begun
from installation import Installation

from anchor_service.core.certificate_code import from_random
from verifier.web.upload import MAX_PARTS

PDF = b"%%PDF-1.7\n%s\n%%%%EOF\n"


@dataclass
class Site:
    installation: Installation
    url: str
    folder: Path

    def pdf(self, name: str) -> bytes:
        return (self.folder / f"{name}.pdf").read_bytes()

    def receipt(self, name: str) -> bytes:
        return (self.folder / f"{name}.pdf.jangkar.json").read_bytes()

    def check(self, document: bytes, receipt: bytes | None = None, **data: str) -> httpx.Response:
        files = {"file": ("x.pdf", document, "application/pdf")}
        if receipt is not None:
            files["receipt"] = ("r.json", receipt, "application/json")
        return httpx.post(f"{self.url}/check", files=files, data=data, timeout=30)


def verdict(answer: httpx.Response) -> str:
    found = re.search(r'data-verdict="(\w+)"', answer.text)
    assert found, answer.text
    return found[1]


@pytest.fixture(scope="module")
def site(begun: Begun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Installation(tmp_path_factory.mktemp("site"), begun) as installation:
        folder = installation.certificates("good", "revoked", "jumped", "mine")
        other = installation.accredit_another("BPSDM-LAIN", "Lembaga Lain")
        installation.jangkar("ingest", str(folder), "--issuer", installation.issuer, "--csv", str(installation.table))
        installation.jangkar("anchor", "run")
        installation.jangkar("receipt", "write", str(folder), "--issuer", installation.issuer)
        installation.jangkar("status", "set", str(folder / "revoked.pdf"), "revoked", "--issuer", installation.issuer)
        # Another accredited issuer claims the revoked file and a good one as its own.
        installation.ingest_as(other, "revoked", "jumped")
        installation.jangkar("anchor", "run")
        waiting = installation.folder / "waiting"
        waiting.mkdir()
        (waiting / "waiting.pdf").write_bytes(PDF % b"waiting")
        options = ("--kind", "latsar", "--issued-on", "2026-11-20", "--issuer", installation.issuer)
        installation.jangkar("ingest", str(waiting), *options)
        service = installation.start("jangkar", "serve", "--port", "0")
        page = installation.start_page("--service", service, "--requests-per-minute", "10000")
        yield Site(installation, page, folder)


def test_valid(site):
    answer = site.check(site.pdf("good"))
    assert verdict(answer) == "valid"
    assert "ASLI dan berlaku" in answer.text
    assert site.installation.name in answer.text


def test_the_same_with_its_receipt(site):
    assert verdict(site.check(site.pdf("good"), site.receipt("good"))) == "valid"


def test_in_english(site):
    answer = httpx.post(f"{site.url}/check?lang=en", files={"file": ("x.pdf", site.pdf("good"))}, timeout=30)
    assert "GENUINE and in force" in answer.text
    assert '<html lang="en">' in answer.text


def test_an_end_in_the_last_hours_of_the_calendar(site):
    """It lies in a year that no date says in Western Indonesia Time; the receipt is a stranger's."""
    receipt = json.loads(site.receipt("good"))
    facts = json.loads(receipt["metadata"]) | {"valid_until": "9999-12-31T23:59:59Z"}
    receipt["metadata"] = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":")) + "\n"
    answer = site.check(site.pdf("good"), text.encode())
    assert (answer.status_code, verdict(answer)) == (200, "valid")
    assert "31 Desember 9999 pukul 23.59 UTC" in answer.text


def test_altered_truncated_and_unknown_files(site):
    data = site.pdf("good")
    for altered in (data.replace(b"good", b"GOOD"), data[:-10]):
        assert verdict(site.check(altered)) == "not_found"
        assert verdict(site.check(altered, site.receipt("good"))) == "invalid"


def test_a_file_that_was_added_to_is_called_altered_with_and_without_its_receipt(site):
    for altered in (site.pdf("good") + b"\n", site.pdf("good") + b"2 0 obj\n%%EOF"):
        for receipt in (None, site.receipt("good")):
            answer = site.check(altered, receipt)
            assert verdict(answer) == "modified"
            assert "DIUBAH SETELAH TERBIT" in answer.text
    assert verdict(site.check(site.pdf("revoked") + b"\n")) == "modified"
    # Appending a byte gives nobody another's certificate: without a service its sidecar says the same.
    page = site.installation.start_page("--service", "http://127.0.0.1:1")
    files = {"file": ("x.pdf", site.pdf("good") + b"\n"), "receipt": ("r", site.receipt("good"))}
    assert verdict(httpx.post(f"{page}/check", files=files, timeout=30)) == "modified"


def test_digests_alone_give_the_same_answer(site):
    """What the page's script asks: the verdicts of an upload, without the file."""
    digests = [hashlib.sha256(site.pdf("good")).hexdigest()]
    asked = {"digests": digests, "receipt": "", "issuer": ""}
    assert verdict(httpx.post(f"{site.url}/ask", json=asked)) == "valid"
    asked["digests"] = ["00" * 32, *digests]
    assert verdict(httpx.post(f"{site.url}/ask", json=asked)) == "modified"
    asked["receipt"] = "\ud800"
    assert verdict(httpx.post(f"{site.url}/ask", content=json.dumps(asked).encode())) == "modified"


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]", b"{", b"\xff", b"[" * 10_000,
        *(
            json.dumps({"digests": ["00" * 32], "receipt": "", "issuer": ""} | change).encode()
            for change in (
                {"digests": ["x"]}, {"digests": []}, {"digests": ["00" * 32] * 262}, {"digests": "00"},
                {"digests": [1]}, {"receipt": 1}, {"issuer": None}, {"issuer": "x"}, {"more": 1},
            )
        ),
    ],
)  # fmt: skip
def test_questions_that_are_rubbish(site, wrong):
    answer = httpx.post(f"{site.url}/ask", content=wrong)
    assert answer.status_code == 422
    assert 'data-verdict="' not in answer.text


def test_a_question_that_is_too_large(site):
    assert httpx.post(f"{site.url}/ask", content=b" " * (1 << 20)).status_code == 413


def test_the_receipt_is_in_the_answer(site):
    found = re.search(r"data-receipt[^>]* href='data:application/json,([^']*)'", site.check(site.pdf("good")).text)
    assert found
    assert unquote_to_bytes(found[1]) == site.receipt("good")


def test_an_opentimestamps_proof_of_the_receipt(site):
    for address in ("/export/opentimestamps", "/ots"):
        answer = httpx.post(f"{site.url}{address}", data={"receipt": quote(site.receipt("good"))})
        assert answer.headers["content-disposition"] == 'attachment; filename="sertifikat.pdf.ots"'
        assert answer.headers["content-type"] == "application/vnd.opentimestamps.v1"
        assert answer.content.startswith(b"\x00OpenTimestamps")
        for wrong in ({}, {"receipt": "%7B"}, {"receipt": "x", "more": "y"}):
            assert httpx.post(f"{site.url}{address}", data=wrong).status_code == 422
    assert httpx.post(f"{site.url}/export/else", data={"receipt": "x"}).status_code == 404


def test_a_revoked_file_that_another_issuer_claims_is_contested_and_shows_the_revocation_first(site):
    """The claim-jumper's own receipt, the owner's, and none: never a plain valid, until one of the two is named."""
    jumper = site.installation.receipt_of(site.installation.other, site.folder / "revoked.pdf")
    for receipt in (None, site.receipt("revoked"), jumper):
        contested = site.check(site.pdf("revoked"), receipt)
        assert verdict(contested) == "undetermined"
        assert contested.text.index("Dicabut pada") < contested.text.rindex("Lembaga Lain")
        assert verdict(site.check(site.pdf("revoked"), receipt, issuer=site.installation.issuer)) == "revoked"
    theirs = site.check(site.pdf("revoked"), jumper, issuer=site.installation.other)
    assert verdict(theirs) == "valid", "it is theirs, in their name"
    assert "Penerbit lain, yang tidak ditanyakan" in theirs.text
    assert "Dicabut pada" in theirs.text


def test_a_claim_jumped_file_is_contested_until_the_issuer_is_named(site):
    contested = site.check(site.pdf("jumped"))
    assert verdict(contested) == "undetermined"
    assert '<select id="issuer"' in contested.text
    assert verdict(site.check(site.pdf("jumped"), issuer=site.installation.issuer)) == "valid"


def test_pending(site):
    answer = site.check(PDF % b"waiting")
    assert verdict(answer) == "pending"
    assert "MENUNGGU PENJANGKARAN" in answer.text


def test_a_qr_leads_to_recorded_and_never_to_genuine(site):
    code = site.installation.codes["good"]
    for path in (f"/v/{code}", f"/V/{code}", f"/v/{code.lower()}", f"/v/{code[:4]}-{code[4:]}"):
        answer = httpx.get(site.url + path)
        assert verdict(answer) == "recorded"
        assert "TERCATAT" in answer.text
        assert ">ASLI" not in answer.text.split("<details", 1)[0]
    assert verdict(httpx.get(f"{site.url}/v/{site.installation.codes['revoked']}")) == "revoked"
    assert httpx.get(f"{site.url}/?code={code.lower()}&lang=en").headers["location"] == f"/v/{code}?lang=en"


def test_a_mistyped_code_is_told_apart_from_an_unknown_one(site):
    code = site.installation.codes["good"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    for answer in (httpx.get(f"{site.url}/v/{wrong}"), httpx.get(f"{site.url}/?code={wrong}")):
        assert answer.status_code == 422
        assert "salah ketik" in answer.text
    assert verdict(httpx.get(f"{site.url}/v/{from_random(5)}")) == "not_found"


def test_a_forged_receipt(site):
    receipt = json.loads(site.receipt("mine"))
    receipt["metadata"] = receipt["metadata"].replace('"jp":40', '"jp":400')
    forged = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    # With the service at hand the true receipt is found too; the forged one adds nothing.
    shown = site.check(site.pdf("mine"), forged)
    assert "<dd>40</dd>" in shown.text
    assert "<dd>400</dd>" not in shown.text.split("<section", 3)[2]


def test_rubbish_as_a_receipt_does_not_hide_the_true_one(site):
    answer = site.check(site.pdf("good"), b"\x00\xff")
    assert verdict(answer) == "valid"
    assert "Ini bukan tanda terima; ambil kembali" in answer.text
    for rubbish in (b"{}", b"", b"<!doctype html><p>404"):
        open_ = site.check(PDF % b"stranger", rubbish)
        assert verdict(open_) == ("undetermined" if rubbish else "not_found")


def test_a_neighbours_receipt_is_said_to_be_another_files(site):
    answer = site.check(PDF % b"stranger", site.receipt("good"))
    assert verdict(answer) == "invalid"
    assert "Ini bukan berkas milik tanda terima ini" in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "multipart/form-data; boundary=x", 422),
        (b"--x--", "multipart/form-data; boundary=x", 422),
        (b"--x\r\n", "multipart/form-data", 422),
        (b"a=b", "application/x-www-form-urlencoded", 422),
        (b"\xff" * 100, "multipart/form-data; boundary=x", 422),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            422,
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 10_000 + b'"\r\n\r\n',
            "multipart/form-data; boundary=x",
            422,
        ),
        (
            (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n') * (MAX_PARTS + 1),
            "multipart/form-data; boundary=x",
            422,
        ),
    ],
)
def test_forms_that_are_rubbish(site, body, kind, status):
    answer = httpx.post(f"{site.url}/check", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert 'data-verdict="' not in answer.text


def test_a_file_that_is_too_large(site):
    answer = site.check(b"\x00" * (21 << 20))
    assert answer.status_code == 413
    assert "20 MB" in answer.text
    assert site.check(PDF % b"x", b"{" * 70_000).status_code == 413


def test_an_empty_file(site):
    answer = site.check(b"")
    assert answer.status_code == 422
    assert "kosong" in answer.text


def test_headers_let_nothing_in(site):
    answer = httpx.get(site.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    for kind in ("style", "script"):
        inline = re.search(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        assert inline
        named = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{named}'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "://" not in answer.text, "the page asks no third party for anything"


def test_pages_that_are_not_there(site):
    answer = httpx.get(f"{site.url}/nothing")
    assert answer.status_code == 404
    assert "tidak ada" in answer.text


def test_the_language_link_leads_nowhere_else(site):
    for path in ("//stranger.example", "//stranger.example/v/x", "/check//stranger.example"):
        assert 'href="/?lang=en"' in httpx.get(site.url + path).text
    assert 'href="/v/0?lang=en"' in httpx.get(f"{site.url}/v/0").text


def test_what_is_shown_is_escaped(site):
    answer = httpx.get(f"{site.url}/v/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script>alert" not in answer.text
    answer = site.check(PDF % b"x", b'{"format":"<script>alert(1)</script>"}')
    assert "<script>alert" not in answer.text


def test_when_the_service_is_down_it_says_so(site):
    page = site.installation.start_page("--service", "http://127.0.0.1:1")
    answer = httpx.post(f"{page}/check", files={"file": ("x.pdf", site.pdf("good"))}, timeout=30)
    assert verdict(answer) == "undetermined"
    assert "tidak dapat ditanya" in answer.text
    # A sidecar is enough for who names the issuer that the certificate shows; the page asks for it.
    files = {"file": ("x.pdf", site.pdf("good")), "receipt": ("r", site.receipt("good"))}
    answer = httpx.post(f"{page}/check", files=files, timeout=30)
    assert verdict(answer) == "undetermined"
    assert f'<option value="{site.installation.issuer}">' in answer.text
    files = {"file": ("x.pdf", site.pdf("good")), "receipt": ("r", site.receipt("good"))}
    answer = httpx.post(f"{page}/check", files=files, data={"issuer": site.installation.issuer}, timeout=30)
    assert verdict(answer) == "valid"


def test_too_many_requests(site):
    page = site.installation.start_page("--service", "http://127.0.0.1:1")
    codes = [httpx.get(page).status_code for _ in range(65)]
    assert codes.count(200) == 60
    assert set(codes) == {200, 429}
    assert httpx.get(page).headers["retry-after"] == "60"
    assert httpx.get(f"{page}/healthz").status_code == 200
