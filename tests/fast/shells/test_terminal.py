"""The Terminal and what waits for it, on a fake tmux: its mailbox is bounded, and one look answers all who ask."""

from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from kit.fake_ports import FakeJournal, FakeSecrets, FakeTerminal, NotingPost

from actors.errands import LOOK_PAUSE, Errands, Look, LooksDue, Revive, TerminalPost
from actors.life.machine import due, step
from actors.life.state import Life, Phase, State, Worker
from actors.ports import PaneQuestion, SecretsRead
from actors.terminal import CHUNK, MOST_LOOKS, CallingOff, Discarding, InputLook, StartWanted, TerminalActor, Typing
from actors.values.effects import ArmLog, AskPane, LookAtInput, Start, Type
from actors.values.facts import (
    Fact,
    Handle,
    Instant,
    PaneAbsent,
    ProcessEnded,
    Refusal,
    Started,
    StartRefused,
    Typed,
    TypeRefused,
    Woken,
)
from actors.values.spec import WorkerSpec

SPEC = WorkerSpec(name="x", command="x", cwd="/")


class Mailbox:
    """What a pykka actor has: nothing but its queue."""

    def __init__(self) -> None:
        self.messages: deque[Any] = deque()
        self.longest = 0

    def tell(self, message: Any) -> None:
        self.messages.append(message)
        self.longest = max(self.longest, len(self.messages))


class Tmux(FakeTerminal):
    """A Terminal actor with its mailbox, over a fake tmux."""

    def __init__(self) -> None:
        super().__init__()
        self.box = Mailbox()
        self.errands = Errands(lambda: self.time)
        self.post = TerminalPost(self.errands)
        self.post.ref = self.box  # type: ignore[assignment]
        self.journal, self.supervisor = FakeJournal(), NotingPost()
        self.secrets = FakeSecrets()
        self.terminal = TerminalActor(self, self.secrets, self.errands, self.journal, self.supervisor)
        self.terminal.tell_me = self.box.tell  # type: ignore[method-assign]

    def work(self, most: int = 1_000_000) -> None:
        """Let the Terminal handle what waits, up to `most` messages."""
        while self.box.messages and most > 0:
            self.terminal.handle(self.box.messages.popleft())
            most -= 1


@pytest.fixture
def tmux() -> Tmux:
    return Tmux()


def start(name: str, life: int = 1) -> Start:
    return Start(f"{name}-{life}", replace(SPEC, name=name), None)


def ask(tmux: Tmux, name: str, told: list[Any], pane: str | None = "%1", *, nudge: bool = False) -> None:
    tmux.post.tell(Look(name, pane, nudge, lambda fact: told.append((name, fact))))


def test_one_look_answers_all_who_wait(tmux: Tmux) -> None:
    told: list[Any] = []
    for number in range(200):
        ask(tmux, f"w{number}", told)
    assert tmux.box.longest == 1
    tmux.work()
    assert (len(tmux.looks), len(told)) == (1, 200)


def test_all_who_leave_together_are_closed_before_the_one_look_that_answers_them(tmux: Tmux) -> None:
    told: list[Any] = []
    for number in range(20):
        tmux.post.tell(StartWanted(start(f"w{number}"), told.append))
    tmux.work()
    for pane in tmux.panes:
        tmux.panes[pane] = replace(tmux.panes[pane], dead=True)
    told.clear()
    for pane in list(tmux.panes):
        tmux.post.tell(Look(tmux.panes[pane].name, pane, False, told.append, close=True))
    tmux.work()
    assert (tmux.calls[-2:], told) == (["close", "look"], [PaneAbsent(tmux.time)] * 20)


def test_a_pane_is_closed_though_its_worker_asks_for_it_once_more(tmux: Tmux) -> None:
    told: list[Any] = []
    tmux.post.tell(Look("a", "%1", False, told.append, close=True))
    ask(tmux, "a", told, "%1")
    tmux.work()
    assert tmux.calls == ["close", "look"]


def test_looks_at_inputs_that_have_come_meanwhile_are_one_and_other_orders_come_between(tmux: Tmux) -> None:
    told: list[Any] = []
    for number in range(MOST_LOOKS + 5):
        tmux.post.tell(InputLook(LookAtInput(f"l-{number}", 1, "%9", 0.0), told.append))
    tmux.work()
    assert tmux.calls == ["look_at_input"] * 2
    assert [answer.life for answer in told] == [f"l-{number}" for number in range(MOST_LOOKS + 5)]


