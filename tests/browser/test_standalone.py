"""The verifier in one file, opened from disk: all five checks against a node that its user names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rpc_proxy import Proxy

from verifier.verdict.verdict import EXIT_CODES, Verdict
from verifier.verdict.words import VERDICTS

ROOT = Path(__file__).parents[2]
FILE = ROOT / "verifier" / "web" / "static" / "jangkar-verify.html"
OF_FILES = [verdict for verdict in Verdict if verdict is not Verdict.RECORDED]


def check(page, scene, name, *, policy=None, node="", service=None, issuer="", receipt=None):
    file, own = scene.files[name]
    page.set_input_files("#file", file)
    if receipt or own:
        page.set_input_files("#receipt", receipt or own)
    page.set_input_files("#policy", policy or scene.installation.policy)
    page.fill("#node", node)
    page.fill("#service", scene.service if service is None else service)
    page.fill("#issuer", issuer)
    page.locator("#check button").click()
    return page.locator("[data-verdict]").get_attribute("data-verdict", timeout=20_000)


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("name", OF_FILES)
def test_every_verdict(scene, open_page, shoot, name, language):
    page = open_page(FILE.as_uri())
    if language == "en":
        page.locator("#language").click()
    assert check(page, scene, name) == name
    title = VERDICTS[Verdict(name)].in_(language)
    assert page.get_by_role("heading", level=1).first.inner_text().endswith(title)
    code, answer = scene.installation.verify(
        str(scene.files[name][0]), "--service", scene.service,
        *(("--receipt", str(scene.files[name][1])) if scene.files[name][1] else ()),
    )  # fmt: skip
    assert answer["verdict"] == name, code
    # Check for check as the Python verifier has it.
    theirs = [check["outcome"] for claim in answer["claims"] for check in claim["checks"]]
    assert (
        page.locator("[data-claim] ol:first-of-type li").evaluate_all("all => all.map(one => one.className)") == theirs
    )
    shoot(page, f"standalone-{name}-{language}")


def test_a_sidecar_is_enough_where_its_issuer_is_named(scene, open_page):
    page = open_page(FILE.as_uri())
    receipt = scene.files["valid"][0].with_name("good.pdf.jangkar.json")
    given = {"service": "", "receipt": receipt}
    assert check(page, scene, "valid", issuer=scene.installation.issuer, **given) == "valid"
    assert check(page, scene, "valid", **given) == "undetermined"
    assert check(page, scene, "valid", issuer="00" * 32, **given) == "invalid"


def test_a_node_that_cannot_be_believed_gives_no_verdict(scene, open_page, tmp_path):
    pins = json.loads(scene.installation.policy.read_text())
    for name, value in (("chain_id", 5), ("genesis", "0x" + "00" * 32), ("code_hash", "0x" + "00" * 32)):
        policy = tmp_path / f"{name}.json"
        policy.write_text(json.dumps(pins | {name: value}))
        # The receipt names the chain, which another policy does not trust.
        wanted = "invalid" if name == "chain_id" else "undetermined"
        assert check(open_page(FILE.as_uri()), scene, "valid", policy=policy) == wanted


def test_several_nodes_have_to_say_the_same(scene, open_page, tmp_path):
    """It proves nothing: it compares what every node of the policy says at one block."""
    pins = json.loads(scene.installation.policy.read_text())
    policy = tmp_path / "policy.json"
    url = scene.installation.devnet.url
    with Proxy(url) as other:
        policy.write_text(json.dumps(pins | {"nodes": [url, other.url]}))
        page = open_page(FILE.as_uri())
        assert check(page, scene, "valid", policy=policy) == "valid"
        assert "2 node memberi jawaban yang sama" in page.locator("main").inner_text()

        def lie(asked, answer):
            """Its registry never heard of a revocation."""
            if asked["method"] == "eth_call" and asked["params"][0]["data"].startswith("0x24a816c6"):
                return json.dumps(json.loads(answer) | {"result": "0x" + "00" * 32 * 7}).encode()
            return answer

        other.after = lie
        assert check(open_page(FILE.as_uri()), scene, "revoked", policy=policy) == "undetermined"
        # Named alone it is believed, and the page says whose word this is.
        page = open_page(FILE.as_uri())
        assert check(page, scene, "revoked", policy=policy, node=other.url) == "valid"
        assert "Dibaca dari satu node" in page.locator("main").inner_text()
        # One that says nothing of use.
        other.after = lambda *_: b"{}"
        assert check(open_page(FILE.as_uri()), scene, "valid", policy=policy) == "undetermined"
        policy.write_text(json.dumps(pins | {"nodes": [url, other.url], "quorum": 1}))
        assert check(open_page(FILE.as_uri()), scene, "valid", policy=policy) == "valid"
    policy.write_text(json.dumps(pins | {"pinned_block": "0x" + "11" * 32}))
    assert check(open_page(FILE.as_uri()), scene, "valid", policy=policy) == "undetermined"


@pytest.mark.parametrize("time", [253_402_268_400, 2**63, 2**64])
@pytest.mark.parametrize("of", ["block", "anchor"])
def test_a_time_that_no_date_says_is_none(scene, open_page, time, of):
    """As in Python: there is no answer of it, and it is named."""

    def lie(asked, answer):
        said = json.loads(answer)
        if of == "block" and asked["method"] == "eth_getBlockByNumber":
            said["result"]["timestamp"] = hex(time)
        if of == "anchor" and asked["method"] == "eth_call" and asked["params"][0]["data"].startswith("0x3a9e2f73"):
            said["result"] = said["result"][:130] + f"{time:064x}" + said["result"][194:]
        return json.dumps(said).encode()

    with Proxy(scene.installation.devnet.url) as node:
        node.after = lie
        page = open_page(FILE.as_uri())
        assert check(page, scene, "valid", node=node.url) == "undetermined"
        assert str(time) in page.locator("main").inner_text()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (b"", "not JSON"), (b"[]", "not a JSON object"), (b'{"format":"x"}', "'format'"), (b"\xff", "bukan teks"),
        (b'{"format":"jangkar-policy-v1","format":"jangkar-policy-v1"}', "stands twice"),
    ],
)  # fmt: skip
def test_a_policy_that_is_none(scene, open_page, tmp_path, policy, said):
    page = open_page(FILE.as_uri())
    path = tmp_path / "policy.json"
    path.write_bytes(policy)
    page.set_input_files("#file", scene.files["valid"][0])
    page.set_input_files("#policy", path)
    page.locator("#check button").click()
    assert said in page.get_by_role("alert").inner_text()
    assert page.locator("[data-verdict]").count() == 0


def test_it_asks_nobody_but_whom_it_was_told_to(scene, open_page):
    page = open_page(FILE.as_uri())
    asked = set()
    page.on("request", lambda request: asked.add(request.url))
    assert check(page, scene, "valid") == "valid"
    assert asked == {scene.installation.devnet.url + "/", f"{scene.service}/v1/documents"}


@pytest.fixture(scope="module")
def pyz(tmp_path_factory):
    made = tmp_path_factory.mktemp("pyz")
    subprocess.run([sys.executable, ROOT / "scripts" / "build_pyz.py", "--out", made], check=True)
    return made / "jangkar-verify.pyz"


@pytest.mark.parametrize("name", OF_FILES)
def test_the_one_of_plain_python_says_the_same(scene, pyz, name):
    file, receipt = scene.files[name]
    given = ("check", str(file), "--service", scene.service, *(("--receipt", str(receipt)) if receipt else ()))
    command = [sys.executable, "-I", "-S", str(pyz), *given, "--policy", str(scene.installation.policy), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (json.loads(done.stdout)["verdict"], done.returncode) == (name, EXIT_CODES[Verdict(name)])


def test_a_receipt_becomes_an_opentimestamps_proof(scene, tmp_path):
    receipt = scene.files["valid"][0].with_name("good.pdf.jangkar.json")
    out = tmp_path / "good.pdf.ots"
    given = ("ots", str(receipt), "--policy", str(scene.installation.policy), "--out", str(out))
    done = scene.installation.run("jangkar-verify", *given)
    assert (done.returncode, done.stdout.strip()) == (0, str(out)), done.stderr
    assert out.read_bytes().startswith(b"\x00OpenTimestamps")
    assert scene.installation.run("jangkar-verify", *given).returncode == 2, "nothing is overwritten"
    forged = tmp_path / "forged.json"
    forged.write_bytes(receipt.read_bytes().replace(b'"leaf_index":', b'"leaf_index":1'))
    done = scene.installation.run("jangkar-verify", "ots", str(forged), "--policy", str(scene.installation.policy))
    assert done.returncode == 1
    assert not (tmp_path / "forged.json.ots").exists()
