"""What a seat stands on."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._shape import Assembly
from urform.synth._solids import bar, fillet, lathe, rounded_box, spline, sweep, xyz

LEG_STYLES = {"straight": 3, "taper": 4, "turned": 1.5, "sabre": 1.2, "cabriole": 0.8, "hairpin": 0.5}


def _turning(rng: Generator, member: float) -> NDArray:
    """Widths (K,) of a turned leg from top to foot."""
    count = 15
    t = np.linspace(0, 1, count)
    rings = rng.uniform(0.1, 0.3) * np.cos(2 * np.pi * rng.integers(2, 6) * t + rng.uniform(0, 6))
    swell = rng.uniform(-0.25, 0.35) * np.sin(np.pi * t)
    return member * np.maximum(1.15 + swell + rings - rng.uniform(0, 0.35) * t, 0.6)


def _leg(a: Assembly, rng: Generator, style: str, top: NDArray, foot: NDArray, plan: Plan, role: str) -> None:
    """One leg and its mirror image."""
    member, middle = plan.member, (top + foot) / 2
    outward = np.array([1.0, 0.0, np.sign(foot[2])])
    if style == "hairpin":
        rod = max(0.02, member * 0.55)
        spread = np.array([-0.09, 0, 0]) if abs(top[2]) < 0.08 else np.array([0, 0, -0.11 * np.sign(top[2])])
        for start in (top, top + spread):
            a.add_pair("leg", role, bar(start, foot, rod))
    elif style == "sabre":
        path = spline([top, middle - outward * 0.02, foot], 9)
        a.add_pair("leg", role, sweep(path, np.linspace(1.1, 0.75, 9) * member, section=plan.section))
    elif style == "cabriole":
        knee, ankle = top + (foot - top) * 0.22 + outward * 0.025, top + (foot - top) * 0.82 - outward * 0.02
        path = spline([top, knee, ankle, foot + outward * 0.01], 14)
        width = np.interp(np.linspace(0, 1, 14), [0, 0.2, 0.8, 1], [1.3, 1.5, 0.75, 1.05]) * member
        a.add_pair("leg", role, sweep(path, width, section="round"))
    elif style == "turned":
        a.add_pair("leg", role, bar(top, foot, _turning(rng, member)))
    else:
        end = rng.uniform(0.5, 0.8) if style == "taper" else 1.0
        a.add_pair("leg", role, bar(top, foot, [member, max(member * end, 0.02)], section=plan.section))


def _stretchers(a: Assembly, rng: Generator, lines: dict[str, tuple[NDArray, NDArray]], plan: Plan, kind: str) -> None:
    """Bars between the legs; lines hold top and foot of the front and the rear leg at +x."""
    flip = np.array([-1.0, 1.0, 1.0])
    role, size = "frame", max(0.02, plan.member * rng.uniform(0.5, 0.75))

    def at(leg: str, share: float) -> NDArray:
        top, foot = lines[leg]
        return foot + (top - foot) * share

    low = rng.uniform(0.18, 0.5)
    tall = size * rng.choice([1.0, 1.0, 1.8])
    section = plan.section if plan.section != "round" or tall == size else "soft"
    pairs = [(at("front", low), at("rear", low))] if kind in ("box", "h", "sides", "double") else []
    if kind == "double":
        pairs.append((at("front", low + 0.25), at("rear", low + 0.25)))
    for front, rear in pairs:
        a.add_pair("stretcher", role, bar(front, rear, size, tall, section=section))
    if kind == "h":
        middle = (at("front", low) + at("rear", low)) / 2
        a.add("stretcher", role, bar(middle, middle * flip, size, tall, side=(0, 0, 1), section=section))
    if kind in ("box", "cross_rails", "double"):
        high = low + rng.choice([0.0, 0.12])
        for leg in ("front", "rear"):
            point = at(leg, high)
            a.add("stretcher", role, bar(point, point * flip, size, tall, side=(0, 0, 1), section=section))
    if kind == "ring":
        front, rear = at("front", low), at("rear", low)
        angle = np.arange(24) * (np.pi / 12)
        half_x, half_z = (abs(front[0]) + abs(rear[0])) / 2 * 1.38, (front[2] - rear[2]) / 2 * 1.38
        loop = np.stack([half_x * np.cos(angle), 0 * angle + front[1], half_z * np.sin(angle)], -1)
        a.add(
            "stretcher", "metal", sweep(loop + xyz(0, 0, (front[2] + rear[2]) / 2), size, side=(1, 0, 0), closed=True)
        )
    if kind == "x":
        for leg, other in (("front", "rear"), ("rear", "front")):
            a.add("stretcher", role, bar(at(leg, low), at(other, low) * flip, size, section=plan.section))


def four_legs(a: Assembly, plan: Plan, rng: Generator, styles: dict[str, float] | None = None, role="frame",
              stretchers: dict[str, float] | None = None) -> None:  # fmt: skip
    """Four legs with or without stretchers, from the seat's underside to the floor."""
    style = pick(rng, styles or LEG_STYLES)
    inset = plan.member * rng.uniform(0.5, 0.9)
    height = plan.underside
    splay = rng.choice([0.0, rng.uniform(0.02, 0.09), rng.uniform(0.06, 0.16)], p=[0.4, 0.35, 0.25])
    splay += 0.04 if style in ("sabre", "hairpin") else 0
    lines = {}
    for name, along, lean in (("front", 1, rng.uniform(0, 1)), ("rear", -1, rng.uniform(0.5, 1.5))):
        top = plan.corner(1, along, height + plan.thickness * 0.5, inset)
        foot = plan.corner(1, along, 0, inset) + height * splay * np.array([1, 0, along * lean])
        _leg(a, rng, style, top, foot, plan, role)
        lines[name] = (top, foot)
        a.mark_pair(f"foot_{name}", foot)
    kind = "none"
    if style not in ("sabre", "cabriole", "hairpin"):
        kinds = {"none": 4, "box": 2, "h": 1.6, "sides": 0.8, "double": 0.6, "cross_rails": 0.5, "x": 0.3}
        kind = pick(rng, stretchers or kinds)
    _stretchers(a, rng, lines, plan, kind)
    a.note(base="four_legs", legs=style, stretchers=kind, splay=splay)


