"""Sofas of cushions on a wooden or metal frame, and benches with a back."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._sofas import draw_body, mark_body
from urform.synth._solids import bar, rounded_box, xyz
from urform.synth._upholstery import back_cushions, back_wall, block, seat_cushions


def mid_century(a: Assembly, rng: Generator) -> str:
    """Slim cushions on a wooden or metal frame with slender legs and open, thin or no arms."""
    body = draw_body(rng)
    thick = 0.013 * float(np.linalg.norm([2 * body.half, body.depth, body.top]))
    size = max(thick, rng.uniform(0.026, 0.05))
    body = replace(body, pad=rng.uniform(0.09, 0.16), wall=rng.uniform(0.07, 0.13), arm=size * 1.4)
    soft, under, x = body.soft, body.seat - body.pad, body.half + size * 0.5
    seat_cushions(a, soft, (-body.half, under, body.z - 0.01), (body.half, body.seat, body.depth / 2), body.count)
    wall = back_wall(soft, body.half, under - 0.02, body.top, body.seat, body.wall, soft.radius)
    a.add("back", "cushion", wall.translate((0, 0, body.z)))
    a.add(
        "base",
        "frame",
        block((-x, under - size * 1.3, -body.depth / 2 + 0.02), (x, under + 0.01, body.depth / 2 - 0.02), 0.008, 1),
    )
    section, splay = rng.choice(["round", "soft", "square"]), rng.choice([0, rng.uniform(0.1, 0.35)])
    arms = pick(rng, {"frame": 3, "pad": 1.5, "none": 1.5})
    front, rear = body.depth / 2 - 0.06, -body.depth / 2 + 0.06
    for z in (front, rear):
        top = xyz(x - size * 0.5, under - size * 0.5, z)
        foot = top * (1, 0, 1) + xyz(splay, 0, splay * np.sign(z)) * under * 0.7
        a.add_pair("leg", "frame", bar(top, foot, [size * 1.2, size * rng.uniform(0.65, 1.2)], section=section))
        if arms == "frame":
            post = xyz(x + size * 0.4, body.arm_top, z)
            a.add_pair("arm", "frame", bar(post, post * (1, 0, 1) + xyz(0, under - size, 0), size, section="soft"))
    if arms == "frame":
        rail = xyz(x + size * 0.4, body.arm_top, front + 0.05)
        a.add_pair(
            "arm",
            "frame",
            bar(rail, rail * (1, 1, 0) + xyz(0, 0, rear - 0.05), size * rng.uniform(1.3, 2.6), size, section="soft"),
        )
    elif arms == "pad":
        pad = block(
            (body.half - 0.03, under - 0.01, rear),
            (body.half + rng.uniform(0.06, 0.12), body.arm_top, front + 0.02),
            soft.radius,
        )
        a.add_pair("arm", "cushion", pad)
    mark_body(a, replace(body, arm=size if arms == "frame" else 0.08, arm_top=body.arm_top), arms)
    return rng.choice(["wood", "wood", "metal"])


def crate_sofa(a: Assembly, rng: Generator) -> str:
    """Cushions in a wooden or woven box: boards or slats for arms and back."""
    body = draw_body(rng)
    soft = replace(body.soft, recline=rng.uniform(0, 12))
    board = max(rng.uniform(0.03, 0.12), 0.014 * 2 * body.half)
    body = replace(body, soft=soft, wall=board, arm=board, pad=rng.uniform(0.1, 0.16))
    under, x = body.seat - body.pad, body.half + board
    low = rng.choice([0.0, under * rng.uniform(0.3, 0.8)])
    a.add("base", "frame", block((-x, low, -body.depth / 2), (x, under + 0.01, body.depth / 2), 0.008, 1))
    a.add_pair("arm", "frame", block((body.half, 0, -body.depth / 2), (x, body.arm_top, body.depth / 2), 0.01, 1))
    tall = body.top - rng.choice([0.05, rng.uniform(0.1, 0.2)])
    if rng.random() < 0.5:
        a.add("back", "frame", block((-x, low, -body.depth / 2), (x, tall, -body.depth / 2 + board), 0.01, 1))
    else:
        rail = xyz(x, tall - board / 2, -body.depth / 2 + board / 2)
        a.add("back", "frame", bar(rail, rail * (-1, 1, 1), board, board * 1.4, side=(0, 0, 1), section="square"))
        for u in np.linspace(-1, 1, int(rng.integers(4, 11))):
            slat = rail * (u * (1 - board / x), 1, 1)
            a.add(
                "back",
                "frame",
                bar(slat, slat * (1, 0, 1) + xyz(0, under, 0), board * 1.4, board * 0.8, section="square"),
            )
    seat_cushions(a, soft, (-body.half, under, body.z - 0.01), (body.half, body.seat, body.depth / 2), body.count)
    start = xyz(-body.half, body.seat - 0.01, body.z + 0.02 + soft.slant * 0.3)
    back_cushions(a, soft, start, start * (-1, 1, 1), body.top - body.seat, rng.uniform(0.1, 0.18), body.count)
    a.add(
        "back",
        "cushion",
        block((-body.half, under, body.z - 0.02), (body.half, body.seat + 0.05, start[2] + 0.03), 0.01, 1),
    )
    mark_body(a, body, "board")
    return "wood"


def settle_bench(a: Assembly, rng: Generator) -> str:
    """A wooden or metal bench with a slatted or closed back, with or without a pad and arms."""
    half, depth, seat = rng.uniform(0.5, 1.0), rng.uniform(0.42, 0.62), rng.uniform(0.4, 0.47)
    size = max(0.014 * 2.2 * half, rng.uniform(0.035, 0.08))
    top, slant = seat + rng.uniform(0.32, 0.6), np.tan(np.radians(rng.uniform(3, 18)))
    board, rear = max(0.014 * 2.2 * half, 0.03), -depth / 2 + size / 2
    a.add("seat", "frame", rounded_box((2 * half, board, depth), 0.008, 2, 1).translate((0, seat - board / 2, 0)))
    crest = xyz(half - size / 2, top, rear - slant * (top - seat))
    arms = rng.random() < 0.75
    for x in (half - size / 2, 0) if half > 0.8 else (half - size / 2,):
        for z, up in ((depth / 2 - size / 2, seat + (0.23 if arms and x else -board / 2)), (rear, seat)):
            a.add_pair("leg", "frame", bar(xyz(x, up, z), xyz(x, 0, z), size, section="square"))
    joint = xyz(half - size / 2, seat - board, rear)
    a.add_pair("back", "frame", bar(joint, crest, size, section="square"))
    kind = pick(rng, {"slats": 2, "rails": 1.5, "closed": 1, "pad": 1})
    a.add("back", "frame", bar(crest, crest * (-1, 1, 1), size * 0.8, size * 1.3, side=(0, 0, 1), section="square"))
    _settle_back(a, rng, kind, crest, joint, board)
    if arms:
        front = xyz(half - size / 2, seat + 0.23, depth / 2 + 0.02)
        back = joint + (crest - joint) * (front[1] - joint[1]) / (crest[1] - joint[1])
        a.add_pair("arm", "frame", bar(front, back, size * rng.uniform(1, 1.6), board, section="square"))
        a.mark_pair("arm_front", front)
    if rng.random() < 0.5:
        a.add("seat", "cushion", block((-half + 0.03, seat - 0.01, rear), (half - 0.03, seat + 0.07, depth / 2), 0.03))
    rail = xyz(half - size / 2, seat * 0.35, depth / 2 - size / 2)
    a.add_pair("stretcher", "frame", bar(rail, rail * (1, 1, -1), board, section="square"))
    a.mark_pair("back_top", crest)
    a.mark_pair("seat_front", [half, seat, depth / 2])
    a.note(back=kind, seat_height=seat, seat_width=2 * half, seat_depth=depth, back_height=top)
    return rng.choice(["wood", "wood", "metal"])


def _settle_back(a: Assembly, rng: Generator, kind: str, crest: NDArray, joint: NDArray, board: float) -> None:
    """Fills the back of a settle between its posts, whose upper and lower ends at +x are given (3,)."""
    if kind == "slats":
        for u in np.linspace(-1, 1, int(rng.integers(7, 16)))[1:-1]:
            a.add("back", "frame", bar(joint * (u, 1, 1), crest * (u, 1, 1), max(board, 0.035), board * 0.9))
    elif kind == "rails":
        for share in np.linspace(0.35, 0.85, int(rng.integers(2, 5))):
            point = joint + (crest - joint) * share
            a.add("back", "frame", bar(point, point * (-1, 1, 1), board, 0.08, side=(0, 0, 1), section="square"))
    else:
        thick, role = (board, "frame") if kind == "closed" else (0.08, "cushion")
        a.add("back", role, bar(joint * (0, 1, 1), crest * (0, 1, 1), 2 * crest[0] - 0.04, thick, section="soft"))
