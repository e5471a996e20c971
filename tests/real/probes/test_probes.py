"""The pool of probes and its TCP kind, against real sockets."""

import os
import queue
import socket
import threading
from collections.abc import Iterator

import pytest
from kit.support import DEADLINE, wait_until

from actors.values.effects import Probe
from actors.values.facts import Fact, ProbeFailed, ProbeSucceeded, ProbeUnknown, Purpose
from actors.values.spec import Ready, WorkerSpec
from supervisor.probes import kinds as probe_kinds
from supervisor.probes import pool as probes
from supervisor.probes.kinds import address_of, met_itself
from supervisor.probes.pool import ProbePool

DEADLINE_OF_A_TRY = 0.2
EMPTY = {"probes": 0, "screens": 0, "processes": 0}


def asked(ready: Ready, life: str = "l1") -> Probe:
    return Probe(life, Purpose.READY, WorkerSpec(name="api", command="x", cwd="/", ready=ready))


class Pool:
    """A pool and what it told; after the first success of a life no more is asked, as a Worker has it."""

    def __init__(self) -> None:
        self.facts: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self.failures: queue.SimpleQueue[ProbeFailed] = queue.SimpleQueue()
        self.errors: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self.prober = ProbePool(self.errors.put)

    def probe(self, tcp: str, life: str = "l1") -> None:
        self.prober.probe(asked(Ready(tcp=tcp, attempt_timeout=DEADLINE_OF_A_TRY), life), self.told)

    def told(self, fact: Fact) -> None:
        if isinstance(fact, ProbeFailed):
            self.failures.put(fact)
        elif not isinstance(fact, ProbeUnknown):  # a busy machine can hold this process up for longer than a try may be
            assert isinstance(fact, ProbeSucceeded)
            self.prober.forget(fact.life)
            self.facts.put(fact)

    def next(self) -> Fact:
        return self.facts.get(timeout=DEADLINE)


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.prober.close()
    assert not pool.prober._thread.is_alive()
    assert pool.prober.tables() == EMPTY
    assert pool.errors.empty()


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


def recorded(monkeypatch: pytest.MonkeyPatch) -> "queue.SimpleQueue[float]":
    """Return a queue of the pauses between attempts; they pass at once."""
    pauses: queue.SimpleQueue[float] = queue.SimpleQueue()
    sleep = probes.asyncio.sleep  # type: ignore[attr-defined]

    async def short(pause: float) -> None:
        pauses.put(pause)
        await sleep(0)

    monkeypatch.setattr("supervisor.probes.pool.asyncio.sleep", short)
    return pauses


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_that_accepts_is_ready(pool: Pool, listener: socket.socket, host: str) -> None:
    pool.probe(f"{host}:{port_of(listener)}")
    assert pool.next() == ProbeSucceeded("l1")
    assert pool.facts.empty()


def test_an_ipv6_port_that_accepts_is_ready(pool: Pool) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        pool.probe(f"[::1]:{port_of(listener)}")
        assert pool.next() == ProbeSucceeded("l1")


