"""What commands make of their options and of an answer, without a service."""

import os
from pathlib import Path
from typing import Any

import pytest

from actors.values.spec import PaneSize
from supervisor.commands.service.plan import lines
from supervisor.commands.service.up import not_well
from supervisor.commands.workers.run import environment, run, settings
from supervisor.config.load import define
from supervisor.state.place import Place
from supervisor.wire.errors import CommandError


def test_the_environment_of_a_run_is_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/p")
    monkeypatch.setenv("MINE", "m")
    assert environment(("A=1", "B=x=y", "MINE")) == {"PATH": "/p", "A": "1", "B": "x=y", "MINE": "m"}
    assert environment(("PATH=/q",)) == {"PATH": "/q"}
    with pytest.raises(CommandError, match=r"no such variable here .*--env-file"):
        environment(("NOT_THERE",))


def test_a_run_can_take_the_whole_environment_but_not_what_speaks_of_this_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/p")
    monkeypatch.setenv("TOKEN", "t")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("BASH_FUNC_f%%", "() { :; }")
    assert environment((), whole=True) == {"PATH": "/p", "TOKEN": "t"}
    assert environment(("TOKEN=u", "COLUMNS"), {"PATH": "/set"}, whole=True) == {"TOKEN": "u", "COLUMNS": "80"}


def test_an_environment_that_no_request_can_hold_is_refused_with_the_mend() -> None:
    with pytest.raises(CommandError, match="pass on those that it needs with -e"):
        environment(tuple(f"V{n}=x" for n in range(1024)))


def test_an_env_file_sets_variables_and_those_of_options_count_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/p")
    first, second = tmp_path / "a.env", tmp_path / "b.env"
    first.write_text("A=1\nB=1\nC=1\nPATH=/q\n")
    second.write_text("B='2 two'\nC=2\n")
    found = environment(("C=3",), None, (str(first), str(second)))
    assert found == {"PATH": "/q", "A": "1", "B": "2 two", "C": "3"}


def test_a_wrong_env_file_is_refused_and_its_values_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "a.env"
    with pytest.raises(CommandError, match=f"and there is no such file .looked for {file}") as refused:
        environment((), None, (str(file),))
    assert refused.value.exit_code == 2
    file.write_text("A=1\nsecret\n")
    with pytest.raises(CommandError, match="whose line 2 is not NAME=value") as refused:
        environment((), None, (str(file),))
    assert "secret" not in refused.value.message


def test_a_run_in_a_folder_that_is_gone_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    options = {"settings": (), "env": (), "env_files": (), "env_all": False, "labels": (), "ephemeral": False}
    with pytest.raises(CommandError, match="the folder that you are in, and that is gone"):
        run(Place(tmp_path / "a.toml", tmp_path, tmp_path / "s"), "job", ("true",), wait=0.0, **options)


def test_settings_are_toml() -> None:
    assert settings(("max_restarts = 3", 'backoff.initial = "1s"')) == {
        "max_restarts": 3,
        "backoff": {"initial": "1s"},
    }
    with pytest.raises(CommandError, match="as TOML"):
        settings(("restart=always",))


def test_a_relative_path_that_is_set_begins_in_the_worker_s_folder() -> None:
    table = {"command": ["true"], "cwd": "/srv/app", "ready": {"unix": "run/app.sock"}}
    assert define("job", table, PaneSize()).ready.unix == "/srv/app/run/app.sock"


def test_lines_say_what_and_why() -> None:
    told: list[dict[str, Any]] = [
        {"name": "new", "action": "create", "keys": [], "note": ""},
        {"name": "api", "action": "replace", "keys": ["command", "env"], "note": ""},
        {"name": "old", "action": "stop", "keys": [], "note": "it is failed; it is forgotten"},
        {"name": "same", "action": "none", "keys": [], "note": ""},
    ]
    assert lines(told) == [
        "+ create  new",
        "~ replace api  command, env",
        "- stop    old  it is failed; it is forgotten",
        "1 unchanged",
    ]
    assert lines([]) == ["0 unchanged"]


def test_up_names_the_first_that_are_not_well_and_counts_the_others() -> None:
    verdicts = [{"name": f"w-{number}", "text": "failed"} for number in range(12)]
    assert not_well(verdicts[:2]) == ["w-0: failed", "w-1: failed"]
    assert not_well(verdicts)[-2:] == ["w-9: failed", "… and 2 more are not well"]
