"""Stop plans: asking before signalling, what is passed over, and that every plan ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.life import S, Story, at, corpse_of, running

from actors.life import stop_plan
from actors.life.typing_queue import (
    PATIENCE,
    PAUSE,
    PIECE,
    Piece,
    Stage,
    TypingQueue,
    interrupted,
    next_order,
    typed,
)
from actors.values.effects import Acknowledge, Emit, EndTree, Type
from actors.values.facts import (
    NO_SENDER,
    Handle,
    InputGiven,
    Ordered,
    Tree,
    TreeEscaped,
    TreeGone,
    TreeSeen,
    Typed,
    TypeHeld,
    TypeRefused,
    TypeUnknown,
    Verb,
)
from actors.values.spec import SignalTree, StopStep, TypeKeys, TypeText
from actors.values.typing import Manner

POLITE: tuple[StopStep, ...] = (TypeKeys(("C-c",)), 2.0, TypeText("exit"), 5.0, "TERM", 10.0, "KILL")
STEPS = st.lists(
    st.sampled_from(["TERM", "KILL", SignalTree("INT"), TypeKeys(("q",)), TypeText("exit")]) | st.floats(0, 60),
    max_size=8,
).map(tuple)


def asked() -> Story:
    return running(stop=POLITE).order(Verb.STOP)


def typing(s: Story) -> list[tuple[bytes, tuple[str, ...]]]:
    return s.keyed


# ── the plan alone ────────────────────────────────────────────────────────────────────────────────────────────────


@given(STEPS)
def test_every_plan_comes_to_an_end_and_ends_with_a_signal(steps: tuple[StopStep, ...]) -> None:
    for _ in range(10):
        step = stop_plan.next_step(steps)
        if step.wait is None:
            break
        steps = step.rest
    assert step.wait is None


def test_what_remains_from_the_first_signal_on_asks_nobody_first() -> None:
    assert stop_plan.from_first_signal(POLITE) == ("TERM", 10.0, "KILL")
    assert stop_plan.from_first_signal(("KILL",)) == ("KILL",)
    assert stop_plan.from_first_signal((TypeText("exit"), 1.0)) == ("KILL",)
    assert stop_plan.longest(POLITE) == 17.0


def test_a_signal_goes_to_the_main_process_unless_it_kills_or_is_for_the_tree() -> None:
    s = running(stop=("TERM", 1.0, SignalTree("INT"), 1.0, "KILL")).order(Verb.STOP).wait(1.0).wait(1.0)
    sent = [(order.signal, order.whole) for order in s.ever(EndTree)]
    assert sent == [("TERM", False), ("INT", True), ("KILL", True)]
    assert stop_plan.in_words(SignalTree("INT")) == "INT to the whole tree"


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.COMPLETE, Verb.REMOVE])
def test_who_orders_the_same_end_again_is_in_a_hurry_and_gets_the_next_step(verb: Verb) -> None:
    plan = (TypeText("exit"), 5.0, "TERM", 300.0, "KILL")
    s = running(stop=plan).tell(Ordered(verb, 1))
    assert s.signals == []
    assert s.tell(Ordered(verb, 1)).signals == []  # the same order, told again
    assert s.tell(Ordered(verb, 2)).signals == ["TERM"]
    assert s.tell(Ordered(verb, 3)).signals == ["TERM", "KILL"]
    assert [said.facts["step"] for said in s.ever(Emit) if said.event == "worker.hurried"] == ["TERM", "KILL"]
    assert s.tell(Ordered(verb, 4)).signals == ["TERM", "KILL"]


def test_another_order_is_no_hurry() -> None:
    s = running(stop=("TERM", 300.0, "KILL"))
    s.tell(Ordered(Verb.STOP, 1), Ordered(Verb.COMPLETE, 2), Ordered(Verb.DOWN, 3))
    assert s.signals == ["TERM"]


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.RESTART, Verb.COMPLETE, Verb.REMOVE])
def test_any_order_that_is_to_end_it_now_takes_the_next_step_of_one_that_is_stopping(verb: Verb) -> None:
    plan = ("TERM", 300.0, "INT", 300.0, "KILL")
    s = running(stop=plan).tell(Ordered(Verb.STOP, 1, now=True))
    assert s.signals == ["TERM"]  # the first step is due anyway
    assert s.tell(Ordered(verb, 2, now=True)).signals == ["TERM", "INT"]
    assert s.tell(Ordered(verb, 2, now=True)).signals == ["TERM", "INT"]  # the same order, told again


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.RESTART, Verb.COMPLETE, Verb.REMOVE])
def test_a_kill_takes_the_last_step_at_once(verb: Verb) -> None:
    assert running(stop=POLITE).tell(Ordered(verb, 1, kill=True)).signals[-1] == "KILL"
    assert running(stop=POLITE).tell(Ordered(verb, 1), Ordered(verb, 2, kill=True)).signals[-1] == "KILL"


def test_a_step_in_words() -> None:
    assert [stop_plan.in_words(step) for step in POLITE] == [
        "keys C-c",
        "2s",
        "typing 'exit'",
        "5s",
        "TERM",
        "10s",
        "KILL",
    ]


# ── in a worker's life ────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_asked_is_not_signalled_until_the_asking_is_over() -> None:
    s = asked()
    assert (typing(s), s.signals) == ([(b"", ("C-c",))], [])
    s.typed().wait(2.0).typed()
    assert (typing(s), s.signals) == ([(b"", ("C-c",)), (b"exit", ()), (b"", ("Enter",))], [])
    s.wait(5.0)
    assert s.signals == ["TERM"]
    s.wait(10.0)
    assert s.signals == ["TERM", "KILL"]
    assert not s.ever(Acknowledge)


def test_who_goes_when_asked_leaves_the_rest_of_its_tree_to_the_signals_at_once() -> None:
    s = asked()
    child = Handle(101, 101)
    s.now += 0.1
    s.tell(Typed(s.life, s.w.typing.pieces), TreeSeen(s.now, 1, Tree(1, None, (Handle(100, 100), child))))
    life = s.life
    s.seen(corpse_of(life, 0))
    assert s.did(EndTree) == [EndTree(life, Handle(100, 100), (Handle(100, 100), child), "TERM", server=0)]
    assert s.w.state is S.STOPPING
    s.tell(TreeGone(life))
    assert s.w.state is S.STOPPED
    assert "forced" not in s.line.facts


def test_a_refusal_goes_on_to_the_next_step_at_once() -> None:
    s = asked()
    s.tell(TypeRefused(s.life, s.w.typing.pieces, "its pane is dead"))
    assert typing(s)[1:] == [(b"exit", ())]
    s.tell(TypeRefused(s.life, s.w.typing.pieces, "its pane is dead"))
    assert s.signals == ["TERM"]


def test_what_may_have_been_typed_is_waited_for() -> None:
    s = asked()
    s.tell(TypeUnknown(s.life, s.w.typing.pieces))
    assert (len(typing(s)), s.signals) == (1, [])
    s.wait(2.0)
    assert len(typing(s)) == 2


def test_a_program_that_reads_nothing_does_not_hold_the_plan_up() -> None:
    s = running(stop=(TypeText("exit"), 60.0, "TERM", 10.0, "KILL")).order(Verb.STOP)
    s.tell(TypeHeld(s.life, s.w.typing.pieces)).wait(PATIENCE + PAUSE).tell(TypeHeld(s.life, s.w.typing.pieces))
    assert s.signals == ["TERM"]


def test_what_others_wanted_to_type_is_given_up_for_it_and_told_to_them() -> None:
    s = running(stop=POLITE).tell(InputGiven(1, b"x" * (2 * PIECE)), InputGiven(2, b"y"))
    s.order(Verb.STOP)
    assert [(a.number, a.problem.text) for a in s.did(Acknowledge)] == [
        (1, "api is being ended; it may have been typed in part"),
        (2, "api is being ended; it was not typed"),
    ]
    s.tell(Typed(s.life, s.w.typing.pieces))  # the piece that was under way
    assert typing(s)[-1] == (b"", ("C-c",))
    s.tell(Typed(s.life, s.w.typing.pieces))
    assert not s.w.typing.waiting


def test_asking_after_a_signal_waits_even_where_nobody_listens() -> None:
    s = running(stop=("TERM", 5.0, TypeText("exit"), 10.0, "KILL")).order(Verb.STOP)
    s.seen(corpse_of(s.life, 0)).wait(5.0).wait(9.0)
    assert (s.signals, typing(s)) == (["TERM"], [])
    s.wait(1.1)
    assert s.signals == ["TERM", "KILL"]


def test_what_escapes_is_said_in_one_line_and_that_of_another_life_is_not() -> None:
    s = asked().tell(TreeEscaped("other", (7,)))
    assert not s.last
    s.tell(TreeEscaped(s.life, (7, 8)))
    (line,) = s.did(Emit)
    assert (line.event, line.facts) == ("worker.escaped", {"worker": "api", "life": s.life, "pids": [7, 8]})


# ── in the queue ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_input_whose_last_piece_is_under_way_is_still_acknowledged() -> None:
    given = InputGiven(1, b"short", force=True), InputGiven(2, b"x")
    queue, _ = next_order(TypingQueue(waiting=given), 0.0)
    queue, dropped = interrupted(queue, InputGiven(NO_SENDER, b"exit", force=True))
    assert dropped == ((2, False),)
    queue, done = typed(queue, at(0.0))
    assert done == 1
    queue, piece = next_order(queue, 0.0)
    assert isinstance(piece, Piece)
    assert piece.content == b"exit"
    assert typed(queue, at(0.0))[1] == NO_SENDER


def test_an_input_whose_enter_is_under_way_is_given_up_and_what_was_asked_comes_after_it() -> None:
    line = InputGiven(1, b"text", manner=Manner.LINE)
    begun = TypingQueue(waiting=(line,), stage=Stage.ENTER, done=4, under_way=0, pieces=7)
    queue, dropped = interrupted(begun, InputGiven(NO_SENDER, b"exit"))
    assert dropped == ((1, True),)
    queue, done = typed(queue, at(0.0))
    assert done == NO_SENDER
    assert [given.content for given in queue.waiting] == [b"exit"]


def test_an_input_between_two_pieces_is_given_up() -> None:
    begun = TypingQueue(waiting=(InputGiven(1, b"x" * 10),), stage=Stage.CONTENT, done=4)
    queue, dropped = interrupted(begun, InputGiven(NO_SENDER, b"exit"))
    assert dropped == ((1, True),)
    assert (queue.done, [given.number for given in queue.waiting]) == (0, [NO_SENDER])


def test_the_answer_about_a_step_under_way_lets_the_next_one_go() -> None:
    s = asked().wait(2.0)  # the next step is due before the first one is answered
    s.tell(Typed(s.life, 2))
    assert [order.piece for order in s.did(Type)] == [4]  # 1 and 3 are looks
