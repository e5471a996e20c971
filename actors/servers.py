"""Which tmux server a worker's pane stands in. Pure.

tmux waits with poll(2): each line that a program prints costs its server as much as that server has panes. So up to
`PER_SERVER` workers share one, on average; docs/performance.md has the figures. Servers are numbered from 0, and a
pane is known by its server's number and tmux's own id: `%12` of the first one, `2%12` of the third.
"""

from zlib import crc32

PER_SERVER = 128


def servers_for(workers: int) -> int:
    """Return the number of servers for this number of workers; at least one."""
    return max(1, -(-workers // PER_SERVER))


def server_for(name: str, servers: int) -> int:
    """Return the number of the server in which a new pane of this worker is made: the same one each time."""
    return crc32(name.encode()) % servers


def server_of(pane: str) -> int:
    """Return the number of the server that the pane stands in."""
    return int(pane.partition("%")[0] or 0)


def pane_of(server: int, id: str) -> str:
    """Return the pane that tmux calls `id` in this server."""
    return f"{server}{id}" if server else id


def id_of(pane: str) -> str:
    """Return what tmux calls the pane."""
    return f"%{pane.partition('%')[2]}"
