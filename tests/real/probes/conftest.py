"""A pool that is closed with the test, and has nothing left then."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.probes import Asked


@pytest.fixture
def asked(place: Path) -> Iterator[Asked]:
    asked = Asked(place)
    yield asked
    asked.close()
