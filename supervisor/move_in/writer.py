"""A Draft as text: commented TOML in which no text of the other tool's file can act.

Values are written by TOML's own rules for text, and whatever a person would not see is written as an escape. Comments
are one line each.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from supervisor.move_in.draft import Draft, Note, Setting, Table
from supervisor.text.plain import visible

_WIDTH = 118
_COLUMN = 48  # where the comments behind values stand, if there is room
_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def written(draft: Draft) -> str:
    """Return the whole file."""
    lines = [*_head(draft), *_defaults(draft.defaults)]
    for table in draft.workers:
        lines += ["", *_worker(table)]
    return "\n".join(lines) + "\n"


def _head(draft: Draft) -> Iterator[str]:
    title = [
        f"# Made by `panevisor import` from {visible(draft.path.name)} ({draft.tool}).",
        "# Keep it in that folder: its paths are relative to it. Then: panevisor check, panevisor up.",
    ]
    yield from draft.title or title
    for sentence in draft.head:
        yield from comment(sentence)
    yield from _noted(draft.notes, [])


def _defaults(table: Table) -> Iterator[str]:
    if table.settings or table.notes or table.needless:
        yield ""
        yield from _noted(table.notes, table.needless)
    if table.settings:
        yield "[defaults]" + (f"  # {visible(table.about)}" if table.about else "")
        yield from _settings("defaults", table.settings)


def _worker(table: Table) -> Iterator[str]:
    if table.about:
        yield from comment(table.about)
    yield from _noted(table.notes, table.needless)
    lines = [f"[workers.{table.name}]", *_settings(f"workers.{table.name}", table.settings)]
    yield from lines if table.active else (f"# {part}" for line in lines for part in line.split("\n"))


def _noted(notes: list[Note], needless: list[str]) -> Iterator[str]:
    for note in notes:
        yield from comment(f"! {_where(note)}{note.what}")
    if needless:
        yield from comment(f"Nothing to do here for: {', '.join(needless)}.")


def _where(note: Note) -> str:
    file = f"{note.file.name}, " if note.file else ""
    return f"{file}line {note.line}: " if note.line else ""


def comment(text: str) -> Iterator[str]:
    """Give the text as comment lines of at most `_WIDTH` characters."""
    words = visible(text).split(" ")
    line = "#"
    for word in words:
        if len(line) + 1 + len(word) > _WIDTH and line not in ("#", "#  "):
            yield line
            line = "#  "
        line += f" {word}"
    yield line


def _settings(path: str, settings: Mapping[str, Setting]) -> Iterator[str]:
    """Give the lines of a table; a long table in it comes last, as a table of its own."""
    tables = {key: one for key, one in settings.items() if isinstance(one.value, dict) and _is_long(key, one.value)}
    for key, one in settings.items():
        if key not in tables:
            yield from _line(f"{key} = {value(one.value)}", one.origin)
    for key, one in tables.items():
        yield from _line(f"[{path}.{key}]", one.origin)
        for inner, part in one.value.items():
            yield f"{_key(inner)} = {value(part)}"


def _is_long(key: str, table: Mapping[str, Any]) -> bool:
    return bool(table) and len(f"{key} = {value(table)}") > 80


def _line(text: str, origin: str) -> Iterator[str]:
    told = visible(origin)
    if not told:
        yield text
    elif "\n" in text or max(len(text), _COLUMN) + len(told) + 4 > _WIDTH:
        yield from comment(origin)
        yield text
    else:
        yield f"{text:<{_COLUMN}}  # {told}"


def value(found: Any) -> str:
    """Return a value as TOML."""
    match found:
        case bool():
            return "true" if found else "false"
        case int():
            return str(found)
        case float():
            return repr(found) if found == found and abs(found) != float("inf") else text(str(found))
        case str():
            return text(found)
        case list() | tuple():
            return f"[{', '.join(map(value, found))}]"
        case dict():
            return (
                f"{{ {', '.join(f'{_key(key)} = {value(part)}' for key, part in found.items())} }}" if found else "{}"
            )
    raise TypeError(f"no value of a config: {found!r}")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _basic(key)


def text(found: str) -> str:
    """Return text as TOML: as it is where quotes or lines would need escapes, else with escapes."""
    plain = all(char.isprintable() or char in "\n\t" for char in found)
    if plain and "\n" in found and "'''" not in found and not found.endswith("'"):
        return f"'''\n{found}'''"
    if plain and "'" not in found and "\n" not in found and re.search(r'["\\]', found):
        return f"'{found}'"
    return _basic(found)


def _basic(found: str) -> str:
    return f'"{"".join(map(_char, found))}"'


def _char(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"  # half a character: no text of TOML can hold it
    return char if char.isprintable() else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
