"""Circus's INI files: [watcher:x], [env], [env:x], and [circus] with what it includes."""

import glob
import re
import shlex
import signal
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from supervisor.config.forms import SIGNALS
from supervisor.move_in.commands import home, is_open, put_command, variable
from supervisor.move_in.documents import Ini, text_of
from supervisor.move_in.draft import Draft, Note, Table, Unreadable, named, span

TOOL = "circus"
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_VARIABLE = re.compile(r"\$\(circus\.([\w.-]+)\)|\(\(circus\.([\w.-]+)\)\)", re.IGNORECASE)
_OUTPUT = "its output is kept in the state directory, and `panevisor logs` shows it"
DROPPED = {
    "warmup_delay": "starts are not spread: [supervisor] max_starting limits how many start at a time",
    "priority": "nothing starts by number: say depends_on where the order matters",
    "send_hup": "`panevisor signal NAME HUP` reloads it",
    "on_demand": "nothing starts when somebody connects",
    "max_age_variance": "all restarts for age come at limits.age",
    "check_flapping": "the budget of restarts is always counted",
    "virtualenv": "name the interpreter of the environment in the command, or its bin folder in PATH",
    "use_sockets": "no sockets are opened for a worker: let the program open its own",
    "executable": "put it into the command",
    "env": "use [env:NAME]",
}
NEEDLESS = (
    *("copy_env", "copy_path", "singleton", "close_child_stdin", "close_child_stdout", "close_child_stderr"),
    *("shell", "shell_args", "pipe_stdout", "pipe_stderr"),
)
CARRIED = (
    *(
        "cmd",
        "args",
        "working_dir",
        "numprocesses",
        "stop_signal",
        "graceful_timeout",
        "stop_children",
        "max_retry",
        "respawn",
        "autostart",
        "uid",
        "gid",
        "max_age",
    ),
    *("rlimit_*", "stdout_stream.max_bytes", "stdout_stream.backup_count"),  # else those of stderr_stream
)


def read(path: Path) -> Draft:
    """Return the draft; raises Unreadable."""
    draft = Draft(TOOL, path)
    ini = _with_includes(path, draft)
    watchers = [section for section in ini.sections if section.startswith("watcher:")]
    if not watchers and "circus" not in ini.sections:
        raise Unreadable("has neither [circus] nor a [watcher:…]")
    _shared(ini, draft)
    for section in watchers:
        _watcher(ini, section, draft)
    return draft


def _with_includes(path: Path, draft: Draft) -> Ini:
    ini = Ini()
    _read(ini, path)
    options = ini.sections.get("circus", {})
    patterns = options.get("include", "").split() + [f"{each}/*.ini" for each in options.get("include_dir", "").split()]
    for pattern in patterns:
        found = sorted(glob.glob(str(path.parent / pattern)))
        if not found:
            draft.notes.append(Note(f"include {pattern}: no such file", ini.line("circus")))
        for each in found:
            _read(ini, Path(each))
    return ini


def _read(ini: Ini, path: Path) -> None:
    try:
        ini.read(text_of(path), path, comments=(";",), name=str)
    except Unreadable as error:
        raise Unreadable(error.what, error.line, path) from None


def _shared(ini: Ini, draft: Draft) -> None:
    draft.head.append("A watcher without copy_env had an empty environment. Here a worker has that of the service.")
    defaults = draft.defaults
    defaults.about = "what Circus does with a watcher that does not say"
    defaults.put("restart", "always", "respawn")
    defaults.put("stop", ["TERM", "30s", "KILL"], "stop_signal, graceful_timeout")
    for section, options in ini.sections.items():
        line = ini.line(section)
        if section == "circus":
            for key, value in options.items():
                defaults.put("umask", value, named(key, value)) if key == "umask" else defaults.needs_nothing(key)
        elif section.startswith("socket:"):
            draft.notes.append(Note(f"[{section}]: no sockets are opened for workers", line))
        elif section.startswith("plugin:"):
            draft.notes.append(Note(f"[{section}]: there are no plugins", line))
        elif not section.startswith(("watcher:", "env")):
            draft.notes.append(Note(f"[{section}]: no section that this import knows", line))


