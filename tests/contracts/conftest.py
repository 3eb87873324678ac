"""A registry for each test: one that is deployed once, and put back after each."""

from collections.abc import Iterator

import pytest
from registry_contract import Registry


@pytest.fixture(scope="session")
def deployed() -> Registry:
    return Registry()


@pytest.fixture
def registry(deployed: Registry) -> Iterator[Registry]:
    snapshot = deployed.tester.take_snapshot()
    yield deployed
    deployed.tester.revert_to_snapshot(snapshot)


@pytest.fixture
def accredited(registry: Registry) -> Registry:
    registry.accredit()
    return registry
