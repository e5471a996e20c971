"""The config file: what a good one gives, and what is said about a bad one."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import ROOT

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
    Stall,
    TypeKeys,
    TypeText,
    Window,
    WorkerSpec,
)
from supervisor.config.load import Config, ConfigError, Problem, different_settings, load, load_text
from supervisor.config.on_disk import FileOnDisk, digest_on_disk
from supervisor.config.places import Places
from supervisor.config.problems import DEFAULTS
from supervisor.text.quantities import seconds, size
from supervisor.text.values import rebuilt
from supervisor.text.words import shown

PATH = Path("/etc/pv/panevisor.toml")
HUGE = pytest.param(10**5000, id="huge")  # past the digits that str() makes


def read(text: str) -> Config:
    return load_text(text.encode(), PATH)


def worker(text: str) -> WorkerSpec:
    """Read a file with one worker, whose table has these lines."""
    return read(f"[workers.api]\ncommand = 'x'\n{text}").workers[0]


def problems(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_text(text if isinstance(text, bytes) else text.encode(), PATH)
    return caught.value.problems


def outcome(text: bytes) -> Config | ConfigError:
    try:
        return load_text(text, PATH)
    except ConfigError as error:
        return error


def said(text: str | bytes) -> list[str]:
    """Return all problems as text, without the path."""
    return [str(problem).removeprefix(str(PATH)) for problem in problems(text)]


def said_of_worker(text: str) -> list[str]:
    """Return what is said of a worker with these lines, the first being line 1."""
    prefix = '[workers]\napi.command = "x"\n'
    whole = said(prefix + "\n".join(f"api.{line}" for line in text.splitlines()))
    return [re.sub(r"^:(\d+): worker \"api\": ", lambda found: f"{int(found[1]) - 2}: ", line) for line in whole]


# what a good file gives


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


def test_every_key_of_a_worker_reaches_its_spec() -> None:
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
        healthy_after = "1h"
        depends_on = { db = "started" }
        ready = { delay = "1s", timeout = "2s", tcp = "[::1]:80" }
        stop = ["SIGINT", "500ms", "TERM", "1m30s", "KILL"]
        cleanup_after = "never"
        log = { max_size = "1MiB", keep = 2 }
        """
    )
    assert config.workers[1] == WorkerSpec(
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
        healthy_after=3600.0,
        depends_on=(("db", Condition.STARTED),),
        ready=Ready(delay=1.0, timeout=2.0, tcp="[::1]:80"),
        stop=("INT", 0.5, "TERM", 90.0, "KILL"),
        cleanup_after=None,
        log=LogLimits(max_size=2**20, keep=2),
        pane=PaneSize(columns=120, rows=30, history=0),
    )


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


def test_a_list_of_dependencies_means_ready() -> None:
    assert read("workers.a.command = 'x'\nworkers.b = { command = 'x', depends_on = ['a'] }").workers[1].depends_on == (
        ("a", Condition.READY),
    )


def test_workers_stand_in_the_order_of_the_file() -> None:
    config = read("".join(f"[workers.{name}]\ncommand = 'x'\n" for name in "zam"))
    assert [each.name for each in config.workers] == ["z", "a", "m"]


def test_more_workers_than_the_cap_are_valid() -> None:
    assert len(read("supervisor.max_workers = 1\nworkers.a.command = 'x'\nworkers.b.command = 'x'").workers) == 2


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


# env files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a config and its env files lie."""
    return tmp_path


def load_in(folder: Path, text: str, **files: str | bytes) -> Config:
    """Load this config with env files beside it: `a="X=1"` is a.env."""
    for name, content in files.items():
        (folder / f"{name}.env").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "panevisor.toml").write_text(text)
    return load(folder / "panevisor.toml")


def said_in(folder: Path, text: str, **files: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_in(folder, text, **files)
    return [str(problem).removeprefix(str(folder / "panevisor.toml")) for problem in caught.value.problems]


def env_in(folder: Path, text: str, **files: str | bytes) -> dict[str, str]:
    return dict(load_in(folder, f"[workers.a]\ncommand = 'x'\n{text}", **files).workers[0].env)


def test_later_env_files_win_over_earlier_ones_and_env_wins_over_all(folder: Path) -> None:
    text = "env_file = ['a.env', './b.env']\nenv = { Z = 'env' }\n[defaults.env]\nY = 'defaults'"
    files = {"a": "W=a\nX=a\nY=a\nZ=a\n", "b": "X=b\nY=b\nZ=b\n"}
    assert env_in(folder, text, **files) == {"W": "a", "X": "b", "Y": "defaults", "Z": "env"}


def test_the_env_file_of_the_defaults_is_inherited_and_a_worker_s_own_replaces_it(folder: Path) -> None:
    text = """
        [defaults]
        env_file = "a.env"
        [workers]
        inherits.command = "x"
        own = { command = "x", env_file = "b.env" }
        none = { command = "x", env_file = [] }
    """
    config = load_in(folder, text, a="A=1", b="B=1")
    assert [spec.env for spec in config.workers] == [(("A", "1"),), (("B", "1"),), ()]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=x", "x"),
        ("export A=x", "x"),
        ("A = x y  # a comment", "x y"),
        ("A='x # y' # a comment", "x # y"),
        (r"A='$HOME ${HOME} \n'", r"$HOME ${HOME} \n"),
        (r'A="$HOME `id` \n"', "$HOME `id` \n"),
        ('A="two\nlines"', "two\nlines"),
        ("A=", ""),
        ("A=1\n\n# A=3\nA=2", "2"),
        ("\ufeffA=x\r\n", "x"),
        ("A=a=b==", "a=b=="),
    ],
)
def test_an_env_file_is_read_as_a_shell_would_but_without_expansion(folder: Path, line: str, value: str) -> None:
    assert env_in(folder, "env_file = 'a.env'", a=line) == {"A": value}


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        ("hunter2", "whose line 1 is not NAME=value, or has a quote that does not close"),
        ("\r\n\n# hunter2\n\nexport hunter2\n", "whose line 5 is not NAME=value"),
        ("A=1\nB='hunter2\nC=1\n", "whose line 2 is not NAME=value, or has a quote that does not close"),
        ("A=1\nB='hunter2' hunter2\n", "whose line 2 is not NAME=value"),
        ("A=1\nhunter-2=hunter2\n", "whose line 2 has a name that is not a valid name for a variable"),
        ("A=1\nPANEVISOR_WORKER=hunter2", "whose line 2 has a name that is set by Panevisor itself"),
        ("A=hunter\x002", "whose line 1 has a NUL character in its value"),
        (b"A=hunter2\nB=\xffhunter2", "whose line 2 is not UTF-8 (save the file as UTF-8)"),
        (b"#" * 1_000_001, "which is larger than 1 MB"),
    ],
)
def test_a_wrong_env_file_is_one_problem_that_shows_nothing_of_it(
    folder: Path, content: str | bytes, clause: str
) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv_file = 'a.env'\n"
    (found,) = said_in(folder, text, a=content)
    assert found.startswith(f':3: worker "w": env_file names "a.env", {clause}')
    assert "hunter" not in found


