"""The operator's token in, a session's cookie out. A plain form: it works before anything else does."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from supervisor.page.guard import COOKIE, Guard, cookie_of

#: Seconds that a wrong token costs.
_WRONG = 1.0
_FORM = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in · rtpipe</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{{font:15px system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}}
form{{display:grid;gap:10px;width:min(320px,86vw)}}input,button{{font:inherit;padding:8px 10px}}p{{margin:0}}
</style></head>
<body><form method="post" action="/sign-in"><h1>rtpipe</h1><label for="token">The operator's token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button><p role="alert">{said}</p></form></body></html>"""


def add_sign_in(app: FastAPI, guard: Guard) -> None:
    """`/sign-in` and `/sign-out`."""

    @app.get("/sign-in")
    async def form() -> Response:
        return HTMLResponse(_FORM.format(said="" if guard.has_token else "This page has no token: it is read only."))

    @app.post("/sign-in")
    async def sign_in(token: Annotated[str, Form()]) -> Response:
        session = guard.open_session(token)
        if session is None:
            await asyncio.sleep(_WRONG)
            return HTMLResponse(_FORM.format(said="That is not the token."), 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", path="/")
        return answer

    @app.get("/sign-out")
    async def sign_out(request: Request) -> Response:
        guard.close_session(cookie_of(request.headers.get("cookie", "")))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer
