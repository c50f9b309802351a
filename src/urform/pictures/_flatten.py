"""Copies on white of RGBA views that others rendered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from urform.config import require
from urform.files import encode_png, read_rgba, write_atomically
from urform.pictures._framing import on_white


@dataclass(frozen=True)
class Flattened:
    """The result of `flatten`.

    Attributes:
        written: copies made.
        current: copies that were there and not older than their view.
        bad: a line for each view that could not be read.
    """

    written: int
    current: int
    bad: tuple[str, ...]


def flatten(folder: Path, out: Path | None = None, workers: int = 0) -> Flattened:
    """Write RGBA views on white: `<category>/<instance>/<level>/image` to `image_rgb` beside it.

    Args:
        folder: a data folder, or a plain folder of RGBA PNG files.
        out: folder of the copies of a plain folder.
        workers: threads; 0 = one a core.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: nothing to do there, or `out` missing or not wanted.
    """
    require(workers >= 0, "workers", "0 or more", workers)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder, expected a data folder or one of RGBA PNG files")
    written = current = 0
    bad: list[str] = []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool, tqdm(desc="flatten", unit="view") as bar:
        for source, target in _places(folder, out):
            pairs = [(path, target / path.name) for path in _pictures(source)]
            # One folder at a time: memory does not grow with their number.
            for outcome in pool.map(_flatten_one, pairs):
                written += outcome == "written"
                current += outcome == "current"
                bad += [outcome] if outcome not in ("written", "current") else []
                bar.update()
    return Flattened(written, current, tuple(bad))


def _places(folder: Path, out: Path | None) -> Iterator[tuple[Path, Path]]:
    """Folders of views, and where their copies belong."""
    if out is not None:
        if not _pictures(folder):
            raise ValueError(f"{folder}: no PNG file in it, expected some; for a data folder omit `out`")
        if out.resolve() == folder.resolve():
            raise ValueError(f"{out}: `out` is the folder of the views itself, expected another one")
        yield folder, out
        return
    views = folder.glob("*/*/*/image")
    first = next(views, None)
    if first is None and _pictures(folder):
        raise ValueError(f"{folder}: a plain folder of pictures, expected a folder for the copies with `out`")
    if first is None:
        raise ValueError(f"{folder}: neither PNG files nor <category>/<instance>/<level>/image folders in it")
    for path in chain([first], views):
        yield path, path.with_name("image_rgb")


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png" and not path.name.startswith("."))


def _flatten_one(pair: tuple[Path, Path]) -> str:
    source, target = pair
    if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return "current"
    try:
        picture = read_rgba(source)
    except ValueError as error:
        return str(error)
    if picture.dtype != np.uint8:
        return f"{source}: has 16 bits a channel, expected 8"
    write_atomically(target, encode_png(on_white(picture)))
    return "written"
