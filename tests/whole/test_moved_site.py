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
from kit.support import DEADLINE, FAST, Site, alive, wait_until

from actors.values.records import Origin
from supervisor.config.astray import was_moved
from supervisor.config.on_disk import digest_on_disk, origin_of
from supervisor.kernel.unix_socket import listening_pid
from supervisor.state.living_sites import LivingSite

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
    argv = [sys.executable, "-m", "supervisor", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, cwd="/", env=site.environment())
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


def test_a_service_whose_state_directory_is_renamed_says_so_once_and_works_on(site: Site) -> None:
    site.write("[workers.a]\ncommand = ['sleep', '1000']\nrestart = 'always'\nbackoff = { initial = '100ms' }\n")
    site.up()
    pid = site.worker("a")["pid"]
    gone = renamed(site)
    site.state = gone
    wait_until(lambda: site.events("service.degraded"))
    picture = command(site, *at(gone), "status", "-o", "json", check=0).stdout
    assert f"{gone}" in picture
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: site.events("worker.ready", worker="a")[1:])
    command(site, *at(gone), "stop", "a", check=0)
    assert '"intent":"stopped"' in (gone / "records.jsonl").read_text()
    site.state = gone.rename(site.place / "state")
    wait_until(lambda: site.events("service.recovered"))
    assert [line["what"] for line in site.events("service.degraded")] == ["state directory"]
    wait_until(lambda: site.status()["supervisor"]["degraded"] == [])


@pytest.mark.parametrize("killed", [False, True])
def test_what_lives_in_a_renamed_state_directory_is_named_not_doubled_and_can_be_ended_there(
    site: Site, killed: bool
) -> None:
    site.write(SLEEPERS)
    site.up()
    pids = site.truth()
    if killed:
        site.kill_service()
    gone = renamed(site)
    told = site.run("status", check=7).stderr
    assert str(gone) in told
    assert "`panevisor up` adopts" not in told
    for verb in ("up", "serve", "plan", "tmux-server"):
        refused = site.run(verb, check=9).stderr
        assert re.search(rf"2 workers \(.*\) live on in {gone}", refused)
    assert site.run("doctor").stdout.count(str(gone)) >= 1
    assert site.truth() == pids
    do(site, proposed(refused, str(site.state)))
    site.up()
    assert site.truth() == pids

    service, tmux = site.service_pid(), site.tmux_pid()
    if killed:
        site.kill_service()
    renamed(site)
    do(site, proposed(site.run("up", check=9).stderr, " down"))
    assert (site.truth(), alive(service), alive(tmux)) == ({}, False, False)
    site.up()
    assert lives_once(site)


def test_up_with_force_goes_on_and_the_first_service_leaves_the_files_of_the_second_alone(site: Site) -> None:
    """A service works on in the directory that it began in, whatever has taken the directory's place."""
    site.write(SLEEPERS)
    site.up()
    gone = renamed(site)
    site.up("--force")
    assert {len(pids) for pids in site.truth().values()} == {2}
    second = site.service_pid()
    command(site, *at(gone), "stop", "a", check=0)
    wait_until(lambda: "stopped" in (gone / "records.jsonl").read_text())
    assert "stopped" not in (site.state / "records.jsonl").read_text()
    command(site, *at(gone), "down", check=0)
    assert (site.service_pid(), alive(second)) == (second, True)
    site.wait_state("a", "running")  # it bears the marks of the other one, which ends what it finds of its own


# ── a project folder ──────────────────────────────────────────────────────────────────────────────────────────────


def move(project: Project, how: str) -> Project:
    """Move the folder; return what is there now."""
    new = Project(project.place.with_name("b"))
    new.place.rmdir()
    if how == "edited":  # an editor puts a new file in the place of the old one
        project.config.with_suffix(".new").write_text(project.config.read_text() + "# edited\n")
        project.config.with_suffix(".new").rename(project.config)
    if how == "to another disk":  # nothing but the content is the same
        shutil.copytree(project.place, new.place)
        shutil.rmtree(project.place)
    else:
        project.place.rename(new.place)
    return new


