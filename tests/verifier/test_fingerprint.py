"""A file's earlier revisions, found while it streams by in pieces of any size."""

import hashlib
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.formats.fingerprint import MAX_REVISIONS, Fingerprinting, of_stream


def sha256(data):
    return hashlib.sha256(data).digest()


def in_pieces(data, sizes):
    taking = Fingerprinting()
    while data:
        size = next(sizes)
        taking.update(data[:size])
        data = data[size:]
    return taking.finish()


def whole(data):
    """The same by looking at the whole file at once."""
    ends = [end for end in range(len(data)) if re.search(rb"%%EOF[\0\t\n\f\r ]{0,8}\Z", data[:end])]
    return tuple(sha256(data[:end]) for end in ends)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n", b"\n\n", b" \r\n", b"\0" * 8])
def test_the_issued_file_is_found_however_it_ended(end):
    issued = b"%PDF-1.7 one %%EOF" + end
    altered = of_stream(io.BytesIO(issued + b"2 0 obj more %%EOF\n"))
    assert altered.revisions.count(sha256(issued)) == 1
    assert of_stream(io.BytesIO(issued)).digest == sha256(issued)
    assert sha256(issued) not in of_stream(io.BytesIO(issued)).revisions


@given(
    st.lists(st.sampled_from([b"%", b"%%EOF", b"\r", b"\n", b"x", b"%%EO", b"F", b" ", b"\0" * 9]), max_size=30).map(
        b"".join
    ),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_pieces_change_nothing(data, sizes):
    found = in_pieces(data, iter(sizes * (len(data) + 1)))
    assert (found.digest, found.length, found.revisions) == (sha256(data), len(data), whole(data))


def test_no_file_makes_it_remember_more_than_the_oldest():
    found = of_stream(io.BytesIO(b"%%EOF\n" * 1000))
    assert found.revisions == whole(b"%%EOF\n" * 1000)[:MAX_REVISIONS]
