"""`panevisor schema`: the JSON Schema of a config, made from the dataclasses that a file is read by.

    dataclass ──fields, metadata, docstrings──▶ schema of its table ──▶ the whole file

An editor completes keys, shows their meaning and marks mistakes with it. It is looser than `check`, which alone judges
a file: limits of durations and keys that go together are not in it.
"""

import ast
import dataclasses
import functools
import inspect
import json
import signal
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from actors.values.keys import MANY, Between, Bytes, Form, Seconds
from actors.values.rules import Act, Order, Rule
from actors.values.spec import NAME_PATTERN, Backoff, Condition, Http, WorkerSpec
from supervisor.config.forms import RLIMITS, SIGNALS
from supervisor.config.settings import SURFACES, OfFile, Receiver, SupervisorSettings
from supervisor.config.tables import hints_of, is_pairs, keys_of, metadata, table_in

Schema = dict[str, Any]
NAME = "panevisor.schema.json"
_NUMBER = r"[0-9]{1,12}(\.[0-9]{1,9})?"
_DURATION = "^(?=.)" + "".join(rf"({_NUMBER}{unit})?" for unit in ("d", "h", "m", "s", "ms")) + "$"
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_TIME: Schema = {"type": "string", "pattern": _DURATION}
_SIZE: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": f"^{_NUMBER} ?([kKMGT]i?B?|B)$"},
    ]
}
_PATH: Schema = {"type": "string", "pattern": r"^[^~\s]|^\s+\S"}
_NAMED_SIGNAL = "^(SIG)?({})$"


def schema() -> int:
    """Print the schema."""
    print(whole(), end="")
    return 0


def whole() -> str:
    """Return the schema as text, as `config/` has it."""
    worker = _table(WorkerSpec, OfFile)
    keys = {key: value for key, value in worker["properties"].items() if key not in ("command", "depends_on")}
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "panevisor.toml",
        "description": "What Panevisor keeps running, and how.",
        **_object(
            {
                "supervisor": _table(SupervisorSettings),
                "notify": {
                    "description": "One table for each receiver of notifications.",
                    **_object({}),
                    "additionalProperties": _table(Receiver),
                },
                **{name: _table(kind) for name, kind in SURFACES.items()},
                "defaults": {"description": "What workers inherit.", **_object(keys)},
                "workers": {
                    "description": "One table for each worker.",
                    **_object({}),
                    "patternProperties": {f"^(?!_panevisor){NAME_PATTERN}$": {"$ref": "#/$defs/worker"}},
                },
            }
        ),
        "$defs": {"worker": worker},
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _object(properties: Mapping[str, Schema], required: list[str] | None = None) -> Schema:
    found: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return found | ({"required": required} if required else {})


def _table(*kinds: type) -> Schema:
    """Return the schema of a table that has the keys of all these dataclasses."""
    properties, required = {}, []
    for kind in kinds:
        hints, texts = hints_of(kind), texts_of(kind)
        for name, field in keys_of(kind).items():
            properties[name] = {"description": texts[name], **_value(hints[name])}
            if _is_required(field, hints[name]):
                required.append(name)
    table = {"description": inspect.cleandoc(kinds[0].__doc__ or ""), **_object(properties, required)}
    return _SHORT[kinds[0]](table) if kinds[0] in _SHORT else table


def _is_required(field: "dataclasses.Field[Any]", hint: Any) -> bool:
    has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    return not has_default and not any(type(each).__name__ == "Unwritten" for each in metadata(hint))


@functools.cache
def texts_of(kind: type) -> dict[str, str]:
    """Return the docstrings that stand below the fields of a class and of those it inherits from."""
    inherited = {name: text for base in reversed(kind.__mro__[1:-1]) for name, text in texts_of(base).items()}
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    own = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            own[ast.unparse(field.target)] = " ".join(inspect.cleandoc(str(text.value.value)).split())
    return inherited | own


# ── what a value is ───────────────────────────────────────────────────────────────────────────────────────────────


def _value(hint: Any) -> Schema:
    """Return what may be written for a field of this type."""
    for each in metadata(hint):
        if (found := _bounds(each, get_args(hint)[0])) is not None:
            return found
    if inner := table_in(hint):
        return {"type": "array", "items": _table(inner)} if get_origin(hint) is tuple else _table(inner)
    if metadata(hint):
        return _value(get_args(hint)[0])
    if is_pairs(hint):
        key, value = get_args(get_args(hint)[0])
        names = _value(key)
        return {"type": "object", "propertyNames": names, "additionalProperties": _value(value)}
    match get_origin(hint):
        case origin if origin is Literal:
            return {"enum": list(get_args(hint))}
        case origin if origin is tuple:
            return {"type": "array", "items": _value(get_args(hint)[0])}
        case None:
            return _plain(hint)
        case _:
            return _any(*(_value(part) for part in get_args(hint) if part is not NoneType))


def _bounds(each: Any, inner: Any) -> Schema | None:
    match each:
        case Form():
            return FORMS[each]
        case Seconds(never=never):
            return _any(_TIME, {"const": "never"}) if never else _TIME
        case Bytes():
            return _SIZE
        case Between(least, most):
            kind = "number" if inner is float else "integer"
            return {"type": kind, "minimum": least} | ({} if most is None else {"maximum": most})
    return None


def _plain(kind: Any) -> Schema:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [each.value for each in kind]}
    return {"type": {bool: "boolean", int: "integer", float: "number"}.get(kind, "string")}


def _any(*found: Schema) -> Schema:
    return found[0] if len(found) == 1 else {"anyOf": list(found)}


def _limit(value: Schema, *none: str) -> Schema:
    table = _object({"value": value, "do": {"enum": ["restart", "notify"]}}, ["value"])
    return _any(value, table, {"enum": list(none)})


def _named(signals: tuple[str, ...]) -> Schema:
    return {"type": "string", "pattern": _NAMED_SIGNAL.format("|".join(signals))}


_SIGNAL_STEP = _object({"signal": _named(SIGNALS), "to": {"enum": ["tree", "main"]}}, ["signal"])
_STEP = _any(
    _named(SIGNALS),
    _TIME,
    _SIGNAL_STEP,
    _object({"keys": {**_TEXTS, "minItems": 1}}, ["keys"]),
    _object({"text": _TEXT}, ["text"]),
)
_ALL_SIGNALS = tuple(each.name.removeprefix("SIG") for each in signal.Signals)

FORMS: dict[Form, Schema] = {
    Form.TEXT: _TEXT,
    Form.PATH: _PATH,
    Form.COMMAND: _any({"type": "string", "pattern": r"\S"}, {**_TEXTS, "minItems": 1}),
    Form.VARIABLE: {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    Form.LABEL: {"type": "string", "pattern": "^[^=]+$"},
    Form.UMASK: {"type": "string", "pattern": "^0?[0-7]{3}$"},
    Form.RLIMIT: {"enum": list(RLIMITS)},
    Form.RLIMIT_VALUE: _any({"type": "integer", "minimum": 0}, _SIZE, {"const": "unlimited"}),
    Form.ACCOUNT: {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$"},
    Form.DEPENDENCIES: _any(
        {"type": "object", "additionalProperties": {"enum": [each.value for each in Condition]}}, _TEXTS
    ),
    Form.STOP_PLAN: {"type": "array", "minItems": 1, "items": _STEP},
    Form.JITTER: _any({"type": "number", "minimum": 0, "maximum": 1}, {"const": "full"}),
    Form.PAUSES: {"type": "array", "minItems": 1, "items": _TIME},
    Form.SIGNAL: _any({"type": "integer", "minimum": 1, "maximum": signal.NSIG - 1}, _named(_ALL_SIGNALS)),
    Form.ADDRESS: {"type": "string", "pattern": r"^\S+:[0-9{}+a-z]+$"},  # a replica's port may be {8080+index}
    Form.PATTERN: _TEXT,
    Form.RATE: {"type": "string", "pattern": "^[1-9][0-9]{0,3} per .*$"},
    Form.URL: {"type": "string", "pattern": "^[Hh][Tt][Tt][Pp]://"},
    Form.HEADER: {"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
    Form.HEADER_TEXT: _TEXT,
    Form.ATTEMPTS: _any({"type": "integer", "minimum": 1, "maximum": MANY}, {"const": -1}),
    Form.KEY_NAME: _TEXT,
    Form.KEY_NAMES: _TEXTS,
    Form.MEMORY_LIMIT: _limit(_SIZE, "none"),
    Form.CPU_LIMIT: _limit({"type": "number", "minimum": 1}, "none"),
    Form.COUNT_LIMIT: _limit({"type": "integer", "minimum": 1}, "none"),
    Form.AGE_LIMIT: _limit(_TIME, "none", "never"),
    Form.MEMORY: _any(_SIZE, {"type": "string", "pattern": f"^{_NUMBER}%$"}),
    Form.ENV_FILES: _any(_PATH, {"type": "array", "items": _PATH}),
    Form.HOURS: {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"},
    Form.SECRETS: _TEXTS,
}
"""What may be written in each form."""


def _with_one_act(table: Schema) -> Schema:
    """Return the schema of a rule whose `do` may be one thing without the array."""
    acts = table["properties"]["do"]
    return {
        **table,
        "properties": {
            **table["properties"],
            "do": _any(acts["items"], {key: value for key, value in acts.items() if key != "description"}),
        },
    }


_SHORT: dict[type, Callable[[Schema], Schema]] = {
    Backoff: lambda table: _any(FORMS[Form.PAUSES], table),
    Http: lambda table: _any(FORMS[Form.URL], table),
    Act: lambda table: _any({"enum": list(get_args(Order))}, table),
    Rule: _with_one_act,
}
"""Tables that have a short form."""