def test_the_later_question_of_a_worker_takes_the_place_of_its_earlier_one(tmux: Tmux) -> None:
    told: list[Any] = []
    ask(tmux, "a", told, "%1", nudge=True)
    ask(tmux, "a", told, "%2")
    tmux.work()
    assert tmux.looks == [[PaneQuestion("a", "%2", nudge=True)]]
    assert told == [("a", PaneAbsent(tmux.time))]


def test_questions_that_tmux_did_not_answer_wait_and_are_answered_together_later(tmux: Tmux) -> None:
    told: list[Any] = []
    tmux.hangs = True
    ask(tmux, "a", told)
    tmux.work()
    tmux.hangs = False
    tmux.time += LOOK_PAUSE
    ask(tmux, "b", told)
    tmux.work()
    assert sorted(name for name, _ in told) == ["a", "b"]


def test_after_a_look_that_failed_the_next_one_waits_however_often_it_is_asked(tmux: Tmux) -> None:
    told: list[Any] = []
    tmux.hangs = True
    ask(tmux, "a", told)
    tmux.work()
    for _ in range(100):
        ask(tmux, "a", told)
        tmux.work()
        tmux.time += LOOK_PAUSE / 200
    assert len(tmux.looks) == 1


def test_the_supervisor_has_them_answered_when_tmux_answers_again(tmux: Tmux) -> None:
    told: list[Any] = []
    tmux.hangs = True
    ask(tmux, "a", told)
    tmux.work()
    tmux.hangs = False
    tmux.post.tell(LooksDue())
    tmux.work()
    assert len(told) == 1


def test_an_order_that_is_given_again_waits_once(tmux: Tmux) -> None:
    orders = [ArmLog("x", "%1", SPEC), Revive()]
    for _ in range(100):
        for order in orders:
            tmux.post.tell(order)
    assert len(tmux.box.messages) == 2
    tmux.work()
    for order in orders:
        tmux.post.tell(order)
    assert len(tmux.box.messages) == 2


def test_a_stale_question_drops_no_start_but_that_of_the_supervisor_does(tmux: Tmux) -> None:
    told: list[Any] = []
    for name in "ab":
        tmux.terminal.handle(StartWanted(start(name, 2), told.append))
    tmux.post.tell(Look("a", None, False, told.append))
    tmux.post.tell(Look("b", None, False, told.append, drop_start=True))
    tmux.terminal.handle(LooksDue())
    told.clear()
    tmux.work()
    assert [answer.life for answer in told] == ["a-2"]


def secret(name: str) -> StartWanted:
    order = start(name)
    return StartWanted(replace(order, spec=replace(order.spec, env_command="vault")), TOLD.append)


TOLD: list[Any] = []


def test_a_start_that_waits_for_its_secrets_holds_up_no_other_and_gets_them(tmux: Tmux) -> None:
    TOLD.clear()
    tmux.terminal.handle(secret("a"))
    tmux.terminal.handle(StartWanted(start("b"), TOLD.append))
    tmux.work()
    assert [answer.life for answer in TOLD] == ["b-1"]
    tmux.terminal.handle(SecretsRead("a-1", (("TOKEN", "canary"),), open=("/run/a",)))
    tmux.work()
    assert [answer.life for answer in TOLD] == ["b-1", "a-1"]
    assert [(order.life, order.secrets) for order in tmux.starts] == [("b-1", ()), ("a-1", (("TOKEN", "canary"),))]
    assert "canary" not in repr(tmux.starts)
    assert [(event, facts["files"]) for event, facts in tmux.journal.lines] == [("worker.secrets_open", ["/run/a"])]


def test_a_start_without_its_secrets_is_refused_and_one_that_was_called_off_comes_never(tmux: Tmux) -> None:
    TOLD.clear()
    for name in "abc":
        tmux.terminal.handle(secret(name))
    tmux.terminal.handle(SecretsRead("a-1", problem="env_command exited with code 2"))
    tmux.terminal.handle(CallingOff("b-1"))
    tmux.terminal.handle(CallingOff("a-1"))  # it has its answer
    tmux.post.tell(Look("c", None, False, TOLD.append, drop_start=True))
    tmux.work()
    refusals = [(answer.life, answer.refusal) for answer in TOLD[:2]]
    assert refusals == [("a-1", Refusal.NO_SECRETS), ("b-1", Refusal.UNREACHABLE)]
    assert tmux.secrets.called_off == ["b-1", "c-1"]
    for life in ("b-1", "c-1"):
        tmux.terminal.handle(SecretsRead(life))
    tmux.work()
    assert (tmux.panes, len(TOLD)) == ({}, 3)


