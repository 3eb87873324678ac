"""A server that lies about what it was asked is caught in the act by the page's own script."""

import hashlib
import re
from urllib.parse import quote, unquote

import httpx
import pytest


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def answer_to(scene, path):
    asked = {"digests": [digest(path)], "receipt": "", "issuer": ""}
    return httpx.post(f"{scene.page}/ask?lang=en", json=asked).text


def in_receipt(old, new):
    """The same answer with another receipt."""

    def altered(text):
        found = re.search(r"href='data:application/json,([^']*)'", text)
        assert found
        receipt = unquote(found[1])
        assert old in receipt
        return text.replace(found[1], quote(receipt.replace(old, new, 1), safe=""))

    return altered


def swap(old, new):
    def altered(text):
        assert re.search(old, text), text
        return re.sub(old, new, text)

    return altered


ROOT = r'data-root="[0-9a-f]{64}"'
LIES = {
    # name: file that is asked about, what the server does with its true answer, what contradicts
    "valid for an altered file": ("modified", swap('data-verdict="modified"', 'data-verdict="valid"'), "title"),
    "valid for an altered file, title and all": (
        "modified", lambda text: swap("ALTERED AFTER ISSUE", "GENUINE and in force")(
            swap('data-verdict="modified"', 'data-verdict="valid"')(text)), "file"),
    "a title that is not the verdict's": ("revoked", swap("REVOKED", "GENUINE and in force"), "title"),
    "a verdict that there is not": ("revoked", swap('data-verdict="revoked"', 'data-verdict="genuine"'), "title"),
    "valid for a file without a claim": (
        "not_found", lambda text: swap("NOT FOUND", "GENUINE and in force")(
            swap('data-verdict="not_found"', 'data-verdict="valid"')(text)), "receipt"),
    "another root": ("valid", swap(ROOT, f'data-root="{"00" * 32}"'), "root"),
    "no root": ("valid", swap(ROOT, ""), "root"),
    "another root of a contested file": ("undetermined", swap(ROOT, f'data-root="{"00" * 32}"'), "root"),
    "a failed proof for a passed one": (
        "valid", swap(r'(data-checks>\s*<li class="pass">.*?</li>\s*)<li class="pass">', r'\1<li class="fail">'),
        "root"),
    "another size": ("valid", swap(r'data-size="\d+"', 'data-size="4"'), "root"),
    "a size that is none": ("valid", swap(r'data-size="\d+"', 'data-size="x"'), "root"),
    "more lesson hours": ("valid", in_receipt('"jp\\":40', '"jp\\":400'), "root"),
    "another issuer in the receipt": ("valid", in_receipt('"issuer_id":"', '"issuer_id":"00'), "receipt"),
    "another index": ("valid", in_receipt('"leaf_index":', '"leaf_index":1'), "root"),
    "a receipt that is none": ("valid", in_receipt('"format"', '"form"'), "receipt"),
    "another issuer in the sentence": ("valid", swap("that BPSDM Provinsi Uji", "that BPSDM Lain"), "issuer"),
    "denied with its proof": (
        "valid", lambda text: swap("GENUINE and in force", "NOT FOUND")(
            swap('data-verdict="valid"', 'data-verdict="not_found"')(text)), "file"),
}  # fmt: skip


def lied_to(page, pattern, alter):
    def lie(route):
        told = route.fetch()
        route.fulfill(response=told, body=alter(told.text()))

    page.route(pattern, lie)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_caught(scene, open_page, name):
    asked, alter, contradiction = LIES[name]
    page = open_page(f"{scene.page}?lang=en")
    lied_to(page, "**/ask?*", alter)
    page.set_input_files("#file", scene.files[asked][0])
    page.locator("#check button").click()
    page.wait_for_selector(f"[data-contradiction={contradiction}]")
    assert page.locator("[data-verdict]").count() == 0
    assert page.get_by_role("alert").inner_text().startswith("DO NOT RELY ON THIS")


def test_the_answer_to_another_file_is_caught(scene, open_page, shoot):
    page = open_page(f"{scene.page}?lang=en")
    lied_to(page, "**/ask?*", lambda _: answer_to(scene, scene.files["valid"][0]))
    page.set_input_files("#file", scene.files["not_found"][0])
    page.locator("#check button").click()
    page.wait_for_selector("[data-contradiction=file]")
    shoot(page, "contradiction")


def test_the_answer_to_another_code_is_caught(scene, open_page):
    other = httpx.get(f"{scene.page}/v/{scene.installation.codes['new']}?lang=en").text
    page = open_page(f"{scene.page}?lang=en")
    lied_to(page, "**/v/*", lambda _: other)
    page.goto(f"{scene.page}/v/{scene.code}?lang=en")
    page.wait_for_selector("[data-contradiction=file]")


def test_a_forged_receipt_is_not_called_recomputed(scene, open_page, tmp_path):
    """No lie of the server's: where the service is down, the forged receipt is all that it has."""
    page = open_page(f"{scene.installation.start_page('--service', 'http://127.0.0.1:1')}?lang=en")
    file = scene.files["valid"][0]
    forged = tmp_path / "forged.json"
    forged.write_bytes(file.with_name("good.pdf.jangkar.json").read_bytes().replace(b'\\"jp\\":40', b'\\"jp\\":400'))
    page.set_input_files("#file", file)
    page.set_input_files("#receipt", forged)
    page.locator("#check button").click()
    page.wait_for_selector("[data-verdict=invalid] [data-recomputed=not-recomputed]")
    assert "What the receipt says (not proven)" in page.locator("[data-claim]").inner_text()


def test_what_is_shown_is_what_is_proven(scene, open_page):
    """The data come out of the receipt whose leaf was recomputed, whatever the server writes."""
    page = open_page(f"{scene.page}?lang=en")
    lied_to(page, "**/v/*", swap("<dd>40</dd>", "<dd>400</dd>"))
    page.goto(f"{scene.page}/v/{scene.code}?lang=en")
    page.wait_for_selector("[data-recomputed]")
    shown = page.locator("[data-claim] dl").inner_text()
    assert "400" not in shown
    assert "40" in shown
    assert "20 November 2026" in shown
