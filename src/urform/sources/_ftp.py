"""Downloads over FTP that go on where an earlier attempt ended."""

from __future__ import annotations

import contextlib
import ftplib
import netrc
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

PORT = 21


@dataclass(frozen=True)
class FtpResponse:
    """What `_download` wants of a response: headers, and the bytes that follow.

    Attributes:
        headers: length of what follows, and what tells one version of the file from another.
        read: so many bytes at most.
    """

    headers: dict[str, str]
    read: Callable[[int], bytes]


@contextlib.contextmanager
def open_ftp(url: str, resume: Callable[[str], int], timeout_s: float) -> Iterator[tuple[FtpResponse, int]]:
    """Open a file of an FTP server, as `anonymous` or as whom `~/.netrc` names.

    Args:
        url: ftp://host/path.
        resume: told what tells this version of the file from another, gives how many bytes of it are there.
        timeout_s: for each answer.

    Yields:
        The response, and the byte that it begins with.

    Raises:
        ValueError: the server refuses.
        ConnectionError: it cannot be reached, or breaks off.
    """
    parts = urlsplit(url)
    place = unquote(parts.path)
    try:
        # Closed without a farewell: its answer to a transfer that was broken off would hide why.
        with contextlib.closing(ftplib.FTP(timeout=timeout_s)) as ftp:
            ftp.connect(parts.hostname or "", parts.port or PORT)
            ftp.login(*_credentials(parts.hostname or ""))
            ftp.voidcmd("TYPE I")
            size = ftp.size(place)
            version = f"{size} {_changed(ftp, place)}"
            start = resume(version)
            connection, _ = ftp.ntransfercmd(f"RETR {place}", rest=start or None)
            with connection, connection.makefile("rb") as file:
                length = {} if size is None else {"Content-Length": str(size - start)}
                yield FtpResponse({**length, "ETag": version}, _reader(file)), start
    except ftplib.error_perm as error:
        raise ValueError(f"ftp://{parts.hostname}{place}: the server answers {error}; check the URL") from error
    except (ftplib.Error, EOFError) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    except OSError as error:
        raise urllib.error.URLError(error) from error


def _reader(file: BinaryIO) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        return file.read(count)

    return read


def _changed(ftp: Any, place: str) -> str:
    """When the file was changed; empty where the server does not say."""
    try:
        return str(ftp.voidcmd(f"MDTM {place}")).partition(" ")[2]
    except ftplib.Error:
        return ""


def _credentials(host: str) -> tuple[str, str]:
    try:
        found = netrc.netrc().authenticators(host)
    except (FileNotFoundError, netrc.NetrcParseError):
        found = None
    user, _, password = found or ("anonymous", "", "anonymous@")
    return user, password or ""
