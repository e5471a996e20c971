"""What a worker should be: the validated, immutable description that a config file or `run` gives.

A spec has two parts. What needs a new process to change (command, cwd, environment, pane size) goes into
`WorkerSpec.digest`; everything else is policy and is applied to the living worker.

These classes are the only description of a worker's keys. A file and a record are read by them, and `docs/config.md`
is made from them: the text below a field describes its key there. Durations are in seconds.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from typing import Annotated, Any, Literal

from actors.frozen import as_dict, frozen
from actors.values.command_text import Resume, argv_of, is_text_for_a_shell, words_of
from actors.values.keys import MANY, Between, Bytes, Command, Elsewhere, Form, PathText, Seconds, Text, Unwritten
from actors.values.rules import Rule

MOST = 4000  # replicas per family
REPLICA_OF = "replica_of"  # the label that says of which family a worker is a replica; no file can set it
LONGEST_NAME = 64
NAME_PATTERN = rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}"

ExitCode = Annotated[int, Between(0, 255)]
Threshold = Annotated[int, Between(1, 1000)]
Reaction = Literal["restart", "notify"]


class Restart(StrEnum):
    """When an ended worker is started again. A worker that a person stopped stays stopped in any case."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class Condition(StrEnum):
    """What a worker waits for in another one before it starts."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"
    EXITED = "exited"


class Growth(StrEnum):
    """How the pauses of a back-off grow from one restart to the next."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    CONSTANT = "constant"


class ExitAction(StrEnum):
    """What an `on_exit` rule does about the exits that it names. It decides before `restart`."""

    RESTART_NOW = "restart-now"  # without a pause; charged to the budget like any restart, so that it converges
    BACKOFF = "backoff"
    COMPLETE = "complete"
    FAIL = "fail"


class Background(StrEnum):
    """What becomes of a program that goes into the background: its main process ends well, and other ones live on."""

    FAIL = "fail"
    END = "end"
    ALLOW = "allow"


FULL = "full"


@frozen(kw_only=True)
class Backoff:
    """The pauses between restarts; n counts from 0 since the last healthy life.

    An array of durations is short for `steps`.
    """

    initial: Annotated[float, Seconds()] = 1.0
    """The first pause."""
    factor: Annotated[float, Between(1)] = 2.0
    """By how much an exponential pause grows; only for `kind = "exponential"`."""
    max: Annotated[float, Seconds()] = 60.0
    """The longest pause; at least `initial`."""
    jitter: Annotated[float | Literal["full"], Form.JITTER] = 0.2
    """Spreads a pause by ± that part of it; `"full"` takes any time up to the pause."""
    kind: Growth = Growth.EXPONENTIAL
    """How pauses grow: `initial * factor**n`, `initial * (n + 1)` or `initial`."""
    steps: Annotated[tuple[float, ...], Form.PAUSES] = ()
    """The pauses themselves, of which the last one repeats. Only `jitter` may stand beside it."""


@frozen(kw_only=True)
class ExitRule:
    """What to do after an exit with one of `codes` or by one of `signals`; at least one of them has to be given.

    The first rule that matches decides, before `restart` and `ok_exit_codes`.
    """

    do: ExitAction
    """`restart-now` makes no pause, but counts as a restart."""
    codes: tuple[ExitCode, ...] = ()
    """Exit codes; 128 + n also means signal n."""
    signals: tuple[Annotated[int, Form.SIGNAL], ...] = ()
    """Signals that ended the worker."""


@frozen
class Window:
    """At most `restarts` restarts in any period of `within`; healthy lives do not change that count."""

    restarts: Threshold
    """How many restarts are allowed."""
    within: Annotated[float, Seconds("1ms")]
    """The period."""


KINDS = ("tcp", "unix", "http", "command", "log", "screen")


@frozen
class Http:
    """A GET of `url`; that as text is short for this table."""

    url: Annotated[str, Form.URL]
    """Where it goes; http only."""
    status: tuple[Annotated[int, Between(100, 599)], ...] = ()
    """The codes that mean yes; none given: any 2xx or 3xx."""
    headers: tuple[tuple[Annotated[str, Form.HEADER], Annotated[str, Form.HEADER_TEXT]], ...] = ()
    """What is sent along. No message shows their values, which may be secret."""


