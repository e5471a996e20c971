"""`panevisor notify test`: send a message to one receiver of the file now, and say whether it arrived."""

import resource
import socket
import time

from supervisor.commands.files.check import loaded
from supervisor.config.settings import Occasion
from supervisor.notify.deliver import Postman, facts_of
from supervisor.notify.incidents import Incident
from supervisor.notify.plan import Line
from supervisor.state.paths import config_path
from supervisor.text.plain import visible
from supervisor.text.words import nearest
from supervisor.wire.errors import CommandError


def test(named: str | None, name: str) -> int:
    """Return 0 where the receiver has got it; raises CommandError with the reason otherwise."""
    config = loaded(config_path(named))
    receivers = {receiver.name: receiver for receiver in config.receivers}
    if name not in receivers:
        there = nearest(name, list(receivers)) if receivers else " (it has none: see docs/notify.md)"
        raise CommandError("usage", f"the file has no receiver {visible(name)}{there}")
    text = "this is a test of `panevisor notify test`: all is well"
    incident = Incident(occasion=Occasion.FAILED, text=text, since=time.time())
    facts = facts_of(receivers[name], (Line(incident, "test"),), socket.gethostname())
    postman = Postman(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if problem := postman.deliver(receivers[name], facts, config.path.parent):
        raise CommandError("failed", f"{visible(name)} has not got the message: {problem}")
    print(f"{visible(name)} has got a test message")
    return 0
