"""Answers to prompts: 40 recorded ones get the keys of their dialogs, and 40 look-alikes in prose get none.

`pytest tests/fast/rules/test_answers.py -s` prints what each preset made of the 80 screens.
"""

from collections import Counter
from typing import Any

import pytest
from kit.life import Story, at, pane_of, running
from kit.screens import DRAWS, PROMPTS, Recorded, recorded

from actors.values.effects import Emit, Type
from actors.values.rules import Act, Match, On, Rate, Rule, ScreenMatched
from actors.values.typing import Sight
from supervisor.attention.presets import shipped
from supervisor.rules.patterns import patterns_of

ANSWERS = sorted({(preset, answer) for preset, answer, _ in PROMPTS.values()})
RULES = tuple(
    Rule(name=preset, on=On.PROMPT, prompts=(preset,), do=(Act(answer=answer),)) for preset, answer in ANSWERS
)
SHOWN, PROSE = list(recorded("prompts")), list(recorded("prose"))


def sight_of(screen: Recorded, **more: Any) -> Sight:
    """A look at the pane: agents read each key, a printer of prose does not read."""
    canonical = not screen.name.startswith(DRAWS)
    return Sight(**({"rows": screen.rows, "before": screen.at_cursor, "canonical": canonical} | more))


def seen(screen: Recorded, sight: Sight | None = None, *, rules: tuple[Rule, ...] = RULES, **pane: Any) -> Story:
    """Two captures show the screen alike, and nothing is printed meanwhile."""
    s = running(rules=rules)
    s.sight = sight or sight_of(screen)
    s.seen(pane_of(s.life, activity=5, **pane))
    found = patterns_of(rules, shipped()).on_screen(screen.screen.decode())
    s.tell(ScreenMatched(s.life, found))
    s.wait(1.1).seen(pane_of(s.life, activity=5, **pane))
    return s.typed()


def answers(s: Story) -> list[tuple[str, str]]:
    facts = [dict(e.facts) for e in s.all if isinstance(e, Emit) and e.event == "worker.answered"]
    return [(line.get("prompt", ""), line["text"]) for line in facts]


def test_there_are_40_prompts_and_40_look_alikes() -> None:
    assert (len(SHOWN), len(PROSE)) == (40, 40)
    assert {screen.name for screen in SHOWN} == PROMPTS.keys()


@pytest.mark.parametrize("screen", SHOWN, ids=lambda screen: screen.name)
def test_a_recorded_prompt_is_answered_once_with_the_keys_of_its_dialog(screen: Recorded) -> None:
    preset, _, keys = PROMPTS[screen.name]
    s = seen(screen)
    assert [key for order in s.ever(Type) for key in order.keys] == [*keys]
    assert [prompt for prompt, text in answers(s) if text in screen.screen.decode()] == [preset]
    assert s.ever(Type)[0].stands == screen.rows[-15:]
    s.wait(60).seen(pane_of(s.life, activity=5))
    assert len(answers(s.typed())) == 1


@pytest.mark.parametrize("screen", PROSE, ids=lambda screen: screen.name)
def test_prose_that_looks_like_a_prompt_is_not_answered(screen: Recorded) -> None:
    s = seen(screen)
    assert (s.ever(Type), answers(s)) == ([], [])


@pytest.mark.parametrize("screen", SHOWN, ids=lambda screen: screen.name)
def test_a_typing_human_holds_all_back(screen: Recorded) -> None:
    assert seen(screen, attached=True).ever(Type) == []
    now = int(at(1003.0).wall)
    assert seen(screen, sight_of(screen, typing=now, touched=now)).ever(Type) == []  # came after the last sweep


@pytest.mark.parametrize("screen", SHOWN, ids=lambda screen: screen.name)
def test_a_person_who_has_left_does_not_keep_prompts_from_being_answered(screen: Recorded) -> None:
    touched = int(at(1002.0).wall)
    assert len(answers(seen(screen, sight_of(screen, touched=touched)))) == 1


def test_what_each_preset_made_of_the_80_screens() -> None:
    """For `pytest -s`: the table that docs/attention.md has of the presets' own screens, for these."""
    tried: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for screen in (*SHOWN, *PROSE):
        mine = PROMPTS[screen.name][0] if screen.name in PROMPTS else None
        given = [prompt for prompt, _ in answers(seen(screen))]
        for preset, _ in ANSWERS:
            tried[preset] += 1
            right[preset] += (preset in given) == (preset == mine)
            wrong[preset] += (preset in given) != (preset == mine)
    print(f"\n{'preset':20} {'answer':8} {'keys':14} {'own':>4} {'tried':>6} {'right':>6} {'wrong':>6}")
    keys = {preset.name: dict(preset.keys) for preset in shipped()}
    for preset, answer in ANSWERS:
        own = sum(PROMPTS[screen.name][0] == preset for screen in SHOWN)
        pressed = " ".join(keys[preset][answer])
        print(f"{preset:20} {answer:8} {pressed:14} {own:4} {tried[preset]:6} {right[preset]:6} {wrong[preset]:6}")
    given = sum(len(answers(seen(screen))) for screen in SHOWN)
    print(f"{given} answers to {len(SHOWN)} prompts, {sum(len(answers(seen(p))) for p in PROSE)} to {len(PROSE)} texts")
    assert not +wrong


