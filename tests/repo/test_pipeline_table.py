"""The pipeline's first page names each of its modules once."""

import re
from pathlib import Path

import anchor_service.pipeline


def test_the_table_names_every_module_once():
    table = anchor_service.pipeline.__doc__.split("\n\n", 1)[1]
    named = re.findall(r"[a-z]+", re.sub(r"\([^)]*\)|^.*?:", "", table, flags=re.MULTILINE))
    folder = Path(anchor_service.pipeline.__file__).parent
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
