"""Families that are neither a seat on legs nor blocks of upholstery: shells, folding, sling, block and bent chairs."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._bases import cantilever, four_legs, pedestal, rockers, sled
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._shape import Assembly
from urform.synth._solids import bar, fillet, rounded_box, sheet, spline, sweep, xyz


def _shell_grid(rng: Generator, half: float, depth: float, rise: float, recline: float, lift: float) -> NDArray:
    """Points (21, 17, 3) of a bent shell from the seat's front edge (height 0) to the top of the back, `rise` high."""
    knee = [[0, -0.035, depth / 2 + 0.03], [0, 0.012, depth * 0.3], [0, -0.012, -depth * 0.15],
            [0, 0.045, -depth * 0.45], [0, rise * 0.5, -depth * 0.5 - recline * rise * 0.4],
            [0, rise, -depth * 0.5 - recline * rise]]  # fmt: skip
    profile, t, u = spline(knee, 61), np.linspace(0, 1, 61), np.linspace(-1, 1, 17)
    normal = np.cross((1, 0, 0), np.gradient(profile, axis=0))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) * np.sign(normal[15, 1])
    # Leaning all normals the same way keeps the raised sides from folding over each other at the bend.
    normal = normal + xyz(0, 0.7, 0.5)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    crest = rng.choice([lift * 0.2, lift * 0.7])
    bucket = np.interp(t, [0, 0.2, rng.uniform(0.35, 0.55), 0.75, 1], [lift * 0.1, lift * 0.5, lift, crest, crest])
    width = half * np.interp(t, [0, 0.12, 0.5, 0.85, 1], [rng.uniform(0.75, 1), 1, rng.uniform(0.8, 1.1),
                                                         rng.uniform(0.6, 1), rng.uniform(0.35, 0.9)])  # fmt: skip
    # Rows shorten towards the rim so that the corners of the outline are rounded.
    corner = rng.choice([0.02, rng.uniform(0.05, 0.2)])
    s = 0.5 + (np.linspace(0, 1, 21)[:, None] - 0.5) * (1 - corner * np.abs(u) ** rng.uniform(2, 5))

    def at(values: NDArray) -> NDArray:
        return np.stack([np.interp(s, t, column) for column in np.atleast_2d(values.T)], -1)

    across = u[:, None] * at(width) * np.array([1.0, 0, 0])
    return at(profile) + across + at(normal) * at(bucket) * (np.abs(u) ** 2.2)[:, None]


def shell_chair(a: Assembly, rng: Generator) -> str:
    """Seat and back in one bent or moulded shell, on legs, runners, a pedestal or castors."""
    seat_height, half, depth = rng.uniform(0.36, 0.47), rng.uniform(0.2, 0.28), rng.uniform(0.38, 0.48)
    plan = Plan(seat_height, half * 0.75, half * 0.7, depth * 0.66, rng.uniform(0.03, 0.05), rng.uniform(0.024, 0.04),
                rng.choice(["round", "soft"]))  # fmt: skip
    rise, recline = rng.uniform(0.3, 0.62), np.tan(np.radians(rng.uniform(8, 28)))
    lift = rng.choice([0.01, rng.uniform(0.04, 0.12), rng.uniform(0.12, 0.22)])
    grid = _shell_grid(rng, half, depth, rise, recline, lift) + xyz(0, seat_height, 0)
    pad = rng.choice([0, rng.uniform(0.01, 0.05)])
    dome = np.sin(np.pi * np.linspace(0, 1, 21))[:, None] * (1 - np.linspace(-1, 1, 17) ** 8)
    shell = sheet(grid, 0.02 + pad * dome)
    if lift < 0.05 and rng.random() < 0.3:
        hole = rounded_box((half * rng.uniform(0.5, 1), rng.uniform(0.03, 0.12), 0.5), 0.015, 2)
        shell -= hole.translate(grid[17, 8].tolist())
    a.add("shell", "soft", shell)
    base = pick(rng, {"four_legs": 4, "sled": 2, "pedestal": 2, "castors": 1.2, "cantilever": 0.7, "rockers": 0.5})
    if base == "castors":
        pedestal(a, plan, rng, "castors")
    else:
        {"four_legs": four_legs, "sled": sled, "pedestal": pedestal, "cantilever": cantilever,
         "rockers": rockers}[base](a, plan, rng)  # fmt: skip
    a.add("seat", "metal", rounded_box((plan.half_front * 2, plan.thickness, plan.depth), 0.01, 2).translate(
        (0, seat_height - plan.thickness * 0.65, 0)))  # fmt: skip
    a.mark_pair("seat_front", grid[2, -1])
    a.mark_pair("seat_rear", grid[9, -1])
    a.mark_pair("back_top", grid[-1, -1])
    a.note(seat="shell", back="shell", seat_height=seat_height, back_height=rise, lift=lift)
    return "wood" if base in ("four_legs", "rockers") else "metal"


