"""Values and text as TOML: whatever goes in comes out, and a comment stays one."""

import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kit.examples import load_profile

from supervisor.move_in.draft import Draft, Note
from supervisor.move_in.writer import value, written

load_profile()
TEXT = st.text(st.characters(exclude_categories=("Cs",))) | st.sampled_from(
    ["'''", "a\nb'", "\r\n", '"""', "\\", "\x7f"]
)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_is_read_as_it_was(found: Any) -> None:
    assert tomllib.loads(f"x = {value(found)}") == {"x": found}


@given(TEXT, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.booleans())
def test_names_notes_and_origins_stay_where_they_belong(
    name: str, origin: str, note: str, env: dict[str, str], active: bool
) -> None:
    draft = Draft("tool", Path("f"), head=[note], notes=[Note(note, 3)])
    table = draft.worker(name, note, 1)
    table.put("command", [origin], origin)
    table.put("env", env, origin)
    table.drop(origin, note)
    table.needs_nothing(note)
    table.active = active
    made = tomllib.loads(written(draft))
    assert made == ({"workers": {table.name: {"command": [origin], "env": env}}} if active else {})
