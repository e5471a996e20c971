"""`panevisor run`: a worker that is in no file, in the caller's folder and with the caller's PATH."""

import os
import sys
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from supervisor.commands.service.conflicts import service_of
from supervisor.commands.workers import inherited
from supervisor.commands.workers.orders import followed, is_watched, report
from supervisor.kernel.files import absolute
from supervisor.state.place import Place
from supervisor.text.words import shown
from supervisor.tmux.environment import scrubbed
from supervisor.wire.errors import CommandError


def run(place: Place, name: str, command: tuple[str, ...], *, wait: float, **options: Any) -> int:
    """Define the worker, start it, and wait for its verdict if `wait` is more than 0.

    Options: project, restart, env (NAME or NAME=VALUE), env_all (the caller's environment), env_files (paths), labels
    (LABEL=VALUE), settings (KEY=VALUE, a line of TOML each).
    """
    policy = settings(options["settings"])
    env = environment(options["env"], policy.get("env"), options["env_files"], whole=options["env_all"])
    request: dict[str, Any] = {
        "name": name,
        "command": list(command),
        "cwd": str(absolute(".")),
        "env": [list(pair) for pair in env.items()],
        "labels": [_split(label, "a label is given as LABEL=VALUE") for label in options["labels"]],
        "policy": policy,
        "wait": wait,
    }
    request |= {key: options[key] for key in ("project", "restart") if options[key] is not None}
    with service_of(place) as client, followed(client, shown=is_watched(wait)):
        answer = client.call("run", **request)
    if not options["env_all"] and (said := inherited.left_out(place, {*env, *_set_by(policy)})):
        print(f"{name}: {said}", file=sys.stderr)
    if not wait:
        print(f"{name}: defined")
    return report(answer, answer["verdicts"])


def environment(
    given: tuple[str, ...], by_settings: object = None, files: tuple[str, ...] = (), *, whole: bool = False
) -> dict[str, str]:
    """Return what files and `-e` set, and the caller's PATH, or all that passes, unless the settings give it.

    `-e` has NAME for the caller's own value, or NAME=VALUE; it wins over the files, a later file over an earlier one.
    """
    taken = scrubbed(os.environ) if whole else {key: os.environ[key] for key in ("PATH",) if key in os.environ}
    found = {key: value for key, value in taken.items() if key not in _set_by({"env": by_settings})}
    for file in files:
        found |= _variables_of(file)
    for text in given:
        key, sign, value = text.partition("=")
        if not sign and key not in os.environ:
            mend = "export it, or name a file that sets it by --env-file"
            raise CommandError("usage", f"-e {shown(key)}: there is no such variable here ({mend})")
        found[key] = value if sign else os.environ[key]
    return found


def _set_by(policy: Mapping[str, Any]) -> Collection[str]:
    env = policy.get("env")
    return env if isinstance(env, dict) else ()


def _variables_of(file: str) -> Mapping[str, str]:
    from supervisor.config.env_files import read_env_file  # only now: most calls name no file

    read = read_env_file(absolute(file))
    if read.wrong:
        raise CommandError("usage", f"--env-file names {shown(file)}, {read.wrong}")
    return read.variables


def settings(lines: tuple[str, ...]) -> dict[str, Any]:
    """Return the keys of a worker's table that `--set` gives."""
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise CommandError("usage", f"--set takes KEY=VALUE as TOML (text needs quotes): {error}") from None


def _split(text: str, said: str) -> list[str]:
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise CommandError("usage", f"{said}, not {shown(text)}")
    return [key, value]
