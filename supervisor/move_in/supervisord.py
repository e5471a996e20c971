"""supervisord's INI files: [program:x], [group:x], [include], and what [supervisord] says about all programs.

Read as supervisord reads them (4.3): `;` and `#` begin a comment behind white space, a later file wins, `%(…)s` is
expanded, and `environment=` is split by shlex. Variables of supervisord's environment are read when the worker starts.
"""

import glob
import platform
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from actors.frozen import frozen
from supervisor.move_in.commands import MARKS, put_command, variable
from supervisor.move_in.documents import Ini, text_of
from supervisor.move_in.draft import Draft, Note, Setting, Table, Unreadable, named, span

TOOL = "supervisord"
_TRUE, _FALSE = {"yes", "true", "on", "1"}, {"no", "false", "off", "0"}
_MOST = 4000  # of numprocs

SERVICE = ("unix_http_server", "inet_http_server", "supervisorctl", "rpcinterface:", "ctlplugin:")
_OUTPUT = "its output is kept in the state directory, and `panevisor logs` shows it"
DROPPED = {
    "priority": "nothing starts by number: say depends_on where the order matters",
    "stdout_logfile": _OUTPUT,
    "stderr_logfile": _OUTPUT,
    **dict.fromkeys(("stdout_syslog", "stderr_syslog"), "there is no syslog for output"),
    **dict.fromkeys(
        ("stdout_events_enabled", "stderr_events_enabled", "stdout_capture_maxbytes", "stderr_capture_maxbytes"),
        "there is no event protocol; `panevisor events -o json` tells what happens",
    ),
}
NEEDLESS = (
    *("redirect_stderr", "killasgroup", "serverurl", "stderr_logfile_maxbytes", "stderr_logfile_backups"),
    *("process_name", "numprocs_start"),
)
CARRIED = (
    *("command", "directory", "environment", "autostart", "autorestart", "exitcodes", "startsecs", "startretries"),
    *("stopsignal", "stopwaitsecs", "stopasgroup", "user", "umask", "numprocs"),
    *("stdout_logfile_maxbytes", "stdout_logfile_backups"),
)


def read(path: Path) -> Draft:
    """Return the draft; raises Unreadable."""
    draft = Draft(TOOL, path)
    ini = _with_includes(path, draft)
    programs = [name for name in ini.sections if name.startswith(("program:", "fcgi-program:", "eventlistener:"))]
    if not programs and "supervisord" not in ini.sections:
        raise Unreadable("has neither [supervisord] nor a [program:…]")
    draft.head.append("supervisord forgives the crashes before a life of startsecs. The default here is a life of 1m.")
    draft.head.append("A program without `directory` ran where supervisord was started. Here it runs in this folder.")
    if not programs:
        draft.notes.append(Note("has no [program:…]: no worker"))
    shared = _service(ini, draft)
    groups = _groups(ini)
    for section in programs:
        _Program(ini, section, draft, shared, groups).write()
    known = ("program:", "fcgi-program:", "eventlistener:", "group:", *SERVICE)
    for section in ini.sections:
        if not section.startswith(known) and section not in ("supervisord", "include"):
            _note(draft, ini, section, f"[{section}]: no section that this import knows")
    return draft


def _note(draft: Draft, ini: Ini, section: str, what: str) -> None:
    file = ini.files.get(section)
    draft.notes.append(Note(what, ini.line(section), None if file == draft.path else file))


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_includes(path: Path, draft: Draft) -> Ini:
    """Return the file with those that it includes; included files include nothing, as supervisord has it."""
    ini = Ini()
    _read(ini, path)
    wanted = ini.sections.get("include", {}).get("files", "").replace("%(host_node_name)s", platform.node())
    for pattern in wanted.split():
        if "%(" in pattern:
            _note(draft, ini, "include", f"files = {pattern}: what it names is known only to supervisord")
            continue
        found = sorted(glob.glob(str(path.parent / pattern)))
        if not found:
            _note(draft, ini, "include", f"files = {pattern}: no such file")
        for each in found:
            _read(ini, Path(each))
    return ini


def _read(ini: Ini, path: Path) -> None:
    try:
        text = text_of(path)
    except Unreadable as error:
        raise Unreadable(error.what, error.line, path) from None
    here = str(path.absolute().parent)
    one = Ini()
    one.read(text, path, comments=(";", "#"), name=str.lower)
    for section, options in one.sections.items():
        filled = {key: value.replace("%(here)s", here.replace("%", "%%")) for key, value in options.items()}
        ini.sections.setdefault(section, {}).update(filled)
    ini.lines.update(one.lines)
    ini.files.update(one.files)


