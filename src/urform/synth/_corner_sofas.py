"""Sofas with a wing: corners, chaises, sectionals."""

from dataclasses import replace

from numpy.random import Generator

from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._sofas import Body, add_seat_block, add_sofa_back, draw_body
from urform.synth._solids import xyz
from urform.synth._upholstery import back_cushions, back_wall, block, corners, seat_cushions, turned


def _wing(a: Assembly, body: Body, rng: Generator, side: int, edge: float, reach: float, backed: float) -> None:
    """A row of seats along one side, from the rear row's front (body.depth / 2) to `reach` metres further.

    Args:
        a: Receives the parts.
        body: Proportions of the rear row.
        rng: The object's generator.
        side: 1 for +x, -1 for -x.
        edge: Where the wing's outer side lies, metres from the middle plane.
        reach: Metres.
        backed: Share of the wing's length, with the corner, that has a back; 0 for a chaise.
    """
    front, rear, deep = body.depth / 2 + reach, -body.depth / 2, body.depth
    inner, under = side * (edge - deep), body.seat - body.pad
    a.add(
        "base", "soft", block((side * (edge - 0.01), body.low, rear + 0.1), (inner, under + 0.02, front - 0.01), 0.02)
    )
    wall = body.wall if backed else 0.0
    x = side * (edge - wall)
    first = body.depth / 2 - 0.004
    count = max(1, round(reach / 0.75)) if backed else 1
    seat_cushions(a, body.soft, (min(x, inner), under, first), (max(x, inner), body.seat, front), count, along=2)
    if not backed:
        return
    end = rear + (front - rear) * backed
    side_wall = back_wall(body.soft, (end - rear) / 2, body.low, body.top, body.seat, body.wall, body.soft.radius)
    a.add("back", "soft", turned(side_wall, side).translate((x, 0, (end + rear) / 2)))
    pad, tall = rng.uniform(0.1, 0.2), (body.top - body.seat) * rng.uniform(0.85, 1.1)
    at = x + side * 0.015
    if end - body.z > 0.6:
        start, stop = xyz(at, body.seat - 0.01, body.z), xyz(at, body.seat - 0.01, end)
        back_cushions(a, body.soft, start, stop, tall, pad, max(1, round((end - body.z) / 0.75)), side)


def _rear_row(a: Assembly, body: Body, rng: Generator) -> None:
    """The row along the rear, over the whole width, without arms."""
    add_seat_block(a, body, rng)
    add_sofa_back(a, body, rng, body.half, loose=0.85)


def _end_arm(a: Assembly, body: Body, side: int, edge: float, front: float, height: float, rear: float) -> None:
    """An arm at one side from `rear` to `front`, its inner side at `edge`."""
    arm = block(
        (side * (edge - 0.01), body.low, rear),
        (side * (edge + body.arm), height, front),
        min(body.soft.radius, body.arm * 0.4),
    )
    a.add("arm", "soft", arm)
    a.mark(f"arm_front_{'left' if side > 0 else 'right'}", (side * (edge + body.arm / 2), height, front))


def _corner_body(rng: Generator) -> Body:
    body = draw_body(rng, int(rng.choice([2, 3, 3])))
    depth = rng.uniform(0.75, 1.0)
    return replace(
        body,
        depth=depth,
        half=max(body.half + 0.15, depth * 0.9),
        arm=rng.uniform(0.08, 0.26),
        feet=replace(body.feet, splay=0.0),
    )


def _mark_corner(a: Assembly, body: Body, side: int, reach: float, kind: str) -> None:
    rear = -body.depth / 2 + body.wall / 2 - body.soft.slant * (body.top - body.seat)
    a.mark("back_top_open", (-side * body.half * 0.97, body.top, rear))
    a.mark("back_top_corner", (side * body.half * 0.9, body.top, rear))
    a.mark("seat_front_open", (-side * body.half * 0.98, body.seat, body.depth / 2))
    a.mark("seat_front_wing", (side * (body.half - body.depth / 2), body.seat, body.depth / 2 + reach))
    a.note(
        arms=kind,
        side=float(side),
        reach=reach,
        seat_height=body.seat,
        seat_width=2 * body.half,
        seat_depth=body.depth,
        back_height=body.top,
        seats=body.count,
    )


def _foot_places(body: Body, side: int, reach: float) -> list[tuple[float, float]]:
    edge, front = side * (body.half - 0.07), body.depth / 2 + reach - 0.07
    inner = side * (body.half - body.depth + 0.07)
    return [*corners(body.half, body.depth / 2, -body.depth / 2, 0.07), (edge, front), (inner, front)]


def corner_sofa(a: Assembly, rng: Generator) -> str:
    """Two rows of seats at a right angle, with backs along both."""
    body, side = _corner_body(rng), int(rng.choice([1, -1]))
    return _corner(a, body, rng, side, rng.uniform(0.6, 1.6))


def long_corner(a: Assembly, rng: Generator) -> str:
    """A corner sofa that fills a room: both rows are long, the backs of some are slim."""
    body, side = _corner_body(rng), int(rng.choice([1, -1]))
    half = max(rng.uniform(0.9, 1.7), body.depth)
    wall = body.wall * rng.uniform(0.5, 1)
    return _corner(a, replace(body, half=half, wall=wall), rng, side, rng.uniform(0.9, 2.4))


