"""What is said about a bad file: how, where, and of what."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.config import PATH, outcome, problems, read, said, said_of_worker, workers

from actors.values.spec import WorkerSpec
from supervisor.config.load import load
from supervisor.config.places import Places
from supervisor.config.problems import DEFAULTS, ConfigError
from supervisor.config.settings import Config
from supervisor.text.values import rebuilt
from supervisor.text.words import shown

OWN = ((2, "command"), (3, "depends_on"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "[defaults]\nrestart = 5\nlabel = 1\n[workers]\na.command = 'x'\nb.command = 'x'",
            [
                ':2: [defaults]: restart must be "always", "on-failure" or "never", not 5',
                ':3: [defaults]: unknown key "label" (did you mean "labels"?)',
            ],
            id="once, at its own line",
        ),
        pytest.param(
            "[workers.a]\ncommand = 'x'\nrestart = 'never'\n[defaults]\nprotected = 5",
            [":5: [defaults]: protected must be true or false, not 5"],
            id="though no worker uses it",
        ),
        pytest.param(
            "[defaults]\nprotected = 5",
            [":2: [defaults]: protected must be true or false, not 5"],
            id="without workers",
        ),
        pytest.param(
            "[defaults]\ncommand = 'x'\ndepends_on = ['a']\n[workers.a]\ncommand = 'x'",
            [f":{n}: [defaults]: {key} belongs to each worker and cannot stand here" for n, key in OWN],
            id="each worker's own",
        ),
        pytest.param(
            "[defaults]\nready.delay = '2m'\n[workers]\na.command = 'x'\nb.command = 'x'",
            [":2: [defaults]: ready.delay (120s) must be less than ready.timeout (60s)"],
            id="what does not go together, once",
        ),
        pytest.param(
            "[defaults]\nbackoff.max = '3s'\n[workers.a]\ncommand = 'x'\n[workers.a.backoff]\ninitial = '5s'",
            [':5: worker "a": backoff.max (3s) must not be less than backoff.initial (5s)'],
            id="the worker is the one to mend",
        ),
        pytest.param(
            "workers.defaults = { command = 'x', foo = 1 }",
            [':1: worker "defaults": unknown key "foo"'],
            id="a worker of that name",
        ),
    ],
)
def test_an_error_in_the_defaults_is_told_where_it_is_to_mend(text: str, told: list[str]) -> None:
    assert said(text) == told
    of_defaults = [problem.worker == DEFAULTS for problem in problems(text)]
    assert of_defaults == ["[defaults]" in line for line in told]


def test_a_problem_reads_as_place_whose_and_what() -> None:
    (problem, *_) = problems("[workers.api]\ncomand = 'x'\ncommand = 'y'")
    assert str(problem) == f'{PATH}:2: worker "api": unknown key "comand" (did you mean "command"?)'
    assert (problem.file, problem.line, problem.worker, problem.key) == (str(PATH), 2, "api", "comand")


def test_an_error_is_all_its_problems_by_line_with_keys_from_their_table_or_from_the_top() -> None:
    text = "[workers.b]\nfoo = 1\n[supervisor]\npane.rows = 1\n[defaults]\nrestart = ''\n[workers.a]\ncommand = ''\n"
    error = outcome(f"{text}backoff.factor = 0\nok_exit_codes = [0, 'x']".encode())
    assert isinstance(error, ConfigError)
    keys = ["command", "foo", "supervisor.pane.rows", "restart", "command", "backoff.factor", "ok_exit_codes[1]"]
    assert [problem.key for problem in error.problems] == keys
    assert [problem.line for problem in error.problems] == [1, 2, 4, 6, 8, 9, 10]
    assert str(error) == "\n".join(str(problem) for problem in error.problems)


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
    # a missing key is at its table, or else where the table is first named
    assert [problem.line for problem in problems("\n[workers.a]\ncwd = '.'\n[workers.b.env]\nA = 'x'")] == [2, 4]


def test_places_know_quoted_keys_and_arrays_of_tables() -> None:
    places = Places(b'\n"a\\u0062".\'c.d\'."" = 1\n[[x]]\n[[x]]\ny = [[1],\n[2,\n{ z = 3 }]]\n')
    assert places.line(("ab", "c.d", "")) == 2
    assert [places.line(("x", index)) for index in (0, 1)] == [3, 4]
    assert places.line(("x", 1, "y", 1, 1, "z")) == 7
    assert places.line(("x", 1, "y", 1, 9, "no")) == 6
    assert places.line(("nowhere",)) is None


def test_a_rule_that_is_wrong_is_told_with_its_own_line() -> None:
    rules = "[[workers.api.on_exit]]\ncodes = [1]\ndo = 'fail'\n[[workers.api.on_exit]]\nsignals = [0]\ndo = 'fail'"
    (found,) = problems(f"[workers.api]\ncommand = 'x'\n{rules}")
    assert (found.line, found.key) == (7, "on_exit[1].signals[0]")


def test_all_bad_parts_of_a_value_are_told() -> None:
    assert len(said_of_worker("ok_exit_codes = [256, 'x', -1]\nenv = { A-B = 1, 2 = '' }\nstop = [1, 2]")) == 8


@pytest.mark.parametrize("name", ["a b", "", "é", "a.b", "x" * 65, "a\n", "a/b", "_panevisor1"])
def test_a_name_beyond_the_pattern_and_one_of_the_service_itself_are_refused(name: str) -> None:
    (found,) = said(f"[workers.{shown(name)}]\ncommand = 'x'" if len(name) < 60 else f"workers.{name}.command = 'x'")
    kept = "names that begin with _panevisor are kept"
    assert (kept if name.startswith("_") else "is not a valid name for a worker") in found


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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[workers.a]\ncommand = 'x'\n" + "".join(f"k{n} = 1\n" for n in range(2500)), id="unknown keys"),
        pytest.param("".join(f"[workers.w{n}]\nk{n} = {{}}\n" for n in range(1250)), id="in many workers"),
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
    assert str(error).endswith(" more problems (correct these first, then check again)")


def test_a_slip_that_is_in_many_workers_is_told_three_times_and_hides_no_other_one() -> None:
    slips = "".join(f"[workers.w{n}]\ncommand = 'x'\npane = 3\nretsart = 'never'\n" for n in range(500))
    error = outcome(f"{slips}[workers.last]\ncommand = 'x'\nrepl = 2\n".encode())
    assert isinstance(error, ConfigError)
    assert str(error).splitlines() == [
        *(
            f'/etc/pv/panevisor.toml:{line}: worker "w{n}": unknown key {key}'
            for n in range(3)
            for line, key in ((4 * n + 3, '"pane"'), (4 * n + 4, '"retsart" (did you mean "restart"?)'))
        ),
        '/etc/pv/panevisor.toml:2003: worker "last": unknown key "repl" (did you mean "replicas"?)',
        '… and 497 more times: unknown key "pane"',
        '… and 497 more times: unknown key "retsart" (did you mean "restart"?)',
    ]


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


def test_a_file_that_cannot_be_read_is_a_problem_without_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    for path, why in (
        (tmp_path / "no.toml", r"/no\.toml: there is no such file .*panevisor init"),
        (tmp_path, "is a directory"),
        (tmp_path / "a\0b", "is no path of a file"),
        (tmp_path / ("x" * 300), "cannot be read"),
        (tmp_path / "a.toml", "no permission to read it"),
    ):
        if "permission" in why:
            monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(ConfigError, match=why) as caught:
            load(path)
        assert caught.value.problems[0].line is None


def test_a_path_and_a_state_directory_that_are_not_utf8_are_problems_that_can_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "a.toml").touch()
    (tmp_path / "a.toml").touch()
    with pytest.raises(ConfigError) as caught:
        load(folder / "a.toml")
    (found,) = str(caught.value).encode().decode().splitlines()
    assert found == f"{tmp_path}/caf\\xe9/a.toml: its path is not UTF-8 (rename it, or what it lies in)"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    with pytest.raises(ConfigError, match=r": its state directory .*/caf\\xe9/.* is not UTF-8 .*XDG_STATE_HOME"):
        load(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text('[supervisor]\nstate_dir = "café"\n')
    assert load(tmp_path / "a.toml").supervisor.state_dir == tmp_path / "café"


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


def rules(section: str) -> list[str]:
    """Return the rows of a section of rules.txt."""
    text = Path(__file__).with_name("rules.txt").read_text().split(f"[{section}]\n")[1].partition("\n[")[0]
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("rule", rules("supervisor"))
def test_a_wrong_key_of_the_supervisor(rule: str) -> None:
    line, *messages = rule.split("  ⇒  ")
    assert said(f"[supervisor]\n{line}") == [f":2: [supervisor]: {message}" for message in messages]


@pytest.mark.parametrize("rule", rules("worker"))
def test_a_wrong_key_of_a_worker(rule: str) -> None:
    line, *messages = rule.split("  ⇒  ")
    assert said_of_worker(line) == [f"1: {message}" for message in messages]
    assert "SECRET" not in str(messages)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("backoff.jitter = 1" + "0" * 400, 'backoff.jitter must be a number from 0 to 1, or "full", not a number of'),
        ("max_restarts = 0x" + "f" * 5000, "max_restarts must be at most 1000000000, not a number of more than"),
        (f"live.screen = '{'x' * 1001}'", "live.screen must not be longer than 1000 characters"),
    ],
    ids=["jitter", "restarts", "pattern"],
)
def test_a_value_that_is_too_long_to_show(line: str, message: str) -> None:
    (found,) = said_of_worker(line)
    assert found.startswith(f"1: {message}")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("prompts = ['yes-on']\ndo = { answer = 'yes' }", 'called "yes-on" (did you mean "yes-no"?)'),
        ("prompts = ['yes-no']\ndo = { answer = 'maybe' }", 'yes-no has no answer "maybe" (it has yes, no)'),
        ("prompts = ['agent-works']\ndo = { answer = 'yes' }", 'agent-works has no answer "yes" (it has none)'),
        ("prompts = ['claude-title-works']\ndo = 'event'", 'no preset of screens is called "claude-title-works"'),
        ("match = 'x'\ndo = { answer = 'yes' }", "prompts is missing: a preset has the keys for an answer"),
        ("do = 'event'", 'match or prompts is missing: on = "prompt" has to say what is looked for'),
    ],
)
def test_a_rule_that_names_presets_or_answers_that_are_none(rule: str, message: str) -> None:
    (found,) = problems(f"[workers.api]\ncommand = 'x'\n[[workers.api.rules]]\non = 'prompt'\n{rule}")
    assert message in found.message
    assert found.line


def test_a_rule_may_name_presets_of_the_users_own_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        "[deploy]\nsays = 'waiting'\nmatch = '^Deploy\\?'\nkeys = { yes = ['y'] }\nshows = ['Deploy?']\n"
    )
    (tmp_path / "panevisor.toml").write_text(
        "[supervisor]\nprompts = 'mine.toml'\n[workers.api]\ncommand = 'x'\n"
        "[[workers.api.rules]]\non = 'prompt'\nprompts = ['deploy', 'yes-no']\ndo = { answer = 'yes' }\n"
    )
    (rule,) = load(tmp_path / "panevisor.toml").workers[0].rules
    assert rule.prompts == ("deploy", "yes-no")
