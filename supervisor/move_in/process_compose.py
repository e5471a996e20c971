"""process-compose's YAML: processes with probes, conditions and restart policies."""

import re
import signal
from pathlib import Path
from typing import Any

from supervisor.config.forms import SIGNALS
from supervisor.move_in.commands import (
    closed,
    home,
    is_open,
    opened,
    put_command,
    put_env,
    put_env_file,
    shell_text,
    word,
)
from supervisor.move_in.documents import Item, text_of, tree_of
from supervisor.move_in.draft import Draft, Note, Table, Unreadable, named, span

TOOL = "process-compose"
_CONDITIONS = {
    "process_completed": "exited",
    "process_completed_successfully": "completed",
    "process_healthy": "ready",
    "process_log_ready": "ready",
    "process_started": "started",
    "": "started",
}
_RESTARTS = {
    "no": "never",
    "false": "never",
    "exit_on_failure": "never",
    "on_failure": "on-failure",
    "always": "always",
    "unless_stopped": "always",
}
DROPPED = {
    "log_location": "its output is kept in the state directory, and `panevisor logs` shows it",
    "is_elevated": "nothing is started through sudo: start the service as root, or put sudo before the command",
    "schedule": "there is no schedule: let cron run `panevisor start NAME`",
    "extends": "import that file, too, and put both together",
    "env_cmds": "no command is run for one variable: let env_command print its NAME=value line",
}
NEEDLESS = (
    *("version", "log_level", "log_length", "log_format", "is_strict", "is_tui_disabled", "ordered_shutdown", "name"),
    *("disable_ansi_colors", "is_tty", "is_dotenv_disabled", "launch_timeout_seconds", "is_interactive"),
    *("original_config", "replica_num", "replica_name", "executable", "args"),
)
CARRIED = (
    *("command", "entrypoint", "working_dir", "environment", "env_file", "availability", "depends_on", "namespace"),
    *("readiness_probe", "liveness_probe", "ready_log_line", "shutdown", "disabled", "is_daemon", "is_foreground"),
    *("replicas", "description", "vars", "success_exit_codes", "log_configuration"),
)
_TOP = ("processes", "environment", "vars", "shell", "disable_env_expansion", "log_configuration", "env_file")
_VARIABLE = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")


def read(path: Path) -> Draft:
    """Return the draft; raises Unreadable."""
    tree = tree_of(text_of(path)).table("the file")
    processes = tree["processes"].table("processes") if "processes" in tree else {}
    if not processes:
        raise Unreadable("has no processes")
    draft = Draft(TOOL, path)
    _shared(draft, tree)
    project = _Project(draft, tree)
    for name, item in processes.items():
        project.process(name, item)
    project.dependencies()
    return draft


def _shared(draft: Draft, tree: dict[str, Item]) -> None:
    defaults = draft.defaults
    defaults.about = "what process-compose does with a process that does not say"
    defaults.put("restart", "never", "availability.restart: no")
    defaults.put("stop", [{"signal": "TERM", "to": "tree"}, "10s", "KILL"], "shutdown")
    put_env_file(draft)
    for key, item in tree.items():
        if key in DROPPED:
            draft.notes.append(Note(f"{key}: {DROPPED[key]}", item.line))
        elif key in NEEDLESS or key.startswith("x-"):
            defaults.needs_nothing(key)
        elif key not in _TOP:
            draft.notes.append(Note(f"{key}: no key that this import knows", item.line))


def _variables(item: Item | None, table: Table) -> dict[str, str]:
    """Return `environment`: an array of NAME=value, or a table."""
    if item is None:
        return {}
    if isinstance(item.value, dict):
        return {key: part.text for key, part in item.value.items()}
    found: dict[str, str] = {}
    for part in item.array():
        name, sign, value = part.text.partition("=")
        if sign:
            found[name.strip()] = value
        else:
            table.needs_nothing(f"environment {name}")  # a worker has it from the service
    return found