def test_an_env_file_that_cannot_be_read_is_named_with_its_reason(folder: Path) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv_file = [\n'no.env',\n'pipe',\n'.',\n'{}']\n".format("x" * 300)
    os.mkfifo(folder / "pipe")
    assert said_in(folder, text) == [
        f':4: worker "w": env_file[0] names "no.env", and there is no such file (looked for {folder}/no.env)',
        ':5: worker "w": env_file[1] names "pipe", which is no regular file',
        ':6: worker "w": env_file[2] names ".", which is no regular file',
        f':7: worker "w": env_file[3] names "{"x" * 59}…", which cannot be read: File name too long',
    ]


def test_an_env_file_without_the_right_to_read_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    (found,) = said_of_worker("env_file = 'a.env'")
    assert found == '1: env_file names "a.env", which this user may not read'


def test_a_wrong_env_file_of_the_defaults_is_told_once_and_though_no_worker_uses_it(folder: Path) -> None:
    text = "[defaults]\nenv_file = 'a.env'\n[workers]\na = { command = 'x', env_file = [] }\n"
    (found,) = said_in(folder, text, a="oops")
    assert found.startswith(':2: [defaults]: env_file names "a.env", whose line 1')
    assert said_in(folder, f"{text}b.command = 'x'\nc.command = 'x'\n", a="oops") == [found]


def test_what_env_files_set_counts_towards_the_size(folder: Path) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv.B = 'y'\nenv_file = 'a.env'\n"
    assert load_in(folder, text, a="A=" + "x" * 99_900).workers
    (found,) = said_in(folder, text, a="A=" + "x" * 100_000)
    assert found.startswith(':4: worker "w": command and environment together are longer than 100,000 bytes')


def test_the_digest_covers_the_env_files_and_so_does_that_of_what_is_on_disk(folder: Path) -> None:
    text = "[defaults]\nenv_file = ['a.env', 'b.env']\n[workers.w]\ncommand = 'x'\nenv_file = 'c.env'"
    on_disk = FileOnDisk(folder / "panevisor.toml")
    seen = set()
    for files in ({"a": "", "b": "", "c": ""}, {"a": "A=1"}, {"b": "A=1"}, {"a": "", "c": "A=1"}, {"c": "A=2"}):
        config = load_in(folder, text, **files)
        assert on_disk.digest() == digest_on_disk(folder / "panevisor.toml") == config.digest
        seen.add(config.digest)
    assert len(seen) == 5
    (folder / "c.env").unlink()
    assert on_disk.digest() not in seen
    (folder / "panevisor.toml").unlink()
    assert on_disk.digest() == ""


def test_a_changed_value_is_a_spec_that_needs_a_new_process(folder: Path) -> None:
    text = "[workers.w]\ncommand = 'x'\nenv_file = 'a.env'"
    first, second = (load_in(folder, text, a=f"A={value}").workers[0] for value in "12")
    assert first.digest != second.digest
    assert load_in(folder, text, a="# a comment\nA=2").workers[0].digest == second.digest


# defaults


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


def test_an_error_in_the_defaults_is_told_once_at_its_own_line() -> None:
    text = "[defaults]\nrestart = 5\nlabel = 1\n[workers]\na.command = 'x'\nb.command = 'x'\nc = { command = 'x' }"
    assert said(text) == [
        ':2: [defaults]: restart must be "always", "on-failure" or "never", not 5',
        ':3: [defaults]: unknown key "label" (did you mean "labels"?)',
    ]
    assert {problem.worker for problem in problems(text)} == {DEFAULTS}


def test_an_error_in_the_defaults_is_told_though_no_worker_uses_it() -> None:
    text = "[workers.a]\ncommand = 'x'\nrestart = 'never'\n[defaults]\nrestart = 5"
    assert [problem.line for problem in problems(text)] == [5]
    assert [problem.line for problem in problems("[defaults]\nrestart = 5")] == [2]


def test_a_worker_called_defaults_is_told_from_the_defaults() -> None:
    assert said("workers.defaults = { command = 'x', foo = 1 }") == [':1: worker "defaults": unknown key "foo"']


@pytest.mark.parametrize("line", ["command = 'x'", "depends_on = ['a']"])
def test_what_is_each_worker_s_own_is_refused_in_the_defaults(line: str) -> None:
    key = line.split()[0]
    text = f"[defaults]\n{line}\n[workers.a]\ncommand = 'x'"
    assert said(text) == [f":2: [defaults]: {key} belongs to each worker and cannot stand here"]


def test_defaults_that_do_not_go_together_are_told_once_and_at_the_defaults() -> None:
    text = "[defaults]\nready.delay = '2m'\n[workers]\na.command = 'x'\nb.command = 'x'"
    assert said(text) == [":2: [defaults]: ready.delay (120s) must be less than ready.timeout (60s)"]


def test_a_default_that_goes_together_with_the_worker_s_own_key_is_fine() -> None:
    spec = read("defaults.ready.delay = '2m'\nworkers.a = { command = 'x', ready.timeout = '3m' }").workers[0]
    assert spec.ready == Ready(delay=120.0, timeout=180.0)


def test_a_worker_whose_key_does_not_go_together_with_the_defaults_is_the_one_to_mend() -> None:
    text = "[defaults]\nbackoff.max = '3s'\n[workers.a]\ncommand = 'x'\n[workers.a.backoff]\ninitial = '5s'"
    assert said(text) == [':5: worker "a": backoff.max (3s) must not be less than backoff.initial (5s)']


# how it is said


def test_a_problem_reads_as_place_whose_and_what() -> None:
    (problem, *_) = problems("[workers.api]\ncomand = 'x'\ncommand = 'y'")
    assert str(problem) == f'{PATH}:2: worker "api": unknown key "comand" (did you mean "command"?)'
    assert (problem.file, problem.line, problem.worker, problem.key) == (str(PATH), 2, "api", "comand")


def test_an_error_is_all_its_problems_by_line() -> None:
    text = "[workers.b]\nfoo = 1\n[supervisor]\nmax_workers = 0\n[defaults]\nrestart = ''\n[workers.a]\ncommand = ''\n"
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert [problem.line for problem in caught.value.problems] == [1, 2, 4, 6, 8]
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)


def test_keys_are_named_from_their_table_or_from_the_top() -> None:
    text = "supervisor.pane.rows = 1\nworkers.a = { command = 'x', backoff.factor = 0, ok_exit_codes = [0, 'x'] }"
    assert [problem.key for problem in problems(text)] == ["supervisor.pane.rows", "backoff.factor", "ok_exit_codes[1]"]


def test_a_far_off_key_gets_no_suggestion() -> None:
    assert said_of_worker("zzzzzz = 1") == ['1: unknown key "zzzzzz"']


