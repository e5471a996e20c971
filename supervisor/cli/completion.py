"""What Tab offers in a shell: verbs, options and signals, and the workers, projects and labels of this config.

It asks the service for a moment, and goes by the file where none answers. It never says anything.
"""

from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from actors.values.requests import SENT
from supervisor.cli.options import NAME, Given, panevisor

VARIABLE = "_PANEVISOR_COMPLETE"
_PATIENCE = 0.1  # seconds for the service
_KINDS = {"names": "name", "name": "name", "words": "name", "project": "project", "labels": "label"}


class _Offered(click.ParamType):  # type: ignore[type-arg]  # generic only in the newest click
    """A parameter whose values are those that the workers have."""

    name = "text"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = _values(_workers(ctx.find_root().params), self._kind)
        except Exception:  # whatever it is: a person who presses Tab is told nothing
            return []
        given = set(ctx.params.get(param.name or "") or ()) if param.nargs == -1 else set()
        if ctx.params.get("number"):  # of `signal`: a word is there, so the next one may be the signal
            found = [*found, *SENT]
        return [CompletionItem(value) for value in found if value.startswith(incomplete) and value not in given]


def complete(instruction: str) -> int:
    """Answer a shell's question."""
    for command in panevisor.every().values():
        for parameter in command.params:
            of_run = command.name == "run" and parameter.name == "name"  # which has to be free
            if parameter.name in _KINDS and not of_run:
                parameter.type = _Offered(_KINDS[parameter.name])
            elif parameter.name in ("file", "config"):
                parameter.type = click.Path()
    for parameter in panevisor.params:
        if parameter.name in ("config", "state_dir", "socket"):
            parameter.type = click.Path()
    return shell_complete(panevisor, {}, NAME, VARIABLE, instruction)


def script(shell: str) -> str:
    """Return what the shell has to read."""
    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(panevisor, {}, NAME, VARIABLE).source()
    begin = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n" if shell == "zsh" else ""
    return f"{begin}{source}\n"


def _workers(given: dict[str, Any]) -> list[dict[str, Any]]:
    from supervisor.wire.client import Client
    from supervisor.wire.errors import CommandError

    place = Given(given.get("config"), given.get("socket"), given.get("state_dir")).place()
    try:
        with Client.connect(place.socket, _PATIENCE) as client:
            return list(client.call("status", timeout=_PATIENCE)["workers"])
    except CommandError:
        return list(_of_file(place.config))


def _of_file(config: Any) -> list[dict[str, Any]]:
    """Return the workers of the file, as far as Tab needs them; none where it can't be read."""
    import tomllib

    tables = tomllib.loads(config.read_text("utf-8-sig"))
    found = []
    for name, own in tables.get("workers", {}).items():
        table = {**tables.get("defaults", {}), **own}
        count = table.get("replicas", 1)
        names = [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]
        found += [{**table, "name": each, "labels": table.get("labels", {})} for each in names]
    return found


def _values(workers: list[dict[str, Any]], kind: str) -> list[str]:
    match kind:
        case "project":
            found = {worker.get("project") for worker in workers}
        case "label":
            found = {f"{key}={value}" for worker in workers for key, value in worker["labels"].items()}
        case _:
            found = {worker["name"] for worker in workers}
    return sorted(value for value in found if value)
