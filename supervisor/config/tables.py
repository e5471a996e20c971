"""A table of the file, read into the frozen dataclass that describes it.

    dataclass ──fields and their metadata──▶ pydantic model ──TypeAdapter──▶ read(kind, table) ──▶ an instance
                                                                                              └──▶ findings

The dataclasses (`actors.values.spec`, `supervisor.config.settings`) are the only description: they tell pydantic which
keys there are, of which type and in which limits. In the file a StrEnum is one of its texts, a tuple is an array, and a
tuple of pairs is a table. No value is taken for one of another type.
"""

import functools
import operator
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from actors.values.keys import Between, Bytes, Elsewhere, Form, Seconds, Unwritten
from supervisor.config.forms import FORMS, byte_count, duration
from supervisor.config.problems import Finding, findings
from supervisor.config.rules import judged, spelt_out
from supervisor.text.words import Keys

T = TypeVar("T")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


def read(
    kind: type[T], table: object, known: Mapping[str, Any] | None = None, *, beside: type | None = None
) -> tuple[T | None, list[Finding]]:
    """Return the table as an instance of `kind`, or None and all that is wrong with it.

    `known` has the `folder` that paths are relative to, and the fields that are `Elsewhere`. `beside`: a dataclass of
    keys that may stand in the table too; they are checked, and no part of what is returned.
    """
    try:
        adapter = _adapter(kind, beside)  # type: ignore[arg-type]  # a class is hashable
        found: T = adapter.validate_python(table, context=known)
        return found, []
    except ValidationError as error:
        return None, list(findings(error, lambda keys: keys_at(kind, keys, beside)))


def check(kind: type, table: object, *, beside: type, without: frozenset[str]) -> list[Finding]:
    """Return what is wrong with a table that has some keys of `kind` and is not read into one."""
    try:
        _model(kind, beside, without).model_validate(table)
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
def _adapter(kind: type, beside: type | None = None) -> TypeAdapter[Any]:
    return TypeAdapter(_shape(kind, beside))


def _shape(kind: type, beside: type | None = None) -> Any:
    """Return how a table is read: spelt out, key by key, judged as a whole, and made an instance."""
    model = _model(kind, beside, frozenset())
    names = [each.name for each in fields(kind)]

    def built(table: BaseModel, info: ValidationInfo) -> Any:
        found = {**(info.context or {}), **vars(table)}
        values = {name: found[name] for name in names if name in found}
        return kind(**judged(kind, values, table.model_fields_set))

    return Annotated[model, BeforeValidator(lambda table: spelt_out(kind, table)), AfterValidator(built)]


@functools.cache
def _model(kind: type, beside: type | None, without: frozenset[str]) -> type[BaseModel]:
    found = {name: field for each in (kind, beside) if each for name, field in _fields_of(each).items()}
    kept: dict[str, Any] = {name: field for name, field in found.items() if name not in without}
    model: type[BaseModel] = pydantic.create_model(kind.__name__, __base__=_Model, **kept)
    return model


def _fields_of(kind: type) -> dict[str, tuple[Any, Any]]:
    hints = hints_of(kind)
    return {name: (_written(hints[name]), _default(each, hints[name])) for name, each in keys_of(kind).items()}


def _default(field: "Field[Any]", hint: Any) -> Any:
    for each in metadata(hint):
        if isinstance(each, Unwritten):
            return pydantic.Field(default=each.value, validate_default=each.value is not None)
    if field.default_factory is not MISSING:
        return pydantic.Field(default_factory=field.default_factory)
    return ... if field.default is MISSING else field.default


def _written(hint: Any) -> Any:
    """Return what pydantic reads for a field of this type."""
    if get_origin(hint) is Annotated:
        return _bounded(*get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return functools.reduce(operator.or_, map(_written, get_args(hint)))
    if is_pairs(hint):
        key, value = map(_written, get_args(get_args(hint)[0]))
        return Annotated[dict[key, value], AfterValidator(lambda table: tuple(table.items()))]  # type: ignore[valid-type]
    if get_origin(hint) is tuple:
        return Annotated[list[_written(get_args(hint)[0])], AfterValidator(tuple)]  # type: ignore[misc]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Annotated[Literal[tuple(each.value for each in hint)], AfterValidator(hint)]
    return _shape(hint) if isinstance(hint, type) and is_dataclass(hint) else hint


def _bounded(inner: Any, *meta: Any) -> Any:
    for each in meta:
        match each:
            case Form():
                found = FORMS[each]
                if isinstance(found, BeforeValidator):
                    return Annotated[_written(inner), found]
                return Annotated[found, AfterValidator(lambda path: Path(path))] if inner is Path else found
            case Seconds(least, never):
                return duration(least, never)
            case Bytes(least):
                return byte_count(least)
            case Between(least, most):
                return Annotated[_written(inner), pydantic.Field(ge=least, le=most), *_finite(inner)]
    return Annotated[(_written(inner), *meta)]


def _finite(number: Any) -> tuple[Any, ...]:
    return (pydantic.AllowInfNan(False),) if number is float else ()
