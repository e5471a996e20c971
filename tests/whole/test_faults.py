"""Faults injected into the whole machine; the truth is what /proc shows."""

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from kit.command import run_here
from kit.support import DEADLINE, FAST, Site, alive, cmdline, comes_to, freeze, wait_until

from supervisor.kernel.unix_socket import connect

SLEEPER = "command = ['sleep', '1000']\n"


def table(name: str, more: str = SLEEPER) -> str:
    return f"[workers.{name}]\n{more}"


def children_of(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children()]


def clients_of_tmux(site: Site) -> list[int]:
    return [pid for pid in children_of(site.service_pid()) if "-C" in cmdline(pid)]


def pids(site: Site) -> dict[str, int]:
    return {name: worker["pid"] for name, worker in site.workers().items()}


def test_what_a_person_or_a_worker_does_with_our_tmux_server_harms_no_other_worker(site: Site) -> None:
    until_told = "trap 'until test -e go; do sleep 0.1; done; exit 0' TERM; while :; do sleep 0.1; done"
    soon = f"{SLEEPER}backoff = {{ initial = '100ms' }}\n"
    site.write(
        table("killed", soon)
        + table("renamed")
        + table("respawned")
        + table("calls", "command = 'tmux kill-server; tmux kill-session; exec sleep 1000'\n")
        + table("closes", "command = 'exec 0<&- 1>&- 2>&-; while :; do sleep 1000; done'\n")
        + table("other")
        + table("slow", f"command = \"{until_told}\"\nstop = ['TERM', '100s', 'KILL']\n")
    )
    site.up()
    before, tmux = pids(site), site.tmux_pid()
    tick = site.status()["supervisor"]["tick"]
    site.tmux("rename-session", "-t", "=renamed", "mine")
    site.tmux("kill-session", "-t", "=killed")
    site.tmux("respawn-pane", "-k", "-t", "=respawned:", "sleep 2000")
    for name in ("killed", "respawned"):
        site.living(name, but=before[name])
        assert not alive(before[name])
    wait_until(lambda: site.status()["supervisor"]["tick"] > tick + 10)
    untouched = {name: before[name] for name in ("renamed", "calls", "closes", "other")}
    assert untouched.items() <= pids(site).items()
    assert len(site.truth()["killed"]) == 1
    assert site.run("screen", "renamed", check=0)

    socket = site.state / "tmux.sock"
    socket.unlink()
    wait_until(socket.exists)
    site.run("restart", "other", check=0)
    assert pids(site)["other"] != before["other"]
    known = pids(site)
    site.kill_keeper()
    freeze(site.service_pid())  # so that the service does not bind it again itself
    socket.unlink()
    site.kill_service()
    site.up()
    assert pids(site) == known
    assert site.tmux_pid() == tmux

    going = subprocess.Popen(site.argv("down"), cwd=site.place, env=site.environment())
    wait_until(lambda: site.events("worker.stopping", worker="slow"))
    socket.unlink()
    for pid in clients_of_tmux(site):
        os.kill(pid, signal.SIGKILL)
    (site.place / "go").touch()
    assert going.wait(DEADLINE) == 0
    assert site.events("worker.exited", worker="slow")[0]["exit_code"] == 0


def test_down_leaves_a_persons_own_windows_and_nothing_that_had_left_every_tree_unseen(site: Site) -> None:
    note = site.place / "pid"
    escape = f'(env -i setsid sh -c "echo \\$\\$ > {note}; exec sleep 1000" &) ; exec sleep 1000'
    site.write(table("a") + table("escapes", f"command = '''{escape}'''\n"))
    site.up()
    wait_until(lambda: note.exists() and note.read_text().strip())
    escaped = int(note.read_text())
    site.tmux("new-session", "-d", "-s", "mine", "sleep 3000")
    site.tmux("split-window", "-t", "=a:", "sleep 4000")
    tmux = site.tmux_pid()
    site.run("restart", "a", check=0)
    assert alive(escaped)
    done = site.run("down", check=0)
    assert not alive(escaped)
    assert "tmux was left" in done.stderr
    assert alive(tmux)
    assert "mine" in site.tmux("list-sessions")
    assert site.events("tmux.kept")


