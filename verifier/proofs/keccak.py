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


def _steps() -> tuple[tuple[int, int, int], ...]:
    # Rho and pi in the order of their targets: the lane that moves there, how far it turns, and its column.
    rotations = _rotations()
    moved = {y + 5 * ((2 * x + 3 * y) % 5): (x + 5 * y, rotations[x, y], x) for x in range(5) for y in range(5)}
    return tuple(moved[target] for target in range(25))


_CONSTANTS = _round_constants()
_STEPS = _steps()


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


def _permute(a: list[int]) -> list[int]:
    # Written out by columns and rows: twice as fast as loops, and a verdict hashes some hundred blocks.
    for constant in _CONSTANTS:
        c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20]
        c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21]
        c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22]
        c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23]
        c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24]
        d = (c4 ^ _rotate(c1, 1), c0 ^ _rotate(c2, 1), c1 ^ _rotate(c3, 1), c2 ^ _rotate(c4, 1), c3 ^ _rotate(c0, 1))
        b = []
        for source, by, column in _STEPS:
            lane = a[source] ^ d[column]
            b.append((lane << by | lane >> 64 - by) & _MASK)
        a = []
        for row in range(0, 25, 5):
            b0, b1, b2, b3, b4 = b[row : row + 5]
            a += [b0 ^ ~b1 & b2, b1 ^ ~b2 & b3, b2 ^ ~b3 & b4, b3 ^ ~b4 & b0, b4 ^ ~b0 & b1]
        a[0] ^= constant
    return a


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK
