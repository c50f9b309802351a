"""Cutting out the object that a box or points of a picture name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from urform.pictures._background import ALIKE, LEAST_PIXELS, CutOut, cut_out
from urform.pictures._grabcut import WORK_SIZE, color_steps, connected_parts, main_parts, upsample
from urform.pictures._salient import salient

Box = tuple[int, int, int, int]
Point = tuple[int, int]

ROUNDS = 5  # of GrabCut
DOT = 0.012  # of the longer side: what lies within it of a point is as the point says
REACH = 14.0  # sum of color steps, in Lab units, over which a point speaks for its surroundings
MARGIN = 0.15  # of the box, which the network sees around it
FILLED = 0.8  # share of the box's width and height that an object must span to be the one that the box names


@dataclass(frozen=True)
class Hints:
    """What a person says of the object in a picture.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the upright picture, x1 and y1 outside; the object fills it.
        inside: x, y of pixels that are object.
        outside: x, y of pixels that are background.
        keep_background: cut nothing out.
    """

    box: Box | None = None
    inside: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()
    keep_background: bool = False

    def __post_init__(self) -> None:
        if self.keep_background and (self.box is not None or self.inside or self.outside):
            raise ValueError("keep_background must go without box and points, which cut the object out")

    @classmethod
    def parse(cls, box: str = "", inside: str = "", outside: str = "", keep_background: bool = False) -> Hints:
        """From texts: `x0,y0,x1,y1`, and points `x,y` with blanks between them.

        Raises:
            ValueError: these are no whole numbers, or not so many.
        """
        numbers = _numbers("box", box, 4) if box else None
        parts = {"inside": inside, "outside": outside}
        points = {name: tuple(_point(name, word) for word in text.split()) for name, text in parts.items()}
        return cls(
            None if numbers is None else (numbers[0], numbers[1], numbers[2], numbers[3]),
            **points,
            keep_background=keep_background,
        )


def cut_out_hinted(image: UInt8[np.ndarray, "H W C"], hints: Hints) -> CutOut:
    """Cut out the object as `cut_out` does, or as a person says; points mend what `cut_out` finds.

    Raises:
        ValueError: see `cut_out` and `cut_out_by_hand`.
    """
    if hints.box is not None:
        return cut_out_by_hand(image, hints.box, hints.inside, hints.outside)
    if not hints.inside and not hints.outside:
        return cut_out(image, hints.keep_background)
    try:
        first = cut_out(image).rgba[..., 3]
    except ValueError:  # nothing stands out: the points alone say what the object is
        first = None
    return cut_out_by_hand(image, None, hints.inside, hints.outside, first)


def cut_out_by_hand(
    image: UInt8[np.ndarray, "H W C"],
    box: Box | None = None,
    inside: Sequence[Point] = (),
    outside: Sequence[Point] = (),
    start: UInt8[np.ndarray, "H W"] | None = None,
) -> CutOut:
    """Cut out the object that a person points at: GrabCut that keeps to a box and to points.

    Args:
        image: RGB or RGBA.
        box: x0, y0, x1, y1 in pixels, x1 and y1 outside; nothing outside of it is object, and the object fills it.
        inside: x, y of pixels that are object.
        outside: x, y of pixels that are background.
        start: alpha of a first cut-out that the points mend.

    Raises:
        ValueError: nothing is named, a box or point lies outside of the picture, or nothing is left of the object.

    Source: Rother 2004 (GrabCut), its user's brush.
    """
    _check(box, [*inside, *outside], *image.shape[1::-1])
    rgb = np.ascontiguousarray(image[..., :3])
    mask = _mask(rgb, box, inside, outside, start)
    alpha = upsample(mask, rgb)
    if int((alpha > 127).sum()) < LEAST_PIXELS:
        raise ValueError("nothing is left of the object: name another box or other points")
    return CutOut(np.concatenate([rgb, alpha[..., None]], axis=2), "hand")


def _mask(
    rgb: UInt8[np.ndarray, "H W 3"],
    box: Box | None,
    inside: Sequence[Point],
    outside: Sequence[Point],
    start: UInt8[np.ndarray, "H W"] | None,
) -> Bool[np.ndarray, "h w"]:
    """The object at the size at which GrabCut works."""
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, WORK_SIZE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    allowed = np.ones(small.shape[:2], bool)
    if box is not None:
        x0, y0, x1, y1 = (round(edge * scale) for edge in box)
        x0, y0 = min(x0, size[0] - 1), min(y0, size[1] - 1)
        allowed[:] = False
        allowed[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
    spots = [_scaled(points, scale, size) for points in (inside, outside)]
    if start is not None:
        likely = cv2.resize(start, size, interpolation=cv2.INTER_AREA) > 127
    elif box is not None:
        likely = _in_box(small, allowed)
    else:
        likely = np.zeros(allowed.shape, bool)
    mask = _grab_cut(small, likely, allowed, *spots)
    if start is None and not (inside or outside) and (likely != allowed).any() and not _alike(mask, likely):
        mask = likely
    label, _ = connected_parts(mask, 8)
    named = np.isin(label, list({int(label[y, x]) for x, y in spots[0]} - {0}))
    return named if named.any() and start is None else main_parts(mask) | named


def _point(name: str, word: str) -> Point:
    x, y = _numbers(name, word, 2)
    return x, y


def _numbers(name: str, text: str, count: int) -> list[int]:
    parts = text.split(",")
    if len(parts) != count or not all(part.strip().isdecimal() and len(part) < 10 for part in parts):
        raise ValueError(f"{name} must be {count} whole numbers with commas between them, got {text[:40]!r}")
    return [int(part) for part in parts]


def _check(box: Box | None, points: Sequence[Point], width: int, height: int) -> None:
    if box is None and not points:
        raise ValueError("box or points must be given, got neither")
    if box is not None and not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
        raise ValueError(f"box must be x0,y0,x1,y1 inside the picture of {width} x {height} pixels, got {box}")
    for x, y in points:
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"point must lie inside the picture of {width} x {height} pixels, got {(x, y)}")


def _alike(mask: Bool[np.ndarray, "H W"], other: Bool[np.ndarray, "H W"]) -> bool:
    """Whether GrabCut found what the network sees: then its edges are finer."""
    return bool((mask & other).sum() > ALIKE * (mask | other).sum())


def _scaled(points: Sequence[Point], scale: float, size: Point) -> list[Point]:
    return [(min(int(x * scale), size[0] - 1), min(int(y * scale), size[1] - 1)) for x, y in points]


def _in_box(rgb: UInt8[np.ndarray, "H W 3"], allowed: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """What the network sees in the box, where it fills the box; else the whole box."""
    ys, xs = np.nonzero(allowed)
    low, high = np.array([xs.min(), ys.min()]), np.array([xs.max(), ys.max()]) + 1
    margin = (MARGIN * (high - low)).astype(int)
    (left, top), (right, bottom) = np.maximum(low - margin, 0), high + margin
    seen = np.zeros(allowed.shape, bool)
    seen[top:bottom, left:right] = salient(np.ascontiguousarray(rgb[top:bottom, left:right])) > 0.5
    seen &= allowed
    if not seen.any():
        return allowed
    ys, xs = np.nonzero(seen)
    return seen if (np.array([np.ptp(xs), np.ptp(ys)]) >= FILLED * (high - low)).all() else allowed


def _grab_cut(
    rgb: UInt8[np.ndarray, "H W 3"],
    likely: Bool[np.ndarray, "H W"],
    allowed: Bool[np.ndarray, "H W"],
    inside: list[Point],
    outside: list[Point],
) -> Bool[np.ndarray, "H W"]:
    import cv2

    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    steps = color_steps(rgb)
    far = np.full(allowed.shape, REACH)
    to_inside, to_outside = (_travel(steps, points) if points else far for points in (inside, outside))
    labels[(to_inside < far) & (to_inside < to_outside)] = cv2.GC_PR_FGD
    labels[(to_outside < far) & (to_outside < to_inside)] = cv2.GC_PR_BGD
    labels[~allowed] = cv2.GC_BGD
    radius = max(2, round(DOT * max(labels.shape)))
    for points, value in ((inside, cv2.GC_FGD), (outside, cv2.GC_BGD)):
        for point in points:
            cv2.circle(labels, point, radius, int(value), -1)
    if not (labels & 1).any() or (labels & 1).all():
        return (labels & 1) == 1
    cv2.setRNGSeed(0)
    cv2.grabCut(rgb, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (labels & 1) == 1


def _travel(steps: Float[np.ndarray, "H W"], points: list[Point]) -> Float[np.ndarray, "H W"]:
    """The least sum of color steps on the way from the nearest point to each pixel."""
    from skimage.graph import MCP_Geometric

    return MCP_Geometric(steps).find_costs([(y, x) for x, y in points])[0]
