"""Each handler of each actor is made to raise, once for each type of message: every worker stays as it is.

What raised is a real message where one comes by itself, else a sample; either way it is lost, and has to heal.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from left_behind import folder_prefix
from support import DEADLINE, alive, rows_of, service_inside, sleepers, wait_until

import actors.base
from actors import bulletins, errands, messages, requests, terminal
from actors.base import ActorFailed, Post
from actors.metrics import BeatOver, HeartbeatDue, MetricsActor, PublishDue
from actors.records import Record
from actors.requests import Accepted, Order, ShutDown
from actors.root import Admit, Found, Retry, SupervisorActor
from actors.snapshot import Config, Host, Row
from actors.terminal import TerminalActor
from actors.ticker import TickerActor
from actors.worker import WorkerActor
from actors.worker_state import State
from supervisor.service import Service

WORKERS = 50
VICTIM = "w7"  # whose own handlers raise
CHURN = "w9"  # who is restarted, so that there is traffic

HANDLE = messages.Handle(1, 1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real service with fifty workers, inside this process; an actor may fail as often as it likes."""
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix=folder_prefix(), dir="/tmp"))
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    patch.setattr(actors.base, "FAILURES", 10_000)
    patch.setattr(Service, "_start_worker", noting_the_victim(Service._start_worker))
    with service_inside(place, sleepers(WORKERS), lambda service: len(pids(service)) == WORKERS) as service:
        yield service
    patch.undo()
    shutil.rmtree(place, ignore_errors=True)


VICTIMS: Post[Any] = Post()  # leads to the victim's actor, whoever that is now


def noting_the_victim(start: Callable[[Service, str, Any], Any]) -> Callable[[Service, str, Any], Any]:
    def noting(service: Service, name: str, birth: Any) -> Any:
        ref = start(service, name, birth)
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


ROW = Row.__new__(Row)  # the samples raise before anybody looks into them

SAMPLES: dict[type, tuple[Any, ...]] = {
    SupervisorActor: (
        bulletins.Changed("w1", State.RUNNING, Record.__new__(Record)),
        bulletins.Finished("nobody"),
        Admit(),
        requests.ConfigBroken("sample"),
        bulletins.ConfigOnDisk(False),
        bulletins.HostSeen(Host()),
        bulletins.TmuxAnswers(None),
        bulletins.ServerEnded(HANDLE),
        bulletins.Revived(HANDLE),
        bulletins.PartFailing("sample", None),
        Found("nobody", None),
        Retry(),
    ),
    TickerActor: (
        bulletins.Rang(),
        bulletins.Enrolled("nobody", nothing, None, 1),
        bulletins.Withdrawn("nobody"),
        bulletins.Armed(0.0, "sample", nothing),
        bulletins.SweptPanes(0, None),  # type: ignore[arg-type]
        bulletins.SweptTrees(0, None),  # type: ignore[arg-type]
    ),
    MetricsActor: (
        bulletins.Report(ROW, None, None),
        bulletins.Activity(0.0, "sample", "info", {}),
        bulletins.HealthTold(1, frozenset(), Host()),
        bulletins.CaptureTold(1, 0.0, 0),
        bulletins.Lineup(()),
        bulletins.ServiceNow("ok", (), Config(path="", digest="")),
        bulletins.Withdrawn("nobody"),
        PublishDue(),
        BeatOver(),
        HeartbeatDue(),
        bulletins.Introduce(),
    ),
    TerminalActor: (
        terminal.StartWanted("nobody", None, nothing),  # type: ignore[arg-type]
        errands.LooksDue(),
        terminal.Typing(None, nothing),  # type: ignore[arg-type]
        errands.Closing("%999"),
        terminal.Discarding("nobody"),
        errands.LogArming("%999", "x", None),  # type: ignore[arg-type]
        errands.Revive(),
        terminal.Flush(),
    ),
    WorkerActor: (
        messages.Admitted(),
        messages.Held("sample"),
        messages.Ordered(messages.Verb.START, 0),
        messages.SpecChanged(None, 0),  # type: ignore[arg-type]
        bulletins.InputWanted(b"x", (), nothing),
        bulletins.Introduce(),
        messages.Typed("x", 0),
        messages.TypeHeld("x", 0),
        messages.TypeRefused("x", 0, "sample"),
        messages.TypeUnknown("x", 0),
        messages.Started("x", "%999", HANDLE),
        messages.StartRefused("x", messages.Refusal.UNREACHABLE, "sample"),
        messages.StartUnknown("x", 0.0),
        messages.ProcessEnded("x"),
        messages.PaneSeen(0.0, None),  # type: ignore[arg-type]
        messages.PaneAbsent(0.0),
        messages.TreeSeen(0.0, 0, None),
        messages.TreeGone("x"),
        messages.TreeLeft("x", ()),
        messages.TreeEscaped("x", ()),
        messages.ProbeSucceeded("x"),
        messages.ProbeFailed("x", "refused"),
        messages.ProbeUnknown("x", 0.0),
        messages.ServerDied(),
        messages.OrdersLost(0.0),
        messages.Woken(),
    ),
}
ERRORS = itertools.cycle([RuntimeError, SystemExit, KeyboardInterrupt])


