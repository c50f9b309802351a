"""Ways to damage a file: a table of functions from its content to another one, and of things that are no files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np


def flipped(content: bytes) -> bytes:
    """A byte in forty turned, the same ones each time."""
    values = np.frombuffer(content, np.uint8).copy()
    chosen = np.random.default_rng(0).integers(0, len(values), max(1, len(values) // 40))
    values[chosen] ^= 0xA5
    return values.tobytes()


CONTENT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "cut to a half": lambda content: content[: len(content) // 2],
    "cut by a byte": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "flipped": flipped,
    "wrong magic": lambda content: b"\x7fELF" + content[4:],
    "twice": lambda content: content + content,
    "text": lambda content: b"this is not what you look for\n",
    "not UTF-8": lambda content: b"\xff\xfe\x00\xd8" * 20,
    "web page": lambda content: b"<!doctype html><html>log in</html>",
    "number": lambda content: b"1e999",
    "huge number": lambda content: b"[" + b"9" * 6000 + b"]",
    "null": lambda content: b"null",
    "list": lambda content: b"[1, [2], null]",
    "list of texts": lambda content: b'["a", "../../b"]',
    "NaN": lambda content: b'{"a": NaN, "b": [NaN, Infinity, -Infinity]}',
    "deep list": lambda content: b"[" * 100_000,
    "deep object": lambda content: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "climbing names": lambda content: b'{"../..": {"..": ["../../x", "/etc/x", "a\\u0000b"]}}',
    "wrong types": lambda content: b'{"d": {"ball": [{"a": 1}, 3.5, null, ["x"]]}, "keys": 3, "model": []}',
    "long name": lambda content: b'{"d": {"ball": ["' + b"n" * 5000 + b'"]}}',
}


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / path.name)


def _round(path: Path) -> None:
    path.symlink_to(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


KINDS: dict[str, Callable[[Path], None]] = {
    "folder": _folder,
    "dangling link": _dangling,
    "link to itself": _round,
    "device": _device,
    "pipe": _pipe,
}
EVERY = (*CONTENT, *KINDS)


def damage(path: Path, content: bytes, way: str) -> None:
    """Put a damaged file, or what is none, in the place of a whole one."""
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if way in KINDS:
        KINDS[way](path)
    else:
        path.write_bytes(CONTENT[way](content))
