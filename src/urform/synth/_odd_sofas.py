"""Sofas on an arc, for one that lies down, and to sleep on."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._sofas import draw_body
from urform.synth._solids import bar, lathe, rounded_box, sheet, spline, sweep, xyz
from urform.synth._upholstery import back_wall, block, corners, throw_pillows


def curved_sofa(a: Assembly, rng: Generator) -> str:
    """Seat and back follow an arc around the sitters, or a full quarter of a circle for a corner."""
    body = draw_body(rng)
    turn = np.radians(rng.uniform(25, 60))
    radius = rng.uniform(1.0, 1.6) * max(1.0, 0.7 / turn) + body.depth
    centre = radius - body.depth / 2

    def arc(distance: float, height: float, share: float = 1.0, start: float = -1.0) -> np.ndarray:
        """Points at a distance from the rear, between two shares of the angle."""
        angle = np.linspace(start * turn, share * turn, 25 if share - start > 1 else 9)
        r = radius - distance
        return np.stack([r * np.sin(angle), 0 * angle + height, centre - r * np.cos(angle)], -1)

    def tube(part: str, role: str, near: float, far: float, low: float, high: float, *between: float) -> None:
        line = arc((near + far) / 2, (low + high) / 2, *between)
        solid = sweep(line, far - near, high - low, section="soft", side=(line[0] - centre * xyz(0, 0, 1)) * (1, 0, 1))
        a.add(part, role, solid)

    under = body.seat - body.pad
    tube("base", "soft", 0.02, body.depth - 0.03, body.low, under + 0.02)
    edges = np.linspace(-1, 1, body.count + 1)
    for start, end in pairwise(edges):
        tube("seat", "cushion", body.wall * 0.7, body.depth, under, body.seat, end + 0.002, start - 0.002)
    share = np.linspace(0, 1, 7)[:, None, None]
    foot, crest = arc(body.wall / 2, body.low + 0.01), arc(body.wall / 2 - 0.1 * body.soft.slant, body.top)
    wall = body.wall * np.sin(np.linspace(0.5, np.pi - 0.5, 7))[:, None] ** 0.4
    a.add("back", "soft", sheet(foot * (1 - share) + crest * share, wall))
    arms = rng.random() < 0.5
    for end in (1.0, -1.0):
        if arms:
            line = np.stack([arc(d, 0, end, end * 0.98)[0] for d in (0.03, body.depth - 0.02)])
            rise = body.arm_top - body.low
            line = line + xyz(0, body.low + rise / 2, 0)
            a.add("arm", "soft", sweep(line, rise, max(body.arm, 0.08), section="soft", side=(0, 1, 0)))
    body.feet.add(a, [(p[0], p[2]) for p in (*arc(0.1, 0)[[1, 12, 23]], *arc(body.depth - 0.12, 0)[[1, 12, 23]])])
    a.mark_pair("back_top", crest[-1])
    a.mark("back_top_middle", crest[12])
    a.mark_pair("seat_front", arc(body.depth, body.seat)[-1])
    a.note(
        arms="arc" if arms else "none",
        turn_deg=np.degrees(turn),
        seat_height=body.seat,
        seat_depth=body.depth,
        back_height=body.top,
    )
    return "wood"


def chaise_longue(a: Assembly, rng: Generator) -> str:
    """A long seat across with one raised, often scrolled end and a part of a back: récamier, psychiatrist's couch."""
    half, depth, seat = rng.uniform(0.7, 1.05), rng.uniform(0.55, 0.85), rng.uniform(0.36, 0.46)
    body, side = draw_body(rng, 2), int(rng.choice([1, -1]))
    body, pad = replace(body, half=half, depth=depth, seat=seat), rng.uniform(0.08, 0.16)
    a.add("base", "soft", block((-half, body.low, -depth / 2), (half, seat - pad + 0.02, depth / 2), 0.03))
    a.add("seat", "cushion", block((-half, seat - pad, -depth / 2), (half, seat, depth / 2), body.soft.radius))
    rise, lean = rng.uniform(0.25, 0.5), rng.uniform(0.05, 0.3)
    thick = rng.uniform(0.08, 0.14)
    path = spline(
        [
            [side * (half - 0.1), seat - 0.05, 0],
            [side * (half - 0.02), seat + rise * 0.5, 0],
            [side * (half + lean), seat + rise, 0],
        ],
        9,
    )
    grid = path[:, None] + np.linspace(-1, 1, 7)[:, None] * xyz(0, 0, depth / 2 - thick * 0.2)
    a.add("headrest", "cushion", sheet(grid, thick))
    a.add(
        "headrest",
        "soft",
        bar(path[-1] + xyz(0, 0, depth / 2), path[-1] - xyz(0, 0, depth / 2), thick * rng.uniform(1.1, 1.9)),
    )
    if rng.random() < 0.6:
        u = np.linspace(0, 1, 13)
        long = rng.uniform(0.5, 1.0)
        top = seat + rise * np.interp(u, [0, 1], [1.05, rng.uniform(0.2, 0.7)]) + 0.06 * np.sin(np.pi * u * 2)
        x, share = side * (half - 0.03 - u * 2 * half * long * 0.96), np.linspace(0, 1, 6)[:, None]
        y = (seat - 0.08) * (1 - share) + top * share
        a.add("back", "soft", sheet(np.stack(np.broadcast_arrays(x, y, -depth / 2 + thick * 0.4), -1), thick * 0.8))
        a.mark("back_top", (x[4], top[4], -depth / 2 + thick * 0.4))
    if rng.random() < 0.4:
        roll, end = rng.uniform(0.1, 0.18), side * (half - 0.2)
        a.add(
            "pillow",
            "pillow",
            bar([end, seat + roll * 0.4, depth / 2 - 0.05], [end, seat + roll * 0.4, 0.05 - depth / 2], roll),
        )
    body.feet.add(a, corners(half, depth / 2, -depth / 2, 0.08))
    a.mark("headrest_top", path[-1])
    a.mark("seat_foot", (-side * half, seat, 0))
    a.note(side=float(side), seat_height=seat, seat_width=2 * half, seat_depth=depth, rise=rise)
    return "wood"