def post_of(service: Service, actor: type) -> Post[Any]:
    if actor is WorkerActor:
        return VICTIMS
    name = {SupervisorActor: "supervisor", TickerActor: "ticker", MetricsActor: "metrics", TerminalActor: "terminal"}
    return getattr(service.posts, name[actor])


def tell(service: Service, actor: type, sample: Any) -> None:
    """Tell the living actor of this kind, which may be a replacement that is about to begin."""
    wait_until(lambda: (post := post_of(service, actor)).ref is not None and post.ref.is_alive())
    post_of(service, actor).tell(sample)


@pytest.mark.parametrize("actor", list(SAMPLES), ids=lambda actor: actor.__name__)
def test_fifty_workers_keep_their_pids_whichever_handler_raises(
    service: Service, actor: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pids(service)
    for sample, error in zip(SAMPLES[actor], ERRORS, strict=False):
        raise_once(service, actor, sample, error, monkeypatch)
        wait_until(lambda: steady(service, before), what=f"{actor.__name__} raised at {type(sample).__name__}")
    assert all(alive(pid) for pid in pids(service).values())
    seq = service.gateway.seq
    wait_until(lambda: service.gateway.seq > seq + 2, what="pictures go on")
    restarts(service)


def raise_once(
    service: Service, actor: type, sample: Any, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the handler raise at the next message of the sample's type, tell it the sample, and wait for the line."""
    handle, raised, count = actor.handle, threading.Event(), failures(service)

    def handles(self: Any, message: Any) -> Any:
        ours = actor is not WorkerActor or self.worker_name == VICTIM
        if ours and type(message) is type(sample) and not raised.is_set():
            raised.set()
            raise error(f"on purpose, at {type(message).__name__}")
        return handle(self, message)

    with monkeypatch.context() as patch:
        patch.setattr(actor, "handle", handles)
        tell(service, actor, sample)
        assert raised.wait(DEADLINE), f"nobody told {actor.__name__} a {type(sample).__name__}"
        wait_until(lambda: failures(service) > count, what="the line about it")


def restarts(service: Service) -> None:
    """Orders are still carried out: one worker gets a new life."""
    old = pids(service)[CHURN]
    accepted = service.ask(Order(messages.Verb.RESTART, (CHURN,)), 10.0)
    assert isinstance(accepted, Accepted)
    wait_until(lambda: pids(service).get(CHURN, old) != old, what=f"{CHURN} to be restarted")


def test_every_message_of_every_actor_has_a_sample() -> None:
    told = {actor: {type(sample) for sample in samples} for actor, samples in SAMPLES.items()}
    asked = {requests.Order, requests.Apply, requests.Plan, requests.Run, requests.GiveInput, requests.Inspect}
    asked |= {requests.Scale}
    own = {ShutDown, ActorFailed}  # the end itself; and what every one of these failures brings
    assert told[SupervisorActor] | asked | own == set(SupervisorActor._HANDLERS)
    facts = set(messages.Fact.__args__) - {messages.InputGiven} | {bulletins.InputWanted, bulletins.Introduce}
    assert told[WorkerActor] == facts


def test_a_request_that_raises_is_one_refused_request(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    before, old = pids(service), service.posts.supervisor.ref

    def raises(self: Any, message: Any) -> Any:
        raise RuntimeError("on purpose")

    with monkeypatch.context() as patch:
        patch.setitem(SupervisorActor._HANDLERS, Order, raises)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="on purpose"):
            service.ask(Order(messages.Verb.STOP, (CHURN,)), 10.0)
    assert service.posts.supervisor.ref is old
    assert pids(service) == before


def test_a_start_that_was_lost_with_the_terminal_is_made_up_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle, raised = TerminalActor.handle, threading.Event()

    def handles(self: Any, message: Any) -> Any:
        if isinstance(message, terminal.Flush) and not raised.is_set():
            raised.set()
            raise RuntimeError("on purpose")
        return handle(self, message)

    with monkeypatch.context() as patch:
        patch.setattr(TerminalActor, "handle", handles)
        restarts(service)
    assert raised.is_set()
    assert len(pids(service)) == WORKERS
