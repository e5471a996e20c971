"""A composer as agents have one: what comes in one burst counts as pasted, and an Enter in it is a new line.

    python composer.py LOG [MODE]        each submitted text is a line of LOG, as JSON

Run by tests as a program of its own: it imports nothing of ours.
"""

import json
import os
import select
import sys
import termios
import time
import tty

BEGIN, END = "\x1b[200~", "\x1b[201~"
MODES = {
    "plain": "submits at the first Enter that comes by itself",
    "loses": "loses the first Enter of each draft",
    "deaf": "takes no Enter at all",
    "late": "says it is ready, and sets up its terminal once something was typed, which is lost",
    "draft": "begins with a draft of somebody else",
    "dialog": "answers with a question, in which Enter means yes",
    "update": "asks a question as soon as something is typed, in which Enter means yes",
    "permits": "asks again and again, and takes the word yes and an Enter by itself for an answer",
    "folds": "shows a paste of several lines in one word",
    "hidden": "hides the cursor and draws one, with a suggestion behind it",
}


class Composer:
    """The state of the input line."""

    def __init__(self, log: str, mode: str) -> None:
        self.log, self.mode = log, mode
        self.draft = "half a sentence of somebody" if mode == "draft" else ""
        self.shown: str | None = None
        self.pasting = False
        self.asks = False
        self.enters = 0
        self.permitted = 0

    def run(self) -> None:
        if self.mode == "late":
            print("agent ready", flush=True)
            select.select([0], [], [], 60)  # until something is typed, however busy the machine is
            time.sleep(0.5)
        tty.setraw(0, termios.TCSAFLUSH)
        print("\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[H agent ready", end="\r\n", flush=True)
        self.draw()
        while chunk := os.read(0, 65536).decode(errors="replace"):
            if chunk == "\x03":
                return
            self.take(chunk)
            self.draw()

    def take(self, chunk: str) -> None:
        while chunk:
            mark = END if self.pasting else BEGIN
            part, found, chunk = chunk.partition(mark)
            self.typed(part)
            self.pasting ^= bool(found)

    def typed(self, part: str) -> None:
        if part == "\r" and not self.pasting:
            self.enter()
        elif part:
            self.draft += part.replace("\r", "\n")
            self.asks = self.mode == "update"

    def enter(self) -> None:
        self.enters += 1
        if self.asks:
            self.note("YES")
            self.asks = False
        elif self.mode == "deaf" or (self.mode == "loses" and self.enters == 1):
            return
        elif self.mode == "permits":
            if self.draft == "yes":
                self.permitted += 1
                self.note("YES")
                self.draft = ""
        elif self.draft:
            self.note(self.draft)
            self.draft, self.enters, self.asks = "", 0, self.mode == "dialog"

    def note(self, text: str) -> None:
        self.shown = text
        with open(self.log, "a") as file:
            file.write(json.dumps(text) + "\n")

    def draw(self) -> None:
        draft = self.draft
        if self.mode == "folds" and "\n" in draft:
            draft = f"[Pasted text #1 +{draft.count(chr(10))} lines]"
        rows = f"\x1b[2;1H\x1b[J {(self.shown or '')[:60]!a}\r\n\r\n> " + draft.replace("\n", "\r\n  ")
        if self.asks:
            rows = "\x1b[2;1H\x1b[J Update now?\r\n\r\n 1. Yes\r\n 2. No\r\n\r\n Enter: yes "
        if self.mode == "permits":
            rows = f"\x1b[2;1H\x1b[J run {self.permitted}\r\n\r\n Run tool {self.permitted}? (yes/no) {self.draft}"
        if self.mode == "hidden":
            suggestion = "" if draft else "\x1b[2mTry: fix the tests\x1b[0m"
            rows += f"\x1b[7m \x1b[0m{suggestion}\r\n\r\n ? for help\x1b[?25l"
        print(rows, end="", flush=True)


if __name__ == "__main__":
    Composer(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "plain").run()
