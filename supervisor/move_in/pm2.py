"""pm2's ecosystem files: apps in JSON (with comments) or YAML. A JavaScript one is a program, and not run here."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from supervisor.move_in.commands import home, put_command, shell_text
from supervisor.move_in.documents import Item, json_of, text_of, tree_of
from supervisor.move_in.draft import Draft, Note, Table, Unreadable, named, span

TOOL = "pm2"
_BY_ENDING = {
    ".js": "node",
    ".cjs": "node",
    ".mjs": "node",
    ".sh": "bash",
    ".py": "python3",
    ".rb": "ruby",
    ".php": "php",
    ".pl": "perl",
    ".coffee": "coffee",
    ".ls": "lsc",
    ".ts": "bun",
    ".tsx": "bun",
}
_OUTPUT = "its output is kept in the state directory, and `panevisor logs` shows it"
_WATCH = "no files are watched: use the program's own watcher, or `panevisor restart`"
_ALIASES = {
    **dict.fromkeys(("exec", "cmd", "command"), "script"),
    **dict.fromkeys(("exec_interpreter",), "interpreter"),
    **dict.fromkeys(("interpreterArgs", "interpreter_args", "nodeArgs"), "node_args"),
}
_COMMAND = ("script", "interpreter", "node_args", "args")
_LOG_FILES = (
    *("log", "log_file", "out", "output", "out_log", "out_file"),
    *("err", "error", "err_log", "err_file", "error_file"),
)
_CRON = "there is no schedule: let cron run `panevisor restart NAME`, or set limits.age"
DROPPED = {
    **dict.fromkeys(_LOG_FILES, _OUTPUT),
    "watch": _WATCH,
    **dict.fromkeys(("cron", "cron_restart"), _CRON),
    "wait_ready": "process.send('ready') is not heard: name a probe, such as ready.tcp",
    "shutdown_with_message": "no message is sent: the stop plan has signals, keys and text",
    "filter_env": "a worker has the environment of the service; `env` adds to it",
    "post_update": "nothing is run after an update",
    "install_url": "nothing is installed",
    "disable_logs": "output is always kept, up to log.max_size",
    "log_type": _OUTPUT,
}
NEEDLESS = (
    *(
        "pid",
        "pid_file",
        "merge_logs",
        "combine_logs",
        "time",
        "log_date_format",
        "source_map_support",
        "disable_source_map_support",
        "vizion",
    ),
    *("force", "append_env_to_name", "trace", "disable_trace", "v8", "event_loop_inspector", "deep_monitoring", "pmx"),
    *("automation", "username", "windowsHide", "kill_retry_time", "write", "io", "listen_timeout", "ignore_watch"),
    *("watch_options", "watch_delay", "treekill", "execute_command", "instance_var", "max", "restart_at"),
)
CARRIED = (
    *("name", "script", "args", "interpreter", "node_args", "cwd", "env", "port", "instances", "exec_mode"),
    *("increment_var", "autorestart", "autostart", "max_restarts", "min_uptime", "restart_delay"),
    *(
        "exp_backoff_restart_delay",
        "stop_exit_codes",
        "max_memory_restart",
        "kill_timeout",
        "namespace",
        "user",
        "uid",
        "gid",
    ),
)


def is_a_program(path: Path) -> str:
    """Return what to say about an ecosystem file in JavaScript."""
    script = f"console.log(JSON.stringify(require({json.dumps(str(path.absolute()))})))"
    way = f"node -e {shlex.quote(script)} > {shlex.quote(path.name.rpartition('.')[0] + '.json')}"
    there = "" if shutil.which("node") else " (on a machine with node)"
    return (
        f"is a JavaScript program, which this import does not run: make JSON of it{there} with `{way}`, and import that"
    )


def read(path: Path) -> Draft:
    """Return the draft; raises Unreadable."""
    if path.suffix in (".js", ".cjs", ".mjs", ".ts"):
        raise Unreadable(is_a_program(path))
    text = text_of(path)
    tree = tree_of(text) if path.suffix in (".yaml", ".yml") else json_of(text)
    draft = Draft(TOOL, path)
    _defaults(draft)
    top = tree.value if isinstance(tree.value, dict) else {}
    apps = top.get("apps", tree)
    for key, item in top.items():
        if "apps" in top and key != "apps":
            draft.notes.append(Note(f"{key}: only apps are carried over", item.line))
    for number, app in enumerate(apps.array(), 1):
        _app(draft, app, number)
    if not draft.workers:
        raise Unreadable("has no apps")
    return draft


def _defaults(draft: Draft) -> None:
    draft.head.append(
        "pm2 restarts at once. Here a restart has a pause, which grows while crashes go on (see `backoff`)."
    )
    defaults = draft.defaults
    defaults.about = "what pm2 does with an app that does not say"
    defaults.put("restart", "always", "autorestart")
    defaults.put("max_restarts", 16, "max_restarts")
    defaults.put("healthy_after", "1s", "min_uptime")
    defaults.put("stop", [{"signal": "INT", "to": "tree"}, "1600ms", "KILL"], "kill_timeout, treekill")


def _app(draft: Draft, app: Item, number: int) -> None:
    raw = app.table(f"apps[{number - 1}]")
    options = {_own(key): item for key, item in raw.items()}
    script = options["script"].text if "script" in options else ""
    name = options["name"].text if "name" in options else Path(script).stem or f"app-{number}"
    table = draft.worker(name, f"app {number}", app.line)
    if not script:
        table.put("command", ["false"])
        table.set_aside("it has no script")
    cwd = home(options["cwd"].text) if "cwd" in options else ""
    env = _environment(table, options)
    count = _instances(table, options, env)
    if count > 1:
        table.put("replicas", count, f"instances; they are called {table.name}-1 to {table.name}-{count}")
    if script:
        argv = _words(options, script, draft.path.absolute().parent / cwd)
        words = ", ".join(
            sorted((key for key in raw if _own(key) in _COMMAND), key=lambda key: _COMMAND.index(_own(key)))
        )
        put_command(table, argv, cwd=cwd, env=env, origin={"command": words, "cwd": "cwd", "env": "env"})
    if script == "serve" and "PM2_SERVE_PATH" in env:
        table.set_aside("pm2's own server of files: name a program that serves them, like python3 -m http.server")
    _policy(table, options)
    _rest(table, options)


def _own(key: str) -> str:
    return _ALIASES.get(key, key)


def _words(options: dict[str, Item], script: str, folder: Path) -> list[str] | str:
    """Return the command: a script with a blank is a command line, any other is a file or a program."""
    if " " in script:
        return shell_text(script) if re.search(r"[^A-Za-z0-9_@%+=:,./ -]", script) else script.split()
    given = options["interpreter"].text if "interpreter" in options else ""
    interpreter = given or _BY_ENDING.get(Path(script).suffix, "")
    args = _arguments(options.get("args"))
    if interpreter and interpreter != "none":
        return [home(interpreter), *_arguments(options.get("node_args")), home(script), *args]
    is_here = "/" not in script and (folder / script).is_file()
    return [f"./{script}" if is_here else home(script), *args]


def _arguments(item: Item | None) -> list[str]:
    if item is None or item.value is None:
        return []
    if isinstance(item.value, list):
        return [part.text for part in item.value]
    try:
        return shlex.split(item.text)
    except ValueError:
        return item.text.split()


def _environment(table: Table, options: dict[str, Item]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, item in options.items():
        if key == "env" and isinstance(item.value, dict):
            found |= {name: _as_text(part) for name, part in item.value.items()}
        elif key == "env" and item.value is not None:
            table.drop("env", "no table of variables", item.line)
        elif key.startswith("env_"):
            names = ", ".join(item.value) if isinstance(item.value, dict) else "nothing"
            table.drop(key, f"`pm2 --env` chooses it; it sets {names}. Use an env_file for each place", item.line)
    if "port" in options:
        found["PORT"] = options["port"].text
    return found


def _as_text(item: Item) -> str:
    """Return a variable as JavaScript's process.env has it."""
    return item.text if item.is_scalar else "null" if item.value is None else json.dumps(item.plain())


