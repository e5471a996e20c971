"""Measure Panevisor beside its references, all in one run: `python -m benchmarks [PART …] [--sizes N,…] [--peers]`.

Prints a line a figure as soon as it is known, and at the end how many targets were missed. Exits with 1 when a part did
not do its work. `--json FILE` writes machine and figures (`-`: to stdout, the lines then go to stderr).
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Figure, NotDone, head, machine, row, write_json
from benchmarks.keepers import KEEPERS, Keeper, Panevisor, install_peers
from benchmarks.parts import captures, clients, dashboards, lifecycle, output, rules, shards, standing, web

Part = Callable[[Sequence[type[Keeper]], int], Iterator[Figure]]
PARTS: dict[str, tuple[Part, tuple[int, ...]]] = {  # and for how many workers by default
    "captures": (lambda _kinds, n: captures.captures(n), (1000,)),
    "growth": (lambda _kinds, n: captures.growth(n), (1000,)),
    "waves": (lifecycle.waves, (500, 1000)),
    "kills": (lifecycle.kills, (100, 500)),
    "adoption": (lambda _kinds, n: lifecycle.adoption(n), (500,)),
    "idle": (standing.idle, (10, 500, 1000)),
    "beats": (lambda _kinds, n: clients.beats(n), (1000,)),
    "commands": (clients.commands, (500,)),
    "orders": (lambda _kinds, n: clients.orders(n), (500,)),
    "subscribers": (lambda _kinds, n: clients.subscribers(n), (500,)),
    "web": (lambda _kinds, n: web.web(n), (500,)),
    "chatty": (output.chatty, (500,)),
    "starts": (lambda _kinds, n: output.starts_of_chatty(n), (1000,)),
    "shards": (lambda _kinds, n: shards.shards(n), (500,)),
    "rules": (lambda _kinds, n: rules.delays(n), (20,)),
    "patterns": (lambda _kinds, n: rules.patterns(n), (500,)),
    "dashboards": (lambda _kinds, n: dashboards.dashboards(n), (500,)),
    "flood": (lambda _kinds, n: output.flood(n), (20,)),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--sizes", type=lambda text: tuple(map(int, text.split(","))), help="numbers of workers")
    parser.add_argument("--peers", action="store_true", help="measure supervisord, circus and pm2, too (installs them)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there; - is stdout")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if chosen.peers:
        install_peers()
    kinds = list(KEEPERS.values()) if chosen.peers else [Panevisor]
    with contextlib.redirect_stdout(sys.stderr if chosen.json == "-" else sys.stdout):
        began = machine()
        print(" · ".join(f"{name} {value}" for name, value in began.items()), head(), sep="\n", flush=True)
        figures, failed = measured(chosen.parts or list(PARTS), chosen.sizes, kinds)
        missed = [figure for figure in figures if figure.good is False]
        print(f"\n{len(figures)} figures, {len(missed)} targets missed, {failed} parts failed")
    if chosen.json:
        write_json(chosen.json, figures, began)
    return 1 if failed else 0


def measured(
    parts: Sequence[str], sizes: tuple[int, ...] | None, kinds: Sequence[type[Keeper]]
) -> tuple[list[Figure], int]:
    """Run the parts one after another; return the figures, and how many parts failed."""
    figures, failed = [], 0
    for name in parts:
        part, usual = PARTS[name]
        for n in sizes or usual:
            try:
                for figure in part(kinds, n):
                    print(row(figure), flush=True)
                    figures.append(figure)
            except NotDone as reason:
                failed += 1
                print(f"{name} of {n} has not done its work: {reason}", file=sys.stderr, flush=True)
    return figures, failed


if __name__ == "__main__":
    sys.exit(main())
