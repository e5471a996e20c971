"""A Worker actor is made to raise, once for each type of message: every process stays as it is.

What raised is a real message where one comes by itself, else a sample; either way it is lost, and has to heal.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.left_behind import folder_prefix
from kit.support import DEADLINE, alive, rows_of, service_inside, sleepers, wait_until

import actors.crowd.workers
import actors.root
from actors.base import Post
from actors.values import facts
from actors.values.attention import AttentionSaid, SessionSaid, Source
from actors.values.requests import Accepted, GiveInput, Order
from actors.values.typing import Sight
from actors.worker import WorkerActor
from supervisor.build import Machine
from supervisor.service import Service

WORKERS = 50
VICTIM = "w7"  # whose own handlers raise
CHURN = "w9"  # who is restarted, so that there is traffic

HANDLE = facts.Handle(1, 1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real service with fifty workers, inside this process; an actor may fail as often as it likes."""
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix=folder_prefix(), dir="/tmp"))
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    patch.setattr(actors.crowd.workers, "FAILURES", 10_000)
    patch.setattr(Machine, "_start_worker", noting_the_victim(Machine._start_worker))
    with service_inside(place, sleepers(WORKERS), lambda service: len(pids(service)) == WORKERS) as service:
        yield service
    patch.undo()
    shutil.rmtree(place, ignore_errors=True)


VICTIMS: Post[Any] = Post()  # leads to the victim's actor, whoever that is now


def noting_the_victim(start: Callable[[Machine, str, Any], Any]) -> Callable[[Machine, str, Any], Any]:
    def noting(machine: Machine, name: str, birth: Any) -> Any:
        ref = start(machine, name, birth)
        if name == VICTIM:
            VICTIMS.ref = ref
        return ref

    return noting


def pids(service: Service) -> dict[str, int]:
    return {row.name: row.pid for row in rows_of(service).values() if row.state == "running" and row.pid}


def failures(service: Service) -> int:
    return (service.place.state_dir / "service.log").read_text().count('"event": "actor.failed"')


def steady(service: Service, before: dict[str, int]) -> bool:
    """All fifty are there as before; whose actor or process was to be changed may have another pid."""
    now = pids(service)
    return now.keys() == before.keys() and all(now[n] == before[n] for n in now if n != CHURN)


def nothing(_fact: Any) -> None:
    pass


SAMPLES: tuple[Any, ...] = (
    facts.Admitted(),
    facts.Held("sample"),
    facts.Ordered(facts.Verb.START, 0),
    facts.SignalOrdered("USR1"),
    facts.SpecChanged(None, 0),  # type: ignore[arg-type]
    GiveInput("api", b"x", (), nothing),
    facts.InputSeen("x", 0, Sight()),
    facts.Typed("x", 0),
    facts.TypeHeld("x", 0),
    facts.TypeRefused("x", 0, "sample"),
    facts.TypeUnknown("x", 0),
    facts.Started("x", "%999", HANDLE),
    facts.StartRefused("x", facts.Refusal.UNREACHABLE, "sample"),
    facts.StartUnknown("x", 0.0),
    facts.ProcessEnded("x"),
    facts.PaneSeen(0.0, None),  # type: ignore[arg-type]
    facts.PaneAbsent(0.0),
    facts.TreeSeen(0.0, 0, None),
    facts.TreeGone("x"),
    facts.TreeLeft("x", ()),
    facts.TreeEscaped("x", ()),
    facts.TreeFound("x", ()),
    facts.ProbeSucceeded("x"),
    facts.ProbeFailed("x", "refused"),
    facts.ProbeUnknown("x", 0.0),
    facts.ServerDied(),
    AttentionSaid(by=Source.REPORT, word=None, life="x"),
    SessionSaid("x", "sample"),
    facts.LinesMatched("x", ()),
    facts.ScreenMatched("x", ()),
    facts.LinesSkipped(1, "sample"),
    facts.CommandEnded("x", "sample"),
    facts.Released(),
    facts.Woken(),
)
ERRORS = itertools.cycle([RuntimeError, SystemExit, KeyboardInterrupt])


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_fifty_workers_keep_their_pids_whichever_message_makes_a_worker_raise(
    service: Service, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pids(service)
    raise_once(service, sample, next(ERRORS), monkeypatch)
    wait_until(lambda: steady(service, before), what=f"all fifty after {type(sample).__name__}")
    assert all(alive(pid) for pid in pids(service).values())


def raise_once(service: Service, sample: Any, error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the victim raise at the next message of the sample's type, tell it the sample, and wait for the line."""
    handle, raised, count = WorkerActor.handle, threading.Event(), failures(service)

    def handles(self: Any, message: Any) -> Any:
        if self.worker_name == VICTIM and type(message) is type(sample) and not raised.is_set():
            raised.set()
            raise error(f"on purpose, at {type(message).__name__}")
        return handle(self, message)

    with monkeypatch.context() as patch:
        patch.setattr(WorkerActor, "handle", handles)
        wait_until(lambda: VICTIMS.ref is not None and VICTIMS.ref.is_alive())  # a replacement may be about to begin
        VICTIMS.tell(sample)
        assert raised.wait(DEADLINE), f"the victim was told no {type(sample).__name__}"
        wait_until(lambda: failures(service) > count, what="the line about it")


def restarts(service: Service) -> None:
    """Orders are still carried out: one worker gets a new life."""
    old = pids(service)[CHURN]
    accepted = service.ask(Order(facts.Verb.RESTART, (CHURN,)), 10.0)
    assert isinstance(accepted, Accepted)
    wait_until(lambda: pids(service).get(CHURN, old) != old, what=f"{CHURN} to be restarted")


def test_orders_are_carried_out_after_all_these_failures(service: Service) -> None:
    restarts(service)


def test_every_message_of_a_worker_has_a_sample() -> None:
    told = set(facts.Fact.__args__) - {facts.InputGiven} | {GiveInput}
    assert {type(sample) for sample in SAMPLES} == told


def test_a_request_that_raises_is_one_refused_request(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    before, old = pids(service), service.posts.supervisor.ref

    def raises(roster: Any, message: Any, now: Any) -> Any:
        if isinstance(message, Order):
            raise RuntimeError("on purpose")
        return step(roster, message, now)

    step = actors.root.step
    with monkeypatch.context() as patch:
        patch.setattr(actors.root, "step", raises)
        with pytest.raises(RuntimeError, match="on purpose"):
            service.ask(Order(facts.Verb.STOP, (CHURN,)), 10.0)
    assert service.posts.supervisor.ref is old
    assert pids(service) == before
