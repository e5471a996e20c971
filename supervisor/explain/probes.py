"""A check in plain words, and without its secrets: what `why` may show of it. Pure, over plain values."""

from collections.abc import Mapping
from typing import Any

from actors.values.spec import KINDS

Check = Mapping[str, Any]
"""A check as `dataclasses.asdict` gives it, or as `without_secrets` does."""


def kind_of(check: Check) -> str | None:
    """Return which kind of probe it is; None where there is no probe."""
    return next((kind for kind in KINDS if check.get(kind) is not None), None)


def without_secrets(check: Check) -> dict[str, Any]:
    """Return the check as it may leave the service, with its `kind`: no word of a command, no header, no query."""
    shown = {"kind": kind_of(check), **check}
    if check.get("command") is not None:
        shown["command"] = ""
    if http := check.get("http"):
        shown["http"] = {"url": http["url"].partition("?")[0], "status": list(http["status"]), "headers": []}
    return shown


def condition(check: Check) -> str:
    """Return what has to be so, as a clause: "127.0.0.1:80 accepts a connection"."""
    match kind_of(check):
        case "tcp":
            return f"{check['tcp']} accepts a connection"
        case "unix":
            return f"the socket {check['unix']} accepts a connection"
        case "http":
            codes = ", ".join(map(str, check["http"]["status"])) or "2xx or 3xx"
            return f"{check['http']['url'].partition('?')[0]} answers {codes}"
        case "command":
            return "its check command exits with 0"
        case "log":
            return f"its log has a line with {check['log']}"
        case "screen":
            return f"its screen shows {check['screen']}"
    return "nobody asks"
