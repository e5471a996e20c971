"""Blocking work beside an event loop: a result always finds somebody, whoever gives up when."""

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from supervisor.probes.threads import ThreadsAside

NAME = "aside-test"


async def give_up(aside: ThreadsAside, work: Callable[[], str], unwanted: list[str], *, in_time: bool) -> None:
    """Cancel who waits: before the loop hears of the result, or in the very round in which it does."""
    waiting = asyncio.create_task(aside.run(work, unwanted.append))
    await asyncio.sleep(0)  # the work begins
    if in_time:
        waiting.cancel()
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join()
    asyncio.get_running_loop().call_soon(waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)


@pytest.mark.parametrize("in_time", [True, False])
def test_a_result_that_nobody_waits_for_any_more_is_handed_over_once(in_time: bool) -> None:
    unwanted: list[str] = []

    async def scene() -> None:
        aside = ThreadsAside(asyncio.get_running_loop(), 1, NAME)
        await give_up(aside, lambda: "result", unwanted, in_time=in_time)
        assert await aside.run(lambda: "next") == "next"  # its place is free

    asyncio.run(scene())
    assert unwanted == ["result"]


@pytest.mark.parametrize("in_time", [True, False])
def test_a_failure_that_nobody_waits_for_any_more_is_dropped(in_time: bool) -> None:
    unwanted: list[str] = []
    told: list[object] = []

    def fail() -> str:
        raise OSError(None, "no such thing")

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context))
        await give_up(ThreadsAside(loop, 1, NAME), fail, unwanted, in_time=in_time)
        gc.collect()  # a failure that nobody read would be told now

    asyncio.run(scene())
    assert (unwanted, told) == ([], [])
