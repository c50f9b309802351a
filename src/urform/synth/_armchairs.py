"""Upholstered families: club, wing and tub chairs."""

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from urform.synth._bases import four_legs, pedestal, sled
from urform.synth._materials import pick
from urform.synth._plan import BackSurface, Plan
from urform.synth._seats import slab
from urform.synth._shape import Assembly
from urform.synth._solids import Numbers, rounded_box, sheet, sweep, warp


def cushion(size: Numbers, radius: float, puff: float = 0.0, crown: float = 0.0, cells: int = 6,
            arcs: int = 3) -> Manifold:  # fmt: skip
    """A padded block about the origin whose front and rear (z) bulge by `puff` and whose top edge arches by `crown`."""
    half = np.asarray(size, float) / 2

    def bulge(p):
        x, y, z = (p / half).T
        face = np.clip(1 - x**2, 0, 1) * np.clip(1 - y**2, 0, 1)
        return p + np.stack([0 * x, crown * (y > 0) * y * (1 - x**2), puff * z * face], -1)

    return warp(rounded_box(size, radius, cells, arcs), bulge)


def feet(a: Assembly, plan: Plan, rng: Generator, kinds: dict[str, float]) -> None:
    """What a block of upholstery of the plan's thickness stands on."""
    kind = pick(rng, kinds)
    if kind == "legs":
        four_legs(a, plan, rng, {"taper": 3, "straight": 2, "turned": 1, "sabre": 0.5}, stretchers={"none": 1})
    elif kind == "sled":
        sled(a, plan, rng)
    elif kind == "pedestal":
        pedestal(a, plan, rng)
    else:
        height, inset = plan.underside + 0.02, rng.uniform(0.01, 0.05)
        a.add("base", "frame", slab(plan, height, height, 0.01, grow=-inset))
        a.mark_pair("foot_front", plan.corner(1, 1, 0, inset))
        a.mark_pair("foot_rear", plan.corner(1, -1, 0, inset))
        a.note(base="plinth")


def block_arm(rng: Generator, kind: str, width: float, height: float, length: float) -> tuple[Manifold, float]:
    """An arm about x = 0, from y = 0 up, centred in z; and how much lower its front end is, metres."""
    radius = rng.uniform(0.012, 0.07)
    if kind == "rolled":
        roll = width * rng.uniform(0.55, 0.75)
        y, z = height - roll, length / 2
        tube = sweep([[0.02, y, z], [0.02, y, -z]], 2 * roll, section="round")
        wall = rounded_box((width, height - roll, length), 0.02, 2).translate((0, (height - roll) / 2, 0))
        return tube + wall, 0.0
    block = rounded_box((width, height, length), (min(radius, width / 2), radius, radius * 1.3), cells=5)
    fall = rng.uniform(0.05, 0.16) if kind == "sloped" else 0
    flare = rng.choice([0, rng.uniform(0.02, 0.08)])
    scoop = rng.uniform(0.02, 0.06) if kind == "scooped" else 0

    def shape(p):
        x, y, z = p.T
        up, front = np.clip(y / height + 0.5, 0, 1), np.clip(z / length + 0.5, 0, 1)
        lower = up * (fall * front**1.5 + scoop * np.sin(np.pi * front))
        return np.stack([x + flare * up**2, y + height / 2 - lower, z], -1)

    return warp(block, shape), fall