def _environment(ini: Ini, name: str) -> dict[str, str]:
    """Return what [env] and each [env:…] that names the watcher set; a later one wins."""
    found = dict(ini.sections.get("env", {}))
    for section, options in ini.sections.items():
        patterns = section.partition(":")[2].split(",") if section.startswith("env:") else []
        if any(fnmatch(name, pattern.strip()) for pattern in patterns):
            found |= options
    return found


def _watcher(ini: Ini, section: str, draft: Draft) -> None:
    options, name = ini.sections[section], section.partition(":")[2].strip()
    file = ini.files[section]
    where = f"{file.name}, " if file != draft.path else ""
    about = f"[{section}], {where}line {ini.line(section)}"
    table = draft.worker(name, about, ini.line(section), None if file == draft.path else file)
    count = int(options["numprocesses"]) if re.fullmatch(r"[0-9]{1,4}", options.get("numprocesses", "")) else 1
    if count > 1:
        table.put("replicas", count, f"numprocesses; they are called {table.name}-1 to {table.name}-{count}")
    plain = _environment(ini, name)
    filler = _Filler(table, plain, "{index}" if count > 1 else "1", ini.line(section, "cmd"))
    env = {key: filler.filled(value) for key, value in plain.items()}
    _command(table, options, filler, env, ini.line(section, "cmd"))
    _policy(table, options, lambda key: ini.line(section, key))
    _rest(table, options, lambda key: ini.line(section, key))


class _Filler:
    """Fills in `$(circus.…)`; what only Circus has is noted, and the worker is written as a comment."""

    def __init__(self, table: Table, env: dict[str, str], wid: str, line: int | None) -> None:
        self._table, self._env, self._wid, self._line = table, env, wid, line

    def filled(self, text: str) -> str:
        return _VARIABLE.sub(self._one, text)

    def _one(self, found: "re.Match[str]") -> str:
        name = found[1] or found[2]
        kind, _, rest = name.partition(".")
        if kind.lower() == "env":
            own = next((value for key, value in self._env.items() if key.lower() == rest.lower()), None)
            return own if own is not None and not _VARIABLE.search(own) else variable(rest)
        if kind.lower() == "wid":
            return self._wid
        why = "it gets a socket that Circus opened" if kind.lower() == "sockets" else "only Circus knows it"
        self._table.set_aside(f"{found[0]}: {why}", self._line)
        return found[0]


def _command(table: Table, options: dict[str, str], filler: _Filler, env: dict[str, str], line: int | None) -> None:
    text = " ".join(filler.filled(options[key]) for key in ("cmd", "args") if key in options)
    if "$WID" in text:
        text = text.replace("$WID", filler.filled("$(circus.wid)"))
    argv: list[str] | str
    try:
        argv = shlex.split(text)
    except ValueError as error:
        argv = [text]
        table.set_aside(f"its command cannot be split into words: {error}", line)
    if not argv:
        argv = ["false"]
        table.set_aside("it has no cmd", line)
    if options.get("shell", "").lower() in _TRUE and not is_open(text):
        argv = text
    cwd = home(filler.filled(options.get("working_dir", "")))
    put_command(
        table,
        argv,
        cwd=cwd,
        env=env,
        origin={"command": "cmd, args" if "args" in options else "cmd", "cwd": "working_dir", "env": "[env]"},
    )