def test_a_key_with_dashes_or_capitals_is_recognised() -> None:
    assert said_of_worker("Max-Restarts = 1") == ['1: unknown key "Max-Restarts" (did you mean "max_restarts"?)']


def test_a_long_value_is_cut_and_control_characters_are_escaped() -> None:
    (message,) = said_of_worker("healthy_after = '" + "9" * 5000 + "'")
    assert "9" * 59 + "…" in message
    assert "9" * 60 not in message
    (message,) = said_of_worker(r'restart = "\u001b[2J\u009b\u202e"')
    assert r'"\u001b[2J\u009b\u202e"' in message
    assert message.isprintable()


def test_values_of_the_environment_are_never_shown() -> None:
    for line in ["env = 'hunter2'", "env.A = ['hunter2']", "env.A = 7777777", r'env.A = "hunter2\u0000"']:
        (message,) = said_of_worker(line)
        assert "hunter2" not in message
        assert "7777777" not in message


def test_no_message_speaks_pydantic() -> None:
    text = "supervisor = 5\ndefaults = 5\nworkers = 5\nfoo = 5"
    assert not re.search("pydantic|Input should|valid dict|https?:|Value error|instance", "".join(said(text)))


# where it is


def test_the_line_is_found_however_the_table_is_written() -> None:
    text = """\
workers.a.command = 'x'
workers.a.backoff.factor = 0

[workers.b]  # a comment
command = [
  "x",  # another
  5]
[workers.b.log]
keep = 0
[workers.c]
command = 'x'
log = { max_size = '1MB', keep = 0 }
[workers."d".'log']
keep = 0
[workers.d]
"""
    assert [(problem.line, problem.worker, problem.key) for problem in problems(text)] == [
        (2, "a", "backoff.factor"),
        (7, "b", "command[1]"),
        (9, "b", "log.keep"),
        (12, "c", "log.keep"),
        (14, "d", "log.keep"),
        (15, "d", "command"),
    ]


def test_a_missing_key_is_at_its_table_or_else_where_the_table_is_first_named() -> None:
    assert [problem.line for problem in problems("\n[workers.a]\ncwd = '.'\n[workers.b.env]\nA = 'x'")] == [2, 4]


def test_places_know_quoted_keys_and_arrays_of_tables() -> None:
    places = Places(b'\n"a\\u0062".\'c.d\'."" = 1\n[[x]]\n[[x]]\ny = [[1],\n[2,\n{ z = 3 }]]\n')
    assert places.line(("ab", "c.d", "")) == 2
    assert [places.line(("x", index)) for index in (0, 1)] == [3, 4]
    assert places.line(("x", 1, "y", 1, 1, "z")) == 7
    assert places.line(("x", 1, "y", 1, 9, "no")) == 6
    assert places.line(("nowhere",)) is None


# durations and sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0.0),
        ("100ms", 0.1),
        ("700ms", 0.7),
        ("5s", 5.0),
        ("1.5s", 1.5),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1d1h1m1s1ms", 90061.001),
        ("36500d", 36500 * 86400.0),
    ],
)
def test_a_duration_is_its_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "value", ["", "10", "s", "-1s", "1 s", "1s1m", "1s1s", "1m 30s", "5S", "1e3s", "inf", "nans", "٣s", "1s\n", ".5s"]
)
def test_what_is_no_duration_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(ValueError, match='must be a duration like "10s" or "1m30s", not '):
        seconds(value)


@pytest.mark.parametrize(("value", "hint"), [(10, "10s"), ("10", "10s"), (0.5, "0.5s")])
def test_a_number_without_unit_is_refused_with_what_was_probably_meant(value: object, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'(for seconds write "{hint}")')):
        seconds(value)


@pytest.mark.parametrize("value", [True, None, [], {}, -1, HUGE, float("nan"), "99999999999d", "36501d"])
def test_odd_values_are_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        seconds(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1B", 1),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("20MB", 20_000_000),
        ("1MiB", 2**20),
        ("1.5GB", 1_500_000_000),
        (7, 7),
        (0, 0),
    ],
)
def test_a_size_is_its_bytes(value: object, expected: int) -> None:
    assert size(value) == expected


@pytest.mark.parametrize("value", ["", "10", "MB", "1 MB", "1mb", "1KB", "-1B", "1TB", 1.5, True, None, -1, HUGE])
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        size(value)


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.from_regex(r"([0-9.]+(d|h|m|s|ms|kB|MiB))+"))
def test_any_value_is_a_quantity_in_range_or_a_refusal(value: object) -> None:
    for reader in (seconds, size):
        try:
            verdict = str(0 <= reader(value) <= 10**15)
        except ValueError as refusal:
            verdict = str(refusal)
        assert verdict == "True" or verdict.startswith("must be ")


