"""Everything that a forger could do to a receipt: to its bytes, to its fields, and to the file beside it."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import reference
from _genuine import CHAIN_ID, Genuine, Nation, encode

from verifier.formats.fingerprint import Fingerprint
from verifier.formats.kinds import NUMBERS


@dataclass(frozen=True)
class Mutant:
    """What a forger hands over, for a file of this digest."""

    operator: str
    file: Fingerprint
    receipt: bytes


_BLOCK = re.compile(rb'"block":(?:0|[1-9][0-9]{0,14})(?=[,}])')


class Forger:
    """Makes mutants of one nation, each by a named operator, the same for a seed."""

    def __init__(self, nation: Nation, seed: int) -> None:
        self._nation = nation
        self._draw = random.Random(seed)
        texts = (
            _flip, _delete, _insert, _truncate, _spaced, _escaped, _capitals, _twice, _reordered, _byte_order_mark,
            _line_end, _float,
        )  # fmt: skip
        fields = (
            _digest_of_the_file, _jp, _title, _number, _day, _no_end, _later_end, _kind, _nonce, _no_grade, _more_facts,
            _other_metadata, _issuer, _issuer_and_profile, _profile, _sequence, _sequence_of_another, _index,
            _any_index, _dropped_node, _doubled_node, _swapped_nodes, _flipped_node, _replaced_node, _longer_path,
            _no_path, _path_of_another, _block, _chain, _registry, _format, _unknown_field, _size_field, _other_receipt,
        )  # fmt: skip
        self.operators: dict[str, Callable[[], Mutant | None]] = {}
        for alter in texts:
            self.operators[alter.__name__.strip("_")] = lambda alter=alter: self._of_text(alter)
        for change in fields:
            self.operators[change.__name__.strip("_")] = lambda change=change: self._of_fields(change)
        self.operators["other_file"] = self._other_file
        self.operators["new_file"] = self._new_file
        self.operators["appended_to_the_file"] = self._appended
        self.operators["inner_node_as_a_file"] = self._inner_node

    def mutants(self, count: int) -> Iterator[Mutant]:
        """`count` mutants, each operator as often as the others. None is a genuine receipt with its own file."""
        for _ in range(-(-count // len(self.operators))):
            for name, make in self.operators.items():
                made = None
                while made is None:
                    made = make()
                yield replace(made, operator=name)

    def _of_text(self, alter: Callable[[bytes, random.Random], bytes]) -> Mutant | None:
        one = self._pick()
        text = alter(one.text, self._draw)
        if text == one.text or _without_places(text) == _without_places(one.text):
            return None
        return Mutant("", Fingerprint(reference.sha256(one.file)), text)

    def _of_fields(self, change: Callable[[dict[str, Any], "Genuine", random.Random, Nation], None]) -> Mutant | None:
        one = self._pick()
        fields = json.loads(one.text)
        change(fields, self._pick(), self._draw, self._nation)
        if fields == json.loads(one.text):
            return None
        return Mutant("", Fingerprint(reference.sha256(one.file)), encode(fields))

    def _other_file(self) -> Mutant:
        """A genuine receipt beside another file."""
        return Mutant("", Fingerprint(self._draw.randbytes(32)), self._pick().text)

    def _new_file(self) -> Mutant:
        """A file of the forger's own, put into a genuine receipt."""
        digest = self._draw.randbytes(32)
        return Mutant("", Fingerprint(digest), encode(self._pick().fields | {"document_digest": digest.hex()}))

    def _appended(self) -> Mutant:
        """The issued file with something behind it: its beginning is genuine, and the file is not."""
        one = self._pick()
        issued = reference.sha256(one.file)
        whole = reference.sha256(one.file + self._draw.randbytes(8))
        return Mutant("", Fingerprint(whole, revisions=(self._draw.randbytes(32), issued)), one.text)

    def _inner_node(self) -> Mutant:
        """A file that is two sibling hashes, with the rest of the path: a tree without prefixes would take it."""
        one = self._pick()
        fields = json.loads(one.text)
        pair = self._draw.choice(self._nation.nodes) + self._draw.choice(self._nation.nodes)
        if fields["path"]:
            pair = bytes.fromhex(fields["path"][0]) + self._draw.choice(self._nation.nodes)
        fields |= {
            "document_digest": reference.sha256(pair).hex(), "path": fields["path"][1:],
            "leaf_index": fields["leaf_index"] // 2,
        }  # fmt: skip
        return Mutant("", Fingerprint(reference.sha256(pair)), encode(fields))

    def _pick(self) -> Genuine:
        return self._draw.choice(self._nation.genuine)


