"""Write docs/pictures/page-*.png: what the page of `panevisor web` shows, taken by Debian's chromium.

    a real service with workers ──▶ `panevisor web` ──▶ pages of several sizes, light and dark ──▶ a PNG each

`scripts/pictures_page` runs it. Nothing is drawn by hand: the workers print what is seen, and one of them waits.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
ENOUGH = 20.0  # seconds until every worker is in its telling state

ACTS = r"""
import itertools, random, re, sys, time

random.seed(sys.argv[2] if len(sys.argv) > 2 else 1)

def say(*lines, pause=0.0):
    for line in lines:
        print(re.sub("<([0-9;]+)>", "\x1b[\\1m", line), flush=True)
    time.sleep(pause)

def access():
    for _ in itertools.count():
        code = random.choice([200, 200, 200, 200, 304, 404, 500])
        path = random.choice(["/", "/cart", "/api/items?page=2", "/api/checkout", "/static/app.css", "/orders/1043"])
        colour = {200: 32, 304: 36, 404: 33, 500: 31}[code]
        say(f"<2>{time.strftime('%H:%M:%S')}<0> <{colour}>{code}<0> {random.choice(['GET ', 'POST'])} {path:<20} "
            f"<2>{random.randrange(3, 90):>3} ms<0>", pause=random.uniform(0.2, 1.2))

def agent():
    say("<38;5;173>●<0> I'll look at the failing test first.", "",
        "<32>●<0> <1>Read<0>(tests/test_cart.py)", "  <2>└ 84 lines<0>", "",
        "<32>●<0> <1>Update<0>(shop/cart.py)",
        "  <2>└<0> <48;5;52>- total = sum(item.price for item in items)<0>",
        "    <48;5;22>+ total = sum(item.price * item.count for item in items)<0>", "",
        " <1>Bash command<0>", "", "   pytest -q tests/test_cart.py", "   <2>Run the tests of the cart<0>", "",
        " Do you want to proceed?", " <36>❯ 1. Yes<0>", "   2. Yes, and don't ask again for pytest",
        "   3. No, and tell what to do differently <2>(esc)<0>")
    sys.stdin.readline()

def build():
    for turn in itertools.count(1):
        for name in random.sample("parse lower types borrow codegen link strip docs".split(), 8):
            say(f"<1;32>   Compiling<0> {name} v0.{turn}.{random.randrange(9)} (/srv/shop/{name})")
            time.sleep(random.uniform(0.2, 0.9))
        say("<1;33>warning<0><1>: unused variable: `depth`<0>", "  <1;34>--><0> src/parse/tree.rs:41:9",
            "   <1;34>|<0>", "<1;34>41 |<0>     let depth = walk(&root)?;",
            "   <1;34>|<0>         <1;33>^^^^^ help: prefix it with an underscore<0>",
            f"<1;32>    Finished<0> `dev` profile in {random.uniform(2, 9):.2f}s", pause=3)

def tests():
    for number in itertools.count(1):
        say(f"tests/test_{random.choice(['cart', 'login', 'mail', 'stock', 'tax'])}.py::test_"
            f"{random.choice(['empty', 'one', 'many', 'rounding'])}[{number}] <32>PASSED<0> <2>[{number % 100:>3}%]<0>",
            pause=random.uniform(0.1, 0.7))

def train():
    loss = 2.4
    for number in itertools.count(1):
        loss = loss * 0.992 + random.uniform(0, 0.012)
        bar = number % 31
        drawn = f"<35>{'━' * bar}<2>{'━' * (30 - bar)}<0>"
        say(f"epoch {number // 31 + 1:>2} {drawn} loss <1>{loss:.4f}<0> {random.uniform(11, 13):.1f} it/s")
        until = time.time() + random.uniform(0.02, 0.3)
        while time.time() < until:
            pass
        time.sleep(0.7)

