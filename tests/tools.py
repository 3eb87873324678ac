"""Tools that a bare machine lacks."""

import os
from typing import NoReturn

import pytest


def missing(tool: str, *, whole_file: bool = False) -> NoReturn:
    """Skip on a bare machine, with the reason; fail where everything should be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{tool} is missing, and CI skips nothing")
    pytest.skip(f"{tool} is not on this machine", allow_module_level=whole_file)
