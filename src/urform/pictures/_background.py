"""Cutting the object out of a photograph: alpha, plain backgrounds, and a network and GrabCut for all others."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from urform.pictures._grabcut import connected_parts, segment_photo
from urform.pictures._image import read_image
from urform.pictures._plain import PlainBackground, plain_background
from urform.pictures._salient import salient

logger = logging.getLogger(__name__)

LARGEST_SIDE = 1280  # pixels; larger pictures are segmented at this size
OPAQUE_FROM = 250  # levels of alpha from which a pixel counts as opaque
LEAST_SIDE = 16  # pixels along the shorter side, at the size at which pictures are segmented
LEAST_PIXELS = 100  # of an object
MIN_SHARE, MAX_SHARE = 0.01, 0.97  # of the picture covered by the object; outside of these a mask is not believed
NEAR_SHARE = 0.01  # of the longer side: what lies within it of the network's object is no shadow
AGREED = 0.8  # share of the network's object that must differ from a plain background, or the other way round
UNSURE = 1.5  # times the network's object that it is unsure of: in photographs of objects at most 0.6
APART = 0.25  # IoU of the two objects below which one of them is wrong
ALIKE = 0.8  # IoU of GrabCut's object with the network's from which GrabCut's is taken: its edges are finer


@dataclass(frozen=True)
class CutOut:
    """An object without its background.

    Attributes:
        rgba: the picture, alpha 0 on the background.
        method: where alpha comes from: `alpha` (the file), `plain`, `grabcut`, `network`, or `kept` (background kept).
        warnings: a sentence for each reason to doubt that it is the object.
    """

    rgba: UInt8[np.ndarray, "H W 4"]
    method: str
    warnings: tuple[str, ...] = ()


def cut_out(image: UInt8[np.ndarray, "H W C"], keep_background: bool = False) -> CutOut:
    """Remove the background of a picture of one object.

    The alpha channel is taken where it is a cut-out: rounded corners are none. Otherwise a plain background, or one
    with a smooth gradient, is removed from the border inwards, with the holes that it shows through. Shadows and
    letters go, too: a network does not take them for the object. On any other background that network cuts the object
    out, or GrabCut, whose edges are finer, where both find the same.

    Args:
        image: RGB or RGBA.
        keep_background: do nothing but make the whole picture opaque.

    Raises:
        ValueError: not an image of three or four channels, or there is no object in it.
    """
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"image must have shape (H, W, 3 or 4) and type uint8, got {image.shape} {image.dtype}")
    rgb = np.ascontiguousarray(image[..., :3])
    if keep_background:
        return _with_alpha(rgb, np.full(rgb.shape[:2], 255, np.uint8), "kept")
    warnings: tuple[str, ...] = ()
    if image.shape[2] == 4 and (image[..., 3] >= OPAQUE_FROM).mean() < MAX_SHARE:
        alpha, method = image[..., 3], "alpha"
    elif min(rgb.shape[:2]) * min(1.0, LARGEST_SIDE / max(rgb.shape[:2])) < LEAST_SIDE:
        raise ValueError(
            f"the picture has {rgb.shape[1]} x {rgb.shape[0]} pixels, expected at least {LEAST_SIDE} along each side, "
            f"and at most {LARGEST_SIDE // LEAST_SIDE} times as many along the other"
        )
    else:
        alpha, method, warnings = _segment(rgb)
        if image.shape[2] == 4 and (clear := (image[..., 3] < OPAQUE_FROM).mean()):
            warnings = (f"the picture's transparency, {_percent(clear)} of it, is too little for a cut-out", *warnings)
    pixels = int((alpha > 127).sum())
    if pixels < LEAST_PIXELS:
        raise ValueError("nothing in the picture stands out, expected an object; or keep the background")
    if method != "alpha" and pixels > MAX_SHARE * alpha.size:
        filled = f"the object would fill {_percent(pixels / alpha.size)} of the picture: the background is kept"
        return _with_alpha(rgb, np.full(rgb.shape[:2], 255, np.uint8), "kept", (*warnings, filled))
    return _with_alpha(rgb, alpha, method, warnings)


def cut_out_file(path: Path) -> CutOut:
    """The object of a picture file, with its warnings in the log: for results that have no place for them."""
    cut = cut_out(read_image(path))
    for warning in cut.warnings:
        logger.warning("%s: %s", path, warning)
    return cut


def _percent(share: float) -> str:
    return f"{max(100 * share, 0.1):.1f} %"


def _with_alpha(rgb: np.ndarray, alpha: np.ndarray, method: str, warnings: tuple[str, ...] = ()) -> CutOut:
    return CutOut(np.concatenate([rgb, alpha[..., None]], axis=2), method, warnings)


def _segment(rgb: UInt8[np.ndarray, "H W 3"]) -> tuple[UInt8[np.ndarray, "H W"], str, tuple[str, ...]]:
    """Alpha of a picture that has none, the method that found it, and what speaks against it."""
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    small = rgb
    if scale < 1:
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    background = None
    thumbnail = cv2.resize(small, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    if min(thumbnail.shape[:2]) < 64 or plain_background(thumbnail) is not None:  # quick for all that are far from it
        background = plain_background(small)
    seen = salient(small)
    warnings = _doubts(seen)
    if background is None:
        alpha, method, differ = _unplain(small, seen)
        warnings += differ
    else:
        mask, method = _on_plain(small, background, seen > 0.5)
        alpha = _soft_edge(mask)
    if scale < 1:
        alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    return alpha, method, warnings


def _doubts(seen: Float[np.ndarray, "H W"]) -> tuple[str, ...]:
    """What the network's answer says against a picture of one object."""
    known, unsure = (seen > 0.5).sum(), ((seen > 0.1) & (seen < 0.9)).sum()
    if known >= MIN_SHARE * seen.size and unsure <= UNSURE * known:
        return ()
    return ("nothing in the picture clearly stands out as an object",)


