"""Which workers there are, for commands that read panes and logs: by the service's word, by the records without one."""

from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Worker

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


def state_of(worker: Worker) -> str:
    """Return the state in words, with its reason."""
    return visible(f"{worker['state']}: {worker['reason']}" if worker["reason"] else worker["state"])


def _on_record(place: Place) -> list[Worker]:
    from actors.values.records import Intent  # only where no service runs
    from supervisor.state.records import read_records

    records = read_records(place.state_dir / "records.jsonl").workers
    waits = {"state": "not running", "reason": "no service runs that would start it"}
    return [
        {"name": record.spec.name, "labels": dict(record.spec.labels)}
        | (waits if record.intent is Intent.WANTED else {"state": record.intent.value, "reason": record.reason})
        for record in records
    ]
