"""What tables stand on, besides the bases that chairs have too."""

import numpy as np
from numpy.random import Generator

from urform.synth._bases import four_legs
from urform.synth._materials import pick
from urform.synth._plan import Plan
from urform.synth._shape import Assembly
from urform.synth._solids import bar, lathe, rounded_box, spline, sweep, warp, xyz
from urform.synth._table_tops import thin

_FLIP = np.array([-1.0, 1.0, 1.0])


def _feet(a: Assembly, front: np.ndarray, rear: np.ndarray) -> None:
    a.mark_pair("foot_front", front * (1, 0, 1))
    a.mark_pair("foot_rear", rear * (1, 0, 1))


def _into(plan: Plan, size: float) -> float:
    """Height at which a leaning bar of `size` metres ends within the top and does not pierce it."""
    return plan.underside + max(0.5 * plan.thickness - 0.3 * size, 0.15 * plan.thickness)


def posts(a: Assembly, plan: Plan, rng: Generator, stretchers: dict[str, float] | None = None) -> None:
    """Four upright square posts, flush with the top's edge or nearly, with stretchers sometimes."""
    size, inset = plan.member, rng.choice([0.0, rng.uniform(0, 0.05)])
    y = plan.seat_height - plan.thickness * 0.4
    for name, along in (("front", 1), ("rear", -1)):
        top = plan.corner(1, along, y, inset + size / 2)
        a.add_pair("leg", "frame", bar(top, top * (1, 0, 1), [size, size * rng.choice([1, 1, 0.75])], section="square"))
        a.mark_pair(f"foot_{name}", top * (1, 0, 1))
    kind = pick(rng, stretchers or {"none": 5, "box": 1, "h": 1})
    low, rail = plan.underside * rng.uniform(0.12, 0.35), max(thin(plan), size * rng.uniform(0.6, 1))
    front, rear = (plan.corner(1, along, low, inset + size / 2) for along in (1, -1))
    if kind != "none":
        a.add_pair("stretcher", "frame", bar(front, rear, rail, section="square"))
    if kind == "box":
        for point in (front, rear):
            a.add("stretcher", "frame", bar(point, point * _FLIP, rail, section="square", side=(0, 0, 1)))
    if kind == "h":
        middle = (front + rear) / 2
        a.add("stretcher", "frame", bar(middle, middle * _FLIP, rail, section="square", side=(0, 0, 1)))
    a.note(base="posts", stretchers=kind)


def thick_legs(a: Assembly, plan: Plan, rng: Generator, styles: dict[str, float] | None = None) -> None:
    """The four legs of chairs, no thinner than a table of this size needs."""
    styles = styles or {"straight": 3, "taper": 4, "turned": 2, "sabre": 1, "cabriole": 1}
    four_legs(a, plan, rng, styles, stretchers={"none": 7, "box": 0.8, "h": 1.2, "x": 0.8, "sides": 0.3})


