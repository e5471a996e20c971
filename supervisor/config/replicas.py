"""What may stand in the table of a worker with `replicas`: `{name}`, `{index}`, `{index0}`, `{8080+index}`; pure.

    {name}         the replica's own name, web-2        {8080+index}   a number and its number: 8082
    {index}        its number, from 1                   {8080+index0}  the same, counted from 0: 8081
    {index0}       its number, from 0

`{{name}}` writes {name}. Other text in braces is not changed, so JSON and shell need no escapes.
"""

import re
from collections.abc import Mapping
from typing import Any

WHERE = ("command", "cwd", "env", "secret_files", "env_command", "ready")
_FORM = r"\{(?:(name)|(?:([0-9]{1,9})\+)?(index0?))\}"
_WORD = re.compile(rf"\{{({_FORM})\}}|{_FORM}")


def filled(table: Mapping[str, Any], name: str, index: int) -> dict[str, Any]:
    """Return a worker's raw table as replica `index` (from 1), called `name`, has it."""
    return {key: _filled(value, name, index) if key in WHERE else value for key, value in table.items()}


def _filled(value: Any, name: str, index: int) -> Any:
    match value:
        case str():
            return _WORD.sub(lambda word: _told(word, name, index), value)
        case list():
            return [_filled(part, name, index) for part in value]
        case dict():
            return {key: _filled(part, name, index) for key, part in value.items()}
    return value


def _told(word: re.Match[str], name: str, index: int) -> str:
    escaped, *_, is_name, more, counted = word.groups()
    if escaped or is_name:
        return escaped or name
    return str(int(more or 0) + (index if counted == "index" else index - 1))
