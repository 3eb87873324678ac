"""How one node is written in two ways, and how two are."""

SAME_NODES = [
    ("http://127.0.0.1:1", "http://127.0.0.1:1"), ("http://node:80/", "http://NODE"), ("https://node:443", "https://node/"),
    ("http://127.0.0.1:8545", "http://localhost:8545/"), ("http://127.1:8545", "http://[::1]:8545"),
    ("http://user:secret@node", "http://node"), ("http://node./rpc", "http://node/rpc/"), ("http://n/%7Ea", "http://n/~a"),
    ("http://[::ffff:127.0.0.1]", "http://0.0.0.0"), ("http://2130706433", "http://a.localhost"),
]  # fmt: skip
OTHER_NODES = [
    ("http://node:1", "http://node:2"), ("http://node/a", "http://node/b"), ("http://node", "https://node"),
    ("http://node/?key=1", "http://node/?key=2"), ("http://10.0.0.1", "http://10.0.0.2"),
]  # fmt: skip
