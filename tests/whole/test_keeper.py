"""The keeper of `up`: it starts the service again when it fails, and lives and ends with it."""

import json
import os
import signal
import subprocess

from kit.support import DEADLINE, Site, alive, sleepers, wait_until


def new_service(site: Site, before: int) -> int:
    """Return the pid of the service that answers after this one."""

    def answers() -> int | None:
        done = site.run("status", "-o", "json")
        pid = json.loads(done.stdout)["supervisor"]["pid"] if done.returncode == 0 else before
        return pid if pid != before else None

    wait_until(answers)
    return site.status()["supervisor"]["pid"]


def test_a_killed_service_comes_back_by_itself_and_its_workers_keep_their_pids(site: Site) -> None:
    site.write(sleepers(3))
    site.up()
    before, keeper = site.truth(), site.keeper_pid()
    for count in (1, 2):
        killed = site.service_pid()
        os.kill(killed, signal.SIGKILL)
        assert new_service(site, killed) == site.service_pid()
        assert site.truth() == before
        (told,) = site.events("service.restarted", restart=count)
        assert (told["exit_signal"], told["keeper"]) == (9, keeper)
    assert site.status()["supervisor"]["kept_by"] == "keeper"
    site.run("down", check=0)
    assert not alive(site.service_pid())
    assert site.keeper_pid() is None
    assert keeper is not None
    assert not alive(keeper)


def test_the_end_of_the_keeper_harms_nothing_and_is_told(site: Site) -> None:
    site.write(sleepers(1))
    site.up()
    service, before = site.service_pid(), site.truth()
    site.kill_keeper()
    wait_until(lambda: site.status()["supervisor"]["kept_by"] is None)
    assert len(site.events("service.keeper_ended")) == 1
    assert (site.service_pid(), site.truth()) == (service, before)
    assert "is not started again when it fails" in site.run("doctor").stdout
    site.run("down", "--keep-workers", check=0)
    site.up()
    assert site.keeper_pid()
    assert "starts it again when it fails" in site.run("doctor").stdout
    assert site.truth() == before


def test_a_service_killed_in_its_start_is_started_again_and_up_is_content(site: Site) -> None:
    site.write(sleepers(1))
    up = subprocess.Popen(site.argv("up"), env=site.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lock = site.state / "lock"
    wait_until(lambda: lock.exists() and lock.read_text().strip())
    os.kill(site.service_pid(), signal.SIGKILL)
    said = up.communicate(timeout=DEADLINE)
    assert up.returncode == 0, said
    assert site.worker("w0")["state"] == "running"


def in_a_long_pause(site: Site) -> tuple[int, str]:
    """Bring the keeper into a pause of 5 s or more, by a service that fails at each start; return how to mend that."""
    broken = site.state / "logs"
    broken.rename(site.state / "away")
    broken.write_text("no folder")
    os.kill(site.service_pid(), signal.SIGKILL)
    output = site.state / "serve.out"
    wait_until(lambda: "again in 5 s" in output.read_text(), what=output.read_text())
    broken.unlink()
    (site.state / "away").rename(broken)


def test_up_and_down_while_the_keeper_pauses(site: Site) -> None:
    site.write(sleepers(2))
    site.up()
    before = site.truth()
    in_a_long_pause(site)
    assert "its keeper" in site.run("doctor").stdout
    site.up()
    assert site.truth() == before
    assert site.status()["supervisor"]["kept_by"] == "keeper"
    in_a_long_pause(site)
    keeper = site.keeper_pid()
    site.run("down", check=0)
    assert keeper
    assert not alive(keeper)
    assert not site.truth()
    assert site.run("status").returncode == 7


def test_a_service_that_no_restart_mends_ends_its_keeper(site: Site) -> None:
    """With no worker on record there is nothing to go on with when the file is broken: serve exits with 5."""
    site.write("")
    site.up()
    keeper = site.keeper_pid()
    site.write("[workers.b]\ncomand = 'x'\n")
    os.kill(site.service_pid(), signal.SIGKILL)
    wait_until(lambda: not alive(keeper))
    assert 'unknown key "comand"' in (site.state / "serve.out").read_text()


FAILS_ONCE = """
import os, sys
if sys.orig_argv[-1:] == ["serve"]:
    from actors.base import SupervisedActor
    handle = SupervisedActor.on_receive
    def fails(actor, message):
        try:
            os.unlink("{place}/fail-" + type(actor).__name__)
        except OSError:
            return handle(actor, message)
        raise RuntimeError("on purpose")
    SupervisedActor.on_receive = fails
"""


def test_an_exception_in_each_singleton_is_healed(site: Site) -> None:
    site.write(sleepers(2))
    (site.place / "sitecustomize.py").write_text(FAILS_ONCE.format(place=site.place))
    own = site.environment()
    site.environment = lambda: own | {"PYTHONPATH": f"{site.place}:{own['PYTHONPATH']}"}  # type: ignore[method-assign]
    site.up()
    before = site.truth()
    for count, actor in enumerate(("SupervisorActor", "TickerActor", "MetricsActor", "TerminalActor"), 1):
        failing = site.service_pid()
        (site.place / f"fail-{actor}").touch()
        if actor == "TerminalActor":  # it gets no message by itself
            site.run("restart", "w0", "--no-wait")
            before.pop("w0", None)
        new_service(site, failing)
        assert len(site.events("service.restarted", restart=count, exit_code=70)) == 1
        assert site.truth().items() >= before.items()
