"""URLs that fsspec knows."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs", "hdfs": "pyarrow"}
"""Packages that bring the file systems that fsspec itself lacks."""


def is_url(text: str) -> bool:
    """Whether a place is a URL (s3://..., gs://..., file:///...) and no path; `C:` is no protocol."""
    return "://" in text and len(parsed_url(text).scheme) > 1


def parsed_url(url: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        ValueError: it has a `[` without a `]`, or the like; the message leaves out user, password and query.
    """
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{url.partition('?')[0].rpartition('@')[2]}: no URL ({error})") from error


def split_url(url: str) -> tuple[str, Path]:
    """A URL as that of its host or bucket, and the path there."""
    parts = parsed_url(url)
    return f"{parts.scheme}://{parts.netloc}", Path(posixpath.normpath(parts.path).lstrip("/"))


def open_url(url: str) -> tuple[Any, str]:
    """The file system behind a URL, and the path there.

    Raises:
        ValueError: fsspec has no such file system, or its package is not installed.
    """
    import fsspec  # torch brings it

    scheme = parsed_url(url).scheme
    try:
        files, path = fsspec.core.url_to_fs(url + "/")
    except ImportError as error:
        package = EXTRAS.get(scheme, "the package that fsspec names")
        raise ValueError(f"{url}: needs {package}; install it beside urform ({error})") from None
    except ValueError as error:
        raise ValueError(f"{url}: {error}, expected a URL that fsspec knows, such as s3://bucket/folder") from None
    return files, str(path).rstrip("/")
