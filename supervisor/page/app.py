"""Which address has what; `views` has the pages for people."""

from __future__ import annotations

from asyncio import CancelledError, create_task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.exposition import choose_encoder

from supervisor.page.feed import Feed
from supervisor.page.guard import Guard, GuardLayer
from supervisor.page.health import liveness, readiness
from supervisor.page.metrics.collector import registry_of
from supervisor.status.facts.pipeline_status import SCHEMA_VERSION

_QUIET = {"cache-control": "no-store"}


def make_app(feed: Feed, guard: Guard) -> FastAPI:
    """The server's application; it asks the supervisor as long as it runs."""

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        asking = create_task(feed.run())
        yield
        asking.cancel()
        with suppress(CancelledError):
            await asking

    app = FastAPI(title="rtpipe", docs_url=None, redoc_url=None, openapi_url=None, lifespan=alive)
    _add_health(app, feed)
    _add_facts(app, feed)
    app.add_middleware(GuardLayer, guard=guard)
    return app


def _add_health(app: FastAPI, feed: Feed) -> None:
    @app.get("/livez")
    @app.get("/healthz")
    async def livez() -> Response:
        code, body = liveness(feed.silence)
        return JSONResponse(body, code, _QUIET)

    @app.get("/readyz")
    async def readyz() -> Response:
        code, body = readiness(feed.fresh, feed.silence)
        return JSONResponse(body, code, _QUIET)


def _add_facts(app: FastAPI, feed: Feed) -> None:
    registry = registry_of(feed)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        feed.look()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={**_QUIET, "content-type": content_type})

    @app.get("/api/v1/status")
    async def status() -> Response:
        feed.look()
        replies = [feed.reply] if feed.fresh else []
        return JSONResponse({"schema_version": SCHEMA_VERSION, "supervisors": replies}, 200 if replies else 503, _QUIET)
