"""The chain side: web3 and the signing key, behind `ports.Registry`. Knows no database and decides nothing."""
