"""The packed picture is the Snapshot, and its changes put together are the picture after them."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kit.gateway_bench import row, snapshot

from actors.values.facts import Instant
from actors.values.snapshot import Audience, Row, Snapshot
from supervisor.gateway.packed import PackedPicture
from supervisor.wire import frames as wire
from supervisor.wire.following import Following

PLACES = st.permutations(["a", "b", "c", "d"])
ROWS = st.builds(
    lambda name, state, started, labels: row(name, state, started_at=started, labels=labels),
    st.just(""),
    st.sampled_from(["running", "failed"]),
    st.sampled_from([None, 1.0, 7.25]),
    st.sampled_from([(), (("uptime_s", "\x01uptime_s"),)]),
)
AUDIENCE = Audience(3, 4096)
PICTURES = st.tuples(PLACES, st.integers(0, 4), st.fixed_dictionaries(dict.fromkeys("abcd", ROWS)))


def taken(picture: PackedPicture, made: Snapshot) -> dict[str, Any]:
    picture.take(made)
    return wire.unpack(picture.whole(AUDIENCE))


def at(made: Snapshot, wall: float) -> Snapshot:
    return replace(made, at=Instant(wall, wall))


def test_the_packed_picture_is_the_snapshot() -> None:
    made = at(snapshot(7, row("a"), row("b", "failed", started_at=None), row("c", labels=(("uptime_s", "x"),))), 9.5)
    assert taken(PackedPicture(), made) == made.to_dict(AUDIENCE)


def test_a_row_that_is_the_same_is_not_packed_again() -> None:
    class Counted(Row):
        times = 0

        def to_dict(self, now: float) -> dict[str, Any]:
            Counted.times += 1
            return super().to_dict(now)

    same = Counted(**{key: getattr(row("a"), key) for key in Row.__slots__})
    picture = PackedPicture()
    first, second = at(snapshot(1, same), 2.0), at(snapshot(2, same), 5.0)
    assert [taken(picture, made)["workers"][0]["uptime_s"] for made in (first, second)] == [1.0, 4.0]
    assert Counted.times == 1


def test_changes_have_only_what_is_new_and_what_left() -> None:
    picture, same = PackedPicture(), row("same")
    picture.take(snapshot(1, same, row("gone"), row("moves")))
    assert "base" not in wire.unpack(picture.changes(AUDIENCE))  # nothing was before it
    picture.take(snapshot(2, same, row("moves", "failed"), row("new")))
    found = wire.unpack(picture.changes(AUDIENCE))
    assert (found["seq"], found["base"], found["left"]) == (2, 1, ["gone"])
    assert [worker["name"] for worker in found["workers"]] == ["moves", "new"]
    assert found["totals"]["workers"] == 3


def test_a_later_report_alone_is_no_change() -> None:
    picture = PackedPicture()
    picture.take(snapshot(1, row("a", reported_at=1.0)))
    picture.take(snapshot(2, row("a", reported_at=2.0)))
    assert wire.unpack(picture.changes(AUDIENCE))["workers"] == []
    assert wire.unpack(picture.whole(AUDIENCE))["workers"][0]["reported_at"] == "1970-01-01T00:00:02.000Z"


@given(st.lists(PICTURES, min_size=1, max_size=6))
def test_who_follows_the_changes_has_the_whole_picture(pictures: list[tuple[list[str], int, dict[str, Row]]]) -> None:
    picture, following = PackedPicture(), Following()
    for seq, (places, count, rows) in enumerate(pictures, 1):
        made = at(snapshot(seq, *(replace(rows[name], name=name) for name in places[:count])), 10.0 + seq)
        picture.take(made)
        assert following.take(wire.unpack(picture.changes(AUDIENCE))) == made.to_dict(AUDIENCE)
