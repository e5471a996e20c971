"""Work that may block forever, done beside an event loop: in a bounded number of threads that no one waits for.

asyncio's own executor would keep the process from ending while one of its threads hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from supervisor.kernel.shortage import NoThread

T = TypeVar("T")


class ThreadsAside:
    """Up to `places` threads, one for each piece of work. Work that is given up keeps its place until it ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, places: int, name: str) -> None:
        self._loop = loop
        self._places = asyncio.Semaphore(places)
        self._name = name

    async def run(self, work: Callable[[], T], unwanted: Callable[[T], None] = lambda _: None) -> T:
        """Return what `work` does, or raise what it raises; raise NoThread where no thread can be had.

        `unwanted` gets a result that no caller waits for any more.
        """
        await self._places.acquire()
        done: asyncio.Future[T] = self._loop.create_future()
        thread = threading.Thread(target=self._work, args=(work, done, unwanted), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as problem:
            self._places.release()
            raise NoThread(None, str(problem)) from problem
        try:
            return await done
        except asyncio.CancelledError:  # maybe in the very round in which it was done
            if done.done() and not done.cancelled() and done.exception() is None:
                unwanted(done.result())
            raise

    def _work(self, work: Callable[[], T], done: "asyncio.Future[T]", unwanted: Callable[[T], None]) -> None:
        settle: Callable[[], None]
        leave: Callable[[], None] = lambda: None  # noqa: E731
        try:
            result = work()
        except Exception as error:
            problem = error
            settle = lambda: done.set_exception(problem)  # noqa: E731
        else:
            settle, leave = lambda: done.set_result(result), lambda: unwanted(result)
        try:
            self._loop.call_soon_threadsafe(self._worked, done, settle, leave)
        except RuntimeError:  # the loop was closed meanwhile
            leave()

    def _worked(self, done: "asyncio.Future[Any]", settle: Callable[[], None], leave: Callable[[], None]) -> None:
        self._places.release()
        (leave if done.done() else settle)()