@frozen(kw_only=True)
class Check:
    """How a worker is asked whether it is well: by at most one of `KINDS`, and how often."""

    tcp: Annotated[str | None, Form.ADDRESS] = None
    """The address accepts a connection."""
    unix: PathText | None = None
    """The socket at this path accepts a connection."""
    http: Http | None = None
    """A GET is answered with 2xx or 3xx, or with one of `status`; a URL as text, or a table."""
    command: Command | None = None
    """The command exits with 0; it runs in the worker's folder with its environment."""
    log: Annotated[str | None, Form.PATTERN] = None
    """The life has printed such a line; for `live`: since the last try."""
    screen: Annotated[str | None, Form.PATTERN] = None
    """The pane shows it."""
    interval: Annotated[float, Seconds("100ms")] = 1.0
    """The time between two tries; the first tries of a starting worker are quicker."""
    attempt_timeout: Annotated[float, Seconds("10ms")] = 1.0
    """How long one try may take."""
    successes: Threshold = 1
    """How many successes in a row mean yes."""
    failures: Annotated[int, Form.ATTEMPTS] = -1
    """How many failures in a row mean no."""

    @property
    def kind(self) -> str | None:
        """The one of `KINDS` that is given; None: the worker is not asked."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), None)


@frozen(kw_only=True)
class Ready(Check):
    """When a starting worker counts as running: `delay` has passed and its check, if there is one, has said yes.

    A worker that is not ready within `timeout`, or whose check says no, has had an unhealthy life.
    """

    delay: Annotated[float, Seconds()] = 0.0
    """The shortest time until it is ready; less than `timeout`."""
    timeout: Annotated[float, Seconds("1ms")] = 60.0
    """The longest time until it is ready."""


class Do(StrEnum):
    """What is done about a running worker whose check says no."""

    RESTART = "restart"
    NOTIFY = "notify"


@frozen(kw_only=True)
class Live(Check):
    """Whether a running worker is still well; without a kind of probe it is not asked."""

    interval: Annotated[float, Seconds("100ms")] = 10.0
    """The time between two tries."""
    attempt_timeout: Annotated[float, Seconds("10ms")] = 5.0
    """How long one try may take."""
    failures: Threshold = 3
    """How many failures in a row mean no."""
    grace: Annotated[float, Seconds()] = 10.0
    """The time from ready, or from the adoption by a new service, until the first try."""
    do: Do = Do.RESTART
    """What a no does: end the worker as after a crash, or only tell."""


@frozen(kw_only=True)
class PaneSize:
    """The size of each worker's pane, in cells and lines."""

    columns: Annotated[int, Between(10, 1000)] = 200
    """Its width."""
    rows: Annotated[int, Between(2, 1000)] = 50
    """Its height."""
    history: Annotated[int, Between(0, 1_000_000)] = 2000
    """How many lines tmux keeps that have left the screen."""


@frozen(kw_only=True)
class Attaching:
    """What tmux does for a person who is attached."""

    prefix: Annotated[str, Form.KEY_NAME] = "C-b"
    """The key before tmux's own keys: with `d` it leaves."""
    mouse: bool = False
    """Whether the wheel scrolls back and a drag selects, where the program does not use the mouse itself."""


@frozen(kw_only=True)
class LogLimits:
    """How much of a worker's output is kept."""

    max_size: Annotated[int, Bytes("4kB")] = 10_000_000
    """The size of one segment. A change takes effect when the log is next armed."""
    keep: Annotated[int, Between(1, 1000)] = 5
    """How many segments there are, with the one being written."""


@frozen
class TypeKeys:
    """A step of a stop plan: press these keys, by tmux's names."""

    keys: tuple[str, ...]


@frozen
class TypeText:
    """A step of a stop plan: type this text, and Enter."""

    text: str


@frozen
class SignalTree:
    """A step of a stop plan: send this signal to every process of the tree at once."""

    signal: str
    to: Literal["tree"] = "tree"


StopStep = str | float | TypeKeys | TypeText | SignalTree
"""A signal for the main process, the seconds until the next step, something to type, or a signal for the whole tree."""


@frozen(kw_only=True)
class Rung:
    """One step of a stall ladder."""

    do: Literal["notify", "send", "interrupt", "restart"]
    """`notify` writes a line to the log, as each step does; `interrupt` types C-c. A `restart` has to come last."""
    wait: Annotated[float, Seconds(), Unwritten("0s", '`"0s"` for the first step, else `"30s"`')] = 0.0
    """The time since the step before."""
    text: Text | None = None
    """What `send` types, with Enter."""
    keys: Annotated[tuple[str, ...], Form.KEY_NAMES] = ()
    """What `send` presses."""


