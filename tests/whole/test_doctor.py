"""`panevisor doctor`: what it says of a machine, a place and a tmux server; it changes nothing and never hangs."""

import importlib.metadata
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from kit import ROOT
from kit.support import DEADLINE, FAST, Site, wait_until

from supervisor.command_line import run
from supervisor.doctor import namesake, tmux
from supervisor.doctor import place as files
from supervisor.doctor import service as services
from supervisor.doctor.findings import Finding, Level, as_json, as_table, error, healthy, ok, warning
from supervisor.doctor.machine import Demand, of_clock, of_descriptors, of_processes, of_terminals
from supervisor.kernel.limits import threads_of
from supervisor.state.status import StatusReport
from supervisor.tmux.server import TmuxServer

OK, WARNING, ERROR = Level.OK, Level.WARNING, Level.ERROR
CONFIG = '[supervisor]\nstate_dir = "st"\n[workers.a]\ncommand = "sleep 1000"\n'


@pytest.fixture
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config, in which the command is run; nothing of the person's own is read."""
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg-state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "xdg-config"))
    monkeypatch.chdir(place)
    (place / "panevisor.toml").write_text(CONFIG)
    return place


def report(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, list[dict[str, str]]]:
    """Run doctor in this process; return its findings by check."""
    code = run([*argv, "doctor", "-o", "json"])
    said = json.loads(capsys.readouterr().out)
    assert code == (0 if said["ok"] else 1)
    return by_check(said)


