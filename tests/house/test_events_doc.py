"""docs/events.md is the list of events: none is missing in it, none in it is unknown to the code."""

import re

from kit import ROOT

EVENT = r"(?:worker|tmux|terminal|service|state|config|actor|adapter|ticker|metrics|gateway|log|lock)\.[a-z_]+"
NO_EVENTS = {"tmux.conf", "tmux.sock", "service.log"}
BY_STATE = {"worker.stopped", "worker.completed", "worker.failed"}  # f"worker.{state}" of what rests at adoption


def documented() -> set[str]:
    return set(re.findall(rf"^\| `({EVENT})` \|", (ROOT / "docs/events.md").read_text(), re.MULTILINE))


def in_code() -> set[str]:
    sources = [path.read_text() for folder in ("actors", "supervisor") for path in (ROOT / folder).rglob("*.py")]
    found = {event for source in sources for event in re.findall(rf'"({EVENT})"', source)}
    return (found | BY_STATE) - NO_EVENTS


def test_every_event_of_the_code_is_documented_and_no_other() -> None:
    assert documented() == in_code()
