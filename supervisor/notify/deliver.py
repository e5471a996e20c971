"""Hands one message to one receiver, in a child that lives for 30 s at most.

    message ──JSON on stdin──▶ the receiver's command, or Python with by_apprise.py and its URLs

URLs hold secrets: they travel on stdin, and nothing that a child prints is kept.
"""

import json
import sys
from pathlib import Path
from typing import Any

from actors.events.words import iso
from supervisor.children.limited import Children
from supervisor.config.settings import Receiver
from supervisor.notify import by_apprise
from supervisor.notify.by_apprise import NO_APPRISE
from supervisor.notify.plan import Line, Message

TIME_LIMIT = 30.0  # seconds
BY_APPRISE = (sys.executable, "-P", by_apprise.__file__)  # -P: the folder of the file may have a json.py of its own
MOST_IN_A_VARIABLE = 30_000  # characters: the kernel takes 131,072 bytes
HOW_TO_GET = "urls need the extra: pip install 'panevisor[notify]'"


def facts_of(receiver: Receiver, message: Message, host: str) -> dict[str, Any]:
    """Return a message as the JSON that its receiver gets."""
    return {
        "receiver": receiver.name,
        "host": host,
        "title": _title(message, host),
        "body": "\n".join(line.text for line in message),
        "incidents": [_facts_of_line(line) for line in message],
    }


def _title(message: Message, host: str) -> str:
    first = message[0]
    who = first.incident.worker or "the service"
    occasion = str(first.incident.occasion)
    what = {"over": f"{occasion} is over", "test": "a test"}.get(first.news, occasion)
    more = f" and {len(message) - 1} more" if len(message) > 1 else ""
    return f"{host}: {who}: {what}{more}"


def _facts_of_line(line: Line) -> dict[str, Any]:
    incident = line.incident
    return {
        "news": line.news,
        "occasion": str(incident.occasion),
        "worker": incident.worker or None,
        "project": incident.project or None,
        "labels": dict(incident.labels),
        "since": iso(incident.since),
        "text": line.text,
    }


class Postman:
    """Hands messages over; `nofile` is the soft limit of open files of its children."""

    def __init__(self, nofile: int) -> None:
        self._children = Children(nofile)

    def deliver(self, receiver: Receiver, facts: dict[str, Any], folder: Path) -> str | None:
        """Return why the receiver has not got it, None when it has. Blocks for `TIME_LIMIT` at most."""
        ended = self._children.run(
            BY_APPRISE if receiver.urls else receiver.command,
            cwd=str(folder),
            timeout=TIME_LIMIT,
            more={"PANEVISOR_TITLE": facts["title"], "PANEVISOR_BODY": facts["body"][:MOST_IN_A_VARIABLE]},
            given=json.dumps(facts | {"urls": receiver.urls} if receiver.urls else facts).encode(),
        )
        return HOW_TO_GET if receiver.urls and ended.code == NO_APPRISE else ended.problem