def test_starts_and_typing_wait_behind_one_look_at_most(tmux: Tmux) -> None:
    """However many ask, an order is not late because of them."""
    told: list[Any] = []
    tmux.hangs = True
    for number in range(200):
        ask(tmux, f"w{number}", told)
    tmux.post.tell(Typing(Type("l", 1, "%1", b"x", (), if_taken=False), told.append))
    tmux.post.tell(StartWanted(start("x"), told.append))
    before = tmux.time
    while tmux.box.messages:
        for number in range(200):
            ask(tmux, f"w{number}", told)
        tmux.work(1)
    assert len(told) == 2
    assert tmux.time - before <= 4 * tmux.HUNG  # two looks, and the two orders themselves


def test_a_chunk_of_starts_lets_other_orders_have_their_turn(tmux: Tmux) -> None:
    told: list[Any] = []
    for number in range(3 * CHUNK):
        tmux.post.tell(StartWanted(start(f"w{number}"), told.append))
    ask(tmux, "a", told)
    tmux.work()
    assert tmux.calls == ["look", "start", "start", "start"] or tmux.calls == ["start", "look", "start", "start"]


# ── workers that ask while tmux hangs ─────────────────────────────────────────────────────────────────────────────


class Asking:
    """One worker on the simulated clock; it is told what it hears, and asks as its life has it."""

    def __init__(self, tmux: Tmux, number: int, phase: Phase) -> None:
        self.tmux = tmux
        self.asked = 0
        now = tmux.time
        life = Life(id="l", phase=phase, since=Instant(now, now), answered=now - 1, process=Handle(number + 2, 1))
        life = replace(life, ask_at=now) if phase is Phase.UNKNOWN else life
        spec = replace(SPEC, name=f"w{number}")
        state = State.STARTING if phase is Phase.UNKNOWN else State.RUNNING
        self.w = Worker(spec=spec, seed="s", state=state, since=Instant(now, now), life=life, pane=f"%{number}")

    def tell(self, fact: Fact) -> None:
        now = Instant(self.tmux.time, self.tmux.time)
        self.w, effects = step(self.w, fact, now)
        for effect in effects:
            if isinstance(effect, AskPane):
                self.asked += 1
                self.tmux.post.tell(Look(self.w.name, effect.pane, effect.nudge, self.tell))

    def wake(self) -> None:
        at = due(self.w)
        if at is not None and at <= self.tmux.time:
            self.tell(Woken())


@pytest.mark.parametrize("phase", [Phase.ALIVE, Phase.UNKNOWN])
def test_200_workers_that_ask_for_ten_minutes_while_tmux_hangs_fill_no_queue(tmux: Tmux, phase: Phase) -> None:
    """All have ended unseen, or all their starts are unknown: each asks again and again."""
    tmux.hangs = True
    workers = [Asking(tmux, number, phase) for number in range(200)]
    begun = tmux.time
    for worker in workers:
        worker.tell(ProcessEnded("l") if phase is Phase.ALIVE else Woken())
    while tmux.time < begun + 600:
        for worker in workers:
            worker.wake()
        before = tmux.time
        tmux.work(1)
        if tmux.time == before:
            tmux.time += 0.1
    assert tmux.box.longest == 1
    assert len(tmux.looks) <= 600 / tmux.HUNG
    assert max(worker.asked for worker in workers) <= 150
    assert all(len({question.name for question in look}) == len(look) == 200 for look in tmux.looks[1:])


# ── single orders ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_start_and_each_typing_gets_its_own_answer(tmux: Tmux) -> None:
    told: list[Any] = []
    for name in "aba":
        tmux.post.tell(StartWanted(start(name), told.append))
    tmux.work()
    assert [type(answer) for answer in told] == [Started, Started, StartRefused]
    tmux.post.tell(Typing(Type("a-1", 1, told[0].pane, b"x", (), if_taken=False), told.append))
    tmux.post.tell(Typing(Type("b-1", 2, told[0].pane, b"x", (), if_taken=False), told.append))
    tmux.work()
    assert told[3:] == [Typed("a-1", 1), TypeRefused("b-1", 2, "its pane is dead")]


def test_an_order_that_fails_is_logged_and_the_next_is_carried_out(tmux: Tmux) -> None:
    tmux.hangs = True
    tmux.post.tell(Look("x", "%1", False, lambda fact: None, close=True))
    tmux.post.tell(ArmLog("x", "%1", SPEC))
    tmux.work()
    assert [facts["order"] for _, facts in tmux.journal.lines] == ["close", "arm_log"]
    tmux.hangs = False
    tmux.post.tell(Discarding("a"))
    tmux.work()
    assert tmux.calls[-1] == "discard"
