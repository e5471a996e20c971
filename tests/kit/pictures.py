"""Pictures as a surface gets them: made of real rows, at a time that a test says."""

from dataclasses import replace
from typing import Any

from actors.values.facts import Instant
from kit.gateway_bench import row, snapshot

NOW = 1_000_000.0
"""The Unix time of the pictures."""


def worker(name: str, state: str = "running", **news: Any) -> dict[str, Any]:
    """Return a worker as the status JSON has it; it has been as it is for a minute."""
    return row(name, state, **{"since": NOW - 60, "started_at": NOW - 60, **news}).to_dict(NOW)


def picture(*workers: dict[str, Any], **of_service: Any) -> dict[str, Any]:
    """Return a picture of these workers."""
    states = [worker["state"] for worker in workers]
    made = snapshot(1, *(row(worker["name"], worker["state"]) for worker in workers), path="/srv/shop/panevisor.toml")
    made = replace(made, at=Instant(NOW, NOW))
    whole = {**made.to_dict(), "workers": list(workers)}
    whole["totals"] = {"workers": len(workers), **{state: states.count(state) for state in states}}
    whole["supervisor"] = {**whole["supervisor"], "kept_by": "systemd", **of_service}
    return whole