def by_check(said: dict[str, list[dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    checks: dict[str, list[dict[str, str]]] = {}
    for finding in said["findings"]:
        assert set(finding) == {"check", "level", "what", "mend"}
        checks.setdefault(finding["check"], []).append(finding)
    return checks


def levels(found: list[Finding]) -> list[Level]:
    return [finding.level for finding in found]


# ── what is printed ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_is_aligned_and_a_mend_stands_below_its_finding() -> None:
    found = [("tmux", ok("tmux 3.3a")), ("tmux server", warning("an\x1boption", "set it")), ("disk", error("full", ""))]
    assert as_table(found).splitlines() == [
        "ok       tmux         tmux 3.3a",
        r"warning  tmux server  an\x1boption",
        "                          → set it",
        "error    disk         full",
        "",
        "1 error, 1 warning",
    ]
    assert "\x1b[31;1merror  \x1b[0m" in as_table(found, colour=True)


def test_only_an_error_makes_the_machine_unfit() -> None:
    assert healthy([("a", ok("")), ("b", warning("", ""))])
    assert as_json([("a", error("x", "y"))]) == {
        "ok": False,
        "findings": [{"check": "a", "level": "error", "what": "x", "mend": "y"}],
    }


def test_json_stands_alone_on_stdout_and_every_check_speaks(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = report(capsys)
    assert list(checks) == [
        *("python", "package", "clock", "tmux", "tmux server", "limits", "rights", "disk", "config", "service"),
    ]
    assert [f["what"] for f in checks["config"]] == [f"{home}/panevisor.toml: 1 worker"]


def test_the_table_has_no_colour_but_on_a_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "none runs" in out


def test_nothing_is_made_or_started(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{home}/st is made at the first start, in {home}" in [f["what"] for f in report(capsys)["rights"]]
    assert sorted(os.listdir(home)) == ["panevisor.toml"]


def test_a_check_that_the_system_refuses_is_a_finding(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmux.shutil, "which", lambda _name: "/nonexistent/tmux")
    (finding,) = report(capsys)["tmux"]
    assert finding["level"] == "error"
    assert "cannot be checked" in finding["what"]


# ── tmux ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("tmux 3.3a", (3, 3)),
        ("tmux 3.10", (3, 10)),
        ("tmux next-3.7", (3, 7)),
        ("tmux master", (99, 0)),
        ("tmux openbsd-7.5", (99, 0)),
        ("screen", None),
        ("", None),
    ],
)
def test_versions_of_tmux_are_read(said: str, version: tuple[int, int] | None) -> None:
    assert tmux.parsed(said) == version


@pytest.mark.parametrize(
    ("said", "first", "notes"),
    [
        ("tmux 3.1c", ERROR, 0),
        ("tmux 3.2a", OK, 3),
        ("tmux 3.3a", OK, 2),
        ("tmux 3.5", OK, 3),  # one of them: scopes
        ("tmux 3.7", OK, 1),
        ("nonsense", WARNING, 0),
    ],
)
def test_a_version_is_refused_or_comes_with_what_it_lacks(said: str, first: Level, notes: int) -> None:
    found = list(tmux.of_version(said, "/usr/bin/tmux"))
    assert levels(found) == [first] + [OK] * notes


@pytest.mark.parametrize(("script", "said"), [(None, "not installed"), ("echo no locale >&2; exit 1", "no locale")])
def test_a_tmux_that_is_missing_or_does_not_run_is_an_error(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    (home / "bin").mkdir()
    if script:
        (home / "bin/tmux").write_text(f"#!/bin/sh\n{script}\n")
        (home / "bin/tmux").chmod(0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))
    (finding,) = report(capsys)["tmux"]
    assert (finding["level"], said in finding["what"]) == ("error", True)


def examined(server: TmuxServer, place: Path) -> list[Finding]:
    assert server.pid is not None
    return list(tmux._answers(server.pid, place))


def test_our_server_as_it_is_born_has_nothing_to_mend(tmux_server: TmuxServer, place: Path) -> None:
    found = examined(tmux_server, place)
    assert levels(found) == [OK, OK]
    assert "its options and keys are as panevisor sets them" in found[1].what


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("set-option -s exit-empty on", "exit-empty"),
        ("set-option -s set-clipboard external", "set-clipboard"),
        ("set-option -s message-limit 1000", "message-limit"),
        ("set-option -g remain-on-exit failed", "remain-on-exit"),
        ("set-option -g allow-passthrough on", "allow-passthrough"),
        ("set-option -g update-environment 'DISPLAY FOO'", "update-environment"),
        ("bind-key ] paste-buffer", "C-b ]"),
        ("bind-key -r & kill-window", "C-b &"),
    ],
)
def test_a_changed_option_or_key_is_a_warning_whose_mend_works(
    tmux_server: TmuxServer, place: Path, change: str, named: str
) -> None:
    tmux.batch(place, f"{change}\n")
    (changed,) = examined(tmux_server, place)[1:]
    assert (changed.level, named in changed.what) == (WARNING, True)
    subprocess.run(["sh", "-c", changed.mend], check=True, timeout=DEADLINE)
    assert levels(examined(tmux_server, place)) == [OK, OK]


def test_a_stopped_server_is_said_not_to_answer_in_time(
    tmux_server: TmuxServer, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "panevisor.toml").write_text(CONFIG.replace('"st"', '"."'))
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg-state"))
    monkeypatch.setattr(tmux, "TIMEOUT", 0.3)
    assert tmux_server.pid is not None
    os.kill(tmux_server.pid, signal.SIGSTOP)
    try:
        checks = report(capsys, "-c", str(place / "panevisor.toml"))
    finally:
        os.kill(tmux_server.pid, signal.SIGCONT)
    silent, descriptors = checks["tmux server"][:2]
    assert (silent["level"], "does not answer" in silent["what"]) == ("error", True)
    assert f"kill -CONT {tmux_server.pid}" in silent["mend"]
    assert descriptors["level"] == "ok"


def test_a_server_of_another_protocol_is_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmux, "batch", lambda *_, **__: b"")
    assert levels(list(tmux._answers(1, place))) == [ERROR]


