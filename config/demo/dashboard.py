"""A full-screen program in colour that redraws in place: the demo's console. `q` ends it."""

import curses
import math
import time

BARS = 8


def main(screen: "curses.window") -> None:
    curses.curs_set(0)
    curses.use_default_colors()
    for colour in range(1, 7):
        curses.init_pair(colour, colour, -1)
    screen.timeout(1000)
    while screen.getch() != ord("q"):
        draw(screen, time.time())


def draw(screen: "curses.window", now: float) -> None:
    height, width = screen.getmaxyx()
    screen.erase()
    screen.addnstr(0, 0, f" dashboard  {time.strftime('%F %T')}   q: quit, C-b d: detach ", width - 1, curses.A_REVERSE)
    for bar in range(min(BARS, height - 3)):
        share = (1 + math.sin(now / 3 + bar)) / 2
        line = "█" * int(share * max(0, width - 20))
        screen.addnstr(bar + 2, 1, f"queue {bar + 1} {share:4.0%} {line}", width - 2, curses.color_pair(bar % 6 + 1))
    screen.refresh()


if __name__ == "__main__":
    curses.wrapper(main)