def _policy(table: Table, options: dict[str, str], line: Callable[[str], int | None]) -> None:
    for key, read_one in _READERS.items():
        if key in options:
            found = read_one(options[key].strip())
            if found is None:
                table.drop(named(key, options[key]), "no value that Circus knows", line(key))
                continue
            for name, part in found.items():
                table.put(name, part, named(key, options[key]), line(key))
    limits = {key.removeprefix("rlimit_").lower(): value for key, value in options.items() if key.startswith("rlimit_")}
    if limits:
        table.put("rlimits", {key: int(v) if v.isdigit() else "unlimited" for key, v in limits.items()}, "rlimit_…")
    _log(table, options)
    _stop(table, options, line)


def _log(table: Table, options: dict[str, str]) -> None:
    size, keep = (options.get(key, "") for key in _log_keys(options))
    log = ({"max_size": int(size)} if size.isdigit() and int(size) else {}) | (
        {"keep": int(keep) + 1} if keep.isdigit() else {}
    )
    if log:
        table.put("log", log, "max_bytes, backup_count")


def _log_keys(options: dict[str, str]) -> list[str]:
    """Return the two keys that bound the log; there is one log here, so those of stdout come first."""
    both = ([f"{stream}_stream.{key}" for stream in ("stdout", "stderr")] for key in ("max_bytes", "backup_count"))
    return [next((key for key in keys if key in options), keys[0]) for keys in both]


def _stop(table: Table, options: dict[str, str], line: Callable[[str], int | None]) -> None:
    given = [key for key in ("stop_signal", "graceful_timeout", "stop_children") if key in options]
    if not given:
        return
    wanted = options.get("stop_signal", "TERM").strip().upper().removeprefix("SIG")
    if wanted.isdigit() and int(wanted) in set(signal.Signals):
        wanted = signal.Signals(int(wanted)).name.removeprefix("SIG")
    if wanted not in SIGNALS:
        table.drop(
            named("stop_signal", options["stop_signal"]),
            "no signal of a stop plan; TERM stands for it",
            line("stop_signal"),
        )
        wanted = "TERM"
    wait = options.get("graceful_timeout", "30").strip()
    seconds = float(wait) if re.fullmatch(r"[0-9]{1,8}(\.[0-9]+)?", wait) else 30.0
    step = (
        {"signal": wanted, "to": "tree"}
        if options.get("stop_children", "").lower() in _TRUE and wanted != "KILL"
        else wanted
    )
    table.put("stop", ["KILL"] if wanted == "KILL" else [step, span(seconds), "KILL"], ", ".join(given))


def _flag(key: str, yes: object, no: object) -> Callable[[str], dict[str, object] | None]:
    return lambda text: {key: yes} if text.lower() in _TRUE else {key: no} if text.lower() in _FALSE else None


def _retries(text: str) -> dict[str, object] | None:
    return {"max_restarts": int(text)} if re.fullmatch(r"-1|[0-9]{1,9}", text) else None


def _age(text: str) -> dict[str, object] | None:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return None
    return {"limits": {"age": span(int(text))}} if int(text) else {}


_READERS: dict[str, Callable[[str], dict[str, object] | None]] = {
    "respawn": _flag("restart", "always", "never"),
    "autostart": _flag("autostart", True, False),
    "max_retry": _retries,
    "max_age": _age,
    "uid": lambda text: {"user": text},
    "gid": lambda text: {"group": text},
}


def _rest(table: Table, options: dict[str, str], line: Callable[[str], int | None]) -> None:
    for key, value in options.items():
        if key in CARRIED or key in _log_keys(options) or key.startswith("rlimit_"):
            continue
        if key.startswith("hooks."):
            table.drop(named(key, value), "no hook of Python is run", line(key))
        elif re.fullmatch(r"std(out|err)_stream\.filename", key):
            table.drop(named(key, value), _OUTPUT, line(key))
        elif key in DROPPED and value.strip().lower() not in _FALSE:
            table.drop(named(key, value), DROPPED[key], line(key))
        elif key in NEEDLESS or key in DROPPED or key.startswith(("stdout_stream", "stderr_stream")):
            table.needs_nothing(key)
        else:
            table.drop(named(key, value), "no option that this import knows", line(key))