def club_chair(a: Assembly, rng: Generator) -> str:
    """Blocks of upholstery: seat, back and two arms, with loose cushions, on feet or a plinth."""
    seat_height, half = rng.uniform(0.36, 0.46), rng.uniform(0.25, 0.36)
    lift = rng.choice([0.03, rng.uniform(0.07, 0.2)], p=[0.25, 0.75])
    depth, arm = rng.uniform(0.55, 0.75), rng.uniform(0.06, 0.21)
    member, section = rng.uniform(0.032, 0.06), rng.choice(["round", "square", "soft"])
    outer = Plan(seat_height, half + arm * 0.9, half + arm * 0.9, depth, seat_height - lift, member, section)
    feet(a, outer, rng, {"legs": 5, "plinth": 1.5, "sled": 0.7})
    pad = rng.uniform(0.1, 0.2)
    base = seat_height - pad + 0.03
    body = rounded_box((2 * half + 0.04, base - lift, depth), 0.02, 3)
    a.add("seat", "soft", body.translate((0, (base + lift) / 2, 0)))
    seat = rounded_box((2 * half, pad, depth * rng.uniform(0.98, 1.08)), rng.uniform(0.025, 0.07), cells=7)
    puff = rng.uniform(0, 0.04)
    soft = warp(seat, lambda p: p + np.stack([0 * p[:, 0], puff * np.clip(p[:, 1], 0, 1) / pad * 2 * np.cos(
        np.pi * p[:, 0] / (2 * half)), 0 * p[:, 0]], -1))  # fmt: skip
    a.add("seat", "soft", soft.translate((0, seat_height - pad / 2, rng.uniform(0, 0.02))))

    kind = pick(rng, {"block": 2.5, "rolled": 1.3, "sloped": 1.2, "scooped": 1, "none": 0.6})
    arm_height = seat_height + rng.uniform(0.1, 0.24)
    if kind != "none":
        length = depth * rng.uniform(0.85, 1.04)
        side, fall = block_arm(rng, kind, arm, arm_height - lift, length)
        a.add_pair("arm", "soft", side.translate((half + arm / 2 - 0.004, lift, -(depth - length) / 2)))
        a.mark_pair("arm_front", [half + arm / 2, arm_height - fall, length - depth / 2])
        a.mark_pair("arm_rear", [half + arm / 2, arm_height, -depth / 2])
    _club_back(a, rng, half + (arm if rng.random() < 0.5 and kind != "none" else 0.01), half, seat_height, depth, lift)
    a.mark_pair("seat_front", [half, seat_height, depth / 2])
    a.mark_pair("seat_rear", [half, seat_height, -depth / 2])
    a.note(seat="block", arms=kind, seat_height=seat_height, arm_width=arm, seat_width=2 * half, seat_depth=depth)
    return "wood"


def _club_back(a: Assembly, rng: Generator, outer: float, inner: float, seat: float, depth: float,
               lift: float) -> None:  # fmt: skip
    """The back block, its cushion and sometimes wings; half widths, seat height and depth in metres."""
    rise = rng.uniform(0.3, 0.46) if rng.random() < 0.65 else rng.uniform(0.46, 0.7)
    thick, recline = rng.uniform(0.09, 0.2), rng.uniform(3, 20)
    tall, crown = seat + rise - lift, rng.choice([0, rng.uniform(0.02, 0.1)])
    slant = np.tan(np.radians(recline))
    block = cushion((2 * outer, tall, thick), rng.uniform(0.015, 0.08), 0.0, crown)
    taper = rng.choice([0, rng.uniform(-0.15, 0.1)])

    def lean(p):
        up = p[:, 1] / tall + 0.5
        above = np.clip(p[:, 1] + tall / 2 + lift - seat, -0.1, None)
        return np.stack([p[:, 0] * (1 + taper * up), p[:, 1] + tall / 2 + lift, p[:, 2] - slant * above], -1)

    z = thick / 2 - depth / 2 - 0.04
    a.add("back", "soft", warp(block, lean).translate((0, 0, z)))
    pad = rng.uniform(0.07, 0.17)
    if rng.random() < 0.75:
        height = rise * rng.uniform(0.75, 1.02)
        size = (2 * inner * rng.uniform(0.86, 0.99) * min(1, 1 + taper), height, pad)
        pillow = cushion(size, rng.uniform(0.03, 0.06), rng.uniform(0.01, 0.05), rng.uniform(0, 0.03))
        pillow = pillow.rotate((-recline, 0, 0))
        a.add("back", "soft", pillow.translate((0, seat + height / 2, z + thick / 2 + pad * 0.35 - slant * height / 2)))
    if rise > 0.45 and rng.random() < 0.6:
        lean_rad = np.radians(recline)
        half = outer * 0.96
        _wings(a, rng, BackSurface(seat, z, half, half * (1 + taper), rise / np.cos(lean_rad), lean_rad))
    a.mark_pair("back_top", [outer * (1 + taper), seat + rise, z - slant * rise])
    a.note(back="block", back_height=rise, recline_deg=recline, back_thickness=thick)


