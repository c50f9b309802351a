"""Rendered views of a data folder, and how an encoder sees a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from urform.files import read_png
from urform.pictures._framing import frame

_WHITE = 255


def read_view(path: Path) -> UInt8[np.ndarray, "H W 4"]:
    """Read a rendered view quickly; of one on white (`image_rgb`), the white around the object becomes transparent.

    Raises:
        ValueError: the file is damaged or is no picture in color.
    """
    picture = read_png(path)
    if picture is None or picture.ndim != 3 or picture.shape[2] not in (3, 4) or picture.dtype != np.uint8:
        raise ValueError(f"{path}: not an RGBA picture, expected a rendered view; prepare the shape again")
    if picture.shape[2] == 4:
        return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    return np.dstack([rgb, np.where(_around(rgb), 0, 255).astype(np.uint8)])


def resized(rgba: UInt8[np.ndarray, "H W 4"], size: int) -> UInt8[np.ndarray, "size size 4"]:
    """The whole picture at another size, whatever its proportions: what the published encoders see."""
    if rgba.shape[:2] == (size, size):
        return rgba
    premultiplied = Image.fromarray(rgba).convert("RGBa").resize((size, size), Image.Resampling.BILINEAR)
    return np.array(premultiplied.convert("RGBA"))


SEEN: dict[str, Callable[[np.ndarray, int], UInt8[np.ndarray, "S S 4"]]] = {"framed": frame, "resized": resized}
"""How an encoder sees a picture, by the name in a model's settings."""


def _around(rgb: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "H W"]:
    """White that reaches the border: what is white inside belongs to the object."""
    white = (rgb == _WHITE).all(axis=2)
    _, labels = cv2.connectedComponents(white.astype(np.uint8), connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.isin(labels, border[border > 0])
