"""Files whose names are not UTF-8, for libraries that can open no other names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def utf8_path(path: Path) -> Iterator[str]:
    """The path of a file as UTF-8: its own, or where its name is none, that of the open file.

    Names that are not UTF-8 are Linux's, and so are all others than ASCII where the locale is C. OpenCV crashes on
    them, safetensors calls the file damaged.
    """
    if is_utf8(str(path)):
        yield str(path)
    else:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"


def is_utf8(text: str) -> bool:
    """Whether a text can be encoded: names have surrogates where bytes are no letters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
