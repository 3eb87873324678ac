"""The API: who may write, what is said to bad input, and look-ups without a verdict."""

import asyncio
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx
import pytest
from starlette.testclient import TestClient
from world import TESTER, digest, facts

from anchor_service.bootstrap import Services
from anchor_service.core import errors
from anchor_service.core.scopes import SCOPES
from anchor_service.pipeline import access, deeds
from anchor_service.pipeline.receipts import Receipts
from anchor_service.settings import Settings
from anchor_service.store import issuers, operations
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Hold
from anchor_service.web import problems
from anchor_service.web.app import create_app
from anchor_service.web.limits import BodyLimit
from verifier.formats.receipt import parse

DIGEST = digest("a").hex()
CERTIFICATE = {"document_digest": DIGEST, **facts("a")}
STATUS = {"status": "revoked", "reason": 1}
WRITING = [
    ("POST", "/v1/certificates", {"certificates": [CERTIFICATE]}, "certificates:write"),
    ("DELETE", f"/v1/certificates/{DIGEST}", None, "certificates:write"),
    ("POST", "/v1/codes", {"count": 1}, "certificates:write"),
    ("POST", f"/v1/certificates/{DIGEST}/statuses", STATUS, "statuses:write"),
]
ROUTE_IDS = [f"{method} {path[:20]}" for method, path, _, _ in WRITING]


@pytest.fixture
def client(world):
    settings = Settings(registry=world.chain.address, public_requests_per_minute=50, key_requests_per_minute=40)
    app = create_app(Services(settings, world.store, world.receipts, world.filing))
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def key(world, *scopes, issuer=None, expires_at=None):
    token = access.new_api_key(
        world.store, issuer or world.issuer, scopes or SCOPES, actor=TESTER, expires_at=expires_at, now=world.now
    )
    return {"Authorization": f"Bearer {token}"}


def ask(client, method, path, body, headers=None):
    return client.request(method, path, json=body, headers=headers or {})


def assert_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(code)
    assert body["detail"]


@pytest.mark.parametrize(("method", "path", "body", "scope"), WRITING, ids=ROUTE_IDS)
def test_every_writing_route_refuses_who_may_not(world, client, method, path, body, scope):
    """No key, rubbish, an unknown key, a revoked one, an expired one, and one without the scope."""
    world.submit("a")
    unknown = f"Bearer jgk_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
    good = key(world, scope)["Authorization"]
    for header in (
        None,
        "Bearer x",
        "Bearer",
        "Basic " + "a" * 20,
        unknown,
        good[:-1] + ("A" if good[-1] != "A" else "B"),
    ):
        answer = ask(client, method, path, body, {"Authorization": header} if header else None)
        assert_problem(answer, 401, "not-authorised")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert_problem(ask(client, method, path, body, key(world, scope, expires_at=1)), 401, "not-authorised")
    revoked = key(world, scope)
    with world.store.writing() as connection:
        issuers.revoke_api_key(connection, revoked["Authorization"].split("_")[1], world.now)
    assert_problem(ask(client, method, path, body, revoked), 401, "not-authorised")
    others = [one for one in SCOPES if one != scope]
    assert_problem(ask(client, method, path, body, key(world, *others)), 403, "not-authorised")


def test_no_writing_route_is_missing_above(client):
    schema = client.get("/openapi.json").json()
    secured = {
        (method.upper(), path)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if operation.get("security")
    }
    listed = {(method, path.replace(DIGEST, "{document_digest}")) for method, path, _, _ in WRITING}
    assert secured == listed
    unsecured = {
        (method, path)
        for path, operations in schema["paths"].items()
        for method, one in operations.items()
        if not one.get("security")
    }
    # A look-up by several digests, which have no place in an address.
    assert {(method, path) for method, path in unsecured if method != "get"} == {("post", "/v1/documents")}


