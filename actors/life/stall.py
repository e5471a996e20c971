"""When a running worker counts as stalled, and the ladder of actions against it. Pure; looks at the pane decide.

    ask_at ──▶ one look at the pane ──look(watch, plan, sight)──▶ watch, moments: Stalled, Climbed(rung) …, Unstalled

Only a look decides: while tmux does not answer there is no verdict and no rung. So the worker asks for its pane at each
deadline, and climbs a rung when the answer shows no sign of life.

A sign of life, by output: tmux's time of the last output byte moved. This time has whole seconds, so later output in
the same second is not seen, and `after` may end up to a second early. By screen: the screen differs, and the pane did
not only change its size.

What a stalled worker prints because of us is no sign of life: the echo of typed text, and a redraw for another size
(a person attached or left). This is all output that tmux dates within `ECHO` seconds of the cause. A program that has
recovered prints later than that, too.
"""

from dataclasses import replace

from actors.frozen import frozen
from actors.values.facts import Instant
from actors.values.spec import Rung, Stall

ECHO = 2.0  # seconds of the wall clock around our typing, or a new size, in which output does not count
ASK_AGAIN = 5.0  # seconds until an unanswered question for the pane is repeated


@frozen
class Sight:
    """One look at the pane: when (monotonic), Unix second of the last output, columns and rows, is a person attached.

    `digest` is of the screen. None: it was not captured, so it is unchanged if the other fields are.
    """

    taken: float
    activity: int
    size: tuple[int, int]
    digest: bytes | None
    attached: bool


@frozen(kw_only=True)
class StallWatch:
    """What is known about one life. `quiet`: when the last sign of life was seen (monotonic); None before any look."""

    quiet: float | None = None
    activity: int = 0
    size: tuple[int, int] = (0, 0)
    digest: bytes | None = None
    since: Instant | None = None  # stalled since
    climbed: int = 0  # rungs done
    due: Instant | None = None  # of the next rung; None: there is none, or a person is attached
    paused: bool = False  # the next rung waits until the person has left
    echo_at: float | None = None  # Unix time of our typing, or of a new size
    asked: float | None = None


@frozen
class Stalled:
    """The worker gave no sign of life for `silent` seconds."""

    silent: float


@frozen
class Unstalled:
    """The worker gave a sign of life again after `after` seconds, or its spec no longer watches for stalls."""

    after: float


@frozen
class Climbed:
    """Rung number `step` (from 1) is due now."""

    rung: Rung
    step: int


Moment = Stalled | Unstalled | Climbed


def look(watch: StallWatch, plan: Stall, sight: Sight, now: Instant) -> tuple[StallWatch, tuple[Moment, ...]]:
    """Return the watch after one look, and what happened. `plan.after` None: stalls are not watched."""
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
    """Return when (monotonic) a look at the pane can decide something; 0 before the first look, None: never."""
    if plan.after is None:
        return None
    if watch.since is None:
        decides: float | None = 0.0 if watch.quiet is None else watch.quiet + plan.after
    else:
        decides = watch.due.mono if watch.due else None
    return decides if decides is None or watch.asked is None else max(decides, watch.asked + ASK_AGAIN)


def echoing(watch: StallWatch, now: Instant) -> StallWatch:
    """Return the watch after the ladder typed something: output around now is its echo."""
    return replace(watch, echo_at=now.wall) if watch.since else watch


def next_rung(watch: StallWatch, plan: Stall) -> Rung | None:
    """Return the next rung of a stalled worker; None at the end of the ladder."""
    return plan.ladder[watch.climbed] if watch.since and watch.climbed < len(plan.ladder) else None


def healthy_until(watch: StallWatch, plan: Stall, now: float) -> float:
    """Return until when (monotonic) a life counts as healthy; when stalls are watched, up to its last sign of life.

    So a life that hangs from its start forgives nothing.
    """
    return now if plan.after is None or watch.quiet is None else min(now, watch.quiet)


def well_until(watch: StallWatch, plan: Stall, now: float) -> float:
    """Return until when (monotonic) a life that ends now was well; a stalled one until its last sign of life."""
    return now if watch.since is None else healthy_until(watch, plan, now)


# ── one look ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _remembered(watch: StallWatch, plan: Stall, sight: Sight) -> StallWatch:
    """Return the watch with what the next look is compared with; by screen, only captured screens are."""
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
    """Whether the look tells if anything changed. A screen that may have changed and was not captured does not."""
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
    """Whether the last output is dated around `echo_at`, before or after it, so that a clock set back hides nothing."""
    return watch.echo_at is not None and watch.echo_at - ECHO <= sight.activity <= watch.echo_at + ECHO


def _paused(watch: StallWatch, plan: Stall, sight: Sight, now: Instant) -> StallWatch:
    """Pause the ladder while a person is attached, except `notify`; when they leave, the rung's wait starts again."""
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