def test_a_file_that_is_missing_emptied_or_in_the_way_ends_and_doubles_nothing(site: Site) -> None:
    site.write("".join(table(f"w{n}") for n in range(5)))
    in_the_way = site.place / "xdg"
    in_the_way.touch()
    site.up()
    wait_until(lambda: site.status()["supervisor"]["degraded"])
    (degraded,) = site.events("service.degraded")
    assert degraded["what"] == "pointer"
    assert str(in_the_way) in degraded["reason"]
    in_the_way.unlink()
    wait_until(lambda: site.events("service.recovered", what="pointer"))
    assert list(in_the_way.rglob("*.json"))

    before = pids(site)
    (site.state / "lock").rename(site.state / "was-lock")
    assert "lock file was deleted" in site.run("serve", check=9).stderr
    (site.state / "was-lock").rename(site.state / "lock")
    site.run("down", "--keep-workers", check=0)
    site.write("")
    assert "--force" in site.run("up", check=6).stderr
    comes_to(lambda: pids(site), before)


def test_beside_a_flood_that_stays_within_its_quota_a_new_life_waits_for_the_port_of_the_old_one(
    site: Site, free_port: int
) -> None:
    serve = f"python3 -m http.server {free_port} --bind 127.0.0.1"
    more = f"command = '{serve} & trap \"\" TERM; wait; wait'\nready = {{ tcp = '127.0.0.1:{free_port}' }}\n"
    more += "backoff = { initial = '50ms' }\nstop = ['TERM', '500ms', 'KILL']\n"
    slow = FAST.replace("200ms", "5s").replace("500ms", "1h")  # between two beats
    site.write(table("flood", "command = 'yes'\nlog = { max_size = '100kB', keep = 3 }\n") + table("a", more), slow)
    site.up()
    os.kill(site.worker("a")["pid"], signal.SIGSEGV)
    wait_until(lambda: site.events("worker.exited", worker="a", exit_signal=11))
    wait_until(lambda: len(site.events("worker.ready", worker="a")) == 2)
    assert "Address already in use" not in site.run("logs", "a").stdout
    assert len(site.truth()["a"]) == 2

    def numbers() -> list[int]:
        return [int(path.suffix[1:]) for path in (site.state / "logs").glob("flood.*-*")]

    wait_until(lambda: len(numbers()) <= 5 and min(numbers(), default=0) > 10)


def test_out_of_descriptors_is_one_incident_that_clients_are_told_of(site: Site) -> None:
    site.write(table("a"))
    site.up()
    service = site.service_pid()
    free = max(int(descriptor) for descriptor in os.listdir(f"/proc/{service}/fd")) + 3
    before = resource.prlimit(service, resource.RLIMIT_NOFILE)
    resource.prlimit(service, resource.RLIMIT_NOFILE, (free, before[1]))
    clients: list[socket.socket] = []

    def refused() -> bool:
        clients.append(connect(site.state / "panevisor.sock", timeout=20))
        status = site.run("status")
        return status.returncode == 1 and "out of file descriptors" in status.stderr

    try:
        wait_until(refused)
        wait_until(lambda: site.events("service.degraded", what="descriptors"))
        degraded = site.events("service.degraded", what="descriptors")
        assert degraded[0]["reason"] == f"its limit of {free:,} open files is reached"
        wait_until(lambda: site.events("adapter.failed"))
    finally:
        for client in clients:
            client.close()
    wait_until(lambda: site.events("service.recovered", what="descriptors"))
    # what else could not be opened heals at a beat; logs of workers are looked after each 30 s
    wait_until(lambda: all(what.startswith("worker logs: ") for what in site.status()["supervisor"]["degraded"]))
    errors = [line["error"] for line in site.events("adapter.failed")]
    assert len(errors) == len(set(errors))


def press(terminal: list[str], *keys: str, until: Callable[[], bool]) -> None:
    """Press the keys as a person does, who presses them again when nothing has come of it.

    A terminal's answer to what tmux asks it when a client begins can come between a prefix and its key.
    """

    def pressed() -> bool:
        subprocess.run([*terminal, "send-keys", *keys], check=True)
        with suppress(AssertionError):
            wait_until(until, 2)
        return until()

    wait_until(pressed, what=f"something to come of {keys}")


