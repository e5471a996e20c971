"""Reading a config in a test: what a text gives, and what is said of it."""

import re
from pathlib import Path

import pytest

from actors.values.spec import (
    WorkerSpec,
)
from supervisor.config.load import load_text
from supervisor.config.problems import ConfigError, Problem
from supervisor.config.settings import Config

PATH = Path("/etc/pv/panevisor.toml")


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


def workers(**dependencies: str) -> str:
    return "".join(f"[workers.{name}]\ncommand = 'x'\ndepends_on = {on}\n" for name, on in dependencies.items())
