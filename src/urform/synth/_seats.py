"""Seats."""

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._shape import Assembly
from urform.synth._solids import bar, round_plan, rounded_box, warp

SEATS = {"plank": 2.5, "dished": 1.3, "waterfall": 1, "cushion": 3, "apron": 2, "apron_cushion": 1.5, "slats": 1}


def slab(plan: Plan, top: float, thickness: float, radius: float, grow: float = 0.0, dish: float = 0.0,
         fall: float = 0.0, puff: float = 0.0) -> Manifold:  # fmt: skip
    """Rounded plate in the outline of the seat.

    Args:
        plan: Gives the outline.
        top: Height of the upper side at its rim, metres.
        thickness: Metres.
        radius: Of its edges, metres.
        grow: Added on every side, metres.
        dish: How much deeper the middle lies, metres.
        fall: How much lower the front edge lies, metres.
        puff: How much higher the middle of the upper side lies, metres.
    """
    half = max(plan.half_front, plan.half_rear) + grow
    depth = plan.depth + 2 * grow
    radii = (max(radius, 0.02), min(radius, thickness / 2), max(radius, 0.02))

    def shape(p: NDArray) -> NDArray:
        p = round_plan(p, plan.roundness)
        x, z = p[:, 0] / half, p[:, 2] / depth * 2
        front = np.interp(z, [-1, 1], [plan.half_rear + grow, plan.half_front + grow]) / half
        inside = np.clip(1 - x**2, 0, 1) * np.clip(1 - z**2, 0, 1)
        rise = (p[:, 1] > 0) * inside * (puff - dish) - (p[:, 1] <= 0) * inside * dish * 0.6
        rise = rise - fall * np.clip((z - 0.3) / 0.7, 0, 1) ** 2
        return np.stack([p[:, 0] * front, p[:, 1] + rise + top - thickness / 2, p[:, 2]], -1)

    return warp(rounded_box((2 * half, thickness, depth), radii, cells=8), shape)


def apron(a: Assembly, plan: Plan, top: float, height: float) -> None:
    """Four rails under the seat's rim."""
    thickness, inset = max(0.02, plan.member * 0.6), plan.member * 0.7
    for along in (1, -1):
        corner = plan.corner(1, along, top - height / 2, inset)
        a.add("apron", "frame", bar(corner, corner * (-1, 1, 1), thickness, height, side=(0, 0, 1), section="square"))
    front, rear = (plan.corner(1, along, top - height / 2, inset) for along in (1, -1))
    a.add_pair("apron", "frame", bar(front, rear, thickness, height, section="square"))


def add_seat(a: Assembly, plan: Plan, rng: Generator, kinds: dict[str, float] | None = None) -> str:
    """Adds a seat whose upper side is at `plan.seat_height`; returns its kind."""
    kind = pick(rng, kinds or SEATS)
    top, thickness, grow = plan.seat_height, plan.thickness, rng.uniform(0, 0.02)
    board = min(max(0.02, thickness * 0.45), 0.035)
    if kind in ("plank", "dished", "waterfall"):
        dish = rng.uniform(0.008, 0.02) if kind == "dished" else 0
        fall = rng.uniform(0.03, 0.06) if kind == "waterfall" else 0
        a.add("seat", "frame", slab(plan, top, thickness, rng.uniform(0.004, 0.02), grow, dish, fall))
    elif kind == "cushion":
        a.add("seat", "soft", slab(plan, top - 0.012, thickness, rng.uniform(0.012, 0.045), grow,
                                   fall=rng.choice([0, 0.02]), puff=rng.uniform(0.005, 0.03)))  # fmt: skip
    elif kind == "slats":
        _slats(a, plan, rng, board)
    else:
        role = "soft" if kind == "apron_cushion" else "frame"
        puff = rng.uniform(0.005, 0.025) if role == "soft" else 0
        a.add("seat", role, slab(plan, top - puff, board + puff, 0.015, grow, puff=puff))
        apron(a, plan, top - board * 0.6, thickness - board * 0.6)
    a.mark_pair("seat_front", plan.corner(1, 1, top))
    a.mark_pair("seat_rear", plan.corner(1, -1, top))
    a.note(seat=kind, seat_height=top, seat_depth=plan.depth, seat_width=2 * plan.half_front,
           roundness=plan.roundness)  # fmt: skip
    return kind


def _slats(a: Assembly, plan: Plan, rng: Generator, board: float) -> None:
    """Boards across, on an apron."""
    count = int(rng.integers(4, 8))
    pitch = plan.depth / count
    dip = rng.uniform(0, 0.015)
    for z in (np.arange(count) + 0.5) * pitch - plan.depth / 2:
        edge = plan.corner(1, 2 * z / plan.depth, plan.seat_height - board / 2 - dip * (1 - (2 * z / plan.depth) ** 2))
        edge[2] = z
        a.add("seat", "frame", bar(edge, edge * (-1, 1, 1), pitch * 0.72, board, side=(0, 0, 1), section="soft"))
    apron(a, plan, plan.seat_height - board * 0.6, max(plan.thickness - board * 0.6, dip + 0.03))