def daybed(a: Assembly, rng: Generator) -> str:
    """A mattress on a frame between two ends, with or without a back and bolsters."""
    half, depth, seat = rng.uniform(0.85, 1.05), rng.uniform(0.7, 1.0), rng.uniform(0.34, 0.5)
    size = max(0.03, 0.014 * 2.4 * half) * rng.uniform(1, 1.8)
    pad, body = rng.uniform(0.1, 0.22), draw_body(rng, 2)
    end_top, back_top = seat + rng.uniform(0.1, 0.45), seat + rng.uniform(0.2, 0.5)
    kind = pick(rng, {"two": 2, "three": 2, "none": 1, "one": 0.6})
    under, x = seat - pad, half + size / 2
    mattress = block(
        (-half, under - 0.005, -depth / 2), (half, seat + 0.005, depth / 2), min(body.soft.radius, pad * 0.4)
    )
    a.add("seat", "cushion", mattress)
    a.add("base", "frame", block((-x, under - size * 1.6, -depth / 2), (x, under + 0.01, depth / 2), 0.008, 1))
    ends = {"two": (1, -1), "three": (1, -1), "one": (int(rng.choice([1, -1])),), "none": ()}[kind]
    soft = rng.random() < 0.45
    thick, role = (rng.uniform(0.08, 0.16), "soft") if soft else (size, "frame")
    for side in (1, -1):
        top = end_top if side in ends else under
        for z in (depth / 2 - size / 2, size / 2 - depth / 2):
            a.add("leg", "frame", bar([side * x, top, z], [side * x, 0, z], size, section="square"))
        if side in ends:
            low = under - size if soft or rng.random() < 0.5 else end_top - size * 2
            a.add(
                "arm",
                role,
                block(
                    (side * (x - thick / 2), low, -depth / 2),
                    (side * (x + thick / 2), end_top, depth / 2),
                    0.03 if soft else 0.006,
                ),
            )
            a.mark(f"arm_top_{'left' if side > 0 else 'right'}", (side * x, end_top, 0))
    if kind == "three":
        a.add(
            "back", role, block((-x, under - size, -depth / 2 - thick / 2), (x, back_top, -depth / 2 + thick / 2), 0.01)
        )
        a.mark("back_top", (0, back_top, -depth / 2))
        start = xyz(-half, seat - 0.01, -depth / 2 + thick / 2 - 0.02)
        throw_pillows(a, rng, start, start * (-1, 1, 1), replace(body.soft, recline=12.0))
    if rng.random() < 0.4:
        roll = rng.uniform(0.12, 0.2)
        for side in (1, -1):
            at = side * (half - roll * 0.6)
            ends_at = ([at, seat + roll * 0.4, depth * 0.45], [at, seat + roll * 0.4, -depth * 0.45])
            a.add("pillow", "pillow", bar(*ends_at, roll))
    a.mark_pair("seat_front", [half, seat, depth / 2])
    a.note(arms=kind, seat_height=seat, seat_width=2 * half, seat_depth=depth)
    return rng.choice(["wood", "wood", "metal"])


