"""Who may ask: tokens, of which only the sha256 is kept, in a file that is ours alone.

    token ──sha256──▶ compared with each that is known ──▶ Known: its name and role
      └──login──▶ cookie: name, expiry, HMAC with the token's hash as key ──▶ Known

A cookie is not the token: it can be used nowhere else, ends earlier, and ends when its token is removed. Nothing about
it is kept, so a web process that was started again knows it.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from actors.events.words import iso
from actors.frozen import frozen
from supervisor.kernel.files import claim, content_of, explained, replace_file
from supervisor.state.place import WEB_TOKENS, Place
from supervisor.text.columns import Column, laid_out
from supervisor.text.words import shown
from supervisor.wire.errors import CommandError

SESSION = 7 * 86_400.0  # seconds that a login lasts at most
NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
Role = Literal["read", "operate"]


@frozen
class Known:
    """A token that is known. Times are Unix times; `expires_at` None: it does not expire."""

    name: str
    role: Role
    sha256: str
    created_at: float
    expires_at: float | None = None

    def lives(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at

    @property
    def operates(self) -> bool:
        return self.role == "operate"


class Tokens:
    """The file, read again when it has changed. Raises CommandError where it can't be read: then nobody may ask."""

    def __init__(self, place: Place) -> None:
        self.path = place.state_dir / WEB_TOKENS
        self.cookie = f"panevisor_{place.marker}"  # cookies are shared by the ports of a host
        self._stamp: tuple[int, int] | None = None
        self._known: tuple[Known, ...] = ()

    def all(self) -> tuple[Known, ...]:
        """Return those that are in the file, expired ones too."""
        try:
            found = os.stat(self.path)
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._known, self._stamp = _read(self.path), stamp
        except FileNotFoundError:
            self._known, self._stamp = (), None
        return self._known

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def of_token(self, token: str) -> Known | None:
        """Return whose token this is; None for an unknown or expired one."""
        digest, now = _digest(token), time.time()
        found = [known for known in self.all() if hmac.compare_digest(known.sha256, digest)]
        return next((known for known in found if known.lives(now)), None)

    def of_cookie(self, cookie: str) -> Known | None:
        """Return whose login this is; None for an unknown or expired one."""
        name, _, rest = cookie.partition("|")
        expiry, _, mac = rest.partition("|")
        now = time.time()
        if not expiry.isdecimal() or len(expiry) > 12 or int(expiry) <= now:
            return None
        for known in self.all():
            if known.name == name and known.lives(now) and hmac.compare_digest(_mac(known, expiry), mac):
                return known
        return None

    def still(self, known: Known) -> bool:
        """Whether a token that was known is so still."""
        return any(other.sha256 == known.sha256 and other.lives(time.time()) for other in self.all())

    def login(self, known: Known) -> tuple[str, int]:
        """Return a cookie's value and the seconds that it is good for."""
        now = time.time()
        until = int(min(now + SESSION, known.expires_at or now + SESSION))
        return f"{known.name}|{until}|{_mac(known, str(until))}", max(0, int(until - now))

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, role: Role, lasts: float | None) -> str:
        """Make a token and return it, this once; raises CommandError."""
        if not NAME.fullmatch(name):
            raise CommandError("usage", f"a token's name has 1 to 64 letters, digits and _.@-, not {shown(name)}")
        now, known = time.time(), self.all()
        if any(other.name == name and other.lives(now) for other in known):
            raise CommandError("conflict", f"there is a token {shown(name)} already: remove it first, or name another")
        token = secrets.token_urlsafe(32)
        new = Known(name, role, _digest(token), now, None if lasts is None else now + lasts)
        self._write([*(other for other in known if other.name != name), new])
        return token

    def remove(self, name: str) -> None:
        """Forget a token, and with it its logins; raises CommandError."""
        known = self.all()
        if not any(other.name == name for other in known):
            raise CommandError("not-met", f"there is no token {shown(name)}: `panevisor web token list` shows all")
        self._write([other for other in known if other.name != name])

    def _write(self, known: Iterable[Known]) -> None:
        try:
            claim(self.path.parent)
            replace_file(
                self.path, json.dumps({"tokens": [asdict(one) for one in known]}, indent=1).encode(), sync=True
            )
        except OSError as error:
            raise CommandError("failed", explained(error, self.path)) from error


def plain(known: Known) -> dict[str, str | None]:
    """Return what may be shown of a token."""
    return {"name": known.name, "role": known.role, "expires_at": iso(known.expires_at)}


def table(known: Iterable[Known], *, as_json: bool) -> str:
    """Return the tokens for people, or as JSON."""
    if as_json:
        return json.dumps([plain(one) for one in known])
    now = time.time()
    rows = [(one.name, one.role, _until(one, now)) for one in known]
    if not rows:
        return "no token: `panevisor web token add NAME` makes one"
    return "\n".join(laid_out((Column(head="NAME"), Column(head="ROLE"), Column(head="EXPIRES")), rows))


def _until(known: Known, now: float) -> str:
    if known.expires_at is None:
        return "never"
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.expires_at))
    return day if known.lives(now) else f"{day} (expired)"


def _read(path: Path) -> tuple[Known, ...]:
    try:
        return tuple(Known(**fields) for fields in json.loads(content_of(path))["tokens"])
    except OSError as error:
        raise CommandError("failed", f"the tokens can't be read: {explained(error, path)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError("failed", f"{path} is damaged: delete it, and add the tokens again") from error


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def _mac(known: Known, expiry: str) -> str:
    key = bytes.fromhex(known.sha256)
    return hmac.new(key, f"cookie|{known.name}|{expiry}".encode(), hashlib.sha256).hexdigest()
