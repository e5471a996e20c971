"""Commands of rules, as real processes: what they get, how they end, and how many there may be."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.support import alive, wait_until

from actors.values.effects import RunCommand
from supervisor.rules.commands import MOST_OF_ONE, Commands


@pytest.fixture
def commands() -> Iterator[Commands]:
    found = Commands(nofile=1024)
    yield found
    found.close()


class Told(list[str | None]):
    """What was told of commands."""

    def first(self) -> str | None:
        wait_until(lambda: self)
        return self[0]


def order(place: Path, *argv: str, name: str = "api", timeout: float = 60.0, **facts: Any) -> RunCommand:
    told = {"worker": name, "rule": "r", "text": "a line", "groups": {"n": "5"}, "again": False} | facts
    return RunCommand(name, "r", argv, str(place), told, timeout)


def test_it_gets_the_facts_as_environment_and_json_in_the_worker_s_folder(place: Path, commands: Commands) -> None:
    told = Told()
    said = 'cat > facts; echo "$PANEVISOR_NAME $PANEVISOR_TEXT $PANEVISOR_GROUP_N ${PANEVISOR_WORKER-unmarked}" > said'
    commands.run(order(place, "sh", "-c", said), told.append)
    assert told.first() is None
    assert (place / "said").read_text() == "api a line 5 unmarked\n"
    assert json.loads((place / "facts").read_text())["groups"] == {"n": "5"}


def test_an_argument_is_never_read_by_a_shell(place: Path, commands: Commands) -> None:
    told = Told()
    commands.run(order(place, "sh", "-c", 'printf %s "$1" > said', "sh", "$(touch pwned); `touch pwned`"), told.append)
    assert told.first() is None
    assert (place / "said").read_text() == "$(touch pwned); `touch pwned`"
    assert not (place / "pwned").exists()


def test_how_it_ended_is_told(place: Path, commands: Commands) -> None:
    ends = {
        ("sh", "-c", "exit 3"): "exited with code 3",
        ("sh", "-c", "kill -SEGV $$"): "killed by signal 11 (SEGV)",
    }
    for argv, said in ends.items():
        told = Told()
        commands.run(order(place, *argv), told.append)
        assert told.first() == said
    for missing in (order(place, "no-such-program"), order(place / "missing", "true")):
        told = Told()
        commands.run(missing, told.append)
        assert str(told.first()).startswith("cannot be started: ")


def test_one_that_takes_too_long_is_killed_with_its_group(place: Path, commands: Commands) -> None:
    told = Told()
    commands.run(order(place, "sh", "-c", "sleep 1000 & echo $! > pid; wait", timeout=0.5), told.append)
    assert told.first() == "has not ended within 0.5s"
    pid = int((place / "pid").read_text())
    wait_until(lambda: not alive(pid))


def test_one_worker_cannot_fill_the_crew_for_others(place: Path, commands: Commands) -> None:
    fifo = place / "go"
    os.mkfifo(fifo)
    told, other = Told(), Told()
    for _ in range(MOST_OF_ONE + 2):
        commands.run(order(place, "sh", "-c", "read x < go"), told.append)
    assert told == [f"not run: {MOST_OF_ONE} commands of its rules run or wait already"] * 2
    commands.run(order(place, "true", name="web"), other.append)
    descriptor = os.open(fifo, os.O_RDWR)
    os.write(descriptor, b"x\n" * MOST_OF_ONE)  # each of those before takes a line
    assert other.first() is None
    os.close(descriptor)


def test_the_end_kills_what_runs_and_begins_nothing(place: Path, commands: Commands) -> None:
    commands.run(order(place, "sh", "-c", "echo $$ > pid; exec sleep 1000"), Told().append)
    pid_file = place / "pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    commands.close()
    wait_until(lambda: not alive(int(pid_file.read_text())))
    late = Told()
    commands.run(order(place, "true"), late.append)
    assert late == []