def test_panes_are_counted_by_their_terminals(tmux_server: TmuxServer, place: Path) -> None:
    tmux.batch(place, "list-panes\n")  # tmux -D reads its conf, with the idle session in it, at the first client
    assert tmux.panes(tmux_server.pid) == 1
    tmux.batch(place, "new-session -d 'sleep 100'\n")
    assert tmux.panes(tmux_server.pid) == 2
    assert tmux.panes(None) == 0


@pytest.mark.parametrize(("used", "level"), [(40, OK), (950, WARNING), (1000, ERROR), (1100, ERROR)])
def test_descriptors_of_the_server_run_out(used: int, level: Level) -> None:
    assert tmux.of_open_files(7, used, 1024).level is level


def test_the_soft_limit_is_read_from_proc() -> None:
    line = "Max open files            65536                524288               files     \n"
    assert tmux.soft_limit(f"Limit  Soft Limit\n{line}Max locked memory  1 2 bytes\n") == 65536


SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
USER_UNIT = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/panevisor.service\n"
SYSTEM_UNIT = "0::/system.slice/panevisor-tmux.service\n"
HYBRID = "9:name=systemd:/user.slice/user-1000.slice/session-3.scope\n8:pids:/\n0::/\n"


@pytest.mark.parametrize(
    ("text", "lingers", "level"),
    [
        (SESSION, False, WARNING),
        (SESSION, True, WARNING),  # lingering keeps user@.service, not a login's scope
        (HYBRID, True, WARNING),
        (USER_UNIT, False, WARNING),
        (USER_UNIT, True, OK),
        (SYSTEM_UNIT, False, OK),
    ],
)
def test_a_cgroup_that_ends_at_logout_is_a_warning(text: str, lingers: bool, level: Level) -> None:
    found = tmux.of_cgroup(text, tmux.Systemd(runs=True, lingers=lingers), "it lives")
    assert found is not None
    assert found.level is level
    assert ("enable-linger" in found.mend) is (level is WARNING)
    assert tmux.of_cgroup(text, tmux.Systemd(runs=False, lingers=lingers), "it lives") is None


# ── limits, clock ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_room_is_an_error_for_the_workers_of_the_file_and_a_warning_for_max_workers() -> None:
    assert of_descriptors(1024, Demand(sure=5, most=320)).level is OK
    assert of_descriptors(1024, Demand(sure=5, most=321)).level is WARNING
    assert of_descriptors(1024, Demand(sure=321, most=321)).level is ERROR
    assert "room for 320 more" in of_descriptors(1024, Demand(0, 0)).what
    assert of_terminals(4096, 4090, Demand(sure=7, most=7)).level is ERROR
    assert of_processes("", 19, Demand(sure=9, most=10), "").level is WARNING
    assert "room for 0 more" in of_descriptors(10, Demand(0, 0)).what


def test_the_users_threads_are_counted() -> None:
    assert threads_of(os.getuid()) >= len(os.listdir("/proc/self/task"))
    assert threads_of(4_000_000_001) == 0


def test_a_clock_that_went_back_is_a_warning() -> None:
    assert of_clock(1_800_000_000.0, None).level is OK
    assert of_clock(1_800_000_000.0, 1_800_000_030.0).level is OK
    assert of_clock(1_800_000_000.0, 1_800_003_600.0).level is WARNING
    assert of_clock(100.0, None).level is WARNING


# ── rights, disk ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("mode", "level"), [(0o700, OK), (0o755, WARNING), (0o750, WARNING), (0o770, ERROR)])
def test_a_state_directory_open_to_others_is_told(place: Path, mode: int, level: Level) -> None:
    place.chmod(mode)
    found = files.of_directory(place, place)
    assert found.level is level
    if found.mend:
        subprocess.run(["sh", "-c", found.mend], check=True)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_state_directory_of_another_user_is_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "geteuid", lambda: place.stat().st_uid + 1)
    assert files.of_mode(place, place.stat()).level is ERROR


