"""A persistent local EVM chain behind JSON-RPC: eth-tester's py-evm backend over one SQLite file.

It runs as a process of its own and is never imported by the service.
"""
