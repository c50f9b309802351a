"""Errors as answers: one line in JSON, and a status that tells whose fault it is."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from urform.web._answers import ErrorAnswer
from urform.web._workers import BusyError, TooSlowError

logger = logging.getLogger(__name__)

RETRY_S = 30  # after which a client may try a full queue again
STATUS: dict[type[Exception], int] = {
    BusyError: 503,
    TooSlowError: 504,
    ValueError: 422,
    OSError: 422,
    MemoryError: 422,
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in (
        (413, "the upload is too large"),
        (422, "the picture, mesh or option is no good"),
        (503, "too many requests wait"),
        (504, "the work took too long"),
    )
}


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def answer_errors(app: FastAPI) -> None:
    """Answer every error of an application with `{"error": ...}`."""

    async def known(_: Request, error: Exception) -> JSONResponse:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        headers = {"Retry-After": str(RETRY_S)} if status == 503 else None
        return JSONResponse({"error": one_line(error)}, status, headers)

    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected %s", type(error).__name__, exc_info=error)
        return JSONResponse({"error": f"unexpected {type(error).__name__}: {one_line(error)}"}, 500)

    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    async def unfit(_: Request, error: RequestValidationError) -> JSONResponse:
        parts = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
        return JSONResponse({"error": "; ".join(parts)}, 422)

    for kind in STATUS:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(RequestValidationError, unfit)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, refused)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, unexpected)
