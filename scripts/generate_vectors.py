"""Write tests/vectors/ again from the slow reference.

    python3 scripts/generate_vectors.py           writes the files
    python3 scripts/generate_vectors.py --check   compares instead, and exits 1 on a difference

The values come from tests/reference.py and from published standards, never from the code under test.
"""

import _bootstrap

_bootstrap.enter("run")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT / "tests"))

import reference  # noqa: E402
from eth_account.messages import encode_typed_data  # noqa: E402
from eth_utils.crypto import keccak  # noqa: E402
from reference import canonical  # noqa: E402

FOLDER = _bootstrap.ROOT / "tests" / "vectors"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# RFC 6962's eight-leaf tree as published with the certificate-transparency reference implementation and in
# transparency-dev/merkle (testonly/constants.go): the leaf inputs and the root of each prefix.
RFC6962_INPUTS = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
RFC6962_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

ISSUER = bytes(range(32))
DOCUMENT = reference.sha256(b"a certificate")


def hashing() -> object:
    data = [b"", b"\x00", b"L123456", bytes(range(97))]
    return {
        "leaf": [{"data": one.hex(), "hash": reference.leaf(one).hex()} for one in data],
        "node": [
            {"left": left.hex(), "right": right.hex(), "hash": reference.node(left, right).hex()}
            for left, right in [(bytes(32), bytes(32)), (bytes(range(32)), bytes(range(32, 64)))]
        ],
    }


def leaf_inputs() -> object:
    found = []
    for metadata in (metadata_texts()["right"][0]["text"], metadata_texts()["right"][1]["text"]):
        data = reference.leaf_input(ISSUER, DOCUMENT, metadata)
        found.append(
            {
                "issuer_id": ISSUER.hex(),
                "document_digest": DOCUMENT.hex(),
                "metadata": metadata,
                "leaf_input": data.hex(),
                "leaf_hash": reference.leaf(data).hex(),
            }
        )
    return found


def trees() -> object:
    inputs = [bytes.fromhex(one) for one in RFC6962_INPUTS]
    found = []
    for size, root in enumerate(RFC6962_ROOTS, start=1):
        leaves = [reference.leaf(one) for one in inputs[:size]]
        if reference.root(leaves).hex() != root:
            raise SystemExit(f"the reference does not give the published root of size {size}")
        found.append({"leaf_inputs": RFC6962_INPUTS[:size], "root_hash": root})
    return {
        "source": "RFC 6962 reference implementation, testonly constants",
        "empty_root": reference.root([]).hex(),
        "trees": found,
    }


def inclusion() -> object:
    """Right proofs, and each kind of wrong one named after its defect."""
    chance = random.Random(9162)  # noqa: S311
    leaves = sorted(reference.sha256(bytes([number])) for number in range(130))
    right, wrong = [], []
    for size, index in [
        (1, 0),
        (2, 0),
        (2, 1),
        (3, 2),
        (5, 4),
        (7, 3),
        (8, 7),
        (11, 10),
        (64, 13),
        (100, 99),
        (130, 128),
    ]:
        subset = leaves[:size]
        proof = {
            "leaf_hash": subset[index].hex(),
            "leaf_index": index,
            "tree_size": size,
            "path": [one.hex() for one in reference.path(index, subset)],
            "root_hash": reference.root(subset).hex(),
        }
        right.append({"name": f"size-{size}-index-{index}", **proof})
        for defect, changes in _defects(proof, chance):
            wrong.append({"name": f"{defect}-size-{size}-index-{index}", "defect": defect, **proof, **changes})
    return {"right": right, "wrong": wrong, "forgery_64_bytes": _forgery()}


def consistency() -> object:
    """Right proofs that a log only grew, and each kind of wrong one named after its defect."""
    chance = random.Random(9162)  # noqa: S311
    leaves = [reference.sha256(bytes([number])) for number in range(130)]
    right, wrong = [], []
    for old, size in [(1, 1), (1, 2), (2, 3), (3, 7), (4, 8), (6, 8), (7, 7), (64, 65), (100, 130), (129, 130)]:
        proof = {
            "old_size": old,
            "old_root": reference.root(leaves[:old]).hex(),
            "size": size,
            "root": reference.root(leaves[:size]).hex(),
            "path": [one.hex() for one in reference.consistency(old, leaves[:size])],
        }
        right.append({"name": f"{old}-of-{size}", **proof})
        noise = chance.randbytes(32).hex()
        path = proof["path"]
        found: list[tuple[str, dict]] = [
            ("old-size-zero", {"old_size": 0}),
            ("shrunk", {"old_size": size, "size": old} if old != size else {"size": old - 1}),
            ("trailing-garbage", {"path": [*path, noise]}),
            ("preceding-garbage", {"path": [noise, *path]}),
            ("other-old-root", {"old_root": noise}),
            ("other-root", {"root": noise}),
        ]
        if path:
            found += [
                ("path-truncated", {"path": path[:-1]}),
                ("path-empty", {"path": []}),
                ("node-replaced", {"path": [noise, *path[1:]]}),
                ("roots-swapped", {"old_root": proof["root"], "root": proof["old_root"]}),
            ]
        wrong += [{"name": f"{defect}-{old}-of-{size}", "defect": defect, **proof, **more} for defect, more in found]
    return {"right": right, "wrong": wrong}


