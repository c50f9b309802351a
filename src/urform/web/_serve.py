"""Running the server."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from urform.web._limits import Limits

logger = logging.getLogger(__name__)


def serve(
    weights: Sequence[str],
    host: str = "127.0.0.1",
    port: int = 7860,
    workers: int = 1,
    limits: Limits | None = None,
    keep: Path | None = None,
    ready: Callable[[str], None] = logger.info,
) -> None:
    """Serve until interrupted.

    Args:
        weights: shipped categories, run folders or weights files; none = all shipped categories.
        host: address to listen at; the default is reached from this machine alone.
        port: 0 = a free one, which is said.
        workers: processes that do the work.
        limits: of requests.
        keep: folder for uploads and answers; None = nothing of an upload stays.
        ready: is told the address as soon as requests are answered.

    Raises:
        ModuleNotFoundError: the extra `web` is not installed.
        OSError: the port is taken.
        ValueError: `workers` or `port` is out of range.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if not 0 <= port < 65536:
        raise ValueError(f"port must be 0 to 65535, got {port}")
    try:
        import uvicorn

        from urform.web._app import create_app
        from urform.web._workers import Workers
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error.name} is missing; install it with: pip install 'urform[web]'") from error
    with _listen(host, port) as listening:
        limits = limits or Limits()
        pool = Workers(weights, workers, limits)
        if not _is_local(host):
            logger.warning("everybody who reaches %s can use this server; it knows no passwords", host)
        where = f"[{host}]" if ":" in host else host
        ready(f"http://{where}:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(create_app(pool, limits, keep), log_level="warning", access_log=False))
        server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that a taken port is told before the models are loaded."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
    except OSError as error:
        raise OSError(f"cannot listen at {host}, port {port}: {error}; choose another with `port`") from error


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