def test_a_name_is_looked_up(pool: Pool, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(probe_kinds.socket, "getaddrinfo", lambda *a, **k: answer)  # type: ignore[attr-defined]
    pool.probe(f"database.example:{port_of(listener)}")
    assert pool.next() == ProbeSucceeded("l1")


def test_it_is_tried_again_until_somebody_listens(
    pool: Pool, refusing: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = recorded(monkeypatch)
    pool.probe(f"127.0.0.1:{port_of(refusing)}")
    first = [pauses.get(timeout=DEADLINE) for _ in range(10)]
    assert first[0] == 0.1
    assert first == sorted(first)
    assert first[-1] == 1.0
    assert pool.facts.empty()
    refusing.listen()
    assert pool.next() == ProbeSucceeded("l1")


def test_a_forgotten_probe_is_given_up(pool: Pool, refusing: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = recorded(monkeypatch)
    pool.probe(f"127.0.0.1:{port_of(refusing)}")
    pauses.get(timeout=DEADLINE)
    pool.prober.forget("l1")
    pool.prober.forget("never known")
    refusing.listen()
    pool.probe(f"127.0.0.1:{port_of(refusing)}", "l2")
    assert pool.next() == ProbeSucceeded("l2")
    assert pool.facts.empty()


def test_a_later_probe_of_a_life_replaces_the_first(
    pool: Pool, refusing: socket.socket, listener: socket.socket
) -> None:
    pool.probe(f"127.0.0.1:{port_of(refusing)}")
    pool.probe(f"127.0.0.1:{port_of(listener)}")
    assert pool.next() == ProbeSucceeded("l1")
    assert pool.facts.empty()


def test_a_probe_that_hangs_is_bounded_in_time(pool: Pool, hanging: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = recorded(monkeypatch)
    pool.probe(f"127.0.0.1:{hanging}")
    assert pauses.get(timeout=DEADLINE) == 0.1
    assert pauses.get(timeout=DEADLINE) > 0.1


def test_many_that_hang_use_a_bounded_number_of_descriptors_and_the_others_get_ready(
    pool: Pool, hanging: int, listener: socket.socket
) -> None:
    listener.listen(512)
    before = len(os.listdir("/proc/self/fd"))
    for n in range(300):
        pool.probe(f"127.0.0.1:{hanging}", f"h{n}")
    for n in range(300):
        pool.probe(f"127.0.0.1:{port_of(listener)}", f"l{n}")
    most = 0
    ready: set[Fact] = set()
    while len(ready) < 300:
        ready.add(pool.next())
        most = max(most, len(os.listdir("/proc/self/fd")))
    assert ready == {ProbeSucceeded(f"l{n}") for n in range(300)}
    assert most <= before + probes.ATTEMPTS + 1


def test_a_resolver_that_hangs_holds_back_names_only(
    pool: Pool, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release, ended = queue.SimpleQueue[str](), threading.Event(), queue.SimpleQueue[None]()

    def hang(host: str, *_: object, **__: object) -> list[object]:
        asked.put(host)
        release.wait(DEADLINE)
        ended.put(None)
        return []

    monkeypatch.setattr(probe_kinds.socket, "getaddrinfo", hang)  # type: ignore[attr-defined]
    for n in range(3 * probes.LOOKUPS):
        pool.probe(f"host-{n}:1", f"h{n}")
    hosts = {asked.get(timeout=DEADLINE) for _ in range(probes.LOOKUPS)}
    assert len(hosts) == probes.LOOKUPS
    pool.probe(f"localhost:{port_of(listener)}", "near")
    assert pool.next() == ProbeSucceeded("near")
    assert asked.empty()
    pool.prober.close()
    release.set()
    for _ in range(probes.LOOKUPS):
        ended.get(timeout=DEADLINE)


def test_a_socket_that_met_itself_is_nobody() -> None:
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", 0))
        alone.connect(alone.getsockname())
        port = alone.getsockname()
        assert met_itself(alone)
    with socket.socket() as next_one:
        next_one.bind(port)  # was reset, so it can be bound at once


def test_a_server_that_accepts_is_somebody(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as connection:
        assert not met_itself(connection)


@pytest.mark.parametrize("problem", [RuntimeError("the actor is dead"), SystemExit(1)])
def test_a_callback_that_raises_harms_nobody_else(pool: Pool, listener: socket.socket, problem: BaseException) -> None:
    def fail(_: Fact) -> None:
        raise problem

    pool.prober.probe(asked(Ready(tcp=f"127.0.0.1:{port_of(listener)}"), "l0"), fail)
    assert pool.errors.get(timeout=DEADLINE) is problem
    pool.probe(f"127.0.0.1:{port_of(listener)}")
    assert pool.next() == ProbeSucceeded("l1")


def test_where_there_is_nothing_to_ask_nobody_is_asked(pool: Pool) -> None:
    pool.prober.probe(asked(Ready()), pool.told)
    pool.prober.forget("later")
    wait_until(lambda: pool.prober.tables() == EMPTY)


def test_a_closed_pool_leaves_nothing_behind(pool: Pool, refusing: socket.socket) -> None:
    before = len(os.listdir("/proc/self/fd"))
    other = ProbePool(pool.errors.put)
    for n in range(10):
        other.probe(asked(Ready(tcp=f"127.0.0.1:{port_of(refusing)}"), f"l{n}"), pool.facts.put)
    other.close()
    other.close()
    other.probe(asked(Ready(tcp="127.0.0.1:1"), "late"), pool.facts.put)
    other.forget("late")
    assert other.tables() == EMPTY
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("tcp", "address"),
    [("db:5432", ("db", 5432)), ("[::1]:80", ("::1", 80)), (":80", ("127.0.0.1", 80)), ("::1:80", ("::1", 80))],
)
def test_an_address_is_a_host_and_a_port(tcp: str, address: tuple[str, int]) -> None:
    assert address_of(tcp) == address
