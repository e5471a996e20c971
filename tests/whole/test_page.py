"""The page in a real browser, beside a real service with real workers."""

import itertools
import re
from collections.abc import Iterator
from typing import Literal

import pytest
from kit.browser import barriers, broken, chromium, opened, shown, visitor
from kit.support import Site, wait_until
from kit.web import Web, web_of
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

HOSTILE = r"""
import sys, time
harm = "<img src=x onerror='globalThis.harmed = 1'>"
for byte in range(0x20, 0x7f):  # each escape sequence; what begins a string is ended
    print(f"\x1b{chr(byte)}{harm}\x1b\\", end="")
for final in range(0x40, 0x7f):  # each control sequence
    for lead in ("", "?", ">", "=", "!", " ", "$"):
        print(f"\x1b[{lead}1;2{chr(final)}", end="")
for number in (*range(120), 133, 633, 777, 1337):  # each order to an operating system
    print(f"\x1b]{number};{harm}\x07", end="")
print(*(chr(byte) + harm for byte in (*range(1, 32), *range(127, 160)) if byte != 0x1a), end="\x1bc\n")
for number in range(256):
    print(f"\x1b[38;5;{number}mcolour\x1b[0m", end=" ")
print("<script>globalThis.harmed = 1</script><img src=x onerror='globalThis.harmed = 1'>")
print("\x1b]0;<b>title</b>\x07\x1b]52;c;aGFybQ==\x07\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\")
print("\x1bP+q544e\x1b\\ \x1b[6n\x1b[c\x1b[?1049h\x1b[?1000h\x1b[2J")
print("\x1b[31;1;4;7mlast\u202egnihton\x1b[0m ${7*7} {{7*7}}")
print("the end")
sys.stdout.flush()
time.sleep(1000)
"""
WORKERS = f"""
[workers.ticks]
project = "moving"
command = 'i=0; while :; do i=$((i+1)); printf "\\033[32mtick\\033[0m $i\\n"; sleep 0.1; done'
labels = {{ tier = "front" }}
[workers.echo]
project = "typed"
command = "cat"
[workers.keys]
project = "typed"
command = ["bash", "--norc", "--noprofile", "-i"]
env = {{ PS1 = "ready> " }}
[workers.hostile]
project = "moving"
command = ["python3", "-c", '''{HOSTILE}''']
[workers.broken]
project = "typed"
command = 'echo "a last word"; sleep 0.2; exit 3'
max_restarts = 0
"""
PAPER: dict[Literal["light", "dark"], str] = {"dark": "rgb(20, 22, 26)", "light": "rgb(244, 242, 238)"}

# the log is drawn again before the browser tells anybody that it was scrolled
SCROLL_UP_AND_DRAW = """() => {
    document.querySelector(".log").scrollTop = 0;
    document.querySelector(".actions button").dispatchEvent(new PointerEvent("pointerenter"));
}"""


@pytest.fixture(scope="module")
def web(shared_site: Site) -> Iterator[Web]:
    shared_site.write(WORKERS)
    shared_site.up(check=None)
    with web_of(shared_site) as running:
        yield running


@pytest.fixture(scope="module")
def token(web: Web) -> str:
    return web.token()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def context(browser: Browser, web: Web) -> Iterator[BrowserContext]:
    context = visitor(browser, web, viewport={"width": 1400, "height": 1200})
    yield context
    context.close()


@pytest.fixture(scope="module")
def signed_in(context: BrowserContext, token: str) -> Page:
    return opened(context, token)


@pytest.fixture
def page(signed_in: Page) -> Iterator[Page]:
    """The page as it looks after its start: a new document in one tab, for another tab costs 1 s of CPU."""
    shown(signed_in)
    yield signed_in
    assert broken(signed_in) == []


def tile(page: Page, name: str) -> str:
    return page.locator(f"#tiles li[data-name={name}] .term").inner_text()


def tiles(page: Page) -> list[str]:
    return [str(name) for name in page.locator("#tiles li").evaluate_all("found => found.map(li => li.dataset.name)")]


# ── the workers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_tiles_show_live_screens_in_colour_and_those_in_need_first(page: Page) -> None:
    expect(page.locator("#tiles h2").first).to_have_text(re.compile("Needs you"))
    assert tiles(page)[0] == "broken"
    expect(page.locator("[data-name=ticks] .term")).to_contain_text("tick")
    first = tile(page, "ticks")
    wait_until(lambda: tile(page, "ticks") != first, what="a moving screen")
    expect(page.locator("[data-name=ticks] .term span").first).to_have_css("color", "rgb(37, 107, 58)")
    expect(page.get_by_role("link", name=re.compile("^broken failed exited with code 3"))).to_be_visible()
    assert page.url.endswith("/")  # the token is in no history


