"""`panevisor tmux-server`: this process becomes the tmux server, so that systemd has it as a unit of its own.

The unit's cgroup, limits and OOM score are then the server's; the service finds it by who listens on the socket.
"""

import os
from typing import NoReturn

from actors.events.words import exact
from actors.values.spec import PaneSize
from supervisor.commands.service.conflicts import refuse_astray
from supervisor.kernel.programs import NOT_INSTALLED
from supervisor.state.place import TMUX_CONF, TMUX_SOCKET, Place
from supervisor.tmux import subreaper
from supervisor.tmux.environment import scrubbed
from supervisor.tmux.server import TmuxServer, until, write_conf
from supervisor.wire.errors import CommandError


def become(place: Place) -> NoReturn:
    """Be replaced by tmux, with the service's conf and a scrubbed environment; refuse where one listens already."""
    refuse_astray(place)
    place.claim()
    if found := TmuxServer(place.state_dir, PaneSize()).find():
        raise CommandError("conflict", f"a tmux server (pid {found.pid}) already listens at {place.tmux_socket}")
    _write_conf(place)
    os.chdir(place.state_dir)
    try:
        subreaper.become(f"./{TMUX_CONF}", f"./{TMUX_SOCKET}", scrubbed(os.environ))
    except FileNotFoundError:
        raise CommandError("failed", NOT_INSTALLED) from None


def wait(place: Place, timeout: float) -> int:
    """Return 0 when the tmux server listens: what is ordered after its unit then finds it."""
    place.claim()  # it may be quicker than the one that it waits for
    server = TmuxServer(place.state_dir, PaneSize())
    if not until(lambda: server.find() is not None, timeout):
        raise CommandError("timeout", f"no tmux server listens at {place.tmux_socket} after {exact(timeout)}")
    return 0


def _write_conf(place: Place) -> None:
    """Write the conf by the file; while that is broken, the conf of the last time is good enough."""
    from supervisor.config.load import load
    from supervisor.config.problems import ConfigError

    try:
        settings = load(place.config).supervisor
        write_conf(place.state_dir, settings.pane, settings.attach)
    except ConfigError as error:
        if not (place.state_dir / TMUX_CONF).exists():
            raise CommandError("config", str(error)) from error
