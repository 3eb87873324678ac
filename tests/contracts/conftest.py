"""A registry for each test."""

import pytest
from registry_contract import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def accredited(registry: Registry) -> Registry:
    registry.accredit()
    return registry
