"""What a command refuses with `conflict`: it would run workers twice, or end those of another file.

a service that runs another file                        ──refuse_another───────┐
workers that live where the file's state_dir was before ──refuse_left_behind───┤
a state directory, or a project folder, that was moved
while its workers lived                                 ──refuse_astray────────┤
another service that holds the lock, or has lost it     ──hold_alone───────────┴──▶ CommandError, exit 9
"""

import os
import shlex
from pathlib import Path

from supervisor.config.astray import astray
from supervisor.kernel.programs import own_command
from supervisor.state.lock import Held, Lock, hold
from supervisor.state.paths import printable, read_pointer
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.tmux.panes import living, some
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError


def service_of(place: Place) -> Client:
    """Return a connection to the service of this file; raises NoService, or conflict where it runs another one."""
    client = Client.connect(place.socket)
    try:
        refuse_another(client, place)
    except CommandError:
        client.close()
        raise
    return client


def refuse_another(client: Client, own: Place) -> None:
    """Refuse a service of another file: each file would end the workers of the other as removed ones."""
    path = client.call("hello")["config"]
    if path is None or own.of_any_file or _is_same(path, own.config):
        return
    raise CommandError(
        "conflict",
        f"the service here runs another file: `panevisor -c {shlex.quote(visible(path))} …` is for that one; "
        f"{visible(own.config)} needs a state_dir of its own{'' if os.path.exists(path) else _if_moved(own)}",
    )


def _is_same(told: str, config: Path) -> bool:
    """Compare what a service tells of its file, where what is no UTF-8 is written out, with a file of ours."""
    return told == printable(config) or os.path.realpath(told) == os.path.realpath(config)


def hold_alone(own: Place, *, force: bool) -> Lock:
    """Return the lock for a service that may begin here. `force`: even where workers of this file live elsewhere."""
    refuse_left_behind(own)
    if not force:
        refuse_astray(own)
    own.claim()
    try:
        lock = hold(own.state_dir)
    except Held as held:
        what = f"{held} on {own.state_dir}: use it (`panevisor up`), or end it first"
        raise CommandError("conflict", what) from held
    if another := answering(own):
        lock.release()
        what = f"a service (pid {another}) answers at {own.socket}, though its lock file was deleted"
        raise CommandError("conflict", what)
    return lock


def answering(place: Place) -> int | None:
    """Return the pid of the service that answers there, None if none does."""
    try:
        with Client.connect(place.socket, 1.0) as client:
            return int(client.call("hello", timeout=2.0)["pid"])
    except CommandError:
        return None


def refuse_left_behind(own: Place) -> None:
    """Refuse to start while workers live in the former state directory: they would run twice."""
    before = read_pointer(own.config)
    if before is None or os.path.realpath(before) == os.path.realpath(own.state_dir):
        return
    if left := living(Place(own.config, before, own.socket)):
        raise CommandError(
            "conflict",
            f"{visible(before)} still has {some(left)}: they would run twice with state_dir = {visible(own.state_dir)}."
            f" Set state_dir back to {visible(before)}, and `panevisor up` finds them again. To move: "
            "`panevisor down` after that, and then the new state_dir",
        )


def refuse_astray(own: Place) -> None:
    """Refuse to start while workers of this file live where no path leads any more: they would run twice."""
    if found := astray(own):
        raise CommandError("conflict", f"{found.what}, and would run twice. {found.mend} (--force starts all the same)")


def _if_moved(own: Place) -> str:
    end = visible(own_command("--socket", str(own.socket), "down"))
    return f". That file is gone: if it was moved, `{end}` ends all, then `{own_command('up')}` starts all here"
