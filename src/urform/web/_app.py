"""The server as one application: the page, the interface for programs, and what all requests pass."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from urform import __version__
from urform.formats import viewer_script
from urform.web import _answers as answers
from urform.web._errors import RESPONSES, answer_errors
from urform.web._guard import Guard
from urform.web._keep import Keep
from urform.web._limits import Limits
from urform.web._pictures import add_pictures
from urform.web._shapes import add_shapes
from urform.web._workers import Workers

_PAGE = Path(__file__).parent / "page"


def create_app(workers: Workers, limits: Limits, keep: Path | None = None) -> FastAPI:
    """The server as an ASGI application.

    Args:
        workers: that do the work; they are stopped with the application.
        limits: of a request and of the queue.
        keep: folder for uploads and answers; None = nothing of an upload stays.
    """
    started = time.monotonic()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        workers.close()

    app = FastAPI(
        title="urform", version=__version__, lifespan=lifespan, responses=RESPONSES, docs_url=None, redoc_url=None
    )
    app.add_middleware(Guard, most_bytes=int(limits.upload_mb * 2**20))
    answer_errors(app)
    add_pictures(app, workers, limits, Keep(keep))
    add_shapes(app, workers, limits)

    @app.get("/api/health")
    async def health() -> answers.HealthAnswer:
        """Whether the server works, and how much it has to do."""
        uptime_s = round(time.monotonic() - started, 1)
        return answers.HealthAnswer(
            status="ok", pending=workers.pending, done=workers.done, failed=workers.failed, uptime_s=uptime_s
        )

    @app.get("/api/version")
    async def version() -> answers.VersionAnswer:
        """Version of urform, and the categories that it has."""
        return answers.VersionAnswer(version=__version__, categories=workers.categories)

    @app.get("/api/queue/{ticket}")
    async def queue(ticket: str) -> answers.QueueAnswer:
        """Where the request that was sent with this ticket stands."""
        return answers.QueueAnswer(ahead=workers.ahead(ticket), pending=workers.pending)

    @app.get("/viewer.js", include_in_schema=False)
    async def viewer() -> Response:
        return Response(viewer_script(), media_type="text/javascript")

    app.mount("/", StaticFiles(directory=_PAGE, html=True))
    return app
