"""The service's exchanges with a node or a remote signer are over by one deadline, and it is then unavailable."""

import pytest
from dripping import DEADLINE, DRIPS, MANY, PAUSE, dripping

from anchor_service.chain.contract import asking, connect
from anchor_service.chain.provider import BoundedProvider
from anchor_service.core.errors import RegistryUnavailable

ANSWER = b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'


@pytest.mark.parametrize(("said", "pieces"), [row[1:] for row in DRIPS], ids=[row[0] for row in DRIPS])
def test_an_answer_that_drips_is_given_up(said, pieces):
    with dripping(said, pieces, PAUSE) as server:
        client = connect(server.url)
        client.provider = BoundedProvider(server.url, DEADLINE)
        with pytest.raises(RegistryUnavailable, match=f"^{server.url} did not answer"), asking(client, "reading"):
            client.eth.chain_id  # noqa: B018
    assert server.sent <= MANY // 4


BAD = [
    (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "HTTP status 503"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "HTTP status 302"),
    (b"no HTTP\r\n\r\n", "did not answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{\xff}}", "reading: .*Error"),
]


@pytest.mark.parametrize(("said", "words"), BAD, ids=["503", "elsewhere", "no http", "no json"])
def test_what_is_no_answer_is_unavailable(said, words):
    with dripping(said, [], PAUSE) as server:
        client = connect(server.url)
        with pytest.raises(RegistryUnavailable, match=words), asking(client, "reading"):
            client.eth.chain_id  # noqa: B018


def test_an_answer_in_pieces_is_read_to_its_end():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
    with dripping(b"", [head[:9], head[9:], ANSWER[:7], ANSWER[7:]], PAUSE) as server:
        assert connect(server.url).eth.chain_id == 1
