"""Children with a time limit, as real processes: what they get, how they end, and what is kept of them."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.support import alive, wait_until

from supervisor.children.limited import Children, Ended


@pytest.fixture
def children() -> Iterator[Children]:
    found = Children(nofile=111)
    yield found
    found.close()


def run(children: Children, place: Path, command: str, **how: Any) -> Ended:
    return children.run(command, cwd=str(place), **{"timeout": 60.0, "more": {}, **how})


def test_it_gets_the_environment_and_the_limit_that_a_worker_gets(
    place: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANEVISOR_WORKER", "of-somebody")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        said = 'echo "$(ulimit -Sn) ${PANEVISOR_WORKER-none} ${NOTIFY_SOCKET-none} $MORE"; cat'
        ended = run(children, place, said, more={"MORE": "m\0re"}, given=b"x" * 200_000, output=1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (ended.problem, ended.output) == (None, b"111 none none mre\n" + b"x" * 200_000)


def test_what_it_prints_is_bounded_and_shown_by_no_text(place: Path, children: Children) -> None:
    assert run(children, place, "yes", output=1000).problem == "has printed more than 1,000 bytes"
    ended = run(children, place, "echo canary; exit 3", output=1000)
    assert (ended.problem, ended.output) == ("exited with code 3", b"")
    assert "canary" not in repr(run(children, place, "echo canary", output=1000))


def test_one_that_leaves_something_in_the_background_with_its_output_open_is_not_waited_for(
    place: Path, children: Children
) -> None:
    ended = run(children, place, "sleep 1000 & echo $!; echo done", output=1000)
    pid, said = ended.output.split()
    assert said == b"done"
    wait_until(lambda: not alive(int(pid)))


def test_it_is_killed_when_its_time_is_up(place: Path, children: Children) -> None:
    assert run(children, place, "exec sleep 1000", timeout=0.3).problem == "has not ended within 0.3s"
    printed = run(children, place, "echo; exec sleep 1000", timeout=0.3, output=9)
    assert (printed.problem, printed.output) == ("has not ended within 0.3s", b"")


def test_what_cannot_be_started_is_named(place: Path, children: Children) -> None:
    ended = children.run(("no-such-program",), cwd=str(place), timeout=9.0, more={"PATH": "/bin"})
    assert ended.problem == "cannot be started: program not found: no-such-program (in none of the 1 folders of PATH)"
    ended = run(children, place, "true", more={"TEXT": "canary \ud800"})
    assert ended.problem == "cannot be started: UnicodeEncodeError"
    missing = run(children, place / "missing", "true")
    assert (missing.problem, missing.code) == (f"cannot be started: No such file or directory ({place}/missing)", None)
