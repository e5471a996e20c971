"""What people read of an event: one line with the time here, its level and a sentence."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from actors.events.examples import EXAMPLES
from actors.events.table import EVENTS, faults_in
from supervisor.explain.events import in_a_line

NOW = 1_795_900_000.0  # 2026-11-28 21:06:40 UTC


@pytest.fixture(autouse=True)
def in_st_johns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def entry(event: str, level: str = "info", ts: str = "2026-11-28T21:06:30.123Z", **facts: Any) -> dict[str, Any]:
    return {"seq": 1, "ts": ts, "event": event, "level": level, "facts": facts}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (entry("worker.ready", worker="web", startup_s=1.23), "17:36:30      web: ready after 1.2s"),
        (
            entry("worker.exited", "error", worker="web", exit_code=3, uptime_s=303.0, to="failed"),
            "17:36:30  !!  web: exited with code 3 after 5m 3s: failed (given up)",
        ),
        (
            entry("service.gap", "warning", "2026-11-27T02:00:00Z", seconds=63),
            "2026-11-26 22:30:00  !   the service stood still for 1m 3s: nothing was watched meanwhile",
        ),
        (
            entry("config.error", "error", error="a.toml:1: x\na.toml:2: \x1by"),
            "17:36:30  !!  the file cannot be applied, and nothing changed:\n    a.toml:1: x\n    a.toml:2: \\x1by",
        ),
        (entry("config.applied", none=3), "17:36:30      the file was applied: no worker changed"),
        (entry("of.another.version", worker="w", a=1), "17:36:30      w: of.another.version worker=w a=1"),
    ],
)
def test_an_event_is_a_line_with_the_time_here(told: dict[str, Any], line: str) -> None:
    assert in_a_line(told, NOW) == line


def test_an_exit_code_has_the_colour_of_what_is_bad() -> None:
    line = in_a_line(entry("worker.exited", worker="web", exit_code=3, uptime_s=2.0), NOW, colour=True)
    assert "\x1b[1mweb: \x1b[0m\x1b[31mexited with code 3\x1b[0m after" in line


def test_a_sentence_that_is_wider_than_the_terminal_goes_on_behind_the_time() -> None:
    first, second = in_a_line(entry("worker.exited", worker="web", exit_code=3, uptime_s=2.0), NOW, cells=44).split(
        "\n"
    )
    assert (first, second) == (
        "17:36:30      web: exited with code 3 after",
        "              2.0s, while it was being ended",
    )


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_each_event_has_a_sentence(name: str) -> None:
    event = EVENTS[name]
    facts = EXAMPLES.get(name) or dict.fromkeys(event.field_names, 7)
    said = event.told(facts, 5)
    assert said
    assert not {"{", "}", "=", "None"} & set(said.split())
    assert "None" not in said
    assert not faults_in(name, {key: value for key, value in facts.items() if key != "worker"})
    assert event.told({}, 5), "a fact may be missing"
