"""Downloads over HTTP that go on where an earlier attempt ended."""

from __future__ import annotations

import http.client
import json
import logging
import netrc
import socket
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from tqdm import tqdm

from urform.files import CHUNK, digest_of, replace_durably, safe_name, write_atomically
from urform.sources._ftp import open_ftp

logger = logging.getLogger(__name__)
TIMEOUT_S = 60.0
LONGEST_WAIT_S = 60.0
PAGE_SUFFIXES = (".html", ".htm", ".xhtml")
_BROKEN = (http.client.HTTPException, urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError)
_HARMLESS_HEADERS = frozenset({"User-agent", "Range", "If-range"})  # as urllib spells them
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Target:
    """A download: from where, to where, how; `name` and `label` where the URL does not tell them."""

    url: str
    out: Path
    sha256: str | None
    headers: dict[str, str]
    max_gb: float
    retries: int
    wait_s: float
    name: str = ""
    label: str = ""

    @property
    def shown(self) -> str:
        return self.label or shown_url(urlsplit(self.url))

    @property
    def path(self) -> Path:
        name = self.name or unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]
        if not name:
            raise ValueError(f"{self.shown}: names no file, expected a URL that ends in a file name")
        return self.out / safe_name(name)

    @property
    def partial(self) -> Path:
        return self.path.with_name(self.path.name + ".partial")

    @property
    def note(self) -> Path:
        """Where the file, complete or not, is from, and what the server said of its version."""
        return self.out / ".fetched" / f"{self.path.name}.json"

    def read_note(self) -> dict[str, str]:
        """The note; empty where there is none."""
        try:
            return {str(name): str(value) for name, value in json.loads(self.note.read_text()).items()}
        except (OSError, ValueError, AttributeError, RecursionError):
            return {}

    def request(self) -> urllib.request.Request:
        """A request for the whole file."""
        url = quote(self.url, safe="%:/?#[]@!$&'()*+,;=~")
        return urllib.request.Request(url, headers={"User-Agent": "urform", **self.headers})


