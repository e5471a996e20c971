"""What a file would change, told before and done after: plan and apply, with a service and without."""

import json
import os
import signal

from kit.support import Site, alive, wait_until


def table(name: str, seconds: int = 1000, **more: str) -> str:
    keys = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'[workers.{name}]\ncommand = ["sleep", "{seconds}"]\n{keys}'


def planned(site: Site, check: int) -> dict[str, str]:
    answer = json.loads(site.run("plan", "-o", "json", check=check).stdout)
    return {change["name"]: change["action"] for change in answer["changes"]}


def pids(site: Site) -> dict[str, int]:
    return {name: worker["pid"] for name, worker in site.workers().items()}


def test_plan_and_apply_say_and_do_the_same_with_a_service(site: Site) -> None:
    """The first file, a changed one, a later start, a broken file, an emptied one."""
    site.write(table("a") + table("b") + table("c") + table("d"))
    assert planned(site, 10) == dict.fromkeys("abcd", "create")
    assert site.run("apply", check=7).stderr
    site.up()
    before = pids(site)
    assert planned(site, 0) == dict.fromkeys("abcd", "none")

    workers = table("a", max_restarts="9") + table("b", 2000) + table("d") + table("e")
    site.write(workers)
    assert planned(site, 10) == {"a": "policy", "b": "replace", "c": "stop", "d": "none", "e": "create"}
    assert pids(site) == before
    assert "~ replace b  command" in site.run("apply", check=0).stdout
    after = pids(site)
    assert (after["a"], after["d"]) == (before["a"], before["d"])
    assert after["b"] != before["b"]
    assert set(after) == {"a", "b", "d", "e"}
    assert not alive(before["c"])
    assert planned(site, 0) == dict.fromkeys("abde", "none")

    later = 'health_interval = "900ms"\nlog = { level = "debug" }\nstate_dir = "elsewhere"\n'
    site.write(workers, f'[supervisor]\ncapture_interval = "200ms"\n{later}')
    said = "[supervisor] state_dir, health_interval, log: counts from the next start of the service"
    assert site.run("plan", check=0).stdout == f"4 unchanged\n{said}\n"
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
    assert "4 of 4" in site.run("apply", check=6).stderr
    assert pids(site) == after
    site.run("apply", "--force", check=0)
    assert site.workers() == {}


LATER = ["state_dir", "health_interval", "log"]


def test_without_a_service_plan_says_what_up_would_do(site: Site) -> None:
    """After a kill and after `down`: what is adopted, replaced, judged, or was being stopped."""
    deaf = "[workers.slow]\ncommand = \"trap '' TERM; while :; do sleep 0.1; done\"\nstop = ['TERM', '6s', 'KILL']\n"
    once = "[workers.job]\ncommand = \"trap 'exit 0' USR1; while :; do sleep 0.1; done\"\n"
    rest = table("s") + '[workers.done]\ncommand = "true"\n' + deaf + once
    site.write(table("a") + table("b") + rest)
    site.up()
    job = site.worker("job")["pid"]
    site.run("stop", "s", check=0)
    site.run("stop", "slow", "--no-wait", check=0)
    site.wait_state("slow", "stopping")
    site.kill_service()
    os.kill(job, signal.SIGUSR1)
    wait_until(lambda: not alive(job))
    site.write(table("a") + table("b", 2000) + rest + table("new", max_restarts="1"))
    left = dict.fromkeys(("s", "done", "slow", "job"), "none")
    assert planned(site, 10) == {"a": "adopt", "b": "replace", "new": "create", **left}
    assert "no service is running" in site.run("plan", check=10).stderr
    site.up()
    site.wait_state("slow", "stopped")
    ended = {"s": "stopped", "slow": "stopped", "done": "completed", "job": "completed"}
    as_planned = {**dict.fromkeys(("a", "b", "new"), "running"), **ended}
    assert {name: w["state"] for name, w in site.workers().items()} == as_planned

    site.run("down", check=0)
    assert planned(site, 10) == {**dict.fromkeys(("a", "b", "new"), "start"), **left}
    site.up()
    assert {name: w["state"] for name, w in site.workers().items()} == as_planned
