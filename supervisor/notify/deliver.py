"""Hands one message to one receiver, in a child that lives for 30 s at most.

    message ──JSON on stdin──▶ the receiver's command, or `python -m supervisor.notify.by_apprise` with its URLs

URLs hold secrets: they travel on stdin, and nothing that a child prints is kept.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from actors.events.words import exit_in_words, iso
from supervisor.config.settings import Receiver
from supervisor.kernel.shortage import kill_group, popen
from supervisor.notify.by_apprise import NO_APPRISE
from supervisor.notify.plan import Line, Message

TIME_LIMIT = 30.0  # seconds
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


def deliver(receiver: Receiver, facts: dict[str, Any], folder: Path) -> str | None:
    """Return why the receiver has not got it, None when it has. Blocks; raises nothing but what a thread can't bear."""
    if receiver.urls:
        argv: tuple[str, ...] = (sys.executable, "-m", "supervisor.notify.by_apprise")
        facts = facts | {"urls": receiver.urls}
    else:
        command = receiver.command
        argv = ("/bin/sh", "-c", command) if isinstance(command, str) else command
    told = {"PANEVISOR_TITLE": facts["title"], "PANEVISOR_BODY": facts["body"]}
    try:
        return _run(argv, json.dumps(facts).encode(), os.environ | told, folder)
    except OSError as error:
        return f"cannot be started: {error.strerror}"


def _run(argv: tuple[str, ...], given: bytes, environment: dict[str, str], folder: Path) -> str | None:
    with popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
        start_new_session=True,
    ) as child:
        try:
            child.communicate(given, timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return f"no end within {TIME_LIMIT:g} s"
        finally:
            if child.returncode is None:
                kill_group(child)
    if child.returncode == NO_APPRISE and argv[0] == sys.executable:
        return HOW_TO_GET
    if child.returncode < 0:
        return exit_in_words(None, -child.returncode)
    return exit_in_words(child.returncode, None) if child.returncode else None
