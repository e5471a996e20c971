"""Pages of `panevisor web` in Debian's chromium, and what goes wrong in them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from kit.support import DEADLINE
from kit.web import Web

AXE = Path(__file__).with_name("vendor") / "axe-core" / "axe.min.js"  # 4.14.1, MPL-2
expect.set_options(timeout=DEADLINE * 1000)
WORKERS = "#tiles li, #focus h1"
WATCH = """
    globalThis.broken = [];
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
        broken.push(`CSP: ${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber}`));
    addEventListener("error", ({ message }) => broken.push(message));
    addEventListener("unhandledrejection", ({ reason }) => broken.push(String(reason)));
"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


def visitor(browser: Browser, web: Web, **options: Any) -> BrowserContext:
    """Return a browser of its own, with its own cookies."""
    context = browser.new_context(base_url=web.url, reduced_motion="reduce", **options)
    context.set_default_timeout(DEADLINE * 1000)
    context.add_init_script(WATCH)
    return context


def opened(context: BrowserContext, token: str | None, query: str = "") -> Page:
    """Return a page; with a token, once it shows workers."""
    page = context.new_page()
    page.goto(f"/{query}" + (f"#token={token}" if token else ""))
    if token:
        page.wait_for_selector(WORKERS)
    return page


def shown(page: Page, query: str = "") -> None:
    """Load a new document in a page that has signed in; return once it shows workers."""
    page.goto(f"/{query}")
    page.wait_for_selector(WORKERS)


def broken(page: Page) -> list[str]:
    """Return what was thrown in the page, and what its policy had to forbid."""
    found: list[str] = page.evaluate("broken")
    return found


def barriers(page: Page) -> list[str]:
    """Return what axe finds serious or critical, in one line each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations)")
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
