"""Mathematics only: bytes in, bytes out. Reads nothing and knows no format of ours."""
