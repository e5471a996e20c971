"""The pool of probes and its TCP kind, against real sockets."""

import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.probes import EMPTY, Asked
from kit.support import DEADLINE, wait_until

from actors.values.effects import Probe
from actors.values.facts import Fact, ProbeFailed, ProbeSucceeded, Purpose
from actors.values.spec import Ready, WorkerSpec
from supervisor.probes import kinds as probe_kinds
from supervisor.probes import pool as probes
from supervisor.probes.kinds import address_of, met_itself

SHORT = 0.2  # seconds in which a try that hangs is given up


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@pytest.fixture
def refusing() -> Iterator[socket.socket]:
    """A port that is ours but where nobody listens yet."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def hanging() -> Iterator[int]:
    """A port where an attempt hangs: the queue of who waits to be accepted is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield port_of(full)
        for one in waiting:
            one.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "database.example"])
def test_a_port_that_accepts_is_ready(asked: Asked, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(probe_kinds.socket, "getaddrinfo", lambda *a, **k: answer)  # type: ignore[attr-defined]
    address, family = ("::1", socket.AF_INET6) if host == "[::1]" else ("127.0.0.1", socket.AF_INET)
    try:
        listener = socket.socket(family)
        listener.bind((address, 0))
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        listener.listen()
        asked.ready(tcp=f"{host}:{port_of(listener)}")
        assert asked.next() == ProbeSucceeded("l1")


def test_it_is_tried_again_until_somebody_listens(
    asked: Asked, refusing: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: queue.SimpleQueue[float] = queue.SimpleQueue()
    sleep = probes.asyncio.sleep  # type: ignore[attr-defined]

    async def short(pause: float) -> None:
        pauses.put(pause)
        await sleep(0)

    monkeypatch.setattr("supervisor.probes.pool.asyncio.sleep", short)
    asked.ready(tcp=f"127.0.0.1:{port_of(refusing)}", interval=1.0)
    first = [pauses.get(timeout=DEADLINE) for _ in range(10)]
    assert first[0] == 0.1
    assert first == sorted(first)
    assert first[-1] == 1.0
    assert all(isinstance(asked.next(), ProbeFailed) for _ in first)
    refusing.listen()
    asked.well()


def test_a_forgotten_probe_is_given_up_and_a_later_one_of_a_life_replaces_the_first(
    asked: Asked, refusing: socket.socket, listener: socket.socket
) -> None:
    asked.ready(tcp=f"127.0.0.1:{port_of(refusing)}")
    asked.until(ProbeFailed)
    asked.pool.forget("l1")
    asked.pool.forget("never known")
    asked.ready("l2", tcp=f"127.0.0.1:{port_of(refusing)}")
    asked.ready("l2", tcp=f"127.0.0.1:{port_of(listener)}")
    asked.until(ProbeSucceeded)
    assert [asked.next() for _ in range(10)] == [ProbeSucceeded("l2")] * 10  # the others would fail in between
    assert asked.pool.tables() == EMPTY | {"probes": 1}


def test_a_probe_that_hangs_is_bounded_in_time(asked: Asked, hanging: int) -> None:
    asked.ready(tcp=f"127.0.0.1:{hanging}", attempt_timeout=SHORT)
    for _ in range(2):
        asked.until(ProbeFailed("l1", f"no answer within {SHORT}s"))


def test_many_that_hang_use_a_bounded_number_of_descriptors_and_the_others_get_ready(
    asked: Asked, hanging: int, listener: socket.socket
) -> None:
    listener.listen(512)
    before = len(os.listdir("/proc/self/fd"))
    lives = {f"l{n}" for n in range(300)}
    for n in range(300):
        asked.ready(f"h{n}", tcp=f"127.0.0.1:{hanging}", attempt_timeout=SHORT)
    for life in lives:
        asked.ready(life, tcp=f"127.0.0.1:{port_of(listener)}")
    most = 0
    while lives:
        if isinstance(fact := asked.next(), ProbeSucceeded):
            asked.pool.forget(fact.life)
            lives.discard(fact.life)
        most = max(most, len(os.listdir("/proc/self/fd")))
    assert most <= before + probes.ATTEMPTS + 1


def test_a_resolver_that_hangs_holds_back_names_only(
    asked: Asked, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, release, ended = queue.SimpleQueue[str](), threading.Event(), queue.SimpleQueue[None]()

    def hang(host: str, *_: object, **__: object) -> list[object]:
        names.put(host)
        release.wait(DEADLINE)
        ended.put(None)
        return []

    monkeypatch.setattr(probe_kinds.socket, "getaddrinfo", hang)  # type: ignore[attr-defined]
    for n in range(3 * probes.LOOKUPS):
        asked.ready(f"h{n}", tcp=f"host-{n}:1")
    hosts = {names.get(timeout=DEADLINE) for _ in range(probes.LOOKUPS)}
    assert len(hosts) == probes.LOOKUPS
    asked.ready("near", tcp=f"localhost:{port_of(listener)}")
    asked.well("near")
    assert names.empty()
    asked.pool.close()
    release.set()
    for _ in range(probes.LOOKUPS):
        ended.get(timeout=DEADLINE)


def test_a_socket_that_met_itself_is_nobody_and_a_server_that_accepts_is_somebody(listener: socket.socket) -> None:
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", 0))
        alone.connect(alone.getsockname())
        port = alone.getsockname()
        assert met_itself(alone)
    with socket.socket() as next_one:
        next_one.bind(port)  # was reset, so it can be bound at once
    with socket.create_connection(listener.getsockname()) as connection:
        assert not met_itself(connection)


def test_a_connection_that_met_itself_is_no_answer(
    asked: Asked, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(probe_kinds, "met_itself", lambda connection: True)
        asked.ready(tcp=f"127.0.0.1:{port_of(listener)}")
        assert asked.next() == ProbeFailed("l1", "connection refused")
    asked.well()


def asking(ready: Ready, life: str = "l1") -> Probe:
    return Probe(life, Purpose.READY, WorkerSpec(name="api", command="x", cwd="/", ready=ready))


@pytest.mark.parametrize("problem", [RuntimeError("the actor is dead"), SystemExit(1)])
def test_a_callback_that_raises_harms_nobody_else(
    asked: Asked, listener: socket.socket, problem: BaseException
) -> None:
    def fail(_: Fact) -> None:
        raise problem

    tcp = f"127.0.0.1:{port_of(listener)}"
    asked.pool.probe(asking(Ready(tcp=tcp), "l0"), fail)
    assert asked.errors.get(timeout=DEADLINE) is problem
    asked.ready(tcp=tcp)
    asked.well()


def test_where_there_is_nothing_to_ask_nobody_is_asked(asked: Asked) -> None:
    asked.pool.probe(asking(Ready()), asked.facts.put)
    asked.pool.forget("later")
    wait_until(lambda: asked.pool.tables() == EMPTY)


def test_a_closed_pool_leaves_nothing_behind(place: Path, refusing: socket.socket) -> None:
    before = len(os.listdir("/proc/self/fd"))
    asked = Asked(place)
    for n in range(10):
        asked.ready(f"l{n}", tcp=f"127.0.0.1:{port_of(refusing)}")
    asked.close()
    asked.close()
    asked.ready("late", tcp="127.0.0.1:1")
    asked.pool.forget("late")
    assert asked.pool.tables() == EMPTY
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("tcp", "address"),
    [("db:5432", ("db", 5432)), ("[::1]:80", ("::1", 80)), (":80", ("127.0.0.1", 80)), ("::1:80", ("::1", 80))],
)
def test_an_address_is_a_host_and_a_port(tcp: str, address: tuple[str, int]) -> None:
    assert address_of(tcp) == address
