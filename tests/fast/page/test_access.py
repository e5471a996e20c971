"""Who may ask: tokens and their cookies, rates, keyboards, orders that are sent again, and where it may listen."""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from supervisor.command_line import run
from supervisor.page.access.guard import Names
from supervisor.page.access.keyboards import Keyboards
from supervisor.page.access.rates import Rate
from supervisor.page.access.repeats import Repeats
from supervisor.page.access.tokens import Known, Tokens
from supervisor.page.answers.problems import Refused
from supervisor.page.app import _allowed
from supervisor.page.asked import Page
from supervisor.page.routes import ROUTES
from supervisor.page.serve import Where
from supervisor.page.serve import _listen as listening_at
from supervisor.state.place import Place
from supervisor.wire.errors import CommandError


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(Place(tmp_path / "p.toml", tmp_path / "state", tmp_path / "state" / "sock"))


def test_without_the_extra_there_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "supervisor.page.serve")
    assert run(["web"]) == 1
    assert capsys.readouterr().err == "panevisor: panevisor web needs its extra: pip install 'panevisor[web]'\n"


def test_a_token_is_known_by_its_hash_until_it_is_removed(tokens: Tokens) -> None:
    token = tokens.add("phone", "read", 60.0)
    known = tokens.of_token(token)
    assert known is not None
    assert (known.name, known.role, known.operates) == ("phone", "read", False)
    assert token not in tokens.path.read_text()
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    assert tokens.of_token(token[:-1]) is None
    tokens.remove("phone")
    assert tokens.of_token(token) is None
    assert not tokens.still(known)


def test_names_are_taken_once_and_have_few_characters(tokens: Tokens) -> None:
    tokens.add("phone", "read", None)
    with pytest.raises(CommandError, match="already"):
        tokens.add("phone", "operate", None)
    with pytest.raises(CommandError, match="letters"):
        tokens.add("a phone", "read", None)
    with pytest.raises(CommandError, match="no token"):
        tokens.remove("tablet")


def test_a_cookie_is_no_token_and_cannot_be_changed(tokens: Tokens) -> None:
    token = tokens.add("phone", "read", None)
    known = tokens.of_token(token)
    assert known is not None
    cookie, seconds = tokens.login(known)
    assert 0 < seconds <= 7 * 86_400
    assert tokens.of_cookie(cookie) == known
    assert tokens.of_token(cookie) is None
    name, until, mac = cookie.split("|")
    for forged in (f"{name}|{int(until) + 1}|{mac}", f"{name}|0|{mac}", f"other|{until}|{mac}", "", "||", cookie[:-1]):
        assert tokens.of_cookie(forged) is None


def test_a_damaged_file_lets_nobody_in(tokens: Tokens) -> None:
    token = tokens.add("phone", "read", None)
    tokens.path.write_text("{")
    with pytest.raises(CommandError, match="damaged"):
        tokens.of_token(token)


def test_a_rate_allows_a_burst_and_then_goes_on_slowly() -> None:
    rate = Rate(per_second=2, burst=3)
    assert [rate.wait("me", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert rate.wait("other", 0.0) == 0.0
    assert [rate.wait("me", 0.5), rate.wait("me", 0.5)] == [0.0, 0.5]


def test_many_orders_at_once_are_slowed_down_each_token_by_itself(tokens: Tokens) -> None:
    place = Place(tokens.path, tokens.path.parent, tokens.path)
    page = Page(place, Names(frozenset(), frozenset()), tokens, orders=Rate(per_second=0.001, burst=2))
    route = next(route for route in ROUTES if route.rate == "orders")
    mine, theirs = (Known(name, "operate", "", 0.0) for name in ("me", "other"))
    for known in (mine, mine, theirs):
        _allowed(page, route, Request({"type": "http", "known": known}))
    with pytest.raises(Refused, match="too many orders"):
        _allowed(page, route, Request({"type": "http", "known": mine}))


def test_one_has_the_keyboard_until_it_is_released_or_taken_by_force() -> None:
    changes: list[int] = []
    keyboards = Keyboards(lambda: changes.append(1))
    mine = keyboards.take("web", "me", force=False)
    with pytest.raises(Refused, match="me has the keyboard"):
        keyboards.take("web", "other", force=False)
    assert keyboards.use("web", mine.id).by == "me"
    theirs = keyboards.take("web", "other", force=True)
    with pytest.raises(Refused, match="taken by another"):
        keyboards.use("web", mine.id)
    keyboards.release("web", mine.id)
    assert keyboards.holders() == {"web": "other"}
    keyboards.release("web", theirs.id)
    assert keyboards.holders() == {}
    assert len(changes) == 3


def test_a_repeated_order_waits_for_the_first_and_gets_its_answer() -> None:
    async def go() -> None:
        repeats, runs, begun = Repeats(), [], asyncio.Event()

        async def run() -> Response:
            runs.append(1)
            await begun.wait()
            return Response(b"done")

        async def passing() -> Response:
            return Response(status_code=503)

        both = [asyncio.ensure_future(repeats.once(("me", "key-00001"), b"stop", run)) for _ in range(2)]
        await asyncio.sleep(0)
        begun.set()
        first, second = await asyncio.gather(*both)
        assert first is second
        assert runs == [1]
        with pytest.raises(Refused, match="another request"):
            await repeats.once(("me", "key-00001"), b"start", run)
        with pytest.raises(Refused, match="8 to 64"):
            await repeats.once(("me", "short"), b"stop", run)
        await repeats.once(("me", "key-00002"), b"stop", passing)
        await asyncio.sleep(0)
        assert (await repeats.once(("me", "key-00002"), b"stop", run)).status_code == 200

    asyncio.run(go())


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Where(host="0.0.0.0"), "in the clear"),
        (Where(host="192.168.1.5"), "in the clear"),
        (Where(host="::"), "in the clear"),
        (Where(host="0.0.0.0", proxy=True), "no name that a browser knows"),
        (Where(host="example.org"), "IP address"),
        (Where(cert=Path("x.pem")), "two files"),
    ],
)
def test_where_it_does_not_listen(where: Where, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        where.check()


def test_answers_are_not_held_back_by_nagle() -> None:
    with contextlib.ExitStack() as opened:
        assert listening_at(Where(port=0), opened).proto == socket.IPPROTO_TCP  # asyncio asks for it by this


@pytest.mark.parametrize(
    "where",
    [
        Where(),
        Where(host="::1"),
        Where(host="127.0.0.2"),
        Where(host="192.168.1.5", proxy=True),
        Where(host="0.0.0.0", cert=Path("c"), key=Path("k"), names=("panes.example",)),
    ],
)
def test_where_it_listens(where: Where) -> None:
    where.check()