def rod_legs(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Two or three slim rods a corner that meet at the foot, or crossed rods."""
    rod = thin(plan) * rng.uniform(1, 1.4)
    y, inset = plan.seat_height - plan.thickness * 0.5, plan.member + rng.uniform(0.01, 0.08)
    spread, lean = 0.12 * plan.seat_height / 0.7, rng.uniform(-0.02, 0.08)
    for name, along in (("front", 1), ("rear", -1)):
        top = plan.corner(1, along, y, inset)
        foot = top * (1, 0, 1) + xyz(lean, 0, lean * along)
        for start in (top, top - xyz(spread, 0, 0), top - xyz(0, 0, spread * along))[: int(rng.integers(2, 4))]:
            a.add_pair("leg", "metal", bar(start, foot, rod))
        a.mark_pair(f"foot_{name}", foot)
    a.note(base="rods")


def frames(a: Assembly, plan: Plan, rng: Generator, role: str = "metal") -> None:
    """A flat loop at each end: rectangle, trapeze or triangle; bars between them sometimes."""
    size = max(thin(plan) * 1.1, plan.member * rng.uniform(0.5, 1))
    x = plan.half_front * rng.uniform(0.68, 0.97) - size / 2
    y, deep = _into(plan, size), plan.depth * rng.uniform(0.38, 0.48) * (1 - 0.3 * plan.roundness)
    kind = pick(rng, {"rectangle": 2, "trapeze": 1.5, "inverse": 1, "open": 1.5, "cross": 1.3})
    wide_top, wide_foot = deep * {"inverse": 0.6}.get(kind, 1), deep * {"trapeze": 0.6}.get(kind, 1)
    foot, lean = size / 2, rng.choice([0, rng.uniform(-0.08, 0.1)])
    path = np.array([[x, y, wide_top], [x + lean, foot, wide_foot], [x + lean, foot, -wide_foot], [x, y, -wide_top]])
    section = rng.choice(["square", "square", "round"])
    tall = size * rng.choice([1, 1, 2.2])
    if kind == "cross":
        ends = ((path[0], path[2]), (path[3], path[1]))
    elif kind == "open":
        ends = ((path[0], path[1]), (path[3], path[2]))
    else:
        ends = ((path[0], path[1]), (path[1], path[2]), (path[2], path[3]))
    for start, end in ends:
        a.add_pair("leg", role, bar(start, end, size, tall, section=section, side=(1, 0, 0)))
    for point in path[1:3] if kind != "open" else ():
        a.add_pair("leg", role, rounded_box((size, size, tall), size * 0.2, 1, 1).translate(point.tolist()))
    sunk = xyz(0, min(0, plan.thickness * 0.4 - size * 0.5), 0)
    a.add_pair("apron", role, bar(path[0] + sunk, path[3] + sunk, size, section="square"))
    if rng.random() < 0.5:
        low = y if kind == "open" or rng.random() < 0.5 else y * 0.5 if kind == "cross" else foot
        z = 0 if kind in ("cross", "rectangle", "inverse") else -wide_top * 0.98
        beam = xyz(x + lean * (1 - low / y), low, z)
        a.add("stretcher", role, bar(beam, beam * _FLIP, size, section="square", side=(0, 0, 1)))
    _feet(a, path[1], path[2])
    a.note(base=f"frame_{kind}")


def trestles(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Two sawhorses: an upper beam each and two pairs of spread legs."""
    size, x = max(thin(plan) * 1.3, plan.member * 0.7), plan.half_front * rng.uniform(0.55, 0.78)
    y, spread = plan.underside - size * 0.3, plan.depth * rng.uniform(0.3, 0.45)
    beam = xyz(x, y, plan.depth * 0.42)
    a.add_pair("apron", "frame", bar(beam, beam * (1, 1, -1), size * 1.3, size * 1.6, section="square"))
    splay = rng.uniform(0.1, 0.25) * y
    for z in (1, -1):
        for out in (1, -1):
            top, foot = xyz(x + out * size * 0.3, y, z * spread), xyz(x + out * splay, 0, z * spread * 1.1)
            a.add_pair("leg", "frame", bar(top, foot, size, section="square"))
    for out in (1, -1):
        rail = xyz(x + out * splay * 0.65, y * 0.35, spread * 1.06)
        a.add_pair("stretcher", "frame", bar(rail, rail * (1, 1, -1), size, section="square"))
    _feet(a, xyz(x + splay, 0, spread * 1.1), xyz(x + splay, 0, -spread * 1.1))
    a.note(base="trestles")


def columns(a: Assembly, plan: Plan, rng: Generator) -> None:
    """A column or a board at each end on a foot across, with a beam between: a monastery table."""
    x, size = plan.half_front * rng.uniform(0.5, 0.78), max(plan.member * rng.uniform(1, 1.5), 2 * thin(plan))
    deep, y = plan.depth * rng.uniform(0.33, 0.46), plan.underside
    foot = max(size * rng.uniform(0.6, 1), 1.5 * thin(plan))
    kind = pick(rng, {"board": 1.5, "turned": 1, "pair": 1.2, "cross": 1.2})
    for z, level in ((deep, foot / 2), (deep * rng.uniform(0.7, 1), y - foot * 0.3)):
        if kind != "cross" or level > foot:
            a.add_pair("base", "frame", bar(xyz(x, level, z), xyz(x, level, -z), size, foot, section="soft"))
    if kind == "board":
        board = rounded_box((size * 0.7, y, deep * rng.uniform(0.7, 1.4)), 0.01, 2, 1)
        pinch = rng.choice([0, rng.uniform(0.1, 0.4)])
        board = board.warp_batch(lambda p: p * np.stack([0 * p[:, 0] + 1, 0 * p[:, 0] + 1,
                                                         1 - pinch * np.cos(np.pi * p[:, 1] / y)], -1))  # fmt: skip
        a.add_pair("leg", "frame", board.translate((x, y / 2, 0)))
    elif kind == "cross":
        for sign in (1, -1):
            a.add_pair("leg", "frame", bar(xyz(x, y, sign * deep), xyz(x, 0, -sign * deep), size * 0.8, size,
                                           section="square"))  # fmt: skip
    else:
        rings = 1 + 0.25 * np.cos(np.linspace(0, 2 * np.pi * rng.integers(1, 4), 15)) if kind == "turned" else [1, 1]
        for z in (deep * 0.5, -deep * 0.5) if kind == "pair" else (0,):
            a.add_pair("leg", "frame", bar(xyz(x, foot * 0.4, z), xyz(x, y, z), size * np.asarray(rings),
                                           section="round" if kind == "turned" else "square"))  # fmt: skip
    beam = xyz(x, y * (0.5 if kind == "cross" else rng.uniform(0.2, 0.6)), 0)
    if kind == "pair":
        a.add_pair("stretcher", "frame", bar(beam + xyz(0, 0, deep / 2), beam - xyz(0, 0, deep / 2), size * 0.7))
    a.add("stretcher", "frame", bar(beam, beam * _FLIP, size * 0.5, size * rng.uniform(0.7, 1.4), side=(0, 0, 1),
                                    section="square"))  # fmt: skip
    _feet(a, xyz(x, 0, deep), xyz(x, 0, -deep))
    a.note(base=f"columns_{kind}")


def spider(a: Assembly, plan: Plan, rng: Generator) -> None:
    """A turned or plain column on three or four curved feet."""
    y, reach = plan.underside + plan.thickness * 0.4, min(plan.half_front, plan.depth / 2) * rng.uniform(0.6, 0.95)
    column = max(plan.member * rng.uniform(1.1, 2.2), 2.5 * thin(plan))
    low, count = y * rng.uniform(0.08, 0.22), int(rng.choice([3, 4, 4, 5]))
    t = np.linspace(0, 1, 17)
    swell = 1 + rng.uniform(0, 0.45) * np.sin(2 * np.pi * rng.uniform(0.8, 2.5) * t + rng.uniform(0, 6))
    width = column / 2 * swell * np.interp(t, [0, 0.85, 1], [1, rng.uniform(0.7, 1), rng.uniform(1, 2.5)])
    a.add("base", "frame", lathe(np.stack([width, low * 0.6 + (y - low * 0.6) * t], -1), segments=16))
    size, climb = max(1.6 * thin(plan), plan.member * rng.uniform(0.6, 1)), rng.uniform(0.15, 0.45) * y
    turn = np.pi / 2 if count == 3 else np.pi / 4 if count == 4 else np.pi / 2
    bend, sag = rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.9)
    for angle in turn + 2 * np.pi * np.arange(count) / count:
        out = xyz(np.cos(angle), 0, np.sin(angle))
        bulge = out * reach * bend + xyz(0, climb * sag + low * 0.4, 0)
        path = spline([xyz(0, climb, 0) + out * column * 0.2, bulge, out * reach + xyz(0, size * 0.4, 0)], 12)
        a.add("base", "frame", sweep(path, np.linspace(1.3, 0.8, 12) * size, section="soft", side=(0, 1, 0)))
        a.mark(f"foot_{round(np.degrees(angle)) % 360}", out * reach)
    a.note(base="spider", feet=count, base_radius=reach)


