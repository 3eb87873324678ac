#!/usr/bin/env bash
# Importing web3 sets the recursion limit of the whole process to 100,000, by way of py_ecc: what else the process does
# then recurses until the C stack ends, where Python would have raised RecursionError at 1,000.
# Seen: web3 8.0.0, py_ecc 8.0.0: 1000, then 100000.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check web3==8.0.0 py-ecc==8.0.0
seen=$("$folder/env/bin/python" - <<'PY'
import sys
from importlib.metadata import version

before = sys.getrecursionlimit()
import py_ecc

by_py_ecc = sys.getrecursionlimit()
import web3

print(f"web3 {version('web3')}, py_ecc {version('py_ecc')}: {before}, {by_py_ecc} after py_ecc, {sys.getrecursionlimit()}")
PY
)
echo "$seen"
[ "$seen" = "web3 8.0.0, py_ecc 8.0.0: 1000, 100000 after py_ecc, 100000" ]
