"""The events stand in one table: the code uses no other, docs/events.md is made from it, and each has its level."""

import ast
import re
from collections.abc import Iterator

import pytest
from kit import ROOT

from actors.events.__main__ import document
from actors.events.table import EVENTS, faults_in, level_of

BY_STATE = {"worker.stopped", "worker.completed", "worker.failed"}  # f"worker.{state}" of what rests at adoption
EMITTERS = {"log", "say", "_say", "move", "line_of", "apply_verdict", "Emit", "entry_of", "_end_as_crashed", "note"}


def named_by_emitters() -> Iterator[str]:
    """Yield each string that looks like an event in the arguments of a call that emits one."""
    for path in (path for folder in ("actors", "supervisor") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) in EMITTERS:
                for given in (constant for argument in node.args for constant in ast.walk(argument)):
                    if isinstance(given, ast.Constant) and re.fullmatch(r"[a-z]+\.[a-z_]+", str(given.value)):
                        yield str(given.value)


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def test_the_code_emits_the_events_of_the_table_and_the_table_has_no_other() -> None:
    assert set(named_by_emitters()) | BY_STATE | {"state.table"} == set(EVENTS)


def test_the_document_is_made_from_the_table() -> None:
    written = (ROOT / "docs/events.md").read_text()
    assert written == document(), "run: python -m actors.events > docs/events.md"


def test_an_event_or_a_fact_that_the_table_does_not_have_is_a_fault() -> None:
    assert faults_in("worker.exitted", {}) == ["unknown event worker.exitted"]
    assert faults_in("worker.exited", {"exit_code": 3, "code": 3}) == ["worker.exited has no field code"]
    assert faults_in("tmux.died", {"worker": "api"}) == ["tmux.died has no field worker"]
    assert not faults_in("worker.exited", {"worker": "api", "life": "s-1", "from": "running", "to": "failed"})


@pytest.mark.parametrize(
    ("event", "facts", "level"),
    [
        ("worker.exited", {"to": "failed"}, "error"),
        ("worker.exited", {"to": "backoff"}, "warning"),
        ("worker.exited", {"to": "completed"}, "info"),
        ("worker.exited", {}, "info"),
        ("worker.unhealthy", {"kind": "tcp"}, "warning"),
        ("worker.limit", {"which": "age", "do": "restart"}, "info"),
        ("worker.limit", {"which": "cpu", "do": "restart", "to": "backoff"}, "warning"),
        ("worker.pending", {"cause": "person"}, "info"),
        ("worker.pending", {"cause": "tmux-died"}, "warning"),
        ("worker.failed", {"cause": "cannot-start"}, "error"),
        ("worker.failed", {"cause": "adopted"}, "info"),
        ("nobody.knows", {}, "warning"),
    ],
)
def test_the_level_follows_from_the_event_and_its_facts(event: str, facts: dict[str, str], level: str) -> None:
    assert level_of(event, facts) == level
