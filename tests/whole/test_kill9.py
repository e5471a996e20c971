"""`kill -9` of the service, fifty workers, again and again: nothing lost, nothing doubled, every death told truly.

PANEVISOR_ROUNDS=20 runs twenty rounds.
"""

import os
import signal

import pytest
from kit.support import Site, alive, wait_until

WORKERS = 50
ROUNDS = int(os.environ.get("PANEVISOR_ROUNDS", "2"))
DIES = 'trap "exit 7" USR1; while :; do sleep 0.1; done'


@pytest.mark.long
def test_fifty_workers_survive_the_service_again_and_again(site: Site) -> None:
    sleepers = "".join(f"[workers.w{n}]\ncommand = ['sleep', '10000']\n" for n in range(WORKERS - 2))
    stopped = "[workers.stopped]\ncommand = ['sleep', '10000']\n"
    site.write(f"{sleepers}{stopped}[workers.dies]\ncommand = '{DIES}'\nbackoff = {{ initial = '100ms' }}\n")
    site.up()
    site.run("stop", "stopped", check=0)
    for _ in range(ROUNDS):
        before = site.workers()
        site.kill_service()
        os.kill(before["dies"]["pid"], signal.SIGUSR1)
        wait_until(lambda pid=before["dies"]["pid"]: not alive(pid))
        site.up()
        after = site.workers()
        assert after["stopped"]["state"] == "stopped"
        assert (after["dies"]["state"], after["dies"]["exit_code"]) == ("running", 7)
        same = [name for name in after if name[0] == "w" and after[name]["pid"] == before[name]["pid"]]
        assert len(same) == WORKERS - 2
        truth = site.truth()
        assert "stopped" not in truth
        assert {name: pids for name, pids in truth.items() if name[0] == "w"} == {n: [after[n]["pid"]] for n in same}
    exits = site.events("worker.exited", worker="dies", cause="exit-unwatched")
    assert [line["exit_code"] for line in exits] == [7] * ROUNDS
    assert len(site.events("worker.exited")) == ROUNDS + 1  # and the one that was stopped


def test_an_exit_that_was_logged_before_the_kill_and_not_recorded_is_told_once(site: Site) -> None:
    each = f"command = '{DIES}'\nbackoff = {{ initial = '1h', max = '1h' }}\n"
    becomes = {"never": "failed", "always": "backoff"}
    tables = "".join(f"[workers.{restart}]\n{each}restart = '{restart}'\n" for restart in becomes)
    site.write(f"{tables}[workers.other]\ncommand = ['sleep', '10000']\n")
    site.up()
    for restart, state in becomes.items():
        os.kill(site.worker(restart)["pid"], signal.SIGUSR1)
        site.wait_state(restart, state)
    deaths = site.state / "deaths.jsonl"
    wait_until(lambda: deaths.exists() and deaths.read_text().count("exited") >= 2)
    site.kill_service()
    records = site.state / "records.jsonl"
    lines = records.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not any(f'"{name}"' in line for name in becomes) or '"judged":null' in line]
    assert len(kept) <= len(lines) - 2
    records.write_text("".join(kept))
    site.run("up", "--timeout", "30s")
    for restart in becomes:
        assert len(site.events("worker.exited", worker=restart)) == 1
        assert len(site.run("deaths", restart, check=0).stdout.splitlines()) == 2  # with the line of heads