# one rule after the other


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("capture_interval = '99ms'", 'capture_interval must be from "100ms" to "36500d", not "99ms"'),
        ("health_interval = '0s'", 'health_interval must be from "100ms" to "36500d", not "0s"'),
        ("heartbeat_interval = '999ms'", 'heartbeat_interval must be from "1s" to "36500d", not "999ms"'),
        ("max_workers = 0", "max_workers must be at least 1, not 0"),
        ("max_workers = 4001", "max_workers must be at most 4000, not 4001"),
        ("max_workers = true", "max_workers must be a whole number, not true"),
        ("max_workers = '5'", 'max_workers must be a whole number, not "5" (leave out the quotes)'),
        ("max_workers = 5.0", "max_workers must be a whole number, not 5.0"),
        ("pane.columns = 9", "pane.columns must be at least 10, not 9"),
        ("pane.columns = 1001", "pane.columns must be at most 1000, not 1001"),
        ("pane.rows = 1", "pane.rows must be at least 2, not 1"),
        ("pane.rows = 1001", "pane.rows must be at most 1000, not 1001"),
        ("pane.history = -1", "pane.history must be at least 0, not -1"),
        ("pane.history = 1000001", "pane.history must be at most 1000000, not 1000001"),
        ("pane.colums = 1", 'unknown key "colums" in pane (did you mean "columns"?)'),
        ("log.keep = 0", "log.keep must be at least 1, not 0"),
        ("log.keep = 1001", "log.keep must be at most 1000, not 1001"),
        ("log.max_size = 3999", 'log.max_size must be from "4kB" to "1000000GB", not 3999'),
        ("log.level = 'warn'", 'log.level must be "debug", "info", "warning" or "error", not "warn"'),
        ("log.format = 'text'", 'log.format must be "json" or "console", not "text"'),
        ("watch_config = 'yes'", 'watch_config must be true or false, not "yes"'),
        ("watch_config = 1", "watch_config must be true or false, not 1"),
        ("max_starting = -1", "max_starting must be at least 0, not -1"),
        ("min_free_memory = '5'", 'min_free_memory must be a size like "500MB", or a share of the memory like "5%"'),
        ("min_free_memory = '100%'", 'min_free_memory must be less than 100%, not "100%"'),
        ("on_term = 'kill'", 'on_term must be "keep" or "stop", not "kill"'),
        ("state_dir = ''", "state_dir must not be empty"),
        ("state_dir = '~/x'", 'state_dir must not begin with "~"'),
        (r'log.file = "a\u0000"', "log.file must not contain a NUL character"),
        ("pain = 1", 'unknown key "pain" (did you mean "pane"?)'),
    ],
)
def test_supervisor_rules(line: str, message: str) -> None:
    (found,) = said(f"[supervisor]\n{line}")
    assert found.startswith(f":2: [supervisor]: {message}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cwd = ''", "cwd must not be empty"),
        ("cwd = 5", "cwd must be text in quotes, not 5"),
        ("cwd = 2020-01-01", "cwd must be text in quotes, not 2020-01-01"),
        (r'cwd = "\u0000"', "cwd must not contain a NUL character"),
        ("env.A-B = 'x'", "env.A-B is not a valid name for a variable"),
        ("env.'' = 'x'", 'env."" is not a valid name for a variable'),
        ("env.1A = 'x'", "env.1A is not a valid name for a variable"),
        ("env.PANEVISOR_WORKER = 'x'", "env.PANEVISOR_WORKER is set by Panevisor itself"),
        ("env.A = 5", "env.A must be text in quotes"),
        ("env_file = 5", 'env_file must be a path like ".env" or an array of paths, not 5'),
        ("env_file = ''", "env_file must not be empty"),
        ("env_file = ['~/.env']", 'env_file[0] must not begin with "~"'),
        ("env_file = [5]", "env_file[0] must be text in quotes, not 5"),
        (r'env_file = ["\u0000"]', "env_file[0] must not contain a NUL character"),
        ("project = 5", "project must be text in quotes, not 5"),
        ("labels.a = true", "labels.a must be text in quotes, not true"),
        ("labels = ['a']", "labels must be a table, not an array"),
        ("replicas = -1", "replicas must be at least 0, not -1"),
        ("replicas = 4001", "replicas must be at most 4000, not 4001"),
        ("labels.'' = 'x'", 'labels."" could not be selected by `-l LABEL=VALUE`'),
        ("labels.'a=b' = 'x'", 'labels."a=b" could not be selected by `-l LABEL=VALUE`'),
        ("labels.replica_of = 'x'", "labels.replica_of is set by Panevisor itself"),
        ("replicas = true", "replicas must be a whole number, not true"),
        ("protected = 0", "protected must be true or false, not 0"),
        (
            "restart = 'allways'",
            'restart must be "always", "on-failure" or "never", not "allways" (did you mean "always"?)',
        ),
        ("restart = {}", 'restart must be "always", "on-failure" or "never", not a table'),
        ("ok_exit_codes = 0", "ok_exit_codes must be an array, not 0"),
        ("ok_exit_codes = [256]", "ok_exit_codes[0] must be at most 255, not 256"),
        ("ok_exit_codes = [0, -1]", "ok_exit_codes[1] must be at least 0, not -1"),
        ("ok_exit_codes = [false]", "ok_exit_codes[0] must be a whole number, not false"),
        ("backoff = '1s'", 'backoff must be a table like { initial = "1s" } or an array like ["1s", "5s"], not "1s"'),
        ("backoff = []", 'backoff must be an array of pauses like ["1s", "5s"], not an empty array'),
        ("backoff = ['1s', 5.0]", 'backoff[1] must be a duration like "10s" or "1m30s", not 5.0 (for seconds write'),
        ("backoff.steps = ['1s', '']", "backoff.steps[1] must be a duration"),
        ("backoff = { steps = ['1s'], max = '5s' }", "backoff has steps, which are the pauses themselves"),
        ("backoff = { kind = 'linear', factor = 3 }", 'backoff.factor is for kind = "exponential", not for "linear"'),
        ("backoff.kind = 'lineal'", 'backoff.kind must be "exponential", "linear" or "constant", not "lineal" (did'),
        ("max_restarts_in = 5", "max_restarts_in must be a table, not 5"),
        ("max_restarts_in = { restarts = 0, within = '1s' }", "max_restarts_in.restarts must be at least 1, not 0"),
        ("max_restarts_in = { restarts = 1001, within = '1s' }", "max_restarts_in.restarts must be at most 1000"),
        ("max_restarts_in = { restarts = 5 }", "max_restarts_in.within is missing"),
        ("retry = '0s'", 'retry must be from "1s"'),
        ("retry = 5", 'retry must be a duration like "10s" or "1m30s", or "never", not 5 (for seconds write "5s")'),
        ("on_exit = {}", "on_exit must be an array, not a table"),
        ("on_exit = [{ do = 'fail' }]", "on_exit[0].do needs codes or signals beside it, to say after which ends"),
        ("on_exit = [{ codes = [256], do = 'fail' }]", "on_exit[0].codes[0] must be at most 255, not 256"),
        ("on_exit = [{ signals = ['SEGF'], do = 'fail' }]", 'on_exit[0].signals[0] must be a signal like "SEGV" or 11'),
        ("on_exit = [{ signals = [true], do = 'fail' }]", "on_exit[0].signals[0] must be a signal like"),
        ("on_exit = [{ codes = [1], do = 'fale' }]", 'on_exit[0].do must be "restart-now", "backoff", "complete" or'),
        ("on_exit = [{ code = [1], codes = [1], do = 'fail' }]", 'unknown key "code" in on_exit[0] (did you mean'),
        ("backoff.factor = 0.5", "backoff.factor must be at least 1, not 0.5"),
        ("backoff.factor = nan", "backoff.factor must be a finite number, not nan"),
        ("backoff.factor = inf", "backoff.factor must be a finite number, not inf"),
        ("backoff.factor = true", "backoff.factor must be a number, not true"),
        ("backoff.factor = '2'", 'backoff.factor must be a number, not "2" (leave out the quotes)'),
        ("backoff.jitter = 1.5", 'backoff.jitter must be a number from 0 to 1, or "full", not 1.5'),
        ("backoff.jitter = nan", 'backoff.jitter must be a number from 0 to 1, or "full", not nan'),
        ("backoff.jitter = 'ful'", 'backoff.jitter must be a number from 0 to 1, or "full", not "ful"'),
        ("backoff.jitter = 1" + "0" * 400, 'backoff.jitter must be a number from 0 to 1, or "full", not a number of'),
        ("backoff.initial = '2m'", "backoff.max (60s) must not be less than backoff.initial (120s)"),
        ("backoff.max = '1ms'", "backoff.max (0.001s) must not be less than backoff.initial (1s)"),
        ("backoff.maximum = 1", 'unknown key "maximum" in backoff'),
        ("max_restarts = -2", "max_restarts must be at least -1, not -2"),
        ("max_restarts = 99999999999999999999", "max_restarts must be at most 1000000000"),
        ("max_restarts = 0x" + "f" * 5000, "max_restarts must be at most 1000000000, not a number of more than"),
        ("healthy_after = '0s'", 'healthy_after must be from "1ms"'),
        ("healthy_after = 'never'", "healthy_after must be a duration"),
        ("cleanup_after = 'Never'", 'cleanup_after must be a duration like "10s" or "1m30s", or "never", not "Never"'),
        ("ready.delay = '60s'", "ready.delay (60s) must be less than ready.timeout (60s)"),
        ("ready.timeout = '0s'", 'ready.timeout must be from "1ms"'),
        ("ready.tpc = ''", 'unknown key "tpc" in ready'),
        ("log.keep = 0", "log.keep must be at least 1, not 0"),
        ("log.max_size = '1kB'", 'log.max_size must be from "4kB"'),
        ("log.level = 'info'", 'unknown key "level" in log'),
        ("pane.rows = 5", 'unknown key "pane"'),
        ("depends_on = 'db'", 'depends_on must be a table like { db = "ready" } or an array of names, not "db"'),
        ("depends_on = [5]", "depends_on[0] must be the name of a worker in quotes, not 5"),
        ("depends_on = ['api']", "depends_on names the worker itself, which would never start"),
        ("depends_on.api = 'ready'", "depends_on names the worker itself, which would never start"),
    ],
)
def test_worker_rules(line: str, message: str) -> None:
    (found,) = said_of_worker(line)
    assert found.startswith(f"1: {message}")