def queue():
    for number in itertools.count(4000):
        job = random.choice(["thumbnail", "invoice", "mail", "index"])
        say(f"<36>INFO<0>  job <1>{number}<0> {job} done in {random.uniform(0.02, 2):.2f} s")
        if number % 7 == 0:
            say(f"<33>WARN<0>  job {number} is tried again: connection reset by peer")
        time.sleep(random.uniform(0.4, 1.6))

def database():
    say("LOG:  starting PostgreSQL 17.2 on x86_64-pc-linux-gnu",
        'LOG:  listening on IPv4 address "127.0.0.1", port 5432',
        "LOG:  database system was shut down at 22:01:40 UTC", "LOG:  database system is ready to accept connections")
    while True:
        say(f"LOG:  checkpoint complete: wrote {random.randrange(20, 900)} buffers (0.3%)", pause=4)

def importer():
    say("reading größe.csv", "Traceback (most recent call last):", '  File "import.py", line 31, in <module>',
        "    main()", '  File "import.py", line 17, in main', '    price = row["preis"]', "<1;31>KeyError<0>: 'preis'")
    sys.exit(3)

def renderer():
    say("frame 1 of 240", "frame 2 of 240", pause=2)
    import os
    os.kill(os.getpid(), 11)

def console():
    say("<1>console<0> is ready")
    time.sleep(100_000)

globals()[sys.argv[1]]()
"""
SHARD = r"""
n=$1 i=0
printf '\033[1mshard %d\033[0m is here\n' "$n"
while :; do
  i=$((i + 1))
  printf '\033[2m%5d\033[0m item-%05d \033[32mok\033[0m %d ms\n' $i $((n * 7919 * i % 99999)) $((n * i * 37 % 900))
  [ "$n" != 17 ] || { printf '\033[1;31mConnectionError\033[0m: the shard is gone\n'; exit 1; }
  [ "$n" != 41 ] || { printf 'Remove %d stale items? [y/N] ' $((n * 9)); read -r answer; }
  sleep $((3 + n * i % 11))