# ── what concerns all programs ────────────────────────────────────────────────────────────────────────────────────


def _service(ini: Ini, draft: Draft) -> dict[str, str]:
    """Set the defaults of all programs; return the environment of [supervisord]."""
    defaults = draft.defaults
    defaults.about = "what supervisord does with a program that does not say"
    defaults.put("max_restarts", 3, "startretries")
    defaults.put("healthy_after", "1s", "startsecs")
    defaults.put("ready", {"delay": "1s"}, "startsecs")
    backoff = {"kind": "linear", "initial": "1s", "max": "1m", "jitter": 0}
    defaults.put("backoff", backoff, "pauses of 1s, 2s, 3s, as supervisord's")
    options = ini.sections.get("supervisord", {})
    environment: dict[str, str] = {}
    for key, value in options.items():
        if key == "environment":
            environment = _pairs(_Expansion({}, {}).filled(value), defaults)
        elif key == "directory":
            defaults.put("cwd", _Expansion({}, {}).filled(value), "directory of [supervisord]")
        elif key == "umask":
            defaults.put("umask", value, named(key, value))
        elif key in ("user", "minfds", "minprocs"):
            why = {"user": "start the service as this user"}.get(key, "set the limits of the service itself")
            _note(draft, ini, "supervisord", f"{named(key, value)}: {why}")
        else:
            defaults.needs_nothing(key)
    for section in ini.sections:
        if section.startswith(SERVICE):
            defaults.needs_nothing(f"[{section}]")
    return environment


def _groups(ini: Ini) -> dict[str, str]:
    """Return the group of each program that [group:…] names."""
    found: dict[str, str] = {}
    for section, options in ini.sections.items():
        if section.startswith("group:"):
            for program in options.get("programs", "").split(","):
                found.setdefault(program.strip(), section.partition(":")[2].strip())
    return found


def _pairs(text: str, table: Table, line: int | None = None) -> dict[str, str]:
    """Return what `environment=` sets, read as supervisord reads it; what cannot be read is noted, without values."""
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():" + MARKS
    found: dict[str, str] = {}
    try:
        tokens = list(lexer)
    except ValueError as error:
        table.drop("environment", f"cannot be split: {error}", line)
        return found
    for at in range(0, len(tokens), 4):
        part = tokens[at : at + 3]
        if len(part) != 3 or part[1] != "=":
            table.drop("environment", f"what follows {', '.join(found) or 'its begin'} is not KEY=value", line)
            break
        found[part[0]] = part[2].strip("'\"")
    return found


# ── one program ───────────────────────────────────────────────────────────────────────────────────────────────────

_FORMAT = re.compile(r"(?P<before>[0-9]*)%(?:(?P<percent>%)|\((?P<name>\w+)\)(?P<zero>0?)(?P<width>[0-9]{0,2})[sdi])")
_NUMBERED = {"command", "directory"}
_TOKEN = re.compile(r"\{(?:name|(?:[0-9]+\+)?index0?)\}")


class _NoToken(Exception):
    """The number of a process cannot be written as a replica has it."""


@frozen
class _Expansion:
    """Expands `%(…)s`. `known` by name; `env`: what the file itself sets; `number`: writes the process number."""

    known: dict[str, str]
    env: dict[str, str]
    number: Callable[[str, int], str] | None = None

    def filled(self, text: str) -> str:
        return _FORMAT.sub(self._one, text)

    def _one(self, found: "re.Match[str]") -> str:
        before, name = found["before"], found["name"]
        if found["percent"]:
            return f"{before}%"
        if name == "process_num" and self.number:
            return self.number(before, int(found["width"] or 0) if found["zero"] else 0)
        if name.startswith("ENV_"):
            return before + self.env.get(name[4:], variable(name[4:]))
        return before + self.known.get(name, found[0][len(before) :])


