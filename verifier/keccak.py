"""Keccak-256, which Ethereum uses for code hashes and the standard library lacks.

The permutation is Keccak-f[1600]; the only difference from SHA3-256 is the padding byte. The tests
run it with SHA-3's byte against `hashlib.sha3_256`. Source: FIPS 202 3.2; the Keccak reference.
"""

_RATE = 136
_MASK = (1 << 64) - 1
_ROUNDS = 24
_KECCAK_PADDING = 0x01


def _round_constants() -> tuple[int, ...]:
    # The LFSR of FIPS 202 algorithm 5: bit t of rc() goes to position 2^j - 1 of the round's constant.
    constants, state = [], 1
    for _ in range(_ROUNDS):
        constant = 0
        for exponent in range(7):
            if state & 1:
                constant |= 1 << ((1 << exponent) - 1)
            state = state << 1 ^ (0x171 if state & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


def _rotations() -> dict[tuple[int, int], int]:
    # FIPS 202 algorithm 2: the walk (x, y) -> (y, 2x + 3y) with triangular offsets.
    offsets, x, y = {(0, 0): 0}, 1, 0
    for step in range(24):
        offsets[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


_CONSTANTS = _round_constants()
_ROTATIONS = _rotations()


def keccak256(data: bytes, padding: int = _KECCAK_PADDING) -> bytes:
    """The 32-byte Keccak-256 digest. `padding` 0x06 gives SHA3-256, for the test."""
    padded = bytearray(data) + bytes([padding]) + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permute(lanes: list[int]) -> list[int]:
    for constant in _CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[(x - 1) % 5] ^ _rotate(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for (x, y), offset in _ROTATIONS.items():
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = _rotate(lanes[x + 5 * y] ^ mixed[x], offset)
        lanes = [
            moved[x + 5 * y] ^ (~moved[(x + 1) % 5 + 5 * y] & moved[(x + 2) % 5 + 5 * y])
            for y in range(5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK
