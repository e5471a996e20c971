"""tmux's language, written and read safely: quoting, start lines, the fields of a pane. Pure.

What is quoted here goes through a control client or `source-file -`, never through argv: there a last `;` splits, here
it does not. A newline would end the command (and inside quotes tmux eats the blanks after it): it is written as `\\n`
in double quotes. Braces keep the quoting of what is inside them.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import field

from actors.frozen import frozen
from actors.values.effects import Type
from actors.values.facts import Handle, Pane
from actors.values.spec import WorkerSpec
from supervisor.text.plain import visible
from supervisor.tmux.surroundings import Account, prelude

MARK_OPTION, NOTICE_OPTION = "@panevisor", "@notice"
EXPIRED, TYPED, NOT_TYPED, MOVED = "expired", "typed", "not-typed", "moved"
UNFORKED, NOT_ITS = "unforked", "not-its"
IDLE_SESSION = "_panevisor"
PANE_FORMAT = ",".join(
    f"#{{{field}}}"
    for field in (
        "pane_id",
        "pane_pid",
        "pane_dead",
        "pane_dead_status",
        "pane_dead_signal",
        "pane_dead_time",
        "window_activity",
        "pane_width",
        "pane_height",
        "pane_pipe",
        "session_attached",
        MARK_OPTION,
    )
)
LOWERED = "ulimit -Sn {nofile}"  # the limit of the service and of its tmux server is raised: a program gets the old one
_SPECIAL = re.compile(r"([\x00-\x1f\x7f'])")
# a tmux server that systemd protects from the OOM killer hands its score to its children: they get 0 back (raising it
# needs no right). 9>&1: a program that closes its standard streams would else close the terminal, and be hung up for it
WRAPPER = (
    f"unset TMUX TMUX_PANE; {LOWERED}; "
    '{{ read -r PV_OOM && test "$PV_OOM" -lt 0 && echo 0 >/proc/self/oom_score_adj; }} '
    "2>/dev/null </proc/self/oom_score_adj; unset PV_OOM; "
    'cd -- "$1" || exit 125; shift; exec 9>&1; {prelude}exec "$@"'
)


def quoted(text: str) -> str:
    """Return `text` as one word of tmux's command language; raises ValueError for NUL, which no argument can hold."""
    if "\0" in text:
        raise ValueError("a NUL character can't be passed to a program")
    parts = [_escaped(part) if _SPECIAL.fullmatch(part) else f"'{part}'" for part in _SPECIAL.split(text) if part]
    return "".join(parts) or "''"


def _escaped(char: str) -> str:
    return '"\'"' if char == "'" else f'"\\{ord(char):03o}"'


def words(*arguments: str) -> str:
    """Return the arguments quoted and joined: one command."""
    return " ".join(quoted(argument) for argument in arguments)


def only_if(condition: str, otherwise: str, *scope: str) -> str:
    """Return a command that lets the rest of its line go on only if this format is true; else it says `otherwise`.

    An option's name is expanded as a format, and an error drops the rest of the line: so the line ends at an option
    that does not exist. `if-shell` would do the same, but tmux 3.3a never frees what it was given: 4 kB a start.
    """
    return words(
        "show-options", *(scope or ("-g",)), "-v", f"#{{?{condition},{MARK_OPTION if scope else '@t'},{otherwise}}}"
    )


def in_time(deadline: int, command: str) -> str:
    """Return `command` such that tmux drops it unread after `deadline` (Unix seconds) and says `expired`."""
    return f"{only_if(f'#{{e|<|:#{{T:@t}},{deadline}}}', EXPIRED)} ; {command}"


@frozen(kw_only=True)
class Launch:
    """Everything one start line needs: the spec, the life, its environment, the log pipe, the soft limit of files.

    `account`: who the program runs as; None: as the service does. `argv`: what is run instead of the spec's command.
    """

    spec: WorkerSpec
    life: str
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    pipe: str
    nofile: int
    account: Account | None = None
    argv: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        return json.dumps({"name": self.spec.name, "life": self.life, "digest": self.spec.digest})

    @property
    def program(self) -> tuple[str, ...]:
        wrapper = WRAPPER.format(nofile=self.nofile, prelude=prelude(self.spec, self.account))
        return ("/bin/sh", "-c", wrapper, "panevisor", self.spec.cwd, *(self.argv or self.spec.argv))