def test_someone_who_attached_in_a_small_terminal_leaves_the_size_as_it_was(site: Site) -> None:
    site.write(table("a", "command = 'while :; do sleep 0.2; done'\n"))
    site.up()
    terminal = ["tmux", "-S", str(site.place / "outer.sock")]
    attach = f"exec {' '.join(site.argv('attach', 'a', '--fit'))}"
    subprocess.run(
        [*terminal, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", attach],
        check=True,
        env=site.environment(),
    )
    try:
        size = ("list-panes", "-t", "=a:", "-F", "#{pane_width}x#{pane_height}")
        wait_until(lambda: site.tmux(*size).startswith("80x"), what="a small pane")
        wait_until(lambda: site.worker("a")["hands_on"])
        scrolls = ("display-message", "-p", "-t", "=a:", "#{pane_in_mode}")
        press(terminal, "C-b", "[", until=lambda: site.tmux(*scrolls) == "1\n")
        press(terminal, "q", until=lambda: site.tmux(*scrolls) == "0\n")
        press(terminal, "C-b", "d", until=lambda: site.tmux("list-clients", "-t", "=a") == "")
        wait_until(lambda: site.tmux(*size) == "200x50\n", what="its old size")
        wait_until(lambda: not site.worker("a")["hands_on"])
        site.wait_state("a", "running")
    finally:
        subprocess.run([*terminal, "kill-server"], check=False, capture_output=True)


@contextmanager
def begun_without_tmux(site: Site) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Give a stopped tmux server, and the service that waits for it."""
    tmux = site.tmux_pid()
    site.kill_service()
    known = len(site.events("tmux.unreachable"))
    freeze(tmux)
    serving = subprocess.Popen(site.argv("serve"), cwd=site.place, env=site.environment())
    try:
        wait_until(lambda: len(site.events("tmux.unreachable")) > known)
        yield tmux, serving
    finally:
        if alive(tmux):
            os.kill(tmux, signal.SIGCONT)
        serving.kill()
        serving.wait()


def test_a_service_that_finds_tmux_stopped_says_what_it_waits_for_can_be_ended_and_says_when_it_answers(
    site: Site,
) -> None:
    site.write(table("a"))
    site.up()
    before = pids(site)
    with begun_without_tmux(site) as (_, serving):
        for verb in ("status", "down"):
            assert "the service waits for tmux: " in site.run(verb, check=7).stderr
        assert "down --keep-workers" in site.run("down", check=7).stderr
        site.run("down", "--keep-workers", check=0)
        assert serving.wait(DEADLINE) == 0
    site.up()
    assert pids(site) == before
    with begun_without_tmux(site) as (tmux, _):
        os.kill(tmux, signal.SIGCONT)
        wait_until(lambda: site.events("tmux.answers"))
        site.up()
        assert pids(site) == before
        site.run("down", check=0)


def test_without_tmux_up_and_serve_say_so_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(table("a"))
    monkeypatch.setenv("PATH", str(site.place))
    for verb in ("up", "serve"):
        done = site.run(verb, check=1)
        assert "tmux is not installed: install tmux 3.2 or newer (on Debian: apt install tmux)" in done.stderr
    assert not site.events()


def test_down_ends_though_tmux_dies_with_a_start_unanswered(site: Site) -> None:
    site.write(table("a"))
    site.up()
    service, tmux = site.service_pid(), site.tmux_pid()
    freeze(tmux)
    site.run("run", "--no-wait", "--name", "n", "--", "sleep", "1000", check=0)
    wait_until(lambda: site.events("worker.starting", worker="n"))
    going = subprocess.Popen(site.argv("down"), cwd=site.place, env=site.environment())
    wait_until(lambda: site.events("service.stopping"))
    os.kill(tmux, signal.SIGKILL)
    assert going.wait(DEADLINE) == 0
    assert not alive(service)
    assert site.truth() == {}


def test_one_shots_whose_start_was_under_way_when_the_service_was_killed_run_once(site: Site) -> None:
    jobs = range(40)
    each = "command = 'echo x >> ran-{}; sleep 0.2'\nrestart = 'never'\n"
    site.write("".join(table(f"j{n}", each.format(n)) for n in jobs))
    going = subprocess.Popen(
        site.argv("up"), cwd=site.place, env=site.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(site.events("worker.starting")) > 10)
    site.kill_service()
    going.wait(DEADLINE)
    site.up()
    wait_until(lambda: {w["state"] for w in site.workers().values()} == {"completed"})
    assert {(site.place / f"ran-{n}").read_text() for n in jobs} == {"x\n"}


def test_a_terminal_stopped_by_ctrl_s_stops_neither_supervision_nor_the_end(site: Site) -> None:
    site.write(table("a", f"{SLEEPER}backoff = {{ initial = '100ms' }}\n"))
    screen, terminal = os.openpty()
    os.write(screen, b"\x13")
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    serving = subprocess.Popen(site.argv("serve"), cwd=site.place, env=site.environment(), **streams)
    try:
        os.close(terminal)
        wait_until(lambda: site.events("worker.ready", worker="a"))
        os.kill(site.worker("a")["pid"], signal.SIGKILL)
        wait_until(lambda: len(site.events("worker.ready", worker="a")) == 2)
        serving.terminate()
        assert serving.wait(DEADLINE) == 0
        assert site.events("service.stopped")
    finally:
        os.close(screen)
        serving.kill()
        serving.wait()


@pytest.fixture
def stranger(site: Site) -> Iterator[Callable[[], None]]:
    """Start another tmux server on our socket; it is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        other = site.state / "other.sock"
        argv = ["tmux", "-u", "-f", "/dev/null", "-S", "./other.sock", "-D"]
        started.append(subprocess.Popen(argv, cwd=site.state, stdin=subprocess.DEVNULL))
        wait_until(other.exists)
        other.replace(site.state / "tmux.sock")  # never without a socket: that would be noticed, and mended

    yield start
    for server in started:
        children = children_of(server.pid)
        server.kill()
        server.wait()
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def test_another_tmux_server_on_our_socket_harms_no_worker(site: Site, stranger: Callable[[], None]) -> None:
    site.write(table("a") + table("b"))
    site.up()
    before, tmux = pids(site), site.tmux_pid()

    def named() -> bool:
        """Whether the service says who took the socket; where it was just asking the killed client, it says that."""
        known = len(site.events("tmux.answers"))
        wait_until(lambda: clients_of_tmux(site))
        stranger()
        for pid in clients_of_tmux(site):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(site.events("tmux.answers")) > known)
        return "another tmux server" in site.events("tmux.unreachable")[-1]["reason"]

    wait_until(named)
    assert (pids(site), site.tmux_pid()) == (before, tmux)
    stranger()
    site.kill_service()
    site.up()
    assert (pids(site), site.tmux_pid()) == (before, tmux)
    assert site.events("worker.exited") == []


