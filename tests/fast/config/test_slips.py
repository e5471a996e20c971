"""What people write first who come from a shell or from another tool is told with what it is here."""

from pathlib import Path

import pytest

from supervisor.config.load import load_text
from supervisor.config.problems import ConfigError
from supervisor.config.replicas import filled
from supervisor.kernel.programs import cannot_execute


def said(text: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        load_text(text.encode(), Path("/x/panevisor.toml"))
    return str(wrong.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('command = ["~/bin/x"]', 'command[0] must not begin with "~"'),
        ('command = ["$HOME/bin/x", "y"]', 'command[0] must not begin with "$HOME"'),
        ('command = "x"\ncwd = "$HOME"', 'cwd must not begin with "$HOME", which only a shell knows'),
        ('command = ["python3 -m http.server"]', 'one word an item, like "python3", "-m", "http.server"'),
        ('command = ["/usr/bin/python3 -m x"]', "one word an item"),
        ('command = "x"\ndirectory = "/"', 'unknown key "directory" (here it is cwd)'),
        ('command = "x"\nenvironment = {}', "(here it is env)"),
        ('command = "x"\nnumprocs = 2', "(here it is replicas)"),
        ('command = "x"\nstartsecs = 2', "(here it is healthy_after"),
        ('command = "x"\nautorestart = true', "(here it is restart)"),
        ('command = "x"\nstopsignal = "INT"', "(here it is stop"),
        ('ExecStart = "x"', 'unknown key "ExecStart" (here it is command)'),
        ('command = "x"\nRestartSec = 5', "(here it is backoff)"),
        ('command = "x"\nmax_memory_restart = "1G"', "(here it is limits.memory)"),
        ('command = "x"\nhealthcheck = {}', "(here it is live, or ready)"),
        ('command = "x"\nports = []', "(here it is no key: "),
        ('command = "x"\nstop_grace_period = "10s"', "(here it is stop"),
        ('command = "x"\navailability = { restart = "always" }', "(here it is restart, backoff and max_restarts)"),
        ('command = "x"\nlivenessProbe = {}', "(here it is live)"),
        ('command = "x"\ngraceful_timeout = 3', "(here it is stop"),
        ('command = "x"\nis_daemon = true', '(here it is background = "allow")'),
        ('command = "x"\nLimitNOFILE = 1024', "(here it is rlimits)"),
    ],
)
def test_a_slip_is_told_with_what_is_meant(line: str, told: str) -> None:
    assert told in said(f"[workers.a]\n{line}")


def test_source_is_told_where_sh_does_not_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.realpath", lambda path: "/usr/bin/dash" if path == "/bin/sh" else path)
    text = "[workers.a]\ncommand = 'cd x && source venv/bin/activate && exec y'"
    assert "this is /bin/sh: use `. venv/bin/activate`, or bash" in said(text)
    load_text(b"[workers.a]\ncommand = 'open source x'", Path("/x/panevisor.toml"))


def test_names_with_dots_and_branches_get_a_proposal() -> None:
    assert ':1: worker "api": names have no dots' in said('[workers.api.v2]\ncommand = "x"').replace(":2:", ":1:")
    assert 'write "feature-x"' in said('[workers."feature/x"]\ncommand = "x"')


def test_paths_with_blanks_are_programs() -> None:
    load_text(b'[workers.a]\ncommand = ["/opt/My App/run"]', Path("/x/panevisor.toml"))


def test_doubled_braces_write_the_word_itself() -> None:
    table = {"command": "{{name}} {name} {{8080+index}} {8080+index} {{x}}"}
    assert filled(table, "web-2", 2) == {"command": "{name} web-2 {8080+index} 8082 {{x}}"}


def test_a_script_with_the_line_ends_of_windows_is_named(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_bytes(b"#!/bin/sh\r\necho\r\n")
    script.chmod(0o755)
    assert "line ends of Windows" in (cannot_execute(str(script), cwd="/", path="/bin") or "")


@pytest.mark.parametrize("line", ['stdin = "null"', "nice = 1", 'umask = "027"', "rlimits.core = 0", 'user = "bob"'])
def test_changed_surroundings_need_a_new_process(line: str) -> None:
    plain, changed = (
        load_text(f"[workers.a]\ncommand = 'x'\n{more}".encode(), Path("/x/panevisor.toml")).workers[0]
        for more in ("", line)
    )
    assert plain.digest != changed.digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rlimits = { nofiles = 1 }", 'is no limit of the kernel (did you mean "nofile"?)'),
        ("rlimits = { core = -1 }", "must be a whole number from 0"),
        ('user = "a b"', 'must be a name like "www-data"'),
    ],
)
def test_a_limit_or_a_user_that_cannot_be_is_told(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_text(f"[workers.a]\ncommand = 'x'\n{line}".encode(), Path("/x/panevisor.toml"))
    assert said in str(error.value)
