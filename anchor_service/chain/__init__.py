"""The chain side: web3 and the signing key, behind the ports. Knows no database and decides nothing."""

import sys

_RECURSION_LIMIT = sys.getrecursionlimit()

import web3  # noqa: E402, F401  (what it imports raises the limit to 100,000, for whatever else runs in this process)

sys.setrecursionlimit(_RECURSION_LIMIT)