done
"""
SPEED = '[supervisor]\ncapture_interval = "1s"\nhealth_interval = "2s"\n'
SHOP = """
[workers.web]
project = "shop"
command = ["python3", "acts.py", "access"]
labels = { tier = "front" }
[workers.database]
project = "shop"
command = ["python3", "acts.py", "database"]
labels = { tier = "back" }
[workers.queue]
project = "shop"
replicas = 2
command = ["python3", "acts.py", "queue", "{index}"]
depends_on = { database = "ready" }
[workers.importer]
project = "shop"
command = ["python3", "acts.py", "importer"]
max_restarts = 2
backoff = { kind = "constant", initial = "1s" }
[workers.renderer]
project = "shop"
command = ["python3", "acts.py", "renderer"]
backoff = { kind = "constant", initial = "5m", max = "5m" }
[workers.agent-cart]
project = "agents"
command = ["python3", "acts.py", "agent"]
[workers.agent-build]
project = "agents"
command = ["python3", "acts.py", "build"]
[workers.agent-tests]
project = "agents"
command = ["python3", "acts.py", "tests"]
[workers.train]
project = "lab"
command = ["python3", "acts.py", "train"]
[workers.nightly]
project = "lab"
command = "echo 1,204 rows written"
[workers.console]
project = "lab"
command = ["python3", "acts.py", "console"]
"""
THREE = """
[workers.web]
command = ["python3", "acts.py", "access"]
[workers.queue]
command = ["python3", "acts.py", "queue"]
[workers.agent]
command = ["python3", "acts.py", "agent"]
"""
MANY = "".join(
    f'[workers.{job}]\nproject = "{job}s"\nreplicas = {count}\nrestart = "never"\n'
    'command = ["sh", "many.sh", "{index}"]\n'
    for job, count in (("crawler", 120), ("resizer", 100), ("scorer", 80))
)


def main() -> None:
    """Write all pictures, or those whose names are given."""
    wanted = sys.argv[1:]
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        )
        for config, take in ((SHOP, _shop), (THREE, _three), (MANY, _many)):
            if not wanted or take.__name__[1:] in wanted:
                with _running(config) as site:
                    take(browser, site)
        browser.close()


class Site:
    """A service with its workers, and the web process beside it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.panevisor("up", "--timeout", "90s")
        self.token = self.panevisor("web", "token", "add", "--role", "operate", "me").stdout.split()[0]
        self.web = subprocess.Popen(
            [sys.executable, "-m", "supervisor", "web", "--port", "0"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.web.stdout is not None
        self.url = self.web.stdout.readline().split()[-1].rstrip("/")

    def panevisor(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "supervisor", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def page(self, browser: Browser, query: str = "", **options: Any) -> Page:
        """Return a page that shows workers."""
        context = browser.new_context(base_url=self.url, reduced_motion="reduce", locale="en-GB", **options)
        page = context.new_page()
        page.goto(f"/{query}#token={self.token}")
        page.wait_for_selector("#tiles li .term div, #focus .screen div, #focus .log time", state="attached")
        page.wait_for_timeout(2500)
        return page


@contextlib.contextmanager
def _running(config: str) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "shop"
        folder.mkdir()
        (folder / "acts.py").write_text(ACTS, encoding="utf-8")
        (folder / "many.sh").write_text(SHARD, encoding="utf-8")
        (folder / "panevisor.toml").write_text(SPEED + config, encoding="utf-8")
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": f"{place}/state"}
        site = Site(folder, environment)
        try:
            time.sleep(ENOUGH)
            yield site
        finally:
            site.web.terminate()
            site.web.wait()
            site.panevisor("down")


def _shop(browser: Browser, site: Site) -> None:
    _take(site.page(browser, viewport=WIDE, color_scheme="light"), "wide")
    dark = site.page(browser, viewport=WIDE, color_scheme="dark")
    dark.keyboard.press("a")
    _take(dark, "dark")
    _take(site.page(browser, viewport=PHONE, color_scheme="light"), "phone")
    _take(site.page(browser, "?select=agent-cart", viewport=PHONE, color_scheme="dark"), "phone-one")
    one = site.page(browser, "?select=train", viewport=WIDE, color_scheme="dark")
    one.get_by_role("button", name="Restart").hover()
    _take(one, "one")
    log = site.page(browser, "?select=queue-1&tab=log", viewport=WIDE, color_scheme="light")
    log.get_by_role("searchbox", name="Search the log").fill("WARN|invoice")
    log.keyboard.press("Enter")
    log.wait_for_timeout(1500)
    _take(log, "log")
    lost = site.page(browser, viewport=WIDE, color_scheme="light")
    site.web.kill()
    lost.get_by_role("alert").wait_for()
    lost.wait_for_timeout(12_000)
    _take(lost, "lost")


def _three(browser: Browser, site: Site) -> None:
    _take(site.page(browser, viewport=WIDE, color_scheme="light"), "3")


def _many(browser: Browser, site: Site) -> None:
    page = site.page(browser, viewport=WIDE, color_scheme="dark")
    _take(page, "300")
    page.keyboard.press("d")
    _take(page, "300-list")


def _take(page: Page, name: str) -> None:
    """Write what the page shows, in 256 colours. That halves the bytes, and no difference is visible.

    The colours are the most frequent ones. At most 64 are greys: else the greys of smoothed text leave no room for the
    red of a small sign.
    """
    page.wait_for_timeout(500)
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    pixels = Counter(zip(*[iter(shown.tobytes())] * 3, strict=True))
    most = [(max(colour) - min(colour) < 40, colour) for colour, _ in pixels.most_common()]
    greys, others = ([colour for is_grey, colour in most if is_grey is wanted] for wanted in (True, False))
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in greys[:64] + others[:192] for part in colour])
    shown.quantize(palette=palette, dither=Image.Dither.NONE).save(PICTURES / f"page-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
