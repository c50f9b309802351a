"""Cutting the object out of a photograph: alpha, plain backgrounds, and GrabCut for all others."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from urform.inference._grabcut import connected_parts, segment_photo

logger = logging.getLogger(__name__)

LARGEST_SIDE = 1280  # pixels; larger pictures are segmented at this size
OPAQUE = 250  # the least alpha of an image counts as a cut-out only below this
MIN_SHARE, MAX_SHARE = 0.01, 0.97  # of the picture covered by the object; outside of these the mask is not believed
PLAIN_TOLERANCE = 14.0  # levels of 0..255 between a plain background and its smooth model
PLAIN_BORDER_SHARE = 0.9  # of the border that fits the model; the rest may be the object, cut by the border
HOLE_SHARE = 2e-4  # of the picture: smaller enclosed spots of background colour are highlights of the object


@dataclass(frozen=True)
class CutOut:
    """An object without its background.

    Attributes:
        rgba: the picture, alpha 0 on the background.
        method: where alpha comes from: `alpha` (the file), `plain`, `grabcut`, or `kept` (background kept).
    """

    rgba: UInt8[np.ndarray, "H W 4"]
    method: str


def cut_out(image: UInt8[np.ndarray, "H W C"], keep_background: bool = False) -> CutOut:
    """Remove the background of a picture of one object.

    The alpha channel is taken where there is one. Otherwise a plain background, or one with a smooth gradient, is
    removed from the border inwards, with the holes that it shows through. Any other is segmented by GrabCut, started
    from what is unlike the border and closed off from it; that is a guess, good for objects that stand out in colour.

    Args:
        image: RGB or RGBA.
        keep_background: do nothing but make the whole picture opaque.

    Raises:
        ValueError: not an image of three or four channels.
    """
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"image must have shape (H, W, 3 or 4) and type uint8, got {image.shape} {image.dtype}")
    rgb = np.ascontiguousarray(image[..., :3])
    if keep_background:
        return _with_alpha(rgb, np.full(rgb.shape[:2], 255, np.uint8), "kept")
    if image.shape[2] == 4 and image[..., 3].min() < OPAQUE:
        alpha, method = image[..., 3], "alpha"
    elif min(rgb.shape[:2]) < 16:
        alpha, method = np.zeros(rgb.shape[:2], np.uint8), "grabcut"
    else:
        alpha, method = _segment(rgb)
    share = float((alpha > 127).mean())
    # A file's own alpha may well fill the picture: it was cropped to the object.
    if share < MIN_SHARE or (share > MAX_SHARE and method != "alpha"):
        logger.warning("the object would fill %.1f %% of the picture (%s): the background is kept", 100 * share, method)
        return _with_alpha(rgb, np.full(rgb.shape[:2], 255, np.uint8), "kept")
    return _with_alpha(rgb, alpha, method)


def _with_alpha(rgb: np.ndarray, alpha: np.ndarray, method: str) -> CutOut:
    return CutOut(np.concatenate([rgb, alpha[..., None]], axis=2), method)


def _segment(rgb: UInt8[np.ndarray, "H W 3"]) -> tuple[UInt8[np.ndarray, "H W"], str]:
    """Alpha of a picture that has none, and the method that found it."""
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    small = rgb
    if scale < 1:
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    background = None
    thumbnail = cv2.resize(small, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    if min(thumbnail.shape[:2]) < 64 or _plain_background(thumbnail) is not None:  # quick for all that are far from it
        background = _plain_background(small)
    alpha, method = (segment_photo(small), "grabcut") if background is None else (_soft_edge(~background), "plain")
    if scale < 1:
        alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    return alpha, method


def _plain_background(rgb: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "H W"] | None:
    """Mask of the background where the border fits a smooth colour gradient, None where it does not."""
    import cv2

    smooth = cv2.medianBlur(rgb, 3).astype(np.float32)
    height, width = rgb.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).astype(np.float32)
    border = np.zeros((height, width), dtype=bool)
    depth = max(2, round(0.015 * min(height, width)))
    border[:depth] = border[-depth:] = border[:, :depth] = border[:, -depth:] = True
    inputs, colours = terms[border], smooth[border]
    # Reweighted least squares from the median: the part of the border that the object covers must not bend the model.
    error = np.abs(colours - np.median(colours, axis=0)).max(axis=1)
    for _ in range(4):
        fits = error <= max(PLAIN_TOLERANCE, float(np.quantile(error, 0.6)))
        model = np.linalg.lstsq(inputs[fits], colours[fits], rcond=None)[0]
        error = np.abs(inputs @ model - colours).max(axis=1)
    if (error < PLAIN_TOLERANCE).mean() < PLAIN_BORDER_SHARE:
        return None
    alike = np.abs(terms @ model - smooth).max(axis=2) < PLAIN_TOLERANCE
    label, stats = connected_parts(alike, 4)
    from_border = np.zeros(len(stats), dtype=bool)
    from_border[label[border]] = True
    holes = stats[:, cv2.CC_STAT_AREA] >= max(9, HOLE_SHARE * height * width)
    background = from_border | holes
    background[0] = False  # label 0: what is unlike the background
    return background[label]


def _soft_edge(mask: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """Alpha of a mask, specks removed and its edge softened by a pixel."""
    import cv2

    label, stats = connected_parts(mask, 8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= max(4.0, 0.002 * areas.max(initial=0))
    keep[0] = False
    return cv2.GaussianBlur(keep[label].astype(np.uint8) * 255, (3, 3), 0)
