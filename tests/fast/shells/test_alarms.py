"""The alarms of the Ticker: one a key, and no more of them in memory than there are."""

from actors.beats import Alarms


def test_alarms_that_were_set_again_or_dropped_do_not_pile_up_until_their_time_comes() -> None:
    alarms = Alarms()
    alarms.arm("stays", 5.0)
    for number in range(10_000):  # an hour ahead, each of a worker that is removed at once
        alarms.arm(f"job{number}", 3600.0 + number)
        alarms.arm(f"job{number}", 7200.0 + number)
        alarms.drop(f"job{number}")
        alarms.arm("stays", 5.0 + number)
    assert len(alarms) == 1
    assert alarms.stored < 200
    assert alarms.due(4.0) == []
    assert alarms.due(10_004.0) == ["stays"]
    assert alarms.due(20_000.0) == []


def test_what_is_due_comes_earliest_first_after_the_heap_was_rebuilt() -> None:
    alarms = Alarms()
    for again in range(50):
        for number in range(20):
            alarms.arm(f"w{number}", 1000.0 * (50 - again) + number)
    assert alarms.due(1010.0) == [f"w{number}" for number in range(11)]
    assert alarms.next_at() == 1011.0
