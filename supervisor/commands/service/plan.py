"""`panevisor plan` and `apply`: what applying the file changes, as people read it, as JSON, and done."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from supervisor.commands.files.check import loaded
from supervisor.commands.service.conflicts import refuse_another, refuse_astray, refuse_left_behind
from supervisor.commands.service.up import checked, next_start
from supervisor.commands.workers.orders import followed, is_watched, report
from supervisor.kernel.files import refuse_shared
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client, NoService

CHANGED = 10
SIGNS = {"create": "+", "start": "+", "replace": "~", "policy": "~", "adopt": " ", "stop": "-"}

Change = Mapping[str, Any]


def plan(found: Place, own: Place, *, as_json: bool) -> int:
    """Print what `apply` would do, or what `up` would do where no service runs; 10 when something would change."""
    loaded(own.config)
    try:
        with Client.connect(found.socket) as client:
            refuse_another(client, own)
            planned = client.call("plan")
    except NoService:
        refuse_left_behind(own)
        refuse_astray(own)
        from supervisor.commands.service.offline_plan import offline  # 0.3 s of imports, for this only

        planned = offline(own)
        print("no service is running: this is what `panevisor up` would do", file=sys.stderr)
    _show(planned, as_json=as_json)
    if planned["refusal"]:
        print(f"panevisor: apply would refuse this: {visible(planned['refusal'])}", file=sys.stderr)
    return CHANGED if any(_is_change(change) for change in planned["changes"]) else 0


def apply(found: Place, own: Place, *, force: bool, wait: float) -> int:
    """Apply the file; print the changes and, if `wait` is more than 0, the verdicts on the workers changed."""
    checked(found, own)
    refuse_shared(found.state_dir)
    with Client.connect(found.socket) as client:
        refuse_another(client, own)
        with followed(client, shown=is_watched(wait)):
            answer = client.call("apply", force=force, wait=wait, changed_only=True)
    _show(answer, as_json=False)
    return report(answer, answer["verdicts"])


def lines(changes: Iterable[Change]) -> list[str]:
    """Return one line for each change (sign, action, name, keys that differ, note), and the number unchanged."""
    changes = list(changes)
    shown = [change for change in changes if change["action"] != "none" or change["note"]]
    width = max((len(change["name"]) for change in shown), default=0)
    found = [_line(change, width) for change in shown]
    same = len(changes) - len(shown)
    return [*found, f"{same} unchanged"] if same or not found else found


def _line(change: Change, width: int) -> str:
    said = ", ".join(change["keys"])
    said += (f" ({change['note']})" if said else change["note"]) if change["note"] else ""
    action = change["action"]
    return visible(f"{SIGNS.get(action, ' ')} {action:<8}{change['name']:<{width}}  {said}".rstrip())


def _is_change(change: Change) -> bool:
    return change["action"] not in ("none", "adopt") or (change["action"] == "adopt" and bool(change["keys"]))


def _show(planned: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({key: planned[key] for key in ("changes", "refusal", "next_start")}))
        return
    for line in (*lines(planned["changes"]), *next_start(planned)):
        print(line)