def test_a_filter_chooses_tiles_and_stands_in_the_address(page: Page) -> None:
    box = page.get_by_role("searchbox", name="Filter the workers")
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("state:running tier=front")
    wait_until(lambda: tiles(page) == ["ticks"])
    assert "q=state%3Arunning" in page.url
    box.fill("rss>much")
    expect(page.locator("#filter-problem")).to_have_text("rss>much: must be a size")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    wait_until(lambda: len(tiles(page)) == 5)
    page.get_by_role("button", name=re.compile("1 failed")).click()
    wait_until(lambda: tiles(page) == ["broken"])


def test_everything_can_be_reached_by_keys(page: Page) -> None:
    for key in "jjk":
        page.keyboard.press(key)
    second = tiles(page)[0]
    expect(page.locator("li[data-selected]")).to_have_attribute("data-name", second)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(second)
    page.keyboard.press("l")
    expect(page.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.locator("li[data-selected] a")).to_be_focused()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.get_by_role("complementary", name="Activity")).to_contain_text("exited with code 3")
    page.keyboard.press("a")


# ── one worker large ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_large_has_its_screen_log_account_and_deaths(page: Page) -> None:
    expect(page.locator("[data-name=broken] .term")).to_contain_text("a last word")
    page.locator("[data-name=broken] a").click()
    expect(page.locator(".panel")).to_contain_text("a last word")
    expect(page.get_by_role("region", name="Why")).to_contain_text("exited with code 3")
    page.locator(".deaths summary").first.click()
    expect(page.locator(".deaths pre").first).to_contain_text("a last word")
    page.go_back()
    page.locator("[data-name=ticks] a").click()
    screen = page.locator(".screen")
    expect(screen).to_contain_text("tick")
    seen = screen.inner_text()
    wait_until(lambda: screen.inner_text() != seen, what="a moving screen")
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".log")).to_contain_text("tick 1")
    page.get_by_role("searchbox", name="Search the log").fill("tick 2$")
    page.keyboard.press("Enter")
    expect(page.locator(".log div")).to_have_count(1)
    page.get_by_role("searchbox", name="Search the log").fill("(")
    page.keyboard.press("Enter")
    expect(page.locator(".panel .problem")).not_to_be_empty()


def test_a_log_follows_until_somebody_scrolls_up(page: Page) -> None:
    page.goto("/?select=ticks&tab=log")
    log = page.locator(".log")
    wait_until(lambda: log.evaluate("log => log.scrollHeight > log.clientHeight + 200"), what="a long log")
    assert log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 8
    page.evaluate(SCROLL_UP_AND_DRAW)
    expect(page.get_by_role("button", name=re.compile("[0-9]+ new"))).to_be_visible()
    assert log.evaluate("log => log.scrollTop") == 0
    page.get_by_role("button", name=re.compile("[0-9]+ new")).click()
    wait_until(lambda: log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 8)


def test_a_reader_of_a_log_keeps_his_place_while_old_lines_leave_it(page: Page) -> None:
    turns = itertools.count(1)

    def answer(route: Route) -> None:
        first = 5 * next(turns)
        lines = [{"at": "2026-11-29T12:00:00Z", "text": f"line {first + number}"} for number in range(300)]
        route.fulfill(json={"lines": lines})

    page.route("**/logs?*", answer)
    page.goto("/?select=echo&tab=log")
    expect(page.locator(".log")).to_contain_text("line 304")
    page.evaluate(SCROLL_UP_AND_DRAW)
    first = page.locator(".log div").first
    text = first.inner_text()
    expect(page.locator(".to-end")).to_have_text(re.compile("[1-9][0-9]+ new"))
    assert first.inner_text() == text
    page.locator(".to-end").click()
    expect(first).not_to_have_text(text)
    page.unroute_all(behavior="ignoreErrors")


def test_orders_are_given_with_their_command_and_their_verdict(page: Page, web: Web) -> None:
    page.goto("/?select=echo")
    page.get_by_role("button", name="Stop").hover()  # its command, before Start takes its place under the pointer
    expect(page.locator(".cli")).to_contain_text("panevisor stop echo")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".cli")).to_contain_text("stopped")
    web.site.wait_state("echo", "stopped")
    page.get_by_role("button", name="Start").click()
    web.site.wait_state("echo", "running")
    expect(page.get_by_role("button", name="Restart")).to_be_enabled()
    page.get_by_role("textbox", name="Prompt for echo").fill("good morning")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".screen")).to_contain_text("good morning good morning", use_inner_text=True)
    expect(page.locator(".cli")).to_contain_text("submitted")
    expect(page.get_by_role("textbox", name="Prompt for echo")).to_be_empty()


def test_the_keyboard_is_taken_typed_on_and_given_back(page: Page) -> None:
    page.goto("/?select=keys")
    screen = page.locator(".screen")
    expect(screen).to_contain_text("ready>")
    page.get_by_role("button", name="Take keyboard").click()
    expect(screen).to_be_focused()
    page.keyboard.type("echo a-b | tr a-z A-Z")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("x")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(screen).to_contain_text("A-B")
    page.keyboard.press("Escape")  # is the worker's, and leaves nothing
    page.keyboard.press("Control+Shift+Enter")
    expect(page.get_by_role("button", name="Take keyboard")).to_be_visible()
    page.get_by_role("button", name="Control C").click()
    expect(screen).to_contain_text("^C")
    page.keyboard.press("Escape")
    expect(page.locator("#tiles li")).to_have_count(5)


def test_the_screen_stands_still_while_text_of_it_is_selected(page: Page) -> None:
    page.goto("/?select=ticks")
    screen = page.locator(".screen")
    expect(screen).to_contain_text("tick")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.screen'))")
    expect(page.get_by_text("still while text is selected")).to_be_visible()
    still = screen.inner_text()
    page.evaluate("getSelection().removeAllRanges()")
    wait_until(lambda: screen.inner_text() != still)


# ── what must not happen ──────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_worker_prints_is_text_and_nothing_else(page: Page) -> None:
    expect(page.locator("[data-name=hostile] .term")).to_contain_text("the end")
    page.locator("[data-name=hostile] a").click()
    expect(page.locator(".screen")).to_contain_text("${7*7} {{7*7}}")
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".log")).to_contain_text("<script>globalThis.harmed = 1</script>")
    assert page.evaluate("globalThis.harmed") is None
    assert page.locator(".panel script, .panel img, .panel a").count() == 0
    assert "\u202e" not in page.locator("body").inner_text()


def test_who_has_no_token_sees_the_sign_in_alone(browser: Browser, web: Web, token: str) -> None:
    context = visitor(browser, web)
    page = opened(context, None)
    expect(page.get_by_label("Token")).to_be_focused()
    page.get_by_label("Token").fill("not-a-token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert page.locator("#tiles li").count() == 0
    assert barriers(page) == []
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    expect(page.locator("#tiles li")).to_have_count(5)
    page.get_by_role("button", name="me", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert broken(page) == []
    context.close()


def test_who_may_only_read_has_no_buttons_and_is_told_so(browser: Browser, web: Web) -> None:
    context = visitor(browser, web)
    page = opened(context, web.token("read", "guest"), "?select=echo")
    expect(page.get_by_text("This token may only read.")).to_be_visible()
    assert page.locator(".actions button, .keys button, textarea").count() == 0
    stop = "fetch('/api/v1/workers/echo/stop', {method: 'POST', headers: {'X-Panevisor': '1'}, body: '{}'})"
    assert page.evaluate(f"{stop}.then(({{status}}) => status)") == 403
    assert broken(page) == []
    context.close()


def test_axe_finds_no_serious_barrier_in_dark_and_in_light(page: Page) -> None:
    page.keyboard.press("a")
    expect(page.locator("[data-name=hostile] .term")).to_contain_text("the end")
    assert barriers_of_both_themes(page) == []
    page.keyboard.press("a")
    shown(page, "?select=hostile")
    expect(page.locator(".screen")).to_contain_text("the end")
    assert barriers_of_both_themes(page) == []
    shown(page, "?select=broken&tab=log")
    expect(page.locator(".log")).to_contain_text("a last word")
    assert barriers_of_both_themes(page) == []


def barriers_of_both_themes(page: Page) -> list[str]:
    found: list[str] = []
    for theme, paper in PAPER.items():
        page.emulate_media(color_scheme=theme)
        expect(page.locator("body")).to_have_css("background-color", paper)
        found += barriers(page)
    return found


def test_pages_of_a_browser_share_one_stream(browser: Browser, web: Web, token: str) -> None:
    context = visitor(browser, web)
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if "/stream?" in request.url else None)
    first = opened(context, token)
    expect(first.locator("[data-name=ticks] .term")).to_contain_text("tick")
    second = opened(context, token, "?select=keys")
    expect(second.locator(".screen")).to_contain_text("ready>")
    third = opened(context, token, "?select=keys")
    expect(third.locator(".screen")).to_contain_text("ready>")
    third.keyboard.press("Escape")
    expect(third.locator("[data-name=hostile] .term")).to_contain_text("the end")
    assert len(streams) == 1
    third.close()
    with context.expect_event("request", lambda request: "/stream?" in request.url):
        first.close()
    second.goto("/?select=ticks")
    expect(second.locator(".screen")).to_contain_text("tick")
    assert broken(second) == []
    context.close()


def test_a_killed_service_is_seen_to_go_and_to_come_back(page: Page, web: Web) -> None:
    site = web.site
    page.goto("/?select=ticks")
    expect(page.locator(".screen")).to_contain_text("tick")
    site.kill_keeper()
    site.kill_service()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer")
    expect(page.locator("body")).to_have_class(re.compile("stale"))
    site.up(check=None)
    expect(page.locator(".notice.good")).to_contain_text("The service was started anew")
    expect(page.locator("body")).not_to_have_class(re.compile("stale"))
    seen = page.locator(".screen").inner_text()
    wait_until(lambda: page.locator(".screen").inner_text() != seen, what="a moving screen")
