"""`why` of a real service: crashes, gates and orders, also those that a killed service has not seen to its end."""

import contextlib
import json
import os

import pytest
from kit.support import Site, sleepers, wait_until

from supervisor.state.deaths import read_deaths

WORKERS = """
[workers.loop]
command = 'exit 3'
max_restarts = 2
backoff = { initial = "200ms", factor = 1, jitter = 0 }
[workers.db]
command = 'exit 3'
restart = "never"
ready = { delay = "5s" }
[workers.app]
command = "sleep 1000"
depends_on = ["db"]
[workers.web]
command = "sleep 1000"
depends_on = ["app"]
[workers.deaf]
command = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done']
"""


@pytest.mark.usefixtures("utc")
def test_what_led_to_a_state_is_told_to_its_root_and_outlives_the_service(site: Site) -> None:
    site.write(sleepers(2) + WORKERS)
    site.up(check=1)
    site.wait_state("loop", "failed")
    site.wait_state("db", "failed")
    _of_the_crash_loop(site)
    _of_those_that_wait(site)
    site.run("stop", "w0", check=0)
    site.run("stop", "deaf", "--no-wait", check=0)
    wait_until(lambda: site.events("worker.stopping", worker="deaf"))  # a killed service loses what it has not written
    for _ in range(2):
        site.kill_service()
        for pid in site.truth().get("deaf", []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        wait_until(lambda: "deaf" not in site.truth())
        site.up(check=1)
    _of_those_that_were_stopped(site)


def told(site: Site, name: str) -> str:
    return site.run("why", name, check=0).stdout


def _of_the_crash_loop(site: Site) -> None:
    account = told(site, "loop")
    assert account.startswith("loop: failed since ")
    assert account.partition("How it ended last")[0].count("exited with code 3 after") == 3
    assert "(restart 2 of 2, after a pause of 0.2s)" in account
    assert "failed (2 restarts without a healthy life of 1m: budget spent)" in account
    assert f"panevisor -c {site.config} start loop" in account


def _of_those_that_wait(site: Site) -> None:
    account = told(site, "web")
    assert "web: pending since " in account
    assert "app has to be ready: it is pending (db is failed, it has to be ready)" in account
    assert "db has to be ready: it has failed (exited with code 3" in account
    found = json.loads(site.run("why", "app", "-o", "json", check=0).stdout)
    assert found["gate"] == {"hold": "blocked", "reason": "db is failed, it has to be ready"}
    assert found["next"]["what"] == "nothing, until a person does something about db, which has failed"
    assert found["can"][0].endswith(" why db")


def _of_those_that_were_stopped(site: Site) -> None:
    (stopped,) = site.events("worker.stopped", worker="w0", cause="person")
    account = told(site, "w0")
    first = account.splitlines()[0]
    assert first.startswith(f"w0: stopped since {stopped['ts'][11:19]} (")
    assert first.endswith(": by a person")
    assert "a person ordered it to stop" in account
    assert account.count("was stopped when the service started, and stays so") == 1
    assert account.count("the one before ended uncleanly") == 2
    (ready,) = site.events("worker.ready", worker="w1")
    assert told(site, "w1").startswith(f"w1: running since {ready['ts'][11:19]} (")
    wait_until(lambda: [death for death in read_deaths(site.state / "deaths.jsonl") if death.worker == "deaf"])
    account = told(site, "deaf")
    assert "it ended while no service ran: killed by signal 9" in account
    assert account.count("ordered it to stop") == 1
    assert len(site.events("worker.exited", worker="deaf")) == 1  # once for all services
