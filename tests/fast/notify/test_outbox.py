"""Messages on their way: in order, one at a time to each receiver, tried again and given up."""

from supervisor.config.settings import Receiver
from supervisor.notify.outbox import KEPT, MOST, PAUSES, Outbox, Parcel

OPS, ME = Receiver(name="ops", command="x"), Receiver(name="me", command="x")


def posted(outbox: Outbox, receiver: Receiver, what: str, now: float) -> Parcel | None:
    return outbox.post(receiver, {"title": what}, now)


def titles(parcels: list[Parcel]) -> list[str]:
    return [parcel.facts["title"] for parcel in parcels]


def test_the_end_of_an_incident_waits_for_its_beginning_and_other_receivers_wait_for_neither() -> None:
    outbox = Outbox()
    posted(outbox, OPS, "failed", 0.0)
    (failed,) = outbox.take(0.0)
    outbox.settled(failed, arrived=False, now=1.0)
    posted(outbox, OPS, "over", 2.0)
    posted(outbox, ME, "other", 2.0)
    first = outbox.take(2.0)  # the message that has come is a reason to try the one before it
    assert sorted(titles(first)) == ["failed", "other"]
    assert (outbox.take(100.0), outbox.next_at) == ([], None)
    outbox.settled(next(each for each in first if each.receiver is OPS), arrived=True, now=3.0)
    assert titles(outbox.take(3.0)) == ["over"]


def test_a_message_is_tried_again_after_longer_pauses_and_given_up_in_the_end() -> None:
    outbox, now = Outbox(), 0.0
    posted(outbox, OPS, "failed", now)
    pauses = []
    while (at := outbox.next_at) is not None:
        pauses.append(at - now)
        now = at
        (parcel,) = outbox.take(now)
        outbox.settled(parcel, arrived=False, now=now)
    assert pauses == [0.0, *PAUSES, 300.0, 300.0]
    assert now >= KEPT


def test_the_oldest_of_too_many_is_given_up() -> None:
    outbox = Outbox()
    given_up = [posted(outbox, OPS, str(number), 0.0) for number in range(MOST + 2)]
    assert titles([each for each in given_up if each]) == ["0", "1"]
    assert titles(outbox.take(0.0)) == ["2"]
