"""`panevisor doctor`: can this machine, and the place of this config, run the service? Each finding with its mend.

    config, place ──▶ Subject ──▶ CHECKS, one after the other ──▶ findings ──▶ table or JSON

Nothing is changed or made, nothing is started, and every question is bounded in time.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator

from supervisor.config.load import load
from supervisor.config.problems import ConfigError
from supervisor.doctor import logs as doctor_logs
from supervisor.doctor import machine as doctor_machine
from supervisor.doctor import place as doctor_place
from supervisor.doctor import service as doctor_service
from supervisor.doctor import tmux as doctor_tmux
from supervisor.doctor.findings import Finding, Named, Subject, as_json, as_table, error, healthy
from supervisor.state.place import Place, living_servers
from supervisor.text.colours import has_colour

Check = Callable[[Subject], Iterable[Finding]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", doctor_machine.interpreter),
    ("package", doctor_machine.namesake),
    ("clock", doctor_machine.clock),
    ("tmux", doctor_tmux.program),
    ("tmux server", doctor_tmux.server),
    ("limits", doctor_machine.limits),
    ("rights", doctor_place.rights),
    ("disk", doctor_place.disk),
    ("config", doctor_service.config),
    ("service", doctor_service.service),
    ("logs", doctor_logs.logs),
)


def doctor(found_at: Place, begins_at: Place, *, json_wanted: bool) -> int:
    """Print all findings; 1 when one of them is an error. `found_at`, `begins_at`: as place.py tells them apart."""
    found = list(examine(subject(found_at, begins_at)))
    if json_wanted:
        print(json.dumps(as_json(found)))
    else:
        print(as_table(found, colour=has_colour(sys.stdout)))
    return 0 if healthy(found) else 1


def subject(found_at: Place, begins_at: Place) -> Subject:
    """Return what is examined; a file that is wrong is counted, not raised."""
    tmux = living_servers(found_at.state_dir)
    try:
        return Subject(found_at, begins_at, load(begins_at.config), 0, tmux)
    except ConfigError as broken:
        return Subject(found_at, begins_at, None, broken.count, tmux)


def examine(subject: Subject) -> Iterator[Named]:
    """Yield each finding with its check's name; a check that is refused by the system is a finding too."""
    for name, check in CHECKS:
        try:
            for finding in check(subject):
                yield name, finding
        except OSError as refused:
            yield name, error(f"cannot be checked: {refused}", "run doctor as the user who runs the service")
