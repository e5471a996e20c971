"""Processes of a test's own, ended and reaped with it."""

from collections.abc import Iterator

import pytest
from kit.processes import Family, House, as_subreaper


@pytest.fixture
def family() -> Iterator[Family]:
    with as_subreaper():
        family = Family()
        yield family
        family.close()
    assert not family.living()


@pytest.fixture
def house() -> Iterator[House]:
    with as_subreaper():
        house = House()
        try:
            yield house
        finally:
            left = house.close()
    assert not left
    assert house.errors.empty()
