"""`panevisor import`: a config made from another tool's file, on stdout; what is not carried over, on stderr."""

import sys
from pathlib import Path

from actors.events.words import counted
from supervisor.move_in.convert import Converted, convert
from supervisor.move_in.draft import Note, Unreadable
from supervisor.text.plain import visible
from supervisor.wire.errors import CommandError


def run(file: str, tool: str | None) -> int:
    """Print the config; raises CommandError with the file and the line of what cannot be read."""
    path = Path(file)
    try:
        found = convert(path, tool)
    except Unreadable as error:
        place = str(error.file or path) + (f":{error.line}" if error.line else "")
        raise CommandError("config", f"{place}: {error.what}") from None
    sys.stdout.flush()
    sys.stdout.buffer.write(found.text.encode())  # TOML is UTF-8, whatever the terminal's encoding
    sys.stdout.buffer.flush()
    for line in told(found, path):
        print(visible(line), file=sys.stderr)
    return 0


def told(found: Converted, path: Path) -> list[str]:
    """Return a line for each thing that is not carried over, and the line that counts."""
    draft = found.draft
    lines = [_line(path, note, "") for note in draft.notes]
    for table in draft.tables():
        whose = f"{table.name}: "
        lines += [_line(path, note, whose) for note in table.notes]
    active = [table for table in draft.workers if table.active]
    carried = sum(len(table.settings) for table in draft.tables() if table.active)
    aside = len(draft.workers) - len(active)
    end = f"{counted(len(active), 'worker')} of {draft.tool}, {counted(carried, 'key')} set"
    end += f", {counted(aside, 'worker')} written as a comment" if aside else ""
    return [*lines, f"{end}, {counted(len(lines), 'thing')} to look at (they stand in the file, too, marked with !)"]


def _line(path: Path, note: Note, whose: str) -> str:
    place = f"{note.file or path}" + (f":{note.line}" if note.line else "")
    return f"{place}: {whose}{note.what}"
