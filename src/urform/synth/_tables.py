"""Families of tables that are a top on legs, a frame or a column."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from urform.synth._bases import four_legs, panels, pedestal, sled, tripod
from urform.synth._drawers import add_case
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._seats import apron
from urform.synth._shape import Assembly
from urform.synth._solids import bar, fillet, rounded_box, sweep, xyz
from urform.synth._table_bases import (
    box_base,
    columns,
    crossed,
    frames,
    posts,
    rod_legs,
    slab_ends,
    spider,
    thick_legs,
    trestles,
)
from urform.synth._table_tops import add_shelf, add_top, log_uniform, table_plan, thin

METAL = ("rods", "frames", "sled", "pedestal")
_BASES = {"legs": thick_legs, "posts": posts, "rods": rod_legs, "frames": frames, "trestles": trestles,
          "columns": columns, "spider": spider, "crossed": crossed, "block": box_base, "slabs": slab_ends}  # fmt: skip


def stand(a: Assembly, plan: Plan, rng: Generator, kinds: dict[str, float]) -> str:
    """Adds a base of one of the kinds; returns it."""
    kind = pick(rng, kinds)
    if kind == "pedestal":
        reach = rng.uniform(0.5, 0.75)
        narrow = replace(plan, half_front=plan.half_front * reach, depth=plan.depth * reach)
        pedestal(a, narrow, rng, pick(rng, {"disc": 1.5, "tulip": 1.5, "star": 1}))
    elif kind == "sled":
        sled(a, replace(plan, member=max(plan.member, 2 * thin(plan))), rng)
    elif kind == "tripod":
        tripod(a, plan, rng)
    elif kind == "side_panels":
        panels(a, plan, rng)
    else:
        _BASES[kind](a, plan, rng)
    return kind


def rails(a: Assembly, plan: Plan, rng: Generator, share: float = 0.6) -> None:
    """Adds an apron under the top in a share of the cases."""
    if rng.random() < share and plan.roundness < 0.3:
        apron(a, plan, plan.underside + plan.thickness * 0.3, plan.seat_height * rng.uniform(0.06, 0.18))


def dining_table(a: Assembly, rng: Generator) -> str:
    """A rectangular or square table at which one sits."""
    depth = rng.uniform(0.68, 1.1)
    width = depth * (1 if rng.random() < 0.25 else rng.uniform(1.1, 2.6))
    plan = table_plan(rng, width, depth, rng.uniform(0.66, 0.8), rng.choice([0, 0, 0.12]))
    add_top(a, plan, rng)
    kind = stand(a, plan, rng, {"legs": 5, "posts": 4, "rods": 0.7, "frames": 2, "crossed": 0.7, "slabs": 0.7,
                                "side_panels": 0.6})  # fmt: skip
    if kind in ("legs", "posts"):
        rails(a, plan, rng)
    return "metal" if kind in METAL else "wood"


def round_table(a: Assembly, rng: Generator) -> str:
    """A round, oval or polygonal table on legs."""
    depth = rng.uniform(0.7, 1.5)
    width = depth * (1 if rng.random() < 0.6 else rng.uniform(1.15, 2.0))
    plan = table_plan(rng, width, depth, rng.uniform(0.62, 0.8), rng.choice([1, 1, rng.uniform(0.5, 1)]))
    add_top(a, plan, rng, {"slab": 5, "polygon": 0.5})
    kind = stand(a, plan, rng, {"legs": 5, "posts": 1.5, "rods": 1, "crossed": 1.5, "tripod": 1})
    if kind == "legs" and rng.random() < 0.4:
        inner = replace(plan, half_front=plan.half_front * 0.88, half_rear=plan.half_rear * 0.88,
                        depth=plan.depth * 0.88, seat_height=plan.underside + plan.thickness * 0.2,
                        thickness=plan.seat_height * rng.uniform(0.06, 0.14))  # fmt: skip
        a.add("apron", "frame", rounded_box((1, 1, 1), 0.02, 6, 2).warp_batch(_disc(inner)))
    return "metal" if kind in METAL else "wood"


def _disc(plan: Plan):
    """Warps the unit box to the outline and height of a plan, as an ellipse."""

    def shape(p):
        x, z = 2 * p[:, 0], 2 * p[:, 2]
        flat = np.stack([x * np.sqrt(1 - z**2 / 2) * plan.half_front, z * np.sqrt(1 - x**2 / 2) * plan.depth / 2], -1)
        return np.stack([flat[:, 0], (p[:, 1] - 0.5) * plan.thickness + plan.seat_height, flat[:, 1]], -1)

    return shape


def pedestal_table(a: Assembly, rng: Generator) -> str:
    """One column in the middle: café tables, tulip tables, columns on curved feet, drums."""
    depth = rng.uniform(0.55, 1.4)
    square = rng.random() < 0.35
    width = depth * (1 if rng.random() < 0.7 else rng.uniform(1.1, 1.7))
    plan = table_plan(rng, width, depth, rng.uniform(0.6, 0.8), rng.choice([0, 0.12]) if square else 1.0)
    add_top(a, plan, rng, {"slab": 5, "polygon": 0 if square else 0.8})
    kind = stand(a, plan, rng, {"pedestal": 3, "spider": 3, "block": 1})
    return "metal" if kind in METAL else "wood"


def trestle_table(a: Assembly, rng: Generator) -> str:
    """A long top on sawhorses, columns or crossed legs at its ends."""
    depth = rng.uniform(0.68, 1.05)
    plan = table_plan(rng, depth * rng.uniform(1.4, 2.8), depth, rng.uniform(0.62, 0.8),
                      rng.choice([0, 0, 0.12, rng.uniform(0.5, 1)]))  # fmt: skip
    add_top(a, plan, rng)
    stand(a, plan, rng, {"trestles": 1, "columns": 2})
    return "wood"


def extending_table(a: Assembly, rng: Generator) -> str:
    """Leaves drawn out below the top, or hinged leaves that hang or stand."""
    depth = rng.uniform(0.7, 1.0)
    plan = table_plan(rng, depth * rng.uniform(1.0, 1.8), depth, rng.uniform(0.68, 0.8))
    plan = replace(plan, thickness=max(plan.thickness, 1.5 * thin(plan)))
    board, half = max(plan.thickness, thin(plan)), plan.half_front
    add_top(a, plan, rng, {"slab": 1})
    rails(a, plan, rng, 1.0)
    {"posts": posts, "legs": thick_legs}[pick(rng, {"posts": 1, "legs": 2})](a, plan, rng)
    leaf = half * rng.uniform(0.35, 0.75)
    if rng.random() < 0.4:
        out = rounded_box((leaf + 0.1, board * 0.9, depth * rng.uniform(0.96, 1)), 0.006, 2, 1)
        a.add_pair("leaf", "top", out.translate((half + leaf / 2 - 0.05, plan.underside - board * 0.4, 0)))
        a.mark_pair("leaf_front", [half + leaf, plan.underside, depth / 2])
    else:
        hang = rng.choice([0.0, 1.0, 1.0])
        length = min(leaf * 1.2, plan.seat_height * 0.85)
        drop = xyz(half - board * 0.5, plan.seat_height - board * 0.5, 0)
        tip = drop + (xyz(board * 0.3, -length, 0) if hang else xyz(length, 0, 0))
        a.add_pair("leaf", "top", bar(drop, tip, depth * 0.98, board, side=(0, 0, 1), section="soft"))
        a.mark_pair("leaf_front", tip + xyz(0, 0, depth * 0.49))
    a.note(leaf=leaf)
    return "wood"


def coffee_table(a: Assembly, rng: Generator) -> str:
    """A low table before a sofa, with or without a shelf."""
    depth = rng.uniform(0.42, 0.85)
    width = depth * (1 if rng.random() < 0.25 else log_uniform(rng, 1.2, 2.9))
    plan = table_plan(rng, width, depth, depth * rng.uniform(0.32, 0.85) * min(1, 0.6 + 0.25 * width / depth),
                      rng.choice([0, 0, 0.12, rng.uniform(0.3, 1), 1]))  # fmt: skip
    add_top(a, plan, rng, {"slab": 8, "boards": 0.6 if plan.roundness < 0.2 else 0, "polygon": 0.3})
    kind = stand(a, plan, rng, {"legs": 4, "posts": 3, "rods": 1, "frames": 1.5, "block": 1.3, "slabs": 1.2,
                                "crossed": 0.8, "sled": 0.8, "spider": 0.3, "columns": 0.5})  # fmt: skip
    if kind in ("legs", "posts"):
        rails(a, plan, rng, 0.5)
        if rng.random() < 0.45:
            add_shelf(a, plan, rng, rng.uniform(0.2, 0.6), plan.member * 0.5 * (1 if plan.roundness < 0.3 else 0.1))
    elif kind == "slabs" and rng.random() < 0.5:
        back = rounded_box((2 * plan.half_front * 0.66, plan.seat_height * 0.9, max(thin(plan), plan.thickness * 0.8)),
                           0.006, 1, 1)  # fmt: skip
        a.add("panel", "frame", back.translate((0, plan.seat_height * 0.5, 0)))
        a.add("shelf", "frame", rounded_box((2 * plan.half_front * 0.98, plan.thickness, depth * 0.7), 0.006, 1, 1)
              .translate((0, plan.seat_height * 0.3, 0)))  # fmt: skip
    return "metal" if kind in METAL else "wood"


def side_table(a: Assembly, rng: Generator) -> str:
    """A small table beside a seat or a bed: with a shelf, a drawer, or its foot under the seat."""
    width = rng.uniform(0.34, 0.7)
    depth, height = width * rng.uniform(0.8, 1.05), width * rng.uniform(0.75, 1.35)
    kind = pick(rng, {"legs": 3, "drawer": 3, "tray": 1, "round": 2})
    plan = table_plan(rng, width, depth, height, 1.0 if kind == "round" else rng.choice([0, 0, 0.12]))
    plan = replace(plan, member=min(plan.member, width * 0.14))
    add_top(a, plan, rng, {"slab": 1})
    if kind == "tray":
        size = max(thin(plan) * 1.2, plan.member * 0.6)
        z, low, y = depth * 0.42, size / 2, plan.seat_height - plan.thickness / 2
        x, foot = -width / 2 + size, width / 2 - size
        path = fillet([[x + width * 0.7, y, z], [x, y, z], [x, low, z], [foot, low, z]], size)
        for flip in (1, -1):
            a.add("leg", "metal", sweep(path * (1, 1, flip), size, section="soft"))
        for point in (path[-1], xyz(x, low, z)):
            a.add("stretcher", "metal", bar(point, point * (1, 1, -1), size, section="square"))
        a.mark("foot_right_front", xyz(x, 0, z))
        return "metal"
    if kind == "drawer":
        tall = height * rng.uniform(0.2, 0.6)
        size = np.array([width * rng.uniform(0.86, 0.98), tall, depth * rng.uniform(0.86, 0.96)])
        add_case(a, rng, xyz(0, plan.underside - tall / 2 + plan.thickness * 0.4, 0), size, 1.2 * thin(plan),
                 int(rng.integers(1, 3)))  # fmt: skip
    base = stand(a, plan, rng, {"legs": 4, "posts": 2, "tripod": 1 if kind == "round" else 0,
                                "pedestal": 1.5 if kind == "round" else 0, "crossed": 0.4})  # fmt: skip
    if kind != "drawer" and base in ("legs", "posts") and rng.random() < 0.6:
        add_shelf(a, plan, rng, rng.uniform(0.15, 0.5), plan.member * (0.3 if plan.roundness < 0.3 else 0.05))
    return "metal" if base in METAL else "wood"


def console_table(a: Assembly, rng: Generator) -> str:
    """A narrow table at a wall, with drawers or shelves."""
    width, depth = rng.uniform(0.8, 1.7), rng.uniform(0.3, 0.48)
    plan = table_plan(rng, width, depth, rng.uniform(0.68, 0.95), rng.choice([0, 0, 0.12, 0.6]))
    plan = replace(plan, member=min(plan.member, depth * 0.2))
    add_top(a, plan, rng, {"slab": 1})
    base = stand(a, plan, rng, {"legs": 4, "posts": 4, "frames": 1, "slabs": 1.5, "crossed": 0.5})
    if base in ("legs", "posts") and rng.random() < 0.6 and plan.roundness < 0.3:
        tall = plan.seat_height * rng.uniform(0.14, 0.25)
        size = np.array([width * 0.94, tall, depth * 0.9])
        add_case(a, rng, xyz(0, plan.underside - tall / 2 + plan.thickness * 0.3, 0), size, thin(plan), 1,
                 int(rng.integers(1, 4)))  # fmt: skip
    elif base in ("legs", "posts"):
        rails(a, plan, rng, 0.6)
    if base in ("legs", "posts", "frames") and rng.random() < 0.5:
        add_shelf(a, plan, rng, rng.uniform(0.15, 0.5), plan.member * 0.4 if plan.roundness < 0.3 else 0.01)
    return "metal" if base in METAL else "wood"


def bar_table(a: Assembly, rng: Generator) -> str:
    """A high table at which one stands or sits on a bar stool."""
    depth = rng.uniform(0.5, 0.85)
    width = depth * (1 if rng.random() < 0.6 else rng.uniform(1.2, 2.2))
    plan = table_plan(rng, width, depth, rng.uniform(0.85, 1.15), rng.choice([0.0, 1.0]))
    add_top(a, plan, rng, {"slab": 1})
    base = pick(rng, {"pedestal": 2 if width == depth else 0, "legs": 2, "posts": 1.5, "frames": 1})
    if base == "legs":
        member = max(plan.member, 2.2 * thin(plan))
        four_legs(a, replace(plan, member=member), rng, {"straight": 2, "taper": 2},
                  stretchers={"box": 2, "h": 1, "x": 1.5, "ring": 0.5, "none": 0.7})  # fmt: skip
    else:
        stand(a, plan, rng, {base: 1})
    return "metal" if base in METAL else "wood"