@dataclass(slots=True)
class _Program:
    """One section, and what it becomes: one worker, a family, or a worker for each number."""

    ini: Ini
    section: str
    draft: Draft
    shared: dict[str, str]
    groups: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)

    def write(self) -> None:
        self.options = self.ini.sections[self.section]
        kind, _, name = self.section.partition(":")
        name = name.strip()
        count, start = self._count("numprocs", 1), self._count("numprocs_start", 0)
        if count > 1:
            try:
                self._fill(self._table(name), name, lambda before, width: _token(before, width, start, count), count)
            except _NoToken:
                self.draft.workers.pop()
                for number in range(start, start + count):
                    self._fill(self._table(f"{name}-{number:02}"), name, lambda b, w, n=number: f"{b}{n:0{w}}", 1)  # type: ignore[misc]
        else:
            self._fill(self._table(name), name, lambda before, width: f"{before}{start:0{width}}", 1)
        if kind != "program":
            why = (
                "it gets a socket as its standard input" if kind == "fcgi-program" else "it speaks supervisord's events"
            )
            self.draft.workers[-1].set_aside(why, self.ini.line(self.section))

    def _count(self, key: str, none: int) -> int:
        value = self.options.get(key, "").strip()
        return min(int(value), _MOST) if re.fullmatch(r"[0-9]{1,9}", value) else none

    def _table(self, name: str) -> Table:
        file = self.ini.files[self.section]
        where = f"{file.name}, " if file != self.draft.path else ""
        line = self.ini.line(self.section)
        about = f"[{self.section}], {where}line {line}"
        return self.draft.worker(name, about, line, None if file == self.draft.path else file)

    def _fill(self, table: Table, name: str, number: Callable[[str, int], str], replicas: int) -> None:
        known = {"program_name": name, "group_name": self.groups.get(name, name), "host_node_name": platform.node()}
        known["numprocs"] = self.options.get("numprocs", "1")
        early = _Expansion(known, self.shared, number)
        own = _pairs(early.filled(self.options.get("environment", "")), table, self._line("environment"))
        late = _Expansion(known, self.shared | own, number)
        plain = _Expansion(known, self.shared)
        filled = {key: plain.filled(value) for key, value in self.options.items()}
        filled |= {key: late.filled(self.options[key]) for key in _NUMBERED & self.options.keys()}
        if replicas > 1 and any(_TOKEN.search(self.options.get(key, "")) for key in (*_NUMBERED, "environment")):
            raise _NoToken
        if replicas > 1:
            table.put("replicas", replicas, f"numprocs; they are called {table.name}-1 to {table.name}-{replicas}")
        self._command(table, filled, self.shared | own)
        if name in self.groups:
            table.put("project", self.groups[name], f"[group:{self.groups[name]}]")
        _policy(table, filled, self._line)
        self._rest(table, filled)

    def _line(self, key: str) -> int | None:
        return self.ini.line(self.section, key)

    def _command(self, table: Table, filled: dict[str, str], env: dict[str, str]) -> None:
        command = filled.get("command", "")
        try:
            argv = shlex.split(command)
        except ValueError as error:
            hint = " (is a part of it behind ` ;` or ` #`, which begin a comment?)" if "quot" in str(error) else ""
            argv = [command]
            table.set_aside(f"its command cannot be split into words: {error}{hint}", self._line("command"))
        if not argv:
            argv = ["false"]
            table.set_aside("it has no command", self._line("command"))
        origin = {"cwd": "directory", "env": "environment"}
        put_command(table, argv, cwd=filled.get("directory", ""), env=env, origin=origin)

    def _rest(self, table: Table, filled: dict[str, str]) -> None:
        for key, value in filled.items():
            if key == "stdout_logfile_maxbytes" and value.strip() == "0":
                self._without_end(table, key, filled.get("stdout_logfile", ""))
            elif key in DROPPED and not (key.endswith("logfile") and value.upper() in ("AUTO", "NONE", "/DEV/NULL")):
                table.drop(named(key, value), DROPPED[key], self._line(key))
            elif key in NEEDLESS or key in DROPPED:
                table.needs_nothing(key)
            elif key not in CARRIED:
                table.drop(named(key, value), "no option that this import knows", self._line(key))

    def _without_end(self, table: Table, key: str, file: str) -> None:
        if file.startswith("/dev/"):
            table.needs_nothing(key)
        else:
            table.drop(named(key, "0"), "a log always has an end: say log.max_size and log.keep", self._line(key))


