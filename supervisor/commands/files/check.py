"""`panevisor check` and `init`: a config file, examined or begun."""

from pathlib import Path

import supervisor
from actors.events.words import counted
from supervisor.config.load import load
from supervisor.config.problems import ConfigError
from supervisor.config.settings import Config
from supervisor.explain.arithmetic import line, warnings
from supervisor.explain.policy import in_words, waits_in_vain
from supervisor.kernel.files import absolute
from supervisor.state.paths import FILE_NAME, config_path
from supervisor.text.plain import visible
from supervisor.wire.errors import CommandError

_STARTER = Path(supervisor.__file__).parent / "starter.toml"


def check(named: str | None) -> int:
    """Print what each restart policy does, and warnings; raises CommandError with every problem of the file."""
    path = config_path(named)
    found = loaded(path)
    print(f"{visible(path)}: {counted(len(found.workers), 'worker')}, ok")
    for spec in found.workers:
        print(f"  {spec.name}: {visible(in_words(spec))}")
        if arithmetic := line(spec):
            print(f"    {arithmetic}")
    for warning in (*waits_in_vain(found.workers), *warnings(found.workers)):
        print(f"warning: {visible(warning)}")
    return 0


def loaded(path: Path) -> Config:
    """Return the config; raises CommandError with every problem of the file."""
    try:
        return load(path)
    except ConfigError as error:
        raise CommandError("config", str(error)) from error


def init() -> int:
    """Write the starter config here; raises CommandError where a config is already."""
    try:
        with open(absolute(FILE_NAME), "x") as file:
            file.write(_STARTER.read_text())
    except FileExistsError:
        raise CommandError("conflict", f"./{FILE_NAME} exists already; nothing was changed") from None
    print(f"wrote ./{FILE_NAME}: edit it, then `panevisor up`")
    return 0
