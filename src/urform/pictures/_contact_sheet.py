"""Many small pictures on one: rows of equal squares with text above and below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

_WARNING = (200, 60, 70)
_START = (4, 2)  # pixels from the corner of a line to its first letter


@dataclass(frozen=True)
class Tile:
    """One square of a sheet.

    Attributes:
        picture: RGB; it is made to fit. None shows that there is no surface.
        caption: text below it, cut at its width.
        heading: text above it, which may go on above the tiles to the right that have none.
        framed: draw a frame around it.
    """

    picture: UInt8[np.ndarray, "H W 3"] | None
    caption: str = ""
    heading: str = ""
    framed: bool = False


def contact_sheet(
    rows: Sequence[Sequence[Tile]], size: int, line: int = 22, title: str = ""
) -> UInt8[np.ndarray, "H W 3"]:
    """Rows of tiles on white.

    Args:
        rows: of equal or different length.
        size: pixels along an edge of a tile.
        line: pixels that a line of text is high.
        title: text above all.
    """
    tiles = [tile for row in rows for tile in row]
    above, below = (
        max((text.count("\n") + 1 for text in texts if text), default=0)
        for texts in ([tile.heading for tile in tiles], [tile.caption for tile in tiles])
    )
    width = size * max(len(row) for row in rows)
    parts = [_text(title, width, line)] if title else []
    for row in rows:
        parts += [_headings(row, size, width, line * above), _pictures(row, size, width)]
        captions = [_text(tile.caption, size, line * below) for tile in row]
        parts.append(_widened(np.concatenate(captions, axis=1), width))
    return np.concatenate(parts)


def _headings(row: Sequence[Tile], size: int, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    starts = [place for place, tile in enumerate(row) if tile.heading or place == 0]
    ends = [*(start * size for start in starts[1:]), width]
    parts = [_text(row[start].heading, end - start * size, height) for start, end in zip(starts, ends, strict=True)]
    return np.concatenate(parts, axis=1)


def _pictures(row: Sequence[Tile], size: int, width: int) -> UInt8[np.ndarray, "S W 3"]:
    return _widened(np.concatenate([_square(tile, size) for tile in row], axis=1), width)


def _square(tile: Tile, size: int) -> UInt8[np.ndarray, "S S 3"]:
    square = np.full((size, size, 3), 255, np.uint8)
    if tile.picture is None:
        middle = size // 2 - 6
        square[middle : middle + 14] = _text("no surface", size, 14, _WARNING)
    else:
        fitted = _fitted(tile.picture, size)
        top, left = (size - fitted.shape[0]) // 2, (size - fitted.shape[1]) // 2
        square[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    if tile.framed:
        cv2.rectangle(square, (1, 1), (size - 2, size - 2), _WARNING, 2)
    return square


def _fitted(picture: UInt8[np.ndarray, "H W 3"], size: int) -> UInt8[np.ndarray, "H2 W2 3"]:
    longest = max(picture.shape[:2])
    if longest == size:
        return picture
    height, width = (max(1, round(side * size / longest)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _widened(picture: UInt8[np.ndarray, "H W 3"], width: int) -> UInt8[np.ndarray, "H W2 3"]:
    return np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)), constant_values=255)


def _text(text: str, width: int, height: int, color: tuple[int, int, int] = (40, 40, 40)) -> UInt8[np.ndarray, "H W 3"]:
    from PIL import Image, ImageDraw

    if not height:
        return np.empty((0, width, 3), np.uint8)
    plain = text.replace("…", "..").encode("ascii", "replace").decode()  # the built-in font may know nothing but ASCII
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).multiline_text(_START, plain, fill=color, spacing=1)
    return np.asarray(image)
