"""What the service looks at once a health beat, beside its workers: its files, its directory, its keeper.

housekeeping thread ──go──▶ each part ──PartFailing, ConfigOnDisk──▶ Supervisor ──▶ `degraded`, `changed_on_disk`
                            keeper ────KeptBy──▶ Metrics ──▶ `kept_by`
"""

import contextlib
import os
from collections.abc import Callable, Mapping

from actors.errands import Revive
from actors.ports import Journal
from actors.root import Posts
from actors.values.bulletins import ConfigOnDisk, KeptBy, PartFailing
from supervisor.config.on_disk import FileOnDisk, origin_of, why_gone
from supervisor.kernel.files import explained, why_shared
from supervisor.state import paths
from supervisor.state.lock import Lock
from supervisor.state.place import Place, tmux_socket
from supervisor.upkeep.keeper import Kept
from supervisor.upkeep.repeated_errors import RepeatedErrors

Problem = Callable[[], str | None]
"""Return why a part of the service fails; None when it is well."""


class Rounds:
    """Owns the pointer to the state directory.

    `applied` returns the digest of the config that was applied last, `dropped` the bytes of logs beyond their quota.
    """

    def __init__(
        self,
        place: Place,
        lock: Lock,
        journal: Journal,
        posts: Posts,
        kept: Kept,
        errors: RepeatedErrors,
        *,
        applied: Callable[[], str],
        dropped: Callable[[], Mapping[str, int]],
        parts: Mapping[str, Problem],
        tmux_servers: Callable[[], int],
    ) -> None:
        self._tmux_servers = tmux_servers
        self._place, self._lock, self._journal, self._posts = place, lock, journal, posts
        self._kept, self._errors, self._applied, self._dropped = kept, errors, applied, dropped
        self._on_disk = FileOnDisk(place.config)
        self._told: dict[str, str | None] = {}  # what was last said of each part; nothing is as good as "well"
        self._unpointed: str | None = None  # why the pointer could not be written; None if it is there
        self._parts: dict[str, Problem] = {
            "lock": lambda: None if lock.still_ours() else "the lock file was deleted or replaced",
            "state directory": lambda: lock.why_away() or self._why_not_private(),
            **parts,
            "pointer": self._problem_of_pointer,
        }

    def go(self) -> None:
        """Look at everything once."""
        home, reach = self._lock.home, os.R_OK | os.W_OK
        if not all(os.access(home / tmux_socket(number), reach) for number in range(self._tmux_servers())):
            self._posts.terminal.tell(Revive())  # it was deleted, or closed to us: the server binds it again
        self._look_at_config()
        for what, problem in self._parts.items():
            if (reason := problem()) != self._told.get(what):
                self._told[what] = reason
                self._posts.supervisor.tell(PartFailing(what, reason))
        self._look_for_keeper()
        if dropped := self._dropped():
            self._journal.log("logs.over_quota", {"workers": dict(dropped), "bytes": sum(dropped.values())})
        for incident in self._errors.over():
            self._journal.log("adapter.goes_on", {"error": incident.error, "times": incident.times})

    def point(self) -> None:
        """Write the pointer by which commands find the service while the file is broken. Raises nothing."""
        if self._place.of_any_file:
            return
        try:
            paths.write_pointer(self._place.config, self._place.state_dir)
        except OSError as error:
            where = error.filename or paths.pointer_path(self._place.config)
            self._unpointed = explained(error, where)
        else:
            self._unpointed = None

    def _look_at_config(self) -> None:
        applied, file = self._applied(), self._place.config
        changed = bool(applied) and self._on_disk.digest() != applied
        self._posts.supervisor.tell(ConfigOnDisk(changed, origin_of(file), why_gone(file)))

    def _problem_of_pointer(self) -> str | None:
        if self._unpointed:
            self.point()
        return self._unpointed

    def _why_not_private(self) -> str | None:
        state_dir = self._place.state_dir
        with contextlib.suppress(OSError):
            if reason := why_shared(state_dir, state_dir.stat()):
                return f"{state_dir}: {reason}"
        return None

    def _look_for_keeper(self) -> None:
        if self._kept.has_lost_keeper():
            self._journal.log("service.keeper_ended", {"pid": self._kept.keeper})
            self._kept = Kept()
            self._posts.metrics.tell(KeptBy(None))
