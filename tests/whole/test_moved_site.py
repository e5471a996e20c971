"""A state directory or a project folder that is renamed under what lives there: it is said, and nothing is doubled."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.command import run_here
from kit.support import FAST, Site, alive, wait_until

from supervisor.kernel.unix_socket import listening_pid

SLEEPERS = "[workers.a]\ncommand = ['sleep', '1000']\n[workers.b]\ncommand = ['sleep', '1000']\n"
WITHOUT_STATE_DIR = FAST.replace('state_dir = "state"\n', "")


class Project(Site):
    """A project folder whose state is in the XDG place, as it is without `state_dir`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(exist_ok=True)

    def environment(self) -> dict[str, str]:
        return super().environment() | {"XDG_STATE_HOME": str(self.place.parent / "xdg")}

    def found(self) -> "Project":
        """Note where its state is."""
        self.state = Path(self.status()["supervisor"]["state_dir"])
        return self


@pytest.fixture
def project(place: Path) -> Iterator[Project]:
    project = Project(place / "a")
    project.write(SLEEPERS, WITHOUT_STATE_DIR)
    yield project
    for name in ("a", "b"):
        if (place / name / "panevisor.toml").exists():
            Project(place / name).run("down")
    for server in (place / "xdg/panevisor").glob("*/tmux.sock"):
        pid = listening_pid(server)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def renamed(site: Site) -> Path:
    """Rename the state directory; return where it is now."""
    gone = site.state.with_name("state.gone")
    site.state.rename(gone)
    return gone


def at(state: Path) -> tuple[str, str]:
    return "--socket", str(state / "panevisor.sock")


