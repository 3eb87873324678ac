"""Rebuild the committed contract artifact from its source, byte for byte.

    python3 scripts/compile_contracts.py           writes contracts/CertificateRegistry.json
    python3 scripts/compile_contracts.py --check   compares instead, and exits 1 on a difference

Needs node and npm: the compiler is npm's `solc`, pinned in contracts/package-lock.json and driven by
py-solc-x through contracts/solc. Nobody needs either to run Jangkar.
"""

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402

import solcx  # noqa: E402

CONTRACTS = _bootstrap.ROOT / "contracts"
ARTIFACT = CONTRACTS / "CertificateRegistry.json"
SOURCES = ("ICertificateRegistry", "Rfc9162", "RegistryLog", "CertificateRegistry")
SETTINGS = {
    "evmVersion": "london",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]}},
}


def compile_artifact() -> str:
    """The artifact's text: compiler, settings, ABI, bytecode and storage layout of the registry."""
    if not (CONTRACTS / "node_modules" / "solc").exists():
        npm = shutil.which("npm")
        if npm is None:
            print("npm is not here: sudo apt-get install -y nodejs npm", file=sys.stderr)
            raise SystemExit(2)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=CONTRACTS, check=True)
    # contracts/solc finds its compiler and its imports beside itself.
    os.chdir(CONTRACTS)
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {
                f"src/{name}.sol": {"content": (CONTRACTS / "src" / f"{name}.sol").read_text()} for name in SOURCES
            },
            "settings": SETTINGS,
        },
        solc_binary=CONTRACTS / "solc",
    )
    for problem in output.get("errors", ()):
        print(problem["formattedMessage"], file=sys.stderr)
    if output.get("errors"):
        raise SystemExit(1)
    contract = output["contracts"]["src/CertificateRegistry.sol"]["CertificateRegistry"]
    artifact = {
        "contract": "CertificateRegistry",
        "compiler": json.loads((CONTRACTS / "package.json").read_text())["dependencies"]["solc"],
        "settings": SETTINGS,
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployed_bytecode": "0x" + contract["evm"]["deployedBytecode"]["object"],
        "storage": [
            {"label": slot["label"], "offset": slot["offset"], "slot": int(slot["slot"])}
            for slot in contract["storageLayout"]["storage"]
        ],
    }
    return json.dumps(artifact, indent=1) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed artifact, write nothing")
    check = parser.parse_args().check
    text = compile_artifact()
    if check:
        same = ARTIFACT.exists() and ARTIFACT.read_text() == text
        print("the artifact is what the source gives" if same else "the artifact DIFFERS from what the source gives")
        return 0 if same else 1
    ARTIFACT.write_text(text)
    print(f"written: {ARTIFACT.relative_to(_bootstrap.ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
