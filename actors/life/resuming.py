"""How a life takes up the session of the one before, and when a life begins by `command` again. Pure.

a line, a file, `report --session` ──known──▶ Session.id ──take_up──▶ Start(take_up) ──▶ a life by `resume.command`
                                                 ▲                                          │ dies within
                                                 └── the next life, by `command`, says it ◀─┘ `healthy_after`
"""

from dataclasses import replace
from functools import lru_cache

from actors.life.state import Life, State, Worker
from actors.values.command_text import Session, TakeUp, is_session, taking_up
from actors.values.facts import Instant
from actors.values.rules import Match, On, Rule
from actors.values.spec import WorkerSpec

S = State


@lru_cache(maxsize=256)
def session_rule(pattern: str) -> Rule:
    """Return the rule by which lines with the id are looked for. It does nothing, which no rule of a file may."""
    return Rule(name="session", on=On.LINE, match=pattern, do=())


def watched(spec: WorkerSpec) -> tuple[Rule, ...]:
    """Return the rules that its output is judged by: its own, and that of its session."""
    log = spec.resume.session.log if spec.resume and spec.resume.session else None
    return spec.rules if log is None else (*spec.rules, session_rule(log))


def take_up(w: Worker) -> TakeUp | None:
    """Return how the next life takes up the last session; None: it begins by `command`."""
    resume, session = w.spec.resume, w.session or Session()
    lived = w.session is not None or w.lives > 0 or w.judged is not None
    if resume is None or not lived or session.by_command:
        return None
    if resume.session is None:
        return TakeUp(resume.command)
    if resume.session.file is not None:
        return TakeUp(resume.command, resume.session.file, session.spent)
    return TakeUp(taking_up(resume.command, session.id)) if session.id else None


def begun(w: Worker, life: str, how: TakeUp | None) -> Worker:
    """Return the worker whose life begins so; whether a file has an id is told with the answer to the start."""
    if w.spec.resume is None:
        return replace(w, session=None)
    knows = how is not None and how.file is None
    return replace(w, session=replace(w.session or Session(), life=life if knows else "", by_command=False))


def known(w: Worker, life: str, session: str) -> Worker:
    """Return the worker that is in this session, as its present or last life says."""
    ours = w.life is not None and w.life.id == life
    before = w.session or Session()
    in_vain = session == before.spent and life == before.life
    if w.spec.resume is None or not is_session(session) or in_vain or not (ours or w.judged == life):
        return w
    return w if before.id == session else replace(w, session=replace(before, id=session))


def found(matches: tuple[tuple[Rule, Match], ...]) -> str | None:
    """Return the id in the last of these lines that has one."""
    ids = [dict(match.groups) for rule, match in matches if not rule.do]
    return next((groups.get("session") or groups.get("1", "") for groups in reversed(ids)), None)


def in_vain(w: Worker, life: Life, now: Instant) -> float | None:
    """Return after how many seconds a life died that had taken up a session; None: it had not, or lived long enough.

    A worker that was told to end, or that is held, has not failed at it.
    """
    if w.session is None or w.session.life != life.id or w.state not in (S.BACKOFF, S.FAILED) or w.is_held:
        return None
    lived = (life.ended or now).mono - life.since.mono
    return lived if lived < w.spec.healthy_after else None


def fallen_back(session: Session) -> Session:
    """Return what is known after the session was taken up in vain."""
    return replace(session, id="", spent=session.id, by_command=True)


def not_in_vain(w: Worker, life: str) -> Worker:
    """Return the worker whose last life ended for another reason, as its hold tells."""
    session = w.session
    if session is None or not session.by_command or session.life != life:
        return w
    return replace(w, session=replace(session, id=session.spent, spent="", by_command=False))
