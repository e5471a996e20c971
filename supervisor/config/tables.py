"""A table of the file, read into the frozen dataclass that describes it.

    dataclass ──fields and their metadata──▶ core schema ──SchemaValidator──▶ read(kind, table) ──▶ an instance
                                                                                               └──▶ findings

The dataclasses (`actors.values.spec`, `supervisor.config.settings`) are the only description: they tell pydantic which
keys there are, of which type and in which limits. In the file a StrEnum is one of its texts, a tuple is an array, and a
tuple of pairs is a table. No value is taken for one of another type.

This uses pydantic's core alone: models and what makes schemas of them would take 6 MB more in the service.
"""

import builtins
import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, ValidationError
from pydantic_core import core_schema as cs

from actors.values.keys import Before, Between, Bytes, Elsewhere, Form, Seconds, Unwritten
from supervisor.config.forms import FORMS, byte_count, duration
from supervisor.config.problems import Finding, findings
from supervisor.config.rules import judged, spelt_out
from supervisor.text.words import Keys

T = TypeVar("T")


def read(
    kind: type[T], table: object, known: Mapping[str, Any] | None = None, *, beside: type | None = None
) -> tuple[T | None, list[Finding]]:
    """Return the table as an instance of `kind`, or None and all that is wrong with it.

    `known` has the `folder` that paths are relative to, and the fields that are `Elsewhere`. `beside`: a dataclass of
    keys that may stand in the table too; they are checked, and no part of what is returned.
    """
    try:
        reader = _reader(kind, beside)  # type: ignore[arg-type]  # a class is hashable
        found: T = reader.validate_python(table, context=dict(known or {}))
        return found, []
    except ValidationError as error:
        return None, list(findings(error, lambda keys: keys_at(kind, keys, beside)))


def check(kind: type, table: object, *, beside: type, without: frozenset[str]) -> list[Finding]:
    """Return what is wrong with a table that has some keys of `kind` and is not read into one."""
    try:
        _validator(_table(kind, beside, without)).validate_python(table)
    except ValidationError as error:
        return list(findings(error, lambda keys: keys_at(kind, keys, beside)))
    return []


def keys_of(kind: type) -> dict[str, "Field[Any]"]:
    """Return the fields that are keys of the table, in their order."""
    return {each.name: each for each in fields(kind) if not _elsewhere(hints_of(kind)[each.name])}


def keys_at(kind: type, keys: Keys, beside: type | None = None) -> Sequence[str]:
    """Return the keys of the table that these keys lead to; all tables of an array have the same."""
    for key in keys:
        if isinstance(key, str):
            kind, beside = table_in(hints_of(kind)[key]) or kind, None
    return [*keys_of(kind), *(keys_of(beside) if beside else ())]


@functools.cache
def hints_of(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def metadata(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


@functools.cache
def tables_in(kind: type) -> tuple[str, ...]:
    """Return the keys whose values are tables of which each key may be left out."""
    found = {name: (each, hints_of(kind)[name]) for name, each in keys_of(kind).items()}
    return tuple(name for name, (each, hint) in found.items() if each.default_factory is not MISSING or is_pairs(hint))


def is_pairs(hint: Any) -> bool:
    """Whether this is a tuple of pairs, which is a table in the file."""
    part = get_args(hint)[0] if get_origin(hint) is tuple else None
    return get_origin(part) is tuple and get_args(part)[1:] != (...,)


def _elsewhere(hint: Any) -> bool:
    return any(isinstance(each, Elsewhere) for each in metadata(hint))


def table_in(hint: Any) -> type | None:
    """Return the dataclass in `T`, `tuple[T, ...]` or `T | None`; None where the file has another form."""
    if any(isinstance(each, Form) for each in metadata(hint)):
        return None
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := table_in(part))), None)


# ── from a dataclass to pydantic ──────────────────────────────────────────────────────────────────────────────────


@functools.cache
def _reader(kind: type, beside: type | None = None) -> SchemaValidator:
    return _validator(_shape(kind, beside))


def _validator(schema: CoreSchema) -> SchemaValidator:
    return SchemaValidator(schema, CoreConfig(strict=True))


