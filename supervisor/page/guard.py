"""Who may speak to the page: pure decisions, and the layer of the server that asks for them first."""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from supervisor.page.page_options import PageOptions

COOKIE = "rtpipe_session"
#: Addresses that answer everybody: a health check has no token. They say nothing but a code and why.
_OPEN = frozenset({"/livez", "/healthz", "/readyz", "/sign-in"})
_SESSIONS = 100


class Guard:
    """The token and the sessions that it opened; they end with the process."""

    def __init__(self, options: PageOptions) -> None:
        self._options = options
        self._sessions: deque[str] = deque(maxlen=_SESSIONS)

    @property
    def has_token(self) -> bool:
        """Whether anybody can be an operator."""
        return bool(self._options.token)

    def open_session(self, token: str) -> str | None:
        """The value of a cookie for whoever knows the token, else None."""
        if not self.has_token or not _same(token, self._options.token):
            return None
        self._sessions.append(secrets.token_urlsafe(32))
        return self._sessions[-1]

    def close_session(self, session: str) -> None:
        """It opens nothing any more."""
        self._sessions = deque((one for one in self._sessions if not _same(one, session)), maxlen=_SESSIONS)

    def is_operator(self, connection: HTTPConnection) -> bool:
        """Whether the request has the cookie of a session, or the token itself as `Authorization: Bearer`."""
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if self.has_token and kind.lower() == "bearer" and _same(token.strip(), self._options.token):
            return True
        session = cookie_of(connection.headers.get("cookie", ""))
        return bool(session) and any(_same(session, one) for one in self._sessions)

    def refusal(self, connection: HTTPConnection) -> tuple[int, str] | None:
        """Why the request is not answered: code and text; None if it is."""
        if not is_known_host(connection.headers.get("host", ""), self._options.names):
            return 421, "this is not a name of the page; page_hosts has its names"
        if not is_same_origin(connection.headers.getlist("origin"), connection.headers.get("host", "")):
            return 403, "another site's page may not use this one"
        if self._options.is_open or connection.url.path in _OPEN or self.is_operator(connection):
            return None
        return 401, "this needs the token: sign in, or send it as Authorization: Bearer"


class GuardLayer:
    """In front of everything that the server answers, web sockets too."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refused = self._guard.refusal(HTTPConnection(scope))
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            code, text = refused
            wants_page = code == 401 and "text/html" in HTTPConnection(scope).headers.get("accept", "")  # noqa: PLR2004
            headers = {"location": "/sign-in"} if wants_page else {}
            await PlainTextResponse(text + "\n", 303 if wants_page else code, headers)(scope, receive, send)


def is_known_host(header: str, names: Iterable[str]) -> bool:
    """Against names that another site has pointed at this address (DNS rebinding)."""
    return _host(header) in set(names)


def is_same_origin(origins: list[str], host: str) -> bool:
    """A browser says from which page a request comes; a tool says nothing."""
    return all(urlsplit(origin).netloc.lower() == host.lower() for origin in origins)


def cookie_of(header: str) -> str:
    """The session that a request has; "" if it has none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _host(header: str) -> str:
    """Without its port."""
    name, colon, port = header.lower().rpartition(":")
    return name if colon and port.isdigit() else header.lower()


def _same(given: str, right: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode(), right.encode())
