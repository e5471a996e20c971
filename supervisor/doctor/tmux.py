"""What `panevisor doctor` asks of tmux: the program, and our server where it runs.

`tmux.conf` of tmux_server.py is what the options are compared with, so that they stand in one place. The server is
asked by one plain client with a deadline, as a stopped one never answers.
"""

import os
import pwd
import re
import resource
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from actors.errors import TerminalError
from actors.values.spec import Attaching, PaneSize
from supervisor.doctor.findings import Finding, Subject, error, ok, warning
from supervisor.kernel.programs import INSTALL
from supervisor.state.place import tmux_socket
from supervisor.tmux.command import batch
from supervisor.tmux.server import conf_text
from supervisor.tmux.subreaper import places_within

TIMEOUT = 3.0
FEW_PLACES = 10
OLDEST = (3, 2)  # -N, -e and -D
_NEW = (99, 0)  # "master", "openbsd-7.5": named without a number that compares

# below that version → what it lacks, and what is done about it
_LACKS: tuple[tuple[tuple[int, int], str], ...] = (
    ((3, 3), "below 3.3 it does not tell which signal ended a program: such an end counts, its cause is not known"),
    ((3, 6), "below 3.6 it can miss an exit or its status: it is made to reap and asked again"),
    ((3, 7), "below 3.7 the last lines before an exit can be missing on the screen; the log lacks them more rarely"),
)
_SCOPES = "from 3.4 on, built with systemd, it puts each pane in a scope of its own: its limits are not the service's"

# what is wrong with another value
_MATTERS: dict[str, str] = {
    "exit-empty": "it ends with its last session",
    "remain-on-exit": "the status of an exit is lost with its pane",
    "set-clipboard": "a worker can write to the clipboard of the person who attaches",
    "message-limit": "the person who attaches can read what was ordered for other workers, with their environment",
    "allow-passthrough": "a worker's escape sequences reach the terminal of the person who attaches",
    "allow-rename": "a worker can rename its window",
    "automatic-rename": "windows lose their names",
    "update-environment": "a worker's next life gets the environment of the person who attached",
    "detach-on-destroy": "who is attached is moved to another worker when theirs goes",
}
_QUESTIONS = """\
show-options -s
show-options -g
show-options -gw
list-keys -T prefix
display-message -p '#{version}'
"""
_CONF_LINE = re.compile(r"set (-[sg]) (\S+) (.*)")
_UNBOUND = re.compile(r"unbind-key -T prefix (\S)")
_BOUND = re.compile(r"bind-key\s+(?:-r\s+)?-T prefix\s+\\?(\S)\s")
_CGROUP = re.compile(r"^(?:\d+:name=systemd:|0::)(.+)$", re.MULTILINE)  # version 1, version 2
_VERSION = re.compile(r"(?:next-)?(\d+)\.(\d+)")


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────────────