def futon(a: Assembly, rng: Generator) -> str:
    """A folded mattress on a slatted frame: seat and back in one, with or without side frames."""
    half, depth, seat = rng.uniform(0.65, 1.02), rng.uniform(0.6, 0.9), rng.uniform(0.32, 0.45)
    pad, rise, slant = rng.uniform(0.1, 0.2), rng.uniform(0.42, 0.65), np.tan(np.radians(rng.uniform(10, 35)))
    size = max(0.03, 0.014 * 2.4 * half)
    corner = xyz(0, seat - pad / 2, -depth / 2)
    line = spline(
        [
            [0, seat - pad / 2 + rng.uniform(0, 0.05), depth / 2],
            corner + xyz(0, -0.01, 0.25),
            corner,
            corner + xyz(0, rise * 0.5, -slant * rise * 0.4),
            corner + xyz(0, rise, -slant * rise),
        ],
        25,
    )
    grid = line[:, None] + np.linspace(-1, 1, 9)[:, None] * xyz(half, 0, 0)
    bulge = 1 - 0.3 * np.abs(np.linspace(-1, 1, 9)) ** 6
    a.add("seat", "cushion", sheet(grid, pad * bulge))
    x = half + size * 0.6
    under = seat - pad
    for u in np.linspace(-1, 1, int(rng.integers(2, 6))):
        rail = xyz(u * x, under - size * 0.3, 0)
        a.add(
            "frame",
            "frame",
            bar(rail + xyz(0, 0, depth / 2), rail - xyz(0, 0, depth / 2), size, size * 1.4, section="square"),
        )
    for z in (depth * 0.45, -depth * 0.35):
        a.add(
            "frame",
            "frame",
            bar([x, under - size * 0.6, z], [-x, under - size * 0.6, z], size, section="square", side=(0, 0, 1)),
        )
    arms = rng.random() < 0.65
    height = seat + rng.uniform(0.12, 0.26) if arms else under
    for z in (depth * 0.45, -depth * 0.45):
        a.add_pair("leg", "frame", bar([x, height, z], [x, 0, z], size * 1.2, section="square"))
    if arms:
        wide = size * rng.uniform(1, 3)
        a.add_pair(
            "arm", "frame", bar([x, height, depth * 0.55], [x, height, -depth * 0.6], wide, size, section="square")
        )
        a.mark_pair("arm_front", [x, height, depth * 0.5])
    a.mark_pair("back_top", line[-1] + xyz(half, 0, 0))
    a.mark_pair("seat_front", line[0] + xyz(half, 0, 0))
    a.note(arms="frame" if arms else "none", seat_height=seat, seat_width=2 * half, seat_depth=depth, cushion=pad)
    return rng.choice(["wood", "wood", "metal"])