def start_in_new_session(launch: Launch) -> str:
    """Return the line that makes the worker's session: refused whole when the name exists, marked and piped at birth.

    The environment is taken out of the session again, so that a person's split inherits neither secrets nor our mark.
    """
    size = launch.spec.pane
    name = launch.spec.name
    new = ["new-session", "-d", "-P", "-F", "S #{pane_id} #{pane_pid} #{pane_tty}", "-s", name, "-n", name]
    new += ["-x", str(size.columns), "-y", str(size.rows), *_variables(launch), "--", *launch.program]
    target = f"={name}:"
    commands = [words(*new), words("set-option", "-p", "-t", target, MARK_OPTION, launch.mark)]
    commands.append(words("pipe-pane", "-t", target, launch.pipe))
    commands += [words("set-environment", "-t", f"={name}", "-u", key) for key, _ in launch.environment]
    return " ; ".join(commands)


def start_in_dead_pane(launch: Launch, pane: str) -> str:
    """Return the line that starts the next life in the pane of the last one, for those who watch it to go on.

    It is refused where the pane is not this worker's: the id may be one that another tmux server gave out. The log pipe
    survives a respawn and must not be armed twice; it is opened only where it has closed. A second respawn after one
    that could not fork (its pane_pid is -1) crashes tmux 3.3a, and every worker with it.
    """
    ours = only_if(f'#{{m:*"name": "{launch.spec.name}"*,#{{{MARK_OPTION}}}}}', NOT_ITS, "-p", "-t", pane)
    forked = only_if("#{!=:#{pane_pid},-1}", UNFORKED, "-p", "-t", pane)
    respawn = words("respawn-pane", "-t", pane, *_variables(launch), "--", *launch.program)
    mark = words("set-option", "-p", "-t", pane, MARK_OPTION, launch.mark)
    answer = words("display-message", "-p", "-t", pane, "S #{pane_id} #{pane_pid} #{pane_tty}")
    return " ; ".join((ours, forked, respawn, mark, notice_in(pane, ""), answer, pipe_if_closed(launch, pane)))


def pipe_if_closed(launch: Launch, pane: str) -> str:
    """Return the commands that open the pane's log pipe where there is none; nothing may follow them on the line."""
    closed = only_if("#{!=:#{pane_pipe},1}", "piped", "-p", "-t", pane)
    return f"{closed} ; {words('pipe-pane', '-t', pane, launch.pipe)}"


def pipe_anew(launch: Launch, pane: str) -> str:
    """Return the commands that open the pane's log pipe in place of the one it has, if the pane is this life's."""
    ours = only_if(f"#{{m:*{launch.life}*,#{{{MARK_OPTION}}}}}", NOT_ITS, "-p", "-t", pane)
    return f"{ours} ; {words('pipe-pane', '-t', pane, launch.pipe)}"


def notice_in(pane: str, text: str) -> str:
    """Return the command that shows a line in the status of those who are attached to the pane; "" takes it away."""
    return words("set-option", "-p", "-t", pane, NOTICE_OPTION, visible(text).replace("#", "##"))


WHOSE_FORMAT = "#{session_name} #{pane_dead} #{?#{" + MARK_OPTION + "},ours,others}"


def others_in(lines: Iterable[str]) -> list[str]:
    """Return the sessions with living panes that are not ours, of a list-panes in `WHOSE_FORMAT`."""
    fields = [line.rsplit(" ", 2) for line in lines]
    living = {name for name, dead, whose in fields if (dead, whose) == ("0", "others")}
    return sorted(living - {IDLE_SESSION})


def close_if_dead(pane: str) -> str:
    """Return the line that destroys the pane's session, if the pane is dead and bears a mark of ours."""
    ours = f"#{{&&:#{{pane_dead}},#{{!=:#{{{MARK_OPTION}}},}}}}"
    return f"{only_if(ours, 'not closed', '-p', '-t', pane)} ; {words('kill-pane', '-t', pane)}"


_BUFFER = "_panevisor"
LOOK_FORMAT = " ".join(
    f"#{{{field}}}"
    for field in (
        *("pane_dead", "cursor_x", "cursor_y", "cursor_flag", "alternate_on", "pane_width", "session_activity"),
        *("session_attached", "pane_tty", "pane_pid", MARK_OPTION),
    )
)
TYPISTS_FORMAT = "#{client_activity} #{client_readonly} #{client_control_mode}"


