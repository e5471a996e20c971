"""The whole machine on real tmux, real processes and a real socket, through the command line."""

import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit.support import FAST, Site, alive, comes_to, wait_until

from supervisor.state.replay import rebuild
from supervisor.state.status import read_status

SLEEPER = 'command = ["sleep", "1000"]\n'


def test_up_starts_what_the_file_says_again_when_tmux_died_and_down_leaves_nothing(site: Site) -> None:
    site.write(
        f"[workers.a]\n{SLEEPER}[workers.b]\ncommand = 'sleep 1000 & sleep 1000'\n"
        "[workers.c]\ncommand = 'touch made; exec sleep 1000'\n"
    )
    before = os.umask(0o027)  # workers have that of whoever started the service
    try:
        site.up()
    finally:
        os.umask(before)
    first = site.workers()
    assert {name: worker["state"] for name, worker in first.items()} == dict.fromkeys("abc", "running")
    wait_until((site.place / "made").exists)
    assert stat.S_IMODE((site.place / "made").stat().st_mode) == 0o640
    _comes_back_from_the_death_of_tmux(site, first)
    tmux, service = site.tmux_pid(), site.service_pid()
    site.run("down", check=0)
    assert not alive(tmux)
    assert not alive(service)
    assert site.truth() == {}
    assert not (site.state / "tmux.sock").exists()
    assert not (site.state / "panevisor.sock").exists()
    assert read_status(site.state / "status.json").verdict == "stopped"


def _comes_back_from_the_death_of_tmux(site: Site, before: dict[str, dict[str, Any]]) -> None:
    """It is one incident, and spends no budget."""
    os.kill(site.tmux_pid(), signal.SIGKILL)
    wait_until(lambda: len(site.events("worker.ready")) >= 2 * len(before))
    comes_to(lambda: {w["state"] for w in site.workers().values()}, {"running"})
    assert {w["attempt"] for w in site.workers().values()} == {0}
    assert not any(alive(w["pid"]) for w in before.values())
    assert len(site.events("tmux.died")) == 1
    assert site.events("worker.exited") == []
    comes_to(lambda: {name: len(pids) for name, pids in site.truth().items()}, {"a": 1, "b": 3, "c": 1})


def test_the_next_service_says_how_the_one_before_ended_and_what_had_come_to_rest_stays_so(site: Site) -> None:
    done, bad = "[workers.done]\ncommand = 'true'\n", "[workers.bad]\ncommand = 'exit 9'\nrestart = 'never'\n"
    site.write(f"[workers.a]\n{SLEEPER}{done}{bad}")
    rest = {"a": "running", "done": "completed", "bad": "failed"}
    site.up(check=1)
    pid, killed = site.worker("a")["pid"], site.service_pid()
    site.tmux("set-option", "-s", "message-limit", "1000")  # as a server of an earlier version has it
    site.tmux("set-option", "-g", "@kept", "s3cr3t")
    assert "s3cr3t" in site.tmux("show-messages")
    site.kill_service()

    site.up(check=1)
    assert {name: worker["state"] for name, worker in site.workers().items()} == rest
    assert site.worker("bad")["exit_code"] == 9
    assert site.worker("a")["pid"] == pid
    assert len(site.events("worker.starting")) == 3
    assert site.tmux("show-messages") == ""
    first, second = site.events("service.started")
    assert "previous_pid" not in first
    assert second["previous_pid"] == killed
    assert second["previous_ended"].startswith("uncleanly")
    service = site.service_pid()
    os.kill(service, signal.SIGTERM)
    wait_until(lambda: not alive(service))
    assert alive(pid)
    assert read_status(site.state / "status.json").verdict == "stopped"
    assert site.events("service.stopping")[-1]["workers"] == "kept"

    site.up(check=1)
    assert site.worker("a")["pid"] == pid
    assert site.events("service.started")[-1]["previous_ended"] == "cleanly"
    site.run("down", "--keep-workers", check=0)
    tmux = site.tmux_pid()
    os.kill(tmux, signal.SIGKILL)
    wait_until(lambda: not alive(tmux))

    site.up(check=1)
    assert site.events("service.started")[-1]["previous_ended"] == "cleanly"
    assert len(site.events("tmux.died_unwatched")) == 1
    site.run("down", check=0)

    site.up(check=1)
    assert len(site.events("tmux.died_unwatched")) == 1  # `down` ended it: nothing died
    assert {name: worker["state"] for name, worker in site.workers().items()} == rest