def folding_chair(a: Assembly, rng: Generator) -> str:
    """Crossed legs at the sides, one of which goes on as the back's post."""
    half, size = rng.uniform(0.19, 0.25), rng.uniform(0.022, 0.036)
    seat, depth, top = rng.uniform(0.41, 0.47), rng.uniform(0.36, 0.43), rng.uniform(0.76, 0.95)
    section = rng.choice(["round", "soft", "square"])
    slope = rng.uniform(0.35, 0.55)
    foot_front, foot_rear = np.array([half, 0, depth * 0.55]), np.array([half - size * 1.1, 0, -depth * 0.6])
    at_seat = foot_front + xyz(0, seat, -seat * slope * 1.6)
    crest = at_seat + xyz(0, top - seat, -(top - seat) * rng.uniform(0.1, 0.35))
    seat_front = np.array([half - size * 1.1, seat - 0.02, depth * 0.45])
    a.add_pair("leg", "frame", sweep(spline([foot_front, at_seat, crest], 13), size, section=section))
    a.add_pair("leg", "frame", bar(foot_rear, seat_front, size, section=section))
    board = max(0.022, size * 0.8)
    if rng.random() < 0.5:
        pan = rounded_box((2 * half, board * 1.3, depth), 0.012, 3)
        a.add("seat", rng.choice(["soft", "frame"]), pan.translate((0, seat, 0.02)))
    else:
        count = int(rng.integers(4, 8))
        for z in np.linspace(-0.46, 0.5, count) * depth:
            a.add("seat", "frame", bar([-half, seat, z], [half, seat, z], depth / count * 0.7, board, side=(0, 0, 1),
                                       section="soft"))  # fmt: skip
        a.add_pair("seat", "frame", bar([half * 0.92, seat - 0.01, -depth / 2], [half * 0.92, seat - 0.01, depth / 2],
                                        board, section="soft"))  # fmt: skip
    tall, count = rng.uniform(0.05, 0.2), int(rng.integers(1, 4))
    for share in np.linspace(0.97, 0.45, count):
        point = at_seat + (crest - at_seat) * share
        row = spline([point, point * (0, 1, 1) - xyz(0, 0, rng.uniform(0, 0.05)), point * (-1, 1, 1)], 9)
        a.add("back", "frame", sweep(row, board, tall / count + 0.02, side=(0, 0, 1), section="soft"))
    for start, end, share in ((foot_front, at_seat, 0.3), (foot_rear, seat_front, 0.2)):
        point = start + (end - start) * share
        a.add("stretcher", "frame", bar(point, point * (-1, 1, 1), size * 0.9))
    a.mark_pair("foot_front", foot_front)
    a.mark_pair("foot_rear", foot_rear)
    a.mark_pair("back_top", crest)
    a.mark_pair("seat_front", seat_front)
    a.note(base="crossed", seat_height=seat, back="rungs")
    return rng.choice(["wood", "metal"])