def _without_places(text: bytes) -> bytes:
    """A receipt without block and transaction, which no check rests on: docs/spec/receipt.md 2."""
    text = _BLOCK.sub(b'"block":0', text)
    key = b'"transaction":"'
    start = text.find(key) + len(key)
    return text if start < len(key) else text[:start] + text[start + 66 :]


# What is done to a receipt's bytes.


def _flip(text: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(text))
    return text[:place] + bytes([text[place] ^ 1 << draw.randrange(8)]) + text[place + 1 :]


def _delete(text: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(text))
    return text[:place] + text[place + draw.randrange(1, 5) :]


def _insert(text: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(text))
    return text[:place] + draw.choice((b"0", b" ", b",", b'"', b"\\", draw.randbytes(1))) + text[place:]


def _truncate(text: bytes, draw: random.Random) -> bytes:
    return text[: draw.randrange(len(text))]


def _spaced(text: bytes, draw: random.Random) -> bytes:
    mark = draw.choice((b",", b":", b"{", b"["))
    return text.replace(mark, mark + draw.choice((b" ", b"\n", b"\t")), draw.randrange(1, 4))


def _escaped(text: bytes, draw: random.Random) -> bytes:
    letter = draw.choice("abcdef0123456789")
    return text.replace(letter.encode(), f"\\u{ord(letter):04x}".encode(), 1)


def _capitals(text: bytes, draw: random.Random) -> bytes:
    letter = draw.choice(b"abcdef")
    return text.replace(bytes([letter]), bytes([letter - 32]), draw.randrange(1, 9))


def _twice(text: bytes, draw: random.Random) -> bytes:
    names = [b'"leaf_index":', b'"sequence":', b'"block":', b'\\"jp\\":']
    name = draw.choice(names)
    return text.replace(name, name + str(draw.randrange(9)).encode() + b"," + name, 1)


