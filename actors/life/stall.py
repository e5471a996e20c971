"""When a running worker counts as stalled, and the ladder of what is done about it: pure, decided by looks at its pane.

    ask_at ──▶ one look at the pane ──look(watch, plan, sight)──▶ watch, moments: Stalled, Climbed(rung) …, Unstalled

Only a look decides: no look, as while tmux does not answer, no verdict and no rung. So at a deadline the pane is asked
for, and a rung is climbed by the answer that shows still no sign of life.

Signs of life: by output, that tmux's time of the last output byte moved; it has whole seconds, so what follows in the
same second is not seen, and `after` is judged up to a second early. By screen, that the screen differs, unless the pane
was only given another size.

What a stalled worker prints because of us is no sign of life: the echo of what the ladder typed, and what a program
draws anew for another size (somebody attached, or left). That is all output that tmux dates within `ECHO` seconds of
it. A program that is really back prints later than that, too.
"""

from dataclasses import dataclass, replace

from actors.values.facts import Instant
from actors.values.spec import Rung, Stall

ECHO = 2.0  # seconds of the wall clock around our own typing, or a new size, whose output is not counted
ASK_AGAIN = 5.0  # seconds until a question for the pane that was not answered is asked again


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the pane: when (monotonic), Unix second of the last output, columns and rows, who is there.

    `digest` is that of the screen, None where it was not captured: then it is as before if the rest is.
    """

    taken: float
    activity: int
    size: tuple[int, int]
    digest: bytes | None
    attached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StallWatch:
    """What is known of one life. `quiet` is when the last sign of life was seen (monotonic), None before any look."""

    quiet: float | None = None
    activity: int = 0
    size: tuple[int, int] = (0, 0)
    digest: bytes | None = None
    since: Instant | None = None  # stalled since
    climbed: int = 0  # rungs that were done
    due: Instant | None = None  # of the next rung; None: there is none, or a person is attached
    paused: bool = False  # the next rung waits until the person has left
    echo_at: float | None = None  # Unix time of what makes it print by itself
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class Stalled:
    """It gave no sign of life for `silent` seconds."""

    silent: float


@dataclass(frozen=True, slots=True)
class Unstalled:
    """It gave one again, `after` seconds later; or stalls do not count any more."""

    after: float


@dataclass(frozen=True, slots=True)
class Climbed:
    """Rung number `step` (from 1) is to be done now."""

    rung: Rung
    step: int


Moment = Stalled | Unstalled | Climbed


def look(watch: StallWatch, plan: Stall, sight: Sight, now: Instant) -> tuple[StallWatch, tuple[Moment, ...]]:
    """Return what one look comes to. `plan.after` None: nothing is watched, and what was stalled is not any more."""
    if plan.after is None:
        return StallWatch(), () if watch.since is None else (Unstalled(now.mono - watch.since.mono),)
    before, watch = watch, _remembered(watch, plan, sight)
    if before.quiet is None:
        return replace(watch, quiet=sight.taken, asked=None), ()
    if before.since is not None:
        return _look_at_stalled(before, watch, plan, sight, now)
    if _is_sign(before, plan, sight):
        return replace(watch, quiet=sight.taken, asked=None), ()
    if sight.taken < before.quiet + plan.after or not _is_known(before, plan, sight):
        return watch, ()
    stalled = replace(watch, since=now, due=_due(plan, 0, now), asked=None)
    stalled, moments = _climb(stalled, plan, sight, now)
    return stalled, (Stalled(sight.taken - before.quiet), *moments)


def ask_at(watch: StallWatch, plan: Stall) -> float | None:
    """Return when (monotonic) a look at the pane would tell something: at once for the first; None: nothing would."""
    if plan.after is None:
        return None
    if watch.since is None:
        decides: float | None = 0.0 if watch.quiet is None else watch.quiet + plan.after
    else:
        decides = watch.due.mono if watch.due else None
    return decides if decides is None or watch.asked is None else max(decides, watch.asked + ASK_AGAIN)


def echoing(watch: StallWatch, now: Instant) -> StallWatch:
    """Return the watch after something was typed by the ladder: what is printed around now is its echo."""
    return replace(watch, echo_at=now.wall) if watch.since else watch


def next_rung(watch: StallWatch, plan: Stall) -> Rung | None:
    """Return what comes next for a stalled worker; None at the end of the ladder."""
    return plan.ladder[watch.climbed] if watch.since and watch.climbed < len(plan.ladder) else None


def healthy_until(watch: StallWatch, plan: Stall, now: float) -> float:
    """Return until when (monotonic) a life counts as healthy: no longer than its last sign of life, if that is watched.

    So a life that hangs from its beginning forgives nothing, however long it hung.
    """
    return now if plan.after is None or watch.quiet is None else min(now, watch.quiet)


def well_until(watch: StallWatch, plan: Stall, now: float) -> float:
    """Return until when (monotonic) a life that ends now was well: a stalled one till its last sign of life."""
    return now if watch.since is None else healthy_until(watch, plan, now)


# ── one look ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _remembered(watch: StallWatch, plan: Stall, sight: Sight) -> StallWatch:
    """Return the watch with what this look compares with next time; by screen, only a captured one is that."""
    if plan.by == "screen" and sight.digest is None and watch.quiet is not None:
        return watch
    return replace(watch, activity=sight.activity, size=sight.size, digest=sight.digest or watch.digest)


def _is_sign(before: StallWatch, plan: Stall, sight: Sight) -> bool:
    if plan.by == "output":
        return sight.activity != before.activity
    if sight.digest is None or before.digest is None:
        return False
    return sight.digest != before.digest and (sight.size == before.size or sight.activity != before.activity)


def _is_known(before: StallWatch, plan: Stall, sight: Sight) -> bool:
    """Claim that the look tells whether anything changed: a screen that may have, and was not captured, does not."""
    same = (sight.activity, sight.size) == (before.activity, before.size)
    return plan.by == "output" or sight.digest is not None or same


def _look_at_stalled(
    before: StallWatch, watch: StallWatch, plan: Stall, sight: Sight, now: Instant
) -> tuple[StallWatch, tuple[Moment, ...]]:
    assert before.since is not None
    resized = sight.size != before.size
    if resized and watch.size == sight.size:
        watch = replace(watch, echo_at=now.wall)
    if _is_sign(before, plan, sight) and not resized and not _is_echo(before, sight):
        fresh = StallWatch(quiet=sight.taken, activity=watch.activity, size=watch.size, digest=watch.digest)
        return fresh, (Unstalled(now.mono - before.since.mono),)
    watch = _paused(watch, plan, sight, now)
    decides = watch.due is not None and sight.taken >= watch.due.mono and _is_known(before, plan, sight)
    return _climb(watch, plan, sight, now) if decides else (watch, ())


def _is_echo(watch: StallWatch, sight: Sight) -> bool:
    """Claim that the last output is dated around `echo_at`; on both sides, so that a clock set back hides nothing."""
    return watch.echo_at is not None and watch.echo_at - ECHO <= sight.activity <= watch.echo_at + ECHO


def _paused(watch: StallWatch, plan: Stall, sight: Sight, now: Instant) -> StallWatch:
    """While a person is attached only `notify` goes on; when they have left, the next rung's wait begins anew."""
    rung = next_rung(watch, plan)
    if rung and rung.do != "notify" and sight.attached:
        return replace(watch, paused=True, due=None)
    if watch.paused or (rung and watch.due is None):  # the ladder has grown since its end was reached
        return replace(watch, paused=False, due=_due(plan, watch.climbed, now), asked=None)
    return watch


def _climb(watch: StallWatch, plan: Stall, sight: Sight, now: Instant) -> tuple[StallWatch, tuple[Moment, ...]]:
    """Do all rungs that are due."""
    moments: list[Moment] = []
    watch = _paused(watch, plan, sight, now)
    while (rung := next_rung(watch, plan)) and watch.due and watch.due.mono <= now.mono:
        step = watch.climbed + 1
        moments.append(Climbed(rung, step))
        watch = replace(watch, climbed=step, due=_due(plan, step, now), asked=None)
        watch = echoing(watch, now) if rung.do in ("send", "interrupt") else watch
        watch = _paused(watch, plan, sight, now)
    return watch, tuple(moments)


def _due(plan: Stall, step: int, now: Instant) -> Instant | None:
    if step >= len(plan.ladder):
        return None
    wait = plan.ladder[step].wait
    return Instant(now.mono + wait, now.wall + wait)
