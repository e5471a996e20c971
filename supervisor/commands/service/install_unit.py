"""`panevisor install-unit`: writes the units with which systemd keeps this config's service and its tmux server."""

import os
import pwd
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from supervisor.commands.service.conflicts import answering
from supervisor.config.load import load
from supervisor.config.problems import ConfigError
from supervisor.kernel.files import absolute, replace_file
from supervisor.state.paths import is_utf8
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.tmux.server import unit_of
from supervisor.upkeep import units
from supervisor.upkeep.units import Found, Installation
from supervisor.wire.errors import CommandError

SYSTEM = Path("/etc/systemd/system")
_MODE = 0o644  # systemd warns of units that it alone could read
_IN_THE_WAY = {
    Found.FOREIGN: "was not written by panevisor",
    Found.EDITED: "was edited by hand (`systemctl edit` keeps such lines in a file of their own)",
    Found.ANOTHER: "is for another config",
}


def install(
    place: Place, named: Sequence[str], *, of_user: bool, force: bool, command: str, system: Path = SYSTEM
) -> int:
    """Write the units and print what was written and what comes next; nothing is written if one is in the way.

    `named`: which of --state-dir and --socket were given. `command`: how one for this config begins.
    Raises CommandError.
    """
    if not of_user and os.geteuid() != 0:
        what = f"only root may write to {system}: run it by sudo with `-c {shlex.quote(str(place.config))}`"
        raise CommandError("not-permitted", f"{what}, or add --user for units of your own")
    _refuse_unfit(place)
    installation = _installation(place, named, of_user=of_user)
    folder = _of_user() if of_user else system
    wanted = {folder / name: text for name, text in units.texts(installation).items()}
    there = {path: units.found(_read(path), text) for path, text in wanted.items()}
    if not force:
        _refuse_in_the_way(there)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in wanted.items():
        if there[path] is not Found.SAME:
            replace_file(path, text.encode(), sync=True, mode=_MODE)
        print(f"{'unchanged' if there[path] is Found.SAME else 'wrote'} {visible(str(path))}")
    _tell(place, installation, command)
    return 0


def _refuse_unfit(place: Place) -> None:
    try:
        load(place.config)
    except ConfigError as error:
        raise CommandError("config", str(error)) from error
    for path in (place.config, place.state_dir, Path(sys.executable)):
        if not is_utf8(path):
            raise CommandError("usage", f"{visible(str(path))}: a unit of systemd is UTF-8, and this path is not")


def _installation(place: Place, named: Sequence[str], *, of_user: bool) -> Installation:
    given = {"--state-dir": place.state_dir, "--socket": place.socket}
    options = ["-c", str(place.config), *(word for key in named for word in (key, str(given[key])))]
    program = (sys.executable, "-P", "-m", "supervisor")  # -P: the unit's folder has no say in what is imported
    state_home = os.environ.get("XDG_STATE_HOME", "") if of_user else ""
    environment = (("XDG_STATE_HOME", state_home),) if state_home else ()
    return Installation(program, tuple(options), None if of_user else _owner(place.config), environment)


def _owner(config: Path) -> str:
    """Return whose file it is: who can write to it decides what runs, so nobody else's rights may be lent to it."""
    uid = config.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _of_user() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return absolute(home) / "systemd" / "user"


def _read(path: Path) -> str | None:
    """Return what is there; a link, as of a masked unit, is somebody else's whatever it leads to."""
    if path.is_symlink():
        return ""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return None


def _refuse_in_the_way(there: dict[Path, Found]) -> None:
    for path, found in there.items():
        if found in _IN_THE_WAY:
            what = f"{visible(str(path))} {_IN_THE_WAY[found]}"
            raise CommandError("conflict", f"{what}: nothing was written; look at it, then --force replaces it")


def _tell(place: Place, installation: Installation, command: str) -> None:
    systemctl = "systemctl" if installation.user else "systemctl --user"
    user = f" as user {installation.user}" if installation.user else ""
    lines = [(f"{systemctl} daemon-reload", "")]
    pid = answering(place)
    if pid is not None and unit_of(pid) == "panevisor.service":
        lines.append((f"{systemctl} restart panevisor", "the workers run on"))
    elif pid is not None:
        why = f"the service that runs now (pid {pid}) makes room, the workers run on"
        lines.append((f"{command} down --keep-workers", why))
    lines.append((f"{systemctl} enable --now panevisor-tmux panevisor", ""))
    if not installation.user:
        lines.append(("loginctl enable-linger", "else all of it ends at your logout"))
    print(f"They run {visible(str(place.config))}{user}. Next:")
    for line, why in lines:
        print(f"    {visible(line)}" + (f"   # {why}" if why else ""))
