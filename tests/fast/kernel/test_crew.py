"""A crew: threads that do one thing after the other, and outlive what raises."""

from concurrent.futures import Future
from typing import Any

import pytest

from supervisor.kernel.crew import Crew


def dies() -> None:
    raise SystemExit("on purpose")


def test_a_crew_does_things_in_their_order_and_goes_on_after_what_raises() -> None:
    crew, done = Crew(1, "crew"), []
    futures: list[Future[Any]] = [crew.submit(done.append, number) for number in range(3)]
    futures.insert(1, crew.submit(dies))
    assert crew.submit(len, done).result(10) == 3
    with pytest.raises(SystemExit, match="on purpose"):
        futures[1].result(10)
    crew.shutdown()
    with pytest.raises(RuntimeError, match="ended"):
        crew.submit(len, done)
