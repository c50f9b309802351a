"""Families of chairs that only wide series have."""

from dataclasses import replace

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from urform.synth._armchairs import cushion, feet
from urform.synth._backs import add_back, draw_surface
from urform.synth._bases import four_legs, pedestal, rockers
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._seats import add_seat, slab
from urform.synth._shape import Assembly
from urform.synth._solids import bar, rounded_box, sheet, sweep, warp, xyz


def director_chair(a: Assembly, rng: Generator) -> str:
    """Cloth for seat and back between side frames that fold on crossed legs; of chair or bar height."""
    half, depth, size = rng.uniform(0.23, 0.29), rng.uniform(0.38, 0.46), rng.uniform(0.026, 0.036)
    seat = rng.uniform(0.4, 0.5) if rng.random() < 0.75 else rng.uniform(0.62, 0.74)
    arm, section = seat + rng.uniform(0.16, 0.23), rng.choice(["round", "square", "soft"])
    top, z = arm + rng.uniform(0.14, 0.32), depth / 2 - size
    for along in (z, -z):
        for side in (1, -1):
            shift = xyz(0, 0, 0.4 * size * side)
            high, low = xyz(side * half, seat - size * 0.6, along), xyz(-side * half, size * 0.6, along)
            a.add("leg", "frame", bar(high + shift, low + shift, size, section=section))
    for y in (size / 2, seat):
        rail = xyz(half, y, depth / 2)
        a.add_pair("frame", "frame", bar(rail, rail * (1, 1, -1), size * 1.2, section="square"))
    u = np.linspace(-1, 1, 9)
    sag = seat - rng.uniform(0.01, 0.05) * (1 - u**2)
    rows = np.linspace(0.94, -0.94, 5)[:, None] * depth / 2
    a.add("seat", "soft", sheet(np.stack(np.broadcast_arrays(u * half, sag, rows), -1), 0.024))
    lean, tall = rng.uniform(0, 0.06), rng.uniform(0.14, 0.24)
    crest = xyz(half, top, -z - lean)
    a.add_pair("leg", "frame", bar(xyz(half, seat, z), xyz(half, arm, z), size, section=section))
    a.add_pair("back", "frame", bar(xyz(half, seat, -z), crest, size, section=section))
    rest = xyz(half, arm, z + 0.03)
    a.add_pair(
        "arm", "frame", bar(rest, xyz(half, arm, -z - 0.03), size * rng.uniform(1.3, 2.2), 0.024, section="soft")
    )
    y = np.linspace(top - 0.01, top - tall, 5)[:, None]
    behind = -z - lean * (y - seat) / (top - seat) - rng.uniform(0.0, 0.05) * (1 - u**2)
    a.add("back", "soft", sheet(np.stack(np.broadcast_arrays(u * half, y, behind), -1), 0.024))
    a.mark_pair("foot_front", [half, 0, depth / 2])
    a.mark_pair("foot_rear", [half, 0, -depth / 2])
    a.mark_pair("seat_front", [half, seat, depth / 2])
    a.mark_pair("arm_front", rest)
    a.mark_pair("back_top", crest)
    a.note(base="crossed", seat="sling", back="sling", seat_height=seat, arm_height=arm)
    return rng.choice(["wood", "metal"])


def wrapped_stool(a: Assembly, rng: Generator) -> str:
    """A bar stool whose low padded back wraps round the sitter."""
    seat, half = rng.uniform(0.58, 0.78), rng.uniform(0.18, 0.24)
    plan = Plan(
        seat,
        half,
        half,
        2 * half * rng.uniform(0.88, 1.05),
        rng.uniform(0.06, 0.11),
        rng.uniform(0.028, 0.044),
        rng.choice(["round", "soft", "square"]),
        roundness=rng.uniform(0.4, 1),
    )
    base = pick(rng, {"legs": 3, "pedestal": 2})
    if base == "legs":
        four_legs(a, plan, rng, {"straight": 2, "taper": 3}, stretchers={"ring": 2, "box": 3, "double": 1})
    else:
        pedestal(a, plan, rng, pick(rng, {"disc": 2, "tulip": 1, "star": 1}))
    add_seat(a, plan, rng, {"cushion": 1})
    turn = np.radians(np.linspace(-1, 1, 27) * rng.uniform(75, 125))
    behind, wall = np.clip(np.cos(turn), 0, 1), rng.uniform(0.03, 0.07)
    side, rise = rng.uniform(0.03, 0.16), rng.uniform(0.18, 0.36)
    bottom = rng.choice([seat - plan.thickness * 0.7, seat - 0.015])
    share = np.linspace(0, 1, 7)[:, None]
    y = bottom + (seat + side + (rise - side) * behind ** rng.uniform(0.6, 2.5) - bottom) * share
    out = 1 + rng.uniform(0, 0.35) * np.clip(y - seat, 0, None)
    flat = np.stack([half * np.sin(turn), -plan.depth / 2 * np.cos(turn)], -1) * 0.98
    grid = np.stack([flat[:, 0] * out, y, flat[:, 1] * out], -1)
    a.add("back", "soft", sheet(grid, wall * np.sin(np.linspace(0.4, np.pi - 0.4, 7))[:, None] ** 0.4))
    a.mark_pair("arm_front", grid[-1, -1])
    a.mark("back_top", grid[-1, 13])
    a.note(back="wrapped", back_height=rise, wall=wall)
    return "wood" if base == "legs" else "metal"