def _instances(table: Table, options: dict[str, Item], env: dict[str, str]) -> int:
    """Return how many replicas there are; instances that share a port are not carried over."""
    given = options.get("instances")
    if given is None:
        return 1
    count = int(number) if (number := given.number(1)) else 0
    interpreter = options["interpreter"].text if "interpreter" in options else ""
    mode = options["exec_mode"].text if "exec_mode" in options else ""
    is_node = interpreter.endswith(("node", "bun")) or (not interpreter and _is_script_of_node(options))
    if count == 1:
        return 1
    if mode.startswith("cluster") or (not mode and is_node):
        how = 'give each replica a port of its own, like PORT = "{3000+index0}", and set replicas'
        table.drop(named("instances", given.text), f"pm2's cluster mode shares one port; one worker is kept: {how}")
        return 1
    if not count:
        table.drop(named("instances", given.text), "a number is needed: one worker is kept")
        return 1
    env.setdefault(options["instance_var"].text if "instance_var" in options else "NODE_APP_INSTANCE", "{index0}")
    if "increment_var" in options and (name := options["increment_var"].text) in env and env[name].isdigit():
        env[name] = f"{{{env[name]}+index0}}"
    return count


def _is_script_of_node(options: dict[str, Item]) -> bool:
    script = options["script"].text if "script" in options else ""
    return " " not in script and _BY_ENDING.get(Path(script).suffix, "node") in ("node", "bun")


