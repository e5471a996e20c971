"""Values from plain data, as JSON and msgpack have it. pydantic's core reads them by the dataclass that describes them.

What is not needed is ignored, and what is not there has its default: so versions read what others have written.
"""

import builtins
import functools
import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

T = TypeVar("T")
_Schema = dict[str, Any]


def rebuilt(kind: type[T], plain: object) -> T:
    """Return the instance of `kind` that `dataclasses.asdict` gave; raises ValueError with the first thing wrong."""
    reader = _reader(kind)  # type: ignore[arg-type]  # a class is hashable
    try:
        found: T = reader.validate_python(plain)
    except ValueError as error:
        raise ValueError(_first(error)) from None
    return found


def _first(error: ValueError) -> str:
    found = error.errors(include_url=False)[0]  # type: ignore[attr-defined]
    at = ".".join(map(str, found["loc"]))
    return f"{at}: {found['msg']}" if at else str(found["msg"])


@functools.cache
def _reader(kind: Any) -> "SchemaValidator":
    from pydantic_core import SchemaValidator  # only now: most commands read no value

    return SchemaValidator(_schema(kind))


def _schema(hint: Any) -> _Schema:
    """Return pydantic's core schema of a type."""
    parts = get_args(hint)
    match get_origin(hint):
        case typing.Union | types.UnionType if types.NoneType in parts:
            return {"type": "nullable", "schema": _one_of([part for part in parts if part is not types.NoneType])}
        case typing.Union | types.UnionType:
            return _one_of(parts)
        case typing.Literal:
            return {"type": "literal", "expected": list(parts)}
        case builtins.tuple if parts[1:] == (...,):
            return {"type": "tuple", "items_schema": [_schema(parts[0])], "variadic_item_index": 0}
        case builtins.tuple:
            return {"type": "tuple", "items_schema": list(map(_schema, parts))}
    if is_dataclass(hint):
        return _instance(hint)  # type: ignore[arg-type]
    if issubclass(hint, StrEnum):
        return {"type": "enum", "cls": hint, "members": list(hint), "sub_type": "str"}
    return {"type": hint.__name__}


def _one_of(parts: Sequence[Any]) -> _Schema:
    return {"type": "union", "choices": list(map(_schema, parts))} if len(parts) > 1 else _schema(parts[0])


def _instance(kind: type) -> _Schema:
    hints, own = get_type_hints(kind), fields(kind)
    read = [
        {"type": "dataclass-field", "name": each.name, "schema": _or_default(each, _schema(hints[each.name]))}
        for each in own
    ]
    return {
        "type": "dataclass",
        "cls": kind,
        "schema": {"type": "dataclass-args", "dataclass_name": kind.__name__, "fields": read},
        "fields": [each.name for each in own],
        "slots": True,
    }


def _or_default(field: "Field[Any]", schema: _Schema) -> _Schema:
    if field.default_factory is not MISSING:
        return {"type": "default", "schema": schema, "default_factory": field.default_factory}
    return schema if field.default is MISSING else {"type": "default", "schema": schema, "default": field.default}
