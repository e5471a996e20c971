"""The dataclasses as the only description: from them come the reader and the records."""

import json
from dataclasses import dataclass
from typing import Annotated

import pytest
from kit.config import worker

from actors.values.keys import Between, Seconds
from actors.values.spec import WorkerSpec
from supervisor.config.tables import read
from supervisor.text.values import rebuilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Kettle:
    volume: Annotated[int, Between(1, 5)]
    boils_in: Annotated[float, Seconds("1s")] = 60.0
    labels: tuple[tuple[str, str], ...] = ()
    price: Annotated[float | None, Between(0)] = None


def test_a_table_is_read_by_the_fields_of_its_class() -> None:
    found, wrong = read(Kettle, {"volume": 2, "boils_in": "2m", "labels": {"a": "b"}})
    assert (found, wrong) == (Kettle(volume=2, boils_in=120.0, labels=(("a", "b"),)), [])
    found, wrong = read(Kettle, {"volume": 9, "colour": "red"})
    assert found is None
    assert [each.said() for each in wrong] == ["volume must be at most 5, not 9", 'unknown key "colour"']


@pytest.mark.parametrize("price", ["inf", "nan"])
def test_a_number_without_an_upper_limit_is_finite_also_where_it_may_be_left_out(price: str) -> None:
    found, wrong = read(Kettle, {"volume": 2, "price": float(price)})
    assert found is None
    assert [each.said() for each in wrong] == [f"price must be a finite number, not {price}"]


def test_a_spec_is_rebuilt_from_its_json_and_says_what_is_wrong_with_it() -> None:
    steps = "{ keys = ['C-c'] }, '1s', { text = 'exit' }, '1s', { signal = 'SIGINT', to = 'tree' }, '1s', 'KILL'"
    plain = worker(f"stop = [{steps}]\nlimits.age = '1h'").to_json()
    assert rebuilt(WorkerSpec, json.loads(json.dumps(plain))).to_json() == plain
    with pytest.raises(ValueError, match=r"^ready\.delay: Input should be a valid number"):
        rebuilt(WorkerSpec, plain | {"ready": {"delay": "soon"}})
