"""What an operator or an agent should know now, in one short text: pure, over the status JSON and the activity feed.

picture, entries ──brief──▶ Briefing ──lines──▶ text        ──to_dict──▶ JSON
  service    what is wrong with the service itself
  needs      who will not get well alone, or waits for a person; the oldest need first
  restarts   who has crashed and starts again, or has done so and is not healthy yet; the next start first
  waits      who is held back, and by what
  changes    what has changed since a time: errors first, then warnings; what went well in one line a state
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from actors.events.words import counted, exit_in_words, iso, numbered, short_size, short_time, some_of
from actors.frozen import frozen
from actors.values.totals import totals_of
from supervisor.explain.events import is_idle, told
from supervisor.explain.need import in_need_first, needs_person
from supervisor.text.cells import cut
from supervisor.text.plain import visible
from supervisor.text.tables import attention, cautions, clock, states_of, timestamp

SCHEMA = 1
MOST = 8  # items of a section
WIDEST = 240  # cells of an item
_NAMED = 5  # names in a line

Picture = Mapping[str, Any]
Worker = Mapping[str, Any]
Entry = Mapping[str, Any]


@frozen
class Item:
    """One thing to know. `name` and `project`: of the worker, null where it is about none or several."""

    name: str | None
    project: str | None
    text: str

    @property
    def line(self) -> str:
        project = f" ({self.project})" if self.project else ""
        return cut(visible(f"{self.name}{project}: {self.text}" if self.name else self.text), WIDEST)


@frozen
class Section:
    """Up to MOST of `count` items."""

    title: str
    count: int
    items: tuple[Item, ...]

    def lines(self) -> list[str]:
        more = [f"- … and {self.count - len(self.items)} more"] if self.count > len(self.items) else []
        return [f"{self.title}:", *(f"- {item.line}" for item in self.items), *more]


@frozen
class Briefing:
    """`known_since`: changes before this Unix time are told by states only, because the feed begins there."""

    at: float
    since: float
    known_since: float
    totals: Mapping[str, Any]
    sections: Mapping[str, Section]

    def lines(self) -> list[str]:
        """Return the text. Nothing in it acts on a terminal, and it has at most MOST lines a section."""
        body = [line for section in self.sections.values() if section.count for line in ("", *section.lines())]
        return [*self._head(), *body]

    def to_dict(self) -> dict[str, Any]:
        sections = {
            key: {"count": section.count, "items": [asdict(item) for item in section.items]}
            for key, section in self.sections.items()
        }
        times = {"at": iso(self.at), "since": iso(self.since), "known_since": iso(self.known_since)}
        return {"schema": SCHEMA, **times, "totals": dict(self.totals), **sections, "text": "\n".join(self.lines())}

    def _head(self) -> list[str]:
        totals = self.totals
        at = datetime.fromtimestamp(self.at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        states = ", ".join(states_of(totals)) or "none"
        cpu = "" if totals["cpu_percent"] is None else f", CPU {totals['cpu_percent']:.0f} %"
        memory = "" if totals["rss_bytes"] is None else f"; memory {short_size(totals['rss_bytes'])}{cpu}"
        lines = [f"{at}: {counted(totals['workers'], 'worker')}: {states}{memory}"]
        if not any(self.sections[key].count for key in _TROUBLES):
            lines.append("Nothing needs you.")
        if not self.sections["changes"].count:
            lines.append(f"Nothing has changed since {clock(self.since, self.at)}.")
        return lines


_TROUBLES = ("service", "needs", "restarts", "waits")


def brief(
    picture: Picture, entries: Sequence[Entry], *, now: float, since: float, project: str | None = None
) -> Briefing:
    """Return the briefing, with `project` of its workers only.

    `entries`: the activity feed, newest first; `now` and `since` are Unix times.
    """
    workers: list[Worker] = [w for w in picture["workers"] if project in (None, w["project"])]
    rows = {worker["name"]: worker for worker in workers}
    totals = picture["totals"] if project is None else totals_of(workers)
    needs = [worker for worker in in_need_first(workers) if needs_person(worker)]
    in_need = {worker["name"] for worker in needs}
    others = [worker for worker in workers if worker["name"] not in in_need]
    again = sorted((worker for worker in others if _is_looping(worker)), key=_next_start)
    waits = [w for w in others if (w["state"] == "pending" and not _is_looping(w)) or w.get("attention") == "held"]
    seen = [entry for entry in entries if timestamp(entry["ts"]) >= since and _is_of(entry, rows, project)]
    changed = _changes(rows, seen, now, since)
    known_since = max(since, _beginning(picture, entries))
    begins = f" (the feed begins at {clock(known_since, now)})" if known_since > since else ""
    sections = {
        "service": _section("The service", map(_about_all, cautions(picture))),
        "needs": _section("Needs you", (_about(worker, _need(worker, now)) for worker in needs)),
        "restarts": _section(
            "Crashed, restarts by itself", (_about(worker, _restart(worker, now)) for worker in again)
        ),
        "waits": _section("Waits", (_about(worker, _wait(worker, now)) for worker in waits)),
        "changes": _section(f"Since {clock(since, now)}{begins}", changed),
    }
    return Briefing(now, since, known_since, totals, sections)


def _is_of(entry: Entry, rows: Mapping[str, Worker], project: str | None) -> bool:
    """Whether the entry is about the service or one of these workers; of those that are gone no project is known."""
    name = entry["facts"].get("worker")
    return project is None or name is None or name in rows


def _beginning(picture: Picture, entries: Sequence[Entry]) -> float:
    """Return when the feed begins (Unix time): with the service, or with the oldest entry that is kept."""
    oldest = entries[-1] if entries else None
    return timestamp(oldest["ts"] if oldest and oldest["seq"] > 1 else picture["supervisor"]["started_at"])


def _section(title: str, items: Iterable[Item]) -> Section:
    found = list(items)
    return Section(title, len(found), tuple(found[:MOST]))


def _about(worker: Worker, text: str) -> Item:
    return Item(worker["name"], worker["project"] or None, text)


def _about_all(text: str) -> Item:
    return Item(None, None, text.replace("\n", "; "))


# ── one worker ────────────────────────────────────────────────────────────────────────────────────────────────────


def _need(worker: Worker, now: float) -> str:
    lasts = short_time(max(0.0, now - timestamp(worker["since"])))
    match worker:
        case {"state": "failed" | "quarantined" as state}:
            said = f"{state} {lasts} ago"
        case {"attention": "waiting"}:
            return attention(worker, now)
        case _:
            said = f"{worker['state']}, but {worker['health']}"
    return f"{said}: {worker['reason']}" if worker["reason"] else said


def _is_looping(worker: Worker) -> bool:
    """Whether it has crashed and no healthy life has forgiven that yet."""
    return bool(worker["state"] == "backoff" or (worker["attempt"] and worker["state"] in _LIVES))


_LIVES = frozenset({"pending", "starting", "running"})


def _next_start(worker: Worker) -> str:
    return worker["next_start_at"] or ""


def _restart(worker: Worker, now: float) -> str:
    counted_as = f" ({numbered(worker['attempt'], worker['max_restarts'])})"
    if worker["next_start_at"]:
        at = timestamp(worker["next_start_at"])
        due = f"at {clock(at, now)}, in {short_time(at - now)}" if at > now else "now"
        return f"starts again {due}{counted_as}: {worker['reason']}"
    up = "" if worker["uptime_s"] is None else f" for {short_time(worker['uptime_s'])}"
    before = exit_in_words(worker["exit_code"], worker["exit_signal"])
    return f"{worker['state']}{up} again{counted_as}, not healthy yet; before that {before}"


def _wait(worker: Worker, now: float) -> str:
    if worker.get("attention") == "held":
        return attention(worker, now)
    return worker["reason"] or "it is to start"


# ── what has changed ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Story:
    """What the feed has about one worker, newest first."""

    entries: list[Entry]

    @property
    def rank(self) -> int:
        return max(_RANKS.get(entry["level"], 0) for entry in self.entries)

    @property
    def ends(self) -> int:
        return sum(entry["facts"].get("to") in _BAD_ENDS for entry in self.entries)


_RANKS = {"warning": 1, "error": 2}
_BAD_ENDS = frozenset({"backoff", "failed"})


def _changes(rows: Mapping[str, Worker], entries: Sequence[Entry], now: float, since: float) -> list[Item]:
    """Return what was bad in a line a worker, then the service's own entries, then what went well by state."""
    stories: dict[str, _Story] = {}
    own: list[Item] = []
    for entry in entries:
        if name := entry["facts"].get("worker"):
            stories.setdefault(name, _Story([])).entries.append(entry)
        elif not is_idle(entry):
            own.append(Item(None, None, _when(entry, now, told(entry, 0))))
    bad = sorted((name for name in stories if stories[name].rank), key=lambda name: -stories[name].rank)
    told_of = [_told(name, rows.get(name), stories[name], now) for name in bad]
    well = {name for name in stories if not stories[name].rank}
    well |= {name for name, row in rows.items() if name not in stories and timestamp(row["since"]) >= since}
    return [*told_of, *own, *_by_state(rows, well)]


def _told(name: str, row: Worker | None, story: _Story, now: float) -> Item:
    worst = next(entry for entry in story.entries if _RANKS.get(entry["level"], 0) == story.rank)
    said, at = told(worst, row["max_restarts"] if row else 0), clock(timestamp(worst["ts"]), now)
    said = f"{story.ends} crashes, the last at {at}: {said}" if story.ends > 1 else f"{at} {said}"
    after = f"; now {row['state']}" if row else "; it is gone now"
    return Item(name, row["project"] or None if row else None, said + after)


def _when(entry: Entry, now: float, said: str) -> str:
    return f"{clock(timestamp(entry['ts']), now)} {said}"


def _by_state(rows: Mapping[str, Worker], names: set[str]) -> list[Item]:
    """Return one item for each state that these workers are in now, in the order of the picture."""
    found: dict[str, list[str]] = {}
    for name, row in rows.items():
        if name in names:
            found.setdefault(row["state"], []).append(name)
    if gone := sorted(names - rows.keys()):
        found["removed"] = gone
    return [Item(None, None, f"{state} now: {some_of(those, _NAMED)}") for state, those in found.items()]
