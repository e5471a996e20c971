"""`panevisor run`: a worker that is in no file, in the caller's folder and with the caller's PATH."""

import contextlib
import os
import re
import sys
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from supervisor.commands.service.conflicts import service_of
from supervisor.commands.workers import inherited
from supervisor.commands.workers.orders import followed, is_watched, on_record, report
from supervisor.commands.workers.wait import Waiting, wait_for
from supervisor.kernel.files import absolute
from supervisor.kernel.programs import own_command
from supervisor.state.place import Place
from supervisor.text.words import shown
from supervisor.tmux.environment import scrubbed
from supervisor.wire.errors import CommandError
from supervisor.wire.frames import MAX_ARRAY

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # bash exports functions under other names, which no worker can have
NOT_EXECUTED, NOT_FOUND = 126, 127
REMOVED = 10.0  # seconds that the removal of an ended job may take


def run(place: Place, name: str, command: tuple[str, ...], *, wait: float, **options: Any) -> int:
    """Define the worker, start it, and wait for its verdict if `wait` is more than 0.

    Options: project, restart, ephemeral (it is forgotten when it has ended), env (NAME or NAME=VALUE), env_all (the
    caller's environment), env_files (paths), labels (LABEL=VALUE), settings (KEY=VALUE, a line of TOML each).
    """
    answer = _ordered(place, name, command, wait, options)
    if not wait:
        print(f"{name}: defined")
    return report(answer, answer["verdicts"])


def run_to_its_end(place: Place, name: str, command: tuple[str, ...], *, timeout: float | None, **options: Any) -> int:
    """Run a job, once unless an option says otherwise; return its own exit code. It outlives this command."""
    if options["restart"] is None and not any("restart" in line for line in options["settings"]):
        options["restart"] = "never"
    recorded = on_record(_ordered(place, name, command, 0.0, options))
    waiting = Waiting("ended", names=[name])
    try:
        code = wait_for(place, waiting, timeout=timeout, exit_code=True)
    except KeyboardInterrupt:
        again, end = own_command("wait", name, "--exit-code"), own_command("stop", name)
        print(f"\n{name} goes on: `{again}` waits for it again, `{end}` ends it", file=sys.stderr)
        raise
    if waiting.never_ran(name):
        code = _as_a_shell_says(command[0], options)
    if options["ephemeral"]:
        _forget(place, name)
    return code or (0 if recorded else 1)


def _as_a_shell_says(program: str, options: Mapping[str, Any]) -> int:
    """Return the exit code of a program that could not be started, as every shell has it."""
    given = environment(options["env"], None, options["env_files"], whole=options["env_all"])
    folders = [""] if "/" in program else given.get("PATH", os.environ.get("PATH", os.defpath)).split(os.pathsep)
    return NOT_EXECUTED if any(os.path.exists(os.path.join(folder, program)) for folder in folders) else NOT_FOUND


def _ordered(
    place: Place, name: str, command: tuple[str, ...], wait: float, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the answer to the request, once the person has been told what of the environment is left out."""
    policy = settings(options["settings"])
    env = environment(options["env"], policy.get("env"), options["env_files"], whole=options["env_all"])
    request: dict[str, Any] = {
        "name": name,
        "command": list(command),
        "cwd": _here(),
        "env": [list(pair) for pair in env.items()],
        "labels": [_split(label, "a label is given as LABEL=VALUE") for label in options["labels"]],
        "policy": policy,
        "ephemeral": options["ephemeral"],
        "wait": wait,
    }
    request |= {key: options[key] for key in ("project", "restart") if options[key] is not None}
    with service_of(place) as client, followed(client, shown=is_watched(wait)):
        answer: Mapping[str, Any] = client.call("run", **request)
    if not options["env_all"] and (said := inherited.left_out(place, {*env, *_set_by(policy)})):
        print(f"{name}: {said}", file=sys.stderr)
    return answer


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        what = "run starts a worker in the folder that you are in, and that is gone, moved or deleted"
        raise CommandError("failed", f"{what}: `cd` to one that is there") from None


def _forget(place: Place, name: str) -> None:
    """Remove the worker now, so that its name is free: the service does so too, but later."""
    with contextlib.suppress(CommandError), service_of(place) as client:
        client.call("remove", names=[name], force=True, wait=REMOVED)


def environment(
    given: tuple[str, ...], by_settings: object = None, files: tuple[str, ...] = (), *, whole: bool = False
) -> dict[str, str]:
    """Return what files and `-e` set, and the caller's PATH, or all that passes, unless the settings give it.

    `-e` has NAME for the caller's own value, or NAME=VALUE; it wins over the files, a later file over an earlier one.
    """
    taken = scrubbed(os.environ)
    taken = {key: value for key, value in taken.items() if (_NAME.fullmatch(key) if whole else key == "PATH")}
    found = {key: value for key, value in taken.items() if key not in _set_by({"env": by_settings})}
    for file in files:
        found |= _variables_of(file)
    for text in given:
        key, sign, value = text.partition("=")
        if not sign and key not in os.environ:
            mend = "export it, or name a file that sets it by --env-file"
            raise CommandError("usage", f"-e {shown(key)}: there is no such variable here ({mend})")
        found[key] = value if sign else os.environ[key]
    if len(found) > MAX_ARRAY:
        what = f"an environment of {len(found):,} variables is more than a request can hold ({MAX_ARRAY:,})"
        raise CommandError("usage", f"{what}: pass on those that it needs with -e")
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
