"""Tails and cockpits of planes."""

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._plane_parts import Aerofoil, Hull
from urform.synth._shape import Assembly
from urform.synth._solids import rounded_box, xyz


@dataclass
class Tail:
    """Fins and stabilisers; lengths in metres."""

    kind: str
    """Where the stabiliser is: "low", "cross" (half way up the fin), "top", "v" (two slanted fins and no stabiliser),
    "ends" (it carries the fins at its tips), "twin" (low, two fins on the fuselage) or "none"."""
    tall: float
    """Height of the fin above the fuselage."""
    chord: float
    lean: float
    """How far the front of the fin's tip lies behind that of its root."""
    half_span: float
    flat_chord: float
    flat_sweep: float
    least: float
    taper: float = 0.5
    end: str = "cut"
    share: float = 0.97
    """Place of the rear edges along the fuselage."""
    cant: float = 0.0
    """How far the tips of twin fins stand outwards, in heights."""
    apart: float = 0.0
    """Half the distance of twin fins in metres."""


def add_tail(a: Assembly, rng: Generator, hull: Hull, tail: Tail) -> None:
    """Adds the tail of a plane and marks its tips."""
    a.note(tail=tail.kind, fin_height=tail.tall)
    half, least = tail.half_span, tail.least
    rise = half * (rng.uniform(-0.05, 0.18) if tail.kind in ("low", "twin") else rng.uniform(-0.04, 0.05))
    seat = xyz(0, hull.middle(tail.share), hull.z(tail.share))
    if tail.kind == "v":
        half = max(half, tail.tall * 1.1)
        normal = np.array([-tail.tall, half, 0]) / np.hypot(tail.tall, half)
        root = seat + xyz(0, 0, tail.chord)
        tip = root + xyz(half, tail.tall, -tail.lean)
        fin = Aerofoil(root, tip, tail.chord, tail.taper, least, 0.1, normal, tail.end)
        a.add_pair("tail_fin", "trim", fin.solid())
        a.mark_pair("stabilizer_tip", _end(fin))
        return
    seat = _add_fins(a, rng, hull, tail, seat)
    if tail.kind == "none":
        return
    flat = Aerofoil(seat - xyz(0.02 * half, 0, 0), seat + xyz(half, rise, -tail.flat_sweep), tail.flat_chord,
                   rng.uniform(0.4, 0.85) if tail.end == "cut" else 0.8, least, 0.1, end=tail.end)  # fmt: skip
    a.add_pair("stabilizer", "wing" if rng.random() < 0.6 else "trim", flat.solid())
    a.mark_pair("stabilizer_tip", _end(flat))
    if tail.kind == "ends":
        root, chord = flat.at(0.99)
        root, up = root - xyz(0, 0.25 * tail.tall, -0.1 * chord), xyz(0, tail.tall * 1.2, -tail.lean * 0.6)
        fin = Aerofoil(root, root + up, max(chord * 1.2, 0.8 * tail.chord), tail.taper, least, 0.1, (1, 0, 0), tail.end)
        a.add_pair("tail_fin", "trim", fin.solid())
        a.mark_pair("fin_top", _end(fin))


def _end(surface: Aerofoil) -> NDArray:
    """The middle of a tip."""
    tip, chord = surface.at(1)
    return tip - xyz(0, 0, (0.5 if surface.end == "cut" else 0.45) * chord)


def _add_fins(a: Assembly, rng: Generator, hull: Hull, tail: Tail, seat: NDArray) -> NDArray:
    """Adds the fins on the fuselage; returns the front of the stabiliser's root in the middle plane."""
    if tail.kind != "ends":
        ahead = tail.share - 0.5 * tail.chord / hull.length
        root = xyz(tail.apart, hull.middle(tail.share), hull.z(tail.share) + tail.chord)
        top = float(hull.at(ahead)[1]) + tail.tall
        tip = xyz(tail.apart + tail.cant * tail.tall, top, root[2] - tail.lean)
        fin = Aerofoil(root, tip, tail.chord, tail.taper, tail.least, 0.1, (1, 0, 0), tail.end)
        if tail.apart:
            a.add_pair("tail_fin", "trim", fin.solid())
            a.mark_pair("fin_top", _end(fin))
        else:
            a.add("tail_fin", "trim", fin.solid())
            a.mark("fin_top", _end(fin))
            if rng.random() < 0.35:
                long, up = tail.chord * rng.uniform(1.3, 1.8), (top - root[1]) * rng.uniform(0.3, 0.5)
                front = root + xyz(0, 0, long - tail.chord)
                dorsal = Aerofoil(front, front + xyz(0, up, -long * 0.85), long, 0.15, tail.least, 0.05, (1, 0, 0))
                a.add("tail_fin", "trim", dorsal.solid())
        if tail.kind in ("cross", "top"):
            front, chord = fin.at(0.97 if tail.kind == "top" else rng.uniform(0.4, 0.6))
            return front - xyz(0, 0, (chord - tail.flat_chord) * rng.uniform(0.3, 0.9))
    return seat + xyz(0, 0, tail.flat_chord)


def add_cockpit(a: Assembly, hull: Hull, share: float, long: float, tall: float, wide: float = 0.75) -> None:
    """Adds a glass bubble of `long` metres that stands `tall` metres out of the fuselage; `wide` in its widths."""
    bottom, top, half = hull.at(share)
    deep = 0.35 * (top - bottom) + tall
    ball = Manifold.sphere(1, 20).scale((half * wide, deep, long / 2))
    a.add("canopy", "glass", ball.translate((0, top + tall - deep, hull.z(share))))
    a.mark("canopy_top", xyz(0, top + tall, hull.z(share)))


def add_windows(a: Assembly, hull: Hull, shares: tuple[float, float], low: float, high: float) -> None:
    """Paints a row of windows on the fuselage; heights in shares of its greatest height above its axis."""
    bottom, top, _ = hull.at(0.4)
    middle, tall = (bottom + top) / 2, (top - bottom) / 2
    a.add("fuselage", "glass", hull.band(shares, (middle + low * tall, middle + high * tall)))


def add_windscreen(a: Assembly, hull: Hull, share: float, low: float, high: float, lean: float = 45.0) -> None:
    """Paints a windscreen: what of the nose is between two heights and before a slanted plane.

    Args:
        a: The plane.
        hull: Its fuselage.
        share: Where the plane meets the axis, along the fuselage.
        low: Lower edge, in shares of the greatest height above the axis.
        high: Upper edge.
        lean: Slant of the rear edge in degrees.
    """
    bottom, top, _ = hull.at(0.4)
    middle, tall = (bottom + top) / 2, (top - bottom) / 2
    size = hull.length
    box = rounded_box((size, size, size), 1e-4, 1, 1).translate((0, 0, size / 2)).rotate((-lean + 45, 0, 0))
    layer = hull.band((0.002, 0.3), (middle + low * tall, middle + high * tall))
    a.add("canopy", "glass", layer ^ box.translate((0, middle, hull.z(share))))
