"""Values from plain data, as JSON and msgpack have it: pydantic's TypeAdapter over the dataclass that describes them.

What is not needed is ignored, and what is not there has its default: so versions read what others have written.
"""

import functools
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def rebuilt(kind: type[T], plain: object) -> T:
    """Return the instance of `kind` that `dataclasses.asdict` gave; raises ValueError with the first thing wrong."""
    adapter = _adapter(kind)  # type: ignore[arg-type]  # a class is hashable
    try:
        found: T = adapter.validate_python(plain)
    except ValueError as error:
        raise ValueError(_first(error)) from None
    return found


@functools.cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # only now: most commands read no value

    return TypeAdapter(kind)


def _first(error: ValueError) -> str:
    found = error.errors(include_url=False)[0]  # type: ignore[attr-defined]
    at = ".".join(map(str, found["loc"]))
    return f"{at}: {found['msg']}" if at else str(found["msg"])
