"""`jangkar-devnet`: begin or go on with a local chain."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from jangkar_devnet.chain import DevChain
from jangkar_devnet.genesis import open_or_begin
from jangkar_devnet.rpc import JsonRpc
from jangkar_devnet.server import create_app
from jangkar_devnet.storage import AlreadyRunning, ChainFile

HOST = "127.0.0.1"
DEFAULT_PORT = 8545
DEFAULT_CHAIN_ID = 200_826


def main(arguments: list[str] | None = None) -> int:
    """Run until interrupted. Exit codes: 0 stopped, 2 cannot begin."""
    parser = argparse.ArgumentParser(
        prog="jangkar-devnet",
        description="A persistent local EVM chain with one sealer, on this machine only. It proves nothing against "
        "whoever runs it.",
    )
    parser.add_argument(
        "--data", type=Path, default=Path("devnet"), help="folder of the chain and its keys (default: devnet)"
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 takes a free one (default: {DEFAULT_PORT})")
    parser.add_argument("--chain-id", type=int, default=DEFAULT_CHAIN_ID, help=f"default: {DEFAULT_CHAIN_ID}")
    parser.add_argument("--test-methods", action="store_true", help="allow time travel, revert and holding the sealer")
    parser.add_argument(
        "--any-origin", action="store_true", help="let web pages read the chain: the verifier in one file needs that"
    )
    options = parser.parse_args(arguments)
    try:
        genesis = open_or_begin(options.data, options.chain_id)
        file = ChainFile(options.data / "chain.sqlite3")
    except (AlreadyRunning, ValueError, OSError) as error:
        print(f"jangkar-devnet: {error}", file=sys.stderr)
        return 2
    chain = DevChain(file, genesis.chain_id, genesis.alloc)
    # Named as TCP, asyncio sends small answers at once; else each waits 40 ms for the other side's acknowledgement.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, options.port))
    except OSError as error:
        print(f"jangkar-devnet: port {options.port}: {error.strerror}; choose another with --port", file=sys.stderr)
        return 2
    listener.listen()
    port = listener.getsockname()[1]
    print(
        f"Chain {genesis.chain_id} at block {chain.head().block_number}, keys in {options.data / 'keystore'}\n"
        f"Listening on http://{HOST}:{port}",
        flush=True,
    )
    app = create_app(JsonRpc(chain, test_methods=options.test_methods), any_origin=options.any_origin)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0