def high_chair(a: Assembly, rng: Generator) -> str:
    """A child's chair with long legs, a foot rest and most often a tray."""
    half = rng.uniform(0.14, 0.19)
    plan = Plan(
        rng.uniform(0.48, 0.62),
        half,
        half * rng.uniform(0.85, 1),
        2 * half * rng.uniform(0.85, 1.1),
        rng.uniform(0.03, 0.06),
        rng.uniform(0.026, 0.038),
        rng.choice(["round", "soft", "square"]),
    )
    wide = replace(plan, half_front=half * 1.1, half_rear=half * 1.1)
    four_legs(
        a, wide, rng, {"straight": 2, "taper": 2, "turned": 1}, stretchers={"box": 3, "cross_rails": 1, "sides": 1}
    )
    add_seat(a, plan, rng, {"plank": 2, "cushion": 2, "dished": 1})
    back = add_back(a, plan, draw_surface(plan, rng, (0.26, 0.42), (0, 14)), rng)
    level, reach = plan.seat_height + rng.uniform(0.14, 0.2), plan.depth / 2 + rng.uniform(0.05, 0.12)
    s = min(0.9, (level - back.surface.y) / back.surface.height)
    rear = back.surface(back.edge(s), s)
    if s > back.lowest:
        tip = xyz(half * 1.05, level, reach)
        a.add_pair("arm", "frame", bar(rear, tip, 0.024, section="soft"))
        low = plan.corner(1, 0.7, plan.seat_height - 0.015)
        a.add_pair("arm", "frame", bar(low, rear + (tip - rear) * 0.75, 0.024))
        if rng.random() < 0.75:
            tray = rounded_box((half * 2.4, 0.026, rng.uniform(0.18, 0.27)), (0.05, 0.012, 0.05), 3)
            a.add("tray", rng.choice(["frame", "soft"]), tray.translate((0, level + 0.005, reach)))
        a.mark_pair("arm_front", tip)
    a.mark("seat_middle", (0, plan.seat_height, 0))
    a.note(tray=reach)
    return rng.choice(["wood", "plastic"])


def wing_chair(a: Assembly, rng: Generator) -> str:
    """A tall padded back with wings that run down into the arms."""
    seat, half, depth = rng.uniform(0.38, 0.47), rng.uniform(0.25, 0.31), rng.uniform(0.55, 0.7)
    lift, thick, wall = rng.uniform(0.1, 0.2), rng.uniform(0.08, 0.14), rng.uniform(0.05, 0.1)
    plan = Plan(seat, half + wall, half + wall, depth, seat - lift, rng.uniform(0.034, 0.05), "round")
    if rng.random() < 0.15:
        rockers(a, plan, rng)
    else:
        feet(a, plan, rng, {"legs": 5, "plinth": 0.5})
    a.add("seat", "soft", slab(plan, seat - 0.08, seat - 0.08 - lift, 0.03))
    a.add("seat", "soft", rounded_box((2 * half, 0.13, depth), 0.04, 5).translate((0, seat - 0.055, 0.01)))
    rise, slant = rng.uniform(0.55, 0.75), np.tan(np.radians(rng.uniform(4, 14)))
    tall = seat + rise - lift
    back = cushion((2 * half + 2 * wall, tall, thick), 0.04, 0.01, rng.choice([0, rng.uniform(0.03, 0.1)]))

    def lean(p):
        y = p[:, 1] + tall / 2 + lift
        return np.stack([p[:, 0], y, p[:, 2] - slant * np.clip(y - seat, -0.1, None)], -1)

    z = -depth / 2 + thick / 2
    a.add("back", "soft", warp(back, lean).translate((0, 0, z)))
    arm, reach = seat + rng.uniform(0.14, 0.24), rng.uniform(0.14, 0.26)
    share, y = np.linspace(0, 1, 9)[:, None], np.linspace(lift + 0.01, seat + rise * rng.uniform(0.9, 1), 19)
    rear = z - slant * np.clip(y - seat, -0.1, None)
    ahead = np.interp(y, [lift, arm, arm + rng.uniform(0.08, 0.2), seat + rise * 0.85, seat + rise],
                      [depth / 2, depth / 2 - 0.02, z + reach, z + reach * 0.9, z + 0.05])  # fmt: skip
    flare = rng.uniform(0, 0.05) * share**2 * (y > arm)
    x = half + wall / 2 - 0.01 + flare
    line = np.maximum(ahead, rear + 0.06) * share + rear * (1 - share)
    a.add_pair("arm", "soft", sheet(np.stack(np.broadcast_arrays(x, y, line), -1).transpose(1, 0, 2), wall))
    if rng.random() < 0.5:
        roll = xyz(half + wall / 2, arm - 0.01, depth / 2 - 0.02)
        a.add_pair("arm", "soft", bar(roll, roll * (1, 1, 0) + xyz(0, 0, z), wall * rng.uniform(1.2, 1.6)))
    a.mark_pair("arm_front", [half + wall / 2, arm, depth / 2 - 0.03])
    a.mark_pair("seat_front", [half, seat, depth / 2])
    a.mark_pair("back_top", [half, seat + rise, z - slant * rise])
    a.note(seat="block", back="wing", arms="wing", seat_height=seat, back_height=rise, wall=wall)
    return "wood"


