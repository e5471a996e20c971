"""One worker and the story that is told to it; and how to get into each state."""

from dataclasses import replace
from typing import Any, Self

from actors.events.table import faults_in
from actors.life.adoption import Adopt, Judge, born, define
from actors.life.machine import step
from actors.life.state import State, Worker
from actors.values.effects import Effect, Emit, EndTree, LookAtInput, SeekTree, Type
from actors.values.facts import (
    Admitted,
    Exit,
    Fact,
    Handle,
    InputSeen,
    Instant,
    Member,
    Ordered,
    Pane,
    PaneAbsent,
    PaneSeen,
    ProbeFailed,
    Refusal,
    SpecChanged,
    Started,
    StartRefused,
    StartUnknown,
    TreeFound,
    TreeGone,
    Typed,
    Verb,
    Woken,
)
from actors.values.records import Record
from actors.values.spec import Backoff, Ready, Restart, WorkerSpec
from actors.values.typing import Sight

S = State
WALL = 1_700_000_000.0
SLOW = Ready(delay=5.0, timeout=20.0)
PROBED = Ready(tcp="127.0.0.1:1", timeout=20.0)


def spec(**policy: Any) -> WorkerSpec:
    steady: dict[str, Any] = {"name": "api", "command": ("serve",), "cwd": "/", "backoff": Backoff(jitter=0.0)}
    return WorkerSpec(**(steady | policy))


def at(mono: float) -> Instant:
    return Instant(mono, WALL + mono)


def pane_of(life: str | None, pid: int = 100, **seen: Any) -> Pane:
    facts: dict[str, Any] = {
        "id": "%1",
        "pid": pid,
        "process": Handle(pid, pid),
        "dead": False,
        "status": None,
        "signal": None,
        "dead_at": None,
        "activity": 1,
        "columns": 200,
        "rows": 50,
        "piped": True,
        "attached": False,
        "name": "api",
        "life": life,
        "digest": "d",
    }
    return Pane(**(facts | seen))


def corpse_of(life: str, code: int | None = 1, signal: int | None = None, **seen: Any) -> Pane:
    facts = {"process": None, "dead": True, "status": code, "signal": signal, "dead_at": WALL}
    return pane_of(life, **(facts | seen))


class Story:
    """One worker, told facts at times that the test chooses. Each telling is checked for its lines of the log."""

    def __init__(self, **policy: Any) -> None:
        self.now = 1000.0
        self.left: tuple[Member, ...] | None = ()
        self.sight: Sight | None = Sight()
        self.all: list[Effect] = []
        self.last: tuple[Effect, ...] = ()
        self.w: Worker = Worker(spec=spec(**policy), seed="s", state=S.UNBORN, since=at(self.now))
        self.take(*define(self.w.spec, "s", at(self.now)))

    def take(self, after: Worker, effects: tuple[Effect, ...]) -> Self:
        """Each change of state is exactly one line, and the lines lead from the state before to the one after."""
        was: State | None = None if self.w.state is S.UNBORN else self.w.state
        assert not [fault for e in effects if isinstance(e, Emit) for fault in faults_in(e.event, e.facts)]
        for line in [e for e in effects if isinstance(e, Emit) and e.transition]:
            assert line.transition is not None
            assert line.transition[0] == was
            assert line.transition[1] != was
            assert {"worker", "life", "cause"} <= line.facts.keys()
            was = State(line.transition[1])
        assert after.state is (S.UNBORN if was is None else was)
        self.w, self.last = after, effects
        self.all += effects
        return self

    def tell(self, *facts: Fact) -> Self:
        """Tell these facts.

        A look at what a life has left is answered at once with `left`, nobody at first. One at the input line is
        answered with `sight`, an empty line that no person has touched at first.
        """
        for fact in facts:
            self.now += 0.001
            self.take(*step(self.w, fact, at(self.now)))
            sought = self.did(SeekTree)
            if sought and self.left is not None:
                before = self.last
                self.tell(TreeFound(sought[0].life, self.left))
                self.last = (*before, *self.last)
            looks = self.did(LookAtInput)
            if looks and self.sight is not None:
                before = tuple(effect for effect in self.last if effect is not looks[0])
                self.tell(InputSeen(looks[0].life, looks[0].piece, self.sight))
                self.last = (*before, *self.last)
        return self

    def typed(self) -> Self:
        """Answer what is to be typed until nothing is, and its Enter too."""
        while self.w.typing.under_way is not None or (self.w.typing.retry_at is not None and self.w.typing.waiting):
            if self.w.typing.under_way is None:
                self.wait(0.1)
            else:
                self.tell(Typed(self.life, self.w.typing.pieces))
        return self

    @property
    def keyed(self) -> list[tuple[bytes, tuple[str, ...]]]:
        """What was ordered to be typed, bytes or keys."""
        return [(order.content, order.keys) for order in self.ever(Type) if order.content or order.keys]

    def wait(self, seconds: float) -> Self:
        self.now += seconds
        return self.tell(Woken())

    # what the world does

    def too_late(self) -> Self:
        """Its time to get ready passes, and the last try fails."""
        return self.wait(self.w.spec.ready.timeout).tell(ProbeFailed(self.life, "refused"))

    @property
    def life(self) -> str:
        assert self.w.life is not None
        return self.w.life.id

    def admitted(self) -> Self:
        return self.tell(Admitted())

    def begun(self, pid: int = 100, pane: str = "%1") -> Self:
        return self.tell(Started(self.life, pane, Handle(pid, pid)))

    def seen(self, pane: Pane) -> Self:
        self.now += 0.001
        return self.tell(PaneSeen(self.now, pane))

    def absent(self) -> Self:
        self.now += 0.001
        return self.tell(PaneAbsent(self.now))

    def removed(self) -> Self:
        """It is removed: its pane is closed when tmux says so."""
        return self.order(Verb.REMOVE).absent()

    def exits(self, code: int | None = 1, signal: int | None = None) -> Self:
        """The life ends, and so does its tree."""
        life = self.life
        return self.seen(corpse_of(life, code, signal)).gone(life)

    def gone(self, life: str | None = None) -> Self:
        if life is None:
            assert self.w.ending is not None
            life = self.w.ending.life
        return self.tell(TreeGone(life))

    def order(self, verb: Verb) -> Self:
        return self.tell(Ordered(verb))

    def respec(self, **policy: Any) -> Self:
        return self.tell(SpecChanged(spec(**policy)))

    # what was done

    def did(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.last if isinstance(effect, kind)]

    def ever(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.all if isinstance(effect, kind)]

    @property
    def line(self) -> Emit:
        """The last line of a transition."""
        return next(e for e in reversed(self.all) if isinstance(e, Emit) and e.transition)

    @property
    def signals(self) -> list[str]:
        return [effect.signal for effect in self.ever(EndTree)]