def test_a_restart_policy_is_read_with_its_rules_its_window_and_its_slow_lane() -> None:
    spec = load_text(
        b"""
        [workers.api]
        command = "x"
        backoff = ["1s", "1s", "5s"]
        max_restarts_in = { restarts = 5, within = "1m" }
        retry = "10m"
        [[workers.api.on_exit]]
        codes = [75, 76]
        do = "restart-now"
        [[workers.api.on_exit]]
        signals = ["SEGV", 9, "SIGHUP"]
        do = "fail"
        """,
        Path("/x/panevisor.toml"),
    ).workers[0]
    assert spec.backoff == Backoff(steps=(1.0, 1.0, 5.0))
    assert (spec.max_restarts_in, spec.retry) == (Window(5, 60.0), 600.0)
    assert spec.on_exit == (
        ExitRule(do=ExitAction.RESTART_NOW, codes=(75, 76)),
        ExitRule(do=ExitAction.FAIL, signals=(11, 9, 1)),
    )
    assert rebuilt(WorkerSpec, json.loads(json.dumps(spec.to_json()))) == spec


def test_a_rule_that_is_wrong_is_told_with_its_own_line() -> None:
    rules = "[[workers.api.on_exit]]\ncodes = [1]\ndo = 'fail'\n[[workers.api.on_exit]]\nsignals = [0]\ndo = 'fail'"
    (found,) = problems(f"[workers.api]\ncommand = 'x'\n{rules}")
    assert (found.line, found.key) == (7, "on_exit[1].signals[0]")


def test_a_worker_can_put_its_own_list_of_pauses_over_the_default_table_and_take_back_a_slow_lane() -> None:
    defaults = "[defaults]\nbackoff.max = '2m'\nretry = '10m'\n"
    text = f"{defaults}[workers.a]\ncommand = 'x'\nbackoff = ['3s']\nretry = 'never'"
    (spec,) = load_text(text.encode(), Path("/x/panevisor.toml")).workers
    assert (spec.backoff, spec.retry) == (Backoff(steps=(3.0,)), None)


@pytest.mark.parametrize("key", ["rules"])
def test_keys_to_come_are_refused_as_not_yet_there(key: str) -> None:
    assert said_of_worker(f"{key} = {{}}") == [f'1: key "{key}" is not supported yet']
    assert said(f"[defaults]\n{key} = 1") == [f':2: [defaults]: key "{key}" is not supported yet']


@pytest.mark.parametrize("condition", list(Condition))
def test_each_condition_can_be_waited_for(condition: Condition) -> None:
    config = read(f"workers.db.command = 'x'\nworkers.a = {{ command = 'x', depends_on.db = '{condition}' }}")
    assert config.workers[1].depends_on == (("db", condition),)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("'complete'", '"complete" (did you mean "completed"?)'),
        ("'exit'", '"exit" (did you mean "exited"?)'),
        ("5", "5"),
        ("['ready']", "an array"),
    ],
)
def test_another_condition_is_refused_with_the_nearest(condition: str, found: str) -> None:
    message = f'depends_on.db must be "started", "ready", "completed" or "exited", not {found}'
    text = f"workers.db.command = 'x'\nworkers.a = {{ command = 'x', depends_on.db = {condition} }}"
    assert said(text) == [f':2: worker "a": {message}']


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("''", "command must not be blank"),
        ("' \\t '", "command must not be blank"),
        ("[]", 'command must be an array like ["sleep", "60"], or text for /bin/sh, not an empty array'),
        ("5", 'command must be an array like ["sleep", "60"], or text for /bin/sh, not 5'),
        ("['']", "command[0] must name the program, and is empty"),
        ("['x', 5]", "command[1] must be text in quotes, not 5"),
        ("['x', ['y']]", "command[1] must be text in quotes, not an array"),
        (r'"x\u0000"', "command must not contain a NUL character"),
        (r'["x", "\u0000"]', "command[1] must not contain a NUL character"),
    ],
)
def test_command_rules(command: str, message: str) -> None:
    assert said(f"[workers.a]\ncommand = {command}".replace("\\t", "\t")) == [f':2: worker "a": {message}']


def test_all_bad_parts_of_a_value_are_told() -> None:
    assert len(said_of_worker("ok_exit_codes = [256, 'x', -1]\nenv = { A-B = 1, 2 = '' }\nstop = [1, 2]")) == 8


@pytest.mark.parametrize("tcp", ["127.0.0.1:1", "localhost:65535", "db.internal:80", "[::1]:80", "[fe80::1%eth0]:80"])
def test_an_address_is_host_and_port(tcp: str) -> None:
    assert worker(f"ready.tcp = '{tcp}'").ready.tcp == tcp


@pytest.mark.parametrize(
    "tcp",
    [
        "",
        ":80",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "host:x",
        "::1:80",
        "[::1]",
        "[x]:80",
        "h t:80",
        "[:80",
        "http://host:80",
        "host:80/x",
        "host:-1",
        "host:٣",
    ],
)
def test_what_is_no_address_is_refused(tcp: str) -> None:
    (found,) = said_of_worker(f"ready.tcp = '{tcp}'")
    assert found.startswith('1: ready.tcp must be "host:port" with a port from 1 to 65535, or "[::1]:port" for IPv6')


