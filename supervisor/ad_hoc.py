"""`panevisor run`: a worker that is in no file, in the caller's folder and with the caller's PATH."""

import os
import sys
import tomllib
from typing import Any

from supervisor.config_problems import shown
from supervisor.conflicts import service_of
from supervisor.failures import CommandError
from supervisor.orders import report
from supervisor.place import Place
from supervisor.progress import Progress


def run(place: Place, name: str, command: tuple[str, ...], *, wait: float, **options: Any) -> int:
    """Define the worker, start it, and wait for its verdict if `wait` is more than 0.

    Options: project, restart, env (K or K=V), labels (K=V), settings (KEY=VALUE, a line of TOML each).
    """
    policy = settings(options["settings"])
    request: dict[str, Any] = {
        "name": name,
        "command": list(command),
        "cwd": os.getcwd(),
        "env": [list(pair) for pair in environment(options["env"], policy.get("env")).items()],
        "labels": [_split(label, "a label is given as LABEL=VALUE") for label in options["labels"]],
        "policy": policy,
        "wait": wait,
    }
    request |= {key: options[key] for key in ("project", "restart") if options[key] is not None}
    with service_of(place) as client:
        progress = Progress()
        if wait and sys.stderr.isatty():
            client.on_message = progress
            client.call("subscribe", topics=["metrics"])
        try:
            answer = client.call("run", **request)
        finally:
            progress.done()
    if not wait:
        print(f"{name}: defined")
    return report(answer, answer["verdicts"])


def environment(given: tuple[str, ...], by_settings: object = None) -> dict[str, str]:
    """Return what `-e` says: K=V, or K for the caller's own value; and the caller's PATH unless a PATH is given."""
    has_path = isinstance(by_settings, dict) and "PATH" in by_settings
    found = {"PATH": os.environ["PATH"]} if "PATH" in os.environ and not has_path else {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign and key not in os.environ:
            raise CommandError("usage", f"-e {shown(key)}: there is no such variable here (give it as {key}=VALUE)")
        found[key] = value if sign else os.environ[key]
    return found


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
