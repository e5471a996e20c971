"""Draw how long killed workers wait for their next life: `python -m benchmarks.picture FIGURES.json > kills.svg`.

One line a keeper and number of workers: the share of its kills (upwards, 0 to 100 %) that were back within a time (to
the right, milliseconds, logarithmic). A steep line far to the left is good.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 380, 56, 210, 24, 44
COLOURS = ("#888888", "#2a78c2", "#c4553b", "#3b9356", "#9a62b5")
DECADES = (1, 10_000)  # ms, from and to


def main() -> None:
    figures = json.loads(Path(sys.argv[1]).read_text())["figures"]
    sys.stdout.write(picture([(_keeper(each), each["n"], each["samples"]) for each in figures if each.get("samples")]))


def _keeper(figure: dict[str, Any]) -> str:
    return str(figure["measure"]).removeprefix("kill -9 → next life: ").partition(",")[0]


def picture(lines: Sequence[tuple[str, int, Sequence[float]]]) -> str:
    """Return an SVG of these distributions; `lines`: a keeper, its number of workers, and its times in milliseconds.

    A keeper has a colour of its own, a number of workers a pattern of dashes.
    """
    body = [*_axes()]
    keepers, sizes = (
        list(dict.fromkeys(values)) for values in ([line[0] for line in lines], [line[1] for line in lines])
    )
    for number, (keeper, n, times) in enumerate(lines):
        colour = COLOURS[keepers.index(keeper) % len(COLOURS)]
        dashes = ("", ' stroke-dasharray="6 3"', ' stroke-dasharray="2 3"')[sizes.index(n) % 3]
        body.append(f'<path d="{_steps(sorted(times))}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        y, x = TOP + 12 + 20 * number, WIDTH - RIGHT + 16
        body.append(f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="2"{dashes}/>')
        body.append(f'<text x="{x + 32}" y="{y}">{keeper}, {n} workers</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12" fill="#333333">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _axes() -> Iterator[str]:
    for power in range(int(math.log10(DECADES[0])), int(math.log10(DECADES[1])) + 1):
        at = _x(10**power)
        yield f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>'
        yield f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{10**power:,}</text>'
    for share in (0, 50, 100):
        yield f'<path d="M{LEFT} {_y(share):.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>'
        yield f'<text x="{LEFT - 6}" y="{_y(share) + 4:.1f}" text-anchor="end">{share} %</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">ms from kill -9 to the next life</text>'


def _steps(times: Sequence[float]) -> str:
    path = [f"M{_x(times[0]):.1f} {_y(0):.1f}"]
    for number, time in enumerate(times, 1):
        path.append(f"H{_x(time):.1f}V{_y(100 * number / len(times)):.1f}")
    return "".join(path)


def _x(time: float) -> float:
    low, high = map(math.log10, DECADES)
    share = (math.log10(min(max(time, DECADES[0]), DECADES[1])) - low) / (high - low)
    return LEFT + share * (WIDTH - RIGHT - LEFT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share / 100 * (HEIGHT - BOTTOM - TOP)


if __name__ == "__main__":
    main()