def test_a_stop_plan_may_ask_before_it_signals() -> None:
    table = (
        b"[workers.a]\ncommand = 'x'\nstop = [{ keys = ['C-c'] }, '2s', { text = 'exit' }, '5s', 'TERM', '10s', 'KILL']"
    )
    (spec,) = load_text(table, Path("/tmp/x.toml")).workers
    assert spec.stop == (TypeKeys(("C-c",)), 2.0, TypeText("exit"), 5.0, "TERM", 10.0, "KILL")
    assert rebuilt(WorkerSpec, json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("stop", "messages"),
    [
        ("[]", ['stop must be an array like ["TERM", "10s", "KILL"], not an empty array']),
        ("'TERM'", ['stop must be an array like ["TERM", "10s", "KILL"], not "TERM"']),
        ("['TERM']", ['stop must end with "KILL": a worker deaf to all the rest would never end']),
        ("['TERM', '10s']", ['stop must end with "KILL": a worker deaf to all the rest would never end']),
        ("['TRM', '1s', 'KILL']", ["stop[0] must be one of the signals TERM, INT, HUP, QUIT, USR1, USR2, KILL, not "]),
        (
            "['TERM', 10, 'KILL']",
            ['stop[1] must be a duration like "10s" or "1m30s", not 10 (for seconds write "10s")'],
        ),
        ("['TERM', 'KILL']", ['stop[1] must be a duration like "10s" or "1m30s", not "KILL" (put a wait between']),
        ("['10s', 'KILL']", ["stop[0] must be one of the signals", "stop[1] must be a duration"]),
        ("[{ keys = ['C-cc'] }, '1s', 'KILL']", ['stop[0] keys must be names of keys: "C-cc" is not a key']),
        ("[{ keys = [3] }, '1s', 'KILL']", ["stop[0] keys must be names of keys in quotes, not 3"]),
        ("[{ keys = [] }, '1s', 'KILL']", ['stop[0] must be { keys = ["C-c"] } or { text = "exit" }, not a table']),
        ("[{ text = 'a', x = 1 }, '1s', 'KILL']", ["stop[0] must be { keys = ["]),
        ('[{ text = "a\\nb" }, "1s", "KILL"]', ["stop[0] text must be one line of 1 to 1,000 characters"]),
        ("[{ text = 'a' }, { text = 'b' }, 'KILL']", ["stop[1] must be a duration"]),
        ("[{ text = 'exit' }]", ['stop must end with "KILL"']),
    ],
)
def test_stop_rules(stop: str, messages: list[str]) -> None:
    found = said_of_worker(f"stop = {stop}")
    assert len(found) == len(messages)
    assert all(line.startswith(f"1: {message}") for line, message in zip(found, messages, strict=True))


@pytest.mark.parametrize("name", ["a b", "", "é", "a.b", "x" * 65, "a\n", "a/b"])
def test_a_name_beyond_the_pattern_is_refused(name: str) -> None:
    (found,) = said(f"[workers.{shown(name)}]\ncommand = 'x'" if len(name) < 60 else f"workers.{name}.command = 'x'")
    assert "is not a valid name for a worker" in found


def test_names_of_the_service_itself_are_refused() -> None:
    (found,) = said("[workers._panevisor1]\ncommand = 'x'")
    assert found.startswith(':1: worker "_panevisor1": names that begin with _panevisor are kept')


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["command = 'x'", "env.A = '{}'"], "env"),
        (["command = ['x', '{}']"], "command"),
        (["command = '{}'"], "command"),
    ],
)
def test_more_arguments_and_environment_than_can_be_passed_are_refused(lines: list[str], key: str) -> None:
    text = "[workers.a]\n" + "\n".join(lines)
    assert read(text.format("x" * 99_900)).workers
    (problem,) = problems(text.format("€" * 33_400))
    assert (problem.line, problem.key) == (1 + len(lines), key)


# dependencies


def workers(**dependencies: str) -> str:
    return "".join(f"[workers.{name}]\ncommand = 'x'\ndepends_on = {on}\n" for name, on in dependencies.items())


def test_a_dependency_on_no_worker_names_the_nearest() -> None:
    assert said(workers(database="[]", api="['databse']", web="{ nothing = 'ready' }")) == [
        ':6: worker "api": depends_on names "databse", and no worker is called that (did you mean "database"?)',
        ':9: worker "web": depends_on names "nothing", and no worker is called that',
    ]


def test_a_dependency_on_a_worker_with_a_problem_of_its_own_is_no_problem() -> None:
    assert [problem.worker for problem in problems("[workers]\na = 5\nb = { command = 'x', depends_on = ['a'] }")] == [
        "a"
    ]


def test_a_cycle_is_one_problem_that_draws_it_from_its_first_worker() -> None:
    text = workers(z="['c']", a="['b']", b="{ c = 'started' }", c="['a']")
    assert said(text) == [':6: worker "a": depends_on goes in a circle: a → b → c → a']


def test_each_cycle_is_told_beside_the_other_problems() -> None:
    text = workers(a="['b']", b="['a']", c="['d']", d="['c']", e="['e', 'f']") + "foo = 1\n"
    assert [problem.line for problem in problems(text)] == [3, 9, 15, 15, 16]


def test_many_ways_to_one_worker_are_no_cycle() -> None:
    assert len(read(workers(a="['b', 'c']", b="['d']", c="['d', 'b']", d="[]")).workers) == 4


def test_a_cycle_of_thousands_is_found_and_drawn_short() -> None:
    (problem,) = problems(workers(**{f"w{n}": f"['w{(n + 1) % 2000}']" for n in range(2000)}))
    assert problem.message.endswith("→ w8 → w9 → … → w0")


# files with more problems than anyone mends at once


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[workers.a]\ncommand = 'x'\n" + "".join(f"k{n} = 1\n" for n in range(2500)), id="unknown keys"),
        pytest.param("".join(f"[workers.w{n}]\ncomand = 'x'\n" for n in range(1250)), id="in many workers"),
        pytest.param("[defaults]\n" + "".join(f"k{n} = 1\n" for n in range(2500)), id="in the defaults"),
        pytest.param("[workers.a]\ncommand = 'x'\nstop = [" + "1, " * 2500 + "]", id="in an array"),
        pytest.param(
            "[workers.a]\ncommand = 'x'\ndepends_on = [" + ", ".join(f"'s{n}'" for n in range(2500)) + "]",
            id="dependencies",
        ),
    ],
)
def test_the_first_hundred_problems_are_told_and_the_rest_is_counted(text: str) -> None:
    error = outcome(text.encode())
    assert isinstance(error, ConfigError)
    assert (len(error.problems), error.more, error.count) == (100, 2400, 2500)
    lines = [problem.line or 0 for problem in error.problems]
    assert lines == sorted(lines)
    assert len(str(error)) < 20_000
    assert str(error).endswith("\n… and 2,400 more problems (correct these first, then check again)")


def test_the_nearest_word_is_looked_up_only_for_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr("supervisor.config.problems.nearest", lambda word, _known: looked.append(word) or "")
    outcome(b"[workers.a]\ncommand = 'x'\n" + b"".join(b"k%d = 1\n" % n for n in range(2000)))
    assert looked == [f"k{n}" for n in range(100)]


def test_defaults_with_more_problems_than_are_told_are_not_judged_again_in_each_worker() -> None:
    defaults = "[defaults.backoff]\n" + "".join(f"k{n} = 1\n" for n in range(3000))
    error = outcome((defaults + workers(**{f"w{n}": "[]" for n in range(1000)})).encode())  # 3 million findings
    assert isinstance(error, ConfigError)
    assert error.count == 3000


