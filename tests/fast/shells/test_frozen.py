"""`@frozen` makes what `dataclass(frozen=True, slots=True)` makes."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from inspect import signature
from typing import Any, ClassVar

import pytest

from actors.frozen import as_dict, frozen

STANDARD = dataclass(frozen=True, slots=True)


def shapes(made: Callable[[type], Any], named: Callable[[type], Any]) -> tuple[Any, Any, Any]:
    @made
    class Empty:
        """Nothing."""

    @made
    class Base:
        """Each kind of field."""

        kind: ClassVar[str] = "base"
        set_b: int
        b: str = "b"
        items: list[int] = field(default_factory=list, compare=False)
        hidden: int = field(default=7, repr=False)

    @named
    class Derived(Base):
        """More fields, by name alone."""

        c: float
        d: tuple[int, ...] = ()

        def __post_init__(self) -> None:
            object.__setattr__(self, "d", tuple(sorted(self.d)))

    return Empty, Base, Derived


OURS = shapes(frozen, frozen(kw_only=True))
THEIRS = shapes(STANDARD, dataclass(frozen=True, slots=True, kw_only=True))


def made(which: tuple[Any, Any, Any]) -> list[Any]:
    empty, base, derived = which
    return [
        empty(),
        base(1),
        base(1, "x", [3]),
        base(set_b=1, items=[4]),
        derived(1, c=2.0),
        derived(1, "x", [5], 8, c=2.0, d=(2, 1)),
        replace(derived(1, c=2.0, d=(9,)), b="new"),
    ]


def test_values_look_compare_and_hash_as_those_of_the_standard_library() -> None:
    ours, theirs = made(OURS), made(THEIRS)
    assert list(map(repr, ours)) == list(map(repr, theirs))
    assert list(map(as_dict, ours)) == list(map(asdict, ours)) == list(map(asdict, theirs))
    assert [[a == b for b in ours] for a in ours] == [[a == b for b in theirs] for a in theirs]
    assert [len({a, b}) for a in ours for b in ours] == [len({a, b}) for a in theirs for b in theirs]
    assert not any(a == b or a == 1 for a, b in zip(ours, theirs, strict=True))


def test_classes_have_the_same_shape() -> None:
    for ours, theirs in zip(OURS, THEIRS, strict=True):
        assert [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]
        assert list(signature(ours).parameters) == list(signature(theirs).parameters)
        assert (ours.__match_args__, ours.__slots__) == (theirs.__match_args__, theirs.__slots__)
    assert made(OURS)[1].items is not made(OURS)[1].items  # a default of its own for each


@pytest.mark.parametrize("value", made(OURS)[1:])
def test_nothing_is_changed_or_added(value: Any) -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'b'"):
        value.b = "other"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'b'"):
        del value.b
    with pytest.raises(FrozenInstanceError):
        value.more = 1


@pytest.mark.parametrize("wrong", [{}, {"set_b": 1, "other": 2}])
def test_what_is_missing_or_unknown_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        OURS[1](**wrong)


def test_a_method_of_the_class_itself_is_kept() -> None:
    @frozen
    class Said:
        word: str

        def __repr__(self) -> str:
            return self.word

    assert (repr(Said("as it says")), Said("a") == Said("a")) == ("as it says", True)