def _corner(a: Assembly, body: Body, rng: Generator, side: int, reach: float) -> str:
    """A rear row and a wing at one side; arms, if any, at their ends."""
    _rear_row(a, body, rng)
    backed = 1.0 if rng.random() < 0.7 else rng.uniform(0.55, 0.85)
    _wing(a, body, rng, side, body.half, reach, backed)
    front = body.depth / 2 + reach
    kind = pick(rng, {"both": 2, "one": 1, "none": 1})
    if kind != "none":
        _end_arm(a, body, -side, body.half, body.depth / 2, body.arm_top, -body.depth / 2)
    if kind == "both" and backed == 1.0:
        end = block(
            (side * body.half, body.low, front - 0.01),
            (side * (body.half - body.depth), body.arm_top, front + body.arm),
            min(body.soft.radius, 0.03),
        )
        a.add("arm", "soft", end)
    body.feet.add(a, _foot_places(body, side, reach))
    _mark_corner(a, body, side, reach, kind)
    return "wood"


def chaise_sofa(a: Assembly, rng: Generator) -> str:
    """A sofa one end of which goes on as a footrest."""
    body, side = _corner_body(rng), int(rng.choice([1, -1]))
    reach = rng.uniform(0.4, 0.95)
    narrow = replace(body, depth=body.depth)
    _rear_row(a, narrow, rng)
    wide = rng.uniform(0.6, 1.0)
    under, front, inner = body.seat - body.pad, body.depth / 2 + reach, side * (body.half - wide)
    a.add("base", "soft", block((side * (body.half - 0.005), body.low, 0), (inner, under + 0.02, front - 0.01), 0.02))
    low, high = min(inner, side * body.half), max(inner, side * body.half)
    seat_cushions(a, body.soft, (low, under, body.depth / 2 - 0.1), (high, body.seat, front))
    kind = pick(rng, {"both": 3, "open": 1, "none": 1.5})
    low_arm = body.arm_top if rng.random() < 0.8 else body.seat + 0.03
    if kind != "none":
        _end_arm(a, body, -side, body.half, body.depth / 2, low_arm, -body.depth / 2)
    if kind == "both":
        end = rng.choice([body.depth / 2, front, body.depth / 2])
        _end_arm(a, body, side, body.half, end, low_arm, -body.depth / 2)
    places = [
        *corners(body.half, body.depth / 2, -body.depth / 2, 0.07),
        (side * (body.half - 0.07), front - 0.07),
        (inner + side * 0.07, front - 0.07),
    ]
    body.feet.add(a, places)
    _mark_corner(a, body, side, reach, kind)
    a.mark("seat_front_wing", (side * (body.half - wide / 2), body.seat, front))
    return rng.choice(["wood", "metal"])


def sectional(a: Assembly, rng: Generator) -> str:
    """Rows on three sides, or a sofa or corner with an ottoman that stands against its seat."""
    body = _corner_body(rng)
    kind = pick(rng, {"u": 1, "ottoman": 1.5, "corner_ottoman": 0.7})
    side, reach = int(rng.choice([1, -1])), rng.uniform(0.5, 1.1)
    if kind == "u":
        body = replace(body, half=max(body.half, body.depth * 1.4))
    _rear_row(a, body, rng)
    body.feet.add(a, corners(body.half, body.depth / 2, -body.depth / 2, 0.07))
    front = body.depth / 2 + reach
    if kind != "ottoman":
        _wing(a, body, rng, side, body.half, reach, rng.choice([0.0, 1.0]))
        body.feet.add(a, _foot_places(body, side, reach)[-2:])
    if kind == "u":
        other = reach * rng.choice([1, rng.uniform(0.6, 1.2)])
        _wing(a, body, rng, -side, body.half, other, rng.choice([0.0, 1.0]))
        body.feet.add(a, _foot_places(body, -side, other)[-2:])
    else:
        if kind == "ottoman":
            for end in (1, -1):
                _end_arm(a, body, end, body.half, body.depth / 2, body.arm_top, -body.depth / 2)
        half, deep = body.half * rng.uniform(0.25, 0.5), rng.uniform(0.45, 0.75)
        middle = (
            -side * (body.half - half) * rng.choice([1, rng.uniform(0, 1)])
            if kind == "ottoman"
            else -side * (body.half - half)
        )
        top, z = body.seat - rng.choice([0, rng.uniform(0, 0.08)]), body.depth / 2 - 0.005
        a.add(
            "ottoman",
            "soft",
            block((middle - half, body.low, z), (middle + half, top - body.pad * 0.5, z + deep), 0.02),
        )
        a.add(
            "ottoman",
            "cushion",
            block((middle - half, top - body.pad, z), (middle + half, top, z + deep), body.soft.radius),
        )
        body.feet.add(a, [(middle + sign * (half - 0.07), z + deep - 0.07) for sign in (1, -1)])
        a.mark("ottoman_front", (middle, top, z + deep))
        front = z + deep
    rear = -body.depth / 2 + body.wall / 2 - body.soft.slant * (body.top - body.seat)
    a.mark_pair("back_top", [body.half * 0.9, body.top, rear])
    a.note(arms=kind, reach=front, seat_height=body.seat, seat_width=2 * body.half, seat_depth=body.depth)
    return "wood"