def test_each_of_many_small_cycles_on_one_long_way_is_told() -> None:
    """Worker after worker depends on the next one, and every second pair on each other."""
    after = {n: [n + 1] if n < 3999 else [] for n in range(4000)}
    for n in range(1, 4000, 2):
        after[n].append(n - 1)
    text = workers(**{f"w{n}": repr([f"w{other}" for other in others]) for n, others in after.items()})
    error = outcome(text.encode())
    assert isinstance(error, ConfigError)
    assert error.count == 2000
    assert error.problems[1].message == "depends_on goes in a circle: w2 → w3 → w2"


# files that are no config


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/no\.toml: there is no such file .*panevisor init") as caught:
        load(tmp_path / "no.toml")
    assert caught.value.problems[0].line is None


def test_a_directory_and_an_impossible_path_are_config_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path)
    with pytest.raises(ConfigError, match="is no path of a file"):
        load(tmp_path / "a\0b")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / ("x" * 300))


def test_a_path_that_is_not_utf8_is_a_problem_that_can_be_shown(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "a.toml").touch()
    with pytest.raises(ConfigError) as caught:
        load(folder / "a.toml")
    (found,) = str(caught.value).encode().decode().splitlines()
    assert found == f"{tmp_path}/caf\\xe9/a.toml: its path is not UTF-8 (rename it, or what it lies in)"


def test_a_state_directory_that_is_not_utf8_is_a_problem_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.toml").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / os.fsdecode(b"caf\xe9")))
    with pytest.raises(ConfigError, match=r": its state directory .*/caf\\xe9/.* is not UTF-8 .*XDG_STATE_HOME"):
        load(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text('[supervisor]\nstate_dir = "café"\n')
    assert load(tmp_path / "a.toml").supervisor.state_dir == tmp_path / "café"


def test_a_file_that_may_not_be_read_is_a_config_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigError, match="no permission to read it"):
        load(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a = 1\nb = '\xff'", ":2: is not UTF-8: byte 0xff (save the file as UTF-8)"),
        (b"\na = b", ":2: not valid TOML, column 5: Invalid value (text needs quotes)"),
        (b"a = 1\na = 2\n\n", ":2: not valid TOML"),
        (b"[workers.a]\n\n[workers.a]\n", ":3: not valid TOML, column 11: this key or table stands twice (keep one)"),
        (b"a = 1\nb = 'x", ":2: not valid TOML"),
        (b"\0", ":1: not valid TOML"),
        pytest.param(b"a = 1\nb = " + b"9" * 5000, ":2: not valid TOML: a number is too long", id="digits"),
        pytest.param(b"a = " + b"[" * 100_000, ": is nested too deeply", id="arrays"),
        pytest.param(b"a = " + b"{a=" * 100_000, ": is nested too deeply", id="tables"),
        pytest.param(b"#" * 33_000_000, ": is larger than 32 MB", id="large"),
    ],
)
def test_what_is_no_toml_is_one_problem_with_its_line(text: bytes, message: str) -> None:
    (found,) = said(text)
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("wrokers.a = 1", [':1: unknown key "wrokers" (did you mean "workers"?)']),
        ("[api]\ncommand = 'x'", [':1: unknown key "api"']),
        ("workers = []", [":1: workers must be a table, not an array"]),
        ("workers.a = 5", [':1: worker "a": workers.a must be a table, not 5']),
        (
            "\n[[workers.a]]\n[[defaults]]\n[[supervisor]]",
            [
                ':2: worker "a": workers.a must be a table, not an array of tables (write [name], not [[name]])',
                ":3: defaults must be a table, not an array of tables (write [name], not [[name]])",
                ":4: supervisor must be a table, not an array of tables (write [name], not [[name]])",
            ],
        ),
    ],
)
def test_tables_of_the_wrong_kind(text: str, messages: list[str]) -> None:
    assert said(text) == messages


@given(st.binary())
def test_any_bytes_are_a_config_or_a_config_error(text: bytes) -> None:
    found = outcome(text)
    assert isinstance(found, Config) or found.problems


KEYS = [*WorkerSpec.__dataclass_fields__, "initial", "max", "delay", "timeout", "tcp", "keep", "A", "api", "db", "foo"]
KEYS.append("env_file")
SCALARS = st.sampled_from(
    ["true", "5", "-1", "0.5", "nan", "'1s'", "'2h'", "'x'", "'ready'", "'never'", "'KILL'", "''"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        )
    ),
    max_leaves=6,
)
TABLES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)


@given(st.dictionaries(st.sampled_from(["supervisor", "defaults", "workers.api", "workers.db"]), TABLES))
def test_no_worker_is_lost_without_a_problem_and_every_problem_has_a_line(tables: dict[str, dict[str, Any]]) -> None:
    lines = [[f"[{name}]", *(f"{key} = {value}" for key, value in table.items())] for name, table in tables.items()]
    text = "\n".join(line for table in lines for line in table)
    match outcome(text.encode()):
        case ConfigError(problems=found):
            assert found
            assert all(problem.line for problem in found)
        case config:
            assert [each.name for each in config.workers] == list(tomllib.loads(text).get("workers", {}))
            assert [rebuilt(WorkerSpec, each.to_json()) for each in config.workers] == list(config.workers)


# stall and limits


LADDER = """[
  { do = "notify" }, { do = "send", text = "continue", wait = "1m" }, { do = "send", keys = ["Escape"] },
  { do = "interrupt", wait = "5s" }, { do = "restart" },
]"""


def test_a_stall_ladder_is_read_with_a_wait_for_each_step_but_the_first() -> None:
    found = worker(f"stall.after = '10m'\nstall.by = 'screen'\nstall.ladder = {LADDER}").stall
    assert (found.after, found.by) == (600.0, "screen")
    assert found.ladder == (
        Rung(do="notify"),
        Rung(do="send", wait=60.0, text="continue"),
        Rung(do="send", wait=30.0, keys=("Escape",)),
        Rung(do="interrupt", wait=5.0),
        Rung(do="restart", wait=30.0),
    )


def test_without_a_word_nothing_stalls_and_nothing_is_limited() -> None:
    assert worker("").stall == Stall(after=None)
    assert worker("stall.after = 'never'\nlimits.memory = 'none'\nlimits.age = 'never'") == worker("")


def test_each_limit_can_have_its_own_reaction() -> None:
    found = worker(
        "limits = { memory = '2GB', cpu = 150, processes = { value = 9, do = 'restart' }, do = 'notify' }"
    ).limits
    assert found.memory == Limit(2e9, "notify")
    assert found.cpu == Limit(150, "notify")
    assert found.processes == Limit(9, "restart")
    assert found.age is None


def test_a_worker_s_limit_leaves_the_other_limits_of_the_defaults() -> None:
    text = "defaults.limits = { memory = '2GB', age = '1h' }\nworkers.a = { command = 'x', limits.memory = 'none' }"
    assert read(text).workers[0].limits == Limits(age=Limit(3600.0))