def test_another_issuers_key_touches_nothing_of_ours(world, client):
    other = world.add_issuer("BPSDM-B")
    world.submit("a")
    theirs = key(world, issuer=other)
    assert_problem(ask(client, "DELETE", f"/v1/certificates/{DIGEST}", None, theirs), 404, "unknown-certificate")
    world.night()
    assert_problem(
        ask(client, "POST", f"/v1/certificates/{DIGEST}/statuses", STATUS, theirs), 404, "unknown-certificate"
    )
    code = ask(client, "POST", "/v1/codes", {"count": 1}, key(world)).json()["codes"][0]
    stolen = ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE | {"code": code}]}, theirs).json()
    assert stolen["results"][0]["problem"]["code"] == "field-rejected"
    # The issuer comes from the key: naming one in the body is an error and not a way in.
    named = {"certificates": [CERTIFICATE], "issuer_id": world.issuer.id.hex()}
    assert_problem(ask(client, "POST", "/v1/certificates", named, theirs), 422, "invalid-request")
    taken = ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE]}, theirs).json()
    assert taken["results"][0]["result"] == "accepted"
    world.accepted[other.id, digest("a")] = bytes.fromhex(taken["results"][0]["leaf_hash"])
    world.night()
    assert world.audit() == 2
    assert deeds.of_file(world.store, other, digest("a"))[0].actor == f"key:{theirs['Authorization'].split('_')[1]}"


def test_a_revocation_from_the_beginning_is_not_the_one_that_is_pending(world, client):
    world.submit("a")
    world.night()
    mine, path = key(world), f"/v1/certificates/{DIGEST}/statuses"
    assert ask(client, "POST", path, STATUS, mine).status_code == HTTPStatus.ACCEPTED
    assert ask(client, "POST", path, STATUS, mine).status_code == HTTPStatus.ACCEPTED, "asking twice is asking once"
    assert_problem(ask(client, "POST", path, STATUS | {"from_beginning": True}, mine), 409, "illegal-transition")


def test_a_key_is_nowhere_in_the_database(world):
    token = key(world)["Authorization"].removeprefix("Bearer ")
    secret = token.split("_", 2)[2]
    with world.store.reading() as connection:
        dump = repr([one.model_dump() for one in issuers.api_keys(connection)])
    assert secret not in dump


def test_intake_over_the_wire(world, client):
    mine = key(world)
    bad = {"document_digest": digest("b").hex(), **facts("b", issued_on="2026-02-30")}
    asked = {"certificates": [CERTIFICATE, bad, CERTIFICATE]}
    results = ask(client, "POST", "/v1/certificates", asked, mine).json()["results"]
    assert [one["result"] for one in results] == ["accepted", "refused", "known"]
    assert "2026-02-30" in results[1]["problem"]["detail"]
    assert ask(client, "POST", "/v1/certificates", asked, mine).json()["results"][0]["result"] == "known"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"certificates": []},
        {"certificates": [{}]},
        {"certificates": [CERTIFICATE | {"document_digest": DIGEST.upper()}]},
        {"certificates": [CERTIFICATE | {"nip": "198609262015051001"}]},
        {"certificates": [CERTIFICATE | {"jp": "many"}]},
        {"certificates": [CERTIFICATE] * 1001},
    ],
)
def test_bodies_that_are_wrong(world, client, body):
    answer = ask(client, "POST", "/v1/certificates", body, key(world))
    assert_problem(answer, 422, "invalid-request")
    assert answer.json()["errors"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"certificates": 1e400}'])
def test_bodies_that_are_rubbish(world, client, content):
    answer = client.post("/v1/certificates", content=content, headers=key(world) | {"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == problems.MEDIA_TYPE


def test_a_body_that_is_too_large_is_not_read_to_its_end(world, client):
    answer = client.post("/v1/certificates", content=b" " * (3 << 20), headers=key(world))
    assert_problem(answer, 413, "request-too-large")


def test_a_receipt_from_acceptance_to_the_chain(world, client):
    assert client.get(f"/v1/documents/{DIGEST}").json() == {"format": "jangkar-lookup-v1", "receipts": [], "pending": 0}
    world.submit("a", "b")
    assert client.get(f"/v1/documents/{DIGEST}").json()["pending"] == 1
    direct = f"/v1/issuers/{world.issuer.id.hex()}/documents/{DIGEST}/receipt"
    assert_problem(client.get(direct), 404, "unknown-certificate")
    world.night()
    found = client.get(f"/v1/documents/{DIGEST}").json()
    receipt = client.get(direct)
    assert found["receipts"] == [receipt.text]
    assert parse(receipt.content).document_digest.hex() == DIGEST
    assert client.get(direct).content == receipt.content
    assert client.get(direct, headers={"If-None-Match": receipt.headers["etag"]}).status_code == 304
    manifest = client.get(f"/v1/issuers/{world.issuer.id.hex()}/manifests/1").text.splitlines()
    assert len(manifest) == 3
    assert json.loads(manifest[0])["tree_size"] == 2


def test_a_look_up_shows_every_issuers_claim(world, client):
    other = world.add_issuer("BPSDM-B")
    world.submit("a")
    world.submit("a", issuer=other)
    world.night()
    found = client.get(f"/v1/documents/{DIGEST}").json()["receipts"]
    assert {parse(one.encode()).issuer_id for one in found} == {world.issuer.id, other.id}


def test_codes_from_reservation_to_look_up(world, client):
    code = ask(client, "POST", "/v1/codes", {"count": 1}, key(world)).json()["codes"][0]
    assert client.get(f"/v1/codes/{code}").json()["receipts"] == []
    ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE | {"code": code}]}, key(world))
    world.night()
    typed = f"{code[:4]}-{code[4:8]}-{code[8:]}".lower()
    assert len(client.get(f"/v1/codes/{typed}").json()["receipts"]) == 1
    assert_problem(client.get("/v1/codes/000000000001"), 422, "code-rejected")


