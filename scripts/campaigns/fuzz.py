"""Feed the verifier's parsers whatever reaches new code in them: coverage-guided, by atheris.

    python3 scripts/campaigns/fuzz.py --runs 1000000 --seed 1

Receipt, metadata, profile, policy, JSON-RPC answers, tries, bundles, mirrors, log entries and look-ups, each RUNS
times, beginning with the shared vectors. Only the verifier's own errors may come out. Ends with `parsers N,
executions N, uncaught 0`, or exits 1. Python 3.11 to 3.13 on Linux: atheris stands in an environment of its own.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import hashlib  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402

TARGET = Path(__file__).with_name("_fuzz_target.py")
VECTORS = _bootstrap.ROOT / "tests" / "vectors"
PARSERS = ("receipt", "metadata", "profile", "policy", "rpc", "trie", "bundle", "mirror", "event", "lookup")
AT_ONCE = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions of each parser (default: 1000000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=PARSERS, action="append", help="this parser only; repeated")
    options = parser.parse_args()
    python = _bootstrap.tools("attack") / "python"
    names = options.only or PARSERS
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda name: fuzz(python, name, options), names))
    executions = sum(number for number, _ in done)
    uncaught = sum(not sound for _, sound in done)
    print(f"parsers {len(done)}, executions {executions}, uncaught {uncaught}")
    return 1 if uncaught else 0


def fuzz(python: Path, name: str, options: argparse.Namespace) -> tuple[int, bool]:
    """One parser. Returns how often it ran, and whether it stood all of it."""
    with tempfile.TemporaryDirectory(prefix="jangkar-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds(name)):
            (corpus / str(number)).write_bytes(seed)
        command = [
            str(python), str(TARGET), name, f"-runs={options.runs}", f"-seed={options.seed}", "-max_len=8192",
            "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(corpus),
        ]  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        found = re.search(r"stat::number_of_executed_units: (\d+)", ended.stderr)
        covered = re.findall(r"cov: (\d+)", ended.stderr)
        runs = int(found[1]) if found else 0
        sound = ended.returncode == 0 and runs >= options.runs
        print(
            f"{name}: {runs} executions, {covered[-1] if covered else 0} edges, {'held' if sound else 'BROKE'}",
            flush=True,
        )
        if not sound:
            print(ended.stdout[-2000:] + ended.stderr[-2000:], file=sys.stderr)
    return runs, sound


def seeds(name: str) -> list[bytes]:
    """What each parser begins with: its vectors, right and wrong, and well-formed answers."""
    receipts = json.loads((VECTORS / "receipts.json").read_text())
    texts = [one["text"].encode("utf-8", "surrogatepass") for one in (receipts["right"], *receipts["wrong"])]
    if name == "receipt":
        return texts
    if name == "metadata":
        known = json.loads((VECTORS / "metadata.json").read_text())
        return [one["text"].encode("utf-8", "surrogatepass") for one in (*known["right"], *known["wrong"])]
    if name == "profile":
        return [json.loads(receipts["right"]["text"])["issuer_profile"].encode()]
    if name == "policy":
        pins = {
            "format": "jangkar-policy-v1", "chain_id": 7, "genesis": "0x" + "00" * 32, "registry": "0x" + "11" * 20,
            "code_hash": "0x" + "00" * 32, "finality": "instant", "operators": 1, "nodes": ["http://127.0.0.1:1"],
        }  # fmt: skip
        more = {"finality": {"depth": 2}, "issuers": ["aa" * 32], "successors": [], "max_head_age": 60}
        return [json.dumps(pins).encode(), json.dumps(pins | more).encode()]
    if name == "lookup":
        found = {"format": "jangkar-lookup-v1", "receipts": [receipts["right"]["text"]], "pending": 1}
        return [json.dumps(found).encode()]
    sizes = {"hash": 32, "parentHash": 32, "sha3Uncles": 32, "miner": 20, "stateRoot": 32, "transactionsRoot": 32,
             "receiptsRoot": 32, "logsBloom": 256, "extraData": 0, "mixHash": 32, "nonce": 8}  # fmt: skip
    quantities = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas")
    block = {key: "0x" + "00" * size for key, size in sizes.items()} | dict.fromkeys(quantities, "0x1")
    proof = {"accountProof": ["0xc0"], "storageProof": [{"key": "0x0", "value": "0x0", "proof": ["0xc0", "0x80"]}]}
    if name == "rpc":
        refused = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no"}}).encode()
        return [*(json.dumps({"jsonrpc": "2.0", "id": 1, "result": one}).encode() for one in (block, proof)), refused]
    entry = bytes.fromhex("5cc972a29f9d698416744b8dbc1646f8116e5030a37d58c21948bfcec0826538") + bytes(32 * 5)
    if name == "event":
        return [entry, bytes.fromhex("be27b743b1f62ce23ec8ea7aa1969da8ae9a7a9f02a6de3a73a8a32f0a9070ad") + bytes(96)]
    if name == "trie":
        short, leaf = b"\xc4\x82\x20\xaa\x01", b"\xc8\x83\x20\xaa\xbb\x83abc"
        return [short, leaf, b"\xd1" + b"\x80" * 17, leaf + b"\n" + short]
    header = {
        "format": "jangkar-bundle-v1", "chain_id": 7, "genesis": "0x" + "00" * 32,
        "block": {"number": 1, "hash": "0x" + "00" * 32, "time": 1},
        "logs": [{"registry": "0x" + "11" * 20, "code_hash": "0x" + "00" * 32, "size": 1,
                  "root": hashlib.sha256(b"\0" + entry).hexdigest()}],
    }  # fmt: skip
    if name == "mirror":
        told = f"jangkar/7/0x{'11' * 20}/{'aa' * 32}/00000001\n%d\n{'A' * 43}=\nblock 3\ntransaction 0x{'00' * 32}\n"
        profile = json.loads(receipts["right"]["text"])["issuer_profile"]
        line = json.dumps(header | {"logs": [{"size": 1}]}, sort_keys=True, separators=(",", ":")) + "\n"
        return [f"{told % size}profile {profile}\n".encode() for size in (1, 300, 10**15)] + [line.encode(), entry]
    return [f"{json.dumps(header, sort_keys=True, separators=(',', ':'))}\n1 {entry.hex()}\n".encode()]


if __name__ == "__main__":
    raise SystemExit(main())
