"""What a file would change, told before and done after: plan and apply, with a service and without."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from kit.support import Site, alive, wait_until

from supervisor.commands.plan import lines


def test_lines_say_what_and_why() -> None:
    told: list[dict[str, Any]] = [
        {"name": "new", "action": "create", "keys": [], "note": ""},
        {"name": "api", "action": "replace", "keys": ["command", "env"], "note": ""},
        {"name": "old", "action": "stop", "keys": [], "note": "it is failed; it is forgotten"},
        {"name": "same", "action": "none", "keys": [], "note": ""},
    ]
    assert lines(told) == [
        "+ create  new",
        "~ replace api  command, env",
        "- stop    old  it is failed; it is forgotten",
        "1 unchanged",
    ]
    assert lines([]) == ["0 unchanged"]


# ── a real service ────────────────────────────────────────────────────────────────────────────────────────────────


def table(name: str, seconds: int = 1000, **more: str) -> str:
    keys = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'[workers.{name}]\ncommand = ["sleep", "{seconds}"]\n{keys}'


def planned(site: Site, check: int) -> dict[str, str]:
    answer = json.loads(site.run("plan", "-o", "json", check=check).stdout)
    return {change["name"]: change["action"] for change in answer["changes"]}


def test_apply_does_what_plan_said_and_touches_nothing_else(site: Site) -> None:
    site.write(table("a") + table("b") + table("c") + table("d"))
    site.up()
    before = {name: w["pid"] for name, w in site.workers().items()}
    assert planned(site, 0) == dict.fromkeys("abcd", "none")
    site.write(table("a", max_restarts="9") + table("b", 2000) + table("d") + table("e"))
    assert planned(site, 10) == {"a": "policy", "b": "replace", "c": "stop", "d": "none", "e": "create"}
    assert {name: w["pid"] for name, w in site.workers().items()} == before
    assert site.status()["supervisor"]["config"]["changed_on_disk"] in (True, False)
    done = site.run("apply", check=0)
    assert "~ replace b  command" in done.stdout
    after = {name: w["pid"] for name, w in site.workers().items()}
    assert (after["a"], after["d"]) == (before["a"], before["d"])
    assert after["b"] != before["b"]
    assert set(after) == {"a", "b", "d", "e"}
    assert not alive(before["c"])
    assert planned(site, 0) == dict.fromkeys("abde", "none")


def test_plan_and_apply_say_the_same_of_a_later_start_of_a_broken_file_and_of_an_emptied_one(site: Site) -> None:
    workers = "".join(table(f"w{n}") for n in range(6))
    site.write(workers)
    site.up()
    pids = {w["pid"] for w in site.workers().values()}

    later = 'health_interval = "900ms"\nlog = { level = "debug" }\nstate_dir = "elsewhere"\n'
    site.write(workers, f'[supervisor]\ncapture_interval = "200ms"\n{later}')
    said = "[supervisor] state_dir, health_interval, log: counts from the next start of the service"
    assert site.run("plan", check=0).stdout == f"6 unchanged\n{said}\n"
    assert json.loads(site.run("plan", "-o", "json", check=0).stdout)["next_start"] == LATER
    assert said in site.run("apply", check=0).stdout
    assert said in site.run("up", check=0).stderr
    os.kill(site.service_pid(), signal.SIGHUP)
    wait_until(lambda: len(site.events("config.applied", next_start=LATER)) == 3)
    site.write(workers)
    assert "[supervisor]" not in site.run("apply", check=0).stdout
    assert json.loads(site.run("plan", "-o", "json", check=0).stdout)["next_start"] == []

    site.config.write_text(site.config.read_text() + "comand = 1\n")
    assert "did you mean" in site.run("plan", check=5).stderr
    assert site.status()["supervisor"]["config"]["error"] is None  # to ask is not to apply
    assert "did you mean" in site.run("apply", check=5).stderr
    wait_until(lambda: "comand" in str(site.status()["supervisor"]["config"]["error"]))

    site.write("")
    assert "apply would refuse this" in site.run("plan", check=10).stderr
    assert "6 of 6" in site.run("apply", check=6).stderr
    assert {w["pid"] for w in site.workers().values()} == pids
    site.run("apply", "--force", check=0)
    assert site.workers() == {}


LATER = ["state_dir", "health_interval", "log"]


@pytest.mark.parametrize(
    ("end", "a", "b"),
    [(Site.kill_service, "adopt", "replace"), (lambda site: site.run("down", check=0), "start", "start")],
    ids=["killed", "down"],
)
def test_without_a_service_plan_says_what_up_would_do(site: Site, end: Callable[[Site], Any], a: str, b: str) -> None:
    done = '[workers.done]\ncommand = "true"\n'
    site.write(table("a") + table("b") + table("s") + done)
    site.up()
    site.run("stop", "s", check=0)
    end(site)
    site.write(table("a") + table("b", 2000) + table("s") + done + table("new", max_restarts="1"))
    assert planned(site, 10) == {"a": a, "b": b, "s": "none", "done": "none", "new": "create"}
    assert "no service is running" in site.run("plan", check=10).stderr
    site.up()
    assert {name: w["state"] for name, w in site.workers().items()} == {
        **dict.fromkeys(("a", "b", "new"), "running"),
        "s": "stopped",
        "done": "completed",
    }


def test_the_first_plan_creates_all(site: Site) -> None:
    site.write(table("a"))
    assert planned(site, 10) == {"a": "create"}
    assert site.run("apply", check=7).stderr


def test_without_a_service_plan_knows_what_is_judged_and_what_was_being_stopped(site: Site) -> None:
    deaf = "command = \"trap '' TERM; while :; do sleep 0.1; done\"\nstop = ['TERM', '6s', 'KILL']\n"
    once = "command = \"trap 'exit 0' USR1; while :; do sleep 0.1; done\"\n"
    site.write(f"[workers.slow]\n{deaf}[workers.job]\n{once}")
    site.up()
    job = site.worker("job")["pid"]
    site.run("stop", "slow", "--no-wait", check=0)
    site.wait_state("slow", "stopping")
    site.kill_service()
    os.kill(job, signal.SIGUSR1)
    wait_until(lambda: not alive(job))
    assert planned(site, 0) == {"slow": "none", "job": "none"}
    site.up()
    site.wait_state("job", "completed")
    site.wait_state("slow", "stopped")
