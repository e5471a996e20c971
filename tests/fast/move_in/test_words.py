"""What is said of a file has the words that stand in it, and a key is either carried over, named, or needless."""

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from supervisor.move_in.convert import convert
from supervisor.move_in.draft import Setting, Table

NO_ENV = Setting({}, "")


def the_worker(path: Path, text: str) -> tuple[Table, list[str]]:
    """Return the draft of the only worker, and the keys that are named."""
    path.write_text(text)
    (table,) = convert(path).draft.workers
    return table, [note.what.partition(":")[0] for note in table.notes]


def pm2(tmp_path: Path, **app: Any) -> tuple[Table, list[str]]:
    return the_worker(tmp_path / "pm2.json", json.dumps({"apps": [app]}))


def test_keys_of_pm2_are_named_as_the_file_has_them(tmp_path: Path) -> None:
    table, told = pm2(
        tmp_path,
        script="artisan",
        interpreter="php",
        args="serve",
        out_file="a.log",
        error="b.log",
        cron="@daily",
        user="www",
    )
    assert table.settings["command"].value == ["php", "artisan", "serve"]
    assert table.settings["command"].origin == "script, interpreter, args"
    assert (table.settings["user"].value, table.settings["user"].origin) == ("www", "user = www")
    assert told == ["out_file = a.log", "error = b.log", "cron = @daily"]


def test_the_file_server_within_pm2_is_no_program(tmp_path: Path) -> None:
    table, told = pm2(tmp_path, script="serve", env={"PM2_SERVE_PATH": ".", "PM2_SERVE_PORT": 8080})
    assert not table.active
    assert told == ["written as a comment"]
    assert pm2(tmp_path, script="serve", args="-s build")[0].active


def test_a_key_of_circus_that_is_carried_over_is_not_needless_too(tmp_path: Path) -> None:
    path = tmp_path / "circus.ini"
    table, told = the_worker(
        path,
        "[watcher:a]\ncmd = a\ngraceful_timeout = 5\nstop_children = True\ncopy_env = True\nstderr_stream.class = X\n"
        "stderr_stream.max_bytes = 9000\nstderr_stream.backup_count = 2\n",
    )
    assert table.settings["log"].value == {"max_size": 9000, "keep": 3}
    assert (table.needless, told) == (["copy_env", "stderr_stream.class"], [])


def test_a_log_of_supervisord_without_an_end_is_named(tmp_path: Path) -> None:
    for file, wanted in (("/var/log/a", ["stdout_logfile_maxbytes = 0"]), ("/dev/stdout", [])):
        text = f"[program:a]\ncommand=a\nstdout_logfile={file}\nstdout_logfile_maxbytes=0\n"
        table, told = the_worker(tmp_path / "supervisord.conf", text)
        assert [key for key in told if "maxbytes" in key] == wanted
        assert table.needless == ([] if wanted else ["stdout_logfile_maxbytes"])
        assert "log" not in tomllib.loads(convert(tmp_path / "supervisord.conf").text)["workers"]["a"]


def test_a_variable_means_that_of_the_outside_where_the_worker_has_another(tmp_path: Path) -> None:
    text = (
        '[program:a]\ncommand=sh -c "echo $HOME $USER $1" - %(ENV_USER)s\n'
        'environment=HOME="/home/%(ENV_USER)s",USER="www",SHELL="%(ENV_HOME)s"\n'
    )
    table, _ = the_worker(tmp_path / "supervisord.conf", text)
    env = {"HOME": "/root", "USER": "me", "PATH": os.environ["PATH"]} | table.settings.get("env", NO_ENV).value
    done = subprocess.run(table.settings["command"].value, shell=True, env=env, capture_output=True, text=True)
    assert done.stdout == "/home/me www www\n"  # a command reads what its own environment sets
