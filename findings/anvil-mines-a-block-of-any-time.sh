#!/usr/bin/env bash
# anvil mines a block of the time that it is told, up to the largest of 64 bits, and refuses an earlier one afterwards:
# the chain then stands in a year that neither Python's datetime nor a date in JavaScript can name, and the next block
# cannot be mined. A test that asks for "far in the future" may so end its own chain.
# Seen: anvil 1.7.1: evm_mine of 0xffffffffffffffff gives that very timestamp.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
npm install --silent --ignore-scripts --prefix "$folder" @foundry-rs/anvil-linux-amd64@1.7.1
anvil=$(find "$folder/node_modules" -type f -name anvil | head -1)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$anvil" --silent --port "$port" &
ask() {
  curl --silent --retry 20 --retry-connrefused --retry-delay 1 -H 'content-type: application/json' \
    --data "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":$2}" "http://127.0.0.1:$port"
}
version=$(ask web3_clientVersion '[]' | grep -o 'anvil/v[0-9.]*')
ask evm_mine '["0xffffffffffffffff"]' >/dev/null
seen="$version: timestamp $(ask eth_getBlockByNumber '["latest", false]' | grep -o '"timestamp":"0x[0-9a-f]*"' | grep -o '0x[0-9a-f]*')"
echo "$seen"
[ "$seen" = "anvil/v1.7.1: timestamp 0xffffffffffffffff" ]
