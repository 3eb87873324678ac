"""A registry for each test."""

from collections.abc import Callable
from typing import Any

import pytest
from registry_contract import ISSUER, Registry


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def accredited(registry: Registry) -> Registry:
    registry.accredit()
    return registry


@pytest.fixture
def statuses(accredited: Registry) -> Callable[..., Any]:
    def set_status(leaf: bytes, status: int, successor: bytes = bytes(32)) -> Any:
        return accredited.f.setStatus(ISSUER, leaf, status, 5, False, successor)

    return set_status
