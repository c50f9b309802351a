"""Pieces of sofas: blocks, rows of cushions, backs, arms and feet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._armchairs import cushion
from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import Numbers, bar, rounded_box, warp, xyz


def block(low: Numbers, high: Numbers, radius: float, cells: int = 3) -> Manifold:
    """Rounded box between two opposite corners (3,), metres."""
    ends = np.stack([np.asarray(low, float), np.asarray(high, float)])
    return rounded_box(np.ptp(ends, axis=0), radius, cells).translate(ends.mean(axis=0).tolist())


def turned(solid: Manifold, side: int) -> Manifold:
    """A solid that looks along +z, turned about the vertical to look along -x (side 1) or +x (side -1)."""
    return solid.rotate((0, -90.0 * side, 0))


@dataclass
class Softness:
    """How cushions of one sofa look: the same for all of them."""

    radius: float
    """Of their edges, metres."""
    puff: float
    """How far their faces bulge, metres."""
    crown: float
    """How far their upper edges arch, metres."""
    recline: float
    """Of the back, degrees."""

    @property
    def slant(self) -> float:
        """How far the back falls back, a metre of height."""
        return float(np.tan(np.radians(self.recline)))


def draw_softness(rng: Generator) -> Softness:
    """Draws crisp or plump cushions."""
    if rng.random() < 0.4:
        return Softness(rng.uniform(0.01, 0.03), rng.uniform(0, 0.01), 0.0, rng.uniform(0, 16))
    return Softness(
        rng.uniform(0.03, 0.08), rng.uniform(0.01, 0.05), rng.choice([0, rng.uniform(0, 0.06)]), rng.uniform(3, 22)
    )


def seat_cushions(a: Assembly, soft: Softness, low: Numbers, high: Numbers, count: int = 1, along: int = 0) -> None:
    """Adds `count` seat cushions side by side between two corners, along x (0) or z (2)."""
    low, high = np.array(low, float), np.array(high, float)
    step = (high[along] - low[along]) / count
    size = high - low
    size[along] = step + 0.004
    radius = min(soft.radius, size[1] * 0.45)
    for i in range(count):
        middle = (low + high) / 2
        middle[along] = low[along] + (i + 0.5) * step

        def swell(p: NDArray, half: NDArray = size / 2) -> NDArray:
            x, y, z = (p / half).T
            return p + np.stack(
                [0 * x, soft.puff * (y > 0) * np.clip(1 - x**2, 0, 1) * np.clip(1 - z**2, 0, 1), 0 * x], -1
            )

        a.add("seat", "cushion", warp(rounded_box(size, radius, 4), swell).translate(middle.tolist()))


def back_cushion(soft: Softness, width: float, height: float, pad: float) -> Manifold:
    """A cushion that stands on the origin and leans back; its rear is at z = 0 there and it looks along +z."""
    pillow = cushion((width + 0.004, height, pad), min(soft.radius * 1.2, pad * 0.45), soft.puff, soft.crown, 4, 2)
    return pillow.translate((0, height / 2, pad / 2)).rotate((-soft.recline, 0, 0))


def back_cushions(
    a: Assembly, soft: Softness, start: NDArray, end: NDArray, height: float, pad: float, count: int, side: int = 0
) -> None:
    """Adds `count` cushions between two points (3,) on the seat along the foot of a back.

    Args:
        a: Receives the cushions.
        soft: How they look.
        start: One end of the row.
        end: The other end.
        height: Metres.
        pad: Thickness, metres.
        count: Of cushions.
        side: 0 for a back that looks along +z, 1 for one along the side at +x, -1 for one at -x.
    """
    width = float(np.linalg.norm(end - start)) / count
    pillow = back_cushion(soft, width, height, pad)
    pillow = turned(pillow, side) if side else pillow
    for share in (np.arange(count) + 0.5) / count:
        a.add("back", "cushion", pillow.translate((start + (end - start) * share).tolist()))


def back_wall(
    soft: Softness, half: float, low: float, high: float, seat: float, thick: float, radius: float, crest: float = 0.0
) -> Manifold:
    """The wall of a back that looks along +z, leaning above the seat; its front at the seat is at z = 0.

    Args:
        soft: Gives the recline.
        half: Half width, metres.
        low: Height of its lower edge, metres.
        high: Height of its upper edge at the ends, metres.
        seat: Height above which it leans, metres.
        thick: Metres.
        radius: Of its edges, metres.
        crest: How much higher its middle is, metres; negative for lower.
    """
    tall = high - low
    wall = rounded_box((2 * half, tall, thick), min(radius, thick * 0.48), 6, 3).translate(
        (0, low + tall / 2, -thick / 2)
    )

    def lean(p: NDArray) -> NDArray:
        arch = (
            crest
            * np.clip((p[:, 1] - seat) / max(high - seat, 0.05), 0, 1)
            * (0.5 + 0.5 * np.cos(np.pi * p[:, 0] / half))
        )
        return p + np.stack([0 * arch, arch, -soft.slant * np.clip(p[:, 1] + arch - seat, -0.1, None)], -1)

    return warp(wall, lean)


@dataclass
class Feet:
    """Feet of one kind, put where they are asked for."""

    kind: str
    height: float
    """Of the upholstery's underside, metres."""
    size: float
    splay: float

    def add(self, a: Assembly, places: Sequence[Any]) -> None:
        """Adds a foot at each place (x, z); they splay away from the origin."""
        for x, z in places:
            top, out = xyz(x, self.height + 0.03, z), xyz(np.sign(x), 0, np.sign(z)) * self.splay * self.height
            foot = top * (1, 0, 1) + out
            if self.kind == "block":
                a.add("leg", "frame", bar(top, foot, self.size * 1.6, section="square"))
            elif self.kind == "taper":
                a.add("leg", "frame", bar(top, foot, [self.size, self.size * 0.6], section="round"))
            elif self.kind == "bun":
                widths = self.size * np.array([1.1, 1.7, 1.9, 1.7, 1.1])
                a.add("leg", "frame", bar(top, top * (1, 0, 1), widths))
            else:
                a.add("leg", "metal", bar(top, foot, self.size * 0.8, section="soft"))


