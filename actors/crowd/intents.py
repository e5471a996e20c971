"""What is wanted of a worker: how each order, and the file, changes its record; pure."""

from dataclasses import replace

from actors.values.facts import Ordered, SpecChanged, Verb
from actors.values.records import Intent, Record
from actors.values.requests import Action
from actors.values.spec import WorkerSpec

_INTENT = {
    Verb.START: Intent.WANTED,
    Verb.RESTART: Intent.WANTED,
    Verb.STOP: Intent.STOPPED,
    Verb.COMPLETE: Intent.COMPLETED,
    Verb.REMOVE: Intent.REMOVED,
}
News = Ordered | SpecChanged
ENDING = {Verb.STOP, Verb.COMPLETE, Verb.REMOVE, Verb.DOWN}


def intended(record: Record, verb: Verb) -> Record:
    """Return the record with what the order wants; going down wants nothing new, nor does a stop of what has ended."""
    if verb is Verb.STOP and record.intent in (Intent.COMPLETED, Intent.FAILED):
        return record
    return replace(record, intent=_INTENT.get(verb, record.intent))


def as_told(record: Record, news: News) -> Record:
    """Return the record as it will be when the worker has heard this."""
    return as_in_file(record, news.spec) if isinstance(news, SpecChanged) else intended(record, news.verb)


def is_restart(news: News) -> bool:
    return isinstance(news, Ordered) and news.verb is Verb.RESTART


def as_in_file(record: Record, spec: WorkerSpec, action: Action = Action.POLICY) -> Record:
    """Return the record of a worker that the file names: one that was to be removed, or is started, is wanted."""
    wanted = record.intent is Intent.REMOVED or action is Action.START
    intent = Intent.WANTED if wanted else record.intent
    return replace(record, spec=spec, by_hand=False, intent=intent)


def is_news(old: Record | None, new: Record) -> bool:
    """What was ordered or judged for good has to be on disk; lives and pids may follow."""
    return old is None or old.intent is not new.intent or old.spec != new.spec
