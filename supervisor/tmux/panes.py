"""Which panes our tmux servers have, for one who needs no service: tmux and its marks outlive it.

Each command is bounded in time, and none of them starts a server.
"""

import contextlib
import json
from subprocess import TimeoutExpired

from actors.errors import TerminalError
from actors.events.words import counted, some_of
from actors.frozen import frozen
from actors.life.log_watch import SLACK
from actors.servers import pane_of
from supervisor.kernel.programs import NOT_INSTALLED
from supervisor.state.place import Place, tmux_servers
from supervisor.tmux.command import NoServer, NotInstalled, run
from supervisor.wire.errors import CommandError

TIMEOUT = 5.0
_NAMED = 5
_PRINTING = "\t".join(
    f"#{{{field}}}"
    for field in ("pane_id", "pane_dead", "pane_pipe", "session_created", "window_activity", "@panevisor")
)
_FORMAT = "\t".join(
    f"#{{{field}}}"
    for field in (
        *("pane_id", "session_name", "pane_dead", "session_attached", "session_last_attached", "prefix"),
        "@panevisor",
    )
)


@frozen
class WorkerPane:
    """One pane with our mark: `id` is tmux's own, in the server of this number.

    `attached`: how many people are; `last_attached`: the Unix time at which one came, 0 where none ever did;
    `prefix`: the key that tmux's own keys follow there.
    """

    server: int
    id: str
    session: str
    dead: bool
    attached: int
    last_attached: int
    prefix: str
    name: str
    life: str


def marked_panes(place: Place) -> dict[str, WorkerPane]:
    """Return the panes of workers by name; raises CommandError when no tmux server of this place answers."""
    return {pane.name: pane for server, line in _lines(place, _FORMAT) if (pane := _pane(server, line))}


def _pane(server: int, line: str) -> WorkerPane | None:
    try:
        id, session, dead, attached, last, prefix, said = line.split("\t", 6)
        mark = json.loads(said)
        name, life = str(mark["name"]), str(mark["life"])
        return WorkerPane(server, id, session, dead == "1", int(attached or 0), int(last or 0), prefix, name, life)
    except (ValueError, KeyError, TypeError):
        return None


@frozen
class Printing:
    """Whether a living pane has a log pipe, and when it was made and last printed, in whole seconds of Unix time."""

    id: str  # as we name it
    piped: bool
    begun: int
    printed_at: int

    def is_unwritten(self, written_at: float | None) -> bool:
        """Whether it has printed after this last write of its log; None: there is no log."""
        return self.printed_at > (self.begun if written_at is None else written_at) + SLACK


def printing(place: Place) -> dict[str, Printing]:
    """Return the living panes of workers by name; raises CommandError when no tmux server of this place answers."""
    found = {}
    for server, line in _lines(place, _PRINTING):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            id, dead, piped, begun, printed_at, mark = line.split("\t", 5)
            if dead != "1":
                name = str(json.loads(mark)["name"])
                found[name] = Printing(pane_of(server, id), piped == "1", int(begun), int(printed_at))
    return found


def living(place: Place) -> list[str]:
    """Return the names of the workers that live, sorted: none where no tmux server runs. Raises CommandError."""
    try:
        return sorted(name for name, pane in marked_panes(place).items() if not pane.dead)
    except CommandError as error:
        if error.code == "no-service":
            return []
        raise  # it does not say who lives there


def known_to_live(place: Place) -> list[str]:
    """Return the names of the workers that live; none where tmux does not say."""
    try:
        return living(place)
    except CommandError:
        return []


def some(names: list[str]) -> str:
    """Say how many workers these are, and name the first of them."""
    return f"{counted(len(names), 'living worker')}, {some_of(names, _NAMED)}"


def foreign_panes(place: Place) -> int:
    """Return how many panes are neither a worker's nor the service's own: a person's."""
    from supervisor.tmux.words import IDLE_SESSION  # the service's own

    fields = [line.split("\t", 6) for _, line in _lines(place, _FORMAT)]
    return sum(1 for field in fields if len(field) == 7 and not field[6] and field[1] != IDLE_SESSION)


def pane_lines(place: Place) -> list[tuple[int, str]]:
    """Return a line of `PANE_FORMAT` for each pane, also for those of people, with its server's number."""
    from supervisor.tmux.words import PANE_FORMAT

    return _lines(place, PANE_FORMAT)


def _lines(place: Place, format: str) -> list[tuple[int, str]]:
    """Return what each server lists; raises CommandError where none runs, or one does not answer."""
    found: list[tuple[int, str]] = []
    gone: CommandError | None = None
    for server in tmux_servers(place.state_dir):
        try:
            said = ask(place, "list-panes", "-a", "-F", format, server=server).decode(errors="replace")
        except CommandError as error:
            if error.code != "no-service":
                raise
            gone = gone or error
        else:
            found += [(server, line) for line in said.split("\n")]
    if gone and not found:
        raise gone
    return found


def ask(place: Place, *arguments: str, server: int = 0) -> bytes:
    """Return what a server of this place answers to one command; raises CommandError."""
    try:
        done = run(place.state_dir, *arguments, server=server, timeout=TIMEOUT)
    except NotInstalled:
        raise CommandError("failed", NOT_INSTALLED) from None
    except NoServer:
        what = f"no tmux server runs at {place.tmux_socket}; start with `panevisor up`"
        raise CommandError("no-service", what) from None
    except TerminalError as error:
        cause = error.__cause__
        if isinstance(cause, PermissionError):
            raise CommandError("not-permitted", f"no permission to use {place.state_dir}") from None
        raise CommandError("timeout" if isinstance(cause, TimeoutExpired) else "failed", str(error)) from None
    if done.code:
        raise CommandError("failed", f"tmux: {done.said}")
    return done.stdout
