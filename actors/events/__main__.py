"""Print docs/events.md: `python -m actors.events > docs/events.md`."""

from collections.abc import Iterator, Mapping

from actors.events.examples import EXAMPLES
from actors.events.kinds import Event
from actors.events.table import SECTIONS

_HEAD = """\
# The service's log: its events and their fields

Made by `python -m actors.events`. One JSON object a line in `<state>/service.log`. Each has `seq` (grows by one a
line, from 1 at each start of the service), `ts` (UTC), `level`, `event`, then the facts below. The events are an
interface: alerts and dashboards may rely on them. The changelog notes each change.

A line with `from` and `to` is a change of a worker's state, written whatever the log's level is. Each change is one
line. `state.table` names every worker and its state; from there on the `from`/`to` lines alone rebuild the table:

    python -m supervisor.state.replay < service.log

Events about a worker share these fields: `worker` (its name), `life` (the one process of it that is meant, unique
forever), `cause` (one word), `reason` (words for people), `verdict` (the last part of `reason`, in restart policy's
own words: why it has failed, or is tried slowly). `exit_code` or `exit_signal` is null; both are null where the exit
is not known.

The last column is what `panevisor events` and `panevisor why` print of it: with facts in braces, or as an example.

`level` is what the table says. "varies" means: error where the worker is given up (`to` is failed), warning where it
is to start again or needs a look, info otherwise.
"""


def document() -> str:
    """Return docs/events.md."""
    return "\n".join([_HEAD, *(line for title, events in SECTIONS.items() for line in _section(title, events))])


def _section(title: str, events: Mapping[str, Event]) -> Iterator[str]:
    moving = any(event.moves for event in events.values())
    head = ["event", "level", *(["from → to"] if moving else []), "facts", "when", "what people read"]
    yield f"## {title}\n"
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for name, event in events.items():
        level = event.level if isinstance(event.level, str) else "varies"
        moves = [event.moves or "–"] if moving else []
        fields = ", ".join(event.field_names) or "–"
        yield f"| {' | '.join([f'`{name}`', level, *moves, fields, event.when, _said(name, event)])} |"
    yield ""


def _said(name: str, event: Event) -> str:
    """Return the sentence, or what its clause makes of an example."""
    said = event.said if isinstance(event.said, str) else event.told(EXAMPLES[name], 5)
    return said.replace("\n", " ")


if __name__ == "__main__":
    print(document(), end="")
