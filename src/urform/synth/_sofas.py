"""Families of straight sofas."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from urform.synth._armchairs import block_arm
from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import fillet, sheet, sweep, xyz
from urform.synth._upholstery import (
    Feet,
    Softness,
    back_cushions,
    back_wall,
    block,
    corners,
    draw_feet,
    draw_softness,
    seat_cushions,
    throw_pillows,
)


@dataclass(frozen=True)
class Body:
    """Proportions of a sofa in metres; its seat lies from -depth / 2 to depth / 2."""

    half: float
    """Of the seat between the arms."""
    depth: float
    """Of the seat with the back."""
    seat: float
    """Height of the seat's upper side."""
    pad: float
    """Thickness of the seat cushions."""
    arm: float
    """Width of an arm."""
    arm_top: float
    """Height of the arms."""
    top: float
    """Height of the back."""
    wall: float
    """Thickness of the back's wall."""
    count: int
    """Of seats."""
    soft: Softness
    feet: Feet

    @property
    def low(self) -> float:
        """Height of the underside."""
        return self.feet.height

    @property
    def z(self) -> float:
        """Where the front of the back's wall meets the seat."""
        return -self.depth / 2 + self.wall


def draw_body(rng: Generator, count: int | None = None) -> Body:
    """Draws the proportions of a sofa of one to four seats."""
    count = count or int(rng.choice([2, 2, 3, 3, 3, 4]))
    half = count * rng.uniform(0.52, 0.78) / 2 if count > 2 else count * rng.uniform(0.55, 0.9) / 2
    seat = rng.uniform(0.36, 0.48)
    rise = rng.uniform(0.26, 0.42) if rng.random() < 0.65 else rng.uniform(0.38, 0.6)
    arm = rng.uniform(0.06, 0.3) if rng.random() < 0.8 else rng.uniform(0.05, 0.1)
    depth = rng.uniform(0.72, 1.02)
    feet = draw_feet(rng, float(np.linalg.norm([2 * half + 2 * arm, depth, seat + rise])))
    return Body(
        half,
        depth,
        seat,
        rng.uniform(0.1, 0.2),
        arm,
        seat + rng.uniform(0.1, 0.27),
        seat + rise,
        rng.uniform(0.1, 0.24),
        count,
        draw_softness(rng),
        feet,
    )


def mark_body(a: Assembly, body: Body, arms: str) -> None:
    """Names the corners of seat and back, and notes the proportions."""
    rear = -body.depth / 2 + body.wall / 2
    a.mark_pair("seat_front", [body.half * 0.98, body.seat, body.depth / 2])
    a.mark_pair("back_top", [body.half * 0.98, body.top, rear - body.soft.slant * (body.top - body.seat)])
    if arms != "none":
        a.mark_pair("arm_front", [body.half + body.arm / 2, body.arm_top, body.depth / 2])
    a.note(
        arms=arms,
        feet=body.feet.kind,
        seats=body.count,
        seat_height=body.seat,
        seat_width=2 * body.half,
        seat_depth=body.depth,
        back_height=body.top,
        arm_width=body.arm,
        recline_deg=body.soft.recline,
    )


def add_seat_block(a: Assembly, body: Body, rng: Generator, fused: bool = False) -> None:
    """Adds the base below the seat, and its cushions: one a seat, or one for all."""
    under = body.seat - body.pad + 0.02
    front = body.depth / 2 - rng.choice([0, rng.uniform(0, 0.04)])
    a.add(
        "base",
        "soft",
        block((-body.half - 0.02, body.low, -body.depth / 2 + 0.01), (body.half + 0.02, under, front), 0.02),
    )
    count = 1 if fused else body.count
    seat_cushions(
        a, body.soft, (-body.half, body.seat - body.pad, body.z - 0.02), (body.half, body.seat, body.depth / 2), count
    )


