"""Framing: how an object lies in the picture that the encoder sees, in training and afterwards."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8

OPAQUE = 127
FILL = 0.9


def frame(rgba: UInt8[np.ndarray, "H W 4"], size: int, fill: float = FILL) -> UInt8[np.ndarray, "size size 4"]:
    """Crop to the object and centre it in a square, its longer side taking `fill` of the edge.

    Args:
        rgba: the object is where alpha > 127; it may touch the border.
        size: pixels along an edge of the result.
        fill: share of the edge, 0..1.

    Raises:
        ValueError: nothing is opaque.
    """
    opaque = rgba[..., 3] > OPAQUE
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    if not len(rows):
        raise ValueError("nothing in the image is opaque, expected an object")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    scale = fill * size / max(bottom - top, right - left)
    premultiplied = rgba.astype(np.float32)
    premultiplied[..., :3] *= premultiplied[..., 3:] / 255
    # Area interpolation averages over what becomes one pixel; warpAffine alone would skip pixels.
    shrink = min(scale, 1.0)
    if shrink < 1:
        width, height = (max(1, round(length * shrink)) for length in (rgba.shape[1], rgba.shape[0]))
        premultiplied = cv2.resize(premultiplied, (width, height), interpolation=cv2.INTER_AREA)
    rest_x, rest_y = (scale * rgba.shape[1] / premultiplied.shape[1], scale * rgba.shape[0] / premultiplied.shape[0])
    centre_x, centre_y = (left + right) / 2 * scale, (top + bottom) / 2 * scale
    # Pixel centres lie at half integers: x_out + 0.5 = (x_in + 0.5) * rest - centre + size / 2.
    matrix = np.array(
        [
            [rest_x, 0, 0.5 * rest_x - centre_x + size / 2 - 0.5],
            [0, rest_y, 0.5 * rest_y - centre_y + size / 2 - 0.5],
        ]
    )
    square = cv2.warpAffine(premultiplied, matrix, (size, size), flags=cv2.INTER_LINEAR)
    alpha = square[..., 3:]
    square[..., :3] = square[..., :3] * 255 / np.maximum(alpha, 1e-3)
    return np.clip(square + 0.5, 0, 255).astype(np.uint8)


def on_white(rgba: UInt8[np.ndarray, "*B H W 4"]) -> UInt8[np.ndarray, "*B H W 3"]:
    """Composite over white."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return (rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