def egg_chair(a: Assembly, rng: Generator) -> str:
    """A hollow egg, ball or bowl that is open to the front, with a cushion, on a pedestal or legs."""
    half, tall, wall = rng.uniform(0.34, 0.48), rng.uniform(0.35, 0.6), rng.uniform(0.04, 0.07)
    deep = half * rng.uniform(0.85, 1.05)
    low = rng.uniform(0.16, 0.26)
    ball = Manifold.sphere(1.0, 36)
    shell = ball.scale((half, tall, deep)) - ball.scale((half - wall, tall - wall, deep - wall))
    tilt = np.radians(rng.uniform(20, 70))
    shell = shell.trim_by_plane((0, -np.sin(tilt), -np.cos(tilt)), -rng.uniform(0.05, 0.35) * half)
    a.add("shell", "frame", shell.translate((0, low + tall, 0)))
    sit = low + tall * rng.uniform(0.3, 0.45)
    reach = np.sqrt(1 - ((sit - low - tall) / tall) ** 2)
    pad = rounded_box((2 * half * reach, 0.2, 2 * deep * reach), (0.12, 0.07, 0.12), 4)
    pad = pad ^ ball.scale((half - wall * 0.5, tall - wall * 0.5, deep - wall * 0.5)).translate(
        (0, low + tall - sit + 0.06, 0)
    )
    a.add("seat", "soft", pad.translate((0, sit - 0.06, 0)))
    plan = Plan(low + wall, half * 0.4, half * 0.4, deep * 0.8, wall * 2, 0.04, "round", roundness=1.0)
    if rng.random() < 0.7:
        pedestal(a, plan, rng)
    else:
        four_legs(a, replace(plan, thickness=-0.05), rng, {"taper": 1, "straight": 1}, stretchers={"none": 1})
    a.mark("shell_rear", (0, low + tall, -deep))
    a.mark("shell_low", (0, low, 0))
    a.mark("seat_middle", (0, sit + 0.03, 0))
    a.note(seat="shell", back="egg", seat_height=sit, tilt_deg=np.degrees(tilt))
    return rng.choice(["plastic", "wood"])


def comb_back(a: Assembly, rng: Generator) -> str:
    """A Windsor chair: turned splayed legs, a dished seat, an arm rail on spindles, a comb above it; or a rocker."""
    half = rng.uniform(0.22, 0.28)
    plan = Plan(
        rng.uniform(0.4, 0.46),
        half,
        half * rng.uniform(0.85, 1),
        2 * half * rng.uniform(0.85, 1.0),
        rng.uniform(0.035, 0.055),
        rng.uniform(0.03, 0.044),
        "round",
        roundness=rng.uniform(0.5, 1),
    )
    if rng.random() < 0.3:
        rockers(a, plan, rng)
    else:
        four_legs(a, plan, rng, {"turned": 3, "taper": 1}, stretchers={"h": 4, "box": 1})
    add_seat(a, plan, rng, {"dished": 3, "plank": 1})
    seat, rise, top = plan.seat_height, rng.uniform(0.2, 0.26), rng.uniform(0.45, 0.75)
    angle = np.radians(np.linspace(-1, 1, 25) * rng.uniform(85, 115))
    rail = np.stack([half * 1.05 * np.sin(angle), 0 * angle + seat + rise, -plan.depth * 0.52 * np.cos(angle)], -1)
    a.add("arm", "frame", sweep(rail, rng.uniform(0.026, 0.045), 0.026, side=(0, 0, 1), section="soft"))
    for i in np.linspace(1, 23, int(rng.integers(6, 12))).round().astype(int):
        foot = rail[i] * (0.8, 0, 0.8) + xyz(0, seat - plan.thickness * 0.5, 0)
        a.add("back", "frame", bar(foot, rail[i], 0.02))
    lean, wide = rng.uniform(0.04, 0.16), half * rng.uniform(0.7, 1.1)
    u = np.linspace(-1, 1, 11)
    comb = np.stack([u * wide, seat + top - 0.02 * u**2, -plan.depth * 0.52 - lean + 0.04 * u**2], -1)
    a.add("back", "frame", sweep(comb, rng.uniform(0.03, 0.09), 0.024, section="soft", side=(0, 1, 0)))
    for share in np.linspace(-0.85, 0.85, int(rng.integers(4, 9))):
        place = round(5 + 5 * share)
        on_rail = rail[round(12 + 7 * share)]
        a.add("back", "frame", bar(on_rail, comb[place], 0.021))
    a.mark_pair("arm_front", rail[-1])
    a.mark_pair("back_top", comb[-1])
    a.note(back="comb", arms="rail", back_height=top)
    return "wood"
