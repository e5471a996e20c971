"""Workers that wait for another one's end, on the whole machine."""

import pytest
from kit.support import Site, comes_to, wait_until

from supervisor.wire.client import Client

API = 'command = ["sleep", "1000"]\n'
MIGRATION = "[workers.migrate]\ncommand = 'test -e mended'\nrestart = 'never'\n"


def api(on: str) -> str:
    return f"[workers.api]\n{API}depends_on = {{ migrate = '{on}' }}\n"


def states(site: Site) -> dict[str, str]:
    return {name: worker["state"] for name, worker in site.workers().items()}


def test_a_migration_has_completed_before_the_api_starts(site: Site) -> None:
    gate = site.place / "go"
    site.write(f"{api('completed')}[workers.migrate]\ncommand = 'until test -e {gate}; do sleep 0.02; done'\n")
    site.run("up", "--timeout", "1s", check=8)
    comes_to(lambda: states(site), {"api": "pending", "migrate": "running"})
    assert site.worker("api")["reason"] == "waiting for migrate to be completed"
    gate.touch()
    site.wait_state("api", "running")
    ended, started = site.events("worker.exited", worker="migrate"), site.events("worker.starting", worker="api")
    assert (ended[0]["to"], len(ended), len(started)) == ("completed", 1, 1)
    assert started[0]["seq"] > ended[0]["seq"]


def test_a_failed_migration_holds_the_api_until_it_is_started_in_a_mended_world(site: Site) -> None:
    site.write(api("completed") + MIGRATION)
    done = site.run("up", check=1)
    assert "api: pending: migrate is failed, it has to be completed" in done.stderr
    comes_to(lambda: states(site), {"api": "pending", "migrate": "failed"})
    site.run("start", "migrate", check=1)
    comes_to(lambda: states(site), {"api": "pending", "migrate": "failed"})
    (site.place / "mended").touch()
    site.run("start", "migrate", check=0)
    site.wait_state("api", "running")
    site.up()
    comes_to(lambda: states(site), {"api": "running", "migrate": "completed"})


def test_in_a_chain_of_six_those_above_a_failed_one_say_so_at_once_and_go_on_when_it_recovers(site: Site) -> None:
    workers = [f"[workers.w{n}]\n{API}" + (f"depends_on = ['w{n - 1}']\n" if n else "") for n in range(6)]
    workers[2] = "[workers.w2]\ncommand = 'test -e mended && exec sleep 1000'\nrestart = 'never'\ndepends_on = ['w1']\n"
    workers[2] += "ready = { delay = '300ms' }\n"
    site.write("".join(reversed(workers)))
    done = site.run("up", "--timeout", "100s", check=1)
    assert "w5: pending: w4 is pending: w2 is failed, it has to be ready" in done.stderr
    before = {name: worker["pid"] for name, worker in site.workers().items()}
    assert [name for name, pid in before.items() if pid] == ["w1", "w0"]
    site.kill_service()
    done = site.run("up", "--timeout", "100s", check=1)
    assert "w3: pending: w2 is failed, it has to be ready" in done.stderr
    assert {name: worker["pid"] for name, worker in site.workers().items()} == before
    (site.place / "mended").touch()
    site.run("start", "w2", check=0)
    site.wait_state("w5", "running")
    assert set(states(site).values()) == {"running"}
    assert {name: site.worker(name)["pid"] for name in ("w0", "w1")} == {"w0": before["w0"], "w1": before["w1"]}


def test_a_failed_worker_has_exited(site: Site) -> None:
    site.write(api("exited") + MIGRATION)
    done = site.run("up", check=1)
    assert "has to be" not in done.stderr
    comes_to(lambda: states(site), {"api": "running", "migrate": "failed"})


def test_one_that_cannot_be_started_has_not_exited(site: Site) -> None:
    site.write(f"{api('exited')}[workers.migrate]\ncommand = ['no-such-program']\n")
    site.run("up", check=1)
    assert site.worker("api")["reason"] == "migrate is failed, it has to be exited"


def test_what_a_person_calls_done_has_completed(site: Site) -> None:
    site.write(f"{api('completed')}[workers.migrate]\n{API}")
    site.run("up", "--timeout", "1s", check=8)
    with Client.connect(site.state / "panevisor.sock") as client:
        client.call("complete", names=["migrate"])
    site.wait_state("api", "running")
    assert states(site)["migrate"] == "completed"


@pytest.mark.parametrize("on", ["completed", "exited"])
def test_what_has_ended_stays_so_for_those_who_wait_across_kill_9(site: Site, on: str) -> None:
    site.write(api(on) + MIGRATION)
    site.run("up", check=1)
    before = states(site)
    assert before == {"api": "running" if on == "exited" else "pending", "migrate": "failed"}
    pid = site.worker("api")["pid"]
    site.kill_service()
    done = site.run("up", check=1)
    assert ("migrate is failed, it has to be completed" in done.stderr) is (on == "completed")
    comes_to(lambda: states(site), before)
    assert site.worker("api")["pid"] == pid
    assert len(site.events("worker.starting", worker="migrate")) == 1
    (site.place / "mended").touch()
    site.run("start", "migrate", check=0)
    site.wait_state("api", "running")
    site.kill_service()
    site.up()
    comes_to(lambda: states(site), {"api": "running", "migrate": "completed"})
    assert len(site.events("worker.starting", worker="migrate")) == 2
    assert len(site.events("worker.starting", worker="api")) == 1


def test_a_migration_that_ends_while_no_service_runs_lets_the_api_start(site: Site) -> None:
    gate = site.place / "go"
    site.write(f"{api('completed')}[workers.migrate]\ncommand = 'until test -e {gate}; do sleep 0.02; done'\n")
    site.run("up", "--timeout", "1s", check=8)
    migration = site.truth()["migrate"]
    site.kill_service()
    gate.touch()
    wait_until(lambda: "migrate" not in site.truth(), what=f"the end of {migration}")
    site.up()
    comes_to(lambda: states(site), {"api": "running", "migrate": "completed"})
