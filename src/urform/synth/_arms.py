"""Arm rests of chairs with a frame."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._backs import Back
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._shape import Assembly
from urform.synth._solids import bar, fillet, rounded_box, spline, sweep, xyz

ARMS = {"rail": 3, "loop": 2, "slope": 1.2, "scroll": 1, "panel": 0.35}


@dataclass(frozen=True)
class _Arm:
    """What an arm at +x runs along: points (3,) in metres."""

    plan: Plan
    role: str
    size: float
    low: NDArray
    """Where a post meets the seat."""
    front: NDArray
    """Above `low` at elbow height."""
    rear: NDArray
    """On the back's edge."""


def add_arms(a: Assembly, plan: Plan, back: Back, rng: Generator, kinds: dict[str, float] | None = None,
             role: str = "frame") -> None:  # fmt: skip
    """Adds a pair of arm rests from the back to the front of the seat, unless the back starts above elbow height."""
    surface = back.surface
    kinds = dict(kinds or ARMS)
    if plan.roundness > 0.3:
        kinds.pop("panel", None)  # would stand clear of the seat's corners
    kind = pick(rng, kinds)
    size = max(0.022, plan.member * rng.uniform(0.65, 0.95))
    rise = min(rng.uniform(0.16, 0.26), surface.height * 0.75)
    s = (rise + plan.seat_height - surface.y) / surface.height / np.cos(surface.recline)
    s = float(np.clip(s, back.lowest, 0.95))
    rear = surface(back.edge(s), s)
    if rear[1] - plan.seat_height > 0.3:
        return
    low = plan.corner(1, rng.uniform(0.35, 0.85), plan.seat_height - plan.thickness * 0.5, size * 0.3)
    front = low * (1, 0, 1) + xyz(rng.uniform(-0.005, 0.05), rear[1] + rng.uniform(-0.02, 0.03), 0)
    add = {"rail": _rail, "loop": _loop, "slope": _slope, "scroll": _scroll, "panel": _panel, "tee": _tee}[kind]
    a.mark_pair("arm_front", add(a, rng, _Arm(plan, role, size, low, front, rear)))
    a.mark_pair("arm_rear", rear)
    a.note(arms=kind, arm_height=front[1])


def _rail(a: Assembly, rng: Generator, arm: _Arm) -> NDArray:
    """A board from the back over a post."""
    wide, flat = rng.uniform(1, 2.6) * arm.size, max(0.02, arm.size * rng.uniform(0.6, 1))
    a.add_pair("arm", arm.role, bar(arm.low, arm.front, arm.size, section=arm.plan.section))
    tip = arm.front + (arm.front - arm.rear) * rng.uniform(0.05, 0.2)
    bend = (arm.rear + tip) / 2 + xyz(rng.uniform(0, 0.04), rng.uniform(-0.02, 0.02), 0)
    section = "soft" if arm.plan.section == "round" else arm.plan.section
    a.add_pair("arm", arm.role, sweep(spline([arm.rear, bend, tip], 9), np.linspace(0.7, 1, 9) * wide, flat, section))
    return arm.front


def _loop(a: Assembly, rng: Generator, arm: _Arm) -> NDArray:
    """One bar from the seat's side up and back, with or without a pad."""
    path = fillet([arm.low, arm.front, arm.rear], rng.uniform(0.04, 0.14), steps=7)
    section = "round" if arm.plan.section == "round" else "soft"
    a.add_pair("arm", arm.role, sweep(path, arm.size, section=section))
    if rng.random() < 0.55:
        length = np.linalg.norm(arm.front - arm.rear)
        over = arm.front + xyz(0, arm.size * 0.5, 0)
        start, end = (over + (arm.rear - arm.front) * t for t in (0.12, min(0.8, 0.35 / length)))
        pad = bar(start, end, arm.size * rng.uniform(1.3, 2.2), arm.size, section="soft")
        a.add_pair("arm", "soft", pad)
    return arm.front


def _slope(a: Assembly, rng: Generator, arm: _Arm) -> NDArray:
    """A bar that falls from the back to the seat in one curve."""
    middle = (arm.low + arm.rear) / 2 + xyz(0.03, rng.uniform(0.04, 0.12), rng.uniform(0.03, 0.09))
    path = spline([arm.rear, middle, arm.low], 12)
    a.add_pair("arm", arm.role, sweep(path, arm.size * rng.uniform(1, 1.5), arm.size, section=arm.plan.section))
    return middle


def _scroll(a: Assembly, rng: Generator, arm: _Arm) -> NDArray:
    """A curved arm that ends in a downward hook over a set-back curved post."""
    tip = arm.front + xyz(0.02, 0, 0.06)
    middle = (arm.rear + arm.front) / 2 + xyz(0.02, -0.025, 0)
    path = spline([arm.rear, middle, arm.front + xyz(0.01, 0.012, 0), tip - xyz(0, 0.035, 0)], 14)
    a.add_pair("arm", arm.role, sweep(path, arm.size * 1.25, arm.size, section="soft"))
    post = spline([arm.low, (arm.low + arm.front) / 2 + xyz(0.015, 0, -0.035), arm.front], 9)
    a.add_pair("arm", arm.role, sweep(post, arm.size, section=arm.plan.section))
    return arm.front


def _panel(a: Assembly, rng: Generator, arm: _Arm) -> NDArray:
    """A closed side from the seat's underside to the arm's height."""
    thickness, bottom = max(0.024, arm.size), arm.plan.underside
    height, length = arm.front[1] - bottom, arm.front[2] - arm.rear[2] + 0.04
    side = rounded_box((thickness, height, length), min(0.02, thickness / 2), cells=3)
    x = max(arm.plan.half_front, arm.plan.half_rear, arm.rear[0])
    centre = (x, bottom + height / 2, (arm.front[2] + arm.rear[2]) / 2)
    a.add_pair("arm", rng.choice([arm.role, "soft"]), side.translate(centre))
    return arm.front


def _tee(a: Assembly, rng: Generator, arm: _Arm) -> NDArray:
    """A pad on one bracket that leaves the seat's side."""
    z = rng.uniform(-0.05, 0.05)
    x = max(arm.plan.half_front, arm.plan.half_rear) + 0.03
    under = np.array([x * 0.4, arm.plan.underside + arm.plan.thickness * 0.4, z])
    top = np.array([x, arm.front[1], z])
    path = fillet([under, [x, under[1], z], top], 0.06)
    a.add_pair("arm", "metal", sweep(path, arm.size * rng.uniform(1, 1.8), arm.size, section="soft", side=(0, 0, 1)))
    length = rng.uniform(0.18, 0.28)
    pad = rounded_box((rng.uniform(0.045, 0.08), 0.03, length), (0.02, 0.012, 0.03), cells=2)
    a.add_pair("arm", "soft", pad.translate((x, arm.front[1] + 0.01, z + 0.02)))
    return top
