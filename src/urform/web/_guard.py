"""What every request passes: a bound on its size, and headers that keep the page to itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_HEADERS = [
    # Nothing is loaded from elsewhere, and no other page may show this one in a frame.
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class _TooLargeError(Exception):
    """More bytes came than are allowed."""


class _NobodyListensError(Exception):
    """The connection takes no answer any more: whoever asked left, or broke the rules of HTTP."""


class Guard:
    """ASGI middleware. A request of more than `most_bytes` is answered with 413 as soon as that is known."""

    def __init__(self, app: Callable[..., Awaitable[None]], most_bytes: int):
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sizes = [value for name, value in scope["headers"] if name == b"content-length"]
        if sizes and (not sizes[0].isdigit() or int(sizes[0]) > self._most_bytes):
            await self._refuse(send)
            return
        read, begun = 0, False

        async def counted() -> _Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most_bytes:
                raise _TooLargeError
            return message

        async def with_headers(message: _Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            try:
                await send(message)
            except Exception as error:  # each server has its own
                raise _NobodyListensError from error

        try:
            await self._app(scope, counted, with_headers)
        except _NobodyListensError:
            return
        except _TooLargeError:
            if not begun:
                await self._refuse(send)

    async def _refuse(self, send: _Send) -> None:
        megabytes = self._most_bytes / 2**20
        body = json.dumps({"error": f"the upload is larger than {megabytes:g} MiB; send a smaller file"}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close"), *_HEADERS]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