def _unplain(
    rgb: UInt8[np.ndarray, "H W 3"], seen: Float[np.ndarray, "H W"]
) -> tuple[UInt8[np.ndarray, "H W"], str, tuple[str, ...]]:
    """Alpha of a picture whose background is not plain, the method that found it, and what speaks against it."""
    by_color = segment_photo(rgb)
    known, colored = seen > 0.5, by_color > 127
    alike = (known & colored).sum() / max((known | colored).sum(), 1)
    if alike > ALIKE or not MIN_SHARE < known.mean() < MAX_SHARE:
        return by_color, "grabcut", ()
    alpha = np.round(255 * np.clip(4 * (seen - 0.5) + 0.5, 0, 1)).astype(np.uint8)
    differ = ("two ways to find the object differ: see in the preview which part was taken",)
    return alpha, "network", differ if alike < APART else ()


def _on_plain(
    rgb: UInt8[np.ndarray, "H W 3"], background: PlainBackground, known: Bool[np.ndarray, "H W"]
) -> tuple[Bool[np.ndarray, "H W"], str]:
    """What differs from a plain background, but for shadows and letters: the network does not take them for the object.

    If much of the network's object does not differ, and much of the difference lies outside it, the background is not
    plain. Then the network's object counts.
    """
    mask = ~background.mask
    if known.mean() < MIN_SHARE:
        return mask, "plain"
    both = (mask & known).sum()
    if both < AGREED * known.sum() and both < AGREED * mask.sum():
        return known, "network"
    label, stats = connected_parts(mask, 8)
    touched = np.bincount(label[mask & known], minlength=len(stats)) > 0
    touched[0] = False
    parts = touched[label]
    shadow = background.shaded(rgb) & ~_widened(known, NEAR_SHARE)
    return parts & ~shadow, "plain"


def _widened(mask: Bool[np.ndarray, "H W"], share: float) -> Bool[np.ndarray, "H W"]:
    """The mask and what lies within so much of the longer side of it."""
    import cv2

    reach = 2 * round(share * max(mask.shape)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0


def _soft_edge(mask: Bool[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """Alpha of a mask, specks removed and its edge softened by a pixel."""
    import cv2

    label, stats = connected_parts(mask, 8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= max(4.0, 0.002 * areas.max(initial=0))
    keep[0] = False
    return cv2.GaussianBlur(keep[label].astype(np.uint8) * 255, (3, 3), 0)