def type_into(order: Type) -> str:
    """Return the line that types these bytes, or these keys, if the pane is alive and bears the mark of this life.

    A paste into a dead pane crashes tmux 3.3a, so it is guarded inside tmux. Copy mode would swallow keys: it is left.
    """
    pane = order.pane
    alive = f"#{{&&:#{{!=:#{{pane_dead}},1}},#{{m:*{order.life}*,#{{{MARK_OPTION}}}}}}}"
    commands = [only_if(alive, NOT_TYPED, "-p", "-t", pane)]
    commands += [only_if(as_seen, MOVED, "-p", "-t", pane) for as_seen in _as_seen(order)]
    commands.append(words("copy-mode", "-q", "-t", pane))
    commands += [words("send-keys", "-t", pane, "--", *order.keys)] if order.keys else _pasted(order)
    return " ; ".join((*commands, words("display-message", "-p", TYPED)))


def _as_seen(order: Type) -> list[str]:
    """Return what has to be as it was when the terminal was looked at."""
    seen = [] if order.touched is None else [f"#{{==:#{{session_activity}},{order.touched}}}"]
    seen += [f"#{{C:{searched}}}" for row in order.stands if (searched := _searched(row))]
    if order.cursor is None:
        return seen
    x, y = order.cursor
    return [*seen, f"#{{==:#{{cursor_x}},{x}}}", f"#{{==:#{{cursor_y}},{y}}}"]


def _searched(row: str) -> str:
    """Return what tmux looks for on the screen to find this row; "" where the row has no words.

    What is not a letter, a digit or a blank may mean something to tmux, or to fnmatch(3): a * stands for it.
    """
    found = re.sub(r"[^A-Za-z0-9 ]+", "*", row.strip())
    return f"*{found}*" if found.strip("* ") else ""


def _pasted(order: Type) -> list[str]:
    """Return commands that type exactly these bytes; a NUL, which no argument can hold, is typed as a key.

    As a `paste` tmux types a CR for each LF, and frames it for a program that asks for bracketed paste.
    """
    commands: list[str] = []
    how = "-p -d" if order.paste else "-r -d"
    for number, part in enumerate(order.content.split(b"\0")):
        if number:
            commands.append(f"send-keys -t {order.pane} -H 00")
        if part:
            commands.append(f"set-buffer -b {_BUFFER} -- {_quoted_bytes(part)}")
            commands.append(f"paste-buffer {how} -b {_BUFFER} -t {order.pane}")
    return commands


def _quoted_bytes(content: bytes) -> str:
    """Return bytes as one word: in double quotes, with all but the plainest in octal; there even a first ~ expands."""
    return '"' + "".join(_BYTES[byte] for byte in content) + '"'


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _.,/-")
_BYTES = [chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in range(256)]


def _variables(launch: Launch) -> list[str]:
    return [word for key, value in launch.environment for word in ("-e", f"{key}={value}")]


@frozen
class PaneLine:
    """One line of list-panes in `PANE_FORMAT`, before the process's start time is known."""

    id: str
    pid: int
    text: str

    def pane(self, process: Handle | None) -> Pane:
        """Return the pane, whose pid `process` has now; a dead pane has none, the pid may have been given again."""
        fields = self.text.split(",", 11)
        mark = _mark(fields[11])
        return Pane(
            id=self.id,
            pid=self.pid,
            process=None if self.dead else process,
            dead=fields[2] == "1",
            status=_number(fields[3]),
            signal=_number(fields[4]),
            dead_at=_number(fields[5]),
            activity=_number(fields[6]) or 0,
            columns=_number(fields[7]) or 0,
            rows=_number(fields[8]) or 0,
            piped=fields[9] == "1",
            attached=fields[10] not in ("", "0"),
            name=mark.get("name"),
            life=mark.get("life"),
            digest=mark.get("digest"),
        )

    @property
    def name(self) -> str | None:
        """The worker that the pane's mark names; None for a pane without a mark of ours."""
        return _mark(self.text.split(",", 11)[11]).get("name") if self.marked else None

    @property
    def dead(self) -> bool:
        return self.text.split(",", 3)[2] == "1"

    @property
    def marked(self) -> bool:
        return not self.text.endswith(",")


def pane_line(text: str) -> PaneLine | None:
    """Return the line read, or None when it is not one of ours (a tmux that prints something else).

    The pid of a pane whose program tmux could not fork is -1.
    """
    fields = text.split(",", 11)
    if len(fields) != 12 or not fields[0].startswith("%"):
        return None
    pid = _number(fields[1])
    return None if pid is None else PaneLine(fields[0], pid, text)


def _number(field: str) -> int | None:
    return int(field) if field.lstrip("-").isdecimal() else None


def _mark(text: str) -> dict[str, str]:
    try:
        mark = json.loads(text) if text else {}
    except ValueError:
        return {}
    return mark if isinstance(mark, dict) and all(isinstance(v, str) for v in mark.values()) else {}
