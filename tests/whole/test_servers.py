"""More workers than one tmux server holds: they stand in several, and each command finds them."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from kit.support import Site, alive, rows_of, service_inside, sleepers, wait_until
from kit.terminal import Terminal

from actors.servers import PER_SERVER, server_of
from supervisor.kernel.proc_table import environment_of, umask_of
from supervisor.state.place import living_servers

COUNT = PER_SERVER + 12


def workers(count: int) -> str:
    return "".join(f"[workers.w{n}]\ncommand = ['cat']\n" for n in range(count))


@pytest.fixture(scope="module")
def shared(shared_site: Site) -> Site:
    """One service for this module, with two tmux servers."""
    shared_site.write(workers(COUNT))
    shared_site.up()
    return shared_site


def server(worker: dict[str, Any]) -> int:
    return server_of(worker["pane"])


def one_of_each(site: Site) -> list[str]:
    """Return the name of a worker in each server."""
    return list({server(worker): name for name, worker in site.workers().items()}.values())


def pids(site: Site, number: int | None = None) -> dict[str, int]:
    """Return the pids of all workers, or of those in one server."""
    return {name: row["pid"] for name, row in site.workers().items() if number in (None, server(row))}


@pytest.mark.long
def test_each_command_finds_a_worker_in_whichever_server_it_stands(shared: Site) -> None:
    held = Counter(server(worker) for worker in shared.workers().values())
    assert (sorted(held), sum(held.values())) == ([0, 1], COUNT)
    for name in one_of_each(shared):
        shared.run("send", name, f"said to {name}", check=0)
        wait_until(lambda name=name: f"said to {name}" in shared.run("screen", name, check=0).stdout)
        wait_until(lambda name=name: f"said to {name}" in shared.run("logs", name, check=0).stdout)
        environment = shared.environment() | {"TERM": "xterm-256color"}
        with Terminal(shared.argv("attach", name), cwd=shared.place, environment=environment) as terminal:
            terminal.until(f"said to {name}".encode())
            assert terminal.ended(b"\x02d") == 0
    assert len(shared.run("logs", "*", "-n", "1", check=0).stdout.splitlines()) == 2
    assert "ERROR" not in shared.run("doctor").stdout
    assert f"{COUNT} " in shared.run("ps", check=0).stdout


@pytest.mark.long
def test_a_server_that_dies_takes_its_own_workers_which_come_back_and_costs_no_budget(shared: Site) -> None:
    before, taken = pids(shared), pids(shared, 1)
    os.kill(living_servers(shared.state)[1], signal.SIGKILL)
    wait_until(lambda: shared.events("tmux.started"))
    wait_until(lambda: all(row["state"] == "running" for row in shared.workers().values()))
    after = pids(shared)
    assert {name for name in before if before[name] != after[name]} == taken.keys()
    assert [line["workers"] for line in shared.events("tmux.died")] == [len(taken)]
    assert not any(row["restarts"] or row["attempt"] for row in shared.workers().values())


@pytest.mark.long
def test_what_lives_in_any_of_them_is_adopted_and_what_died_with_one_unwatched_starts_again(shared: Site) -> None:
    before = pids(shared)
    shared.kill_service()
    shared.up()
    assert pids(shared) == before
    taken = pids(shared, 1)
    shared.kill_service()
    os.kill(living_servers(shared.state)[1], signal.SIGKILL)
    assert "start" in shared.run("plan").stdout
    shared.up()
    after = pids(shared)
    assert {name for name in before if before[name] != after[name]} == taken.keys()
    assert len(shared.events("tmux.died_unwatched")) == 1
    assert {line["cause"] for line in shared.events("worker.pending", worker=next(iter(taken)))} >= {"tmux-died"}


@pytest.mark.long
def test_a_server_that_cannot_be_had_is_told_and_its_workers_start_in_the_others(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr("actors.servers.PER_SERVER", 2)
    with service_inside(place, sleepers(4), lambda service: all_run(service, 4)) as service:
        first, second = service.machine.servers.processes
        home = service.place.state_dir
        (home / "tmux-1.sock").unlink()
        (home / "tmux-1.sock").mkdir()  # nobody can listen there
        os.kill(second.pid, signal.SIGKILL)
        wait_until(lambda: all_run(service, 4) and {server_of(row.pane) for row in rows_of(service).values()} == {0})
        wait_until(lambda: "service.degraded" in (home / "service.log").read_text())
        (home / "tmux-1.sock").rmdir()
        wait_until(lambda: "service.recovered" in (home / "service.log").read_text())
        assert service.machine.servers.processes[0] == first


def all_run(service: Any, count: int) -> bool:
    rows = rows_of(service).values()
    return len(rows) == count and all(row.state == "running" for row in rows)


@pytest.mark.long
def test_a_file_that_grows_begins_more_of_them_alike_and_down_ends_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write(workers(3))
    site.up()
    before = pids(site)
    site.kill_service()
    monkeypatch.setenv("OF_A_LATER_SHELL", "1")
    site.up()
    assert list(living_servers(site.state)) == [0]
    site.write(workers(COUNT))
    site.run("apply", check=0)
    assert list(living_servers(site.state)) == [0, 1]
    assert {name: pid for name, pid in pids(site).items() if name in before} == before
    first, second = living_servers(site.state).values()
    assert "OF_A_LATER_SHELL" in environment_of(site.service_pid())
    assert (environment_of(second), umask_of(second)) == (environment_of(first), umask_of(first))
    site.run("down", check=0)
    assert (site.truth(), alive(first), alive(second)) == ({}, False, False)
