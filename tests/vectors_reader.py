"""Reads the shared vectors."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())
