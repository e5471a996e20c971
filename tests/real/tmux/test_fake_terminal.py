"""The fake tmux keeps what the real one promises: each test here runs on both."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kit.fake_ports import FakeTerminal
from kit.support import wait_until

from actors.ports import PaneQuestion, TerminalPort
from actors.values.effects import Start, Type
from actors.values.facts import Handle, Pane, Refusal, Started, StartRefused, Typed, TypeRefused
from actors.values.spec import PaneSize, WorkerSpec
from supervisor.logs.segments import Segments
from supervisor.tmux.server import TmuxServers
from supervisor.tmux.terminal import TmuxTerminal
from supervisor.tmux.terminals import TmuxTerminals


class World:
    """A terminal port, and how one of its processes is killed."""

    def __init__(self, port: TerminalPort, played: FakeTerminal | None = None) -> None:
        self.port, self._played = port, played

    def start(self, name: str, life: str = "l1", pane: str | None = None) -> Started | StartRefused:
        spec = WorkerSpec(name=name, command=("sleep", "1000"), cwd="/")
        (answer,) = self.port.start([Start(life, spec, pane)])
        return answer

    def pane(self, name: str, id: str | None = None) -> Pane | None:
        _, (pane,) = self.port.look([PaneQuestion(name, id, nudge=True)])
        return pane

    def kill(self, name: str, process: Handle) -> None:
        """The process ends, and tmux knows it."""
        if self._played:
            self._played.end(process)
        else:
            os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: (pane := self.pane(name)) and pane.exit)

    def type(self, pane: str, life: str) -> Typed | TypeRefused:
        return self.port.type(Type(life, 1, pane, b"x", (), if_taken=False))


@pytest.fixture(params=["played", "real"])
def world(request: pytest.FixtureRequest, place: Path) -> Iterator[World]:
    if request.param == "played":
        played = FakeTerminal()
        yield World(played, played)
        return
    request.getfixturevalue("tmux_server")
    servers = TmuxServers(place, PaneSize())
    servers.ensure(2)
    segments = Segments(place / "logs")
    make = partial(TmuxTerminal, place, marker="test", nofile=1024, segments=segments)
    terminals = TmuxTerminals(servers, make, segments=segments)
    yield World(terminals)
    terminals.close_clients()
    servers[1].end()


def test_what_was_started_is_found_by_its_name_and_by_its_pane(world: World) -> None:
    started = world.start("a")
    found = world.pane("a")
    assert (found.name, found.life, found.process, found.dead) == ("a", "l1", started.process, False)
    assert world.pane("a", started.pane) == found
    assert (world.pane("b"), world.pane("b", "%999")) == (None, None)


def test_a_name_is_started_once(world: World) -> None:
    world.start("a")
    answer = world.start("a", "l2")
    assert (type(answer), answer.life, answer.refusal) == (StartRefused, "l2", Refusal.NAME_TAKEN)
    assert world.pane("a").life == "l1"


def test_a_dead_pane_shows_the_exit_and_takes_the_next_life(world: World) -> None:
    first = world.start("a")
    world.kill("a", first.process)
    dead = world.pane("a", first.pane)
    assert (dead.dead, dead.exit.code, dead.exit.signal) == (True, None, 9)
    second = world.start("a", "l2", first.pane)
    assert (second.pane, second.process != first.process, world.pane("a").life) == (first.pane, True, "l2")


def test_a_pane_that_is_gone_is_refused(world: World) -> None:
    assert world.start("a", "l1", "%999").refusal is Refusal.PANE_GONE


def test_a_pane_of_another_worker_is_refused_as_gone_and_stays_as_it_is(world: World) -> None:
    others = world.start("a-2")
    world.kill("a-2", others.process)
    assert world.start("a", "l2", others.pane).refusal is Refusal.PANE_GONE
    assert (world.pane("a-2").dead, world.pane("a-2").life) == (True, "l1")


def test_only_a_dead_pane_is_closed(world: World) -> None:
    started = world.start("a")
    world.port.close([started.pane])
    assert world.pane("a") is not None
    world.kill("a", started.process)
    world.port.close([started.pane])
    assert world.pane("a") is None


def test_typing_reaches_the_life_that_it_is_meant_for_and_no_other(world: World) -> None:
    started = world.start("a")
    assert world.type(started.pane, "l1") == Typed("l1", 1)
    assert isinstance(world.type(started.pane, "l2"), TypeRefused)
    world.kill("a", started.process)
    assert isinstance(world.type(started.pane, "l1"), TypeRefused)


def test_there_is_one_server(world: World) -> None:
    assert world.port.revive(1) == world.port.revive(1)
