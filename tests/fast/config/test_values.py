"""What a good file gives: each key reaches its spec, defaults are inherited."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kit import ROOT
from kit.config import PATH, read, said, worker

from actors.values.spec import (
    Backoff,
    Condition,
    Do,
    ExitAction,
    ExitRule,
    Http,
    Limit,
    Limits,
    Live,
    LogLimits,
    PaneSize,
    Ready,
    Restart,
    Rung,
    SignalTree,
    Stall,
    TypeKeys,
    TypeText,
    Window,
    WorkerSpec,
)
from supervisor.config.load import load, load_text
from supervisor.config.settings import different_settings
from supervisor.text.values import rebuilt


def test_an_empty_file_is_valid_and_has_all_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    config = read("")
    settings = config.supervisor
    assert config.workers == ()
    assert settings.state_dir.parent == Path("/state/panevisor")
    assert (settings.capture_interval, settings.health_interval, settings.heartbeat_interval) == (5.0, 10.0, 30.0)
    assert (settings.max_workers, settings.pane) == (1000, PaneSize())
    assert (settings.watch_config, settings.on_term) == (False, "keep")
    assert (settings.min_free_memory, settings.max_starting) == (0, 20)
    log = settings.log
    assert log.file == settings.state_dir / "service.log"
    assert (log.level, log.format, log.max_size, log.keep) == ("info", "json", 20_000_000, 5)


def test_a_worker_with_a_command_only_has_the_defaults_of_its_spec() -> None:
    assert worker("") == WorkerSpec(name="api", command="x", cwd="/etc/pv")


def test_every_key_of_a_worker_reaches_its_spec_and_survives_its_record() -> None:
    config = read(
        """
        [supervisor]
        pane = { columns = 120, rows = 30, history = 0 }
        [workers.db]
        command = "db"
        [workers.api]
        command = ["api", "", "--fast"]
        cwd = "../srv/./api"
        env = { PORT = "80", _x1 = "" }
        project = "shop"
        labels = { tier = "web" }
        protected = true
        restart = "always"
        ok_exit_codes = [0, 255]
        backoff = { initial = "100ms", factor = 3, max = "2m", jitter = 0 }
        max_restarts = -1
        max_restarts_in = { restarts = 5, within = "1m" }
        retry = "10m"
        healthy_after = "1h"
        depends_on = { db = "started" }
        ready = { delay = "1s", timeout = "2s", tcp = "[::1]:80", interval = "3s", successes = 2, failures = 9 }
        live = { log = "x", interval = "1m", attempt_timeout = "3s", failures = 1, grace = "0s", do = "notify" }
        stop = ["SIGINT", "500ms", { keys = ["C-c"] }, "2s", { text = "exit" }, "1m30s",
                { signal = "INT", to = "tree" }, "1s", { signal = "TERM" }, "1s", "KILL"]
        cleanup_after = "never"
        log = { max_size = "1MiB", keep = 2 }
        limits = { memory = "2GB", cpu = 150, processes = { value = 9, do = "restart" }, do = "notify" }
        [workers.api.stall]
        after = "10m"
        by = "screen"
        ladder = [
          { do = "notify" }, { do = "send", text = "continue", wait = "1m" }, { do = "send", keys = ["Escape"] },
          { do = "interrupt", wait = "5s" }, { do = "restart" },
        ]
        [[workers.api.on_exit]]
        codes = [75, 76]
        do = "restart-now"
        [[workers.api.on_exit]]
        signals = ["SEGV", 9, "SIGHUP"]
        do = "fail"
        """
    )
    spec = WorkerSpec(
        name="api",
        command=("api", "", "--fast"),
        cwd="/etc/srv/api",
        env=(("PORT", "80"), ("_x1", "")),
        project="shop",
        labels=(("tier", "web"),),
        protected=True,
        restart=Restart.ALWAYS,
        ok_exit_codes=(0, 255),
        backoff=Backoff(initial=0.1, factor=3.0, max=120.0, jitter=0.0),
        max_restarts=-1,
        max_restarts_in=Window(5, 60.0),
        retry=600.0,
        healthy_after=3600.0,
        depends_on=(("db", Condition.STARTED),),
        ready=Ready(delay=1.0, timeout=2.0, tcp="[::1]:80", interval=3.0, successes=2, failures=9),
        live=Live(log="x", interval=60.0, attempt_timeout=3.0, failures=1, grace=0.0, do=Do.NOTIFY),
        stop=("INT", 0.5, TypeKeys(("C-c",)), 2.0, TypeText("exit"), 90.0, SignalTree("INT"), 1.0, "TERM", 1.0, "KILL"),
        cleanup_after=None,
        log=LogLimits(max_size=2**20, keep=2),
        pane=PaneSize(columns=120, rows=30, history=0),
        limits=Limits(
            memory=Limit(2e9, "notify"), cpu=Limit(150, "notify"), processes=Limit(9, "restart"), do="notify"
        ),
        stall=Stall(
            after=600.0,
            by="screen",
            ladder=(  # each step but the first has a wait
                Rung(do="notify"),
                Rung(do="send", wait=60.0, text="continue"),
                Rung(do="send", wait=30.0, keys=("Escape",)),
                Rung(do="interrupt", wait=5.0),
                Rung(do="restart", wait=30.0),
            ),
        ),
        on_exit=(
            ExitRule(do=ExitAction.RESTART_NOW, codes=(75, 76)),
            ExitRule(do=ExitAction.FAIL, signals=(11, 9, 1)),
        ),
    )
    assert config.workers[1] == spec
    assert rebuilt(WorkerSpec, json.loads(json.dumps(spec.to_json()))) == spec


def test_every_key_of_the_supervisor_reaches_its_settings() -> None:
    settings = read(
        """
        [supervisor]
        state_dir = "../state"
        capture_interval = "100ms"
        health_interval = "1s"
        heartbeat_interval = "1s"
        max_workers = 4000
        log = { file = "logs/pv.log", level = "debug", format = "console", max_size = 4000, keep = 1000 }
        watch_config = true
        on_term = "stop"
        """
    ).supervisor
    assert settings.state_dir == Path("/etc/state")
    assert (settings.capture_interval, settings.health_interval, settings.heartbeat_interval) == (0.1, 1.0, 1.0)
    assert (settings.max_workers, settings.watch_config, settings.on_term) == (4000, True, "stop")
    log = settings.log
    assert (log.file, log.level, log.format) == (Path("/etc/pv/logs/pv.log"), "debug", "console")
    assert (log.max_size, log.keep) == (4000, 1000)


def test_the_service_log_follows_a_chosen_state_directory() -> None:
    assert read("supervisor.state_dir = '/s'").supervisor.log.file == Path("/s/service.log")


@pytest.mark.parametrize(
    ("before", "now", "keys"),
    [
        ("", "", ()),
        ("", "health_interval = '1m'\non_term = 'stop'", ("health_interval", "on_term")),
        ("state_dir = '/a'", "state_dir = '/b'", ("state_dir",)),
        ("state_dir = '/a'", "state_dir = '/a'\nlog = { file = '/b/service.log' }", ("log",)),
        ("", "pane = { columns = 80 }", ()),
    ],
)
def test_settings_that_differ_are_named(before: str, now: str, keys: tuple[str, ...]) -> None:
    begun, found = (read(f"[supervisor]\n{text}").supervisor for text in (before, now))
    assert different_settings(begun, found) == keys


def test_each_condition_can_be_waited_for_and_a_list_means_ready() -> None:
    for written, found in (("['db']", Condition.READY), *((f"{{ db = '{each}' }}", each) for each in Condition)):
        config = read(f"workers.db.command = 'x'\nworkers.a = {{ command = 'x', depends_on = {written} }}")
        assert config.workers[1].depends_on == (("db", found),)


def test_workers_stand_in_the_order_of_the_file_and_more_than_the_cap_are_valid() -> None:
    config = read("supervisor.max_workers = 1\n" + "".join(f"[workers.{name}]\ncommand = 'x'\n" for name in "zam"))
    assert [each.name for each in config.workers] == ["z", "a", "m"]


def test_the_digest_follows_the_bytes_and_the_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"# hello\n")
    config = load(Path("a.toml"))
    assert config.path == tmp_path / "a.toml"
    assert config.digest == hashlib.sha256(b"# hello\n").hexdigest()[:12]
    assert load_text(b"# hello", Path("a.toml")).digest != config.digest


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem() -> None:
    assert load_text(b"\xef\xbb\xbf[workers.a]\r\ncommand = 'x'\r\n", PATH).workers[0].name == "a"
    assert said(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n") == [':1: unknown key "a"', ':2: unknown key "b"']


def test_a_good_file_needs_neither_the_second_parser_nor_the_speller() -> None:
    script = (
        "import sys, pathlib; from supervisor.config.load import load_text;"
        "load_text(b'[workers.a]\\ncommand = \"x\"', pathlib.Path('a.toml'));"
        "print([m for m in ('tree_sitter', 'rapidfuzz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_s_key_wins_over_the_defaults_and_tables_are_merged_key_by_key() -> None:
    spec = read(
        """
        [defaults]
        restart = "always"
        stop = ["INT", "1s", "KILL"]
        env = { A = "1", B = "1" }
        labels.x = "1"
        backoff = { initial = "2s", max = "3s" }
        ready.delay = "1s"
        log.keep = 9
        [workers.api]
        command = "x"
        stop = ["KILL"]
        env = { B = "2" }
        labels.y = "2"
        backoff.max = "4s"
        ready.timeout = "5s"
        log.max_size = "1MB"
        """
    ).workers[0]
    assert (spec.restart, spec.stop) == (Restart.ALWAYS, ("KILL",))
    assert (dict(spec.env), dict(spec.labels)) == ({"A": "1", "B": "2"}, {"x": "1", "y": "2"})
    assert spec.backoff == Backoff(initial=2.0, max=4.0)
    assert (spec.ready, spec.log) == (Ready(delay=1.0, timeout=5.0), LogLimits(max_size=1_000_000, keep=9))


def test_a_default_that_goes_together_with_the_worker_s_own_key_is_fine() -> None:
    spec = read("defaults.ready.delay = '2m'\nworkers.a = { command = 'x', ready.timeout = '3m' }").workers[0]
    assert spec.ready == Ready(delay=120.0, timeout=180.0)


def test_a_worker_can_put_its_own_list_of_pauses_over_the_default_table_and_take_back_a_slow_lane() -> None:
    defaults = "[defaults]\nbackoff.max = '2m'\nretry = '10m'\n"
    (spec,) = read(f"{defaults}[workers.a]\ncommand = 'x'\nbackoff = ['1s', '1s', '5s']\nretry = 'never'").workers
    assert (spec.backoff, spec.retry) == (Backoff(steps=(1.0, 1.0, 5.0)), None)


def test_an_address_is_host_and_port() -> None:
    for tcp in ("127.0.0.1:1", "localhost:65535", "db.internal:80", "[::1]:80", "[fe80::1%eth0]:80"):
        assert worker(f"ready.tcp = '{tcp}'").ready.tcp == tcp


def test_without_a_word_nothing_stalls_and_nothing_is_limited() -> None:
    assert worker("").stall == Stall(after=None)
    assert worker("stall.after = 'never'\nlimits.memory = 'none'\nlimits.age = 'never'") == worker("")


def test_a_worker_s_limit_leaves_the_other_limits_of_the_defaults() -> None:
    text = "defaults.limits = { memory = '2GB', age = '1h' }\nworkers.a = { command = 'x', limits.memory = 'none' }"
    assert read(text).workers[0].limits == Limits(age=Limit(3600.0))


def test_a_changed_stall_or_limit_needs_no_new_process() -> None:
    assert worker("stall.after = '5s'\nlimits.cpu = 5").digest == worker("").digest


@pytest.mark.parametrize("key", ["ready", "live"])
def test_each_kind_of_probe_reaches_its_spec(key: str) -> None:
    def kept(text: str) -> Any:
        return getattr(worker(f"{key}.{text}"), key)

    assert kept("unix = 'run/api.sock'").unix == "/etc/pv/run/api.sock"
    assert kept("unix = '/run/api.sock'").unix == "/run/api.sock"
    assert kept("http = 'http://[::1]:8080/health?x=1'").http == Http("http://[::1]:8080/health?x=1")
    table = "http = { url = 'http://a', status = [200, 204], headers = { Authorization = 'Bearer x' } }"
    assert kept(table).http == Http("http://a", (200, 204), (("Authorization", "Bearer x"),))
    assert kept("command = ['curl', '-f', 'x']").command == ("curl", "-f", "x")
    assert kept("command = 'test -f ok'").command == "test -f ok"
    assert kept("log = '(?i)listening on \\d+'").log == "(?i)listening on \\d+"
    assert kept("screen = '> $'").screen == "> $"


def test_a_worker_s_own_kind_of_probe_replaces_that_of_the_defaults() -> None:
    text = "[defaults]\nready = { tcp = 'a:1', timeout = '5s' }\n[workers.w]\ncommand = 'x'\nready.log = 'x'\n"
    (spec,) = read(text).workers
    assert spec.ready == Ready(log="x", timeout=5.0)


def test_a_memory_gate_is_a_size_or_a_share_of_the_machines_memory() -> None:
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for written, least in (("'500MB'", 500_000_000), ("'0B'", 0), ("0", 0), ("'50%'", whole // 2)):
        assert read(f"supervisor.min_free_memory = {written}").supervisor.min_free_memory == least
