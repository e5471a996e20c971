"""Who may say what a worker is at: its own processes, told by the kernel, or its owner by its name."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.gateway_bench import Bench, row
from kit.support import DEADLINE

from actors.values.attention import AttentionSaid, Source, Word
from actors.values.requests import Accepted, Attend
from supervisor.gateway.reports import worker_of
from supervisor.wire.client import ServiceError


@pytest.fixture
def bench(place: Path) -> Iterator[Bench]:
    bench = Bench(place / "s", answer=lambda request, _timeout: Accepted(1, (request.name,)))
    yield bench
    bench.close()


NOBODY = 2**22 + 1  # a pid that no process has


def code_of(bench: Bench, **request: Any) -> str:
    with pytest.raises(ServiceError) as refused:
        bench.client().call("report", **{"word": "waiting", **request})
    return refused.value.code


def test_a_process_of_a_worker_reports_for_it_and_for_no_other(bench: Bench) -> None:
    bench.publish(1, row("own", pid=os.getpid(), life="l-1"), row("other", pid=NOBODY))
    told = bench.client().call("report", word="waiting", text="may I?", ttl=9, cost=0.5, tokens=7)
    assert told == {"name": "own", "life": "l-1"}
    said = AttentionSaid(by=Source.REPORT, word=Word.WAITING, life="l-1", text="may I?", ttl=9.0, cost=0.5, tokens=7)
    assert bench.asked == [Attend("own", said)]
    assert code_of(bench, name="other") == "not-permitted"


def test_the_owner_names_a_running_worker(bench: Bench) -> None:
    bench.publish(1, row("a", pid=NOBODY), row("stopped", "stopped"))
    assert bench.client().call("report", word="idle", name="a")["name"] == "a"
    assert code_of(bench) == "usage"
    assert code_of(bench, name="none") == "unknown-worker"
    assert code_of(bench, name="stopped") == "not-met"
    assert code_of(bench, name="a", life="an-old-one") == "not-met"
    assert code_of(bench, name="a", word="held") == "usage"
    assert code_of(bench, name="a", ttl=-1) == "usage"


def test_the_default_time_is_five_minutes(bench: Bench) -> None:
    bench.publish(1, row("a", pid=NOBODY))
    bench.client().call("report", word="idle", name="a")
    assert bench.asked[0].said.ttl == 300.0


def test_a_process_is_its_workers_by_its_parents_or_by_the_mark_of_the_present_life() -> None:
    rows = {"a": row("a", pid=NOBODY, life="l-1"), "me": row("me", pid=os.getpid())}

    def whose(mark: str, rows: dict[str, Any]) -> str | None:
        argv = [sys.executable, "-c", "print(flush=True); input()"]
        environment = {**os.environ, "PANEVISOR_WORKER": mark}
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout
            process.stdout.readline()
            found = worker_of(process.pid, rows)
            process.communicate(b"\n", timeout=DEADLINE)
            return found

    only_a = {"a": rows["a"]}
    assert whose("12345678/a/l-1", only_a) == "a"
    assert whose("12345678/a/l-0", only_a) is None
    assert whose("nonsense", only_a) is None
    assert whose("12345678/a/l-1", rows) == "me"  # where it descends from outweighs what it says
    assert worker_of(NOBODY, rows) is None