def office_feet(a: Assembly, plan: Plan, rng: Generator) -> None:
    """At each end a column on a long foot, under an arm that carries the top; a beam at the back."""
    size, x = max(1.4 * thin(plan), plan.member * 0.8), plan.half_front * rng.uniform(0.7, 0.92)
    deep, y = plan.depth * rng.uniform(0.4, 0.48), plan.underside - size * 0.5 + plan.thickness * 0.4
    z = plan.depth * rng.choice([-0.3, rng.uniform(-0.25, 0), 0])
    low = size * rng.uniform(0.4, 0.8)
    a.add_pair("base", "metal", bar(xyz(x, low, deep), xyz(x, low, -deep), size, 2 * low, section="soft"))
    lean = rng.choice([0, rng.uniform(0, 0.15)])
    wide = size * rng.choice([1, 1.4, 3])
    a.add_pair("leg", "metal", bar(xyz(x, low, z), xyz(x, y, z - lean), size, wide, section="soft"))
    a.add_pair("apron", "metal", bar(xyz(x, y, deep * 0.8), xyz(x, y, -deep * 0.9), size, section="square"))
    level = y * rng.uniform(0.3, 0.9)
    beam = xyz(x, level, z - lean * level / y)
    tall = rng.choice([size, rng.uniform(0.15, 0.35) * y])
    a.add("stretcher", "metal", bar(beam, beam * _FLIP, size * 0.9, tall, section="square", side=(0, 0, 1)))
    _feet(a, xyz(x, 0, deep), xyz(x, 0, -deep))
    a.note(base="office_feet")