def test_no_right_to_write_is_an_error_whether_it_is_there_or_not(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    for state_dir in (place, place / "new" / "st"):
        assert files.of_directory(state_dir, place).level is ERROR


def test_a_file_in_the_way_and_a_socket_that_is_none_are_errors(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "st").write_text("")
    assert "is no directory" in report(capsys)["rights"][0]["what"]
    (home / "st").unlink()
    (home / "st").mkdir(mode=0o700)
    (home / "st/panevisor.sock").write_text("")
    assert ("error", True) in [(f["level"], "is no socket" in f["what"]) for f in report(capsys)["rights"]]


def test_a_socket_open_to_others_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "st").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "st/panevisor.sock"))
        (home / "st/panevisor.sock").chmod(0o666)
        mends = [f["mend"] for f in report(capsys)["rights"]]
    assert f"chmod 600 {home}/st/panevisor.sock" in mends


def test_a_network_file_system_is_a_warning() -> None:
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "30 22 0:40 / /home rw shared:1 - nfs4 server:/home rw\n"
        "31 30 0:41 / /home/a\\040b rw - tmpfs tmpfs rw\n"
    )
    assert files.filesystem("/var/lib", mounts) == "ext4"
    assert files.filesystem("/home/x", mounts) == "nfs4"
    assert files.filesystem("/homely", mounts) == "ext4"
    assert files.filesystem("/home/a b/c", mounts) == "tmpfs"


def test_little_room_is_a_warning_and_none_an_error() -> None:
    here = Path("/")
    assert files.of_bytes(here, 2_000_000_000, 10_000_000_000).level is OK
    assert files.of_bytes(here, 999_000_000, 10_000_000_000).level is WARNING
    assert files.of_bytes(here, 4_000_000_000, 100_000_000_000).level is WARNING
    assert files.of_bytes(here, 49_000_000, 100_000_000).level is ERROR
    assert files.of_inodes(here, 9_000, 10_000).level is OK
    assert files.of_inodes(here, 400, 10_000).level is WARNING
    assert files.of_inodes(here, 99, 10_000).level is ERROR


# ── config, service ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_broken_config_is_counted_and_never_quoted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "panevisor.toml").write_text(f'{CONFIG}env = {{ TOKEN = 17 }}\ncomand = "s3cret"\n')
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "s3cret" not in out
    assert f"{home}/panevisor.toml: 2 problems" in out
    assert f"`panevisor check {home}/panevisor.toml`" in out
    (home / "panevisor.toml").unlink()
    assert "panevisor init" in report(capsys, "-c", "panevisor.toml")["config"][0]["mend"]


def test_a_service_is_examined_while_it_runs_and_after_it_was_killed(site: Site) -> None:
    site.write("[workers.a]\ncommand = 'sleep 1000'\n", '[supervisor]\nstate_dir = "state"\n')
    site.up()
    wait_until((site.state / "status.json").exists)
    checks = by_check(json.loads(site.run("doctor", "-o", "json", check=0).stdout))
    assert {f["level"] for check in ("tmux server", "rights", "service") for f in checks[check]} == {"ok"}
    assert checks["tmux server"][0]["what"].startswith(f"pid {site.tmux_pid()}, version ")
    assert checks["service"][0]["what"].startswith(f"runs (pid {site.service_pid()}, version ")
    assert [f["what"] for f in checks["rights"] if "sock is ours alone" in f["what"]][1:]
    pid = site.service_pid()
    site.kill_service()
    said = by_check(json.loads(site.run("doctor", "-o", "json", check=0).stdout))["service"]
    assert (said[0]["level"], f"pid {pid} was killed" in said[0]["what"]) == ("warning", True)


def test_an_old_service_that_runs_after_an_upgrade_is_a_warning() -> None:
    assert services.of_version(services.Running(7, "0.1.0"), "0.1.0").level is OK
    assert services.of_version(services.Running(7, "0.1.0"), "0.2.0").level is WARNING
    assert services.of_version(services.Running(7, None), "0.2.0").level is OK
    assert services.of_version(services.Running(7, "0.1.0"), None).level is OK


