"""Files of other tools as plain values with their lines: YAML, JSON and INI; nothing in them is run or built.

text ──tree_of──▶ Item (YAML 1.2: only true and false are flags; scalars keep their text)
     ──json_of──▶ Item, without lines
     ──ini_of───▶ Ini: sections, options, lines
"""

import configparser
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.frozen import frozen
from supervisor.move_in.draft import Unreadable
from supervisor.state.paths import NoRegularFile, regular_content
from supervisor.text.words import shown

MOST_BYTES = 4_000_000
_MOST_ITEMS = 200_000  # of a file, with each use of an anchor
_DEEPEST = 50
_NULLS = {"", "~", "null", "Null", "NULL"}
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def text_of(path: Path) -> str:
    """Return the text of a file; raises Unreadable."""
    try:
        content = regular_content(path, MOST_BYTES + 1)
    except (NoRegularFile, IsADirectoryError):
        raise Unreadable("is no regular file") from None
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MOST_BYTES:
        raise Unreadable(f"is larger than {MOST_BYTES // 10**6} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"is not UTF-8: byte 0x{content[error.start]:02x}", line) from None


@frozen
class Item:
    """One value of a file: a scalar, a dict or a list of Items. `text` is a scalar as it was written."""

    value: Any
    line: int | None = None
    text: str = ""

    def table(self, what: str) -> "dict[str, Item]":
        """Return the table, empty for null; raises Unreadable for anything else."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise Unreadable(f"{what} must be a table (key: value), not {shown(self.plain())}", self.line)
        return self.value

    def array(self) -> "list[Item]":
        """Return the parts of an array; anything else is an array of itself, and null an empty one."""
        if self.value is None:
            return []
        return self.value if isinstance(self.value, list) else [self]

    @property
    def is_scalar(self) -> bool:
        return not isinstance(self.value, dict | list) and self.value is not None

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return [item.plain() for item in self.value] if isinstance(self.value, list) else self.value

    def number(self, least: float = 0) -> float | None:
        """Return the number, also one written as text; None where it is none, or less than `least`."""
        try:
            found = float(self.text) if self.is_scalar and not isinstance(self.value, bool) else None
        except ValueError:
            return None
        return found if found is not None and least <= found <= 10**12 else None


# ── YAML ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def tree_of(text: str) -> Item:
    """Return the first document of a YAML file; raises Unreadable."""
    try:
        import yaml
    except ImportError:
        want = f"{sys.executable} -m pip install 'PyYAML>=6,<7'"
        raise Unreadable(f"reading YAML needs PyYAML (the extra `import`): {want}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(f"not valid YAML: {error.problem or error}", mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(f"not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    return Item(None) if node is None else _Yaml().item(node, 0)


class _Yaml:
    """One reading of composed nodes; `_left` counts down what may still be made, against anchors that multiply."""

    def __init__(self) -> None:
        self._left = _MOST_ITEMS

    def item(self, node: Any, depth: int) -> Item:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise Unreadable("is nested too deeply, or its anchors multiply", node.start_mark.line + 1)
        line = node.start_mark.line + 1
        if node.id == "mapping":
            return Item(self._mapping(node, depth), line)
        if node.id == "sequence":
            return Item([self.item(part, depth + 1) for part in node.value], line)
        return Item(_scalar(node.value, quoted=node.style is not None), line, node.value)

    def _mapping(self, node: Any, depth: int) -> dict[str, Item]:
        own: dict[str, Item] = {}
        merged: dict[str, Item] = {}
        for key, value in node.value:
            if key.id != "scalar":
                raise Unreadable("a key must be text", key.start_mark.line + 1)
            item = self.item(value, depth + 1)
            if key.value == "<<" and key.style is None:
                for part in item.array():
                    merged = part.table("<<") | merged
            else:
                own[key.value] = item
        return merged | own


def _scalar(text: str, quoted: bool) -> Any:
    if quoted:
        return text
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,15})", text):
        return int(text)
    return float(text) if re.fullmatch(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}", text) else text


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_COMMENT = r"(?://[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)"
_NO_JSON = re.compile(rf'("(?:\\.|[^"\\\n])*")|{_COMMENT}|,(?=(?:\s|{_COMMENT})*+[}}\]])', re.DOTALL)


def json_of(text: str) -> Item:
    """Return a JSON file, in which comments and commas before a closing bracket are allowed; raises Unreadable."""
    # the same length: an error's place stays right
    plain = _NO_JSON.sub(lambda found: found[1] or re.sub(r"[^\n]", " ", found[0]), text)
    try:
        found = json.loads(plain)
    except json.JSONDecodeError as error:
        raise Unreadable(f"not valid JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"not valid JSON: {error}") from None
    return _of_json(found)


def _of_json(found: Any) -> Item:
    if isinstance(found, dict):
        return Item({key: _of_json(part) for key, part in found.items()})
    if isinstance(found, list):
        return Item([_of_json(part) for part in found])
    return Item(found, None, json.dumps(found) if isinstance(found, bool) else "" if found is None else str(found))


# ── INI ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<name>[^\s#;=:][^=:]*?)\s*[=:]")


@dataclass(slots=True)
class Ini:
    """An INI file, with the files that it includes. A later option wins over an earlier one."""

    sections: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)  # by section: the file in which it stood last

    def line(self, section: str, option: str = "") -> int | None:
        return self.lines.get((section, option))

    def read(self, text: str, file: Path, *, comments: tuple[str, ...], name: Callable[[str], str]) -> None:
        """Read one file into this one. `comments` begin a comment behind white space; raises Unreadable."""
        parser = configparser.RawConfigParser(inline_comment_prefixes=comments, strict=False)
        parser.optionxform = name  # type: ignore[method-assign, assignment]
        try:
            parser.read_string(text, str(file))
        except configparser.MissingSectionHeaderError as error:
            raise Unreadable("no [section] before this line", error.lineno, file) from None
        except configparser.ParsingError as error:
            line = error.errors[0][0] if error.errors else None
            raise Unreadable("is neither [section] nor option = value", line, file) from None
        except configparser.Error as error:
            raise Unreadable(str(error).splitlines()[0], None, file) from None
        for section in parser.sections():
            self.sections.setdefault(section, {}).update(parser.items(section))
            self.files[section] = file
        self.lines.update(_lines(text, name))


def _lines(text: str, name: Callable[[str], str]) -> Iterator[tuple[tuple[str, str], int]]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _SECTION.match(line):
            section = found["name"]
            yield (section, ""), number
        elif found := _OPTION.match(line):
            yield (section, name(found["name"])), number
