"""Shades, stems and feet of lamps. Every wall and bar is at least as thick as `least` of the lamp's size."""

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import Numbers, bar, fillet, lathe, rounded_box, spline, sweep, xyz
from urform.synth._table_tops import THIN

SHADES = {"cone": 4, "drum": 3, "bell": 1.2, "dome": 1.2, "square": 1.5, "facets": 1, "globe": 0.5}


def least(*size: float) -> float:
    """Thickness of the thinnest part of a lamp with these extents, metres."""
    return 1.05 * THIN * float(np.linalg.norm(size))


def hollow(profile: Numbers, wall: float, opened: str, segments: int = 28) -> Manifold:
    """Solid of revolution with a cavity.

    Args:
        profile: Radius and height (N, 2) of its outside, upwards, metres.
        wall: Thickness across the surface, metres; that of flat sides where there are few corners.
        opened: "both", "below", "above", or "closed" for a solid without a cavity.
        segments: Corners of its plan.
    """
    profile, wall = np.asarray(profile, float), wall / _flat(segments)
    outer = lathe(profile, segments=segments)
    if opened == "closed":
        return outer
    low, high = profile[0, 1], profile[-1, 1]
    widest, tall = profile[:, 0].max(), high - low
    if opened == "both":
        slope = abs(profile[-1, 0] - profile[0, 0]) / tall
        inside = profile.copy()
        inside[:, 0] = np.maximum(profile[:, 0] - wall * np.hypot(1, slope), profile[:, 0] * 0.15)
        ends = inside[[0, -1]] + np.array([[0, -0.1], [0, 0.1]])
        inside = np.concatenate([ends[:1], inside, ends[1:]])
    else:
        fixed = low if opened == "below" else high
        narrow = np.array([max(1 - wall / widest, 0.2), max(1 - wall / tall, 0.2)])
        inside = (profile - (0, fixed)) * narrow + (0, fixed)
        rim = inside[[0]] - (0, 0.1) if opened == "below" else inside[[-1]] + (0, 0.1)
        inside = np.concatenate([rim, inside] if opened == "below" else [inside, rim])
    return outer - lathe(inside, segments=segments)


def shade_profile(rng: Generator, kind: str, low: float, top: float, tall: float) -> NDArray:
    """Radius and height (N, 2) of a shade that stands on y = 0; radii at both ends and height in metres."""
    if kind in ("dome", "globe"):
        angle = np.linspace(0 if kind == "dome" else -1.45, 1.45, 10)
        squash = 1 if kind == "dome" else 0.5
        rise = np.sin(angle) if kind == "dome" else 1 + np.sin(angle)
        return np.stack([low * np.cos(angle), tall * squash * rise], -1)
    share = np.linspace(0, 1, 8)
    bend = {"bell": rng.uniform(-0.6, -0.25)}.get(kind, 0.0)
    radius = low + (top - low) * share + bend * (low - top) * share * (1 - share) * 2
    return np.stack([radius, tall * share], -1)


