"""Certificate codes: 11 random Crockford base32 characters and an ISO 7064 check character.

Source: docs/spec/metadata.md 4. The check is the hybrid system MOD 33,32 over the same 32
characters, so that a code stays safe in a URL, in a QR code and over the telephone.
"""

from anchor_service.core.errors import CertificateCodeRejected

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
RANDOM_BITS = 55
# How many are given out at a time.
MAX_CODES = 10_000

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1", " ": "", "-": ""})
_M = len(ALPHABET)


def from_random(number: int) -> str:
    """The code of a random number. Raises: ValueError unless 0 <= number < 2^55."""
    if not 0 <= number < 1 << RANDOM_BITS:
        raise ValueError(f"expected {RANDOM_BITS} random bits")
    body = "".join(ALPHABET[number >> shift & 31] for shift in range(RANDOM_BITS - 5, -1, -5))
    return body + _check_character(body)


def parse(given: str) -> str:
    """The canonical code of what a person typed: case, spaces, dashes, O, I and L are forgiven.

    Raises: CertificateCodeRejected.
    """
    code = given.strip().upper().translate(_FORGIVEN)
    if len(code) != LENGTH:
        raise CertificateCodeRejected(given, f"has {len(code)} characters, not {LENGTH}")
    foreign = [character for character in code if character not in _VALUES]
    if foreign:
        raise CertificateCodeRejected(given, f"holds {foreign[0]!r}, which no code has")
    if _check_character(code[:-1]) != code[-1]:
        raise CertificateCodeRejected(given, "its check character does not fit")
    return code


def is_canonical(code: str) -> bool:
    """Whether this is a code exactly as it is recorded."""
    try:
        return parse(code) == code
    except CertificateCodeRejected:
        return False


def _check_character(body: str) -> str:
    remainder = _M
    for character in body:
        total = (remainder + _VALUES[character]) % _M or _M
        remainder = total * 2 % (_M + 1)
    return ALPHABET[(_M + 1 - remainder) % _M]