@pytest.mark.parametrize("path", ["/v1/documents/xyz", f"/v1/documents/{DIGEST.upper()}", "/v1/issuers/1/manifests/1"])
def test_look_ups_of_rubbish(client, path):
    assert client.get(path).status_code in (404, 422)
    assert client.get(path).headers["content-type"] == problems.MEDIA_TYPE


def test_nobody_climbs_out_of_the_manifests(world, client):
    for sequence in ("..%2f..%2fetc", "-1", "1e3", "0", "01", "9" * 19, "9" * 20, "9" * 4_400):
        assert client.get(f"/v1/issuers/{world.issuer.id.hex()}/manifests/{sequence}").status_code == 404


def test_no_path_is_asked_for_beyond_the_limit(world, client):
    wait_for_a_minutes_beginning()
    paths = [f"/v1/issuers/{world.issuer.id.hex()}/manifests/{'9' * 4_400}", f"/v1/documents/{DIGEST}", "/v1/codes/x"]
    for _ in range(50):
        client.get(f"/v1/documents/{DIGEST}")
    assert {client.get(path).status_code for path in paths} == {429}
    # Not even read: it is no JSON.
    assert client.post("/v1/documents", content=b"{").status_code == 429


def wait_for_a_minutes_beginning():
    """The limiter counts by full minutes, and forgives a part of the last one's count in the next."""
    left = 60 - time.time() % 60
    if left < 30:
        time.sleep(left)


def test_look_ups_are_limited_by_address_and_writing_by_key(world, client):
    wait_for_a_minutes_beginning()
    codes = [client.get(f"/v1/documents/{DIGEST}").status_code for _ in range(60)]
    assert codes.count(200) == 50
    limited = client.get(f"/v1/documents/{DIGEST}")
    assert_problem(limited, 429, "rate-limited")
    assert int(limited.headers["retry-after"]) >= 1
    first, second = key(world), key(world)
    for method, path, body, _ in WRITING:
        assert ask(client, method, path, body, first).status_code < 429
    codes = [ask(client, "POST", "/v1/codes", {"count": 1}, first).status_code for _ in range(40)]
    assert codes.count(201) == 40 - len(WRITING)
    assert_problem(ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE]}, first), 429, "rate-limited")
    assert ask(client, "POST", "/v1/codes", {"count": 1}, second).status_code == 201


def test_a_line_of_many_addresses_is_one(world):
    """Each visitor of an IPv6 line can take any of 2^64 addresses."""
    wait_for_a_minutes_beginning()
    settings = Settings(registry=world.chain.address, public_requests_per_minute=50)
    app = create_app(Services(settings, world.store, world.receipts, world.filing))

    def asked(host: str) -> int:
        with TestClient(app, client=(host, 1)) as one:
            return one.get(f"/v1/documents/{DIGEST}").status_code

    assert [asked(f"2001:db8::{number:x}") for number in range(60)].count(200) == 50
    assert asked("2001:db8:0:1::1") == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer jgk_{16 * '0'}_{43 * 'A'}"}])
def test_no_body_is_read_before_the_key_is_known(client, headers):
    """What is no JSON is not found to be none."""
    for method, path, asked, _ in WRITING:
        if asked is None:
            continue
        answer = client.request(method, path, content=b"\xff{", headers=headers)
        assert_problem(answer, 401, "not-authorised")


def test_a_body_that_drips_is_given_up():
    """By the clock alone: its bytes go on, a few at a time, for as long as anybody reads them."""
    read = 0

    async def app(_scope, receive, _send):
        while (await receive())["more_body"]:
            pass

    async def drip():
        nonlocal read
        read += 1
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": read < 10_000}

    said = []

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/certificates", "headers": []}
    # In a thread: a browser's tests leave an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, BodyLimit(app, seconds=0.2)(scope, drip, send)).result()
    assert said[0]["status"] == 408
    assert read < 10_000
    assert json.loads(said[1]["body"])["code"] == "request-too-slow"


def test_health(world, client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    world.store.downgrade("base")
    assert client.get("/healthz").status_code == 200
    assert_problem(client.get("/readyz"), 503, "unavailable")


def every_error(kind=errors.AnchorServiceError):
    for below in kind.__subclasses__():
        yield below
        yield from every_error(below)


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=lambda kind: kind.__name__))
def test_every_error_has_a_status_and_a_code_of_its_own(kind):
    error = kind.__new__(kind)
    error.key_is_sound = False
    assert isinstance(problems.status_of(error), HTTPStatus)
    assert [other for other in every_error() if other.code == kind.code] == [kind]


def test_an_error_that_nobody_foresaw_shows_nothing_of_the_inside(world, client):
    world.store.downgrade("base")
    answer: httpx.Response = client.get(f"/v1/documents/{DIGEST}")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert "SELECT" not in answer.text


def test_without_its_database_it_says_so_and_not_where_it_is(world):
    store = Store("sqlite:////nonexistent/store.sqlite3")
    settings = Settings(registry=world.chain.address)
    receipts = Receipts(store, world.chain.chain_id, world.chain.address)
    app = create_app(Services(settings, store, receipts, world.filing))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/healthz").status_code == HTTPStatus.OK
        reading = [("GET", path, None, "") for path in ("/readyz", f"/v1/documents/{DIGEST}")]
        for method, path, body, _ in WRITING + reading:
            answer = ask(client, method, path, body, {"Authorization": f"Bearer jgk_{16 * '0'}_{43 * 'A'}"})
            assert_problem(answer, HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable")
            assert "Retry-After" in answer.headers
            assert "nonexistent" not in answer.text


def test_an_accepted_certificate_has_a_deadline_and_a_held_issuer_takes_nothing_in(client, world):
    answer = ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE]}, key(world))
    found = answer.json()["results"][0]
    assert found["result"] == "accepted"
    again = ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE]}, key(world)).json()["results"][0]
    assert (again["result"], again["anchor_by"]) == ("known", found["anchor_by"])
    with world.store.reading() as connection:
        received = receipt_queries.by_digest(connection, digest("a"))[0].certificate.received_at
    assert found["anchor_by"] == received + 36 * 3_600
    with world.store.writing() as connection:
        operations.put_hold(connection, Hold(issuer_id=world.issuer.id, detail="the chain holds 2", since=1))
    answer = ask(client, "POST", "/v1/certificates", {"certificates": [CERTIFICATE]}, key(world))
    assert_problem(answer, HTTPStatus.SERVICE_UNAVAILABLE, "chain-ahead")


def test_a_file_is_looked_up_with_its_earlier_revisions(world, client):
    """The whole file's waiting is told, an earlier revision's is not."""
    later = digest("later").hex()
    world.submit("a")
    asked = {"document_digests": [later, DIGEST]}
    assert client.post("/v1/documents", json=asked).json() == {
        "format": "jangkar-lookup-v1", "receipts": [], "pending": 0,
    }  # fmt: skip
    asked["document_digests"].reverse()
    assert client.post("/v1/documents", json=asked).json()["pending"] == 1
    for wrong in ({}, {"document_digests": []}, {"document_digests": [later] * 66}, {"document_digests": ["x"]}):
        assert_problem(client.post("/v1/documents", json=wrong), 422, "invalid-request")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"document_digests":' + "[" * 65 + "]" * 65 + "}", 400),
        ('{"a":"' + "]" * 100 + '","b":' + "[" * 65 + "]" * 65 + "}", 400),
        ('{"a":"' + '\\\\\\"]' * 100 + '","b":' + "[" * 65 + "]" * 65 + "}", 400),
        ('{"document_digests":["' + "[" * 1000 + '"]}', 422),
        ('{"document_digests":["' + '\\"[' * 1000 + '"]}', 422),
    ],
)
@pytest.mark.parametrize("piece", [1 << 20, 7, 1])
def test_brackets_are_counted_outside_texts(client, body, status, piece):
    data = body.encode()
    pieces = (data[at : at + piece] for at in range(0, len(data), piece))
    answer = client.post("/v1/documents", content=pieces, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert (answer.json()["code"] == "request-too-deep") == (status == 400)