def draw_feet(rng: Generator, diagonal: float) -> Feet:
    """Draws feet for a sofa of this diagonal, metres; none for one that stands on its base."""
    kind = pick(rng, {"none": 1.5, "block": 2, "taper": 2.5, "bun": 0.7, "metal": 1.5})
    height = 0.0 if kind == "none" else rng.uniform(0.04, 0.12) if kind in ("block", "bun") else rng.uniform(0.08, 0.22)
    return Feet(kind, height, diagonal * rng.uniform(0.016, 0.03), rng.choice([0, 0, rng.uniform(0.1, 0.4)]))


def corners(half: float, front: float, rear: float, inset: float) -> list[tuple[float, float]]:
    """Places (x, z) at the corners of a rectangle, moved in; with one in the middle of each long side."""
    xs = [half - inset, inset - half] + ([0.0] if half > 1.0 else [])
    return [(x, z) for x in xs for z in (front - inset, rear + inset)]


def throw_pillows(a: Assembly, rng: Generator, start: NDArray, end: NDArray, soft: Softness) -> None:
    """Leans up to three loose pillows against the cushions between two points (3,) on the seat."""
    for _ in range(int(rng.choice([0, 0, 0, 1, 2, 3]))):
        size = rng.uniform(0.32, 0.46)
        pillow = cushion((size, size, 0.12), 0.055, rng.uniform(0.01, 0.03), 0.0, 4, 2).rotate(
            (0, 0, rng.uniform(-12, 12))
        )
        place = start + (end - start) * rng.uniform(0.1, 0.9)
        pillow = pillow.translate((0, size / 2 - 0.02, 0.02)).rotate((-soft.recline - 8, 0, 0))
        a.add("pillow", "pillow", pillow.translate(place.tolist()))