# ── policy ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _policy(table: Table, options: dict[str, Item]) -> None:
    for key, read_one in _READERS.items():
        if key in options:
            item = options[key]
            found = read_one(item)
            if found is None:
                table.drop(named(key, item.text or "…"), "no value that pm2 knows", item.line)
                continue
            for name, part in found.items():
                table.put(name, part, named(key, item.text) if item.is_scalar else key, item.line)


def _flag(key: str, yes: object, no: object) -> Callable[[Item], dict[str, object] | None]:
    def read_one(item: Item) -> dict[str, object] | None:
        word = item.text.lower()
        return {key: yes} if word == "true" else {key: no} if word == "false" else None

    return read_one


def _milliseconds(item: Item, units: str = "") -> float | None:
    """Return seconds; a number is in milliseconds."""
    found = re.fullmatch(r"([0-9]{1,12})([hms]?)", item.text)
    if found is None or (found[2] and found[2] not in units):
        return None
    return int(found[1]) * {"h": 3600.0, "m": 60.0, "s": 1.0, "": 0.001}[found[2]]


def _pause(item: Item) -> dict[str, object] | None:
    found = _milliseconds(item)
    if found is None:
        return None
    return {"backoff": {"kind": "constant", "initial": span(found), "max": span(found), "jitter": 0}} if found else {}


def _growing(item: Item) -> dict[str, object] | None:
    found = _milliseconds(item)
    if found is None:
        return None
    longest = span(max(15.0, found))  # pm2's limit
    return {"backoff": {"initial": span(found), "factor": 1.5, "max": longest, "jitter": 0}} if found else {}


def _stop(item: Item) -> dict[str, object] | None:
    found = _milliseconds(item, "hms")
    return None if found is None else {"stop": [{"signal": "INT", "to": "tree"}, span(found), "KILL"]}


def _healthy(item: Item) -> dict[str, object] | None:
    found = _milliseconds(item, "hms")
    return None if found is None else {"healthy_after": span(max(found, 0.001))}


def _whole(key: str) -> Callable[[Item], dict[str, object] | None]:
    return lambda item: {key: int(item.text)} if re.fullmatch(r"[0-9]{1,9}", item.text) else None


def _memory(item: Item) -> dict[str, object] | None:
    found = re.fullmatch(r"([0-9]{1,12})([KMG]?)B?", item.text.upper())
    if found is None:
        return None
    return {"limits": {"memory": int(found[1]) * 1024 ** " KMG".index(found[2] or " ")}}


def _codes(item: Item) -> dict[str, object] | None:
    codes = [part.text for part in item.array()]
    return {"on_exit": [{"codes": list(map(int, codes)), "do": "complete"}]} if all(map(str.isdigit, codes)) else None


_READERS: dict[str, Callable[[Item], dict[str, object] | None]] = {
    "autorestart": _flag("restart", "always", "never"),
    "autostart": _flag("autostart", True, False),
    "max_restarts": _whole("max_restarts"),
    "min_uptime": _healthy,
    "restart_delay": _pause,
    "exp_backoff_restart_delay": _growing,
    "stop_exit_codes": _codes,
    "max_memory_restart": _memory,
    "kill_timeout": _stop,
    "namespace": lambda item: {} if item.text == "default" else {"project": item.text},
    **dict.fromkeys(("user", "uid"), lambda item: {"user": item.text}),
    "gid": lambda item: {"group": item.text},
}


def _rest(table: Table, options: dict[str, Item]) -> None:
    for key, item in options.items():
        is_off = item.value in (False, None, [], "", 0) or item.text in ("false", "NULL", "/dev/null")
        if key in NEEDLESS or (key in DROPPED and is_off):
            table.needs_nothing(key)
        elif key in DROPPED:
            table.drop(named(key, item.plain()), DROPPED[key], item.line)
        elif key not in CARRIED and not key.startswith("env_"):
            table.drop(named(key, item.plain()), "no option that this import knows", item.line)