def _token(before: str, width: int, start: int, count: int) -> str:
    """Return the number as a replica writes it, with the digits before it: `80%(process_num)02d` → {8000+index0}."""
    most = start + count - 1
    if not before and (width < 2 or start >= 10 ** (width - 1)):
        return "{index}" if start == 1 else f"{{{start}+index0}}" if start else "{index0}"
    digits = max(width, len(str(most)) if len(str(most)) == len(str(start)) else 0)
    if not before or before.startswith("0") or not digits or most >= 10**digits or len(before) + digits > 9:
        raise _NoToken
    return f"{{{int(before) * 10**digits + start}+index0}}"


def _policy(table: Table, options: dict[str, str], line: Callable[[str], int | None]) -> None:
    """Set what happens when the program ends, and how it is ended."""
    for key, setting in _settings(options):
        if setting is None:
            table.drop(named(key, options[key]), "no value that supervisord knows", line(key))
        else:
            for name, one in setting.items():
                table.put(name, one.value, one.origin, line(key))
    _stop(table, options, line)


def _settings(options: dict[str, str]) -> Iterator[tuple[str, dict[str, Setting] | None]]:
    """Give each option that stands for keys, with these; None: its value is none that supervisord knows."""
    for key, read_one in _READERS.items():
        if key in options:
            value = options[key].strip()
            found = read_one(value)
            told = named(key, value)
            yield key, None if found is None else {name: Setting(part, told) for name, part in found.items()}
    backups, size = options.get("stdout_logfile_backups", ""), _size(options.get("stdout_logfile_maxbytes", ""))
    log = {"max_size": size} if size else {}
    log |= {"keep": int(backups) + 1} if backups.isdigit() else {}
    if log and options.get("stdout_logfile_maxbytes", "").strip() != "0":
        yield "stdout_logfile_maxbytes", {"log": Setting(log, "stdout_logfile_maxbytes, _backups")}


def _flag(key: str) -> Callable[[str], dict[str, object] | None]:
    return lambda text: {key: text.lower() in _TRUE} if text.lower() in _TRUE | _FALSE else None


def _autorestart(text: str) -> dict[str, object] | None:
    word = text.lower()
    found = "on-failure" if word == "unexpected" else "always" if word in _TRUE else "never" if word in _FALSE else None
    return {"restart": found} if found else None


def _exit_codes(text: str) -> dict[str, object] | None:
    codes = [code.strip() for code in text.split(",") if code.strip()]
    return {"ok_exit_codes": [int(code) for code in codes]} if all(map(str.isdigit, codes)) else None


def _startsecs(text: str) -> dict[str, object] | None:
    if not re.fullmatch(r"[0-9]{1,8}", text):
        return None
    ready = {"delay": span(int(text))} | ({"timeout": span(int(text) + 60)} if int(text) >= 60 else {})
    return {"healthy_after": span(int(text)) if int(text) else "1ms", "ready": ready}


_READERS: dict[str, Callable[[str], dict[str, object] | None]] = {
    "autostart": _flag("autostart"),
    "autorestart": _autorestart,
    "exitcodes": _exit_codes,
    "startsecs": _startsecs,
    "startretries": lambda text: {"max_restarts": int(text)} if re.fullmatch(r"[0-9]{1,9}", text) else None,
    "user": lambda text: {"user": text},
    "umask": lambda text: {"umask": text},
}


def _stop(table: Table, options: dict[str, str], line: Callable[[str], int | None]) -> None:
    """Set the stop plan where one of its options is given."""
    given = {key: options[key].strip() for key in ("stopsignal", "stopwaitsecs", "stopasgroup") if key in options}
    if not given:
        return
    signal = given.get("stopsignal", "TERM").upper().removeprefix("SIG")
    wait = given.get("stopwaitsecs", "10")
    if not re.fullmatch(r"[0-9]{1,8}", wait):
        table.drop(named("stopwaitsecs", wait), "no number of seconds", line("stopwaitsecs"))
        wait = "10"
    to_all = given.get("stopasgroup", "").lower() in _TRUE and signal != "KILL"
    step: object = {"signal": signal, "to": "tree"} if to_all else signal
    plan = ["KILL"] if signal == "KILL" else [step, span(int(wait)), "KILL"]
    table.put("stop", plan, ", ".join(given), line("stopsignal"))


_SIZES = {"": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


def _size(text: str) -> int | None:
    found = re.fullmatch(r"([0-9]{1,12})(kb|mb|gb|)", text.strip().lower())
    return int(found[1]) * _SIZES[found[2]] if found and int(found[1]) else None