def crossed(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Bars that lean from a ring or a knot in the middle: a wigwam or crossed bars under the whole top."""
    size = max(thin(plan) * 1.1, plan.member * rng.uniform(0.5, 0.9))
    y = _into(plan, size)
    if rng.random() < 0.5:
        for along in (1, -1):
            top = plan.corner(1, along, y, plan.member * 1.5)
            a.add_pair("leg", "frame", bar(top, top * (-1, 0, -1), size, section=plan.section))
        front, rear = plan.corner(1, 1, 0, plan.member * 1.5), plan.corner(1, -1, 0, plan.member * 1.5)
        _feet(a, front, rear)
    else:
        count = int(rng.integers(3, 6))
        reach = min(plan.half_front, plan.depth / 2)
        twist, waist = rng.uniform(0.5, 2.4), max(2 * size, rng.uniform(0.1, 0.3) * reach)
        for i, angle in enumerate(np.pi / 2 + 2 * np.pi * np.arange(count) / count):
            places = (reach * 0.8, angle, 0), (waist, angle + twist / 2, y * 0.5), (reach * 0.7, angle + twist, y)
            ends = [xyz(r * np.cos(t), h, r * np.sin(t)) for r, t, h in places]
            a.add("leg", "frame", sweep(spline(ends, 12), size, section="round"))
            a.mark(f"foot_{i}", ends[0])
        ring = np.arange(24) * (np.pi / 12)
        loop = np.stack([waist * np.cos(ring), 0 * ring + y * 0.5, waist * np.sin(ring)], -1)
        a.add("stretcher", "frame", sweep(loop, size * 1.2, closed=True))
    a.note(base="crossed")


def box_base(a: Assembly, plan: Plan, rng: Generator) -> None:
    """A closed block, drum or open cross of boards under the top."""
    y, inset = plan.seat_height - plan.thickness * 0.5, rng.choice([0, rng.uniform(0.05, 0.3)])
    half, deep = plan.half_front * (1 - inset), plan.depth / 2 * (1 - inset)
    if plan.roundness > 0.6:
        profile = [[1, 0], [rng.uniform(0.5, 1), y * rng.uniform(0.3, 0.6)], [rng.uniform(0.7, 1.0), y]]
        drum = lathe(spline(profile, 9), segments=28)
        a.add("base", "frame", drum.scale((half, 1, deep)))
    elif rng.random() < 0.5:
        taper = rng.choice([0, rng.uniform(-0.25, 0.25)])
        block = rounded_box((2 * half, y, 2 * deep), 0.01, 2, 1)
        block = warp(block, lambda p: p * (1 + taper * p[:, 1:2] * (1, 0, 1)))
        a.add("base", "frame", block.translate((0, y / 2, 0)))
    else:
        board = max(thin(plan) * 1.2, plan.member * 0.6)
        for size in ((2 * half * 0.9, y, board), (board, y, 2 * deep * 0.9)):
            a.add("base", "frame", rounded_box(size, 0.006, 1, 1).translate((0, y / 2, 0)))
    a.mark("foot_front", (0, 0, deep * 0.9))
    a.mark("foot_rear", (0, 0, -deep * 0.9))
    a.note(base="block")


def slab_ends(a: Assembly, plan: Plan, rng: Generator) -> None:
    """Upright boards at both ends, as wide as the top: a waterfall table; a lower shelf sometimes."""
    board = max(thin(plan), plan.thickness * rng.choice([1, rng.uniform(0.6, 1.2)]))
    x, y = plan.half_front * rng.choice([1, rng.uniform(0.7, 0.95)]) - board / 2, plan.seat_height - plan.thickness / 2
    deep = plan.depth * rng.choice([1, rng.uniform(0.75, 1)])
    a.add_pair("panel", "frame", rounded_box((board, y, deep), 0.006, 1, 1).translate((x, y / 2, 0)))
    if rng.random() < 0.5:
        level = rng.uniform(0.1, 0.5) * y
        a.add("shelf", "frame", rounded_box((2 * x, board, deep * 0.9), 0.006, 1, 1).translate((0, level, 0)))
    _feet(a, xyz(x, 0, deep / 2), xyz(x, 0, -deep / 2))
    a.note(base="panels")
