"""Downloads that can be interrupted: resumed, checked, unpacked."""

from __future__ import annotations

import math
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from urform.files import caseless, digest_of, parsed_url, replace_durably, safe_name
from urform.sources import _archive, _drive
from urform.sources._archive import Unpacked, archive_stem
from urform.sources._download import Target, check_sum, download, is_page, shown_url
from urform.sources._drive import drive_id, drive_name


@dataclass(frozen=True)
class Fetched:
    """The result of a download.

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
    """Download a file into a folder, resuming an interrupted download, and unpack it beside itself.

    The file grows as `<name>.partial` and gets its name when it is complete and its checksum is right. A file that has
    its name is not downloaded again. A local archive is unpacked from its place; another local file is copied. User
    name and password come from `~/.netrc`. They are not sent to another host that the server redirects to.

    Args:
        url: http(s)://, ftp:// or file://, a path, or a link or id of a file of Google Drive.
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
        raise ValueError(f"sha256 must have 64 hexadecimal digits, got {sha256!r}")
    if not 0 < max_gb < math.inf:
        raise ValueError(f"max_gb must be positive, got {max_gb}")
    path, was_there = _brought(url, out, (sha256, dict(headers or {}), max_gb, retries, wait_s), unpack)
    stem = archive_stem(path.name) if unpack else None
    unpacked = None if stem is None else _unpack(path, out / safe_name(stem), max_gb)
    return Fetched(path, path.stat().st_size, was_there, unpacked)


def _brought(
    url: str, out: Path, how: tuple[str | None, dict[str, str], float, int, float], unpack: bool
) -> tuple[Path, bool]:
    """The file on this machine, and whether it was there before."""
    parts = parsed_url(url)
    if identifier := drive_id(url):
        name, label = drive_name(identifier, out), f"drive:{identifier}"
        return download(Target(_drive.DOWNLOAD.format(id=identifier), out, *how, name, label))
    if parts.scheme in ("http", "https", "ftp"):
        return download(Target(url, out, *how))
    if parts.scheme == "file" or "://" not in url:
        local = Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else Path(url)
        return _local(local, out, how[0], unpack)
    raise ValueError(
        f"{shown_url(parts)}: cannot fetch {parts.scheme}://, expected http(s)://, ftp://, file:// or a path"
    )


def check_urls(urls: Iterable[str], unpack: bool = True) -> None:
    """Raise a ValueError where two of them would become one file or folder."""
    names: dict[str, str] = {}
    for url in urls:
        name = unquote(parsed_url(url).path).rsplit("/", 1)[-1]
        stem = archive_stem(name) if unpack else None
        if names.setdefault(caseless(safe_name(stem or name)), url) != url:
            raise ValueError(
                f"{shown_url(parsed_url(url))}: would be kept as {stem or name!r}, as another is; fetch it apart"
            )


def _local(path: Path, out: Path, sha256: str | None, unpack: bool) -> tuple[Path, bool]:
    if not path.is_file():
        what = "is a folder, expected a file" if path.is_dir() else "no such file"
        raise FileNotFoundError(f"{path}: {what}; give a URL or the path of a file")
    check_sum(path, sha256, "check the file and the checksum")
    if unpack and archive_stem(path.name):
        return path, True
    out.mkdir(parents=True, exist_ok=True)
    copy = out / path.name
    if copy.exists():
        if digest_of(copy) != digest_of(path):
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
        if not is_page(archive):
            raise
        raise ValueError(
            f"{archive}: is a web page, expected an archive; perhaps one must log in first: remove it and see ~/.netrc"
        ) from error