def program(_subject: Subject) -> Iterator[Finding]:
    """Find tmux, its version, and what that version lacks."""
    path = shutil.which("tmux")
    if path is None:
        yield error("tmux is not installed", INSTALL)
        return
    try:
        done = subprocess.run([path, "-V"], capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        yield error(f"{path} -V has not ended within {TIMEOUT:g} s", INSTALL)
        return
    if done.returncode:  # without any UTF-8 locale tmux does not even tell its version
        yield error(f"{path} does not run: {done.stderr.strip()}", "try LC_ALL=C.UTF-8, or install tmux again")
        return
    yield from of_version(done.stdout.strip(), path)


def of_version(said: str, path: str) -> Iterator[Finding]:
    """Judge what `tmux -V` said."""
    version = parsed(said)
    if version is None:
        yield warning(f"{path} says {said!r}: a version that can't be judged", INSTALL)
    elif version < OLDEST:
        yield error(f"{said} ({path}) is too old", INSTALL)
    else:
        yield ok(f"{said} ({path})")
        yield from (ok(note) for below, note in _LACKS if version < below)
        if version >= (3, 4):
            yield ok(_SCOPES)


def parsed(said: str) -> tuple[int, int] | None:
    """Return (3, 3) of "tmux 3.3a"; a development version without a number counts as new; None: not a version."""
    name = said.removeprefix("tmux ").strip()
    if found := _VERSION.match(name):
        return int(found[1]), int(found[2])
    return _NEW if name == "master" or name.startswith("openbsd-") else None


# ── the server ────────────────────────────────────────────────────────────────────────────────────────────────────


def server(subject: Subject) -> Iterator[Finding]:
    """Examine our servers; where none runs, what one would be born into."""
    if not subject.tmux:
        yield ok(f"none runs at {subject.found_at.tmux_socket}")
        yield from _home_of(None)
    for number, pid in subject.tmux.items():
        yield from _answers(pid, subject.found_at.state_dir, number)
        yield of_open_files(pid, len(descriptors(pid)), resource.prlimit(pid, resource.RLIMIT_NOFILE)[0])
        yield from _home_of(pid)


def _answers(pid: int, state_dir: Path, number: int = 0) -> Iterator[Finding]:
    try:
        said = batch(state_dir, _QUESTIONS, server=number, timeout=TIMEOUT).decode(errors="replace").splitlines()
    except TerminalError as silent:
        mend = f"is it stopped? `kill -CONT {pid}`; its workers live, the service judges nothing until it answers"
        yield error(f"the tmux server (pid {pid}) does not answer: {silent}", mend)
        return
    if not said:  # "protocol version mismatch", "server too old for client"
        mend = "was tmux upgraded since it was started? `panevisor down` ends it with its workers, then `panevisor up`"
        yield error(f"the tmux server (pid {pid}) does not talk to this tmux", mend)
        return
    yield ok(f"pid {pid}, version {said[-1]}, answers")
    yield from of_options(said, state_dir, number)


def of_options(said: list[str], state_dir: Path, number: int = 0) -> Iterator[Finding]:
    """Compare options and keys with tmux.conf; a changed one is a warning with the command that sets it back."""
    conf, options, bound = conf_text(PaneSize(), Attaching()), options_in(said), keys_in(said)
    changed = list(_changed(conf, options, state_dir, number))
    for key in _UNBOUND.findall(conf):
        if key in bound:
            mend = tmux_command(state_dir, number, "unbind-key", "-T", "prefix", key)
            changed.append(warning(f"the key C-b {key} is bound: it can end or mix up workers", mend))
    yield from changed or [ok("its options and keys are as panevisor sets them")]


def _changed(conf: str, options: Mapping[str, str], state_dir: Path, number: int) -> Iterator[Finding]:
    for line in conf.splitlines():
        written = _CONF_LINE.fullmatch(line)
        if not written or written[2] not in _MATTERS:
            continue
        scope, name, wanted = written[1], written[2], shlex.split(written[3])[0]
        if name in options and options[name] != wanted:
            what = f"option {name} is {shown(options[name])} and not {shown(wanted)}: {_MATTERS[name]}"
            yield warning(what, tmux_command(state_dir, number, "set-option", scope, name, wanted))


def options_in(said: list[str]) -> dict[str, str]:
    """Read `show-options`; of an array the elements, joined by blanks, and "" for an empty one."""
    found: dict[str, str] = {}
    for line in said:
        name, _, value = line.partition(" ")
        bare, is_element, _ = name.partition("[")
        found[bare] = f"{found.get(bare, '')} {value}".strip() if is_element else value.strip("'\"")
    return found


def keys_in(said: list[str]) -> set[str]:
    """Return the keys of one character that `list-keys -T prefix` shows as bound."""
    return {found[1] for line in said if (found := _BOUND.match(line))}


def tmux_command(state_dir: Path, number: int, *words: str) -> str:
    """Return a command for a shell; the socket's whole path may be too long for tmux."""
    return f"(cd {shlex.quote(str(state_dir))} && tmux -S ./{tmux_socket(number)} {shlex.join(words)})"


def shown(value: str) -> str:
    return value or "empty"


# ── what the kernel says of it ────────────────────────────────────────────────────────────────────────────────────


def of_open_files(pid: int, used: int, limit: int) -> Finding:
    """Judge how many more workers the server has descriptors for."""
    places = places_within(limit - used)
    what = f"{used} of {limit} descriptors in use, enough for {places} more workers"
    mend = f"end it with its workers (`panevisor down`), start it under a higher limit: now `ulimit -Hn` = {limit}"
    if places == 0:
        return error(what, mend)
    return warning(what, mend) if places < FEW_PLACES else ok(what)


def descriptors(pid: int) -> list[str]:
    """Return what each descriptor of the process leads to; those that close meanwhile are left out."""
    found = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(entry.path))
        except FileNotFoundError:
            continue
    return found


def panes(pid: int | None) -> int:
    """Return how many terminals the server has open: one a pane."""
    return 0 if pid is None else sum(1 for target in descriptors(pid) if target.endswith("ptmx"))


class Systemd(NamedTuple):
    """Is this machine run by systemd, and may the user's processes outlive the login?"""

    runs: bool
    lingers: bool


def _home_of(pid: int | None) -> Iterator[Finding]:
    systemd = Systemd(Path("/run/systemd/system").is_dir(), Path(f"/var/lib/systemd/linger/{_user()}").exists())
    text = Path(f"/proc/{pid or 'self'}/cgroup").read_text()
    finding = of_cgroup(text, systemd, "it lives" if pid else "started from here it would live")
    if finding:
        yield finding


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def of_cgroup(text: str, systemd: Systemd, lives: str) -> Finding | None:
    """Judge, from `/proc/PID/cgroup`, whether a logout ends the server; None where there is no systemd."""
    if not systemd.runs:
        return None
    found = _CGROUP.search(text)
    home = found[1] if found else "/"
    if re.search(r"/session-[^/]+\.scope", home):
        mend = (
            "run it as a systemd unit, or `loginctl enable-linger` and then `systemd-run --user --scope panevisor up` "
            "(`panevisor down` first)"
        )
        return warning(f"{lives} in a login session ({home}): a logout can end every worker", mend)
    if "/user@" in home and not systemd.lingers:
        return warning(f"{lives} in {home}, which ends with the user's last session", "loginctl enable-linger")
    return ok(f"{lives} in {home}, which a logout does not end")
