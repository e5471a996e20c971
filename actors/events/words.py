"""Small forms in which values stand in sentences: the end of a process, a duration, a size, a count, names. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from signal import Signals


def exit_in_words(code: int | None, signal: int | None) -> str:
    """Return how a process ended; with neither a code nor a signal its exit is not known."""
    if signal is not None:
        return f"killed by signal {named_signal(signal)}"
    return "ended, exit code not known" if code is None else f"exited with code {code}"


def named_signal(number: int) -> str:
    """Return "9 (KILL)"; a number without a name stands alone."""
    try:
        return f"{number} ({Signals(number).name.removeprefix('SIG')})"
    except ValueError:
        return str(number)


def iso(wall: float | None) -> str | None:
    """Return a Unix time as ISO 8601 UTC with milliseconds."""
    if wall is None:
        return None
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short_time(seconds: float | None) -> str:
    """Return a duration in its two largest units: 3d 4h, 5m 3s, 0.2s; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f}s"
    for unit, length, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60), ("m", 60, "s", 1)):
        if seconds >= length:
            rest = int(seconds % length // part)
            return f"{int(seconds // length)}{unit}" + (f" {rest}{smaller}" if rest else "")
    return f"{int(seconds)}s"


def exact(seconds: float) -> str:
    """Return a duration that somebody has set, whole: 1m 30s, 0.25s."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest:g}s" if rest else ""]
    return " ".join(filter(None, parts)) or "0s"


def short_size(count: int | None) -> str:
    """Return bytes as 812 B, 3.4 MB, 21 MB; "-" for None."""
    if count is None:
        return "-"
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"


def numbered(attempt: int, most: int) -> str:
    """Return which restart it is: "restart 2 of 5"; without the limit where there is none, or where it is spent."""
    return f"restart {attempt} of {most}" if attempt <= most else f"restart {attempt}"


def amount(which: str, value: float | None) -> str:
    """Return the value of a limit, or what is used of it."""
    match which:
        case _ if value is None:
            return "not known"
        case "memory":
            return short_size(int(value))
        case "cpu":
            return f"{value:g} %"
        case "age":
            return short_time(value)
    return f"{value:g}"


def counted(count: int, noun: str) -> str:
    """Return "1 worker", "2 workers"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def some_of(names: Sequence[str], most: int) -> str:
    """Return the first of these names, up to `most`, and how many more there are."""
    more = f" … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


BACKGROUND = "background"
"""The cause of an end after which the program went on in the background."""

FOREGROUND = {
    "nginx": "for nginx `-g 'daemon off;'`",
    "postgres": "for PostgreSQL `postgres -D DIR` instead of `pg_ctl start`",
    "redis-server": "for redis `--daemonize no`",
    "valkey-server": "for valkey `--daemonize no`",
    "apache2": "for Apache `-D FOREGROUND`",
    "httpd": "for Apache `-D FOREGROUND`",
    "php-fpm": "for php-fpm `-F`",
    "sshd": "for sshd `-D`",
    "haproxy": "for haproxy without `-D`",
    "memcached": "for memcached without `-d`",
    "mongod": "for mongod without `--fork`",
    "caddy": "for caddy `run` instead of `start`",
    "dnsmasq": "for dnsmasq `-k`",
    "squid": "for squid `-N`",
}
"""How programs that go into the background by themselves are kept in the foreground, by the name of their process."""


UNREADY = " before it listened"
"""What follows the exit of a life that never was ready."""


def brief_in_words(program: str) -> str:
    """Return what may be the matter with a program that ends well at once, though it is to live on."""
    name = program.rpartition("/")[2]
    hint = f", {FOREGROUND[name]}" if name in FOREGROUND else ""
    return f" (if it went into the background, run it in the foreground{hint})"


def left_in_words(left: Sequence[str], background: bool) -> str:
    """Return what a main process that has ended left, each "NAME (pid N)", and what to change; it follows the exit."""
    processes = f"{len(left)} process{'' if len(left) == 1 else 'es'} ({some_of(left, 3)})"
    if not background:
        return f"; {processes} that it left {'was' if len(left) == 1 else 'were'} ended"
    names = (name.rpartition(" (")[0] for name in left)
    hint = next((FOREGROUND[name] for name in names if name in FOREGROUND), None)
    advice = f", {hint}" if hint else ' (or set background = "allow")'
    was = "was" if len(left) == 1 else "were"
    return f" and went into the background: {processes} {was} ended; run it in the foreground{advice}"
