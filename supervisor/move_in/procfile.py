"""Procfiles, as foreman, honcho and overmind read them: a line `name: command`, with a .env beside it."""

import re
from pathlib import Path

from supervisor.move_in.commands import put_env_file, shell_text
from supervisor.move_in.documents import text_of
from supervisor.move_in.draft import Draft, Note, Unreadable

TOOL = "procfile"
LINE = r"^([A-Za-z0-9_-]+):[ \t]*(\S.*)$"
_PORT, _STEP = 5000, 100  # of foreman and honcho: each process type has its own hundred
CARRIED = ("name", "command", "PORT", ".env")


def read(path: Path) -> Draft:
    """Return the draft; raises Unreadable."""
    draft = Draft(TOOL, path)
    draft.head.append(
        "A Procfile's runner ends everything when one process ends. Here each worker is restarted by itself."
    )
    env_file = put_env_file(draft)
    first = env_file.variables.get("PORT", "") if env_file else ""
    port = int(first) if re.fullmatch(r"[0-9]{1,5}", first) else _PORT
    seen: dict[str, int] = {}
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.match(LINE, line)
        if found is None:
            draft.notes.append(Note("is not NAME: COMMAND, and left out as the Procfile's runner does", number))
            continue
        name, command = found[1], found[2].rstrip()
        if name in seen:
            raise Unreadable(f"the process {name} stands twice (first in line {seen[name]})", number)
        seen[name] = number
        table = draft.worker(name, f"line {number}", number)
        table.put("command", shell_text(command))
        table.put("env", {"PORT": str(port)}, "as foreman and honcho set it")
        port += _STEP
        if name == "release":
            table.set_aside("Heroku runs `release` once for each deployment, before the others")
    if not seen:
        raise Unreadable("has no line NAME: COMMAND")
    return draft
