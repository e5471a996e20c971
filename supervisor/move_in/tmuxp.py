"""tmuxp's sessions, in YAML or JSON: each pane that runs a command becomes a worker."""

from dataclasses import field, replace
from pathlib import Path

from actors.frozen import frozen
from supervisor.move_in.commands import home, opened, put_command, shell_text
from supervisor.move_in.documents import Item, json_of, text_of, tree_of
from supervisor.move_in.draft import Draft, Note, Table, Unreadable

TOOL = "tmuxp"
_BLANK = {"", "blank", "pane", "null"}
NEEDLESS = (
    *("layout", "focus", "options", "options_after", "global_options", "suppress_history", "window_index", "plugins"),
    *("sleep_before", "sleep_after", "dimensions", "config", "socket_name", "automatic_rename", "enter", "synchronize"),
)
DROPPED = {"before_script": "nothing is run before the workers: make it a worker that others depend on as completed"}
CARRIED = (
    *("session_name", "windows", "window_name", "panes", "shell_command", "shell_command_before"),
    *("start_directory", "environment", "window_shell", "shell"),
)


@frozen
class _Around:
    """What a pane has from its session and its window."""

    folder: str = ""
    env: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    shell: str = ""


def read(path: Path) -> Draft:
    """Return the draft; raises Unreadable."""
    text = text_of(path)
    session = (json_of(text) if path.suffix == ".json" else tree_of(text)).table("the file")
    windows = session["windows"].array() if "windows" in session else []
    if not windows:
        raise Unreadable("has no windows")
    draft = Draft(TOOL, path)
    draft.head.append("tmuxp types commands into an interactive shell. Here /bin/sh runs them, without its aliases.")
    draft.defaults.about = "tmuxp starts nothing again; for a server write on-failure or always"
    draft.defaults.put("restart", "never")
    name = session["session_name"].text if "session_name" in session else path.stem
    around = _inside(_Around(), session, draft)
    _rest(session, draft, draft.defaults)
    for number, window in enumerate(windows, 1):
        _window(draft, window, number, name, around)
    return draft


def _inside(outer: _Around, level: dict[str, Item], draft: Draft) -> _Around:
    """Return what counts inside a session, a window or a pane."""
    env = {key: opened(home(item.text)) for key, item in _table(level.get("environment")).items()}
    typed, _ = _typed(level.get("shell_command_before"))
    shell = level.get("window_shell", level.get("shell"))
    found = replace(
        outer, env=outer.env | env, before=(*outer.before, *typed), shell=shell.text if shell else outer.shell
    )
    if "start_directory" in level and level["start_directory"].text:
        folder = opened(home(level["start_directory"].text))
        is_whole = folder.startswith("/") or folder != level["start_directory"].text or not outer.folder
        found = replace(found, folder=folder if is_whole else f"{outer.folder.rstrip('/')}/{folder}")
    return found


def _table(item: Item | None) -> dict[str, Item]:
    return item.table("environment") if item else {}


def _typed(item: Item | None, enter: bool = True) -> tuple[list[str], int]:
    """Return the commands that are typed with Enter, and how many are typed without."""
    if item is None:
        return [], 0
    parts = item.array()
    if isinstance(item.value, dict):
        parts = item.value["shell_command"].array() if "shell_command" in item.value else [item]
    commands, waiting = [], 0
    for part in parts:
        inner = part.value if isinstance(part.value, dict) else {}
        text = inner["cmd"].text if "cmd" in inner else part.text
        if "enter" in inner:
            enter = inner["enter"].value is not False
        if text.strip() and enter:
            commands.append(text)
        waiting += bool(text.strip()) and not enter
    return ([] if len(commands) == 1 and commands[0] in _BLANK else commands), waiting


def _window(draft: Draft, item: Item, number: int, session: str, outer: _Around) -> None:
    window = item.table(f"window {number}")
    around = _inside(outer, window, draft)
    name = window["window_name"].text if "window_name" in window else ""
    name = name or f"{session}-{number}"
    panes = window["panes"].array() if "panes" in window else []
    if not panes:
        draft.notes.append(Note(f"window {name}: an empty shell, no worker", item.line))
    for place, pane in enumerate(panes, 1):
        table = draft.worker(name if len(panes) == 1 else f"{name}-{place}", _about(name, place, pane), pane.line)
        table.notes.clear()  # the name of a window is no name that somebody types
        if not _pane(draft, table, pane, around):
            draft.workers.remove(table)
            draft.notes.append(Note(f"window {name}, pane {place}: an empty shell, no worker", pane.line or item.line))
            continue
        if session:
            table.put("project", session, "session_name")
    _rest(window, draft, draft.defaults)


def _about(name: str, place: int, pane: Item) -> str:
    return f"window {name}, pane {place}" + (f", line {pane.line}" if pane.line else "")


def _pane(draft: Draft, table: Table, item: Item, outer: _Around) -> bool:
    """Fill the worker of a pane; return whether there is anything to run."""
    pane = item.value if isinstance(item.value, dict) else {}
    around = _inside(outer, pane, draft)
    enter = "enter" not in pane or pane["enter"].value is not False
    commands, waiting = _typed(pane.get("shell_command") if pane else item, enter)
    if waiting:
        table.drop(f"{waiting} typed without Enter", "a worker's command is run, not left at a prompt")
    if not commands and not around.shell:
        return False
    if commands and around.shell:
        table.set_aside(f"what it types is for {around.shell}, not for a shell: use `panevisor send` when it runs")
        commands = [around.shell]
    elif around.shell:
        commands = [around.shell]
    else:
        commands = [*around.before, *commands]
    put_command(
        table,
        shell_text("\n".join(commands)),
        cwd=around.folder,
        env=around.env,
        origin={"command": "shell_command", "cwd": "start_directory", "env": "environment"},
    )
    _rest(pane, draft, table)
    return True


def _rest(level: dict[str, Item], draft: Draft, table: Table) -> None:
    for key, item in level.items():
        if key in DROPPED:
            draft.notes.append(Note(f"{key}: {DROPPED[key]}", item.line))
        elif key in NEEDLESS:
            if key not in draft.defaults.needless:
                draft.defaults.needs_nothing(key)
        elif key not in CARRIED:
            table.drop(key, "no key that this import knows", item.line)
