"""Downloads that can be interrupted: resumed, checked, unpacked."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import math
import netrc
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from tqdm import tqdm

from urform.data import _archive
from urform.data._archive import CHUNK, Unpacked, archive_stem
from urform.data._layout import replace_durably, write_atomically
from urform.data._names import caseless, safe_name

logger = logging.getLogger(__name__)

TIMEOUT_S = 60.0
LONGEST_WAIT_S = 60.0
PAGE_SUFFIXES = (".html", ".htm", ".xhtml")
_BROKEN = (http.client.HTTPException, urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError)
_HARMLESS_HEADERS = frozenset({"User-agent", "Range", "If-range"})  # as urllib spells them
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Fetched:
    """What a download gave.

    Attributes:
        path: the file.
        size_bytes: its size.
        was_there: whether it had been complete before.
        unpacked: what came out of it; None where it is no archive, or unpacking was not wanted.
    """

    path: Path
    size_bytes: int
    was_there: bool
    unpacked: Unpacked | None = None


def fetch(
    url: str,
    out: Path,
    sha256: str | None = None,
    unpack: bool = True,
    headers: Mapping[str, str] | None = None,
    max_gb: float = 200.0,
    retries: int = 5,
    wait_s: float = 1.0,
) -> Fetched:
    """Download a file into a folder, resuming where an earlier attempt ended, and unpack it beside itself.

    The file grows as `<name>.partial` and gets its name when it is complete and its checksum right; one that has its
    name is not downloaded again. A local archive is unpacked from where it lies, another local file is copied.
    User name and password come from `~/.netrc`, and are not sent to another host that the server points to.

    Args:
        url: http(s)://, file:// or a path.
        out: the folder, made when missing.
        sha256: hexadecimal checksum that the file must have.
        unpack: unpack .zip, .sh3f and .tar(.gz, .xz, .bz2) files into `out/<name without ending>`.
        headers: more HTTP headers.
        max_gb: most GiB that may be downloaded or unpacked.
        retries: how often in a row an attempt may bring nothing before it is given up.
        wait_s: pause after the first failure, doubled after each further one.

    Raises:
        FileNotFoundError: no such local file.
        ValueError: a wrong URL or checksum, the server refuses, or a damaged archive.
        ConnectionError: the server cannot be reached or breaks off, `retries` times.
    """
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"--sha256 must have 64 hexadecimal digits, got {sha256!r}")
    if not 0 < max_gb < math.inf:
        raise ValueError(f"--max-gb must be positive, got {max_gb}")
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        path, was_there = _download(_Target(url, out, sha256, dict(headers or {}), max_gb, retries, wait_s))
    elif parts.scheme == "file" or "://" not in url:
        local = Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else Path(url)
        path, was_there = _local(local, out, sha256, unpack)
    else:
        raise ValueError(f"{_shown(parts)}: cannot fetch {parts.scheme}://, expected http(s)://, file:// or a path")
    stem = archive_stem(path.name) if unpack else None
    unpacked = None if stem is None else _unpack(path, out / safe_name(stem), max_gb)
    return Fetched(path, path.stat().st_size, was_there, unpacked)


def check_urls(urls: Iterable[str], unpack: bool = True) -> None:
    """Raise a ValueError where two of them would become one file or folder."""
    names: dict[str, str] = {}
    for url in urls:
        name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
        stem = archive_stem(name) if unpack else None
        if names.setdefault(caseless(safe_name(stem or name)), url) != url:
            raise ValueError(
                f"{_shown(urlsplit(url))}: would be kept as {stem or name!r}, as another is; fetch it apart"
            )


@dataclass(frozen=True)
class _Target:
    """A download: from where, to where, how."""

    url: str
    out: Path
    sha256: str | None
    headers: dict[str, str]
    max_gb: float
    retries: int
    wait_s: float

    @property
    def shown(self) -> str:
        return _shown(urlsplit(self.url))

    @property
    def path(self) -> Path:
        name = unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]
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


def _shown(parts: SplitResult) -> str:
    """A URL for messages: user, password and query, which may hold a token, are left out."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}"