def deck_chair(a: Assembly, rng: Generator) -> str:
    """A sling between crossed frames."""
    half, size, sag = rng.uniform(0.25, 0.31), rng.uniform(0.028, 0.038), rng.uniform(0.05, 0.14)
    front = np.array([0, rng.uniform(0.3, 0.42), rng.uniform(0.4, 0.55)])
    top = np.array([0, rng.uniform(0.75, 0.98), -rng.uniform(0.4, 0.6)])
    side, inner = np.array([half, 0, 0]), np.array([half - size * 1.05, 0, 0])
    rear_foot, front_foot = np.array([0, 0, -rng.uniform(0.3, 0.5)]), np.array([0, 0, front[2] * rng.uniform(0.55, 1)])
    a.add_pair("leg", "frame", bar(top + side, front_foot + side, size, size * 1.3, section="soft"))
    a.add_pair("leg", "frame", bar(front + inner, rear_foot + inner, size, size * 1.3, section="soft"))
    for point, reach in ((front, inner), (top, side), (rear_foot * 0.9 + front * 0.1, inner)):
        a.add("frame", "frame", bar(point + reach, point - reach, size))
    chord = np.linspace(0, 1, 15)[:, None]
    curve = front + (top - front) * chord + xyz(0, -1, -0.35) * (np.sin(np.pi * chord**0.8) * sag)
    grid = curve[:, None] + np.linspace(-1, 1, 7)[:, None] * (inner - xyz(size * 0.3, 0, 0))
    a.add("seat", "soft", sheet(grid, 0.024))
    if rng.random() < 0.4:
        tip = xyz(half + size * 0.9, front[1] + 0.2, front[2] - 0.08)
        post = top + (front_foot - top) * (top[1] - tip[1]) / top[1]
        arm = (post + xyz(half + size * 0.6, 0, -0.04), tip)
        a.add_pair("arm", "frame", bar(arm[0], arm[1], size * 1.8, 0.024, section="soft"))
        a.add_pair(
            "arm", "frame", bar(arm[1], front * (0, 1, 1) + xyz(half - size * 0.4, 0, -0.01), size, section="soft")
        )
        a.mark_pair("arm_front", arm[1])
    a.mark_pair("foot_front", front_foot + side)
    a.mark_pair("foot_rear", rear_foot + inner)
    a.mark_pair("back_top", top + side)
    a.mark_pair("seat_front", front + inner)
    a.note(base="crossed", seat="sling", back="sling", sag=sag)
    return "wood"


def block_chair(a: Assembly, rng: Generator) -> str:
    """Boards at right angles: closed sides that are arms and legs at once, a seat and a back between them."""
    half, depth, board = rng.uniform(0.22, 0.32), rng.uniform(0.42, 0.62), rng.uniform(0.022, 0.06)
    seat, top, recline = rng.uniform(0.34, 0.45), rng.uniform(0.66, 0.9), rng.uniform(0, 16)
    arm = seat + rng.choice([0.03, rng.uniform(0.15, 0.25)])
    side = rounded_box((board, arm, depth), 0.008, 3, 1)
    if rng.random() < 0.45:
        hole = rounded_box((0.2, (seat - 0.08) * rng.uniform(0.5, 0.8), depth * rng.uniform(0.4, 0.72)), 0.03, 2)
        side -= hole.translate((0, -arm / 2 + seat * rng.uniform(0.3, 0.42), 0))
    lean = rng.choice([0, rng.uniform(-0.15, 0.15)])
    side = side.warp_batch(lambda p: p * np.stack([0 * p[:, 0] + 1, 0 * p[:, 0] + 1, 1 + lean * p[:, 1]], -1))
    a.add_pair("panel", "frame", side.translate((half + board / 2, arm / 2, 0)))
    thick = rng.choice([board, rng.uniform(0.07, 0.16)])
    role = "soft" if thick > board else "frame"
    pad = rounded_box((2 * half + 0.004, thick, depth * 0.96), min(0.03, thick / 3), 3)
    a.add("seat", role, pad.rotate((-rng.uniform(0, 6), 0, 0)).translate((0, seat - thick / 2, 0)))
    height = top - seat + 0.1
    back = rounded_box((2 * half + 0.004, height, thick), min(0.03, thick / 3), 3).translate((0, height / 2 - 0.1, 0))
    a.add("back", role, back.rotate((-recline, 0, 0)).translate((0, seat, -depth / 2 + thick / 2 + 0.01)))
    a.mark_pair("arm_front", [half + board / 2, arm, depth / 2])
    a.mark_pair("arm_rear", [half + board / 2, arm, -depth / 2])
    a.mark_pair("foot_front", [half + board / 2, 0, depth / 2])
    a.mark_pair("foot_rear", [half + board / 2, 0, -depth / 2])
    a.mark_pair("back_top", [half, top, -depth / 2 - np.tan(np.radians(recline)) * (top - seat)])
    a.note(base="panels", seat="board", back="board", seat_height=seat, recline_deg=recline)
    return "wood"