@pytest.mark.parametrize(("how", "killed"), [("renamed", False), ("edited", True), ("to another disk", True)])
def test_what_lives_from_a_moved_project_folder_is_named_and_can_be_ended(
    project: Project, how: str, killed: bool
) -> None:
    project.up()
    project.found()
    tmux, service = project.tmux_pid(), project.service_pid()
    if killed:
        project.kill_service()
    new = move(project, how)
    told = new.run("status", check=7).stderr
    assert str(project.state) in told
    refused = new.run("up", check=9).stderr
    assert re.search(rf"2 workers \(.*\) live on in {project.state}", refused)
    assert str(project.config) in refused
    assert lives_once(project)
    do(new, proposed(refused, " down"))
    assert (project.truth(), alive(service), alive(tmux)) == ({}, False, False)
    new.up()
    assert lives_once(new.found())


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


def test_a_copy_of_a_project_folder_runs_beside_it(project: Project) -> None:
    project.up()
    copy = Project(project.place.with_name("b"))
    shutil.copytree(project.place, copy.place, dirs_exist_ok=True)
    copy.up()
    assert lives_once(project.found())
    assert lives_once(copy.found())


def test_a_config_that_is_gone_is_said_once_and_named_until_it_is_back(site: Site) -> None:
    site.write(SLEEPERS)
    site.up()
    site.config.rename(site.config.with_suffix(".away"))
    wait_until(lambda: site.status()["supervisor"]["degraded"])
    supervisor = site.status()["supervisor"]
    assert any("config" in what for what in supervisor["degraded"])
    assert str(site.config) in supervisor["config"]["error"]
    site.config.with_suffix(".away").rename(site.config)
    wait_until(lambda: site.events("service.recovered"))
    assert len(site.events("service.degraded")) == 1
    wait_until(lambda: site.status()["supervisor"]["config"]["error"] is None)
    assert lives_once(site)


def test_down_after_the_death_of_the_service_ends_what_it_left(site: Site) -> None:
    site.write(SLEEPERS + "depends_on = ['a']\n")
    site.up()
    tmux = site.tmux_pid()
    site.kill_service()
    site.run("down", check=0)
    assert (site.truth(), alive(tmux)) == ({}, False)
    ended = [line["worker"] for line in site.events("worker.stopped")]
    assert ended == ["b", "a"]


# ── what proves that it is the same file ──────────────────────────────────────────────────────────────────────────


def site_of(then: Origin, digest: str = "then", workers: tuple[str, ...] = ("web",)) -> LivingSite:
    return LivingSite(7, Path("/srv/state"), False, None, workers, frozenset({"12345678"}), then, digest)


@pytest.mark.parametrize(
    ("same", "workers", "moved"),
    [
        ({"file", "folder"}, ("web",), True),
        ({"file", "name"}, ("web",), True),
        ({"folder", "name"}, ("web",), True),
        ({"file", "content"}, ("web",), True),
        ({"name", "content"}, ("web",), True),
        ({"file", "name"}, ("db", "pool-2"), True),
        ({"file"}, ("web",), False),  # the kernel gave the inode of the deleted file to this one
        ({"folder"}, ("web",), False),
        ({"content"}, ("web",), False),
        ({"name"}, ("web",), False),
        ({"file", "folder", "name", "content"}, ("another",), False),
    ],
)
def test_a_file_is_the_moved_one_by_two_signs_and_a_worker_that_lives(
    place: Path, same: set[str], workers: tuple[str, ...], moved: bool
) -> None:
    config = place / "panevisor.toml"
    config.write_text("[workers.web]\ncommand = 'x'\n[workers.pool]\ncommand = 'x'\nreplicas = 3\n")
    now = origin_of(config)
    assert now is not None
    then = Origin(
        config=f"/gone/{config.name if 'name' in same else 'other.toml'}",
        file=now.file if "file" in same else (0, 1),
        folder=now.folder if "folder" in same else (0, 2),
    )
    digest = digest_on_disk(config) if "content" in same else "then"
    assert was_moved(site_of(then, digest, workers), config) is moved