def tripod(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Three legs, one at the front."""
    splay = rng.uniform(0.05, 0.2) * plan.underside
    reach, y = 0.62 * plan.half_front, plan.underside + plan.thickness / 2
    for i, angle in enumerate(np.radians([90, 210, 330])):
        direction = np.array([np.cos(angle), 0, np.sin(angle)])
        foot = direction * (reach + splay)
        a.add("leg", "frame", bar(direction * reach + xyz(0, y, 0), foot, [plan.member, plan.member * 0.8],
                                  section=plan.section))  # fmt: skip
        a.mark(f"foot_{i}", foot)
    if rng.random() < 0.6:
        share = rng.uniform(0.25, 0.6)
        radius = reach + splay * (1 - share)
        angle = np.arange(24) * (np.pi / 12)
        loop = np.stack([radius * np.cos(angle), 0 * angle + y * share, radius * np.sin(angle)], -1)
        a.add("stretcher", "metal", sweep(loop, max(0.02, plan.member * 0.6), closed=True))
    a.note(base="tripod", splay=splay)


def sled(a: Assembly, plan: Plan, rng: Generator, role: str = "metal") -> None:
    """Two runners, each a bent bar from the seat's front corner along the floor to its rear corner."""
    size, y = max(0.02, plan.member * rng.uniform(0.6, 0.95)), plan.underside + plan.thickness * 0.4
    front, rear = plan.corner(1, 1, y, size), plan.corner(1, -1, y, size)
    reach = np.array([rng.uniform(0, 0.04), 0, rng.uniform(-0.05, 0.08)])
    foot_front, foot_rear = front * (1, 0, 1) + reach, rear * (1, 0, 1) + reach * (1, 1, -1)
    path = fillet([front, foot_front, foot_rear, rear], rng.uniform(0.03, 0.12))
    a.add_pair("base", role, sweep(path, size, section=rng.choice(["round", "round", "square"])))
    if rng.random() < 0.5:
        beam = foot_rear + xyz(0, 0, 0.12)
        a.add("stretcher", role, bar(beam, beam * (-1, 1, 1), size))
    a.mark_pair("foot_front", foot_front)
    a.mark_pair("foot_rear", foot_rear)
    a.note(base="sled")


def cantilever(a: Assembly, plan: Plan, rng: Generator, role: str = "metal") -> None:
    """One tube: under the seat to its front, down, and back along the floor; open below the sitter."""
    size, y = max(0.024, plan.member * 0.75), plan.underside + plan.thickness * 0.3
    rear, front = plan.corner(1, -0.9, y, size * 0.4), plan.corner(1, 0.97, y, size * 0.4)
    lean = np.array([0, 0, rng.uniform(-0.06, 0.1)])
    foot_front = front * (1, 0, 1) + lean
    foot_rear = foot_front * (1, 0, 0) + xyz(0, 0, -plan.depth * rng.uniform(0.4, 0.6))
    half = [rear, front, foot_front, foot_rear]
    path = fillet([*half, *[p * (-1, 1, 1) for p in half[::-1]]], rng.uniform(0.05, 0.13))
    a.add("base", role, sweep(path, size, section=rng.choice(["round", "round", "soft"])))
    a.mark_pair("foot_front", foot_front)
    a.mark_pair("foot_rear", foot_rear)
    a.note(base="cantilever")


def pedestal(a: Assembly, plan: Plan, rng: Generator, kind: str | None = None) -> None:
    """A column on a disc or on a star of three to five arms; the kind "castors" adds a gas spring and wheels."""
    kind = kind or pick(rng, {"disc": 1.2, "tulip": 1, "star": 1.5})
    y, column = plan.underside + plan.thickness * 0.4, max(0.045, plan.member * rng.uniform(1.1, 1.7))
    reach = (plan.half_front + plan.depth / 2) / 2 * rng.uniform(0.85, 1.2)
    if kind in ("disc", "tulip"):
        rim = max(0.02, rng.uniform(0.015, 0.03))
        neck = np.geomspace(reach, column / 2, 8)
        rise = y * (rng.uniform(0.2, 0.6) if kind == "tulip" else 0.06) * np.linspace(0, 1, 8) ** 2 + rim
        flare = [] if kind == "disc" else [[column * 0.9, y - 0.03], [column * 1.6, y]]
        profile = [[reach, 0], *np.stack([neck, rise], -1).tolist(), *(flare or [[column / 2, y]])]
        a.add("base", "metal", lathe(profile, segments=28))
        a.mark("foot_centre", (0, 0, 0))
    else:
        _star(a, rng, reach, column, y, castors=kind == "castors")
    a.note(base=f"pedestal_{kind}", base_radius=reach)


def _star(a: Assembly, rng: Generator, reach: float, column: float, y: float, castors: bool) -> None:
    """Arms around a column, raised on castors or on small feet."""
    count = 5 if castors and rng.random() < 0.85 else int(rng.integers(4, 6))
    lift = rng.uniform(0.07, 0.1) if castors else rng.uniform(0.015, 0.04)
    hub = lift + rng.uniform(0.02, 0.09)
    width = max(0.026, column * rng.uniform(0.5, 0.9))
    spring = column * rng.uniform(0.6, 0.8)
    step = hub + (y - hub) * rng.uniform(0.3, 0.65)
    profile = [[column * 0.6, lift], [column * 0.6, step], [spring / 2, step + 0.005], [spring / 2, y - 0.02]]
    a.add("base", "metal", lathe([*profile, [column * 1.5, y - 0.02], [column * 1.5, y]], segments=16))
    turn = rng.uniform(0, 2 * np.pi / count)
    for i in range(count):
        angle = turn + i * 2 * np.pi / count
        direction = np.array([np.cos(angle), 0, np.sin(angle)])
        tip = direction * reach + xyz(0, lift + width * 0.25, 0)
        a.add("base", "metal", bar([0, hub, 0], tip, [width * 1.2, width * 0.8], [width * 1.3, width * 0.8],
                                   side=np.cross(direction, (0, 1, 0)), section="soft"))  # fmt: skip
        if castors:
            axis = np.cross(direction, (0, 1, 0)) * 0.024
            wheel = tip * (1, 0, 1) + xyz(0, lift * 0.48, 0)
            a.add("castor", "metal", bar(tip, wheel, 0.022))
            a.add("castor", "metal", bar(wheel - axis, wheel + axis, lift * 0.96))
        else:
            a.add("base", "metal", bar(tip - direction * 0.02, (tip - direction * 0.02) * (1, 0, 1), 0.03))
        a.mark(f"foot_{i}", tip * (1, 0, 1))


def panels(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Two upright boards, or crossed bars, at the sides, with a rail between them."""
    thickness, y = max(0.022, plan.member * 0.6), plan.underside + plan.thickness * 0.5
    front, rear = plan.corner(1, 1, y, thickness), plan.corner(1, -1, y, thickness)
    x = min(front[0], rear[0])
    if rng.random() < 0.5:
        board = rounded_box((thickness, y, front[2] - rear[2]), 0.006, cells=2, arcs=1)
        taper = rng.uniform(-0.25, 0.25)
        board = board.warp_batch(lambda p: p * np.stack([0 * p[:, 0] + 1, 0 * p[:, 0] + 1, 1 + taper * p[:, 1]], -1))
        if rng.random() < 0.5:
            hole = rounded_box((0.3, y * rng.uniform(0.3, 0.6), plan.depth * rng.uniform(0.25, 0.5)), 0.02, 2, 2)
            board -= hole.translate((0, -y * rng.uniform(0, 0.3), 0))
        a.add_pair("base", "frame", board.translate((x, y / 2, (front[2] + rear[2]) / 2)))
        a.note(base="panels")
    else:
        for start, end in ((front, rear), (rear, front)):
            foot = end * (0, 0, 1.05) + xyz(x, 0, 0)
            a.add_pair("leg", "frame", bar(start * (0, 1, 1) + xyz(x, 0, 0), foot, plan.member * 0.8, plan.member,
                                           section=plan.section))  # fmt: skip
        a.note(base="crossed")
    rail = np.array([x, y * rng.uniform(0.42, 0.55), 0])
    a.add("stretcher", "frame", bar(rail, rail * (-1, 1, 1), plan.member * 0.7, side=(0, 0, 1), section="soft"))
    a.mark_pair("foot_front", [x, 0, front[2]])
    a.mark_pair("foot_rear", [x, 0, rear[2]])


def rockers(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Four legs on two curved runners."""
    radius, inset = rng.uniform(0.9, 1.5), plan.member * 0.7
    z = np.linspace(-plan.depth * rng.uniform(0.8, 1.0), plan.depth * rng.uniform(0.6, 0.75), 15)
    x = plan.corner(1, 1, 0, inset)[0] + 0.02
    height = radius - np.sqrt(radius**2 - z**2) + plan.member / 2
    a.add_pair("base", "frame", sweep(np.stack([0 * z + x, height, z], -1), plan.member * 0.8, plan.member,
                                      section="soft"))  # fmt: skip
    for along in (1, -1):
        top = plan.corner(1, along, plan.underside + plan.thickness / 2, inset)
        foot = np.array([x, 0, top[2] * 1.1])
        foot[1] = np.interp(foot[2], z, height)
        a.add_pair("leg", "frame", bar(top, foot, plan.member, section=plan.section))
    a.mark_pair("rocker_front", [x, height[-1], z[-1]])
    a.mark_pair("rocker_rear", [x, height[0], z[0]])
    a.note(base="rockers", rocker_radius=radius)
