"""When a person's hands are on: what is typed waits, and a draft is never extended."""

from dataclasses import replace
from typing import Any

import pytest
from kit.life import SLOW, WALL, S, at, corpse_of, running, starting

from actors.life.hands import HANDS, Hold, Left, entered, hold, typed_more
from actors.values.effects import Acknowledge, Emit, Type
from actors.values.facts import NO_SENDER, InputGiven, InputSeen, ProcessEnded, TreeGone, TypeRefused
from actors.values.spec import Restart
from actors.values.typing import Manner, Sight, Why

NOW = at(100.0)
START = int(WALL)  # of the life
LINE = InputGiven(1, b"next", manner=Manner.LINE)
KEYS = InputGiven(1, keys=("Enter",))


def shell(before: str, **seen: Any) -> Sight:
    return Sight(before=before, canonical=False, **seen)


def held(sight: Sight, given: InputGiven = LINE, left: Left = Left()) -> Hold | None:  # noqa: B008
    return hold(given, sight, left, START, NOW)


TOUCHED = {"touched": START + 50}


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (shell("bash-5.2# "), None),
        (shell("bash-5.2# echo rm -rf ./build_of_"), Hold.DRAFT),
        (shell("(venv) me@host:~/a (main) $ "), None),
        (shell("prompt> half a sen"), Hold.DRAFT),
        (shell(">>> print("), Hold.DRAFT),
        (shell("In [3]: x = 1"), Hold.DRAFT),
        (shell("(Pdb) "), None),
        (shell("│ > half        "), Hold.DRAFT),
        (shell("❯ ", alternate=True), None),
        (shell("> Try", alternate=True), Hold.DRAFT),
        (shell("  second line", alternate=True, above=("> first line",)), Hold.DRAFT),
        (shell("# A heading in an editor", alternate=True), None),
        (shell(":"), None),  # a pager
        (Sight(before="Overwrite the database? [y/N] "), None),
        (Sight(before="Loading: 45"), None),  # its own output: nobody has been there
        (Sight(before="Overwrite the database? [y/N] ", **TOUCHED), None),
        (Sight(before="Overwrite the database? [y/N] y", **TOUCHED), Hold.DRAFT),
        (Sight(before="words to cat", **TOUCHED), Hold.DRAFT),
        (Sight(before="", **TOUCHED), None),
        (shell("in the middle of a full screen"), None),
        (shell("in the middle of a full screen", **TOUCHED), Hold.DRAFT),
    ],
)
def test_what_stands_behind_a_prompt_is_a_draft_and_a_prompt_or_output_is_none(
    sight: Sight, expected: Hold | None
) -> None:
    assert held(sight) is expected


def test_a_person_is_typing_for_some_seconds_after_the_last_key() -> None:
    for ago, expected in ((1, Hold.TYPING), (HANDS - 1, Hold.TYPING), (HANDS + 1, None)):
        assert held(shell("$ ", typing=int(NOW.wall - ago), touched=int(NOW.wall - ago))) is expected
    assert held(shell("$ ", typing=None, touched=int(NOW.wall) - 1)) is None  # they have left


def test_keys_and_exact_bytes_wait_only_for_what_a_person_may_have_typed() -> None:
    menu = shell("❯ 1. Yes", alternate=True)
    for given in (KEYS, InputGiven(1, b"\x1b[A")):
        assert held(menu, given) is None
        assert held(replace(menu, **TOUCHED), given) is Hold.DRAFT
        assert held(replace(menu, typing=int(NOW.wall)), given) is Hold.TYPING
    assert held(menu) is Hold.DRAFT


def test_what_was_typed_from_here_may_be_continued_and_is_not_pasted_to() -> None:
    left = typed_more(Left(), InputGiven(1, b"echo half", manner=Manner.TEXT), b"echo half", NOW)
    assert held(shell("$ echo half"), left=left) is None
    assert held(shell("$ echo half and more", **TOUCHED), left=left) is Hold.DRAFT
    assert held(shell("$ echo half"), InputGiven(1, b"x", manner=Manner.PASTE), left) is Hold.OURS


def test_what_was_entered_and_still_stands_there_is_not_extended() -> None:
    left = entered(typed_more(Left(), LINE, b"fix the test", NOW), NOW)
    assert held(shell("> fix the te"), left=left) is Hold.OURS
    assert held(shell("> "), left=left) is None


def test_our_enter_ends_what_a_person_may_have_typed_before_it() -> None:
    asked = Sight(before="more words", touched=START + 50)
    assert held(asked) is Hold.DRAFT
    assert held(asked, left=entered(Left(), NOW)) is None
    assert held(asked, left=typed_more(Left(), InputGiven(1, b"a\n"), b"a\n", NOW)) is None
    assert held(asked, left=typed_more(Left(), KEYS, b"", NOW)) is None


# ── in a worker's life ────────────────────────────────────────────────────────────────────────────────────────────


def seen(given: InputGiven, sight: Sight) -> Any:
    s = running()
    s.sight = sight
    return s.tell(given)


