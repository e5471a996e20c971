"""Our own tmux servers: born as child subreapers, found again by who listens on their sockets in the state dir."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from actors.errors import TerminalError, TerminalUnreachable
from actors.events.words import exact
from actors.values.facts import Handle
from actors.values.spec import Attaching, PaneSize
from supervisor.kernel.crew import at_once
from supervisor.kernel.files import content_of, replace_file
from supervisor.kernel.proc_table import environment_of, handle_of, lives, signal_once, umask_of, variable_of
from supervisor.kernel.unix_socket import listening_pid
from supervisor.state.place import TMUX_CONF, tmux_servers, tmux_socket
from supervisor.tmux import subreaper
from supervisor.tmux.command import NotInstalled, batch
from supervisor.tmux.environment import scrubbed
from supervisor.tmux.words import IDLE_SESSION, quoted

BIRTH_TIMEOUT = 5.0
UNIT_TIMEOUT = 3.0  # seconds for systemd to bring back the server's own unit: 0.1 s of RestartSec, and a Python start
POLL = 0.01
OUR_UMASK = -1  # as `subprocess` has it
_WRITING = threading.Lock()

_CONF = """\
# Written by panevisor at each start of its tmux server; changes are lost.
set -s exit-empty off
set -s escape-time 10
set -s set-clipboard off
set -s message-limit 0
set -g default-terminal screen-256color
set -g default-size {columns}x{rows}
set -g history-limit {history}
set -g update-environment ''
set -g remain-on-exit on
set -g remain-on-exit-format ''
set -g allow-passthrough off
set -g allow-rename off
set -g automatic-rename off
set -g detach-on-destroy on
set -g prefix {prefix}
set -g mouse {mouse}
set -g status-left '#{{?@notice, #[bold]#{{@notice}}#[nobold] ,}}'
set -g status-left-length 200
set -g status-right-length 100
set -g status-right '{status}'
set -g @t '%s'
set-hook -g client-detached "if-shell -F '#{{session_attached}}' '' 'resize-window -A'"
bind-key -T prefix {prefix} send-prefix
unbind-key -T prefix ]
unbind-key -T prefix =
unbind-key -T prefix x
unbind-key -T prefix &
unbind-key -T prefix :
unbind-key -T prefix ,
unbind-key -T prefix $
unbind-key -T root MouseDown3Pane
unbind-key -T root M-MouseDown3Pane
unbind-key -T root MouseDown3Status
unbind-key -T root MouseDown3StatusLeft
"""
_BIRTH = f"new-session -d -s {IDLE_SESSION} -x 80 -y 24 'exec sleep infinity'\n"
# a pane that is larger than a terminal says so; `attach` sets @nested and @through for those inside another tmux
_STATUS = (
    " #{?window_bigger,part of #{window_width}x#{window_height} (#{prefix} S-Left moves#, --fit fits) - ,}"
    "#{session_name} - detach: #{?#{m:*:#{client_pid}:*,#{@nested}},#{@through},#{prefix}} d "
)
# message-limit: `C-b ~` would show the log of our commands, with environments and typed text, to who is attached
# resize-window -A: with nobody attached, to the session's default-size, which is the size that its worker began with


def conf_text(size: PaneSize, attach: Attaching) -> str:
    """Return the server's configuration: nothing a worker prints reaches the operator's terminal, dead panes remain."""
    return _CONF.format(
        columns=size.columns,
        rows=size.rows,
        history=size.history,
        prefix=quoted(attach.prefix),
        mouse="on" if attach.mouse else "off",
        status=_STATUS,
    )


def write_conf(state_dir: Path, size: PaneSize, attach: Attaching) -> None:
    """Write the file that a beginning server reads, unless it is there: a full disk is no reason not to begin."""
    text = conf_text(size, attach) + _BIRTH
    with _WRITING:  # several servers can begin at once
        with contextlib.suppress(OSError, ValueError):
            if content_of(state_dir / TMUX_CONF).decode() == text:
                return
        replace_file(state_dir / TMUX_CONF, text.encode(), sync=False)


class TmuxServer:
    """The server of one state directory with this number. `known`: the one on record, which may have ended since.

    `like` gives one whose environment and umask a new one takes over; None: ours.
    """

    def __init__(
        self,
        state_dir: Path,
        size: PaneSize,
        attach: Attaching | None = None,
        *,
        known: Handle | None = None,
        number: int = 0,
        like: Callable[[], Handle | None] = lambda: None,
    ) -> None:
        self._state_dir = state_dir
        self.number = number
        self._socket = state_dir / tmux_socket(number)
        self._like = like
        self._size = size
        self._attach = attach or Attaching()
        self.process = known
        self.in_other_unit = False
        self.is_missing = False  # the last try for it has failed, and nothing is asked of it
        self._path_of: Handle | None = None
        self._path = os.defpath

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def find(self) -> Handle | None:
        """Return the server that listens on our socket (by the kernel's word), or None.

        The known one stays known, and as long as it lives no other one counts.
        """
        found = _listener(self._socket)
        if found and found != self.process and self._alive():
            return None  # another server was started on our socket: ours has to bind it again
        if found and found != self.process:
            self.in_other_unit = unit_of(found.pid) not in (None, unit_of(os.getpid()))
        self.process = found or self.process
        return found

    def ensure(self) -> Handle:
        """Return the living server: the one that listens, the known one made to listen again, or a new one.

        Raises TerminalError when there is none and none can be started now, whatever the reason.
        """
        try:
            return self.find() or self._rebound() or self._brought_back() or self._born()
        except (OSError, subprocess.SubprocessError) as error:
            raise TerminalError(f"the tmux server can't be started: {error}") from error

    def search_path(self) -> str:
        """Return the PATH that a worker gets unless its own says otherwise: that of the tmux server's birth."""
        if self.process and self._path_of != self.process:
            path = variable_of(self.process.pid, b"PATH")
            self._path_of, self._path = self.process, os.defpath if path is None else os.fsdecode(path)
        return self._path

    def nudge(self) -> None:
        """Make the server reap its children: Debian's tmux misses a SIGCHLD now and then.

        Not while descriptors have run out: then nobody can tell whether the pid is still the server's.
        """
        with contextlib.suppress(OSError):
            self._signal(signal.SIGCHLD)

    def configure(self) -> None:
        """Give the server the options and keys of today's configuration: it was perhaps born with another one.

        Raises TerminalError.
        """
        batch(self._state_dir, conf_text(self._size, self._attach), server=self.number)

    def end(self) -> None:
        """End the server and every pane; return when its process is gone. Raises TerminalError when it stays."""
        if not self.process:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._signal(number)
            if until(lambda: not self._alive(), BIRTH_TIMEOUT):
                self._socket.unlink(missing_ok=True)
                return
        raise TerminalError(f"the tmux server (pid {self.pid}) does not end")

    def may_live(self) -> bool:
        """Whether the known server lives; True too where nobody can tell, as descriptors have run out."""
        try:
            return self._alive()
        except OSError:
            return True

    def _alive(self) -> bool:
        return self.process is not None and lives(self.process)

    def _signal(self, number: signal.Signals) -> None:
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                signal_once(self.process, number)

    def _rebound(self) -> Handle | None:
        """Make a server whose socket was deleted bind it again (SIGUSR1): a second server would double every worker."""
        known = self.process
        if known is None or not lives(known):
            return None
        self._signal(signal.SIGUSR1)
        if until(lambda: _listener(self._socket) == known, 1.0):
            return known
        raise TerminalUnreachable(f"the tmux server (pid {known.pid}) lives, but its socket does not answer")

    def _brought_back(self) -> Handle | None:
        """Wait for systemd if the last server was a unit's of its own: one of ours would live and die in our cgroup."""
        if self.in_other_unit:
            until(lambda: _listener(self._socket) is not None, UNIT_TIMEOUT)
        return self.find()

    def _born(self) -> Handle:
        if not is_installed():
            raise NotInstalled()
        write_conf(self._state_dir, self._size, self._attach)
        script, like = str(Path(subreaper.__file__)), self._like()
        with open(os.devnull, "r+b") as null:
            subprocess.run(
                [sys.executable, "-I", "-S", script, f"./{TMUX_CONF}", f"./{self._socket.name}"],
                cwd=self._state_dir,
                env=(environment_of(like.pid) if like else {}) or scrubbed(os.environ),
                umask=umask_of(like.pid) if like else OUR_UMASK,
                stdin=null,
                stdout=null,
                stderr=null,
                start_new_session=True,
                timeout=BIRTH_TIMEOUT,
                check=True,
            )
        if not until(lambda: _listener(self._socket) is not None, BIRTH_TIMEOUT):
            raise TerminalError(f"the tmux server has not come up within {exact(BIRTH_TIMEOUT)}")
        found = self.find()
        assert found is not None
        return found


class TmuxServers:
    """All servers of one state directory; their numbers are their places here (actors/servers.py).

    Those are the ones on record (`known`), those whose sockets lie there, and as many more as are asked for.
    """

    def __init__(
        self, state_dir: Path, size: PaneSize, attach: Attaching | None = None, *, known: Sequence[Handle | None] = ()
    ) -> None:
        self._state_dir, self._size, self._attach = state_dir, size, attach
        self._all: list[TmuxServer] = []
        for number in range(max(len(known), tmux_servers(state_dir)[-1] + 1)):
            self._add(known[number] if number < len(known) else None)

    def __iter__(self) -> Iterator[TmuxServer]:
        return iter(tuple(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, number: int) -> TmuxServer:
        return self._all[number]

    @property
    def most(self) -> int | None:
        """Up to how many there may be; None: no limit. One in a systemd unit of its own has all workers with it."""
        return 1 if self[0].in_other_unit else None

    @property
    def there(self) -> list[int]:
        """The numbers of those that are not missing."""
        return [server.number for server in self if not server.is_missing]

    @property
    def processes(self) -> list[Handle]:
        """The server processes as far as they are known; some may have ended."""
        return [server.process for server in self if server.process]

    def ensure(self, least: int = 1) -> tuple[tuple[Handle | None, ...], str]:
        """Return the living servers, `least` or more; those that are missing are started. None: why it is not there."""
        found = [self._had(self[0])]
        while len(self) < (least if self.most is None else min(self.most, least)):
            self._add(None)
        found += at_once(self._had, self._all[1:])
        why = "; ".join(dict.fromkeys(reason for _, reason in found if reason))
        return tuple(process for process, _ in found), why

    def _had(self, server: TmuxServer) -> tuple[Handle | None, str]:
        process, why = None, ""
        try:
            process = server.ensure()
        except TerminalError as error:
            why = str(error)
            process = server.process if server.may_live() else None
        server.is_missing = process is None
        return process, why

    def end(self) -> None:
        """End them, with every pane; raises TerminalError when one stays."""
        left = []
        for server in reversed(self._all):  # `down` waits for the first one
            try:
                server.end()
            except TerminalError as error:
                left.append(str(error))
        if left:
            raise TerminalError("; ".join(left))

    def configure(self) -> None:
        """Give each that is there the options and keys of today's configuration. Raises TerminalError."""
        at_once(lambda number: self[number].configure(), self.there)

    def nudge(self) -> None:
        """Make each reap its children."""
        for server in self:
            server.nudge()

    def _add(self, known: Handle | None) -> None:
        of = self._state_dir, self._size, self._attach
        self._all.append(TmuxServer(*of, known=known, number=len(self), like=self._living))

    def _living(self) -> Handle | None:
        """Return a server that lives: all workers begin alike, whichever server they are in."""
        return next((process for process in self.processes if lives(process)), None)


def is_installed() -> bool:
    """Whether a tmux can be started from here."""
    return shutil.which("tmux") is not None


def _listener(socket: Path) -> Handle | None:
    """Return the process that listens on the socket, None where none does, or none can be asked."""
    pid = listening_pid(socket)
    return None if pid is None else handle_of(pid)


def unit_of(pid: int, proc: Path = Path("/proc")) -> str | None:
    """Return the systemd service that the process is in, by the name of its cgroup; None where it is in none."""
    with contextlib.suppress(OSError):
        for line in (proc / str(pid) / "cgroup").read_text().splitlines():
            hierarchy, controllers, path = line.split(":", 2)
            if (hierarchy == "0" or controllers == "name=systemd") and path.endswith(".service"):
                return path.rpartition("/")[2]
    return None


def until(true: Callable[[], bool], timeout: float) -> bool:
    """Return whether `true()` became so within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