def _wings(a: Assembly, rng: Generator, surface: BackSurface) -> None:
    """Ears at the sides of a tall back."""
    reach, bottom = rng.uniform(0.14, 0.26), rng.uniform(0.15, 0.4)
    s = np.linspace(bottom, 0.97, 11)[:, None]
    out = np.linspace(0, 1, 6) * reach * np.sin(np.pi * np.linspace(0.25, 0.85, 11))[:, None] ** 0.7
    grid = surface(np.ones_like(out), np.broadcast_to(s, out.shape), out)
    grid[..., 0] += out * rng.uniform(0, 0.35)
    a.add_pair("wing", "soft", sheet(grid, rng.uniform(0.04, 0.08)))


def tub_chair(a: Assembly, rng: Generator) -> str:
    """One padded wall that runs round the sitter, arms and back in one."""
    seat_height, half = rng.uniform(0.36, 0.46), rng.uniform(0.26, 0.36)
    depth, wall = 2 * half * rng.uniform(0.9, 1.1), rng.uniform(0.035, 0.13)
    lift = rng.uniform(0.1, 0.24) if rng.random() < 0.8 else 0.03
    plan = Plan(seat_height, half, half, depth, seat_height - lift, rng.uniform(0.028, 0.05),
                rng.choice(["round", "soft"]), roundness=rng.uniform(0.3, 1))  # fmt: skip
    feet(a, plan, rng, {"legs": 4, "plinth": 0.6, "pedestal": 2, "sled": 0.5})
    a.add("seat", "soft", slab(plan, seat_height - 0.06, seat_height - lift - 0.06, 0.03))
    pad = rng.uniform(0.08, 0.14)
    a.add("seat", "soft", slab(plan, seat_height, pad, rng.uniform(0.03, 0.05), -wall * 0.3, puff=rng.uniform(0, 0.03)))

    turn = np.radians(np.linspace(-1, 1, 35) * rng.uniform(100, 150))
    behind = np.clip(np.cos(turn / 2) ** 2, 0, 1)
    arm_top, back_top = rng.uniform(0.1, 0.24), rng.uniform(0.26, 0.5)
    top = seat_height + arm_top + (back_top - arm_top) * behind ** rng.uniform(1.2, 4)
    power = 2 / rng.uniform(2, 4)
    flat = np.stack([half * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power,
                     -depth / 2 * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power], -1)  # fmt: skip
    flare = rng.uniform(0, 0.3)
    share = np.linspace(0, 1, 9)[:, None]
    bottom = lift + 0.01 if rng.random() < 0.75 else seat_height - 0.08
    y = bottom + (top - bottom) * share
    out = 1 + flare * np.clip(y - bottom, 0, None)
    grid = np.stack([flat[:, 0] * out, y, flat[:, 1] * (out + flare * np.clip(y - seat_height, 0, 1) * behind)], -1)
    a.add("back", "soft", sheet(grid, wall * np.sin(np.linspace(0.35, np.pi - 0.35, 9))[:, None] ** 0.5))
    a.mark_pair("arm_front", grid[-1, -1])
    a.mark("back_top", grid[-1, 17])
    a.note(seat="block", back="tub", arms="tub", seat_height=seat_height, back_height=back_top, wall=wall, flare=flare)
    return "wood"
