"""The units in config/systemd, and the verb with which the tmux server becomes one."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import ROOT
from kit.support import DEADLINE, Site, cmdline, wait_until

from actors.values.spec import PaneSize
from supervisor.tmux import server as tmux_server
from supervisor.tmux.server import TmuxServer, TmuxServers, unit_of

UNITS = sorted((ROOT / "config/systemd").glob("*.service"))
SLEEPER = 'command = ["sleep", "1000"]\n'


@pytest.fixture
def tmux_unit(site: Site) -> Iterator["subprocess.Popen[bytes]"]:
    """`panevisor tmux-server`, as systemd starts it: with its variables, and as protected as we may."""
    site.write(f"[workers.a]\n{SLEEPER}[workers.escapes]\ncommand = '(setsid sleep 1001 &); sleep 1000'\n")
    environment = site.environment() | {"NOTIFY_SOCKET": "/x", "INVOCATION_ID": "1", "PANEVISOR_WORKER": "x/y/z"}
    protected = ["sh", "-c", 'echo -900 2>/dev/null >/proc/self/oom_score_adj; exec "$@"', "sh"]
    process = subprocess.Popen([*protected, *site.argv("tmux-server")], cwd=site.place, env=environment)
    yield process
    site.clear()
    process.wait(DEADLINE)


def oom_score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_tmux_server_becomes_the_server_that_the_service_finds(
    site: Site, tmux_unit: "subprocess.Popen[bytes]"
) -> None:
    site.run("tmux-server", "--wait", check=0)
    assert site.tmux_pid() == tmux_unit.pid
    assert "already listens" in site.run("tmux-server", check=9).stderr
    site.up()
    assert site.tmux_pid() == tmux_unit.pid
    environ = Path(f"/proc/{tmux_unit.pid}/environ").read_bytes()
    assert not any(name in environ for name in (b"NOTIFY_SOCKET", b"INVOCATION_ID", b"PANEVISOR_WORKER"))
    if oom_score(tmux_unit.pid) == -900:  # where we may lower it: workers of a protected server are not protected
        assert oom_score(site.worker("a")["pid"]) == 0

    def escaped() -> list[int]:
        children = Path(f"/proc/{tmux_unit.pid}/task/{tmux_unit.pid}/children").read_text().split()
        return [int(pid) for pid in children if "1001" in cmdline(int(pid))]

    wait_until(escaped)  # what escapes a worker becomes a child of that server
    site.run("down", check=0)
    assert site.truth() == {}
    assert tmux_unit.wait(DEADLINE) == 0  # a clean exit: Restart=on-failure leaves it alone


def test_a_tmux_server_of_another_unit_is_brought_back_by_that_unit_which_is_not_waited_for_long(
    site: Site, tmux_unit: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmux_server, "unit_of", lambda pid: None if pid == os.getpid() else "panevisor-tmux.service")
    monkeypatch.setattr(tmux_server, "UNIT_TIMEOUT", DEADLINE)
    site.run("tmux-server", "--wait", check=0)
    server = TmuxServer(site.state, PaneSize())
    assert server.ensure().pid == tmux_unit.pid
    kill(tmux_unit)
    again = subprocess.Popen(site.argv("tmux-server"), cwd=site.place, env=site.environment())
    assert server.ensure().pid == again.pid
    kill(again)
    monkeypatch.setattr(tmux_server, "UNIT_TIMEOUT", 0.1)
    assert server.ensure().pid != again.pid
    server.end()


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(DEADLINE)


def test_no_server_is_waited_for_without_end_or_begun_by_a_broken_config(site: Site) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    assert "no tmux server listens" in site.run("tmux-server", "--wait", "--timeout", "100ms", check=8).stderr
    site.write("[workers.a]\ncomand = 1\n")
    assert "comand" in site.run("tmux-server", check=5).stderr


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/panevisor-tmux.service\n", "panevisor-tmux.service"),
        ("9:name=systemd:/user.slice/user@1000.service/app.slice/p.service\n8:pids:/x\n0::/\n", "p.service"),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", None),
        ("0::/\n", None),
    ],
)
def test_a_unit_is_known_by_its_cgroup(place: Path, cgroup: str, unit: str | None) -> None:
    (place / "7").mkdir()
    (place / "7" / "cgroup").write_text(cgroup)
    assert unit_of(7, place) == unit
    assert unit_of(8, place) is None


def test_both_forms_are_there() -> None:
    assert [path.stem for path in UNITS] == ["panevisor-single", "panevisor-tmux", "panevisor"]


@pytest.mark.parametrize("scope", ["--user", "--system"])
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_each_unit_whole(place: Path, scope: str) -> None:
    for path in UNITS:  # an installed panevisor is not what is tested
        text = path.read_text().replace("=panevisor -c", "=/bin/true -c").replace("#User=panevisor", "User=daemon")
        (place / path.name).write_text(text)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(place), "HOME": str(place)}
    files = [str(place / path.name) for path in UNITS]
    done = subprocess.run(
        ["systemd-analyze", scope, "verify", "--man=no", *files], capture_output=True, text=True, env=environment
    )
    said = [line for line in done.stderr.splitlines() if "panevisor" in line]
    assert (done.returncode, said) == (0, [])


def test_a_tmux_server_in_a_unit_of_its_own_stays_the_only_one(
    place: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = request.getfixturevalue("tmux_server")
    monkeypatch.setattr(tmux_server, "unit_of", lambda pid: f"{'tmux' if pid == ours.pid else 'service'}.service")
    servers = TmuxServers(place, PaneSize())
    assert servers.ensure(3) == ((ours.process,), "")
