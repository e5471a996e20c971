"""What the Supervisor refuses, and how to get it all the same; pure. Each function raises RequestRefused."""

from collections.abc import Iterable, Mapping

from actors.crowd.members import Crowd
from actors.crowd.reconcile import different_keys
from actors.life.state import State
from actors.values.facts import Pane, Verb
from actors.values.requests import Order, RequestRefused
from actors.values.spec import WorkerSpec


def refuse_unknown(names: Iterable[str], crowd: Crowd) -> None:
    unknown = [name for name in names if name not in crowd]
    if unknown:
        raise RequestRefused("unknown-worker", f"no such worker: {', '.join(unknown)}")


def refuse_taken_name(name: str, crowd: Crowd) -> None:
    if name in crowd:
        raise RequestRefused(
            "conflict",
            f"a worker is called {name} already (it is {crowd[name].state}): take another name, "
            f"or `panevisor remove {name}` first",
        )
    if replicas := sorted(crowd.families.get(name, ())):
        raise RequestRefused("conflict", f"{name} is a family, of {', '.join(replicas[:3])} …: take another name")


def refuse_protected(order: Order, crowd: Crowd) -> None:
    """Refuse what would end a protected worker for good; after a restart it is there again."""
    protected = [name for name in order.names if crowd[name].record.spec.protected]
    if protected and order.verb in (Verb.STOP, Verb.COMPLETE, Verb.REMOVE):
        raise RequestRefused("not-permitted", f"protected: {', '.join(protected)}; --force if that is meant")


def refuse_quarantined(order: Order, crowd: Crowd) -> None:
    """What lives there may be somebody's: a start could double it."""
    unproven = [name for name in order.names if crowd[name].state is State.QUARANTINED]
    if unproven and order.verb in (Verb.START, Verb.RESTART):
        said = f"quarantined: {', '.join(unproven)}; see `panevisor why`, then --force if nothing of it lives"
        raise RequestRefused("not-permitted", said)


def refuse_to_replace_unknown(spec: WorkerSpec, panes: tuple[Pane, ...]) -> None:
    """What lives under this name though nothing is known of it is taken over by the same command only."""
    if any(not pane.dead and pane.digest != spec.digest for pane in panes):
        said = f"something else lives in tmux under the name {spec.name}: see `panevisor screen {spec.name}`, then "
        raise RequestRefused("conflict", f"{said}`panevisor remove {spec.name}`, or take another name")


def refuse_to_scale(specs: Mapping[str, WorkerSpec], there: Iterable[str], crowd: Crowd) -> None:
    """New replicas are made as the file is now: those that stay have to be so, too."""
    for name, spec in specs.items():
        member = crowd.get(name)
        if member is None:
            continue
        if name not in there:
            raise RequestRefused("conflict", f"{name} exists, and is no replica: `panevisor remove {name}` first")
        if keys := different_keys(member.record.spec, spec):
            said = f"the file has changed for {name} ({', '.join(keys)}): `panevisor apply` first"
            raise RequestRefused("conflict", said)
