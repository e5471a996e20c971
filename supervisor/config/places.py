"""On which line a key stands: tomllib gives values only, so tree-sitter reads the file a second time.

Import this when there is a problem to report, not before: a good file pays nothing for it.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from supervisor.text.words import Keys


@dataclass(slots=True)
class _Place:
    line: int
    inside: dict[str | int, "_Place"] = field(default_factory=dict)


class Places:
    """The lines of all keys, tables and array elements of a valid TOML text."""

    def __init__(self, text: bytes) -> None:
        self._root = _Place(1)
        # a list instead of recursion: the file decides how deep it is nested
        waiting = [(self._root, Parser(Language(tree_sitter_toml.language())).parse(text).root_node)]
        while waiting:
            place, node = waiting.pop()
            waiting.extend(reversed(list(_entries(place, node))))

    def line(self, keys: Keys) -> int | None:
        """Return the line of the deepest part of `keys` that is written, from 1; None when not even the first is."""
        place = self._root
        for key in keys:
            if key not in place.inside:
                break
            place = place.inside[key]
        return None if place is self._root else place.line


def _entries(place: _Place, node: Node) -> Iterator[tuple[_Place, Node]]:
    """Note what stands directly in `node`, and give the values and tables to look into next."""
    index = 0
    for child in node.named_children:
        match child.type, node.type:
            case "pair", _:
                key, *values = child.named_children
                yield from ((_at(place, key), value) for value in values[:1])
            case "table", _:
                table = _at(place, child.named_children[0])
                table.line = _line(child)  # its own header tells more than a first mention in [table.sub]
                yield table, child
            case "table_array_element", _:
                array = _at(place, child.named_children[0])
                yield array.inside.setdefault(len(array.inside), _Place(_line(child))), child
            case kind, "array" if kind != "comment":
                yield place.inside.setdefault(index, _Place(_line(child))), child
                index += 1


def _at(place: _Place, key: Node) -> _Place:
    for part in _parts(key):
        place = place.inside.setdefault(part, _Place(_line(key)))
    return place


def _parts(key: Node) -> Iterator[str]:
    """Split a dotted key; tomllib itself undoes the quotes and escapes."""
    if key.type == "bare_key":
        yield (key.text or b"").decode()
        return
    table = tomllib.loads((key.text or b"").decode() + " = 0")
    while isinstance(table, dict):
        part, table = table.popitem()
        yield part


def _line(node: Node) -> int:
    return node.start_point[0] + 1
