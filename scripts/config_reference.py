"""Print docs/config.md, made from the dataclasses that a file is read by.

`python scripts/config_reference.py > docs/config.md` writes it. The text of a key is the docstring below its field,
its limits are the field's metadata, its default is the field's own.
"""

import dataclasses
import inspect
import json
from collections.abc import Iterator
from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from actors.values.keys import Between, Bytes, Form, Seconds, Unwritten
from actors.values.spec import WorkerSpec
from supervisor.commands.files.schema import texts_of
from supervisor.config.settings import SURFACES, OfFile, Receiver, SupervisorSettings
from supervisor.config.tables import hints_of, is_pairs, keys_of, metadata, table_in

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_HEAD = """# The config file

This page lists every key of `panevisor.toml`. It is made from the code that reads the file, by
`python scripts/config_reference.py`. How the keys work together is told in [restarts.md](restarts.md),
[probes.md](probes.md), [rules.md](rules.md), [workers.md](workers.md) and [logs.md](logs.md).

    [supervisor]                     # the service itself
    max_workers = 500

    [defaults]                       # any key of a worker but `command` and `depends_on`
    restart = "always"

    [workers.api]                    # one table for each worker
    command = ["python3", "-m", "http.server", "8080"]
    ready.tcp = "127.0.0.1:8080"

- A duration is text with units, such as `"500ms"`, `"10s"` or `"1m30s"`. A size is text such as `"10MB"` or
  `"512KiB"`, or a whole number of bytes.
- A path is relative to the folder of the file. The file's own path must be UTF-8.
- A key of a worker wins over the same key of `[defaults]`. The tables `backoff`, `ready`, `live`, `log`, `env`,
  `secret_files`, `labels`, `stall` and `limits` are merged key by key; a kind of probe replaces another kind.
- `panevisor check` reports everything that is wrong with a file, with its line and the nearest right key.
"""


def reference() -> str:
    """Return the whole page."""
    sections = [
        *_sections("[supervisor]", SupervisorSettings),
        *_sections("[workers.NAME]", WorkerSpec, OfFile),
        *_sections("[notify.NAME]", Receiver),
        *(section for name, kind in SURFACES.items() for section in _sections(f"[{name}]", kind)),
    ]
    return "\n".join([_HEAD, *sections])


def _sections(title: str, *kinds: type) -> Iterator[str]:
    """Give the section of a table, and those of the tables in it."""
    rows = [row for kind in kinds for row in _rows(kind)]
    head = "| key | value | default | meaning |\n|---|---|---|---|"
    yield f"## `{title}`\n\n{_about(kinds[0])}\n\n{head}\n" + "\n".join(rows) + "\n"
    prefix = "supervisor." if kinds[0] is SupervisorSettings else "" if title.startswith("[") else f"{title}."
    for name in keys_of(kinds[0]):
        if inner := table_in(hints_of(kinds[0])[name]):
            yield from _sections(f"{prefix}{name}", inner)


def _about(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "")


def _rows(kind: type) -> Iterator[str]:
    texts, hints = texts_of(kind), hints_of(kind)
    for name, field in keys_of(kind).items():
        cells = (f"`{name}`", _kind_of(hints[name]), _default(field, hints[name]), texts[name])
        yield f"| {' | '.join(cells)} |"


# ── what a value is ───────────────────────────────────────────────────────────────────────────────────────────────


def _kind_of(hint: Any) -> str:
    """Return in words what may be written for a field of this type."""
    for each in metadata(hint):
        if said := _bounds(each, get_args(hint)[0]):
            return said
    match get_origin(hint):
        case origin if origin is Annotated:
            return _kind_of(get_args(hint)[0])
        case origin if origin is Literal:
            return _one_of(get_args(hint))
        case origin if origin is tuple:
            return _table_of(hint) if is_pairs(hint) else _array_of(get_args(hint)[0])
        case None:
            return _plain_kind(hint)
        case _:
            return " or ".join(_kind_of(part) for part in get_args(hint) if part is not NoneType)


def _bounds(each: Any, inner: Any) -> str | None:
    match each:
        case Form():
            return each.value
        case Seconds(least, never):
            return _least("duration", least, "0s") + (', or `"never"`' if never else "")
        case Bytes(least):
            return _least("size", least, "0B")
        case Between(least, most):
            number = "number" if inner is float else "whole number"
            return f"{number} from {least:,}" + (f" to {most:,}" if most else "")
    return None


def _least(what: str, least: str, none: str) -> str:
    return what if least == none else f"{what} of at least {least}"


def _one_of(words: tuple[str, ...]) -> str:
    *most, last = (f'`"{word}"`' for word in words)
    return f"{', '.join(most)} or {last}"


def _table_of(hint: Any) -> str:
    value = get_args(get_args(hint)[0])[1]
    return f"table of: {Form.RLIMIT_VALUE.value}" if Form.RLIMIT_VALUE in metadata(value) else "table of texts"


def _array_of(part: Any) -> str:
    return "array of tables" if table_in(part) else f"array of: {_kind_of(part)}"


def _plain_kind(kind: Any) -> str:
    if issubclass(kind, StrEnum):
        return _one_of(tuple(each.value for each in kind))
    return (
        "table"
        if dataclasses.is_dataclass(kind)
        else {bool: "`true` or `false`", int: "whole number"}.get(kind, "text")
    )


# ── what it is by itself ──────────────────────────────────────────────────────────────────────────────────────────


def _default(field: "dataclasses.Field[Any]", hint: Any) -> str:
    for each in metadata(hint):
        if isinstance(each, Unwritten):
            return each.said
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is not dataclasses.MISSING else "*required*"
    if field.default == () and (is_pairs(hint) or Form.DEPENDENCIES in metadata(hint)):
        return "`{}`"
    return _shown(field.default, metadata(hint))


def _shown(value: Any, meta: tuple[Any, ...]) -> str:
    """Return a default as the file would have it."""
    match value:
        case None:
            return _none(meta)
        case () if Form.PAUSES in meta:
            return "none"
        case float() if any(isinstance(each, Seconds) for each in meta):
            return f'`"{_duration(value)}"`'
        case int() if any(isinstance(each, Bytes) for each in meta):
            return f'`"{value // 10**6}MB"`'
        case _:
            return f"`{_toml(value)}`"


def _none(meta: tuple[Any, ...]) -> str:
    never = Form.AGE_LIMIT in meta or any(isinstance(each, Seconds) and each.never for each in meta)
    none = {Form.MEMORY_LIMIT, Form.CPU_LIMIT, Form.COUNT_LIMIT} & set(meta)
    return '`"never"`' if never else '`"none"`' if none else "none"


def _toml(value: Any) -> str:
    match value:
        case bool() | str():
            return json.dumps(value)
        case tuple():
            return f"[{', '.join(_duration_text(part) for part in value)}]"
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changed = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            given = {key: part for key, part in changed.items() if part and key in keys_of(type(value))}
            return f"{{ {', '.join(f'{key} = {_toml(part)}' for key, part in given.items())} }}"
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)


def _duration_text(part: Any) -> str:
    """Return a part of an array; its numbers with a fraction are durations."""
    return f'"{_duration(part)}"' if isinstance(part, float) else _toml(part)


def _duration(seconds: float) -> str:
    rest, words = round(seconds * 1000), ""
    for unit, each in _UNITS:
        count, rest = divmod(rest, each)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


if __name__ == "__main__":
    print(reference(), end="")
