"""The pipeline's first page names each of its modules once, with what it does."""

import re
from pathlib import Path

import anchor_service.pipeline


def test_the_table_names_every_module_once():
    named = re.findall(r"^    ([a-z]+) +\w.*$", anchor_service.pipeline.__doc__, flags=re.MULTILINE)
    folder = Path(anchor_service.pipeline.__file__).parent
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
