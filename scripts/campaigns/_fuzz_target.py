"""One parser under atheris, in the environment of requirements/attack.txt. Run by fuzz.py.

Its arguments are the parser's name and libFuzzer's own. Any exception that is not one of the verifier's ends it.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["verifier"]):
    from verifier import metadata, policy, receipt, service
    from verifier.errors import VerifierError
    from verifier.facts import Head
    from verifier.policy import Policy
    from verifier.registry import RegistryReader
    from verifier.rpc import Node, result_of

PINS = (
    b'{"chain_id":7,"code_hash":"0x' + b"00" * 32 + b'","finality":"instant","format":"jangkar-policy-v1","genesis":"0x'
    b"" + b"00" * 32 + b'","nodes":["http://127.0.0.1:1"],"operators":1,"registry":"0x' + b"11" * 20 + b'"}'
)
TRUSTED: Policy = policy.parse(PINS)
_HEAD = Head(1, bytes(32), 1, 1)
_REGISTRY = "0x" + "11" * 20


class Told(Node):
    """A node whose answers are the lines of one input, whatever it is asked."""

    def __init__(self, data: bytes) -> None:
        super().__init__("http://127.0.0.1:1")
        self._answers = data.split(b"\n")

    def call(self, method: str, *_params: Any) -> Any:
        """The next line, read as an answer; the first one again where there are no more."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return result_of(answer, self.url, method)


def read_registry(data: bytes) -> None:
    """Everything that a verifier reads for one receipt, each part once: the pins stop no part."""
    reader = RegistryReader(Told(data), TRUSTED)
    for part in (
        reader.open,
        lambda: reader._block("latest"),  # noqa: SLF001  (what comes after the pins is fuzzed too)
        lambda: reader.anchor_of(_HEAD, _REGISTRY, bytes(32), 1),
        lambda: reader._window_of(_HEAD, _REGISTRY, bytes(32), 0),  # noqa: SLF001
        lambda: reader._key_of(_HEAD, _REGISTRY, bytes(32), _REGISTRY),  # noqa: SLF001
        lambda: reader._status_of(_HEAD, _REGISTRY, bytes(32), bytes(32)),  # noqa: SLF001
        lambda: reader.checkpoint(_HEAD, _REGISTRY),
    ):
        with suppress(VerifierError):
            part()


def _text(parse: Any) -> Any:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


PARSERS = {
    "receipt": receipt.parse,
    "metadata": _text(metadata.parse_metadata),
    "profile": _text(metadata.parse_profile),
    "policy": policy.parse,
    "rpc": read_registry,
    "lookup": lambda data: service.found_in(data, "http://127.0.0.1:1"),
}


def main() -> None:
    parse = PARSERS[sys.argv[1]]

    def one(data: bytes) -> None:
        with suppress(VerifierError):
            parse(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