def approvals() -> object:
    """EIP-712 digests, computed by eth-account from the message as wallets take it."""
    chance = random.Random(712)  # noqa: S311
    found = []
    for number in range(8):
        fields = {
            "chain_id": (1, 200_826, 2**53 - 1)[number % 3],
            "registry": "0x" + chance.randbytes(20).hex(),
            "issuer_id": chance.randbytes(32).hex(),
            "sequence": chance.randrange(1, 2**64) if number else 1,
            "root": chance.randbytes(32).hex(),
            "size": chance.randrange(1, 2**64) if number else 1,
            "deadline": chance.randrange(2**64) if number else 0,
        }
        message = reference.approval(
            fields["chain_id"],
            fields["registry"],
            bytes.fromhex(fields["issuer_id"]),
            fields["sequence"],
            bytes.fromhex(fields["root"]),
            fields["size"],
            fields["deadline"],
        )
        signable = encode_typed_data(full_message=message)
        digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
        found.append(fields | {"digest": digest.hex()})
    return found


def _defects(proof: dict, chance: random.Random) -> list[tuple[str, dict]]:
    index, size, path = proof["leaf_index"], proof["tree_size"], proof["path"]
    noise = bytes(chance.randrange(256) for _ in range(32)).hex()
    found: list[tuple[str, dict]] = [
        ("index-outside-the-tree", {"leaf_index": size}),
        ("size-zero", {"tree_size": 0}),
        ("size-doubled", {"tree_size": size * 2}),
        ("trailing-garbage", {"path": [*path, noise]}),
        ("preceding-garbage", {"path": [noise, *path]}),
        ("other-leaf", {"leaf_hash": noise}),
        ("other-root", {"root_hash": noise}),
    ]
    if path:
        flipped = bytearray.fromhex(path[0])
        flipped[0] ^= 1
        found += [
            ("path-truncated", {"path": path[:-1]}),
            ("path-empty", {"path": []}),
            ("sibling-flipped", {"path": [flipped.hex(), *path[1:]]}),
            ("neighbouring-index", {"leaf_index": index ^ 1}),
            ("leaf-and-sibling-swapped", {"leaf_hash": path[0], "path": [proof["leaf_hash"], *path[1:]]}),
        ]
        if len(path) > 1 and path[0] != path[1]:
            found.append(("siblings-swapped", {"path": [path[1], path[0], *path[2:]]}))
    # A neighbouring index that lies outside is the first defect again.
    return [(name, changes) for name, changes in found if not (name == "neighbouring-index" and index ^ 1 >= size)]


def _forgery() -> dict:
    """The second preimage of trees without prefixes: a 64-byte file made of two sibling leaf hashes."""
    documents = [b"first certificate", b"second certificate"]
    bare = [reference.sha256(one) for one in documents]
    bare_root = reference.sha256(bare[0] + bare[1])
    forged_file = bare[0] + bare[1]
    metadata = metadata_texts()["right"][0]["text"]
    leaves = sorted(reference.leaf(reference.leaf_input(ISSUER, one, metadata)) for one in bare)
    return {
        "forged_file": forged_file.hex(),
        "accepted_by_a_tree_without_prefixes": reference.sha256(forged_file) == bare_root,
        "issuer_id": ISSUER.hex(),
        "metadata": metadata,
        "leaf_hashes": [one.hex() for one in leaves],
        "root_hash": reference.root(leaves).hex(),
        "forged_from_our_leaves": (leaves[0] + leaves[1]).hex(),
    }


