"""A file's earlier forms, found while it streams by in pieces of any size."""

import hashlib
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.formats.fingerprint import LINE_ENDS, MAX_REVISIONS, FingerprintBuilder, of_stream


def sha256(data):
    return hashlib.sha256(data).digest()


def in_pieces(data, sizes):
    taking = FingerprintBuilder()
    while data:
        size = next(sizes)
        taking.update(data[:size])
        data = data[size:]
    return taking.finish()


def whole(data):
    """The same by looking at the whole file at once."""
    ends = [end for end in range(len(data)) if re.search(rb"%%EOF[\0\t\n\f\r ]{0,8}\Z", data[:end])]
    forms = [data[:end] for end in ends[:MAX_REVISIONS]] + [data + end for end in LINE_ENDS if data[-1:] != b"\n"]
    start = data.find(b"%PDF-", 0, 1024)
    return tuple(map(sha256, [*forms, data[start:]] if start > 0 else forms))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n", b"\n\n", b" \r\n", b"\0" * 8])
def test_the_issued_file_is_found_however_it_ended(end):
    issued = b"%PDF-1.7 one %%EOF" + end
    altered = of_stream(io.BytesIO(issued + b"2 0 obj more %%EOF\n"))
    assert altered.revisions.count(sha256(issued)) == 1
    assert of_stream(io.BytesIO(issued)).digest == sha256(issued)
    assert sha256(issued) not in of_stream(io.BytesIO(issued)).revisions


@given(
    st.lists(
        st.sampled_from([b"%", b"%%EOF", b"\r", b"\n", b"x", b"%%EO", b"F", b" ", b"\0" * 9, b"%PDF-", b"-" * 500]),
        max_size=30,
    ).map(b"".join),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_pieces_change_nothing(data, sizes):
    found = in_pieces(data, iter(sizes * (len(data) + 1)))
    assert (found.digest, found.length, found.revisions) == (sha256(data), len(data), whole(data))


def test_no_file_makes_it_remember_more_than_the_oldest():
    found = of_stream(io.BytesIO(b"%%EOF\n" * 1000))
    assert found.revisions == whole(b"%%EOF\n" * 1000)
    assert len(found.revisions) == MAX_REVISIONS


def test_each_form_lies_where_its_place_says():
    data = b"junk %PDF-1.7 one %%EOF\r\ntwo %%EOF\n   "
    found = of_stream(io.BytesIO(data))
    forms = [data[place.start : place.end] + place.behind for place in found.places]
    assert tuple(map(sha256, forms)) == found.revisions
    assert found.ink_end == len(data) - 4


ISSUED = b"%PDF-1.7 one %%EOF\n"


@pytest.mark.parametrize(
    ("altered", "blank"),
    [
        (ISSUED[:-1], False), (b"X-Header: mail\r\n\r\n" + ISSUED, False), (ISSUED + b"\n", True),
        (ISSUED + b"\n" * 20, True), (ISSUED + b"2 0 obj %%EOF\n", False),
        (ISSUED + b"".join(b"%d 0 obj %%%%EOF\r\n" % number for number in range(70)), False),
    ],
)  # fmt: skip
def test_what_is_nearly_the_issued_file_has_it_among_its_forms(altered, blank):
    found = of_stream(io.BytesIO(altered))
    place = found.places[found.revisions.index(sha256(ISSUED))]
    assert altered[place.start : place.end] + place.behind == ISSUED
    assert (place.start == 0 and not place.behind and place.end >= found.ink_end) is blank


def test_an_issued_file_of_many_revisions_is_found():
    issued = b"%PDF-1.7 " + b"".join(b"%d 0 obj %%%%EOF\r\n" % number for number in range(70))
    assert sha256(issued) in of_stream(io.BytesIO(issued + b"more %%EOF")).revisions