# ── what wins over an answer ──────────────────────────────────────────────────────────────────────────────────────

CLAUDE = next(screen for screen in SHOWN if screen.name == "claude-command")


def claude(text: str = CLAUDE.text, **keys: Any) -> Story:
    rule = Rule(**({"on": On.PROMPT, "prompts": ("claude-question",), "do": (Act(answer="yes"),)} | keys))
    return seen(Recorded("claude-command", text), rules=(rule,))


def test_a_denied_word_anywhere_on_the_screen_prevents_an_answer() -> None:
    """A dialog may be higher than the rows that are looked at, and breaks what is in its box at any place."""
    assert len(answers(claude(unless=("rm -rf",)))) == 1
    high = CLAUDE.text.replace("│   npm install", "│ rm -rf build\n" + "│ x\n" * 20 + "│   npm install")
    assert answers(claude(high, unless=("rm -rf",))) == []
    for broken in ("│ sudo rm │\n│ -rf build │\n", "│ sudo r │\n│ m -rf build │\n"):
        assert answers(claude(broken + CLAUDE.text, unless=(r"rm -rf",))) == []


def test_a_pattern_beside_presets_narrows_them() -> None:
    assert len(answers(claude(match="npm install"))) == 1
    assert answers(claude(match="npm publish")) == []


def test_another_preset_is_not_answered() -> None:
    assert answers(claude(prompts=("codex-question", "yes-no"))) == []


def test_above_its_rate_a_prompt_waits_and_it_never_wedges() -> None:
    rule = Rule(on=On.PROMPT, prompts=("yes-no",), at_most=Rate(5, 60.0), do=(Act(answer="yes"),))
    s = running(rules=(rule,))
    for number in range(50):
        screen = Recorded("read", f"Delete file {number}? [y/N] ")
        s.sight = sight_of(screen)
        s.tell(ScreenMatched(s.life, patterns_of((rule,), shipped()).on_screen(screen.screen.decode())))
        for _ in range(70):
            s.wait(1.1).seen(pane_of(s.life, activity=5))
            s.typed()
            if len(answers(s)) > number:
                break
    times = [text for _, text in answers(s)]
    assert times == [f"Delete file {number}? [y/N]" for number in range(50)]


def test_a_draft_of_a_person_behind_a_pattern_of_ones_own_is_not_extended() -> None:
    """Their own pattern does not say that the prompt ends there; a preset's does, and then no draft is behind it."""
    rule = Rule(on=On.PROMPT, match=r"Go on\?", do=(Act(keys=("y", "Enter")),))
    touched = int(at(1002.0).wall)
    screen = Recorded("read", "Go on? n")
    assert seen(screen, sight_of(screen, touched=touched), rules=(rule,)).ever(Type) == []
    screen = Recorded("read", "Go on? ")
    assert len(answers(seen(screen, sight_of(screen, touched=touched), rules=(rule,)))) == 1


def test_an_answer_to_rows_that_are_others_by_then_is_given_up_and_told() -> None:
    s = seen(CLAUDE, sight_of(CLAUDE, rows=("● All clean.",)))
    assert s.ever(Type) == []
    for _ in range(10):
        s.wait(1.0)
    dropped = [e.facts["reason"] for e in s.all if isinstance(e, Emit) and e.event == "worker.input_dropped"]
    assert dropped == ["a rule meant it for what stood on the screen then"]


def test_rows_that_the_terminal_has_wrapped_are_those_that_stand() -> None:
    long = "Delete " + "x" * 150 + "? [y/N]"
    screen = Recorded("read", long + " ")
    s = seen(screen, sight_of(screen, rows=(long[:100], long[100:]), before=long[100:] + " "))
    assert s.ever(Type)[0].stands == (long[:100], long[100:])
    assert len(answers(s)) == 1


def test_a_question_whose_cursor_is_in_the_next_row_counts_where_the_kernel_sees_a_read() -> None:
    screen = Recorded("read", "Continue? [y/N]\n")
    assert answers(seen(screen)) == []
    assert len(answers(seen(screen, sight_of(screen, reads=True)))) == 1


def test_enter_of_an_answer_is_a_key_of_its_own() -> None:
    """A program that takes what comes in one burst for a paste would keep it."""
    s = seen(next(screen for screen in SHOWN if screen.name == "ssh-host-key"))
    assert [order.keys for order in s.ever(Type)] == [("y", "e", "s"), (), ("Enter",)]


def test_keys_of_a_preset_that_has_no_such_answer_any_more_are_left_out() -> None:
    s = running(rules=(Rule(on=On.PROMPT, prompts=("x",), do=(Act(answer="yes"),)),))
    match = Match("Go?", stands=("Go?",), ends=True, preset="x", answers=(("no", ("n",)),))
    s.sight = Sight(rows=("Go?",), before="Go?")
    s.seen(pane_of(s.life, activity=1))
    s.tell(ScreenMatched(s.life, ((s.w.spec.rules[0], match),))).wait(1.1)
    s.seen(pane_of(s.life, activity=1))
    fired = [e.facts for e in s.all if isinstance(e, Emit) and e.event == "worker.rule"]
    assert [line["left_out"] for line in fired] == [["answer"]]
    assert s.ever(Type) == []