@frozen(kw_only=True)
class Stall:
    """What is done about a running worker that gives no sign of life for `after`; the first wait counts from there."""

    after: Annotated[float | None, Seconds("2s", never=True)] = None  # tmux counts output in whole seconds
    """When it is stalled."""
    by: Literal["output", "screen"] = "output"
    """What is a sign of life: output, or a changed screen."""
    ladder: tuple[Rung, ...] = (Rung(do="notify"),)
    """The steps, climbed until there is a sign of life."""


@frozen
class Limit:
    """What a tree may use at most, and what is done when it uses more."""

    value: float
    do: Reaction = "restart"


@frozen(kw_only=True)
class Limits:
    """What a worker's process tree may use, looked at once each `health_interval`."""

    memory: Annotated[Limit | None, Form.MEMORY_LIMIT] = None
    """Resident memory of the tree."""
    cpu: Annotated[Limit | None, Form.CPU_LIMIT] = None
    """Percent of one core, in each of `cpu_samples` looks in a row."""
    cpu_samples: Threshold = 6
    """How many looks in a row have to be above `cpu`."""
    processes: Annotated[Limit | None, Form.COUNT_LIMIT] = None
    """How many processes the tree has."""
    age: Annotated[Limit | None, Form.AGE_LIMIT] = None
    """The time since the start. The restart for its age is not counted."""
    do: Reaction = "restart"
    """What is done above a limit that does not say: end the worker as after a crash, or only tell."""


