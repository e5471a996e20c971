"""`panevisor check`: a config file, examined."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from actors.events.words import counted
from actors.values.spec import WorkerSpec
from supervisor.config.env_files import open_to_all
from supervisor.config.load import load
from supervisor.config.problems import ConfigError
from supervisor.config.settings import Config
from supervisor.explain.arithmetic import line, warnings
from supervisor.explain.policy import in_words, waits_in_vain
from supervisor.state.paths import config_path
from supervisor.text.plain import visible
from supervisor.wire.errors import CommandError


def check(named: str | None) -> int:
    """Print what each restart policy does, and warnings; raises CommandError with every problem of the file."""
    path = config_path(named)
    found = loaded(path)
    print(f"{visible(path)}: {counted(len(found.workers), 'worker')}, ok")
    for spec in found.workers:
        print(f"  {spec.name}: {visible(in_words(spec))}")
        if arithmetic := line(spec):
            print(f"    {arithmetic}")
    for warning in (*waits_in_vain(found.workers), *warnings(found.workers), *_told_to_all(found.workers)):
        print(f"warning: {visible(warning)}")
    return 0


def _told_to_all(workers: Iterable[WorkerSpec]) -> Iterator[str]:
    for spec in workers:
        for file in open_to_all(spec):
            yield f"{spec.name}: everybody on this machine may read {file} (chmod 600 it, or 640 for its group)"


def loaded(path: Path) -> Config:
    """Return the config; raises CommandError with every problem of the file."""
    try:
        return load(path)
    except ConfigError as error:
        raise CommandError("config", str(error)) from error
