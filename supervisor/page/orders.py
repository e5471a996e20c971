"""The endpoints that change something: each is an order to the service, which logs it with the name of the token."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from supervisor.page import bodies
from supervisor.page.access.keyboards import LASTS
from supervisor.page.access.tokens import plain
from supervisor.page.answers.problems import Refused
from supervisor.page.asked import Asked
from supervisor.page.questions import screen_now
from supervisor.wire.errors import CommandError

_LOOKS = (0.08, 0.25, 0.6, 1.2)  # seconds after input at which the screen is read again


async def _order(asked: Asked, do: str, fields: Mapping[str, Any]) -> Any:
    return await asked.page.contact.call(do, by=asked.known.name, **fields)


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def order(asked: Asked) -> Any:
    body: bodies.Ordered = asked.body
    fields = {"force": body.force, "kill": body.kill, "now": body.now, "wait": body.wait}
    return await _order(asked, asked.request.url.path.rpartition("/")[2], {"names": [asked.name], **fields})


async def order_all(asked: Asked) -> Any:
    body: bodies.OrderedAll = asked.body
    fields: dict[str, Any] = {"force": body.force, "kill": body.kill, "now": body.now, "wait": body.wait}
    if body.names is not None:
        fields["names"] = body.names
    if body.select is not None:
        select = body.select
        fields["select"] = {
            "patterns": select.patterns,
            "labels": select.labels,
            "project": select.project,
            "all": select.all,
        }
    return await _order(asked, body.do, fields)


async def signal(asked: Asked) -> Any:
    return await _order(asked, "signal", {"names": [asked.name], "signal": asked.body.signal, "tree": asked.body.tree})


async def apply(asked: Asked) -> Any:
    return await _order(asked, "apply", {"force": asked.body.force, "wait": asked.body.wait})


# ── typing ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def send(asked: Asked) -> Any:
    body: bodies.Send = asked.body
    await _unprotected(asked, force=body.force)
    fields = {"content": body.text.encode(), "manner": body.manner, "force": body.force, "wait": body.wait}
    return await _order(asked, "send", {"name": asked.name, **fields})


async def keys(asked: Asked) -> Any:
    body: bodies.Keys = asked.body
    await _unprotected(asked, force=body.force)
    fields = {"keys": body.keys, "force": body.force, "wait": body.wait}
    return await _order(asked, "send", {"name": asked.name, **fields})


async def prompt(asked: Asked) -> Any:
    body: bodies.Prompt = asked.body
    await _unprotected(asked, force=body.force)
    fields = {"text": body.text, "command": body.command, "force": body.force, "wait": body.wait}
    return await _order(asked, "prompt", {"name": asked.name, **fields})


async def _unprotected(asked: Asked, *, force: bool) -> None:
    """Raise Refused where the worker is protected, unless that is forced."""
    if not force and (await asked.page.contact.call("why", name=asked.name))["policy"]["protected"]:
        raise Refused("not-permitted", f"{asked.name} is protected: say force to type into it")


# ── the keyboard ──────────────────────────────────────────────────────────────────────────────────────────────────


async def take_keyboard(asked: Asked) -> Response:
    force = asked.body.force
    await _unprotected(asked, force=force)
    lease = asked.page.keyboards.take(asked.name, asked.known.name, force=force)
    await _look_again(asked, (0.0,))
    return JSONResponse({"lease": lease.id, "expires_in_s": LASTS}, 201)


async def use_keyboard(asked: Asked) -> Any:
    asked.page.keyboards.use(asked.name, asked.path["lease"])
    for typed in asked.body.input:
        if bool(typed.text) == bool(typed.keys):
            raise CommandError("usage", "each input has text or keys, one of them")
        given = {"keys": typed.keys} if typed.keys else {"content": typed.text.encode(), "manner": "exact"}
        await _order(asked, "send", {"name": asked.name, "force": True, "wait": 5.0, **given})
    if asked.body.input:
        task = asyncio.ensure_future(_look_again(asked, _LOOKS))
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)
    return {"expires_in_s": LASTS}


async def release_keyboard(asked: Asked) -> Response:
    asked.page.keyboards.release(asked.name, asked.path["lease"])
    return Response(status_code=204)


_TASKS: set["asyncio.Future[None]"] = set()


async def _look_again(asked: Asked, after: tuple[float, ...]) -> None:
    """Show what the keys did, without waiting for the service's next beat."""
    before = 0.0
    for seconds in after:
        await asyncio.sleep(seconds - before)
        before = seconds
        with contextlib.suppress(CommandError):
            text = await asyncio.to_thread(screen_now, asked.page.place, asked.name)
            if asked.page.contact.screens.of(asked.name) is not None:
                asked.page.contact.screens.show(asked.name, text)


# ── the login, and what a page shows ──────────────────────────────────────────────────────────────────────────────


async def login(asked: Asked) -> Response:
    page = asked.page
    if "x-panevisor" not in asked.request.headers:
        raise Refused("csrf", "a login needs the header X-Panevisor: 1")
    known = page.tokens.of_token(asked.body.token)
    if known is None:
        assert page.guard is not None
        page.guard.failed(asked.request.scope)
        raise Refused("unauthenticated", "this token is not known, or has expired")
    value, seconds = page.tokens.login(known)
    answer = JSONResponse(plain(known))
    answer.set_cookie(
        page.tokens.cookie, value, max_age=seconds, httponly=True, samesite="strict", secure=page.names.secure
    )
    return answer


async def logout(asked: Asked) -> Response:
    answer = Response(status_code=204)
    answer.delete_cookie(asked.page.tokens.cookie, httponly=True, samesite="strict", secure=asked.page.names.secure)
    return answer


async def see(asked: Asked) -> Response:
    body: bodies.Seen = asked.body
    focus = [body.focus] if isinstance(body.focus, str) else body.focus or []
    key = asked.known.name, asked.path["view"]
    asked.page.streams.see(key, tuple(dict.fromkeys(body.visible)), tuple(dict.fromkeys(focus)))
    return Response(status_code=204)
