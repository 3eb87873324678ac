"""Certificate codes, read from docs/spec/metadata.md 4 (ISO 7064 hybrid MOD 33,32)."""

from verifier.errors import MalformedCode

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12


def normalise(typed: str) -> str:
    """The code as recorded, from what a person typed or scanned. Raises: MalformedCode."""
    code = typed.upper().replace(" ", "").replace("-", "")
    code = code.replace("O", "0").replace("I", "1").replace("L", "1")
    if len(code) != _LENGTH or any(character not in _ALPHABET for character in code):
        raise MalformedCode("a code has 12 letters and digits")
    product = 32
    for character in code[:-1]:
        product = (product + _ALPHABET.index(character)) % 32 or 32
        product = product * 2 % 33
    if (product + _ALPHABET.index(code[-1])) % 32 != 1:
        raise MalformedCode("the code was mistyped: its check character does not fit")
    return code