def test_a_changed_stall_or_limit_needs_no_new_process() -> None:
    assert worker("stall.after = '5s'\nlimits.cpu = 5").digest == worker("").digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stall = 5", "stall must be a table, not 5"),
        ("stall.after = '1s'", 'stall.after must be from "2s" to "36500d", not "1s"'),
        ("stall.by = 'eye'", 'stall.by must be "output" or "screen", not "eye"'),
        ("stall.ladder = [5]", "stall.ladder[0] must be a table, not 5"),
        ("stall.ladder = [{}]", "stall.ladder[0].do is missing"),
        (
            "stall.ladder = [{ do = 'send' }]",
            'stall.ladder[0].keys or text must be given, one of them: do = "send" has to say what it types',
        ),
        ("stall.ladder = [{ do = 'notify', text = 'x' }]", 'stall.ladder[0].keys and text are only for do = "send"'),
        ("stall.ladder = [{ do = 'send', text = 5 }]", "stall.ladder[0].text must be text in quotes, not 5"),
        (
            "stall.ladder = [{ do = 'send', keys = ['Entr'] }]",
            'stall.ladder[0].keys "Entr" is not a key (did you mean "Enter"?)',
        ),
        (
            "stall.ladder = [{ do = 'notify', wat = '1s' }]",
            'unknown key "wat" in stall.ladder[0] (did you mean "wait"?)',
        ),
        (
            "stall.ladder = [{ do = 'restart' }, { do = 'notify' }]",
            'stall.ladder[0] must come last when it is do = "restart": nothing is left to climb after it',
        ),
        (
            "limits.memory = '2'",
            'limits.memory must be a size like "20MB" or "512KiB", or a whole number of bytes, not "2"',
        ),
        ("limits.cpu = true", "limits.cpu must be a number of percent of one core from 1 to 1000000, not true"),
        ("limits.processes = 0", "limits.processes must be a whole number of processes from 1 to 1000000000, not 0"),
        ("limits.age = '0s'", 'limits.age must be from "1s" to "36500d", not "0s"'),
        ("limits.cpu = { do = 'notify' }", "limits.cpu.value is missing"),
        ("limits.cpu = { value = 5, doo = 'x' }", 'limits.cpu.doo is none of value and do (did you mean "do"?)'),
        (
            "limits.cpu = { value = 0 }",
            "limits.cpu.value must be a number of percent of one core from 1 to 1000000, not 0",
        ),
        ("limits.do = 'kill'", 'limits.do must be "restart" or "notify", not "kill"'),
        ("limits.disk = 5", 'unknown key "disk" in limits'),
    ],
)
def test_rules_of_stall_and_limits(line: str, message: str) -> None:
    assert said_of_worker(line) == [f"1: {message}"]


# probes


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


def test_thresholds_and_times_of_probes_reach_their_spec() -> None:
    spec = worker(
        'ready = { tcp = "a:1", interval = "2s", attempt_timeout = "3s", successes = 2, failures = 9 }\n'
        'live = { log = "x", interval = "1m", failures = 1, grace = "0s", do = "notify" }'
    )
    assert spec.ready == Ready(tcp="a:1", interval=2.0, attempt_timeout=3.0, successes=2, failures=9)
    assert spec.live == Live(log="x", interval=60.0, failures=1, grace=0.0, do=Do.NOTIFY)
    assert rebuilt(WorkerSpec, json.loads(json.dumps(spec.to_json()))) == spec


def test_a_record_of_before_there_were_kinds_is_read() -> None:
    old = worker("ready.tcp = 'a:1'").to_json()
    old["ready"] = {"delay": 0.0, "timeout": 60.0, "tcp": "a:1"}
    del old["live"]
    assert rebuilt(WorkerSpec, old) == worker("ready.tcp = 'a:1'")


def test_two_kinds_of_probe_in_one_table_are_refused_at_the_second() -> None:
    assert said_of_worker("ready.tcp = 'a:1'\nready.log = 'x'") == [
        "2: ready.log stands beside tcp, and only one of them can be asked"
    ]


def test_a_worker_s_own_kind_of_probe_replaces_that_of_the_defaults() -> None:
    text = "[defaults]\nready = { tcp = 'a:1', timeout = '5s' }\n[workers.w]\ncommand = 'x'\nready.log = 'x'\n"
    (spec,) = read(text).workers
    assert spec.ready == Ready(log="x", timeout=5.0)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(?=x)", "is no pattern for RE2 (invalid perl operator: (?=); it has no look-around"),
        ("(a)\\1", "is no pattern for RE2 (invalid escape sequence: \\1); it has no back-references"),
        ("[", "is no pattern for RE2 (missing ]: [)"),
        ("a)|(?P<x>b", "is no pattern for RE2 (unexpected ): a)|(?P<x>b)"),
        ("", "must not be empty: it would match whatever there is"),
        ("x" * 1001, "must not be longer than 1000 characters"),
    ],
)
def test_a_pattern_that_re2_refuses_is_told_with_its_line(pattern: str, what: str) -> None:
    assert said_of_worker(f"live.screen = '{pattern}'") == [f"1: live.screen {what}"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("http = 'https://a/b'", 'ready.http must begin with "http://"'),
        ("http = 'http://me:SECRET@a/'", 'ready.http must be a URL like "http://127.0.0.1:8080/health"'),
        ("http = 'http://a:0'", "ready.http must be a URL"),
        ("http = 'http://a/b c'", "ready.http must have neither blanks"),
        ("http = 7", "ready.http must be a URL like"),
        ("http = {}", "ready.http.url is missing"),
        ("http = { url = 'http://a', status = [99] }", "ready.http.status must be an array of codes"),
        (
            "http = { url = 'http://a', headers = { A = \"SECRET\\nB\" } }",
            "ready.http.headers.A must be text in quotes",
        ),
        ("http = { url = 'http://a', headers = { 'A B' = 'x' } }", 'ready.http.headers."A B" is not a valid name'),
        ("http = { url = 'http://a', timeout = '1s' }", "ready.http.timeout is unknown"),
        ("command = []", "ready.command must be an array like"),
        ("successes = 0", "ready.successes must be at least 1"),
        ("failures = 0", "ready.failures must be at least 1, or -1"),
        ("interval = '1ms'", "ready.interval must be"),
    ],
)
def test_what_is_wrong_with_a_probe_is_told_without_its_secrets(line: str, found: str) -> None:
    (message,) = said_of_worker(f"ready.{line}")
    assert message.startswith(f"1: {found}")
    assert "SECRET" not in message


def test_a_memory_gate_is_a_size_or_a_share_of_the_machines_memory() -> None:
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for written, least in (("'500MB'", 500_000_000), ("'0B'", 0), ("0", 0), ("'50%'", whole // 2)):
        assert read(f"supervisor.min_free_memory = {written}").supervisor.min_free_memory == least