def add_sofa_back(
    a: Assembly, body: Body, rng: Generator, outer: float, crest: float = 0.0, loose: float = 0.75
) -> None:
    """Adds the wall of the back, `outer` metres to either side, and cushions before it in a share of the cases."""
    wall = back_wall(
        body.soft, outer, body.low, body.top, body.seat, body.wall, body.soft.radius * rng.uniform(0.6, 1.5), crest
    )
    a.add("back", "soft", wall.translate((0, 0, body.z)))
    if rng.random() < loose:
        pad = rng.uniform(0.1, 0.22)
        height = (body.top - body.seat) * rng.uniform(0.8, 1.15)
        shrink = body.half * rng.choice([1, rng.uniform(0.9, 0.99)])
        start = xyz(-shrink, body.seat - 0.01, body.z - 0.015)
        count = body.count if rng.random() < 0.85 else int(rng.integers(1, 5))
        back_cushions(a, body.soft, start, start * (-1, 1, 1), height, pad, count)
        ahead = xyz(0, 0, pad * 0.9)
        throw_pillows(a, rng, start + ahead, start * (-1, 1, 1) + ahead, body.soft)


def sofa(a: Assembly, rng: Generator) -> str:
    """Blocks of upholstery: base, cushions, back and two arms, on feet or on the floor."""
    body = draw_body(rng)
    kind = pick(rng, {"block": 3, "rolled": 1.5, "sloped": 1.3, "scooped": 1, "low": 1})
    if kind == "low":
        body = replace(body, arm_top=body.seat + rng.uniform(0.0, 0.08))
    add_seat_block(a, body, rng, rng.random() < 0.2)
    length = body.depth * rng.uniform(0.88, 1.02)
    arm, fall = block_arm(rng, "block" if kind == "low" else kind, body.arm, body.arm_top - body.low, length)
    a.add_pair("arm", "soft", arm.translate((body.half + body.arm / 2 - 0.004, body.low, -(body.depth - length) / 2)))
    outer = body.half + (body.arm * rng.uniform(0.85, 1) if rng.random() < 0.55 else 0.01)
    add_sofa_back(a, body, rng, outer, rng.choice([0, 0, rng.uniform(-0.03, 0.06)]))
    body.feet.add(a, corners(body.half + body.arm, body.depth / 2, -body.depth / 2, 0.07))
    mark_body(a, replace(body, arm_top=body.arm_top - fall), kind)
    return rng.choice(["wood", "metal"])


def tuxedo_sofa(a: Assembly, rng: Generator) -> str:
    """Arms as high as the back, slim or thick: a box or a shell around the seat."""
    body = draw_body(rng)
    soft = replace(body.soft, recline=rng.uniform(0, 8))
    body = replace(body, wall=rng.uniform(0.07, 0.2), soft=soft)
    body = replace(body, arm=body.wall * rng.uniform(0.8, 1.2), arm_top=body.top - rng.choice([0, rng.uniform(0, 0.1)]))
    add_seat_block(a, body, rng, rng.random() < 0.3)
    outer = body.half + body.arm
    if rng.random() < 0.5:
        z, end = -body.depth / 2 + body.wall / 2, body.depth / 2 - rng.uniform(0, 0.2)
        x, flare = body.half + body.wall / 2 - 0.01, rng.uniform(0, 0.12)
        path = fillet([[x, 0, end], [x, 0, z], [-x, 0, z], [-x, 0, end]], rng.uniform(0.06, 0.3), steps=7)
        share = np.linspace(0, 1, 7)[:, None, None]
        fall = np.clip((path[:, 2] - z) / (end - z), 0, 1) ** 1.5 * (body.top - body.arm_top)
        levels = xyz(0, 1, 0) * ((body.top - fall)[:, None] - body.low - 0.02) * share
        grid = path * (1 + flare * share * (1, 0, 1)) + levels + xyz(0, body.low + 0.02, 0)
        shape = np.sin(np.linspace(0.5, np.pi - 0.5, 7)) ** 0.4
        a.add("back", "soft", sheet(grid, body.wall * shape[:, None]))
        if rng.random() < 0.5:
            start = xyz(-body.half * 0.95, body.seat - 0.01, body.z - 0.03)
            back_cushions(a, soft, start, start * (-1, 1, 1), (body.top - body.seat) * 0.9, 0.14, body.count)
        mark_body(a, replace(body, soft=replace(soft, recline=0.0)), "shell")
    else:
        arm = block(
            (body.half - 0.01, body.low, -body.depth / 2),
            (outer, body.arm_top, body.depth / 2),
            min(soft.radius, body.arm * 0.4),
        )
        a.add_pair("arm", "soft", arm)
        add_sofa_back(a, body, rng, outer, loose=0.85)
        mark_body(a, body, "tuxedo")
    body.feet.add(a, corners(outer, body.depth / 2, -body.depth / 2, 0.09))
    return "wood"