def bed(a: Assembly, rng: Generator) -> str:
    """A sofa drawn out as a bed, or a mattress on the floor or on a frame with its head at the rear."""
    half, depth, pad = rng.uniform(0.5, 0.95), rng.uniform(1.6, 2.1), rng.uniform(0.1, 0.25)
    low = rng.choice([0.0, rng.uniform(0.08, 0.3)])
    body = draw_body(rng, 2)
    low_wall, top = min(low, 0.1), low + pad
    mattress = rounded_box((2 * half, pad, depth), (pad * 0.45, pad * 0.4, pad * 0.45), 6)
    a.add("seat", "cushion", mattress.translate((0, low + pad / 2, 0)))
    if low:
        board = max(0.035, 0.014 * depth)
        a.add(
            "base",
            "frame",
            rounded_box((2 * half * 0.99, board * 1.4, depth * 0.99), 0.01, 1, 1).translate((0, low, 0)),
        )
        for z in (depth * 0.46, -depth * 0.46):
            a.add_pair("leg", "frame", bar([half * 0.92, low, z], [half * 0.92, 0, z], board * 1.3, section="square"))
    if rng.random() < 0.65:
        rise = rng.uniform(0.15, 0.5)
        wall = back_wall(body.soft, half * rng.choice([1, 1.05]), low_wall, top + rise, top, 0.13, 0.05)
        a.add("back", "soft", wall.translate((0, 0, -depth / 2 + 0.05)))
        a.mark("back_top", (0, top + rise, -depth / 2 - 0.01 - body.soft.slant * rise))
    for x in (-0.5, 0.5) if rng.random() < 0.6 else ():
        pillow = rounded_box((half * 0.8, 0.13, 0.42), (0.06, 0.06, 0.06), 4)
        a.add("pillow", "pillow", pillow.translate((x * half, top + 0.05, -depth / 2 + 0.36)))
    if rng.random() < 0.4:
        a.add(
            "blanket",
            "soft",
            rounded_box((2 * half + 0.06, pad, depth * 0.6), 0.04, 3).translate((0, low + pad * 0.55, depth * 0.17)),
        )
    a.mark_pair("seat_front", [half * 0.97, low + pad / 2, depth / 2])
    a.mark_pair("seat_rear", [half * 0.97, low + pad / 2, -depth / 2])
    a.note(arms="none", seat_height=top, seat_width=2 * half, seat_depth=depth, cushion=pad)
    return "wood"


def round_ottoman(a: Assembly, rng: Generator) -> str:
    """A low round or square seat without a back for several, or a round one around a central back."""
    radius, seat = rng.uniform(0.55, 0.9), rng.uniform(0.34, 0.46)
    lift = rng.choice([0.0, rng.uniform(0.05, 0.12)])
    round_edge = [
        [radius * 0.96, lift],
        [radius, lift + 0.05],
        [radius, seat - 0.06],
        [radius * 0.93, seat],
        [0.02, seat + 0.02],
    ]
    a.add("seat", "soft", lathe(round_edge, segments=40))
    if lift:
        a.add("base", "frame", lathe([[radius * 0.8, 0], [radius * 0.8, lift + 0.03]], segments=40))
    core, rise = radius * rng.uniform(0.2, 0.4), rng.uniform(0.25, 0.45)
    profile = [
        [core * 1.2, seat - 0.1],
        [core, seat + rise * 0.8],
        [core * 0.85, seat + rise],
        [core * 0.2, seat + rise * 1.02],
    ]
    a.add("back", "cushion", lathe(profile, segments=28))
    a.mark("back_top", (0, seat + rise, 0))
    a.mark_pair("seat_edge", [radius, seat - 0.03, 0])
    a.note(seat_height=seat, radius=radius, back_height=seat + rise)
    return "wood"
