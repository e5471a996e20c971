"""The keeper of `up`: it starts the service again when it fails, and lives and ends with it."""

import json
import os
import signal
import subprocess

import pytest
from kit.support import DEADLINE, Site, alive, sleepers, wait_until


def new_service(site: Site, before: int) -> int:
    """Return the pid of the service that answers after this one."""

    def answers() -> int | None:
        done = site.run("status", "-o", "json")
        pid = json.loads(done.stdout)["supervisor"]["pid"] if done.returncode == 0 else before
        return pid if pid != before else None

    wait_until(answers)
    return site.status()["supervisor"]["pid"]


@pytest.mark.long
def test_a_killed_service_comes_back_by_itself_also_from_a_long_pause(site: Site) -> None:
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
    in_a_long_pause(site)
    assert "its keeper" in site.run("doctor").stdout
    site.up()
    assert (site.truth(), site.status()["supervisor"]["kept_by"]) == (before, "keeper")
    in_a_long_pause(site)
    site.run("down", check=0)
    assert keeper is not None
    assert (site.keeper_pid(), alive(keeper), site.truth()) == (None, False, {})
    assert site.run("status").returncode == 7


def in_a_long_pause(site: Site) -> None:
    """Bring the keeper into a pause of 5 s or more, by a service that fails at each start."""
    pauses = lambda: (site.state / "serve.out").read_text().count("again in 5 s")  # noqa: E731
    broken, before = site.state / "logs", pauses()
    broken.rename(site.state / "away")
    broken.write_text("no folder")
    os.kill(site.service_pid(), signal.SIGKILL)
    wait_until(lambda: pauses() > before)
    broken.unlink()
    (site.state / "away").rename(broken)


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


def test_a_service_killed_in_its_start_is_started_again_but_none_that_no_restart_mends(site: Site) -> None:
    """With no worker on record there is nothing to go on with when the file is broken: serve exits with 5."""
    site.write("")
    up = subprocess.Popen(site.argv("up"), env=site.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lock = site.state / "lock"
    wait_until(lambda: lock.exists() and lock.read_text().strip())
    os.kill(site.service_pid(), signal.SIGKILL)
    said = up.communicate(timeout=DEADLINE)
    assert up.returncode == 0, said
    keeper = site.keeper_pid()
    assert keeper
    site.write("[workers.b]\ncomand = 'x'\n")
    os.kill(site.service_pid(), signal.SIGKILL)
    wait_until(lambda: not alive(keeper))
    assert 'unknown key "comand"' in (site.state / "serve.out").read_text()