def chesterfield(a: Assembly, rng: Generator) -> str:
    """Arms and back of one height under one continuous roll."""
    body = draw_body(rng, int(rng.choice([2, 3, 3])))
    roll = rng.uniform(0.1, 0.2)
    body = replace(
        body,
        top=body.seat + rng.uniform(0.2, 0.36),
        soft=replace(body.soft, recline=0.0),
        wall=roll * rng.uniform(0.6, 0.85),
    )
    body = replace(body, arm=body.wall, arm_top=body.top)
    add_seat_block(a, body, rng, rng.random() < 0.4)
    z, x = -body.depth / 2 + body.wall / 2, body.half + body.wall / 2 - 0.01
    end = body.depth / 2 - rng.uniform(0, 0.08)
    path = fillet([[x, 0, end], [x, 0, z], [-x, 0, z], [-x, 0, end]], rng.uniform(0.08, 0.2), steps=6)
    drop = rng.choice([0, 0, rng.uniform(0.03, 0.12)]) * np.clip((path[:, 2] - z) / (end - z), 0, 1) ** 2
    out = (
        roll
        * rng.uniform(0.1, 0.35)
        * np.stack([np.sign(path[:, 0]) * (path[:, 2] > z + 0.02), 0 * drop, -1.0 * (path[:, 2] < z + 0.1)], -1)
    )
    crest = path + out + xyz(0, 1, 0) * (body.top - roll / 2 - drop)[:, None]
    share = np.linspace(0, 1, 5)[:, None, None]
    grid = (path + xyz(0, body.low + 0.02, 0)) * (1 - share) + crest * share
    a.add("back", "soft", sheet(grid, body.wall))
    a.add("arm", "soft", sweep(crest, roll, side=(1, 0, 0)))
    if rng.random() < 0.3:
        start = xyz(-body.half, body.seat - 0.01, body.z - 0.02)
        back_cushions(a, body.soft, start, start * (-1, 1, 1), (body.top - body.seat) * 0.8, 0.14, body.count)
    body.feet.add(a, corners(x, end, -body.depth / 2, 0.07))
    mark_body(a, replace(body, half=body.half), "chesterfield")
    a.note(roll=roll)
    return "wood"


def camelback(a: Assembly, rng: Generator) -> str:
    """A back with a curved crest over rolled or scooped arms, on turned or tapered legs."""
    body = draw_body(rng, int(rng.choice([2, 3])))
    body = replace(body, wall=rng.uniform(0.08, 0.15), soft=replace(body.soft, radius=0.04), arm=rng.uniform(0.1, 0.2))
    add_seat_block(a, body, rng, rng.random() < 0.6)
    kind = pick(rng, {"rolled": 3, "scooped": 1.5, "sloped": 1})
    length = body.depth * rng.uniform(0.85, 0.98)
    arm, fall = block_arm(rng, kind, body.arm, body.arm_top - body.low, length)
    a.add_pair("arm", "soft", arm.translate((body.half + body.arm / 2 - 0.004, body.low, -(body.depth - length) / 2)))
    body = replace(body, top=max(body.arm_top + 0.03, body.top - 0.08))
    add_sofa_back(a, body, rng, body.half + body.arm * 0.5, rng.uniform(0.07, 0.2), loose=0.2)
    body.feet.add(a, corners(body.half + body.arm, body.depth / 2, -body.depth / 2, 0.07))
    mark_body(a, replace(body, arm_top=body.arm_top - fall), kind)
    return "wood"


def armless_sofa(a: Assembly, rng: Generator) -> str:
    """A seat and a back, nothing at the sides; sometimes the back covers a part of the width only."""
    body = draw_body(rng)
    body = replace(body, depth=rng.uniform(0.6, 0.95), arm=0.0)
    add_seat_block(a, body, rng, rng.random() < 0.5)
    part = rng.uniform(0.55, 0.8) if rng.random() < 0.15 else 1.0
    add_sofa_back(a, replace(body, half=body.half * part), rng, body.half * part, loose=0.5)
    body.feet.add(a, corners(body.half, body.depth / 2, -body.depth / 2, 0.07))
    mark_body(a, replace(body, half=body.half * part), "none")
    return rng.choice(["wood", "metal"])