def test_the_log_alone_rebuilds_the_state_table(site: Site) -> None:
    site.write(LIVELY.replace("[workers", 'log = { max_size = "20kB", keep = 9, level = "error" }\n[workers', 1))
    site.up(check=1)
    site.wait_state("loop", "failed")
    site.run("stop", "b", check=0)
    site.run("run", "--name", "job", "--", "sleep", "1000", check=0)
    site.run("run", "--name", "gone", "--", "sleep", "1000", check=0)
    site.run("remove", "gone", check=0)
    pid = None
    for _ in range(25):  # crashes, until the log has begun a new file
        os.kill(pid := site.living("a", but=pid), signal.SIGKILL)
    site.kill_service()
    os.kill(site.truth()["c"][0], signal.SIGKILL)  # judged when the service is back
    site.up(check=1)
    same_as_status(site)
    site.config.write_text(site.config.read_text().replace("[workers.d]", "[workers.e]"))
    os.kill(site.service_pid(), signal.SIGHUP)
    site.wait_state("e", "running")
    wait_until(lambda: "d" not in site.workers())
    (site.state / "service.log").rename(site.state / "service.log.moved")
    os.kill(site.service_pid(), signal.SIGUSR2)
    wait_until((site.state / "service.log").exists)
    site.run("complete", "job", check=0)
    same_as_status(site)
    assert list(site.state.glob("service.log.[1-9]"))
    table = {name: w["state"] for name, w in site.workers().items()}
    assert table == {
        **dict.fromkeys(("a", "c", "e"), "running"),
        "b": "stopped",
        "done": "completed",
        "job": "completed",
        "loop": "failed",
    }


LIVELY = (
    f"[workers.a]\n{SLEEPER}backoff = {{ initial = '10ms', max = '10ms' }}\nmax_restarts = -1\n"
    f"[workers.b]\n{SLEEPER}[workers.c]\n{SLEEPER}[workers.d]\n{SLEEPER}[workers.done]\ncommand = 'true'\n"
    "[workers.loop]\ncommand = 'exit 1'\nmax_restarts = 1\nbackoff = { initial = '50ms' }\n"
)


def same_as_status(site: Site) -> None:
    """The newest file of the log alone gives the table that status shows."""

    def same() -> bool:
        rebuilt = rebuild((site.state / "service.log").read_text().splitlines())
        return rebuilt == {name: w["state"] for name, w in site.workers().items()}

    wait_until(same, what=site.log_text()[-3000:])


def test_workers_that_live_in_the_state_directory_of_before_are_not_started_again_in_a_new_one(site: Site) -> None:
    table = f"[workers.a]\n{SLEEPER}"
    elsewhere = FAST.replace('"state"', '"elsewhere"')
    site.write(table)
    site.up()
    pid = site.worker("a")["pid"]
    site.run("down", "--keep-workers", check=0)
    site.write(table, elsewhere)
    for verb in ("up", "serve", "plan"):
        said = site.run(verb, check=9).stderr
        assert f"{site.state} still has 1 living worker, a: they would run twice" in said
        assert f"Set state_dir back to {site.state}, and `panevisor up` finds them again" in said
    assert not (site.place / "elsewhere" / "panevisor.sock").exists()
    site.write(table, FAST.replace('"state"', f'"{site.state}"'))
    site.up()
    assert site.worker("a")["pid"] == pid
    site.run("down", check=0)
    assert not alive(pid)
    site.write(table, elsewhere)
    site.up()
    assert site.worker("a")["pid"] != pid
    site.run("down", check=0)


# ── one site, whose tests disturb their own workers only ──────────────────────────────────────────────────────────


# tmux loses what it has not read of a program that has ended
UNTIL_READ = "until grep -q gnp state/logs/hides.* 2>/dev/null; do sleep 0.02; done"
HIDDEN = "user\u202egnp\u200b"


@pytest.fixture(scope="module")
def shared(shared_site: Site, free_ports: Callable[[], int]) -> Site:
    port = free_ports()
    shared_site.write(
        f'[workers.a]\n{SLEEPER}backoff = {{ initial = "300ms", jitter = 0 }}\n[workers.b]\n{SLEEPER}'
        '[workers.absent]\ncommand = ["no-such-program"]\n[workers.nowhere]\ncommand = "true"\ncwd = "nowhere"\n'
        "[workers.deaf]\ncommand = 'trap \"\" TERM; (setsid sleep 1000 &) ; nohup sleep 1000 & sleep 1000'\n"
        'stop = ["TERM", "300ms", "KILL"]\n'
        f"[workers.client]\n{SLEEPER}depends_on = ['server']\n"
        f"[workers.server]\ncommand = ['python3', '-m', 'http.server', '{port}', '--bind', '127.0.0.1']\n"
        f"ready = {{ tcp = '127.0.0.1:{port}' }}\n"
        "[workers.paints]\ncommand = 'printf \"\\033[31mred\\033[0m\\n\\033]0;title\\007\"; exec sleep 1000'\n"
        f"[workers.hides]\ncommand = ['sh', '-c', 'printf \"{HIDDEN}\\n\"; {UNTIL_READ}; exit 3']\nrestart = 'never'\n"
        "[workers.reads]\ncommand = 'cat'\nenv = { TOKEN = 's3cr3t' }\n"
    )
    shared_site.up(check=1)
    return shared_site