def add_shade(a: Assembly, rng: Generator, centre: Numbers, low: float, tall: float, wall: float,
              kind: str | None = None) -> str:  # fmt: skip
    """Adds a shade over a stem that ends in its middle, with what holds it.

    Args:
        a: Receives the parts.
        rng: The object's generator.
        centre: Middle of its lower rim (3,), metres.
        low: Radius there, metres.
        tall: Height, metres.
        wall: Thickness, metres.
        kind: One of `SHADES`, drawn when None.
    """
    kind, place = kind or pick(rng, SHADES), np.asarray(centre, float)
    narrow = {"drum": rng.uniform(0.9, 1), "cone": rng.uniform(0.3, 0.85)}.get(kind, rng.uniform(0.35, 0.95))
    profile = shade_profile(rng, kind, low, low * narrow, tall)
    segments = {"square": 4, "facets": int(rng.choice([6, 8]))}.get(kind, 28)
    opened = pick(rng, {"both": 3, "closed": 2, "below": 1})
    opened = {"dome": "below", "globe": "closed"}.get(kind, opened)
    shell = hollow(profile, wall, opened, segments).rotate((0, 180 / segments, 0))
    a.add("shade", "shade", shell.translate(place.tolist()))
    if opened == "both":
        level, reach = tall * rng.uniform(0.5, 0.9), np.interp(0.7, [0, 1], [low, low * narrow])
        hold = place + xyz(0, level, 0)
        for side in (xyz(1, 0, 0), xyz(0, 0, 1)):
            out = side * (np.interp(level / tall, np.linspace(0, 1, len(profile)), profile[:, 0]) * _flat(segments)
                          - wall * 0.5)  # fmt: skip
            a.add("stem", "metal", bar(hold - out, hold + out, wall))
        a.add("stem", "metal", bar(place - xyz(0, tall * 0.1, 0), hold, wall * 1.3))
        if rng.random() < 0.5:
            bulb = min(reach * 0.45, tall * 0.25)
            a.add("bulb", "bulb", Manifold.sphere(bulb, 16).translate((hold - xyz(0, bulb * 0.7, 0)).tolist()))
    elif opened == "below":
        a.add("stem", "metal", bar(place - xyz(0, tall * 0.1, 0), place + xyz(0, tall - wall * 0.4, 0), wall * 1.3))
    if rng.random() < 0.2 and opened != "both":
        knob = max(wall, low * 0.08)
        a.add("shade", "metal", Manifold.sphere(knob, 12).translate((place + xyz(0, tall + knob * 0.5, 0)).tolist()))
    a.mark("shade_low", place + xyz(profile[0, 0] * _flat(segments) * 0.98, 0, 0))
    a.mark("shade_top", place + xyz(profile[-1, 0] * _flat(segments) * 0.95, tall, 0))
    a.note(shade=kind, opened=opened, shade_radius=low, shade_height=tall)
    return kind


def _flat(segments: int) -> float:
    """Distance of a side of a regular polygon from its centre, where its corners are at 1."""
    return float(np.cos(np.pi / segments))


def aimed(solid: Manifold, place: Numbers, direction: Numbers) -> Manifold:
    """Turns a solid that opens downwards (-y) at the origin to open along `direction` (3,), and moves it."""
    up = -np.asarray(direction, float)
    up = up / np.linalg.norm(up)
    side = np.cross(up, xyz(0, 0, 1) if abs(up[2]) < 0.9 else xyz(1, 0, 0))
    side /= np.linalg.norm(side)
    return solid.transform(np.column_stack([side, up, np.cross(side, up), np.asarray(place, float)]))


def add_head(a: Assembly, rng: Generator, neck: NDArray, direction: NDArray, radius: float, tall: float, wall: float,
             kind: str | None = None) -> None:  # fmt: skip
    """Adds a reflector that hangs at `neck` (3,) and opens along `direction` (3,); radius and length in metres."""
    kind = kind or pick(rng, {"cone": 2, "dome": 2, "can": 1, "bell": 1})
    share = np.linspace(0, 1, 8)
    radii = {"cone": 1 - 0.7 * share, "can": 1 - 0.05 * share, "bell": 1 - 0.75 * share**0.5,
             "dome": np.cos(share * 1.35)}[kind]  # fmt: skip
    opened = "below" if rng.random() < 0.7 else "closed"
    shell = hollow(np.stack([radius * radii, tall * share], -1), wall, opened, 24)
    unit = direction / np.linalg.norm(direction)
    a.add("shade", "shade", aimed(shell, neck + unit * tall * 0.95, direction))
    knuckle = max(wall, radius * 0.22)
    a.add("joint", "metal", Manifold.sphere(knuckle, 12).translate(neck.tolist()))
    if opened == "below" and rng.random() < 0.6:
        bulb = radius * 0.4
        a.add("bulb", "bulb", Manifold.sphere(bulb, 14).translate((neck + unit * (tall * 0.5)).tolist()))
        a.add("bulb", "bulb", bar(neck, neck + unit * tall * 0.5, max(wall, bulb * 0.7)))
    a.mark("head", neck - unit * knuckle)
    a.mark("shade_low", neck + unit * tall * 0.95 + np.cross(unit, xyz(1, 0, 0)) * radius * 0.95)
    a.note(head=kind, shade_radius=radius, shade_height=tall)


