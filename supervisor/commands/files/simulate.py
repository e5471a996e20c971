"""`panevisor simulate`: what the restart policies of a file would do about given crashes, without running anything."""

import json
import re
import signal
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase

from actors.events.words import counted, exact, exit_in_words, numbered
from actors.values.spec import WorkerSpec
from supervisor.commands.files.check import loaded
from supervisor.config.settings import Config
from supervisor.explain.policy import hourly, in_words
from supervisor.explain.simulation import FORGIVEN, Crash, Happened, Outcome, simulate
from supervisor.state.paths import config_path
from supervisor.text.columns import aligned
from supervisor.text.plain import visible
from supervisor.text.quantities import seconds
from supervisor.text.words import nearest, quoted
from supervisor.wire.errors import CommandError, UnknownWorker

FIRST, LAST = 40, 10  # lines of a worker that are shown; the ones between are counted
MOST_TIMES = 1_000_000
_CRASH = re.compile(r"(?P<name>[^@]+)@(?P<life>[0-9a-z.]+?)(?:[x×](?P<times>[0-9]{1,7}))?(?P<ends>(?::[^:]*)*)")
_LIKE = "write NAME@LIFE, like web@3s, web@3s×5 or web@3s:code=2, web@3s:signal=SEGV"
_CAUSES = {"defined": "", "admitted": "", "ready": "", "backoff-over": "the pause is over", FORGIVEN: ""}


def run(named: str | None, crashes: Sequence[str], until: float, *, as_json: bool) -> int:
    """Print what happens to each worker that is named in `crashes`; raises CommandError for a wrong one."""
    path = config_path(named)
    config = loaded(path)
    told = _by_worker(config, [(text, *parsed(text)) for text in crashes])
    runs = [(spec, how, *simulate(spec, how, until)) for spec, how in told]
    if as_json:
        print(json.dumps([_as_data(spec, lines, outcome) for spec, _, lines, outcome in runs]))
        return 0
    print(f"{visible(path)}: what would happen in {exact(until)}; nothing is run")
    for spec, how, lines, outcome in runs:
        print("\n".join(_told(spec, how, lines, outcome)))
    return 0


def parsed(text: str) -> tuple[str, Crash]:
    """Return the name or glob, and the crash; raises CommandError."""
    found = _CRASH.fullmatch(text)
    if found is None:
        raise _wrong(text, _LIKE)
    try:
        life = found["life"]
        after = seconds(f"{life}s" if life.replace(".", "", 1).isdigit() else life)
    except ValueError as error:
        raise _wrong(text, f"the life {error}; {_LIKE}") from None
    times = None if found["times"] is None else int(found["times"])
    if times is not None and not 1 <= times <= MOST_TIMES:
        raise _wrong(text, f"the number of lives must be from 1 to {MOST_TIMES:,}")
    code, killed = _end(text, found["ends"])
    return found["name"], Crash(after, times, code, killed)


def _end(text: str, ends: str) -> tuple[int | None, int | None]:
    """Return the exit code, or the signal, that ends such a life; without either it exits with 1."""
    words = ends.split(":")[1:]
    key, _, value = words[0].partition("=") if words else ("code", "", "1")
    if len(words) > 1 or key not in ("code", "signal"):
        raise _wrong(text, _LIKE)
    if key == "code":
        if not value.isascii() or not value.isdigit() or int(value) > 255:
            raise _wrong(text, f"an exit code is from 0 to 255, not {quoted(value)}")
        return int(value), None
    known = {each.name.removeprefix("SIG"): each.value for each in signal.Signals}
    number = int(value) if value.isascii() and value.isdigit() else known.get(value.upper().removeprefix("SIG"), 0)
    if not 1 <= number < signal.NSIG:
        raise _wrong(text, f"there is no signal {quoted(value)}{nearest(value.upper(), list(known))}")
    return None, number


def _wrong(text: str, what: str) -> CommandError:
    return CommandError("usage", f"--crash {visible(text)}: {what}")


def _by_worker(config: Config, crashes: Iterable[tuple[str, str, Crash]]) -> list[tuple[WorkerSpec, list[Crash]]]:
    """Return the workers that are named, in the order of the file, each with its crashes in their order."""
    found: dict[str, list[Crash]] = {}
    names = [spec.name for spec in config.workers]
    for text, name, crash in crashes:
        matched = [
            spec.name for spec in config.workers if fnmatchcase(spec.name, name) or (spec.replica_of or None) == name
        ]
        if not matched:
            raise UnknownWorker(name, f"--crash {visible(text)}: no such worker in the file{nearest(name, names)}")
        for each in matched:
            found.setdefault(each, []).append(crash)
    return [(spec, found[spec.name]) for spec in config.workers if spec.name in found]


# ── what is printed ───────────────────────────────────────────────────────────────────────────────────────────────


def _told(spec: WorkerSpec, crashes: Sequence[Crash], lines: Sequence[Happened], outcome: Outcome) -> list[str]:
    head = f"\n{spec.name}: {visible(in_words(spec))}"
    rows = aligned([["t", "state", "why"], *(_row(spec, line) for line in lines if _counts(line))], right=[0])
    if len(rows) > FIRST + LAST + 1:
        left = len(rows) - FIRST - LAST - 1
        rows[FIRST + 1 : -LAST] = [f"… {left:,} more lines like these …"]
    how = "; ".join(map(_crash_in_words, crashes))
    return [head, f"  given: {how}", *(f"  {row}" for row in rows), f"  {_verdict(spec, outcome, crashes[-1].after)}"]


def _counts(line: Happened) -> bool:
    """Whether a line is more than a step of each start."""
    return line.after not in ("pending", "starting")


def _row(spec: WorkerSpec, line: Happened) -> list[str]:
    state = line.after if line.cause != FORGIVEN else f"{line.after}, healthy"
    why = line.reason or _CAUSES.get(line.cause, line.cause)
    if line.pause is not None:
        which = numbered(line.attempt, spec.max_restarts) if spec.max_restarts > 0 else f"restart {line.attempt}"
        why = f"{why}; {which} in {exact(line.pause)}"
    return [exact(line.at), state, visible(why)]


def _crash_in_words(crash: Crash) -> str:
    lives = "each life" if crash.times is None else "one life" if crash.times == 1 else f"{crash.times} lives"
    return f"{lives} of {exact(crash.after)}, {exit_in_words(crash.code, crash.signal)}"


def _verdict(spec: WorkerSpec, outcome: Outcome, life: float) -> str:
    end = f"at {exact(outcome.at)}: {outcome.state} after {_count(outcome)}"
    if outcome.cut:
        end += " (so short lives that the simulation stopped here)"
    if outcome.endless:
        often = f"tried every {exact(spec.retry)}" if spec.retry else f"up to {hourly(spec, life)} restarts an hour"
        return f"{end}; this policy NEVER GIVES UP on such crashes ({often})"
    if outcome.state in ("failed", "completed"):
        return f"{end}; it is not started again by itself" + (" (gave up)" if outcome.state == "failed" else "")
    if outcome.gives_up_at is not None:
        return f"{end}; it would give up after {exact(outcome.gives_up_at)}"
    return end


def _count(outcome: Outcome) -> str:
    lives = "1 life" if outcome.lives == 1 else f"{outcome.lives:,} lives"
    return f"{lives}, {counted(outcome.restarts, 'restart')}"


def _as_data(spec: WorkerSpec, lines: Sequence[Happened], outcome: Outcome) -> dict[str, object]:
    return {"worker": spec.name, "timeline": [asdict(line) for line in lines], "outcome": asdict(outcome)}
