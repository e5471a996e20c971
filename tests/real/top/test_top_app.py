"""The dashboard against a real Gateway: what is published is drawn, keys become requests, a lost service comes back."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.gateway_bench import Bench, entries, row
from kit.support import DEADLINE
from textual.pilot import Pilot

from actors.values.requests import Order
from supervisor.state.place import Place
from supervisor.top.app import Top

Told = Callable[[], object]


@pytest.fixture
def bench(place: Path) -> Iterator[Bench]:
    bench = Bench(place / "s")
    bench.publish(
        1, row("web"), row("api"), row("quiet", "stopped", pid=None), screens={"web": b"\x1b[31mhello\x1b[0m"}
    )
    yield bench
    bench.close()


def top(place: Path) -> Top:
    return Top(Place(place / "panevisor.toml", place, place / "s"), "panevisor")


async def until(pilot: Pilot[None], true: Told) -> None:
    """Wait until it is true; the app goes on meanwhile."""
    async with asyncio.timeout(DEADLINE):
        while not true():
            await asyncio.sleep(0.02)
            await pilot.pause()


def seen(app: Top) -> str:
    """Return what is drawn."""
    canvas = app.canvas
    return "\n".join(canvas.render_line(y).text.rstrip() for y in range(canvas.size.height))


def test_a_picture_is_drawn_with_the_screen_of_who_is_selected(bench: Bench, place: Path) -> None:
    async def look() -> None:
        app = top(place)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "3 workers" in seen(app))
            await pilot.press("slash", *"q", "backspace", *"web", "enter")
            await until(pilot, lambda: "hello" in seen(app))
            bench.publish(2, row("web"), row("api"), screens={"web": b"good morning"})
            await until(pilot, lambda: "good morning" in seen(app))
            assert "1 of 2 workers" in seen(app)
            await pilot.press("escape")
            await until(pilot, lambda: "2 workers" in seen(app) and "1 of" not in seen(app))
            assert app.desk.view.name == "web"  # who was filtered for stays selected
            await pilot.press("down", "up")  # the screen has not changed meanwhile
            await until(pilot, lambda: "good morning" in seen(app))
            app.desk.view.table.move(1)
            assert app.desk.view.turn()
            await pilot.press("up")
            await until(pilot, lambda: "good morning" in seen(app))
            bench.gateway.activity(entries(1, 2))
            await pilot.press("5")
            await until(pilot, lambda: "w2: ready" in seen(app))
            await pilot.press("question_mark")
            assert "stop it, after a question" not in seen(app)
            await pilot.press("end", "down")
            assert "stop it, after a question" in seen(app)
            await pilot.press("escape", "g", "z", "z", "greater_than_sign", "tab", "tab", "w", "n")
            assert "0 of 2 workers" in seen(app)
            await pilot.press("q")
        assert app.return_code == 0

    asyncio.run(look())


def test_keys_become_orders_and_an_end_is_asked_about(bench: Bench, place: Path) -> None:
    async def order() -> None:
        app = top(place)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "3 workers" in seen(app))
            await pilot.press("s")
            await until(pilot, lambda: bench.asked)
            await pilot.press("x")
            assert "stop quiet? y / n" in seen(app)
            await pilot.press("escape")
            assert "left alone" in seen(app)
            await pilot.press("down", "x", "y")
            await until(pilot, lambda: len(bench.asked) == 2)
            given = [(order.verb.value, order.names) for order in bench.asked if isinstance(order, Order)]
            assert given == [("start", ("quiet",)), ("stop", ("web",))]
            assert "≙ panevisor stop web" in seen(app)
            await pilot.press("p", *"hello q", "enter")
            await until(pilot, lambda: len(bench.asked) == 3)
            assert "≙ panevisor prompt web 'hello q'" in seen(app)
            await pilot.press("Y")
            assert app.clipboard == "panevisor prompt web 'hello q'"
            await pilot.press("y", "down", "Y")
            assert app.clipboard == "panevisor screen --ansi api"

    asyncio.run(order())


def test_a_service_that_goes_and_comes_back_is_found_again(bench: Bench, place: Path) -> None:
    async def lose() -> None:
        app = top(place)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "3 workers" in seen(app))
            bench.close()
            await until(pilot, lambda: "no contact for" in seen(app))
            assert "web" in seen(app)
            again = Bench(place / "s")
            try:
                again.publish(1, row("web", "failed", reason="exit 3", pid=None))
                await until(pilot, lambda: "exit 3" in seen(app) and "no contact" not in seen(app))
            finally:
                again.close()

    asyncio.run(lose())