def add_foot(a: Assembly, rng: Generator, radius: float, thin: float, kind: str | None = None) -> float:
    """Adds a plate, dome or tripod on the floor; returns the height at which a stem may begin."""
    kind = kind or pick(rng, {"disc": 4, "square": 1.5, "dome": 2, "steps": 1, "feet": 0.8})
    rim = max(thin, radius * rng.uniform(0.08, 0.25))
    if kind == "disc":
        a.add("base", "frame", lathe([[radius, 0], [radius, rim * 0.7], [radius * 0.93, rim]], segments=28))
    elif kind == "square":
        a.add("base", "frame", rounded_box((2 * radius * 0.9, rim, 2 * radius * 0.9), rim * 0.2, 2, 1)
              .translate((0, rim / 2, 0)))  # fmt: skip
    elif kind == "dome":
        rim = radius * rng.uniform(0.3, 0.7)
        angle = np.linspace(0.12, 1.45, 9)
        a.add(
            "base",
            "frame",
            lathe(np.stack([radius * np.cos(angle), rim * (np.sin(angle) - 0.12) * 1.12], -1), segments=28),
        )
    elif kind == "steps":
        a.add("base", "frame", lathe([[radius, 0], [radius, rim], [radius * 0.7, rim * 1.1], [radius * 0.6, rim * 2],
                                      [radius * 0.35, rim * 2.2]], segments=28))  # fmt: skip
        rim *= 2
    else:
        rim = radius * rng.uniform(0.3, 0.7)
        for angle in np.pi / 2 + 2 * np.pi * np.arange(3) / 3:
            out = xyz(np.cos(angle), 0, np.sin(angle))
            path = spline(
                [xyz(0, rim * 1.3, 0), out * radius * 0.5 + xyz(0, rim, 0), out * radius + xyz(0, thin / 2, 0)], 8
            )
            a.add("base", "frame", sweep(path, thin * 1.4, section="soft", side=(0, 1, 0)))
    a.mark("foot_centre", (0, 0, 0))
    a.mark_pair("foot_edge", [radius * 0.85, rim * 0.1, 0])
    a.note(base=kind, base_radius=radius)
    return rim * 0.9


def body_profile(rng: Generator, kind: str, low: float, high: float, radius: float, neck: float) -> NDArray:
    """Radius and height (N, 2) of the body of a table lamp between two heights, of a largest radius, with its neck."""
    t = np.linspace(0, 1, 22)
    if kind == "vase":
        ripe = rng.uniform(0.25, 0.6)
        shape = np.where(
            t < ripe, np.sin(np.pi / 2 * (0.45 + 0.55 * t / ripe)), np.cos(np.pi / 2 * (t - ripe) / (1 - ripe))
        )
    elif kind == "ball":
        shape = np.sqrt(np.clip(1 - (2.02 * t - 0.95) ** 2, 0, 1))
    elif kind == "gourd":
        shape = 0.35 + 0.65 * np.abs(np.cos(np.pi * (t * 1.5 - 0.1))) * (1 - 0.4 * t)
    elif kind == "cylinder":
        shape = np.where((t > 0.02) & (t < 0.95), 1, 0.8) * np.linspace(1, rng.uniform(0.5, 1.2), 22)
    elif kind == "stack":
        count = rng.integers(2, 6)
        shape = (0.45 + 0.55 * np.abs(np.sin(np.pi * count * t))) * np.linspace(1, rng.uniform(0.6, 1), 22)
    elif kind == "bottle":
        shape = np.interp(t, [0, 0.05, 0.5, 0.7, 1], [0.9, 1, 0.95, 0.35, 0.3])
    else:
        rings = rng.uniform(0.15, 0.35) * np.cos(2 * np.pi * rng.integers(2, 5) * t + rng.uniform(0, 6))
        shape = np.linspace(0.9, 0.35, 22) + rings
    return np.stack([np.maximum(radius * shape, neck), low + (high - low) * t], -1)


def add_canopy(a: Assembly, rng: Generator, top: float, radius: float, thin: float) -> None:
    """Adds the rose at the ceiling below the height `top`."""
    tall = max(thin, radius * rng.uniform(0.2, 0.6))
    flare = rng.choice([1.0, rng.uniform(0.4, 0.9)])
    a.add(
        "canopy", "metal", lathe([[radius * flare, top - tall], [radius, top - tall * 0.3], [radius, top]], segments=24)
    )
    a.mark("canopy", (0, top, 0))


def rod_path(points: Numbers, radius: float = 0.05) -> NDArray:
    """A polyline whose corners are rounded, for stems that bend."""
    return fillet(points, radius, steps=6)
