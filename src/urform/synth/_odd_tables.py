"""Tables that are more or other than a top on legs: desks, picnic tables, glass tables, cloths, game tables."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from urform.synth._bases import four_legs
from urform.synth._drawers import add_case
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._seats import slab
from urform.synth._shape import Assembly
from urform.synth._solids import bar, lathe, rounded_box, sweep, warp, xyz
from urform.synth._table_bases import crossed, frames, office_feet, posts, rod_legs, spider, thick_legs, trestles
from urform.synth._table_tops import add_shelf, add_top, log_uniform, table_plan, thin
from urform.synth._tables import stand


def _desk_case(a: Assembly, plan: Plan, rng: Generator, side: int, floor: bool) -> None:
    """Drawers or a cupboard under one end of the top: side 1 at +x, -1 at -x."""
    board = 1.1 * thin(plan)
    width, deep = plan.half_front * rng.uniform(0.42, 0.68), plan.depth * rng.uniform(0.85, 0.97)
    tall = plan.underside if floor else plan.underside * rng.uniform(0.2, 0.6)
    low = 0.0 if floor else plan.underside - tall
    x = side * (plan.half_front - width / 2 - rng.choice([0, 0.02]))
    centre = xyz(x, low + tall / 2 + plan.thickness * 0.2, 0)
    add_case(a, rng, centre, np.array([width, tall + plan.thickness * 0.4, deep]), board, int(rng.integers(0, 5)))


def desk(a: Assembly, rng: Generator) -> str:
    """A writing desk: drawers under one or both ends, panels or legs, a modesty panel, a superstructure."""
    depth = rng.uniform(0.5, 0.85)
    plan = table_plan(rng, depth * rng.uniform(1.3, 2.6), depth, rng.uniform(0.68, 0.8))
    plan = replace(plan, member=min(plan.member, depth * 0.14))
    add_top(a, plan, rng, {"slab": 1})
    board, x = max(1.1 * thin(plan), plan.thickness * rng.uniform(0.7, 1)), plan.half_front
    kind = pick(rng, {"legs": 2, "panels": 2, "hung": 2})
    sides = rng.choice([1, -1], size=int(rng.choice([1, 1, 2])), replace=False).tolist()
    if kind == "hung":
        {"legs": thick_legs, "posts": posts}[pick(rng, {"legs": 1, "posts": 1})](a, plan, rng)
    for side in sides:
        _desk_case(a, plan, rng, side, kind != "hung")
    for side in {1, -1} - set(sides) if kind != "hung" else ():
        if kind == "panels":
            panel = rounded_box((board, plan.underside + plan.thickness / 2, plan.depth * 0.95), 0.006, 1, 1)
            a.add("panel", "frame", panel.translate((side * (x - board), plan.underside / 2 + plan.thickness / 4, 0)))
        else:
            for z in (0.42, -0.42):
                top = xyz(side * (x - plan.member), plan.underside + plan.thickness / 2, z * plan.depth)
                a.add("leg", "frame", bar(top, top * (1, 0, 1), plan.member, section=plan.section))
    if kind != "hung" or rng.random() < 0.3:
        tall = plan.underside * rng.uniform(0.3, 0.85)
        back = rounded_box((2 * x - 2 * board, tall, board), 0.006, 1, 1)
        a.add("panel", "frame", back.translate((0, plan.underside - tall / 2 + plan.thickness * 0.3, -depth * 0.38)))
    if rng.random() < 0.2:
        _hutch(a, plan, rng, board)
    a.mark_pair("foot_front", [x - board, 0, plan.depth * 0.42])
    a.note(base=f"desk_{kind}", cases=len(sides))
    return "wood"


def _hutch(a: Assembly, plan: Plan, rng: Generator, board: float) -> None:
    """Shelves on the rear of the top, over all or part of its width."""
    tall, deep = rng.uniform(0.15, 0.6), plan.depth * rng.uniform(0.25, 0.45)
    half = plan.half_front * rng.choice([1, rng.uniform(0.3, 0.6)])
    x = rng.choice([-1, 1]) * (plan.half_front - half)
    centre = xyz(x, plan.seat_height + tall / 2 - 0.01, -plan.depth / 2 + deep / 2)
    add_case(a, rng, centre, np.array([2 * half, tall, deep]), board, 0, part="hutch")


def office_desk(a: Assembly, rng: Generator) -> str:
    """A desk on T or C feet, metal frames, sometimes with a return to one side."""
    depth = rng.uniform(0.6, 0.9)
    plan = table_plan(rng, depth * rng.uniform(1.3, 2.5), depth, rng.uniform(0.68, 0.85))
    plan = replace(plan, thickness=min(plan.thickness, 0.05))
    add_top(a, plan, rng, {"slab": 1})
    base = pick(rng, {"office_feet": 3, "posts": 2, "frames": 1, "slabs": 0.7})
    if base == "office_feet":
        office_feet(a, plan, rng)
    else:
        stand(a, plan, rng, {base: 1})
    if rng.random() < 0.35:
        side, wide = rng.choice([1, -1]), plan.half_front * rng.uniform(0.5, 0.8)
        reach = depth * rng.uniform(0.5, 1.3)
        wing = rounded_box((wide, plan.thickness, reach + 0.1), 0.01, 2, 1)
        x = side * (plan.half_front - wide / 2)
        a.add("top", "top", wing.translate((x, plan.seat_height - plan.thickness / 2, depth / 2 + reach / 2 - 0.05)))
        for out in (0.4, -0.4):
            leg = xyz(x + out * wide, plan.seat_height - plan.thickness / 2, depth / 2 + reach - plan.member)
            a.add("leg", "frame", bar(leg, leg * (1, 0, 1), plan.member * 0.8, section=plan.section))
        a.note(wing=reach)
    return "metal" if base != "slabs" else "wood"


def corner_desk(a: Assembly, rng: Generator) -> str:
    """Two closed desks at a right angle."""
    side, height = rng.choice([1, -1]), rng.uniform(0.66, 0.78)
    width, deep, arm = rng.uniform(1.1, 1.9), rng.uniform(0.5, 0.75), rng.uniform(0.4, 1.0)
    plan = table_plan(rng, width, deep + arm, height)
    board, low = max(plan.thickness * 0.8, 1.1 * thin(plan)), height - plan.thickness / 2
    z = -(deep + arm) / 2

    def slab_at(part: str, size: tuple, centre: tuple) -> None:
        a.add(part, "top" if part == "top" else "frame", rounded_box(size, 0.008, 1, 1).translate(centre))

    x = side * (width - deep) / 2
    slab_at("top", (width, plan.thickness, deep), (0, low, z + deep / 2))
    slab_at("top", (deep, plan.thickness, arm + 0.1), (x, low, z + deep + arm / 2 - 0.05))
    slab_at("panel", (width - board, low, board), (0, low / 2, z + board))
    slab_at("panel", (board, low, deep * 0.95), (-side * (width / 2 - board), low / 2, z + deep / 2))
    slab_at("panel", (board, low, deep + arm), (side * (width / 2 - board), low / 2, 0))
    if rng.random() < 0.7:
        tall = low * rng.choice([1, 0.6])
        add_case(a, rng, xyz(x, low - tall / 2, z + deep + arm / 2), np.array([deep * 0.9, tall, arm * 0.95]), board)
    else:
        slab_at("panel", (deep * 0.9, low, board), (x, low / 2, z + deep + arm - board))
    a.mark("top_corner", (side * width / 2, height, z))
    a.mark("top_end", (-side * width / 2, height, z))
    a.mark("wing_end", (side * width / 2, height, -z))
    a.note(width=width, depth=deep + arm, height=height, side=float(side))
    return "wood"


def picnic_table(a: Assembly, rng: Generator) -> str:
    """A table of boards with a bench at either side, or a bench-like dining table."""
    depth, width = rng.uniform(0.65, 0.85), rng.uniform(1.2, 2.1)
    plan = table_plan(rng, width, depth, rng.uniform(0.7, 0.78))
    plan = replace(plan, member=min(max(plan.member, 3 * thin(plan)), 0.11), thickness=max(plan.thickness, 0.035))
    add_top(a, plan, rng, {"boards": 2, "slab": 1})
    seat, reach, x = rng.uniform(0.4, 0.46), depth * rng.uniform(0.75, 0.95), width * rng.uniform(0.3, 0.4)
    size, broad = plan.member * 0.7, max(plan.member * 1.2, 0.07)
    bench = rounded_box((width, plan.thickness, rng.uniform(0.24, 0.34)), 0.01, 2, 1)
    for z in (reach, -reach):
        a.add("bench", "top", bench.translate((0, seat - plan.thickness / 2, z)))
        foot, top = xyz(x, 0, z * 0.8), xyz(x, plan.underside, np.sign(z) * depth * 0.28)
        a.add_pair("leg", "frame", bar(top, foot, size, broad, section="square", side=(1, 0, 0)))
    for y, half in ((seat - plan.thickness, reach * 1.12), (plan.underside - 0.02, depth * 0.46)):
        a.add_pair("stretcher", "frame", bar(xyz(x, y, half), xyz(x, y, -half), size, broad * 0.9, section="square"))
    a.mark_pair("bench_front", [width / 2, seat, reach])
    a.mark_pair("bench_rear", [width / 2, seat, -reach])
    a.note(base="picnic", bench_height=seat)
    return "wood"


def glass_table(a: Assembly, rng: Generator) -> str:
    """A thin overhanging plate on a metal frame, a sculpture of bars or two blocks."""
    depth = rng.uniform(0.5, 1.05)
    width = depth * (1 if rng.random() < 0.3 else rng.uniform(1.2, 2.3))
    plan = table_plan(rng, width, depth, rng.uniform(0.35, 0.78), rng.choice([0, 0, 0.12, 0.5, 1]))
    plan = replace(plan, thickness=thin(plan) * rng.uniform(1, 1.3), member=min(plan.member, 0.05))
    add_top(a, plan, rng, {"slab": 1})
    inset = rng.uniform(0, 0.15) * depth
    base = {"posts": posts, "rods": rod_legs, "frames": frames, "crossed": crossed, "spider": spider,
            "trestles": trestles}[pick(rng, {"posts": 3, "rods": 1, "frames": 3, "crossed": 1.5, "spider": 1,
                                             "trestles": 0.5})]  # fmt: skip
    inner = replace(plan, half_front=plan.half_front - inset, half_rear=plan.half_rear - inset,
                    depth=plan.depth - 2 * inset)  # fmt: skip
    base(a, inner, rng)
    if base in (posts, frames) and rng.random() < 0.4:
        add_shelf(a, inner, rng, rng.uniform(0.2, 0.5), 0.005)
    return "metal"


def cloth_table(a: Assembly, rng: Generator) -> str:
    """A round or square table under a cloth that falls to the floor or half way."""
    depth = rng.uniform(0.7, 1.3)
    plan = table_plan(rng, depth * rng.choice([1, 1, rng.uniform(1.2, 2)]), depth, rng.uniform(0.66, 0.8),
                      rng.choice([0.12, 1, 1]))  # fmt: skip
    low = rng.choice([0, 0, rng.uniform(0.2, 0.6)]) * plan.seat_height
    folds, wave, flare = int(rng.integers(7, 16)), rng.uniform(0.01, 0.05), rng.uniform(0.02, 0.15)
    wall = 1.4 * thin(plan)
    y = np.linspace(low, plan.seat_height, 10)
    outer = [[1, v] for v in y]
    solid = lathe([*outer, [0.97, plan.seat_height + 0.01]], segments=12 * 8)
    if low:
        solid -= lathe([[1 - wall / plan.half_front, low - 0.1], [1 - wall / plan.half_front, plan.underside - wall]],
                       segments=48)  # fmt: skip

    def drape(p):
        turn, down = np.arctan2(p[:, 2], p[:, 0]), np.clip(plan.seat_height - p[:, 1], 0, None) / plan.seat_height
        radius = 1 + down * (flare + wave * np.cos(folds * turn))
        squared = (np.abs(np.cos(turn)) ** 6 + np.abs(np.sin(turn)) ** 6) ** (-1 / 6) if plan.roundness < 0.5 else 1
        return p * np.stack([radius * squared * plan.half_front, 0 * turn + 1, radius * squared * depth / 2], -1)

    a.add("cloth", "soft", warp(solid, drape))
    a.add("top", "soft", slab(plan, plan.seat_height + 0.014, 1.5 * thin(plan), 0.01))
    if low:
        thick_legs(a, plan, rng, {"straight": 1, "taper": 1})
    a.mark_pair("top_front", plan.corner(1, 1, plan.seat_height))
    a.mark_pair("top_rear", plan.corner(1, -1, plan.seat_height))
    a.note(base="cloth", cloth_low=low, width=2 * plan.half_front, depth=depth, height=plan.seat_height)
    return "wood"


def game_table(a: Assembly, rng: Generator) -> str:
    """A billiard table with raised rims, or a tennis table with its net."""
    if rng.random() < 0.5:
        width = rng.uniform(1.6, 2.6)
        plan = table_plan(rng, width, width * rng.uniform(0.5, 0.58), rng.uniform(0.75, 0.85))
        plan = replace(plan, thickness=width * rng.uniform(0.06, 0.13), member=max(plan.member, 0.09))
        rim = plan.thickness * rng.uniform(0.6, 1)
        top = rounded_box((width, plan.thickness, plan.depth), 0.02, 2, 1)
        top -= rounded_box((width - 2 * rim, 0.1, plan.depth - 2 * rim), 0.02, 1, 1).translate(
            (0, plan.thickness / 2, 0))  # fmt: skip
        a.add("top", "top", top.translate((0, plan.seat_height - plan.thickness / 2, 0)))
        four_legs(a, plan, rng, {"straight": 1, "turned": 2, "taper": 1}, stretchers={"none": 1})
    else:
        width = rng.uniform(2.0, 2.75)
        plan = table_plan(rng, width, width * rng.uniform(0.54, 0.62), rng.uniform(0.68, 0.78))
        add_top(a, plan, rng, {"slab": 1})
        net = rounded_box((1.2 * thin(plan), rng.uniform(0.12, 0.2), plan.depth * 1.08), 0.004, 1, 1)
        a.add("net", "soft", net.translate((0, plan.seat_height + 0.05, 0)))
        {"posts": posts, "frames": frames, "legs": thick_legs}[pick(rng, {"posts": 1, "frames": 2, "legs": 1})](
            a, plan, rng)  # fmt: skip
    a.mark_pair("top_front", plan.corner(1, 1, plan.seat_height))
    a.mark_pair("top_rear", plan.corner(1, -1, plan.seat_height))
    a.note(width=width, depth=plan.depth, height=plan.seat_height)
    return rng.choice(["wood", "metal"])


def chest_table(a: Assembly, rng: Generator) -> str:
    """A closed or open block: a trunk, a cube, a cupboard table, a low cabinet on a plinth or feet."""
    depth = rng.uniform(0.4, 0.8)
    plan = table_plan(rng, depth * log_uniform(rng, 1, 2.4), depth, depth * rng.uniform(0.4, 1.1))
    lift = rng.choice([0, rng.uniform(0.1, 0.4)]) * plan.seat_height
    add_top(a, plan, rng, {"slab": 1})
    shrink = rng.choice([0.995, rng.uniform(0.85, 0.97)])
    tall = plan.seat_height - lift - plan.thickness * 0.5
    size = np.array([2 * plan.half_front, tall, depth]) * (shrink, 1, shrink)
    add_case(a, rng, xyz(0, lift + tall / 2, 0), size, 1.3 * thin(plan), int(rng.integers(0, 3)),
             int(rng.integers(1, 4)))  # fmt: skip
    if lift:
        under = replace(plan, member=min(plan.member, 0.12 * depth))
        four_legs(a, under, rng, {"straight": 2, "taper": 2}, stretchers={"none": 1})
    return "wood"


def vanity_table(a: Assembly, rng: Generator) -> str:
    """A dressing table with a mirror, or a workbench with a board behind."""
    width, depth = rng.uniform(0.8, 1.3), rng.uniform(0.38, 0.55)
    plan = table_plan(rng, width, depth, rng.uniform(0.7, 0.85))
    plan = replace(plan, member=min(plan.member, 0.07))
    add_top(a, plan, rng, {"slab": 1})
    tall = plan.seat_height * rng.uniform(0.14, 0.28)
    add_case(a, rng, xyz(0, plan.underside - tall / 2 + 0.004, 0), np.array([width * 0.95, tall, depth * 0.92]),
             thin(plan), 1, int(rng.integers(1, 4)))  # fmt: skip
    {"legs": thick_legs, "posts": posts}[pick(rng, {"legs": 2, "posts": 1})](a, plan, rng)
    board, rise, z = 1.5 * thin(plan), rng.uniform(0.4, 0.75), -depth / 2 + 0.05
    if rng.random() < 0.5:
        angle = np.arange(32) * (np.pi / 16)
        half = width * rng.uniform(0.2, 0.32)
        loop = np.stack([half * np.cos(angle), plan.seat_height + rise / 2 * (0.96 + np.sin(angle)), 0 * angle + z], -1)
        a.add("mirror", "metal", sweep(loop, board, closed=True, side=(0, 0, 1)))
        glass = lathe([[half, -board * 0.45], [half, board * 0.45]], segments=32).rotate((90, 0, 0))
        glass = glass.scale((1, rise / 2 / half, 1))
        a.add("mirror", "metal", glass.translate(loop.mean(0).tolist()))
    else:
        panel = rounded_box((width * rng.uniform(0.6, 1), rise, board), 0.01, 2, 1)
        a.add("mirror", "top", panel.translate((0, plan.seat_height + rise / 2 - 0.01, z)))
        if rng.random() < 0.5:
            add_shelf(a, plan, rng, rng.uniform(0.15, 0.4), plan.member * 0.4)
    a.mark("mirror_top", (0, plan.seat_height + rise * 0.98, z))
    return "wood"