TYPING = Sight(typing=int(at(1000.0).wall))


def test_a_sender_is_told_at_once_that_a_person_is_typing_and_the_next_input_is_not_held_up() -> None:
    s = running()
    s.sight = TYPING
    s.tell(LINE, InputGiven(2, b"b", force=True))
    assert [(told.number, told.problem.why) for told in s.ever(Acknowledge)] == [(1, Why.CONFLICT)]
    assert s.keyed == [(b"b", ())]


def test_what_the_service_types_by_itself_waits_until_the_person_has_gone() -> None:
    s = seen(InputGiven(NO_SENDER, b"continue", manner=Manner.LINE), TYPING)
    assert s.keyed == []
    for _ in range(5):
        s.wait(1.0)
    assert [line.facts["why"] for line in s.ever(Emit) if line.event == "worker.input_held"] == ["typing"]
    s.sight = Sight()
    s.wait(1.0).typed()
    assert s.keyed == [(b"continue", ()), (b"", ("Enter",))]


def test_a_draft_that_nobody_is_known_to_have_typed_gets_some_time_to_go() -> None:
    s = seen(LINE, shell("> something"))
    assert s.ever(Acknowledge) == []
    s.sight = shell("> ")
    s.wait(0.1).typed()
    assert s.keyed[0] == (b"next", ())
    s = seen(LINE, shell("> something"))
    while not s.ever(Acknowledge):
        s.wait(0.1)
    assert s.ever(Acknowledge)[0].problem.why is Why.CONFLICT


def test_an_interrupt_of_a_person_waits_for_nobody() -> None:
    assert seen(InputGiven(1, keys=("C-c",)), TYPING).keyed == [(b"", ("C-c",))]
    assert seen(InputGiven(1, keys=("Up",)), TYPING).keyed == []


def test_a_key_that_a_person_presses_between_the_look_and_the_typing_leads_to_another_look() -> None:
    s = seen(LINE, Sight(touched=7))
    (order,) = s.ever(Type)
    assert order.touched == 7
    s.sight = None
    s.take(*_step(s, order))
    assert s.w.typing.waiting == (LINE,)
    s.tell(InputSeen(s.life, 99, Sight()))  # about nothing that was asked
    assert len(s.keyed) == 1


def _step(s: Any, order: Type) -> Any:
    from actors.life.machine import step
    from actors.values.facts import TypeHeld

    return step(s.w, TypeHeld(order.life, order.piece, moved=True), at(s.now))


# ── while the worker does not run ─────────────────────────────────────────────────────────────────────────────────


def test_input_waits_through_a_back_off_and_is_told_when_nothing_will_run() -> None:
    s = running().exits(1).tell(InputGiven(1, b"a"), InputGiven(2, b"b", until=1010.0))
    assert s.ever(Acknowledge) == []
    s.wait(1.0).begun(pid=200).typed()
    assert [(told.number, told.problem) for told in s.ever(Acknowledge)] == [(1, None), (2, None)]
    s = running(ready=SLOW).exits(1).tell(InputGiven(1, b"a")).wait(1.0).begun(pid=200)
    assert s.ever(Type) == []  # its terminal is not set up yet
    s.wait(SLOW.delay).typed()
    assert s.keyed == [(b"a", ())]
    s = running(restart=Restart.NEVER).exits(1).tell(InputGiven(1, b"a"))
    assert s.ever(Acknowledge)[0].problem.why is Why.NOT_MET


@pytest.mark.parametrize("first", ["the refusal", "the end"])
def test_input_for_a_program_that_ends_meanwhile_waits_for_its_next_life(first: str) -> None:
    s = running().tell(InputGiven(1, b"next"))
    life, refused = s.life, TypeRefused(s.life, s.w.typing.pieces, "its pane is dead")
    s.tell(*((refused, ProcessEnded(life)) if first == "the refusal" else (ProcessEnded(life), refused)))
    s.seen(corpse_of(life, 3)).tell(TreeGone(life))
    assert (s.w.state, s.ever(Acknowledge)) == (S.BACKOFF, [])
    s.wait(1.0).begun(pid=200).typed()
    assert [(told.number, told.problem) for told in s.ever(Acknowledge)] == [(1, None)]


def test_input_that_waits_for_a_start_is_late_at_its_time() -> None:
    s = running().exits(1).tell(InputGiven(1, b"a", until=1000.5)).wait(0.6)
    (told,) = s.ever(Acknowledge)
    assert told.problem.why is Why.LATE


def test_a_prompt_waits_until_its_worker_is_ready_and_a_text_does_not() -> None:
    prompt = InputGiven(1, b"a", manner=Manner.PASTE, until=1002.0)
    s = starting().tell(InputGiven(2, b"password"), prompt).typed()
    assert [order.content for order in s.ever(Type)] == [b"password"]
    s.wait(2.0)
    assert [(told.number, told.problem and told.problem.why) for told in s.ever(Acknowledge)] == [
        (2, None),
        (1, Why.LATE),
    ]