def _download(target: _Target) -> tuple[Path, bool]:
    if "@" in urlsplit(target.url).netloc:
        raise ValueError(f"{target.shown}: has a user name in it; remove it and put the credentials into ~/.netrc")
    if target.path.exists():
        origin = target.read_note().get("url", target.shown)
        if origin != target.shown:
            raise ValueError(f"{target.path}: is there already, from {origin}; choose another --out for {target.shown}")
        _check_sum(target.path, target.sha256, "remove it to download it again")
        return target.path, True
    target.out.mkdir(parents=True, exist_ok=True)
    _attempt_repeatedly(target)
    try:
        if _is_page(target.partial) and target.path.suffix.lower() not in PAGE_SUFFIXES:
            raise ValueError(
                f"{target.shown}: is a web page, expected an archive or a mesh; perhaps one must log in first"
            )
        _check_sum(target.partial, target.sha256, "the download was removed; check the URL and the checksum")
    except ValueError:
        target.partial.unlink()
        raise
    replace_durably(target.partial, target.path)
    return target.path, False


def _attempt_repeatedly(target: _Target) -> None:
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


def _attempt(target: _Target) -> None:
    """One request that brings the partial file as far as it can.

    Raises:
        urllib.error.HTTPError: the server refuses.
        ConnectionError: the connection ended early.
    """
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


def _receive(target: _Target, response: Any, start: int) -> None:
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
        raise ValueError(f"{target.shown}: has more than {target.max_gb:g} GiB; give a larger --max-gb if it should")
    if total is not None and received != total:
        raise ConnectionError(f"the connection ended after {received} of {total} bytes")


def _resume_point(target: _Target) -> tuple[int, str]:
    """How many bytes are there, and what the server must still say of the file for them to count."""
    note = target.read_note()
    validator = note.get("validator", "") if note.get("url") == target.shown else ""
    return (_size(target.partial), validator) if validator else (0, "")


def _write_note(target: _Target, headers: Any) -> None:
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
            where = _shown(urlsplit(newurl))
            raise ValueError(
                f"{_shown(urlsplit(req.full_url))}: leads to {where}, which is less safe; fetch that itself"
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


def _refused(target: _Target, error: urllib.error.HTTPError) -> ValueError:
    hints = {
        401: f"; put a line 'machine {urlsplit(target.url).hostname} login ... password ...' into ~/.netrc",
        403: "; perhaps it must be asked for, or its link has expired",
        404: "; check the URL",
    }
    return ValueError(f"{target.shown}: the server answers {error.code} {error.reason}{hints.get(error.code, '')}")


def _retry_after(error: urllib.error.HTTPError) -> float:
    text = error.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _local(path: Path, out: Path, sha256: str | None, unpack: bool) -> tuple[Path, bool]:
    if not path.is_file():
        what = "is a folder, expected a file" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {what}; give a URL or the path of a file")
    _check_sum(path, sha256, "check the file and the checksum")
    if unpack and archive_stem(path.name):
        return path, True
    out.mkdir(parents=True, exist_ok=True)
    copy = out / path.name
    if copy.exists():
        if _digest(copy) != _digest(path):
            raise ValueError(f"{copy}: is there already with another content than {path}, remove it first")
        return copy, True
    partial = out / f"{path.name}.partial"
    shutil.copyfile(path, partial)
    replace_durably(partial, copy)
    return copy, False


def _unpack(archive: Path, folder: Path, max_gb: float) -> Unpacked:
    try:
        return _archive.unpack(archive, folder, max_gb)
    except ValueError as error:
        if not _is_page(archive):
            raise
        raise ValueError(
            f"{archive}: is a web page, expected an archive; perhaps one must log in first: remove it and see ~/.netrc"
        ) from error


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(100).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _check_sum(path: Path, sha256: str | None, advice: str) -> None:
    if sha256 is not None and (found := _digest(path)) != sha256.lower():
        raise ValueError(f"{path}: its SHA-256 is {found}, expected {sha256.lower()}; {advice}")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
