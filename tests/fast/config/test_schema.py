"""The JSON Schema: valid files fit it, wrong ones do not, and the copy in config/ is what the model says."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import ROOT

from actors.values.keys import Form
from actors.values.spec import KINDS
from supervisor.commands.files.schema import FORMS, NAME, whole
from supervisor.config.load import load_text
from supervisor.config.problems import ConfigError

jsonschema = pytest.importorskip("jsonschema", reason="part of the extra [test]; this .venv was made before it was")
WORKER = '[workers.a]\ncommand = "x"\n'


def faults(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(whole()))
    return [error.json_path for error in validator.iter_errors(tomllib.loads(text))]


def test_the_copy_is_what_the_model_says() -> None:
    copy = (ROOT / "config" / NAME).read_text()
    assert copy == whole(), f"run: panevisor schema > config/{NAME}"
    jsonschema.Draft202012Validator.check_schema(json.loads(copy))


def test_each_form_has_its_schema() -> None:
    assert set(FORMS) == set(Form)


def files() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "config/demo.toml", ROOT / "supervisor/starter.toml"):
        yield path.name, path.read_text()


@pytest.mark.parametrize(("name", "text"), [*files()])
def test_the_files_of_the_project_fit_and_name_the_schema(name: str, text: str) -> None:
    assert faults(text) == []
    assert text.startswith("#:schema "), "editors look for it in the first line"
    assert text.splitlines()[0].endswith(NAME)


VALID = """
[supervisor]
pane = { columns = 100 }
log = { level = "debug", max_size = 5000 }
min_free_memory = "5%"
state_dir = "state"

[defaults]
env = { A = "1" }
backoff = ["1s", "1m30s"]
log.max_size = "1.5MiB"

[workers.web]
command = ["serve", "{8080+index}"]
replicas = 3
ready = { tcp = "127.0.0.1:{8080+index}", failures = -1 }
live.http = { url = "http://127.0.0.1/", status = [200], headers = { X-A = "b" } }
stop = ["SIGINT", "5s", { signal = "TERM", to = "tree" }, "1s", { keys = ["C-c"] }, "1s", "KILL"]
limits = { memory = { value = "1GB", do = "notify" }, cpu = 50.5, age = "never", processes = "none" }
on_exit = [{ codes = [3], do = "fail" }, { signals = ["SEGV", 9], do = "backoff" }]
max_restarts_in = { restarts = 3, within = "1m" }
stall = { after = "10m", ladder = [{ do = "send", text = "x" }, { do = "restart", wait = "1m" }] }

[workers.db]
command = "db"
stop = [{ text = "q" }, "0s", "KILL"]
depends_on = { web = "started" }
cleanup_after = "never"
retry = "1m"
env_file = ["a.env"]
"""


def test_a_file_with_all_kinds_of_values_fits(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\n")
    load_text(VALID.encode(), tmp_path / "panevisor.toml")
    assert faults(VALID) == []


def test_each_kind_of_probe_has_a_key() -> None:
    worker: dict[str, Any] = json.loads(whole())["$defs"]["worker"]["properties"]
    assert set(KINDS) < set(worker["ready"]["properties"])


@pytest.mark.parametrize(
    "wrong",
    [
        "[workers.a]\n",
        '[workers.a]\ncomand = "x"\n',
        "[workers.a]\ncommand = []\n",
        '[workers."a.b"]\ncommand = "x"\n',
        '[workers._panevisor]\ncommand = "x"\n',
        '[wokers.a]\ncommand = "x"\n',
        '[defaults]\ncommand = "x"\n',
        "[supervisor]\nmax_workers = 0\n",
        WORKER + 'restart = "sometimes"\n',
        WORKER + "healthy_after = 60\n",
        WORKER + 'healthy_after = "60"\n',
        WORKER + 'healthy_after = "1s1m"\n',
        WORKER + 'log.max_size = "10Mb"\n',
        WORKER + "env = { A = 1 }\n",
        WORKER + 'env = { "A B" = "1" }\n',
        WORKER + 'cwd = "~/x"\n',
        WORKER + 'stop = ["TERM", "10x", "KILL"]\n',
        WORKER + 'stop = ["STOP"]\n',
        WORKER + 'depends_on = { b = "healthy" }\n',
        WORKER + 'ready.tcp = "8080"\n',
        WORKER + 'ready.http = "https://x"\n',
        WORKER + "ok_exit_codes = [256]\n",
        WORKER + 'on_exit = [{ codes = [1], do = "stop" }]\n',
        WORKER + 'limits.memory = { do = "notify" }\n',
        WORKER + "backoff.initial = 1\n",
        WORKER + "protected = 1\n",
    ],
)
def test_a_wrong_file_does_not_fit_and_is_refused_by_check_too(wrong: str, tmp_path: Path) -> None:
    assert faults(wrong)
    with pytest.raises(ConfigError):
        load_text(wrong.encode(), tmp_path / "panevisor.toml")
