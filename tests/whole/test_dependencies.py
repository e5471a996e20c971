"""Workers that wait for another one's end, on the whole machine. What meets a condition is a table of the pure core."""

from kit.support import Site, comes_to, wait_until

SLEEPER = 'command = ["sleep", "1000"]\n'


def after(name: str, what: str, condition: str) -> str:
    return f"[workers.{name}]\n{SLEEPER}depends_on = {{ {what} = '{condition}' }}\n"


def states(site: Site) -> dict[str, str]:
    return {name: worker["state"] for name, worker in site.workers().items()}


def test_a_failed_one_shot_holds_its_dependants_across_kill_9_until_it_is_started_in_a_mended_world(site: Site) -> None:
    site.write(
        after("api", "migrate", "completed")
        + after("report", "migrate", "exited")
        + after("never", "absent", "exited")
        + after("client", "job", "completed")
        + "[workers.migrate]\ncommand = 'test -e mended'\nrestart = 'never'\n"
        + "[workers.absent]\ncommand = ['no-such-program']\n"
        + f"[workers.job]\n{SLEEPER}"
        + after("late", "import", "completed")
        + f"[workers.import]\ncommand = 'until test -e {site.place}/imported; do sleep 0.02; done'\n"
    )
    done = site.run("up", "--timeout", "1s")
    assert done.returncode in (1, 8)  # `client` waits for what time mends, by the clock of the one who asks
    held = {"late": "pending", "import": "running", "api": "pending", "report": "running", "never": "pending"}
    held |= {"migrate": "failed", "absent": "failed"}
    comes_to(lambda: states(site), held | {"client": "pending", "job": "running"})
    assert site.worker("api")["reason"] == "migrate is failed, it has to be completed"
    assert site.worker("never")["reason"] == "absent is failed, it has to be exited"
    site.run("complete", "job", check=0)
    site.wait_state("client", "running")
    site.run("start", "migrate", check=1)
    held |= {"client": "running", "job": "completed"}
    comes_to(lambda: states(site), held)

    pid = site.worker("report")["pid"]
    assert site.worker("late")["reason"] == "waiting for import to be completed"
    site.kill_service()
    (site.place / "imported").touch()
    wait_until(lambda: "import" not in site.truth(), what="the end of the import, which no service sees")
    held |= {"late": "running", "import": "completed"}
    done = site.run("up", check=1)
    assert "api: pending: migrate is failed, it has to be completed" in done.stderr
    comes_to(lambda: states(site), held)
    assert site.worker("report")["pid"] == pid
    assert len(site.events("worker.starting", worker="migrate")) == 2

    (site.place / "mended").touch()
    site.run("start", "migrate", check=0)
    site.wait_state("api", "running")
    site.kill_service()
    site.run("up", check=1)
    comes_to(lambda: states(site), held | {"api": "running", "migrate": "completed"})
    starts = {name: len(site.events("worker.starting", worker=name)) for name in ("migrate", "api", "report")}
    assert starts == {"migrate": 3, "api": 1, "report": 1}
