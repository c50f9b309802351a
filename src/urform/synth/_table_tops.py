"""Proportions and tops of tables."""

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._seats import slab
from urform.synth._shape import Assembly
from urform.synth._solids import bar, lathe, rounded_box, xyz

THIN = 0.012
"""Least thickness of a part as a share of the object's diagonal."""


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draws between two positive numbers, with equal chances for equal ratios."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def thin(plan: Plan) -> float:
    """Least thickness of a part of a table, metres."""
    return THIN * float(np.linalg.norm([2 * plan.half_front, plan.seat_height, plan.depth]))


def table_plan(rng: Generator, width: float, depth: float, height: float, roundness: float = 0.0) -> Plan:
    """Draws how strong the top (the plan's thickness) and the legs of a table are, slender or stout.

    Args:
        rng: The object's generator.
        width: Of the top, metres.
        depth: Of the top, metres.
        height: Of the top's upper side, metres.
        roundness: 0 for a rectangle, 1 for an ellipse.
    """
    diagonal = float(np.linalg.norm([width, depth, height]))
    stout = rng.random() < 0.22
    member = diagonal * log_uniform(rng, *((0.05, 0.1) if stout else (0.022, 0.05)))
    board = diagonal * log_uniform(rng, *((0.03, 0.065) if stout else (0.0135, 0.035)))
    section = pick(rng, {"square": 3, "soft": 2, "round": 1.5})
    return Plan(height, width / 2, width / 2, depth, board, member, section, roundness)


def _boards(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Planks along the top with gaps between them, on two battens."""
    count = int(rng.integers(3, 7))
    pitch = plan.depth / count
    gap = max(thin(plan), pitch * rng.uniform(0.06, 0.15))
    for z in (np.arange(count) + 0.5) * pitch - plan.depth / 2:
        plank = rounded_box((2 * plan.half_front, plan.thickness, pitch - gap), 0.006, 1, 1)
        a.add("top", "top", plank.translate((0, plan.seat_height - plan.thickness / 2, z)))
    for share in (-0.75, 0, 0.75):
        point = xyz(share * plan.half_front, plan.underside, plan.depth * 0.46)
        a.add("apron", "frame", bar(point, point * (1, 1, -1), max(0.04, 2 * thin(plan)), plan.thickness * 1.2,
                                    section="square"))  # fmt: skip


def _polygon(plan: Plan, sides: int) -> Manifold:
    """A top with a regular outline of few sides."""
    low, high = plan.underside, plan.seat_height
    solid = lathe([[1, low], [1, high]], segments=sides).rotate((0, 180 / sides, 0))
    return solid.scale((plan.half_front, 1, plan.depth / 2))


def _slab_top(plan: Plan, rng: Generator) -> Manifold:
    """A plate with a straight, rounded, hollow or bevelled edge."""
    kind = pick(rng, {"plain": 5, "round": 2, "bevel": 1.5, "inset": 1.2})
    radius = plan.thickness * (rng.uniform(0.3, 0.5) if kind == "round" else rng.uniform(0.06, 0.2))
    top = slab(plan, plan.seat_height, plan.thickness, radius)
    if kind == "bevel":
        cut = rng.uniform(0.04, 0.14)
        middle = plan.seat_height - plan.thickness / 2
        top = top.warp_batch(lambda p: np.stack([p[:, 0] * (1 - cut * (p[:, 1] < middle)), p[:, 1],
                                                 p[:, 2] * (1 - cut * (p[:, 1] < middle))], -1))  # fmt: skip
    if kind == "inset" and plan.thickness > 2.2 * thin(plan):
        rim = rng.uniform(1.5, 3.5) * plan.thickness
        if 2 * rim < min(plan.depth, 2 * plan.half_front) * 0.5:
            depth = min(plan.thickness * 0.35, 0.02)
            top -= slab(plan, plan.seat_height + 0.05, 0.05 + depth, 0.004, grow=-rim)
    return top


def add_top(a: Assembly, plan: Plan, rng: Generator, kinds: dict[str, float] | None = None) -> str:
    """Adds a top whose upper side is at `plan.seat_height` and whose thickness is the plan's; returns its kind."""
    kind = pick(rng, kinds or {"slab": 10, "boards": 0.8 if plan.roundness < 0.2 else 0})
    if kind == "boards":
        _boards(a, plan, rng)
    elif kind == "polygon":
        a.add("top", "top", _polygon(plan, int(rng.choice([6, 8]))))
    else:
        a.add("top", "top", _slab_top(plan, rng))
    edge = 0.97 if kind == "polygon" else 1.0
    a.mark_pair("top_front", plan.corner(edge, edge, plan.seat_height))
    a.mark_pair("top_rear", plan.corner(edge, -edge, plan.seat_height))
    a.note(top=kind, width=2 * plan.half_front, depth=plan.depth, height=plan.seat_height, board=plan.thickness,
           roundness=plan.roundness)  # fmt: skip
    return kind


def add_shelf(a: Assembly, plan: Plan, rng: Generator, share: float, inset: float) -> None:
    """Adds a board between the legs at a share of the height, moved in by `inset` metres."""
    board = max(thin(plan), plan.thickness * rng.uniform(0.5, 1))
    level = plan.seat_height * share
    a.add("shelf", "top", slab(plan, level, board, board * 0.15, grow=-inset))
    a.mark("shelf_centre", (0, level, 0))
    a.note(shelf=share)
