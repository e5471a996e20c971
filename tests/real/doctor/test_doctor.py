"""`panevisor doctor` on this machine, a place and a tmux server: it changes nothing and never hangs."""

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
from kit.support import DEADLINE

from supervisor.command_line import run
from supervisor.doctor import namesake, tmux
from supervisor.doctor import place as files
from supervisor.doctor.findings import Finding, Level
from supervisor.kernel.limits import threads_of
from supervisor.tmux import panes
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
    checks: dict[str, list[dict[str, str]]] = {}
    for finding in said["findings"]:
        assert set(finding) == {"check", "level", "what", "mend"}
        checks.setdefault(finding["check"], []).append(finding)
    return checks


def levels(found: list[Finding]) -> list[Level]:
    return [finding.level for finding in found]


def test_every_check_speaks_and_nothing_is_made_or_started(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = report(capsys)
    assert list(checks) == [
        *("python", "package", "clock", "tmux", "tmux server", "limits", "rights", "disk", "config", "service"),
    ]
    assert [f["what"] for f in checks["config"]] == [f"{home}/panevisor.toml: 1 worker"]
    assert f"{home}/st is made at the first start, in {home}" in [f["what"] for f in checks["rights"]]
    assert sorted(os.listdir(home)) == ["panevisor.toml"]
    run(["doctor"])
    table = capsys.readouterr().out
    assert "none runs" in table
    assert "\x1b" not in table  # it has no colour but on a terminal


# ── tmux ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "not installed"),
        ("#!/bin/sh\necho no locale >&2; exit 1", "no locale"),
        ("#!/nonexistent", "cannot be checked"),  # what the system refuses is a finding, too
    ],
)
def test_a_tmux_that_is_missing_or_does_not_run_is_an_error(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    (home / "bin").mkdir()
    if script:
        (home / "bin/tmux").write_text(f"{script}\n")
        (home / "bin/tmux").chmod(0o755)
    monkeypatch.setenv("PATH", str(home / "bin"))
    (finding,) = report(capsys)["tmux"]
    assert (finding["level"], said in finding["what"]) == ("error", True)


def examined(server: TmuxServer, place: Path) -> list[Finding]:
    assert server.pid is not None
    return list(tmux._answers(server.pid, place))


def test_a_changed_option_or_key_is_a_warning_whose_mend_works(tmux_server: TmuxServer, place: Path) -> None:
    born = examined(tmux_server, place)
    assert levels(born) == [OK, OK]
    assert "its options and keys are as panevisor sets them" in born[1].what
    changes = {
        "set-option -s exit-empty on": "exit-empty",
        "set-option -s set-clipboard external": "set-clipboard",
        "set-option -s message-limit 1000": "message-limit",
        "set-option -g remain-on-exit failed": "remain-on-exit",
        "set-option -g allow-passthrough on": "allow-passthrough",
        "set-option -g update-environment 'DISPLAY FOO'": "update-environment",
        "bind-key ] paste-buffer": "C-b ]",
        "bind-key -r & kill-window": "C-b &",
    }
    for change, named in changes.items():
        tmux.batch(place, f"{change}\n")
        (changed,) = examined(tmux_server, place)[1:]
        assert (changed.level, named in changed.what) == (WARNING, True), change
        subprocess.run(["sh", "-c", changed.mend], check=True, timeout=DEADLINE)
        assert levels(examined(tmux_server, place)) == [OK, OK], change


def test_a_stopped_server_is_said_not_to_answer_in_time(
    tmux_server: TmuxServer, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "panevisor.toml").write_text(CONFIG.replace('"st"', '"."'))
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg-state"))
    monkeypatch.setattr(tmux, "TIMEOUT", 0.3)
    monkeypatch.setattr(panes, "TIMEOUT", 0.3)
    assert tmux_server.pid is not None
    os.kill(tmux_server.pid, signal.SIGSTOP)
    try:
        checks = report(capsys, "-c", str(place / "panevisor.toml"))
        assert run(["-c", str(place / "panevisor.toml"), "screen", "a"]) == 8
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


# ── limits, rights, files ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_users_threads_are_counted() -> None:
    assert threads_of(os.getuid()) >= len(os.listdir("/proc/self/task"))
    assert threads_of(4_000_000_001) == 0


@pytest.mark.parametrize(("mode", "level"), [(0o700, OK), (0o755, WARNING), (0o750, WARNING), (0o770, ERROR)])
def test_a_state_directory_open_to_others_is_told(place: Path, mode: int, level: Level) -> None:
    place.chmod(mode)
    found = files.of_directory(place, place)
    assert found.level is level
    if found.mend:
        subprocess.run(["sh", "-c", found.mend], check=True)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_what_is_another_users_or_cannot_be_written_is_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    for state_dir in (place, place / "new" / "st"):
        assert files.of_directory(state_dir, place).level is ERROR
    monkeypatch.setattr(files.os, "geteuid", lambda: place.stat().st_uid + 1)
    assert files.of_mode(place, place.stat()).level is ERROR


def test_what_is_in_the_way_of_state_and_socket_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "st").write_text("")
    assert "is no directory" in report(capsys)["rights"][0]["what"]
    (home / "st").unlink()
    (home / "st").mkdir(mode=0o700)
    (home / "st/panevisor.sock").write_text("")
    assert ("error", True) in [(f["level"], "is no socket" in f["what"]) for f in report(capsys)["rights"]]
    (home / "st/panevisor.sock").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "st/panevisor.sock"))
        (home / "st/panevisor.sock").chmod(0o666)
        mends = [f["mend"] for f in report(capsys)["rights"]]
    assert f"chmod 600 {home}/st/panevisor.sock" in mends


def test_a_broken_config_is_counted_and_never_quoted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "panevisor.toml").write_text(f'{CONFIG}env = {{ TOKEN = 17 }}\ncomand = "s3cret"\n')
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "s3cret" not in out
    assert f"{home}/panevisor.toml: 2 problems" in out
    assert f"`panevisor check {home}/panevisor.toml`" in out
    (home / "panevisor.toml").unlink()
    assert "panevisor init" in report(capsys, "-c", "panevisor.toml")["config"][0]["mend"]


# ── PyPI's supervisor ─────────────────────────────────────────────────────────────────────────────────────────────


def test_supervisord_in_the_same_environment_is_told_by_doctor_and_by_a_service_that_begins(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("supervisor")
    assert namesake.clash() is None
    metadata = home / "site" / "supervisor-4.3.0.dist-info"  # what pip leaves of it
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: supervisor\nVersion: 4.3.0\n")
    monkeypatch.syspath_prepend(home / "site")
    assert "supervisor 4.3.0 (supervisord)" in str(namesake.clash())
    (finding,) = report(capsys)["package"]
    assert (finding["level"], finding["mend"]) == ("warning", namesake.MEND)

    (home / "panevisor.toml").write_text("[workers.a]\n")  # so that it ends at once
    environment = dict(os.environ) | {"PYTHONPATH": f"{ROOT}:{home / 'site'}"}
    argv = [sys.executable, "-m", "supervisor", "serve"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 5
    first = done.stderr.splitlines()[0]
    assert first.startswith("panevisor: PyPI's supervisor 4.3.0 (supervisord) is installed")
    assert first.endswith("(see `panevisor doctor`)")