# how to get into each state


def pending(**policy: Any) -> Story:
    return Story(**policy)


def ordered(**policy: Any) -> Story:
    """Starting, and the order is in flight."""
    return pending(**policy).admitted()


def starting(**policy: Any) -> Story:
    """Starting, alive, not ready yet."""
    return ordered(**({"ready": SLOW} | policy)).begun()


def running(**policy: Any) -> Story:
    return ordered(**policy).begun()


def backoff(**policy: Any) -> Story:
    return running(**policy).exits(1)


def stopping(verb: Verb = Verb.STOP, **policy: Any) -> Story:
    return running(**policy).order(verb)


def replaced(**policy: Any) -> Story:
    return running(**policy).respec(command=("other",))


def stopped(**policy: Any) -> Story:
    return pending(**policy).order(Verb.STOP)


def completed(**policy: Any) -> Story:
    return running(**policy).exits(0)


def failed(**policy: Any) -> Story:
    return running(**({"restart": Restart.NEVER} | policy)).exits(1)


def quarantined() -> Story:
    s = ordered()
    return s.tell(StartRefused(s.life, Refusal.NAME_TAKEN, "a session of that name exists"))


def dies_with_tail(s: Story, code: int = 1) -> Story:
    """The life ends, but something of its tree still lives."""
    return s.seen(corpse_of(s.life, code))


def judged(code: int, **policy: Any) -> Story:
    return adopted(Judge("l", corpse_of("l", code), Exit(code, None, WALL), None), **policy)


def adopted(decision: Any, **policy: Any) -> Story:
    """A story that begins with a decision of adoption instead."""
    s = Story(**policy)
    record = Record(spec=s.w.spec)
    s.w, s.all = replace(s.w, state=S.UNBORN), []
    return s.take(*born(record, decision, "s", at(s.now)))


def finds(ready: bool) -> Story:
    return adopted(Adopt(pane_of("l"), "l", Handle(100, 100), ready), ready=SLOW)


def not_ready_in_time(**policy: Any) -> Story:
    return starting(**policy).too_late()


def refused(s: Story, refusal: Refusal) -> Story:
    return s.tell(StartRefused(s.life, refusal, "because"))


def unknown(**policy: Any) -> Story:
    """A start that was not answered, whose order can be carried out for 5 s more."""
    s = ordered(**policy)
    return s.tell(StartUnknown(s.life, s.now + 5))
