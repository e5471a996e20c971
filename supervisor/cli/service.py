"""The verbs about the service itself."""

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from supervisor.cli.options import Given, panevisor, timeout_of, with_timeout
from supervisor.wire.errors import CommandError

if TYPE_CHECKING:
    from supervisor.state.lock import Lock
    from supervisor.state.place import Place


@panevisor.command()
@click.option("--force", is_flag=True, help="Even where workers of this file live in a directory that was moved.")
@click.option("--takeover", is_flag=True, hidden=True)  # of `upgrade`
@click.pass_obj
def serve(given: Given, force: bool, takeover: bool) -> int:
    """Run the service in the foreground (for systemd)."""
    from supervisor.commands.service.conflicts import hold_alone
    from supervisor.commands.workers.panes import need_tmux
    from supervisor.doctor.namesake import clash

    place = given.own_place()
    os.environ.pop("PANEVISOR_WORKER", None)  # inherited from a worker: what we start is not that worker's
    if takeover:
        return _take_over(place)
    lock = hold_alone(place, force=force)
    if said := clash():
        print(f"panevisor: {said} (see `panevisor doctor`)", file=sys.stderr)
    need_tmux()
    from supervisor.service import serve as run_service  # only with the lock: a second service is refused at once

    return run_service(place, lock)


def _take_over(place: "Place") -> int:
    """Become the service in place of the one that runs, which ends only when all is imported and read."""
    from supervisor.commands.service.upgrade import taken_over
    from supervisor.commands.workers.panes import need_tmux
    from supervisor.service import rehearse
    from supervisor.service import serve as run_service
    from supervisor.upkeep.handover import Upgraded

    need_tmux()
    version = rehearse(place)
    lock, before = taken_over(place)
    return run_service(place, lock, Upgraded(version, before["version"], before["pid"]))


@panevisor.command()
@timeout_of("30s", "Wait at most this long for the next version to get ready, and as long for its first picture.")
@click.pass_obj
def upgrade(given: Given, timeout: float) -> int:
    """Hand over to this version of panevisor: no worker is touched, and what runs goes on if this version fails."""
    from supervisor.commands.service.upgrade import upgrade as hand_over

    return hand_over(given.place(), _rehearse, timeout)


def _rehearse(place: "Place") -> str:
    try:
        from supervisor.service import rehearse

        return rehearse(place)
    except CommandError:
        raise
    except Exception as error:  # whatever is wrong with this version, the one that runs has to go on
        raise CommandError("failed", f"not upgraded, the service runs on: this version fails with {error!r}") from error


@panevisor.command()
@with_timeout
@click.option("--force", is_flag=True, help="Even if more than half of the running workers end, or live elsewhere.")
@click.pass_obj
def up(given: Given, timeout: float, force: bool) -> int:
    """Start the service if none runs, apply the config, wait for a verdict on each worker."""
    from supervisor.commands.service.up import up as bring_up

    return bring_up(given.place(), given.own_place(), timeout=timeout, force=force)


@panevisor.command()
@click.option("--keep-workers", is_flag=True, help="End the service only; the workers live on.")
@click.option("--now", is_flag=True, help="Those that are stopping already go on with the next step of their plans.")
@click.option("--kill", is_flag=True, help="Kill the workers at once, whatever their plans say.")
@click.pass_obj
def down(given: Given, keep_workers: bool, now: bool, kill: bool) -> int:
    """Stop the workers in reverse dependency order, then the service, then tmux."""
    from supervisor.commands.service.down import down as take_down

    if keep_workers and (now or kill):
        raise CommandError("usage", "--keep-workers ends no worker: leave out --now and --kill")
    end = partial(_end_what_lives, kill=kill)
    return take_down(given.place(), keep_workers=keep_workers, end=end, now=now, kill=kill)


def _end_what_lives(place: "Place", lock: "Lock", *, kill: bool) -> int:
    from supervisor.service import end_what_lives  # 0.3 s, only where no service runs

    return end_what_lives(place, lock, kill=kill)


@panevisor.command(name="tmux-server")
@click.option("--wait", is_flag=True, help="Only wait until that tmux server listens.")
@timeout_of("10s", "Wait at most this long for it to listen.")
@click.pass_obj
def tmux_server(given: Given, wait: bool, timeout: float) -> int:
    """Become this config's tmux server, in the foreground (for systemd)."""
    from supervisor.commands.service import tmux_server as tmux_unit

    place = given.own_place()
    return tmux_unit.wait(place, timeout) if wait else tmux_unit.become(place)


@panevisor.command(name="install-unit")
@click.option("--user", "of_user", is_flag=True, help="Units of your own user manager; by default of the system.")
@click.option("--force", is_flag=True, help="Also over a unit that is not ours, was edited, or is for another config.")
@click.pass_obj
def install_unit(given: Given, of_user: bool, force: bool) -> int:
    """Write systemd's units of the service and its tmux server for this config, and say what to do next."""
    from supervisor.commands.service.install_unit import install

    options = (("--state-dir", given.state_dir), ("--socket", given.socket))
    named = [word for word, value in options if value]
    return install(given.own_place(), named, of_user=of_user, force=force, command=given.command())