def ribbon_chair(a: Assembly, rng: Generator) -> str:
    """One sheet bent into floor, leg, seat and back: zigzag, cantilever or floor chair."""
    half, board = rng.uniform(0.18, 0.27), rng.uniform(0.024, 0.042)
    seat, depth, rise = rng.uniform(0.38, 0.46), rng.uniform(0.38, 0.48), rng.uniform(0.3, 0.5)
    rear = np.array([0, seat - rng.uniform(0, 0.03), -depth / 2])
    front = np.array([0, seat, depth / 2])
    top = rear + xyz(0, rise, -rise * rng.uniform(0.02, 0.4))
    kind = pick(rng, {"zigzag": 1, "cantilever": 1, "floor": 0.7})
    floor = board / 2
    if kind == "zigzag":
        corners = [[0, floor, depth / 2], [0, floor, -depth / 2], front, rear, top]
    elif kind == "cantilever":
        corners = [[0, floor, -depth / 2], [0, floor, depth * rng.uniform(0.35, 0.6)], front, rear, top]
    else:
        seat = floor
        corners = [[0, floor, depth / 2], [0, floor, -depth / 2], [0, rise, -depth / 2 - rise * rng.uniform(0.1, 0.4)]]
        top, front = np.array(corners[2]), np.array(corners[0])
    path = fillet(corners, rng.uniform(0.05, 0.14), steps=6)
    path = path if kind != "zigzag" else fillet(corners, 0.045, steps=4)
    width = half * np.linspace(1.1, rng.uniform(0.75, 1.05), len(path))
    grid = path[:, None] + np.linspace(-1, 1, 5)[:, None] * np.array([1.0, 0, 0]) * width[:, None, None]
    role = rng.choice(["frame", "soft"])
    a.add("shell", role, sheet(grid, board))
    if kind == "floor" or rng.random() < 0.35:
        pad = rounded_box((2 * half * 0.95, 0.07, depth * 0.9), (0.04, 0.03, 0.04), 4)
        a.add("seat", "soft", pad.translate((0, seat + board / 2 + 0.025, 0.03)))
    a.mark_pair("seat_front", front + xyz(half, 0, 0))
    a.mark_pair("back_top", top + xyz(half, 0, 0))
    a.note(base=kind, seat="ribbon", back="ribbon", seat_height=seat)
    return rng.choice(["wood", "plastic", "metal"])


def chaise(a: Assembly, rng: Generator) -> str:
    """A long reclined lounge chair, slatted or padded."""
    half, size = rng.uniform(0.26, 0.34), rng.uniform(0.032, 0.042)
    low, length = rng.uniform(0.26, 0.38), rng.uniform(0.7, 1.05)
    rise, recline = rng.uniform(0.4, 0.6), np.radians(rng.uniform(25, 50))
    joint = np.array([0, low, -length / 2])
    top = joint + xyz(0, rise * np.cos(recline) * 1.1, -rise * np.sin(recline) * 1.1)
    end, knee = xyz(0, low - rng.uniform(-0.05, 0.1), length / 2), xyz(0, low + rng.uniform(0, 0.09), length * 0.1)
    line = spline(fillet([end, knee, joint, top], 0.15), 25)
    side = np.array([half, 0, 0])
    a.add_pair("frame", "frame", sweep(line + side, size, section="soft"))
    if rng.random() < 0.4:
        for point in line[::2]:
            a.add("seat", "frame", bar(point + side, point - side, 0.028, 0.034, side=(0, 1, 0), section="soft"))
    else:
        grid = line[:, None] + xyz(0, 0.012, 0) + np.linspace(-1, 1, 9)[:, None] * side * 0.99
        a.add("seat", "soft", sheet(grid, rng.choice([0.026, rng.uniform(0.05, 0.11)]) * np.ones((25, 9))))
    for index, shift in ((3, 0.02), (15, -0.12)):
        foot = line[index] * (0, 0, 1) + side + xyz(0, 0, shift)
        a.add_pair("leg", "frame", bar(line[index] + side, foot, size, section="soft"))
        a.add("stretcher", "frame", bar(line[index] + side, line[index] - side, size))
    a.mark_pair("foot_front", line[3] * (0, 0, 1) + side)
    a.mark_pair("foot_rear", line[15] * (0, 0, 1) + side)
    a.mark_pair("back_top", top + side)
    a.note(base="four_legs", seat="chaise", seat_height=low, recline_deg=np.degrees(recline), length=length)
    return rng.choice(["wood", "metal"])
