"""What tools take: the schema that a client sees, and what is read, are of one mind; what is wrong is named."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.mcp.parameters import read, schema_of
from supervisor.mcp.tools import TOOLS
from supervisor.wire.errors import CommandError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 3000) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def test_each_schema_is_a_json_schema_with_a_description_of_each_argument() -> None:
    for tool in TOOLS.values():
        schema = schema_of(tool.parameters)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert all(each["description"] for each in schema["properties"].values())


@given(st.data())
def test_what_the_schema_allows_is_read_and_what_it_forbids_is_refused(data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(list(TOOLS.values())))
    plausible = {
        each.name: JSON | st.sampled_from(each.choices or ("web",)) | st.just(["web"]) for each in tool.parameters
    }
    arguments: dict[str, Any] = data.draw(st.fixed_dictionaries({}, optional=plausible))
    arguments |= data.draw(st.dictionaries(st.sampled_from(["x", "name"]), JSON, max_size=1))
    without_null = {key: value for key, value in arguments.items() if value is not None}  # null is what is left out
    if any("\0" in str(value) or "\\x00" in repr(value) for value in arguments.values()):
        return  # no command line takes it; JSON Schema has no simple word for that
    allowed = jsonschema.Draft202012Validator(schema_of(tool.parameters)).is_valid(without_null)
    try:
        read(tool.parameters, arguments)
    except CommandError:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("status", {}, "argument name is missing: The name of one worker."),
        ("status", {"name": 7}, "argument name must be text"),
        ("status", {"name": "a", "nam": 1}, 'unknown argument "nam"; known are: name'),
        ("status", ["a"], "arguments must be an object"),
        ("logs", {"name": "a", "lines": 0}, "argument lines must be a whole number from 1 to 2000, not 0"),
        ("logs", {"name": "a", "previous": "yes"}, 'argument previous must be true or false, not "yes"'),
        ("wait", {"names": []}, "argument names must be a list of 1 to 64 texts"),
        ("order", {"do": "kill", "names": ["a"]}, 'argument do must be one of start, stop, restart, not "kill"'),
        ("status", {"name": "a\0b"}, "argument name must be text"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(name: str, arguments: Any, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        read(TOOLS[name].parameters, arguments)
    assert refused.value.message.startswith(said)


def test_what_is_left_out_has_its_default() -> None:
    assert read(TOOLS["logs"].parameters, {"name": "a"}) == {
        "name": "a", "lines": 100, "since": None, "grep": None, "previous": False,
    }  # fmt: skip
