"""The chain side: web3 and the signing key, behind the ports. Knows no database and decides nothing."""