@frozen(kw_only=True)
class WorkerSpec:
    """One worker. NAME has 1 to 64 letters, digits, `_` and `-`, and does not begin with `_panevisor`."""

    name: Annotated[str, Elsewhere()]
    command: Command
    """What is run. A text without any shell syntax is executed without a shell, too."""
    cwd: Annotated[PathText, Unwritten(".", "the folder of the file")]
    """The working directory."""  # in a spec it is absolute, like each path
    env: tuple[tuple[Annotated[str, Form.VARIABLE], Text], ...] = ()
    """Added to the environment in which the service was started; wins over `env_file`."""
    secret_files: tuple[tuple[Annotated[str, Form.VARIABLE], PathText], ...] = ()
    """Variables, and the files that hold their values, read at each start; they win over all."""
    env_command: Command = ()
    """Prints NAME=value lines, read at each start; they win over `env`. It runs as the command of a check does."""
    env_command_timeout: Annotated[float, Seconds("10ms")] = 10.0
    """How long `env_command` may run."""
    project: Text = ""
    """A name for a group of workers, for `-p PROJECT`."""
    labels: tuple[tuple[Annotated[str, Form.LABEL], Text], ...] = ()
    """For `-l LABEL=VALUE`."""
    autostart: bool = True
    """Whether it starts as soon as it is defined; else it is stopped until somebody starts it."""
    protected: bool = False
    """Whether stop, complete, remove and an `apply` that ends its process need `--force`; restart and down do not."""
    restart: Restart = Restart.ON_FAILURE
    """When an ended worker is started again; what a person stopped stays stopped."""
    ok_exit_codes: tuple[ExitCode, ...] = (0,)
    """The exit codes of a worker that ended well."""
    backoff: Backoff = field(default_factory=Backoff)
    """The pauses between restarts."""
    max_restarts: Annotated[int, Between(-1, MANY)] = 5
    """How many restarts without a healthy life between; with 5 the sixth crash is a failure. -1: no limit."""
    healthy_after: Annotated[float, Seconds("1ms")] = 60.0
    """A life this long is healthy: it forgives earlier crashes."""
    depends_on: Annotated[tuple[tuple[str, Condition], ...], Form.DEPENDENCIES] = ()
    """What has to be reached before it starts: `"started"`, `"ready"`, `"completed"` or `"exited"`."""
    ready: Ready = field(default_factory=Ready)
    """When a starting worker counts as running."""
    live: Live = field(default_factory=Live)
    """Whether a running worker is still well."""
    stop: Annotated[tuple[StopStep, ...], Form.STOP_PLAN] = ("TERM", 10.0, "KILL")
    """How it is ended, with waits between: signals, `{ signal = "TERM", to = "tree" }`, `{ keys = ["C-c"] }` or
    `{ text = "exit" }`; the last is KILL."""
    enter_delay: Annotated[float, Seconds()] = 0.1
    """The time between a text that the program has read and the Enter that follows it: one that comes together with the
    text is taken for a part of a paste."""
    stdin: Literal["terminal", "null"] = "terminal"
    """With `"null"` it reads the end of a file at once, so it waits for nobody who types."""
    nice: Annotated[int, Between(-20, 19)] = 0
    """Added to its niceness; below 0 needs root."""
    umask: Annotated[str | None, Form.UMASK] = None
    """Which rights its new files do not get."""
    rlimits: tuple[tuple[Annotated[str, Form.RLIMIT], Annotated[int, Form.RLIMIT_VALUE]], ...] = ()
    """Limits of the kernel for each of its processes, soft and hard: `nofile`, `core`, `nproc`, `memlock`, `stack` …"""
    user: Annotated[str | None, Form.ACCOUNT] = None
    """Who it runs as, with his groups, HOME, USER, LOGNAME and SHELL; only where the service runs as root."""
    group: Annotated[str | None, Form.ACCOUNT] = None
    """Its group, in place of that of `user`."""
    background: Background = Background.FAIL
    """What becomes of processes that still live 2 s after the main process has ended well: `"fail"` ends them and is
    a failure; `"end"` ends them at once, the exit counts; with `"allow"` the worker lives as long as they do."""
    cleanup_after: Annotated[float | None, Seconds(never=True)] = 30.0
    """The pane of a completed worker is removed after this."""
    log: LogLimits = field(default_factory=LogLimits)
    """How much of its output is kept."""
    pane: Annotated[PaneSize, Elsewhere()] = field(default_factory=PaneSize)
    ephemeral: Annotated[bool, Elsewhere()] = False  # of `run --rm`: forgotten `cleanup_after` it has ended for good
    stall: Stall = field(default_factory=Stall)
    """What is done when it gives no sign of life."""
    limits: Limits = field(default_factory=Limits)
    """What its process tree may use."""
    on_exit: tuple[ExitRule, ...] = ()
    """Rules for exits, before `restart` and `ok_exit_codes`."""
    rules: tuple[Rule, ...] = ()
    """What is done about what it prints, shows and does."""
    resume: Resume | None = None
    """How a later life takes up the session of the one before."""
    max_restarts_in: Window | None = None
    """A second limit, which counts the restarts of a period."""
    retry: Annotated[float | None, Seconds("1s", never=True)] = None
    """With `"never"` a worker whose budget is spent has failed; else it starts again after each such pause."""

    @property
    def needs_shell(self) -> bool:
        """Whether it is a text that /bin/sh has to read."""
        return isinstance(self.command, str) and words_of(self.command) is None

    @property
    def ends_as_a_shell(self) -> bool:
        """Whether its exit code is a shell's, in which 128 + n means signal n: a text, or a list like `bash -lc …`."""
        return self.needs_shell if isinstance(self.command, str) else is_text_for_a_shell(self.command)

    @property
    def argv(self) -> tuple[str, ...]:
        """What is executed: the command itself, or `/bin/sh -c` around a text that needs a shell."""
        return argv_of(self.command)

    @property
    def replica_of(self) -> str:
        """The name of its family; "" for a worker of its own."""
        return next((value for key, value in self.labels if key == REPLICA_OF), "") if self.labels else ""

    @property
    def digest(self) -> str:
        """12 hex digits that change when a new process is needed."""
        argv = self.command if isinstance(self.command, str) else list(self.command)
        surroundings = [self.stdin, self.nice, self.umask]
        changed: list[Any] = [] if surroundings == ["terminal", 0, None] else [surroundings]
        if self.rlimits or self.user or self.group:  # so the digests of old records stay
            changed.append([sorted(self.rlimits), self.user, self.group])
        if self.secret_files or self.env_command:
            changed.append({"secrets": [sorted(self.secret_files), self.env_command]})
        identity = json.dumps([argv, self.cwd, sorted(self.env), [self.pane.columns, self.pane.rows], *changed])
        return hashlib.sha256(identity.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as the records file keeps them."""
        return as_dict(self)  # type: ignore[no-any-return]


class NoReplica(Exception):
    """The file gives no valid worker for this number; the message says why."""


@frozen
class Family:
    """A table of the file with `replicas`. `spec_of` returns a replica by its number, from 1; it raises NoReplica."""

    name: str
    replicas: int
    spec_of: Callable[[int], WorkerSpec]

    def specs(self, count: int) -> tuple[WorkerSpec, ...]:
        return tuple(self.spec_of(index) for index in range(1, count + 1))