@pytest.mark.parametrize(
    ("verdict", "absent", "answering"),
    [
        ("running", ERROR, OK),
        ("stale", ERROR, WARNING),
        ("gone", WARNING, WARNING),
        ("crashed", WARNING, WARNING),
        ("stopped", OK, WARNING),
        ("unreadable", OK, OK),
    ],
)
def test_the_status_file_is_judged_beside_who_answers(verdict: str, absent: Level, answering: Level) -> None:
    status = StatusReport(verdict=verdict, pid=7)
    assert services.of_absence(status).level is absent
    assert services.of_heartbeat(status).level is answering


HEALTHY = {"supervisor": {"degraded": [], "tmux": "ok"}, "workers": [{"name": "a", "state": "running"}]}


def test_whatever_degrades_the_health_is_a_finding_with_its_mend() -> None:
    assert list(services.of_health(HEALTHY)) == []
    service = {"degraded": ["log: disk is full"], "tmux": "unreachable"}
    workers = [{"name": f"w{n}", "state": state} for n, state in enumerate(["failed", "running", "quarantined"])]
    found = list(services.of_health({"supervisor": service, "workers": workers}))
    assert levels(found) == [WARNING] * 3
    assert all(finding.mend for finding in found)
    assert found[0].what == "degraded: log: disk is full"
    assert found[2].what == "a person has to see to w0 (failed), w2 (quarantined)"


def test_a_degraded_service_has_something_to_mend(site: Site) -> None:
    site.write("[workers.a]\ncommand = 'exit 3'\nrestart = 'never'\n", FAST + "heartbeat_interval = '1s'\n")
    site.up(check=1)
    wait_until(lambda: json.loads((site.state / "status.json").read_text())["health"] == "degraded")
    said = site.run("doctor", check=0).stdout
    assert "a person has to see to a (failed)" in said
    assert "no problems found" not in said


def test_a_pointer_that_leads_elsewhere_is_a_warning() -> None:
    here, there, config = Path("/a/st"), Path("/b/st"), Path("/a/panevisor.toml")
    assert list(services.of_pointer(None, here, config)) == []
    assert list(services.of_pointer(here, here, config)) == []
    assert levels(list(services.of_pointer(there, here, config))) == [WARNING]


# ── PyPI's supervisor ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def supervisord_beside_us(place: Path) -> Path:
    """A folder with the metadata that pip leaves of PyPI's supervisor."""
    metadata = place / "site" / "supervisor-4.3.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: supervisor\nVersion: 4.3.0\n")
    return place / "site"


def test_supervisord_in_the_same_environment_is_a_warning(
    home: Path,
    supervisord_beside_us: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("supervisor")
    assert namesake.clash() is None
    monkeypatch.syspath_prepend(supervisord_beside_us)
    assert "supervisor 4.3.0 (supervisord)" in str(namesake.clash())
    (finding,) = report(capsys)["package"]
    assert (finding["level"], finding["mend"]) == ("warning", namesake.MEND)


def test_a_deleted_init_file_is_told() -> None:
    assert namesake.in_words(None, "/site-packages/supervisor/__init__.py") is None
    assert "__init__.py is missing" in str(namesake.in_words(None, None))


def test_a_service_that_begins_beside_supervisord_says_so_on_stderr(home: Path, supervisord_beside_us: Path) -> None:
    (home / "panevisor.toml").write_text("[workers.a]\n")  # so that it ends at once
    root = str(ROOT)
    environment = dict(os.environ) | {"PYTHONPATH": f"{root}:{supervisord_beside_us}"}
    argv = [sys.executable, "-m", "supervisor", "serve"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 5
    first = done.stderr.splitlines()[0]
    assert first.startswith("panevisor: PyPI's supervisor 4.3.0 (supervisord) is installed")
    assert first.endswith("(see `panevisor doctor`)")