class _Project:
    """One reading of one file; it keeps which process became which worker."""

    def __init__(self, draft: Draft, tree: dict[str, Item]) -> None:
        self.draft = draft
        self.expands = not ("disable_env_expansion" in tree and tree["disable_env_expansion"].value is True)
        self.vars = {key: item.text for key, item in _table(tree.get("vars")).items()}
        self.env = {
            key: self.text(value, self.vars)
            for key, value in _variables(tree.get("environment"), draft.defaults).items()
        }
        shell = _table(tree.get("shell"))
        self.shell = [shell[key].text for key in ("shell_command", "shell_argument") if key in shell]
        self.tables: dict[str, Table] = {}
        self.waits: dict[str, Item] = {}
        self.log = _log(tree.get("log_configuration"))
        if shared := {key: value for key, value in self.env.items() if value == closed(value)}:
            put_env(draft.defaults, shared, "environment")
        self.env = {key: value for key, value in self.env.items() if value != closed(value)}
        if self.log:
            draft.defaults.put("log", self.log, "log_configuration")

    def text(self, text: str, known: dict[str, str]) -> str:
        """Return text in which the file's own variables are filled in, and those of the environment are marks."""
        filled = _VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)
        if not self.expands:
            return filled
        return "$".join(map(opened, filled.split("$$")))

    def process(self, name: str, item: Item) -> None:
        """Make the worker of one process."""
        options = item.table(name)
        about = f"{name}, line {item.line}" + (f": {options['description'].text}" if "description" in options else "")
        table = self.tables[name] = self.draft.worker(name, about, item.line)
        replicas = int(options["replicas"].number(1) or 1) if "replicas" in options else 1
        known = self.vars | {key: part.text for key, part in _table(options.get("vars")).items()}
        known["PC_REPLICA_NUM"] = "{index0}" if replicas > 1 else "0"
        if replicas > 1:
            table.put("replicas", replicas, "replicas")
        self._command(table, options, known)
        self._state(table, options)
        _availability(table, _table(options.get("availability")), options.get("availability"))
        for key in ("readiness_probe", "liveness_probe"):
            self._probe(table, key, options, known)
        _stop(table, options.get("shutdown"))
        if log := _log(options.get("log_configuration")):
            table.put("log", log, "log_configuration")
        if "depends_on" in options:
            self.waits[name] = options["depends_on"]
        _rest(table, options)

    def _command(self, table: Table, options: dict[str, Item], known: dict[str, str]) -> None:
        env = {key: self.text(value, known) for key, value in _variables(options.get("environment"), table).items()}
        cwd = home(self.text(options["working_dir"].text, known)) if "working_dir" in options else ""
        argv: list[str] | str = ""
        if (entry := options.get("entrypoint")) and entry.array():
            argv = [self.text(part.text, known) for part in entry.array()]
        elif "command" in options:
            argv = self._shell(options["command"].text, known)
        if not argv or not "".join(argv).strip():
            argv = ["false"]
            table.set_aside("it has no command")
        left = _VARIABLE.search(" ".join([*argv] if isinstance(argv, list) else [argv]))
        if left or "{{" in "".join(argv):
            table.drop("{{ … }} in its command", "a template that only process-compose fills in")
        origin = {"cwd": "working_dir", "env": "environment"}
        put_command(table, argv, cwd=cwd, env=self.env | env, origin=origin)
        if "env_file" in options:
            files = [part.text for part in options["env_file"].array()]
            table.put("env_file", files, "env_file", options["env_file"].line)

    def _shell(self, text: str, known: dict[str, str]) -> list[str] | str:
        """Return a command line; the shell itself reads the variables that process-compose would have filled in."""
        text = _VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)
        text = (text.replace("$$", "$") if self.expands else text).rstrip("\n")
        if self.shell and Path(self.shell[0]).name not in ("sh", "bash"):
            return [*self.shell, text]
        return shell_text(text)

    def _state(self, table: Table, options: dict[str, Item]) -> None:
        for key in ("disabled", "is_foreground"):
            if key in options and options[key].text.lower() == "true":
                table.put("autostart", False, f"{key} = true", options[key].line)
        if "is_daemon" in options and options["is_daemon"].value is True:
            table.put("background", "allow", "is_daemon = true", options["is_daemon"].line)
        if "namespace" in options and options["namespace"].text != "default":
            table.put("project", options["namespace"].text, "namespace")
        if "success_exit_codes" in options:
            codes = [part.value for part in options["success_exit_codes"].array()]
            table.put(
                "ok_exit_codes", sorted({0, *(code for code in codes if isinstance(code, int))}), "success_exit_codes"
            )
        if "ready_log_line" in options:
            table.put(
                "ready",
                {"log": re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", options["ready_log_line"].text)},
                "ready_log_line",
            )

    def _probe(self, table: Table, key: str, options: dict[str, Item], known: dict[str, str]) -> None:
        """Set `ready` or `live` from a probe."""
        probe = _table(options.get(key))
        line = options[key].line if key in options else None
        found: dict[str, Any] = {}
        if "exec" in probe and (command := probe["exec"].table("exec").get("command")):
            folder = probe["exec"].value.get("working_dir")
            found["command"] = (f"cd {folder.text} && " if folder else "") + self._text_for_shell(command.text, known)
        elif "http_get" in probe:
            url = self._url(probe["http_get"].table("http_get"), known)
            if is_open(url) or url.startswith("https"):
                found["command"] = f"curl -fsS -o /dev/null {word(url)}"
                why = "a probe's url has no variables" if is_open(url) else "probes speak http only"
                table.drop(key, f"{why}; curl asks instead", line)
            else:
                found["http"] = url
        elif probe:
            table.drop(key, "neither exec nor http_get", line)
        if found:
            timing = _timing(probe, is_ready=key == "readiness_probe")
            table.put("ready" if key == "readiness_probe" else "live", found | timing, key, line)

    def _text_for_shell(self, text: str, known: dict[str, str]) -> str:
        found = self._shell(text, known)
        return found if isinstance(found, str) else found[-1]

    def _url(self, get: dict[str, Item], known: dict[str, str]) -> str:
        parts = {key: self.text(item.text, known) for key, item in get.items() if item.is_scalar}
        port = parts.get("port") or parts.get("num_port")
        host, path = parts.get("host") or "127.0.0.1", parts.get("path", "/").removeprefix("/")
        return f"{parts.get('scheme') or 'http'}://{host}{f':{port}' if port else ''}/{path}"

    def dependencies(self) -> None:
        """Set `depends_on`, when it is known which process became a worker."""
        for name, item in self.waits.items():
            table, found = self.tables[name], {}
            wanted = item.value if isinstance(item.value, dict) else {part.text: Item(None) for part in item.array()}
            for other, how in wanted.items():
                word = how.value["condition"].text if isinstance(how.value, dict) and "condition" in how.value else ""
                if other not in self.tables or not self.tables[other].active:
                    table.drop(f"depends_on {other}", "no such worker here", how.line or item.line)
                elif word not in _CONDITIONS:
                    table.drop(f"depends_on {other}: {word}", "no condition that this import knows", how.line)
                else:
                    found[self.tables[other].name] = _CONDITIONS[word]
            if found:
                table.put("depends_on", found, "depends_on", item.line)


def _table(item: Item | None) -> dict[str, Item]:
    return item.table("this key") if item else {}


def _log(item: Item | None) -> dict[str, Any]:
    rotation = _table(_table(item).get("rotation"))
    size, keep = (rotation[key].number(1) if key in rotation else None for key in ("max_size_mb", "max_backups"))
    return ({"max_size": f"{size:g}MB"} if size else {}) | ({"keep": int(keep) + 1} if keep else {})


def _timing(probe: dict[str, Item], *, is_ready: bool) -> dict[str, Any]:
    """Return how often and how long it is asked; process-compose's own defaults where the probe does not say."""
    seconds = {key: item.number() for key, item in probe.items() if key.endswith(("_seconds", "_threshold"))}
    delay, period = seconds.get("initial_delay_seconds") or 0.0, seconds.get("period_seconds") or 10.0
    attempt, no = seconds.get("timeout_seconds") or 1.0, int(seconds.get("failure_threshold") or 3)
    found: dict[str, Any] = {"interval": span(period), "attempt_timeout": span(attempt), "failures": no}
    if yes := int(seconds.get("success_threshold") or 1) - 1:
        found["successes"] = yes + 1
    if not is_ready:
        return found | {"grace": span(delay)}
    found |= {"delay": span(delay)} if delay else {}
    longest = delay + no * (period + attempt) + 10
    return found | ({"timeout": span(longest)} if longest > 60 else {})


def _availability(table: Table, given: dict[str, Item], item: Item | None) -> None:
    word = given["restart"].text if "restart" in given else "no"
    restart = _RESTARTS.get(word.replace("-", "_"))
    if restart is None:
        table.drop(named("availability.restart", word), "no policy that this import knows", item.line if item else None)
    elif restart != "never":
        table.put("restart", restart, named("availability.restart", word))
        most = int(given["max_restarts"].number() or 0) if "max_restarts" in given else 0
        table.put(
            "max_restarts",
            most or -1,
            named("max_restarts", most) if most else "without max_restarts there is no limit",
        )
        pause = span((given["backoff_seconds"].number() if "backoff_seconds" in given else 0) or 1)
        table.put("backoff", {"kind": "constant", "initial": pause, "max": pause, "jitter": 0}, "backoff_seconds")
    elif word == "exit_on_failure":
        table.drop("availability.restart = exit_on_failure", "a worker that fails ends no other", given["restart"].line)
    for key in ("exit_on_end", "exit_on_skipped"):
        if key in given and given[key].value is True:
            table.drop(f"availability.{key}", "a worker that ends ends no other", given[key].line)


def _stop(table: Table, item: Item | None) -> None:
    given = _table(item)
    if not given:
        return
    if "command" in given:
        why = "no command is run to end a worker; the stop plan has signals, keys and text"
        table.drop(named("shutdown.command", given["command"].text), why, given["command"].line)
    number = int(given["signal"].number(1) or 15) if "signal" in given else 15
    name = signal.Signals(number).name.removeprefix("SIG") if number in set(signal.Signals) else "?"
    if name not in SIGNALS:
        table.drop(
            named("shutdown.signal", number), "no signal of a stop plan; TERM stands for it", given["signal"].line
        )
        name = "TERM"
    only_main = "parent_only" in given and given["parent_only"].text.lower() in ("true", "yes")
    step = name if only_main or name == "KILL" else {"signal": name, "to": "tree"}
    wait = (given["timeout_seconds"].number() if "timeout_seconds" in given else None) or 10
    table.put(
        "stop", ["KILL"] if name == "KILL" else [step, span(wait), "KILL"], "shutdown", item.line if item else None
    )


def _rest(table: Table, options: dict[str, Item]) -> None:
    for key, item in options.items():
        if key in DROPPED:
            table.drop(named(key, item.plain()), DROPPED[key], item.line)
        elif key in NEEDLESS or key.startswith("x-"):
            table.needs_nothing(key)
        elif key not in CARRIED:
            table.drop(named(key, item.plain()), "no key that this import knows", item.line)