def test_a_killed_worker_is_known_by_its_signal_and_comes_back_after_the_pause(shared: Site) -> None:
    before = shared.workers()
    os.kill(before["a"]["pid"], signal.SIGKILL)
    wait_until(lambda: shared.events("worker.exited", worker="a"))
    exited = shared.events("worker.exited", worker="a")[0]
    assert (exited["exit_signal"], exited["exit_code"], exited["from"], exited["to"]) == (9, None, "running", "backoff")
    after = shared.wait_state("a", "running")
    assert after["pid"] != before["a"]["pid"]
    assert (after["exit_signal"], after["attempt"]) == (9, 1)
    assert shared.worker("b")["pid"] == before["b"]["pid"]


def test_a_missing_program_fails_at_once_and_says_which(shared: Site) -> None:
    workers = shared.workers()
    assert "no-such-program" in workers["absent"]["reason"]
    assert "nowhere" in workers["nowhere"]["reason"]
    assert (workers["absent"]["state"], workers["nowhere"]["state"]) == ("failed", "failed")


def test_a_worker_that_is_deaf_to_term_is_killed_with_its_whole_tree(shared: Site) -> None:
    wait_until(lambda: len(shared.truth().get("deaf", [])) >= 3)
    shared.run("stop", "deaf", check=0)
    assert "deaf" not in shared.truth()
    assert shared.events("worker.stopped", worker="deaf")[0]["forced"] is True
    shared.wait_state("deaf", "stopped")


def test_a_dependency_is_waited_for_until_its_port_answers(shared: Site) -> None:
    ready = shared.events("worker.ready", worker="server")[0]
    started = shared.events("worker.starting", worker="client")[0]
    assert started["seq"] > ready["seq"]


def test_a_second_service_says_who_holds_the_state_directory(shared: Site) -> None:
    done = shared.run("serve", check=9)
    assert str(shared.service_pid()) in done.stderr


def test_a_broken_file_changes_nothing_and_names_the_line(shared: Site) -> None:
    pid, good = shared.worker("b")["pid"], shared.config.read_text()
    shared.config.write_text(good + "comand = 1\n")
    done = shared.run("up", check=5)
    assert 'unknown key "comand" (did you mean "command"?)' in done.stderr
    assert shared.worker("b")["pid"] == pid
    wait_until(lambda: "comand" in str(shared.status()["supervisor"]["config"]["error"]))
    shared.config.write_text(good)
    shared.run("apply")
    wait_until(lambda: shared.status()["supervisor"]["config"]["error"] is None)


def test_screens_and_logs_can_be_read(shared: Site) -> None:
    assert "panevisor screen" in shared.run("attach", "a", check=2).stderr  # without a terminal
    wait_until(lambda: "red" in shared.run("screen", "paints", check=0).stdout)
    assert "\x1b" not in shared.run("screen", "paints", check=0).stdout
    assert "\x1b[31m" in shared.run("screen", "paints", "--ansi", check=0).stdout
    wait_until(lambda: shared.run("logs", "paints", check=0).stdout == "red\n")
    assert shared.run("logs", "paints", "--raw", check=0).stdout.startswith("\x1b[31mred")


def test_the_status_json_has_the_keys_of_the_contract(shared: Site) -> None:
    wait_until(lambda: shared.worker("b")["rss_bytes"])
    status = shared.status()
    assert status["schema"] == 1
    assert Path(status["supervisor"]["socket"]).is_socket()
    worker = next(worker for worker in status["workers"] if worker["name"] == "b")
    assert worker["processes"] == 1
    assert worker["log_path"] == str(shared.state / "logs" / "b.log")
    json.dumps(status)


def test_nobody_who_attaches_is_shown_what_was_ordered_for_others(shared: Site) -> None:
    shared.run("send", "reads", "typed-password", check=0)
    assert shared.tmux("show-messages") == ""


# ── nothing that programs print and people name hides from who reads it ───────────────────────────────────────────


def test_nothing_hides_in_what_the_commands_show(shared: Site) -> None:
    last_words = (["deaths", "hides", "--full"], ["why", "hides"])
    for command in (["logs", "hides"], ["screen", "hides"], ["screen", "hides", "--ansi"], *last_words):
        wait_until(lambda command=command: "gnp" in shared.run(*command).stdout, what=" ".join(command))
        assert r"user\u202egnp\u200b" in shared.run(*command).stdout, command
        assert not set("\u202e\u200b") & set(shared.run(*command).stdout), command
    assert HIDDEN in shared.run("logs", "hides", "--raw").stdout
    (death,) = json.loads(shared.run("deaths", "hides", "-o", "json").stdout)
    assert death["lines"] == [HIDDEN]


def test_nothing_hides_in_what_is_said_to_be_wrong(site: Site) -> None:
    site.write(f"[workers.api]\ncommand = 'true'\n\"{HIDDEN}\" = 1\n")
    odd = site.place / f"{HIDDEN}.toml"
    for command in (["check"], ["check", str(odd)], [HIDDEN], ["logs", HIDDEN], ["status", f"--{HIDDEN}"]):
        done = site.run(*command)
        assert done.returncode != 0
        assert r"user\u202egnp\u200b" in done.stderr, command
        assert not set("\u202e\u200b") & set(done.stderr), command
