"""Files of Google Drive, given as links or ids."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from urform.files import safe_name, write_atomically

DOWNLOAD = "https://drive.usercontent.google.com/download?id={id}&export=download&confirm=t"
_HOSTS = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
_ID = r"[A-Za-z0-9_-]{25,60}"
_LONGEST_PAGE = 200_000
_TIMEOUT_S = 60.0


def drive_id(text: str) -> str | None:
    """The id that a link of Drive names, or a bare id or `drive:ID` is; None where it is something else.

    Raises:
        ValueError: it is a folder, of which there is no one file.
    """
    if match := re.fullmatch(rf"(?:drive:)?({_ID})", text):
        is_bare = not text.startswith("drive:")
        return None if is_bare and Path(text).exists() else match[1]
    parts = urlsplit(text)
    if parts.hostname not in _HOSTS:
        return None
    if "/folders/" in parts.path:
        raise ValueError(f"{text}: is a folder of Google Drive, expected the links or ids of the files in it")
    found = re.search(rf"/d/({_ID})", parts.path)
    return found[1] if found else next(iter(parse_qs(parts.query).get("id", [])), None)


def drive_name(identifier: str, out: Path) -> str:
    """The name of the file, asked from Drive once and then noted in `out/.fetched`.

    Raises:
        ValueError: Drive answers with a page and not with a file; the message says what the page says.
        ConnectionError: it cannot be reached.
    """
    note = out / ".fetched" / f"drive_{identifier}.txt"
    if note.is_file():
        return safe_name(note.read_text().strip())
    request = urllib.request.Request(DOWNLOAD.format(id=identifier), headers={"User-Agent": "urform"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            headers: Message = response.headers
            if headers.get_content_type() == "text/html":
                raise _page(identifier, response.read(_LONGEST_PAGE).decode(errors="replace"))
            name = headers.get_filename() or f"{identifier}.bin"
    except urllib.error.HTTPError as error:
        with error:
            raise _page(identifier, f"<title>{error.code} {error.reason}</title>") from error
    except urllib.error.URLError as error:
        raise ConnectionError(f"Google Drive, {identifier}: {error.reason}") from error
    write_atomically(note, safe_name(name).encode())
    return safe_name(name)


def _page(identifier: str, page: str) -> ValueError:
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL | re.IGNORECASE)
    said = " ".join(title[1].split())[:100] if title else "no title"
    return ValueError(
        f"Google Drive, {identifier}: answers with a page ({said}) and not with the file: it is not shared, was "
        f"downloaded too often today, or wants a confirmation. Open https://drive.google.com/file/d/{identifier}/view "
        "in a browser, and give the path of what you downloaded"
    )
