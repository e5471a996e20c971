"""`panevisor up`: a service where none runs, the file applied, a verdict on each worker.

file is wrong ──▶ every problem, exit 5; a running service shows it, and goes on as it was
no service    ──▶ start one here, wait for its first picture ┐
a service     ──▶ ───────────────────────────────────────────┴▶ apply, wait, table
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from supervisor.commands.background import start, when_ready
from supervisor.commands.conflicts import refuse_another, refuse_astray, refuse_left_behind
from supervisor.commands.known_workers import state_of
from supervisor.commands.orders import on_record
from supervisor.commands.panes import need_tmux
from supervisor.commands.status import WELL, show
from supervisor.config import load as config
from supervisor.kernel.files import refuse_shared
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.text.progress import Progress
from supervisor.wire.client import Client, NoService, ServiceError
from supervisor.wire.errors import CommandError

_BEGINS = frozenset({"create", "start", "replace"})
_WELL = WELL | {"stopped"}  # by a person: as in verdicts.py


def up(found: Place, own: Place, *, timeout: float, force: bool) -> int:
    """Bring everything up: `found` is where a service of this file was last, `own` where the file wants it now."""
    checked(found, own)
    refuse_shared(found.state_dir)
    with _service(found, own, force=force) as client:
        refuse_another(client, own)
        progress = Progress()
        client.on_message = progress
        client.call("subscribe", topics=["metrics"])
        try:
            answer = client.call("apply", force=force, wait=timeout)
        except ServiceError as error:
            progress.done()
            if error.code == "timeout":
                show(client.call("status"))
            raise
        progress.done()
        return _report(client, answer)


def checked(found: Place, own: Place) -> None:
    """Raise what is wrong with the file; a running service shows it from then on, too."""
    try:
        check(own)
    except CommandError:
        _let_service_say_so(found, own)
        raise


def check(place: Place) -> None:
    """Raise what is wrong with the file, all of it."""
    try:
        config.load(place.config)
    except config.ConfigError as error:
        raise CommandError("config", str(error)) from error


def _let_service_say_so(found: Place, own: Place) -> None:
    """A running service reads the file itself, refuses it, and shows from then on that it can't be applied."""
    with suppress(CommandError), Client.connect(found.socket) as client:
        refuse_another(client, own)
        client.call("apply")


def _service(found: Place, own: Place, *, force: bool) -> Client:
    try:
        return when_ready(found)
    except NoService:
        refuse_left_behind(own)
        if not force:
            refuse_astray(own)
        need_tmux()
        return start(own, force=force)


def next_start(answer: Mapping[str, Any]) -> list[str]:
    """Return the line on what `plan` or `apply` found in `[supervisor]` that a running service can't take."""
    keys = ", ".join(answer["next_start"])
    return [f"[supervisor] {keys}: counts from the next start of the service"] if keys else []


def _report(client: Client, answer: dict[str, Any]) -> int:
    picture = client.call("status")
    show(picture)
    for line in next_start(answer):
        print(line, file=sys.stderr)
    verdicts = answer["verdicts"] or list(_at_once(picture, answer))
    failed = [verdict for verdict in verdicts if not verdict["ok"]]
    for verdict in failed:
        print(f"{verdict['name']}: {visible(verdict['text'])}", file=sys.stderr)
    return 0 if on_record(answer) and not failed else 1


def _at_once(picture: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Judge what is known where nobody waits: what was ordered a moment ago is not well yet."""
    ordered = {change["name"]: change["action"] for change in answer["changes"] if change["action"] in _BEGINS}
    workers = {worker["name"]: worker for worker in picture["workers"]}
    for name in answer["names"]:
        if name in ordered or name not in workers:
            said = f"{ordered.get(name, 'create')} was ordered, and is not waited for"
            yield {"name": name, "ok": False, "text": said}
        else:
            yield {"name": name, "ok": workers[name]["state"] in _WELL, "text": state_of(workers[name])}
