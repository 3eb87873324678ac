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
import sys  # noqa: E402

import _contracts  # noqa: E402
import solcx  # noqa: E402
from _contracts import CONTRACTS  # noqa: E402

ARTIFACT = CONTRACTS / "CertificateRegistry.json"
SOURCES = sorted(path.name for path in (CONTRACTS / "src").glob("*.sol"))
SETTINGS = {
    "evmVersion": "london",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {
        "*": {
            "*": [
                "abi",
                "evm.bytecode.object",
                "evm.deployedBytecode.object",
                "evm.deployedBytecode.immutableReferences",
                "storageLayout",
            ]
        }
    },
}


def compile_artifact() -> str:
    """The artifact's text: compiler, settings, ABI, bytecode and storage layout of the registry."""
    _contracts.install()
    # contracts/solc finds its compiler and its imports beside itself.
    os.chdir(CONTRACTS)
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {f"src/{name}": {"content": (CONTRACTS / "src" / name).read_text()} for name in SOURCES},
            "settings": SETTINGS,
        },
        solc_binary=CONTRACTS / "solc",
    )
    # Warnings about the audited base contracts are not ours to mend.
    problems = [one for one in output.get("errors", ()) if not _is_of_a_base_contract(one)]
    for problem in problems:
        print(problem["formattedMessage"], file=sys.stderr)
    if problems:
        raise SystemExit(1)
    contract = output["contracts"]["src/CertificateRegistry.sol"]["CertificateRegistry"]
    artifact = {
        "contract": "CertificateRegistry",
        "compiler": json.loads((CONTRACTS / "package.json").read_text())["dependencies"]["solc"],
        "settings": SETTINGS,
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployed_bytecode": "0x" + contract["evm"]["deployedBytecode"]["object"],
        "immutables": _immutables(contract["evm"]["deployedBytecode"]["immutableReferences"]),
        "storage": _storage(contract["storageLayout"]),
    }
    return json.dumps(artifact, indent=1) + "\n"


def _is_of_a_base_contract(problem: dict) -> bool:
    file = problem.get("sourceLocation", {}).get("file", "")
    return problem["severity"] == "warning" and file.startswith("@openzeppelin/")


def _immutables(references: dict) -> list[dict]:
    """The places in the deployed code that the constructor fills."""
    return sorted(
        ({"start": one["start"], "length": one["length"]} for places in references.values() for one in places),
        key=lambda one: one["start"],
    )


def _storage(layout: dict) -> dict:
    """The slots of the variables, and of the members of each struct, by the types' source names."""
    types = layout["types"]

    def members(found: list[dict]) -> list[dict]:
        return [
            {
                "label": one["label"],
                "slot": int(one["slot"]),
                "offset": one["offset"],
                "type": types[one["type"]]["label"],
            }
            for one in found
        ]

    structs = {one["label"]: members(one["members"]) for one in types.values() if "members" in one}
    return {"variables": members(layout["storage"]), "structs": dict(sorted(structs.items()))}


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
