"""Plain backgrounds: one color, or a smooth gradient, that the border of a picture shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from urform.pictures._grabcut import connected_parts

_TOLERANCE = 14.0  # levels of 0..255 between a plain background and its smooth model
_BORDER_SHARE = 0.9  # of the border that fits the model; the rest may be the object, cut by the border
_HOLE_SHARE = 2e-4  # of the picture: smaller enclosed spots of background color are highlights of the object
_DARKEST = 0.3  # share of the background's light that a shadow leaves
_HUE = 0.1  # most that shares of red, green and blue differ in a shadow


class PlainBackground(NamedTuple):
    """A background of one color, or with a smooth gradient.

    Attributes:
        mask: where it is seen.
        rgb: its color, also behind the object, 0..255.
    """

    mask: Bool[np.ndarray, "H W"]
    rgb: Float[np.ndarray, "H W 3"]

    def shaded(self, rgb: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "H W"]:
        """Where a picture has the background's hue, darker: shadows, and objects of that color."""
        light = (rgb + 1.0) / np.maximum(self.rgb + 1.0, 1.0)
        return (light.mean(axis=2) > _DARKEST) & (light.mean(axis=2) < 1) & (np.ptp(light, axis=2) < _HUE)


def plain_background(rgb: UInt8[np.ndarray, "H W 3"]) -> PlainBackground | None:
    """The background where the border fits a smooth color gradient, None where it does not."""
    import cv2

    smooth = cv2.medianBlur(rgb, 3).astype(np.float32)
    height, width = rgb.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).astype(np.float32)
    border = np.zeros((height, width), dtype=bool)
    depth = max(2, round(0.015 * min(height, width)))
    border[:depth] = border[-depth:] = border[:, :depth] = border[:, -depth:] = True
    inputs, colors = terms[border], smooth[border]
    # Reweighted least squares from the median: the part of the border that the object covers must not bend the model.
    model = np.zeros((terms.shape[2], 3), np.float32)
    model[0] = np.median(colors, axis=0)
    for _ in range(4):
        error = np.abs(inputs @ model - colors).max(axis=1)
        fits = error <= max(_TOLERANCE, float(np.quantile(error, 0.6)))
        model = np.linalg.lstsq(inputs[fits], colors[fits], rcond=None)[0]
    error = np.abs(inputs @ model - colors).max(axis=1)
    if (error < _TOLERANCE).mean() < _BORDER_SHARE:
        return None
    color = terms @ model
    alike = np.abs(color - smooth).max(axis=2) < _TOLERANCE
    label, stats = connected_parts(alike, 4)
    from_border = np.zeros(len(stats), dtype=bool)
    from_border[label[border]] = True
    holes = stats[:, cv2.CC_STAT_AREA] >= max(9, _HOLE_SHARE * height * width)
    background = from_border | holes
    background[0] = False  # label 0: what is unlike the background
    return PlainBackground(background[label], color)
