"""`watch_config`, the decision: a change is due once, when it has come to rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.watch import POLL, SETTLE, Seen, look, pause

A, B, GONE = ((1,),), ((2,),), (None,)


def test_what_never_changes_is_never_due() -> None:
    assert look(Seen(A), A, 1000.0) == (Seen(A), False)


def test_a_change_is_due_once_when_it_was_at_rest_for_the_settle_time() -> None:
    seen, due = look(Seen(A), B, 10.0)
    assert (seen, due) == (Seen(B, since=10.0), False)
    assert look(seen, B, 10.0 + SETTLE - 0.01) == (seen, False)
    seen, due = look(seen, B, 10.0 + SETTLE)
    assert (seen, due) == (Seen(B), True)
    assert look(seen, B, 99.0) == (seen, False)


def test_each_further_write_begins_the_settle_time_anew() -> None:
    seen, _ = look(Seen(A), GONE, 10.0)
    seen, due = look(seen, B, 10.0 + SETTLE)
    assert (seen, due) == (Seen(B, since=10.0 + SETTLE), False)


def test_a_change_is_looked_at_in_the_moment_when_it_may_be_at_rest() -> None:
    assert pause(Seen(A), 10.0) == POLL
    assert pause(Seen(A, since=10.0), 10.0) == POLL
    assert pause(Seen(A, since=10.0), 10.4) == pytest.approx(0.1)
    assert pause(Seen(A, since=10.0), 99.0) == 0.0


@given(st.lists(st.sampled_from([A, B, GONE]), max_size=60))
def test_every_content_that_rests_is_due_within_a_poll_and_the_settle_time(
    stamps: list[tuple[tuple[int], ...]],
) -> None:
    seen, now, changed_at, before, told = Seen(A), 0.0, None, A, 0
    for found in stamps:
        now += pause(seen, now)
        changed_at = now if found != before else changed_at
        before = found
        seen, due = look(seen, found, now)
        if due:
            assert changed_at is not None
            assert now - changed_at == pytest.approx(SETTLE)
            changed_at, told = None, told + 1
    assert changed_at is None or now - changed_at < SETTLE
