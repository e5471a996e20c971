"""Which tmux server a pane stands in."""

from collections import Counter

import pytest

from actors.servers import PER_SERVER, id_of, pane_of, server_for, server_of, servers_for


@pytest.mark.parametrize(
    ("workers", "servers"), [(0, 1), (1, 1), (PER_SERVER, 1), (PER_SERVER + 1, 2), (8 * PER_SERVER, 8)]
)
def test_up_to_so_many_workers_share_one(workers: int, servers: int) -> None:
    assert servers_for(workers) == servers


@pytest.mark.parametrize(("number", "id", "pane"), [(0, "%7", "%7"), (2, "%7", "2%7"), (11, "%107", "11%107")])
def test_a_pane_is_known_by_its_server_and_what_tmux_calls_it(number: int, id: str, pane: str) -> None:
    assert (pane_of(number, id), server_of(pane), id_of(pane)) == (pane, number, id)


def test_workers_with_like_names_spread_over_the_servers() -> None:
    held = Counter(server_for(f"crawler-{n}", 4) for n in range(4 * PER_SERVER))
    assert sorted(held) == [0, 1, 2, 3]
    assert max(held.values()) < 1.25 * PER_SERVER
