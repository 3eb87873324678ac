"""One reader under atheris, in the environment of requirements/attack.txt. Run by fuzz.py.

Its arguments are the reader's name and libFuzzer's own. Any exception that is not one of the verifier's ends it.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["verifier"]):
    from _readers import READERS


def main() -> None:
    atheris.Setup([sys.argv[0], *sys.argv[2:]], READERS[sys.argv[1]].take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