def _reordered(text: bytes, draw: random.Random) -> bytes:
    fields = list(json.loads(text).items())
    draw.shuffle(fields)
    return (json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _byte_order_mark(text: bytes, draw: random.Random) -> bytes:
    return draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00")) + text


def _line_end(text: bytes, draw: random.Random) -> bytes:
    return text[:-1] + draw.choice((b"", b"\r\n", b"\n\n", b"\n ", b"\x00"))


def _float(text: bytes, draw: random.Random) -> bytes:
    name = draw.choice((b'"leaf_index":', b'"sequence":', b'"block":'))
    return text.replace(name, name + draw.choice((b"0.", b"-", b"1e0", b"00")), 1)


# What is done to its fields. The second certificate is another genuine one, to take from.


def _facts(fields: dict[str, Any], **changes: Any) -> None:
    known = json.loads(fields["metadata"]) | changes
    fields["metadata"] = reference.canonical({name: value for name, value in known.items() if value is not None})


def _digest_of_the_file(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["document_digest"] = draw.randbytes(32).hex()


def _jp(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, jp=draw.randrange(1, 10_000))


def _title(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, title=f"Pelatihan {draw.randrange(10**9)}")


def _number(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, number=f"{draw.randrange(10**9)}/2026")


def _day(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, issued_on=f"20{draw.randrange(10, 26)}-0{draw.randrange(1, 10)}-1{draw.randrange(10)}")


def _no_end(fields: dict[str, Any], _: Genuine, __: random.Random, ___: Nation) -> None:
    _facts(fields, valid_until=None)


def _later_end(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, valid_until=f"20{draw.randrange(30, 99)}-01-01T00:00:0{draw.randrange(10)}Z")


def _kind(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, kind=draw.choice(list(NUMBERS)))


def _nonce(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, nonce=draw.randbytes(16).hex())


def _no_grade(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, grade=draw.choice((None, "Sangat Memuaskan")))


def _more_facts(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    _facts(fields, **draw.choice(({"supersedes": "00" * 32}, {"code": "000000000002"}, {"name": "Budi"})))


def _other_metadata(fields: dict[str, Any], other: Genuine, _: random.Random, __: Nation) -> None:
    fields["metadata"] = other.fields["metadata"]


def _issuer(fields: dict[str, Any], other: Genuine, draw: random.Random, _: Nation) -> None:
    fields["issuer_id"] = draw.choice((other.fields["issuer_id"], draw.randbytes(32).hex()))


def _issuer_and_profile(fields: dict[str, Any], other: Genuine, _: random.Random, __: Nation) -> None:
    fields |= {name: other.fields[name] for name in ("issuer_id", "issuer_profile")}


def _profile(fields: dict[str, Any], other: Genuine, draw: random.Random, _: Nation) -> None:
    own = reference.canonical({"code": "BKN", "name": f"Badan Kepegawaian {draw.randrange(10**6)}"})
    fields["issuer_profile"] = draw.choice((own, other.fields["issuer_profile"]))


def _sequence(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["sequence"] += draw.choice((-1, 1, draw.randrange(2, 100), 2**53))


def _sequence_of_another(fields: dict[str, Any], other: Genuine, _: random.Random, __: Nation) -> None:
    fields["sequence"] = other.fields["sequence"]
    fields["hints"]["block"] = other.fields["hints"]["block"]


def _index(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["leaf_index"] += draw.choice((-1, 1))


def _any_index(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["leaf_index"] = draw.choice((draw.randrange(64), 2 ** draw.randrange(54)))


def _dropped_node(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    if fields["path"]:
        del fields["path"][draw.randrange(len(fields["path"]))]


def _doubled_node(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    if fields["path"]:
        place = draw.randrange(len(fields["path"]))
        fields["path"].insert(place, fields["path"][place])


def _swapped_nodes(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    draw.shuffle(fields["path"])


def _flipped_node(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    if fields["path"]:
        place = draw.randrange(len(fields["path"]))
        node = int(fields["path"][place], 16) ^ 1 << draw.randrange(256)
        fields["path"][place] = f"{node:064x}"


def _replaced_node(fields: dict[str, Any], _: Genuine, draw: random.Random, nation: Nation) -> None:
    if fields["path"]:
        fields["path"][draw.randrange(len(fields["path"]))] = draw.choice(nation.nodes).hex()


def _longer_path(fields: dict[str, Any], _: Genuine, draw: random.Random, nation: Nation) -> None:
    for _ in range(draw.choice((1, 2, 70))):
        fields["path"].insert(draw.randrange(len(fields["path"]) + 1), draw.choice(nation.nodes).hex())


def _no_path(fields: dict[str, Any], _: Genuine, __: random.Random, ___: Nation) -> None:
    fields["path"] = []


def _path_of_another(fields: dict[str, Any], other: Genuine, _: random.Random, __: Nation) -> None:
    fields |= {name: other.fields[name] for name in ("path", "leaf_index")}


def _block(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["hints"]["block"] = draw.choice((-1, 2**53, draw.randrange(2**53, 2**64)))


def _chain(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["hints"]["chain_id"] = draw.choice((1, CHAIN_ID + 1, draw.randrange(1, 2**53)))


def _registry(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["hints"]["registry"] = "0x" + draw.randbytes(20).hex()


def _format(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["format"] = f"jangkar-receipt-v{draw.randrange(2, 99)}"


def _unknown_field(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    draw.choice((fields, fields["hints"]))[draw.choice(("valid", "rpc", "root", "verdict"))] = draw.randrange(10**6)


def _size_field(fields: dict[str, Any], _: Genuine, draw: random.Random, __: Nation) -> None:
    fields["tree_size"] = draw.randrange(1, 100)


def _other_receipt(fields: dict[str, Any], other: Genuine, _: random.Random, __: Nation) -> None:
    fields.clear()
    fields.update(json.loads(other.text))
