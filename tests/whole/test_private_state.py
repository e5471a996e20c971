"""The state directory is the service's alone: one that others can write to is refused, and no file in it is open."""

import contextlib
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.support import FAST, Site, wait_until

from supervisor.kernel.unix_socket import listening_pid

OTHER = 1000
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a second user can be taken on by root only")
SLEEPER = "[workers.a]\ncommand = ['sleep', '1000']\n"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat(follow_symlinks=False).st_mode)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(state: Path) -> dict[str, str]:
    """Return the mode of each file and directory at and below this one that others may read or write."""
    found = [path for path in (state, *state.rglob("*")) if not path.is_symlink()]
    return {str(path.relative_to(state)): oct(mode(path)) for path in found if mode(path) & 0o077}


@pytest.mark.usefixtures("no_umask")
def test_a_directory_that_others_can_write_to_is_refused_with_the_mend_and_nothing_in_ours_is_open(site: Site) -> None:
    often = FAST + 'heartbeat_interval = "1s"\nlog.max_size = "10kB"\n'
    printer = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; [ -e stay ] || exit 3; exec sleep 1000"
    site.write(
        SLEEPER + f"[workers.b]\ncommand = '{printer}'\nbackoff = {{ initial = '100ms' }}\nmax_restarts = 2\n", often
    )
    real = site.place / "real"
    (real / "logs").mkdir(parents=True)
    site.state.symlink_to("real")
    for others, shown in ((real, site.state), (real / "logs", site.state / "logs")):
        others.chmod(0o777)
        for verb in ("up", "serve", *(("tmux-server",) if others == real else ())):
            assert f"chmod 700 {shown}" in site.run(verb, check=6).stderr
        others.chmod(0o755)  # they can only read it: it is closed
    assert os.listdir(real) == ["logs"]
    precious = site.place / "precious"
    precious.touch()
    (real / "serve.out").symlink_to(precious)
    assert "is a link" in site.run("up").stderr
    (real / "serve.out").unlink()
    assert precious.read_text() == ""
    site.up(check=1)
    site.wait_state("b", "failed")
    site.run("run", "--name", "c", "--", "sleep", "1000", check=0)
    site.run("stop", "a", check=0)
    wait_until(lambda: (site.state / "deaths.jsonl").exists())
    wait_until(lambda: (site.state / "status.json").exists())
    running = open_to_others(site.state)
    real.chmod(0o777)  # while the service runs
    wait_until(lambda: any("can write" in what for what in site.status()["supervisor"]["degraded"]))
    assert f"chmod 700 {site.state}" in site.run("up", check=6).stderr
    real.chmod(0o700)
    wait_until(lambda: site.status()["supervisor"]["degraded"] == [])
    site.kill_service()
    site.up(check=1)
    site.run("down", check=0)
    assert (running, open_to_others(real), open_to_others(site.place / "xdg")) == ({}, {}, {})


@as_root
def test_a_state_directory_of_another_user_is_refused_with_the_mend(site: Site) -> None:
    site.write(SLEEPER)
    site.state.mkdir(mode=0o700)
    os.chown(site.state, OTHER, OTHER)
    for verb in ("up", "serve"):
        refused = site.run(verb, check=6)
        assert f"belongs to user {OTHER}" in refused.stderr
        assert f"chown -R 0 {site.state}" in refused.stderr
    assert list(site.state.iterdir()) == []


@as_root
def test_a_service_of_another_user_is_not_taken_for_ours(site: Site) -> None:
    """Who can write to a directory could let a service of theirs answer there, and be told what is typed."""
    site.write(SLEEPER)
    site.place.chmod(0o755)
    site.state.mkdir()
    os.chown(site.state, OTHER, OTHER)
    with listening_as_other(site.state / "panevisor.sock"):
        assert f"belongs to user {OTHER}" in site.run("status", check=6).stderr


@contextlib.contextmanager
def listening_as_other(path: Path) -> Iterator[None]:
    """Another user's process listens at the path."""
    pid = os.fork()
    if pid == 0:
        os.setresgid(OTHER, OTHER, OTHER)
        os.setresuid(OTHER, OTHER, OTHER)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()
        while True:
            signal.pause()
    try:
        wait_until(lambda: listening_pid(path) == pid)
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