def command(site: Site, *arguments: str, check: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command without the `-c` of the site."""
    done = run_here([*arguments], Path("/"), site.environment())
    assert check in (None, done.returncode), (arguments, done.returncode, done.stdout, done.stderr)
    return done


def proposed(said: str, end: str) -> str:
    """Return the command that a refusal proposes, by how it ends."""
    return next(line for line in re.findall(r"`([^`]*)`", said) if line.endswith(end))


def do(site: Site, line: str) -> None:
    """Carry out a proposed command as a shell does."""
    bin = Path(sys.executable).parent
    environment = site.environment() | {"PATH": f"{bin}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", line], check=True, timeout=60, cwd="/", env=environment, capture_output=True)


def lives_once(site: Site, names: str = "ab") -> bool:
    truth = site.truth()
    assert {name: len(pids) for name, pids in truth.items()} == dict.fromkeys(names, 1), truth
    return True


# ── a state directory ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_service_in_a_renamed_state_directory_says_so_once_and_works_on_also_beside_one_that_took_its_place(
    site: Site,
) -> None:
    again = "restart = 'always'\nbackoff = { initial = '100ms' }\n"
    site.write(SLEEPERS.replace("[workers.b]", f"{again}[workers.b]"))
    site.up()
    pid = site.worker("a")["pid"]
    gone = site.state = renamed(site)
    wait_until(lambda: site.events("service.degraded"))
    wait_until(lambda: str(gone) in command(site, *at(gone), "status", "-o", "json", check=0).stdout)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: site.events("worker.ready", worker="a")[1:])
    site.state = gone.rename(site.place / "state")
    wait_until(lambda: site.events("service.recovered"))
    assert [line["what"] for line in site.events("service.degraded")] == ["state directory"]
    wait_until(lambda: site.status()["supervisor"]["degraded"] == [])

    renamed(site)
    site.up("--force")
    assert {len(pids) for pids in site.truth().values()} == {2}
    second = site.service_pid()
    command(site, *at(gone), "stop", "a", check=0)
    assert '"intent":"stopped"' in (gone / "records.jsonl").read_text()
    assert "stopped" not in (site.state / "records.jsonl").read_text()
    command(site, *at(gone), "down", check=0)
    assert (site.service_pid(), alive(second)) == (second, True)
    site.wait_state("a", "running")  # it bears the marks of the other one, which ends what it finds of its own


def test_what_lives_in_a_renamed_state_directory_is_named_not_doubled_and_can_be_ended_there(site: Site) -> None:
    site.write(SLEEPERS)
    site.up()
    pids = site.truth()
    gone = renamed(site)
    told = site.run("status", check=7).stderr
    assert str(gone) in told
    assert "`panevisor up` adopts" not in told
    for verb in ("up", "serve", "plan", "tmux-server"):
        refused = site.run(verb, check=9).stderr
        assert re.search(rf"2 workers \(service pid \d+\) live on in {gone}", refused)
    assert str(gone) in site.run("doctor").stdout
    assert site.truth() == pids
    do(site, proposed(refused, str(site.state)))
    site.up()
    assert site.truth() == pids

    tmux = site.tmux_pid()
    site.kill_service()
    renamed(site)
    assert str(gone) in site.run("status", check=7).stderr
    refused = site.run("up", check=9).stderr
    assert f"2 workers (no service) live on in {gone}" in refused
    do(site, proposed(refused, " down"))
    assert (site.truth(), alive(tmux)) == ({}, False)
    site.up()
    assert lives_once(site)


# ── a project folder ──────────────────────────────────────────────────────────────────────────────────────────────


def beside(project: Project) -> Project:
    return Project(project.place.with_name("b"))


def is_named_and_can_be_ended(project: Project, new: Project) -> None:
    tmux = project.tmux_pid()
    assert str(project.state) in new.run("status", check=7).stderr
    refused = new.run("up", check=9).stderr
    assert re.search(rf"2 workers \(.*\) live on in {project.state}", refused)
    assert str(project.config) in refused
    assert lives_once(project)
    do(new, proposed(refused, " down"))
    assert (project.truth(), alive(tmux)) == ({}, False)
    new.up()
    assert lives_once(new.found())


def test_a_copy_of_a_project_folder_runs_beside_it_and_what_lives_from_a_renamed_one_is_named(project: Project) -> None:
    project.up()
    copy = beside(project)
    shutil.copytree(project.place, copy.place, dirs_exist_ok=True)
    copy.up()
    assert lives_once(project.found())
    assert lives_once(copy.found())
    copy.run("down", check=0)
    shutil.rmtree(copy.place)
    service = project.service_pid()
    project.place.rename(copy.place)
    is_named_and_can_be_ended(project, copy)
    assert not alive(service)


def test_what_a_killed_service_left_is_named_though_nothing_but_the_content_of_its_file_is_the_same(
    project: Project,
) -> None:
    project.up()
    project.found().kill_service()
    new = beside(project)
    shutil.copytree(project.place, new.place, dirs_exist_ok=True)  # as on another disk
    shutil.rmtree(project.place)
    is_named_and_can_be_ended(project, new)


def test_a_moved_folder_with_its_state_in_it_can_be_taken_down_and_up(place: Path) -> None:
    old = Site(place / "a")
    old.place.mkdir()
    old.write(SLEEPERS)
    old.up()
    new = Site(place / "b")
    old.place.rename(new.place)
    try:
        refused = new.run("up", check=9).stderr
        assert str(old.config) in refused
        do(new, proposed(refused, " down"))
        assert old.truth() == {}
        new.up()
        assert lives_once(new)
    finally:
        new.clear()


def test_a_config_that_is_gone_is_said_until_it_is_back_and_down_after_a_kill_ends_what_is_left(
    site: Site,
) -> None:
    site.write(SLEEPERS + "depends_on = ['a']\n")
    site.up()
    away = site.config.with_suffix(".away")
    site.config.rename(away)
    wait_until(lambda: site.status()["supervisor"]["degraded"])
    supervisor = site.status()["supervisor"]
    assert any("config" in what for what in supervisor["degraded"])
    assert str(site.config) in supervisor["config"]["error"]
    away.rename(site.config)
    wait_until(lambda: site.events("service.recovered"))
    assert len(site.events("service.degraded")) == 1
    wait_until(lambda: site.status()["supervisor"]["config"]["error"] is None)
    assert lives_once(site)
    tmux = site.tmux_pid()
    site.kill_service()
    site.run("down", check=0)
    assert (site.truth(), alive(tmux)) == ({}, False)
    assert [line["worker"] for line in site.events("worker.stopped")] == ["b", "a"]