def metadata_texts() -> dict:
    least = {"nonce": "0" * 32, "kind": "latsar", "number": "1/PKP/2026", "issued_on": "2026-11-20"}
    full = least | {
        "code": code_of(0),
        "title": "Pelatihan Kepemimpinan Pengawas “Angkatan XII”",
        "jp": 40,
        "grade": "Sangat Memuaskan",
        "starts_on": "2026-11-02",
        "ends_on": "2026-11-19",
        "valid_until": "2029-11-20T17:00:00Z",
        "supersedes": "ab" * 32,
    }
    text = canonical(least)
    wrong = {
        "not-json": "{",
        "not-an-object": "[]",
        "space-after-colon": text.replace('":', '": ', 1),
        "keys-out-of-order": _reordered(least),
        "duplicate-key": text[:-1] + ',"nonce":"' + "0" * 32 + '"}',
        "unknown-field": canonical(least | {"name": "Budi"}),
        "missing-nonce": canonical({name: value for name, value in least.items() if name != "nonce"}),
        "missing-number": canonical({name: value for name, value in least.items() if name != "number"}),
        "nonce-in-capitals": canonical(least | {"nonce": "A" * 32}),
        "nonce-too-short": canonical(least | {"nonce": "0" * 31}),
        "kind-with-a-space": canonical(least | {"kind": "lat sar"}),
        "number-empty": canonical(least | {"number": ""}),
        "number-with-a-line-break": canonical(least | {"number": "1\n2"}),
        "number-with-a-leading-space": canonical(least | {"number": " 1"}),
        "number-with-a-zero-width-space": canonical(least | {"number": "1\u200b2"}),
        "title-with-a-right-to-left-override": canonical(least | {"title": "a\u202eb"}),
        "title-not-nfc": canonical(least | {"title": "e\u0301"}),
        "date-that-is-no-day": canonical(least | {"issued_on": "2026-02-30"}),
        "date-with-time": canonical(least | {"issued_on": "2026-11-20T00:00:00Z"}),
        "date-in-other-digits": canonical(least | {"issued_on": "\uff12\uff10\uff12\uff16-11-20"}),
        "jp-as-a-text": canonical(least | {"jp": "40"}),
        "jp-as-a-float": text[:-1].replace('"kind"', '"jp":40.0,"kind"') + "}",
        "jp-with-an-exponent": text[:-1].replace('"kind"', '"jp":4e1,"kind"') + "}",
        "jp-zero": canonical(least | {"jp": 0}),
        "jp-true": canonical(least | {"jp": True}),
        "jp-of-many-digits": text[:-1].replace('"kind"', '"jp":' + "9" * 400 + ',"kind"') + "}",
        "valid-until-with-an-offset": canonical(least | {"valid_until": "2029-11-20T17:00:00+07:00"}),
        "ends-before-it-starts": canonical(least | {"starts_on": "2026-11-20", "ends_on": "2026-11-19"}),
        "code-with-a-wrong-check": canonical(
            least | {"code": code_of(0)[:-1] + ("1" if code_of(0)[-1] != "1" else "2")}
        ),
        "code-in-small-letters": canonical(least | {"code": code_of(2**55 - 1).lower()}),
        "supersedes-too-short": canonical(least | {"supersedes": "ab"}),
        "escape-where-none-is-needed": text.replace("latsar", "\\u006catsar"),
        "too-large": canonical(least | {"title": "x" * 300, "grade": "y" * 100, "number": "1" * 5000}),
        "lone-surrogate-escape": text.replace("1/PKP/2026", "\\ud800"),
    }
    return {
        "right": [
            {"name": name, "text": canonical(fields), "digest": reference.sha256(canonical(fields).encode()).hex()}
            for name, fields in (("least", least), ("full", full))
        ],
        "wrong": [{"name": name, "text": text} for name, text in wrong.items()],
    }


def _reordered(fields: dict) -> str:
    return json.dumps(dict(sorted(fields.items(), reverse=True)), separators=(",", ":"))


def code_of(number: int) -> str:
    digits = [number >> shift & 31 for shift in range(50, -1, -5)]
    return "".join(ALPHABET[digit] for digit in [*digits, reference.iso7064_mod_33_32(digits)])


def codes() -> object:
    chance = random.Random(7064)  # noqa: S311
    numbers = [0, 1, 2**55 - 1, *(chance.randrange(2**55) for _ in range(20))]
    right = [{"number": number, "code": code_of(number)} for number in numbers]
    code = code_of(numbers[5])
    typed = {
        "small-letters": code.lower(),
        "dashes": f"{code[:4]}-{code[4:8]}-{code[8:]}",
        "spaces": f" {code[:6]} {code[6:]} ",
    }
    wrong = {
        "too-short": code[:-1],
        "too-long": code + "0",
        "letter-u": "U" + code[1:],
        "not-ascii": "\uff10" + code[1:],
        "empty": "",
        "digit-changed": _changed(code),
    }
    return {
        "right": right,
        "typed": [{"name": name, "typed": text, "code": code} for name, text in typed.items()],
        "wrong": [{"name": name, "typed": text} for name, text in wrong.items()],
    }


def _changed(code: str) -> str:
    return code[:3] + ALPHABET[(ALPHABET.index(code[3]) + 1) % 32] + code[4:]


