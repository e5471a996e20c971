"""What is judged of real log files: each line once, across rotation and services, and bounded in a flood."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.support import wait_until

from actors.values.rules import Act, LinesMatched, LinesSkipped, Match, On, Rule, ScreenMatched
from supervisor.attention.presets import shipped
from supervisor.logs import lives
from supervisor.logs.names import segments_of
from supervisor.rules.judge import Judge
from supervisor.rules.trail import MOST_BEHIND

RULE = Rule(match=r"ready (?P<n>\d+)", do=(Act(order="event"),))


class Bench:
    """Logs of workers that the test writes, and a judge of them; one that was ended may be followed by another."""

    def __init__(self, place: Path) -> None:
        self.logs = place / "logs"
        self.logs.mkdir()
        self.file = place / "judged.json"
        self.told: list[Any] = []
        self.errors: list[BaseException] = []
        self.deaf = False
        self.judge = self.begin()

    def begin(self) -> Judge:
        self.judge = Judge(self.logs, self.file, nofile=1024, presets=shipped(), on_error=self.errors.append)
        return self.judge

    def follow(self, name: str = "api", *rules: Rule, life: str | None = None) -> None:
        def tell(fact: Any) -> None:
            self.told.append(fact)
            if isinstance(fact, LinesMatched) and not self.deaf:
                self.judge.heard(name)

        self.judge.follow(name, rules or (RULE,), life, tell)

    def write(self, text: str | bytes, number: int = 0, *, name: str = "api", arm: str = "L-1") -> None:
        with open(self.logs / f"{name}.{arm}.{number:06}", "ab", buffering=0) as file:
            file.write(text.encode() if isinstance(text, str) else text)

    @property
    def matches(self) -> list[Match]:
        return [match for fact in self.told if isinstance(fact, LinesMatched) for _, match in fact.matches]

    @property
    def numbers(self) -> list[int]:
        return [int(dict(match.groups)["n"]) for match in self.matches]

    def comes(self, *numbers: int) -> None:
        wait_until(lambda: len(self.numbers) >= len(numbers))
        assert self.numbers == [*numbers]

    def settled(self) -> None:
        """Return when the position on disk is at the end of the log."""
        wait_until(lambda: self.file.exists() and self.is_at_end(), what="the position on disk")

    def is_at_end(self) -> bool:
        found = json.loads(self.file.read_bytes())["judged"].get("api")
        last = segments_of(self.logs, "api")[-1]
        return bool(found) and found[1:] == [last.path.name, last.size]

    def kill(self) -> None:
        """End the judge as SIGKILL does: what it would write at its end is not written."""
        self.judge.rest()
        kept = self.file.read_bytes()
        self.judge.close()
        self.file.write_bytes(kept)


@pytest.fixture
def bench(place: Path) -> Iterator[Bench]:
    bench = Bench(place)
    yield bench
    bench.judge.close()
    assert bench.errors == []


def test_each_complete_line_is_judged_once_and_an_unfinished_one_when_it_is_complete(bench: Bench) -> None:
    bench.follow(life="L")
    bench.write("ready 1\nnothing\nrea")
    bench.comes(1)
    bench.write("dy 2\r\n\x1b[32mready\x1b[0m 3\nready 4")
    bench.comes(1, 2, 3)
    bench.write("\n")
    bench.comes(1, 2, 3, 4)
    assert bench.matches[0] == Match("ready 1", (("0", "ready 1"), ("1", "1"), ("n", "1")))


def test_a_new_rule_judges_what_comes_and_a_new_life_is_judged_from_its_beginning(bench: Bench) -> None:
    bench.write("ready 1\n")
    bench.write("ready 1\n", name="web")
    lives.note(bench.logs, "web", "M", segments_of(bench.logs, "web"))
    bench.write("ready 2\n", name="web")
    bench.follow("api")
    bench.follow("web", life="M")
    bench.comes(2)
    bench.write("ready 3\n")
    bench.comes(2, 3)


def test_a_line_across_two_segments_and_what_an_old_pipe_still_writes_are_judged_once(bench: Bench) -> None:
    bench.follow(life="L")
    bench.write("ready 1\nrea", 0)
    bench.write("dy 2\n", 1)
    bench.comes(1, 2)
    bench.write("rea", 2, arm="L-2")
    bench.write("ready 3\n", 1)
    bench.write("dy 4\n", 2, arm="L-2")
    wait_until(lambda: len(bench.numbers) == 4)
    assert sorted(bench.numbers) == [1, 2, 3, 4]


def test_many_segments_that_come_fast_lose_and_repeat_nothing(bench: Bench) -> None:
    bench.follow(life="L")
    for number in range(200):
        bench.write(f"ready {number}\nready ", number) if number == 0 else bench.write(
            f"{number - 1}5\nready {number}\nready ", number
        )
    expected = [0]
    for number in range(1, 200):
        expected += [int(f"{number - 1}5"), number]
    bench.comes(*expected)


def test_the_next_service_goes_on_where_this_one_ended_well(bench: Bench) -> None:
    bench.follow(life="L")
    bench.write("ready 1\nrea")
    bench.comes(1)
    bench.judge.close()
    bench.write("dy 2\n")
    bench.begin()
    bench.follow()
    bench.comes(1, 2)
    assert [match.again for match in bench.matches] == [False, False]


def test_after_a_kill_lines_are_judged_at_least_once_and_those_that_may_be_repeated_say_so(bench: Bench) -> None:
    bench.follow(life="L")
    bench.write("ready 1\n")
    bench.comes(1)
    bench.settled()
    bench.write("ready 2\n")
    bench.kill()
    bench.begin()
    bench.follow()
    wait_until(lambda: 2 in bench.numbers and bench.matches[-1].again)
    bench.write("ready 3\n")
    wait_until(lambda: 3 in bench.numbers)
    assert not bench.matches[-1].again
    assert bench.numbers.count(1) == 1


def test_what_a_worker_has_not_heard_is_not_passed_over(bench: Bench) -> None:
    bench.deaf = True
    bench.follow(life="L")
    bench.write("ready 1\n")
    bench.comes(1)
    bench.write("ready 2\n")
    bench.comes(1, 2)
    bench.judge.close()
    bench.begin()
    bench.follow()
    bench.comes(1, 2, 1, 2)


def test_a_line_is_of_the_life_that_printed_it(bench: Bench) -> None:
    bench.follow(life="L")
    bench.write("ready 1\n")
    bench.comes(1)
    lives.note(bench.logs, "api", "M", segments_of(bench.logs, "api"))
    bench.write("ready 2\n")
    bench.comes(1, 2)
    assert [fact.life for fact in bench.told] == ["L", "M"]


def test_lines_of_two_lives_that_are_read_together_are_told_apart(bench: Bench) -> None:
    bench.write("ready 1\nready 2 then nothing more")
    lives.note(bench.logs, "api", "M", segments_of(bench.logs, "api"))
    bench.write("ready 3\nready 4\n")
    lives.note(bench.logs, "api", "N", segments_of(bench.logs, "api"))
    bench.write("ready 5\n")
    bench.follow(life="L")
    bench.comes(1, 2, 3, 4, 5)
    assert [(fact.life, len(fact.matches)) for fact in bench.told] == [("L", 2), ("M", 2), ("N", 1)]


def test_a_life_that_begins_before_the_judge_has_looked_is_judged_from_its_beginning(bench: Bench) -> None:
    bench.write("ready 1\n")
    busy = threading.Event()
    bench.judge._order(busy.wait)  # the thread is at something else
    bench.follow()
    lives.note(bench.logs, "api", "M", segments_of(bench.logs, "api"))
    bench.follow(life="M")
    bench.write("ready 2\n")
    busy.set()
    bench.comes(2)


def test_a_flood_is_skipped_but_for_its_end_and_told_with_one_event(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Rule(match=r"^(y+$|ready (?P<n>\d+))", do=(Act(order="event"),))
    big = ("x" + "y" * 98 + "\n") * 100_000 + "ready 1\n"
    bench.write(big)
    bench.follow("api", rule, life="L")
    bench.comes(1)
    assert not any(isinstance(fact, LinesSkipped) for fact in bench.told)  # it may not be over
    monkeypatch.setattr("supervisor.rules.judge.CALM", 0.0)
    bench.write("calm\n")
    wait_until(lambda: any(isinstance(fact, LinesSkipped) for fact in bench.told))
    (skipped,) = [fact for fact in bench.told if isinstance(fact, LinesSkipped)]
    assert len(big) - MOST_BEHIND < skipped.bytes < len(big)


def test_matches_of_a_flood_are_counted(bench: Bench) -> None:
    bench.follow(life="L")
    bench.write("ready 1\n" * 5000)
    wait_until(lambda: sum(match.count for match in bench.matches) == 5000)
    assert len(bench.matches) <= 300


def test_a_flood_of_one_worker_does_not_keep_another_waiting(bench: Bench) -> None:
    bench.follow("flood", life="L")
    bench.follow("api", life="L")
    for number in range(8):
        bench.write(("z" * 99 + "\n") * 30_000, number, name="flood")
        bench.write(f"ready {number}\n")
    bench.comes(*range(8))


def test_a_pattern_that_is_slow_elsewhere_costs_nothing(bench: Bench) -> None:
    bench.follow("api", Rule(match=r"^(a+)+$", do=(Act(order="event"),)), RULE, life="L")
    began = time.process_time()
    bench.write("a" * 10_000 + "!\nready 1\n")
    bench.comes(1)
    assert time.process_time() - began < 60  # backtracking would take longer than the universe has


def test_a_pattern_for_the_beginning_of_the_text_means_the_line_s(bench: Bench) -> None:
    bench.follow("api", Rule(match=r"\Aready (?P<n>\d+)\z", do=(Act(order="event"),)), life="L")
    bench.write("x ready 1\nready 2\nready 3 x\n")
    bench.comes(2)


def test_a_screen_is_told_when_it_matches_and_when_it_does_no_more(bench: Bench) -> None:
    rule = Rule(on=On.SCREEN, match=r"Proceed\?", do=(Act(order="event"),))
    bench.follow("api", rule)
    for screen in (b"working\n", b"\x1b[1mProceed?\x1b[0m [y/N]\n\n", b"done\n", b"done!\n"):
        bench.judge.show("api", "L", screen)
    wait_until(lambda: len(bench.told) == 2)
    assert bench.told[0] == ScreenMatched("L", ((rule, Match("Proceed? [y/N]", (("0", "Proceed?"),))),))
    assert bench.told[1] == ScreenMatched("L", ())


def test_a_prompt_is_told_with_its_rows_but_not_where_what_it_must_not_answer_stands_there(bench: Bench) -> None:
    rule = Rule(on=On.PROMPT, match=r"^ *Proceed\?", unless=("rm -rf",), rows=3, do=(Act(keys=("1",)),))
    bench.follow("api", rule)
    prose = b"Proceed? is what it asks\n\n1\n2\n3\n"
    for screen in (prose, b"rm -rf /\n\n1\n2\n3\n Proceed?\n\n", b"ls\nmore\n\n Proceed?  \n\n\n"):
        bench.judge.show("api", "L", screen)
    wait_until(lambda: bench.told)
    (fact,) = bench.told
    ((_, match),) = fact.matches
    assert (match.text, match.stands) == ("Proceed?", ("ls", "more", " Proceed?"))


def test_a_worker_that_is_forgotten_is_judged_no_more_and_leaves_no_position(bench: Bench) -> None:
    bench.follow("api", life="L")
    bench.follow("web", life="L")
    bench.write("ready 1\n")
    bench.comes(1)
    bench.judge.forget("api")
    bench.write("ready 2\n")
    bench.write("ready 3\n", name="web")
    bench.comes(1, 3)
    bench.judge.close()
    assert json.loads(bench.file.read_bytes())["judged"].keys() == {"web"}
