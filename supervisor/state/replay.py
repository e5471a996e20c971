"""The state table from the log alone: from any `state.table` line on, every change of state is one line."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

TABLE = "state.table"
REMOVED = "removed"


def rebuild(lines: Iterable[str]) -> dict[str, str]:
    """Return each worker's state after the last line; lines that are no entry (a torn one) are passed over."""
    table: dict[str, str] = {}
    for line in lines:
        table = after(table, _entry(line))
    return table


def after(table: dict[str, str], entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the table after one entry; the one given is changed in place where a transition says so."""
    if entry.get("event") == TABLE and isinstance(entry.get("workers"), dict):
        return dict(entry["workers"])
    if is_transition(entry) and "worker" in entry:
        if entry["to"] == REMOVED:
            table.pop(entry["worker"], None)
        else:
            table[entry["worker"]] = str(entry["to"])
    return table


def is_transition(entry: Mapping[str, Any]) -> bool:
    """Whether the entry is a change of state, which is written whatever the level."""
    return "from" in entry and "to" in entry


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


if __name__ == "__main__":
    for name, state in rebuild(sys.stdin).items():
        print(f"{name}\t{state}")