def _shape(kind: type, beside: type | None = None) -> CoreSchema:
    """Return how a table is read: spelt out, key by key, judged as a whole, and made an instance."""
    names = [each.name for each in fields(kind)]

    def built(table: tuple[dict[str, Any], None, set[str]], info: cs.ValidationInfo) -> Any:
        values, _, given = table
        found = {**(info.context or {}), **values}
        return kind(**judged(kind, {name: found[name] for name in names if name in found}, given))

    whole = cs.with_info_after_validator_function(built, _table(kind, beside))
    return cs.no_info_before_validator_function(lambda table: spelt_out(kind, table), whole)


def _table(kind: type, beside: type | None, without: frozenset[str] = frozenset()) -> CoreSchema:
    found = {name: each for described in (kind, beside) if described for name, each in _keys_in(described).items()}
    kept = {name: each for name, each in found.items() if name not in without}
    return cs.model_fields_schema(kept, model_name=kind.__name__, extra_behavior="forbid")


def _keys_in(kind: type) -> dict[str, cs.ModelField]:
    hints = hints_of(kind)
    return {name: cs.model_field(_or_default(each, hints[name])) for name, each in keys_of(kind).items()}


def _or_default(field: "Field[Any]", hint: Any) -> CoreSchema:
    written = _written(hint)
    for each in metadata(hint):
        if isinstance(each, Unwritten):
            return cs.with_default_schema(written, default=each.value, validate_default=each.value is not None)
    if field.default_factory is not MISSING:
        return cs.with_default_schema(written, default_factory=field.default_factory)
    return written if field.default is MISSING else cs.with_default_schema(written, default=field.default)


_PLAIN: dict[Any, Callable[[], CoreSchema]] = {
    str: cs.str_schema,
    int: cs.int_schema,
    float: cs.float_schema,
    bool: cs.bool_schema,
    bytes: cs.bytes_schema,
    Any: cs.any_schema,
}


def _written(hint: Any) -> CoreSchema:
    """Return how the value of a field of this type is read."""
    parts = get_args(hint)
    match get_origin(hint):
        case typing.Annotated:
            return _bounded(*parts)
        case typing.Union | types.UnionType:
            return _one_of([part for part in parts if part is not types.NoneType], types.NoneType in parts)
        case typing.Literal:
            return cs.literal_schema(list(parts))
        case builtins.dict:
            return cs.dict_schema(*map(_written, parts))
        case builtins.tuple if is_pairs(hint):
            table = cs.dict_schema(*map(_written, get_args(parts[0])))
            return cs.no_info_after_validator_function(lambda found: tuple(found.items()), table)
        case builtins.tuple:
            return cs.no_info_after_validator_function(tuple, cs.list_schema(_written(parts[0])))
    if is_dataclass(hint):
        return _shape(hint)  # type: ignore[arg-type]
    if hint in _PLAIN:
        return _PLAIN[hint]()
    return cs.no_info_after_validator_function(hint, cs.literal_schema([each.value for each in hint]))  # a StrEnum


def _one_of(kinds: list[Any], or_nothing: bool) -> CoreSchema:
    found = list(map(_written, kinds))
    one = found[0] if len(found) == 1 else cs.union_schema([*found])
    return cs.nullable_schema(one) if or_nothing else one


def _bounded(inner: Any, *meta: Any) -> CoreSchema:
    for each in meta:
        match each:
            case Form():
                return _in_form(FORMS[each], inner)
            case Before():
                return _in_form(each, inner)
            case Seconds(least, never):
                return duration(least, never)
            case Bytes(least):
                return byte_count(least)
            case Between(least, most):
                return _number(inner, least, most)
    return _written(inner)


def _in_form(form: CoreSchema | Before, inner: Any) -> CoreSchema:
    if isinstance(form, Before):
        return cs.no_info_before_validator_function(form.read, _written(inner))
    return cs.no_info_after_validator_function(Path, form) if inner is Path else form


def _number(kind: Any, least: int, most: int | None) -> CoreSchema:
    kinds = get_args(kind) or (kind,)
    if float in kinds:
        number: CoreSchema = cs.float_schema(ge=least, le=most, allow_inf_nan=False)
    else:
        number = cs.int_schema(ge=least, le=most)
    return cs.nullable_schema(number) if types.NoneType in kinds else number