def receipts() -> object:
    metadata = metadata_texts()["right"][1]["text"]
    profile = canonical({"code": "LAN-001", "name": "Lembaga Administrasi Negara"})
    other = reference.leaf(
        reference.leaf_input(ISSUER, reference.sha256(b"another"), metadata_texts()["right"][0]["text"])
    )
    own = reference.leaf(reference.leaf_input(ISSUER, DOCUMENT, metadata))
    leaves = sorted([own, other])
    index = leaves.index(own)
    fields = {
        "format": "jangkar-receipt-v1",
        "document_digest": DOCUMENT.hex(),
        "metadata": metadata,
        "issuer_id": ISSUER.hex(),
        "issuer_profile": profile,
        "sequence": 1,
        "leaf_index": index,
        "path": [one.hex() for one in reference.path(index, leaves)],
        "hints": {"chain_id": 200826, "registry": "0x" + "11" * 20, "transaction": "0x" + "22" * 32, "block": 7},
    }
    text = canonical(fields) + "\n"
    hints = fields["hints"]

    def changed(**changes: object) -> str:
        return canonical(fields | changes) + "\n"

    wrong = {
        "empty": "",
        "not-an-object": "[]\n",
        "no-line-feed": text[:-1],
        "two-line-feeds": text + "\n",
        "pretty-printed": json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        "byte-order-mark": "\ufeff" + text,
        "duplicate-key": text.replace('{"document_digest"', '{"leaf_index":0,"document_digest"', 1),
        "size-in-the-receipt": changed(tree_size=2),
        "root-in-the-receipt": changed(root_hash=reference.root(leaves).hex()),
        "missing-path": canonical({name: value for name, value in fields.items() if name != "path"}) + "\n",
        "other-format": changed(format="jangkar-receipt-v2"),
        "format-missing": canonical({name: value for name, value in fields.items() if name != "format"}) + "\n",
        "digest-in-capitals": changed(document_digest=DOCUMENT.hex().upper()),
        "digest-too-short": changed(document_digest=DOCUMENT.hex()[:-2]),
        "metadata-as-an-object": changed(metadata=json.loads(metadata)),
        "metadata-with-a-duplicate-key": changed(metadata=metadata[:-1] + ',"jp":999}'),
        "metadata-not-canonical": changed(metadata=metadata.replace(":", ": ", 1)),
        "profile-with-a-url": changed(issuer_profile=canonical({"code": "LAN-001", "name": "LAN", "url": "x"})),
        "profile-name-invisible": changed(issuer_profile=canonical({"code": "LAN-001", "name": "LA\u200bN"})),
        "sequence-zero": changed(sequence=0),
        "sequence-as-a-text": changed(sequence="1"),
        "index-negative": changed(leaf_index=-1),
        "index-as-a-float": text.replace(f'"leaf_index":{index}', f'"leaf_index":{index}.0'),
        "index-true": changed(leaf_index=True),
        "index-too-large": changed(leaf_index=2**53),
        "path-as-a-text": changed(path="00"),
        "path-with-a-short-hash": changed(path=["00"]),
        "path-of-65": changed(path=["00" * 32] * 65),
        "hints-missing-block": changed(hints={name: value for name, value in hints.items() if name != "block"}),
        "hints-with-a-url": changed(hints=hints | {"rpc": "x"}),
        "registry-in-capitals": changed(hints=hints | {"registry": "0x" + "AA" * 20}),
        "chain-id-zero": changed(hints=hints | {"chain_id": 0}),
        "deeply-nested": changed(path=_nested(20)),
        "too-large": changed(issuer_profile="x" * 70_000),
    }
    return {
        "right": {"text": text, "leaf_hash": own.hex(), "tree_size": 2, "root_hash": reference.root(leaves).hex()},
        "wrong": [{"name": name, "text": text} for name, text in wrong.items()],
    }


def _nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


FILES = {
    "hashing.json": hashing,
    "leaf-inputs.json": leaf_inputs,
    "trees.json": trees,
    "inclusion.json": inclusion,
    "consistency.json": consistency,
    "approvals.json": approvals,
    "metadata.json": metadata_texts,
    "certificate-codes.json": codes,
    "receipts.json": receipts,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    differing = []
    for name, generate in FILES.items():
        text = json.dumps(generate(), indent=1, ensure_ascii=True) + "\n"
        path = FOLDER / name
        if check and (not path.exists() or path.read_text() != text):
            differing.append(name)
        elif not check:
            path.write_text(text)
    if check:
        print(
            f"vectors: {', '.join(differing)} DIFFER"
            if differing
            else f"vectors: {len(FILES)} files are what the reference gives"
        )
    else:
        print(f"written: {len(FILES)} files")
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
