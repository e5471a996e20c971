"""What has gone astray: workers that live in another place than their file names, since one of the two was moved."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from actors.events.words import counted
from actors.frozen import frozen
from supervisor.kernel.programs import own_command
from supervisor.state.lock import put_back
from supervisor.state.place import Place, names_one_of
from supervisor.text.plain import visible

if TYPE_CHECKING:
    from supervisor.state.living_sites import LivingSite


@frozen
class Astray:
    """What lives by this file in another place than the file names, and the remedy."""

    what: str
    mend: str


def astray(own: Place) -> Astray | None:
    """Return what lives although its state directory or its config file was moved."""
    from supervisor.state.living_sites import living_sites  # only where no service answers

    for site in living_sites(beside=own.state_dir):
        if own.marker in site.markers:
            return _renamed(site, own)
        if site.origin and site.origin.config == str(own.config):
            return Astray(f"{_who(site)} in {visible(site.state_dir)}, by this file", _end_at(site))
        if was_moved(site, own.config):
            return _moved(site)
    return None


def was_moved(site: "LivingSite", config: Path) -> bool:
    """Whether this is the file that the site was started for, and that is no longer where it was then.

    It has to name a worker that lives there, and two of these have to be as they were: its inode, its folder's inode,
    its name, its content. One alone proves nothing: the kernel gives the inode of a deleted file to the next new one.
    A copy is another file, and leaves the first one where it was.
    """
    then = site.origin
    if then is None or os.path.exists(then.config) or not names_one_of(site.workers, config):
        return False
    from supervisor.config.on_disk import digest_on_disk, origin_of  # only now: 30 ms

    if (now := origin_of(config)) is None:
        return False
    as_it_was = (
        now.file == then.file,
        now.folder == then.folder,
        os.path.basename(then.config) == config.name,
        bool(site.applied) and digest_on_disk(config) == site.applied,
    )
    return sum(as_it_was) >= 2


def _renamed(site: "LivingSite", own: Place) -> Astray:
    where, there = visible(site.state_dir), visible(own.state_dir)
    if site.deleted:
        pids = " ".join(str(pid) for pid in (site.service, *site.tmux) if pid)
        what = f"{_who(site)} without their state directory {where}, which was deleted"
        return Astray(what, f"No command reaches them: `kill {pids}` ends them by a hang-up.")
    back = put_back(str(site.state_dir), str(own.state_dir))
    return Astray(f"{_who(site)} in {where}, which was {there}", f"{_end_at(site)} Or {back}.")


def _moved(site: "LivingSite") -> Astray:
    assert site.origin is not None
    where, then = visible(site.state_dir), visible(site.origin.config)
    what = f"{_who(site)} in {where}, started when this file was {then}"
    return Astray(what, f"{_end_at(site)} Moved back, the file finds them again.")


def _who(site: "LivingSite") -> str:
    count = len(site.workers)
    service = f"service pid {site.service}" if site.service else "no service"
    return f"{counted(count, 'worker')} ({service}) live{'s' if count == 1 else ''} on"


def _end_at(site: "LivingSite") -> str:
    end, begin = own_command("--state-dir", str(site.state_dir), "down"), own_command("up")
    return f"`{visible(end)}` ends them, then `{visible(begin)}` starts all here."