def shown_url(parts: SplitResult) -> str:
    """A URL for messages: user, password and query, which may hold a token, are left out."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}"


def download(target: Target) -> tuple[Path, bool]:
    if "@" in urlsplit(target.url).netloc:
        raise ValueError(f"{target.shown}: has a user name in it; remove it and put the credentials into ~/.netrc")
    if target.path.exists():
        origin = target.read_note().get("url", target.shown)
        if origin != target.shown:
            raise ValueError(f"{target.path}: is there already, from {origin}; choose another `out` for {target.shown}")
        check_sum(target.path, target.sha256, "remove it to download it again")
        return target.path, True
    target.out.mkdir(parents=True, exist_ok=True)
    _attempt_repeatedly(target)
    try:
        if is_page(target.partial) and target.path.suffix.lower() not in PAGE_SUFFIXES:
            raise ValueError(
                f"{target.shown}: is a web page, expected an archive or a mesh; perhaps one must log in first"
            )
        check_sum(target.partial, target.sha256, "the download was removed; check the URL and the checksum")
    except ValueError:
        target.partial.unlink()
        raise
    replace_durably(target.partial, target.path)
    return target.path, False


def _attempt_repeatedly(target: Target) -> None:
    """Attempt until the partial file is complete, or `retries` attempts in a row brought nothing."""
    failures, most = 0, _size(target.partial)
    while True:
        try:
            return _attempt(target)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in _TRANSIENT:
                raise _refused(target, error) from error
            reason, pause_s = f"HTTP {error.code}", _retry_after(error)
        except _BROKEN as error:
            if isinstance(error, http.client.InvalidURL) or isinstance(
                getattr(error, "reason", 0), (str, socket.gaierror)
            ):
                raise ConnectionError(f"{target.shown}: {getattr(error, 'reason', error)}; check the URL") from error
            reason, pause_s = str(getattr(error, "reason", error)) or type(error).__name__, 0.0
        failures = 1 if _size(target.partial) > most else failures + 1
        most = max(most, _size(target.partial))
        if failures > target.retries:
            kept = f"; {most} bytes are kept, the same command goes on" if target.read_note().get("validator") else ""
            raise ConnectionError(f"{target.shown}: {reason}, given up after {failures} attempts{kept}")
        logger.info("%s: %s, trying again", target.shown, reason)
        time.sleep(min(max(pause_s, target.wait_s * 2 ** (failures - 1)), LONGEST_WAIT_S))


def _attempt(target: Target) -> None:
    """One request that brings the partial file as far as it can.

    Raises:
        urllib.error.HTTPError: the server refuses.
        ConnectionError: the connection ended early.
    """
    if urlsplit(target.url).scheme == "ftp":
        _attempt_ftp(target)
        return
    start, validator = _resume_point(target)
    request = target.request()
    _add_credentials(request)
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", validator)
    try:
        response: Any = urllib.request.build_opener(_CarefulRedirects()).open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        if error.headers.get("Content-Range", "") == f"bytes */{start}":
            return  # it was complete, and only the renaming was missing
        target.partial.unlink()
        raise ConnectionError("the server has fewer bytes than before") from error
    with response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            if response.status == 206:
                target.partial.unlink(missing_ok=True)
                raise ConnectionError("the server sent another part than was asked for")
            start = 0
            _write_note(target, response.headers)
        _receive(target, response, start)


def _attempt_ftp(target: Target) -> None:
    """The same from an FTP server."""

    def resume(version: str) -> int:
        start, validator = _resume_point(target)
        return start if validator == version else 0

    with open_ftp(target.url, resume, TIMEOUT_S) as (response, start):
        if not start:
            _write_note(target, response.headers)
        if start and response.headers.get("Content-Length") == "0":
            return  # it was complete, and only the renaming was missing
        _receive(target, response, start)


def _receive(target: Target, response: Any, start: int) -> None:
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() else None
    received, most = start, target.max_gb * 2**30
    with (
        target.partial.open("ab" if start else "wb") as file,
        tqdm(
            total=total, initial=start, unit="B", unit_scale=True, unit_divisor=1024, desc=target.path.name, delay=1
        ) as bar,
    ):
        while (total or received) <= most and (block := response.read(CHUNK)):
            file.write(block)
            received += len(block)
            bar.update(len(block))
    if max(total or 0, received) > most:
        target.partial.unlink()
        raise ValueError(f"{target.shown}: has more than {target.max_gb:g} GiB; give a larger `max_gb` if it should")
    if total is not None and received != total:
        raise ConnectionError(f"the connection ended after {received} of {total} bytes")


def _resume_point(target: Target) -> tuple[int, str]:
    """How many bytes are there, and what the server must still say of the file for them to count."""
    note = target.read_note()
    validator = note.get("validator", "") if note.get("url") == target.shown else ""
    return (_size(target.partial), validator) if validator else (0, "")


def _write_note(target: Target, headers: Any) -> None:
    tag = headers.get("ETag", "")
    # A weak tag does not promise equal bytes, and servers ignore it here.
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
    target.partial.unlink(missing_ok=True)
    write_atomically(target.note, json.dumps({"url": target.shown, "validator": validator}).encode())


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Credentials, and whatever else the user adds, stay with the host that they are for."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Follow; where host or scheme change, with the harmless headers alone.

        Raises:
            ValueError: it leads from https to http, or to something else.
        """
        if urlsplit(newurl).scheme not in ("https", urlsplit(req.full_url).scheme):
            where = shown_url(urlsplit(newurl))
            raise ValueError(
                f"{shown_url(urlsplit(req.full_url))}: leads to {where}, which is less safe; fetch that itself"
            )
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            new.headers = {name: value for name, value in new.headers.items() if name in _HARMLESS_HEADERS}
        return new


def _add_credentials(request: urllib.request.Request) -> None:
    if request.has_header("Authorization"):
        return  # the caller's own
    try:
        found = netrc.netrc().authenticators(urlsplit(request.full_url).hostname or "")
    except FileNotFoundError:
        return
    except netrc.NetrcParseError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}: {error.msg}; mend the file") from error
    if found:
        user, _, password = found
        request.add_header("Authorization", "Basic " + b64encode(f"{user}:{password or ''}".encode()).decode())


def _refused(target: Target, error: urllib.error.HTTPError) -> ValueError:
    hints = {
        401: f"; put a line 'machine {urlsplit(target.url).hostname} login ... password ...' into ~/.netrc",
        403: "; perhaps it must be asked for, or its link has expired",
        404: "; check the URL",
    }
    return ValueError(f"{target.shown}: the server answers {error.code} {error.reason}{hints.get(error.code, '')}")


def _retry_after(error: urllib.error.HTTPError) -> float:
    text = error.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(100).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def check_sum(path: Path, sha256: str | None, advice: str) -> None:
    if sha256 is not None and (found := digest_of(path)) != sha256.lower():
        raise ValueError(f"{path}: its SHA-256 is {found}, expected {sha256.lower()}; {advice}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