def test_a_folder_that_is_not_utf8_is_refused_in_words_by_every_command(place: Path) -> None:
    site = Site(place / os.fsdecode(b"caf\xe9"))
    site.place.mkdir()
    site.write(table("a"))
    environment = site.environment() | {"PYTHONIOENCODING": "utf-8:strict"}  # as in most locales, but not in C
    for verb, code in {"check": 5, "serve": 5, "status": 7, "doctor": 1, "init": 0}.items():
        done = subprocess.run(site.argv(verb), cwd=place, env=environment, capture_output=True)
        said = (done.stdout + done.stderr).decode(errors="backslashreplace")
        assert (done.returncode, "Traceback" in said) == (code, False), (verb, said)
    for verb, code in {"up": 5, "plan": 5, "down": 7, "logs a": 4}.items():
        here = run_here(["-c", str(site.config), *verb.split()], place, environment)  # what it says has to be UTF-8
        assert (here.returncode, "Traceback" in here.stdout + here.stderr) == (code, False), (verb, here)


def test_a_service_whose_folder_has_a_name_that_is_not_utf8_by_now_goes_on_from_its_records(site: Site) -> None:
    folder = site.place / "conf"
    folder.mkdir()
    site.config = folder / "panevisor.toml"
    site.write(table("a"), FAST.replace('"state"', f'"{site.state}"'))
    site.up()
    before = pids(site)
    site.kill_service()
    site.config = folder.rename(site.place / os.fsdecode(b"caf\xe9")) / "panevisor.toml"
    with site.serving() as serving:
        assert pids(site) == before
        assert "caf\\xe9/panevisor.toml: its path is not UTF-8" in site.status()["supervisor"]["config"]["error"]
        site.run("down", check=0)
        assert serving.wait(DEADLINE) == 0
