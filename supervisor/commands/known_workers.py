"""Which workers there are, for commands that read panes and logs: by the service's word, by the records without one."""

from typing import Any

from supervisor.state.place import RECORDS, Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client, ServiceError
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Worker, families, require_one

_WITHOUT_A_PICTURE = ("no-service", "starting")


def known_workers(place: Place) -> list[Worker]:
    """Return the workers, each with at least name, labels, state and reason."""
    try:
        with Client.connect(place.socket) as client:
            return list(client.call("status")["workers"])
    except CommandError as error:
        if error.code not in _WITHOUT_A_PICTURE:
            raise
    return _on_record(place)


def call_for_one(client: Client, verb: str, name: str, **fields: Any) -> Any:
    """Ask about one worker. An unknown name is reported with the nearest one, a family's with its replicas."""
    try:
        return client.call(verb, name=name, **fields)
    except ServiceError as error:
        if error.code == "unknown-worker":
            workers = client.call("status")["workers"]
            require_one(name, [worker["name"] for worker in workers], families(workers))
        raise


def state_of(worker: Worker) -> str:
    """Return the state in words, with its reason."""
    return visible(f"{worker['state']}: {worker['reason']}" if worker["reason"] else worker["state"])


def _on_record(place: Place) -> list[Worker]:
    from actors.values.records import Intent  # only where no service runs
    from supervisor.state.records import read_records

    records = read_records(place.state_dir / RECORDS).workers
    waits = {"state": "not running", "reason": "no service runs that would start it"}
    return [
        {"name": record.spec.name, "labels": dict(record.spec.labels)}
        | (waits if record.intent is Intent.WANTED else {"state": record.intent.value, "reason": record.reason})
        for record in records
    ]
