"""Families with a seat on a base: ordinary chairs, stools, swivel chairs."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from urform.synth._arms import add_arms
from urform.synth._backs import add_back, draw_surface
from urform.synth._bases import cantilever, four_legs, panels, pedestal, rockers, sled, tripod
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._seats import add_seat, slab
from urform.synth._shape import Assembly
from urform.synth._solids import bar, rounded_box, sweep, warp, xyz

_STOOL_LEGS = {"straight": 3, "taper": 4, "turned": 1.5}


def _plan(rng: Generator, height: tuple[float, float], half: tuple[float, float], member: tuple[float, float],
          round_share: float = 0.3) -> Plan:  # fmt: skip
    """Draws the proportions of a seat; ranges in metres."""
    front = rng.uniform(*half)
    return Plan(
        seat_height=rng.uniform(*height),
        half_front=front,
        half_rear=front * rng.uniform(0.78, 1.02),
        depth=2 * front * rng.uniform(0.85, 1.12),
        thickness=rng.uniform(0.028, 0.1),
        member=rng.uniform(*member),
        section=pick(rng, {"soft": 2, "square": 2, "round": 2}),
        roundness=rng.uniform(0.3, 1) if rng.random() < round_share else rng.choice([0, 0.12]),
    )


def side_chair(a: Assembly, rng: Generator) -> str:
    """A wooden or metal chair with or without arms."""
    child = rng.random() < 0.06
    member = (0.045, 0.065) if child else (0.026, 0.05)
    plan = _plan(rng, (0.28, 0.33) if child else (0.41, 0.48), (0.19, 0.26), member)
    base = pick(rng, {"four_legs": 8, "sled": 0.7, "cantilever": 0.8, "panels": 0.5, "rockers": 0.6, "pedestal": 0.7})
    metal = base in ("sled", "cantilever", "pedestal") or rng.random() < 0.15
    frame = "metal" if metal else "wood"
    surface = draw_surface(plan, rng, (0.28, 0.7 if rng.random() < 0.3 else 0.52))
    {"four_legs": four_legs, "sled": sled, "cantilever": cantilever, "panels": panels, "rockers": rockers,
     "pedestal": pedestal}[base](a, plan, rng)  # fmt: skip
    add_seat(a, plan, rng)
    back = add_back(a, plan, surface, rng)
    if rng.random() < 0.4:
        add_arms(a, plan, back, rng)
    return frame


def captain_chair(a: Assembly, rng: Generator) -> str:
    """A chair whose back rail runs round the sitter and ends as the arms, carried by spindles or posts."""
    plan = _plan(rng, (0.41, 0.47), (0.22, 0.29), (0.028, 0.045), round_share=0.8)
    four_legs(a, plan, rng)
    add_seat(a, plan, rng)
    half, low = max(plan.half_front, plan.half_rear) * rng.uniform(1.0, 1.12), plan.seat_height
    rise, climb = rng.uniform(0.19, 0.27), rng.choice([0, rng.uniform(0.04, 0.2)])
    sweep_deg = rng.uniform(95, 135)
    angle = np.radians(np.linspace(-sweep_deg, sweep_deg, 33))
    behind = np.cos(angle)

    def rail(turn):
        up = low + rise + climb * np.clip(np.cos(turn), 0, 1) ** 1.5
        depth = plan.depth / 2 * 1.08
        return np.stack([half * np.sin(turn), up, -depth * np.cos(turn)], -1)

    size = rng.uniform(0.024, 0.04)
    tall = size * np.interp(behind, [0, 1], [1, rng.uniform(1, 3)])
    a.add("back", "frame", sweep(rail(angle), size, tall, side=(0, 0, 1), section="soft"))
    count = int(rng.integers(4, 13))
    for turn in np.radians(np.linspace(-sweep_deg * 0.88, sweep_deg * 0.88, count)):
        top = rail(turn)
        foot = top * (0.78, 0, 0.78) + xyz(0, low - plan.thickness * 0.4, 0)
        a.add("back", "frame", bar(foot, top, 0.021 if count > 6 else size))
    a.mark_pair("arm_front", rail(np.radians(sweep_deg)))
    a.mark("back_top", rail(0.0))
    a.note(back="captain", arms="captain", spindles=count)
    return "wood"


def stool(a: Assembly, rng: Generator) -> str:
    """A backless stool of chair height or lower."""
    plan = _plan(rng, (0.26, 0.52), (0.15, 0.22), (0.026, 0.06), round_share=0.6)
    base = pick(rng, {"four_legs": 4, "tripod": 1.3, "panels": 1, "pedestal": 0.5, "sled": 0.6})
    if base == "tripod":
        plan = replace(plan, roundness=rng.uniform(0.7, 1))
    if base == "four_legs":
        four_legs(a, plan, rng, _STOOL_LEGS)
    else:
        {"tripod": tripod, "panels": panels, "pedestal": pedestal, "sled": sled}[base](a, plan, rng)
    add_seat(a, plan, rng)
    return "wood" if base not in ("pedestal", "sled") else "metal"


def bench_stool(a: Assembly, rng: Generator) -> str:
    """A backless seat wide enough for two, or a piano bench."""
    plan = _plan(rng, (0.4, 0.5), (0.26, 0.4), (0.035, 0.065), round_share=0.1)
    plan = replace(plan, depth=rng.uniform(0.3, 0.42), half_rear=plan.half_front, thickness=rng.uniform(0.06, 0.14))
    base = pick(rng, {"four_legs": 3, "panels": 1, "sled": 1})
    {"four_legs": four_legs, "panels": panels, "sled": sled}[base](a, plan, rng)
    add_seat(a, plan, rng, {"apron_cushion": 3, "cushion": 3, "slats": 1})
    return "metal" if base == "sled" else "wood"


def bar_stool(a: Assembly, rng: Generator) -> str:
    """A tall stool with or without a back."""
    plan = _plan(rng, (0.6, 0.8), (0.15, 0.21), (0.028, 0.046), round_share=0.55)
    metal = rng.random() < 0.5
    if metal and rng.random() < 0.5:
        pedestal(a, plan, rng, pick(rng, {"disc": 2, "star": 1, "tulip": 0.7}))
        height = plan.seat_height * rng.uniform(0.3, 0.45)
        if rng.random() < 0.7:
            reach = plan.half_front * 0.9
            angle = np.arange(20) * (np.pi / 10)
            loop = np.stack([reach * np.cos(angle), 0 * angle + height, reach * np.sin(angle) + reach * 0.6], -1)
            a.add("stretcher", "metal", sweep(loop, 0.022, closed=True))
    else:
        four_legs(a, plan, rng, _STOOL_LEGS, stretchers={"ring": 2, "box": 2, "double": 1.5, "h": 0.5})
    add_seat(a, plan, rng)
    if rng.random() < 0.5:
        surface = draw_surface(plan, rng, (0.14, 0.4), (0, 12))
        back = add_back(a, plan, surface, rng, {"posts": 3, "hoop": 1, "board": 2, "pad": 2})
        if surface.height > 0.28 and rng.random() < 0.25:
            add_arms(a, plan, back, rng, {"rail": 1, "loop": 2, "slope": 1})
    return "metal" if metal else "wood"


def pouf(a: Assembly, rng: Generator) -> str:
    """An upholstered block: cube, drum or footstool."""
    half = rng.uniform(0.2, 0.3)
    height = rng.uniform(0.3, 0.46)
    lift = rng.choice([0.0, rng.uniform(0.05, 0.16)])
    plan = Plan(height, half, half, 2 * half * rng.uniform(0.75, 1.1), height - lift, rng.uniform(0.03, 0.05),
                "round", roundness=rng.choice([0.0, 0.0, 1.0]))  # fmt: skip
    split = rng.uniform(0.3, 0.6) * plan.thickness
    a.add("seat", "soft", slab(plan, height, split, rng.uniform(0.03, 0.09), puff=rng.uniform(0, 0.03)))
    lower = slab(plan, height - split + 0.02, plan.thickness - split + 0.02, rng.uniform(0.01, 0.04), -0.012)
    a.add("base", rng.choice(["soft", "frame"]), lower)
    if lift:
        four_legs(a, plan, rng, {"taper": 2, "straight": 1}, stretchers={"none": 1})
    a.mark_pair("seat_front", plan.corner(1, 1, height))
    a.mark_pair("seat_rear", plan.corner(1, -1, height))
    a.note(seat="block", seat_height=height, roundness=plan.roundness)
    return "wood"


def office_chair(a: Assembly, rng: Generator) -> str:
    """A swivel chair on castors or on a star."""
    plan = _plan(rng, (0.43, 0.54), (0.21, 0.27), (0.032, 0.05), round_share=0.5)
    plan = replace(plan, thickness=rng.uniform(0.045, 0.1))
    pedestal(a, plan, rng, pick(rng, {"castors": 4, "star": 1}))
    add_seat(a, plan, rng, {"cushion": 4, "waterfall": 1.5, "dished": 0.7})
    tall = rng.random() < 0.4
    surface = draw_surface(plan, rng, (0.6, 0.78) if tall else (0.34, 0.58), (3, 18))
    back = add_back(a, plan, surface, rng, {"stem": 3, "pad": 3, "board": 1, "posts": 0.5, "hoop": 0.5},
                    {"pad": 2, "panel": 1, "rungs": 1})  # fmt: skip
    if tall and rng.random() < 0.5:
        head = rounded_box((plan.half_front * rng.uniform(0.7, 1.2), rng.uniform(0.1, 0.16), 0.07), 0.03)
        top = surface(0, 1)
        a.add("headrest", "soft", warp(head, lambda p: p + top + np.stack([0 * p[:, 0], 0 * p[:, 0],
                                                                           p[:, 0] ** 2], -1)))  # fmt: skip
    if rng.random() < 0.65:
        kinds: dict[str, float] = {"tee": 1} if back.outline == "stem" else {"tee": 3, "loop": 2, "rail": 0.3}
        add_arms(a, plan, back, rng, kinds, role="metal")
    return "plastic"


def thin_pad_chair(a: Assembly, rng: Generator) -> str:
    """A fully upholstered dining chair: padded seat and back on slender legs, with or without arms."""
    plan = _plan(rng, (0.43, 0.49), (0.21, 0.28), (0.026, 0.042), round_share=0.4)
    plan = replace(plan, thickness=rng.uniform(0.07, 0.14))
    metal = rng.random() < 0.5
    base = pick(rng, {"four_legs": 5, "sled": 1, "cantilever": 1, "pedestal": 1})
    {"four_legs": four_legs, "sled": sled, "cantilever": cantilever, "pedestal": pedestal}[base](a, plan, rng)
    add_seat(a, plan, rng, {"cushion": 1})
    surface = draw_surface(plan, rng, (0.35, 0.75 if rng.random() < 0.25 else 0.5), (4, 17))
    back = add_back(a, plan, surface, rng, {"pad": 1})
    if rng.random() < 0.45:
        add_arms(a, plan, back, rng)
    return "metal" if metal else "wood"
