"""A worker's command, folder and environment, of which parts may be known only when it starts.

Other tools put variables of their own environment into these. Panevisor does not, so such a part stands in the text as
a mark, and a command that has one becomes text for /bin/sh that reads the variable. No value of this user's
environment gets into the file.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from supervisor.config.env_files import EnvFile, read_env_file
from supervisor.config.forms import variable_name
from supervisor.move_in.draft import Draft, Note, Table

_MARK = re.compile("\ue000([A-Za-z_][A-Za-z0-9_]*)\ue001")
_DOLLAR = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_OF_BASH = re.compile(
    r"\[\[|[<>]\(|<<<|&>|\$'|\bsource\s|\bfunction\s|\bpipefail\b|\bdeclare\s|\w=\(|\{\w+\.\.\w+\}|\bpushd\b|\bshopt\s"
)
MARKS = "\ue000\ue001"


def variable(name: str) -> str:
    """Return the mark for a variable that is read when the worker starts."""
    return f"{MARKS[0]}{name}{MARKS[1]}"


def opened(text: str) -> str:
    """Return text in which `$X` and `${X}` are marks."""
    return _DOLLAR.sub(lambda found: variable(found[1] or found[2]), text)


def shell_text(text: str) -> str | list[str]:
    """Return a command that was written for bash: as text for /bin/sh, where that can read it."""
    return ["bash", "-c", text] if _OF_BASH.search(text) else text


def is_open(text: str) -> bool:
    """Whether the text has a part that is known only when the worker starts."""
    return _MARK.search(text) is not None


def home(path: str) -> str:
    """Return a path whose `~` is the variable HOME."""
    return variable("HOME") + path[1:] if path == "~" or path.startswith("~/") else path


def closed(text: str) -> str:
    """Return the text with its variables as a shell has them, for people to read."""
    return _MARK.sub(r"${\1}", text)


def word(text: str) -> str:
    """Return text as one word of /bin/sh; a variable that is not set is an error there, as in the other tools."""
    parts = _MARK.split(text)  # literal, name, literal, …
    quoted = [
        f'"${{{part}?}}"' if number % 2 else shlex.quote(part) if part else "" for number, part in enumerate(parts)
    ]
    return "".join(quoted) or "''"


def put_command(
    table: Table, argv: Sequence[str] | str, *, cwd: str = "", env: Mapping[str, str], origin: Mapping[str, str]
) -> None:
    """Set `command`, `cwd` and `env`; `argv` is a list, or text for /bin/sh. `origin`: where each of them stood."""
    late_cwd = cwd if is_open(cwd) else ""
    words = [argv] if isinstance(argv, str) else argv
    read = {name for text in (late_cwd, *words, *env.values()) for name in _MARK.findall(text)}
    kept = {key: text for key, text in env.items() if text != variable(key)}
    late = {key: text for key, text in kept.items() if is_open(text) or key in read}
    if late or late_cwd or (not isinstance(argv, str) and any(map(is_open, words))):
        before = f"cd {word(late_cwd)} || exit; " if late_cwd else ""
        assigned = "".join(f"{key}={word(text)} " for key, text in late.items() if _is_name(table, key))
        if isinstance(argv, str):
            after = f"export {assigned.rstrip()}; {argv}" if assigned else argv
        else:  # the shell reads all variables before env sets any
            after = f"exec {f'env {assigned}' if assigned else ''}{' '.join(map(word, argv))}"
        table.put("command", before + after, origin.get("command", ""))
    else:
        table.put("command", argv if isinstance(argv, str) else list(argv), origin.get("command", ""))
    if cwd and not late_cwd:
        table.put("cwd", cwd, origin.get("cwd", ""))
    put_env(table, {key: text for key, text in kept.items() if key not in late}, origin.get("env", ""))


def put_env(table: Table, env: Mapping[str, str], origin: str) -> None:
    """Set `env`, without the names that no variable can have."""
    if good := {key: text for key, text in env.items() if _is_name(table, key)}:
        table.put("env", good, origin)


def _is_name(table: Table, key: str) -> bool:
    try:
        variable_name(key)
    except ValueError as verdict:
        table.drop(f"the variable {key}", str(verdict))
        return False
    return True


def put_env_file(draft: Draft, name: str = ".env") -> EnvFile | None:
    """Name the env file beside the imported one in the defaults, if there is one that can be read; return it."""
    path = draft.path.absolute().parent / name
    if not Path(path).exists():
        return None
    found = read_env_file(path)
    if found.wrong:
        draft.notes.append(Note(f"{name} is not named as env_file: it is a file {found.wrong}"))
        return None
    draft.defaults.put("env_file", name, "read when the config is loaded")
    return found
