"""Families of lamps that hang, and those on walls and ceilings; the canopy or plate belongs to the lamp."""

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._lamp_parts import add_canopy, add_head, add_shade, hollow, least, shade_profile
from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import bar, lathe, rounded_box, spline, sweep, xyz


def _cage(a: Assembly, centre: NDArray, radius: float, thin: float, kind: str) -> None:
    """Bars along the edges of a cube or an icosahedron around a bulb."""
    if kind == "cube":
        corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float) / np.sqrt(3)
        length = 1.2
    else:
        golden = (1 + 5**0.5) / 2
        flat = [(0.0, s, t * golden) for s in (-1, 1) for t in (-1, 1)]
        corner = np.array([np.roll(point, i) for point in flat for i in range(3)]) / np.hypot(1, golden)
        length = 1.1
    points = corner * radius + centre
    for i, one in enumerate(points):
        a.add("shade", "frame", Manifold.sphere(thin * 0.6, 8).translate(one.tolist()))
        for j in range(i):
            if np.linalg.norm(corner[i] - corner[j]) < length:
                a.add("shade", "frame", bar(one, points[j], thin, section="square"))
    top = centre + xyz(0, corner[:, 1].max() * radius, 0)
    if kind == "cube":
        across = xyz(radius, 0, radius) / np.sqrt(3)
        a.add("shade", "frame", bar(top - across, top + across, thin, section="square"))
    a.add("stem", "metal", bar(top, centre, thin))
    a.add("bulb", "bulb", Manifold.sphere(radius * 0.25, 14).translate((centre - xyz(0, radius * 0.1, 0)).tolist()))


def pendant(a: Assembly, rng: Generator) -> str:
    """One shade, globe, lantern box or cage on a cord or a rod below a canopy."""
    radius, drop = rng.uniform(0.12, 0.3), rng.uniform(0.15, 0.9)
    tall = radius * rng.uniform(0.6, 1.9)
    thin = least(tall + drop, 2 * radius, 2 * radius)
    kind = pick(rng, {"shade": 5, "stack": 1, "cube": 0.8, "ball": 0.7, "box": 0.8})
    if kind in ("cube", "ball"):
        _cage(a, xyz(0, radius, 0), radius, thin, kind)
        tall = radius * (1.577 if kind == "cube" else 1.851)
    elif kind == "stack":
        share = np.linspace(0, 1, 25)
        rings = 0.55 + 0.45 * np.abs(np.sin(np.pi * share * rng.integers(2, 5) + 0.3))
        shape = radius * rings * np.sin(0.4 + 2.3 * share)
        a.add("shade", "shade", lathe(np.stack([np.maximum(shape, thin), tall * share], -1), segments=28))
    elif kind == "box":
        _lantern_box(a, rng, 0.0, radius * 0.8, tall, thin, 4)
    else:
        kinds = {"dome": 3, "cone": 2, "bell": 1.5, "drum": 2, "globe": 1.5, "square": 0.8, "facets": 0.8}
        add_shade(a, rng, xyz(0, 0, 0), radius, tall, thin * rng.uniform(1, 1.3), pick(rng, kinds))
    top = tall + drop
    cap = max(thin, radius * 0.12)
    a.add("joint", "metal", lathe([[cap * 1.6, tall - thin], [cap, tall + cap * 1.5]], segments=16))
    a.add("cord", "metal", bar(xyz(0, tall * (0.45 if kind == "shade" else 0.95), 0), xyz(0, top, 0), thin))
    add_canopy(a, rng, top, rng.uniform(0.04, 0.09) + thin, thin)
    a.note(kind=kind, drop=drop, height=top)
    return "metal"


def cluster(a: Assembly, rng: Generator) -> str:
    """Several pendants below a bar or a plate, or reflectors on a rail."""
    count, reach = int(rng.integers(2, 6)), rng.uniform(0.25, 0.6)
    radius, drop = rng.uniform(0.06, 0.13), rng.uniform(0.3, 0.9)
    row = rng.random() < 0.55
    radius = min(radius, 0.85 * reach / count if row else reach * 0.42)
    top = drop + 2 * radius
    thin = least(top, 2 * reach, 2 * radius)
    rail = rng.random() < 0.35 and row
    top = 0.3 if rail else top
    if row:
        a.add("canopy", "metal", bar(xyz(-reach, top, 0), xyz(reach, top, 0), thin * 1.8, thin * 1.3, section="soft"))
        spots = [xyz(x, 0, 0) for x in np.linspace(-1, 1, count) * (reach - radius)]
    else:
        a.add("canopy", "metal", lathe([[reach * 0.8, top - thin], [reach * 0.8, top + thin]], segments=28))
        spots = [0.52 * reach * xyz(np.cos(t), 0, np.sin(t)) for t in 2 * np.pi * np.arange(count) / count]
    kind = pick(rng, {"dome": 2, "cone": 2, "drum": 1.5, "globe": 1.5, "bell": 1})
    tall = radius * rng.uniform(1, 2)
    for i, spot in enumerate(spots):
        if rail:
            neck = spot + xyz(0, top - thin - radius * 0.6, 0)
            a.add("stem", "metal", bar(spot + xyz(0, top, 0), neck, thin * 1.2))
            aim = xyz(rng.uniform(-0.5, 0.5), -1, rng.uniform(0.2, 1.2))
            add_head(a, rng, neck, aim, radius, radius * 1.6, thin, "can" if i % 2 else "cone")
            continue
        low = rng.uniform(0, 0.4) * drop
        add_shade(a, rng, spot + xyz(0, low, 0), radius, tall, thin, kind)
        a.add("cord", "metal", bar(spot + xyz(0, low + tall * 0.45, 0), spot + xyz(0, top, 0), thin))
    if rail:
        a.add("cord", "metal", bar(xyz(0, top, 0), xyz(0, top + 0.15 + drop * 0.3, 0), thin * 1.2))
        add_canopy(a, rng, top + 0.15 + drop * 0.3, 0.06, thin)
    a.mark_pair("canopy_end", [reach if row else reach * 0.8, top, 0])
    a.note(count=count, reach=reach, drop=drop)
    return "metal"


def chandelier(a: Assembly, rng: Generator) -> str:
    """Arms with candles, cups or small shades around a body or a ring, on a chain or a rod."""
    count, reach = int(rng.integers(3, 10)), rng.uniform(0.25, 0.5)
    body, drop = rng.uniform(0.2, 0.45), rng.uniform(0.1, 0.5)
    thin = least(body + drop + 0.2, 2 * reach, 2 * reach)
    ring = rng.random() < 0.3
    level, size = body * rng.uniform(0.2, 0.5), thin * rng.uniform(1, 1.4)
    if ring:
        angle = np.arange(32) * (np.pi / 16)
        loop = np.stack([reach * np.cos(angle), 0 * angle + level, reach * np.sin(angle)], -1)
        a.add(
            "arm",
            "frame",
            sweep(loop, size * rng.uniform(1, 2), size * rng.uniform(1, 2.5), closed=True, section="soft"),
        )
    else:
        t = np.linspace(0, 1, 19)
        wave = 1 + 0.7 * np.sin(2 * np.pi * rng.uniform(1, 3) * t + rng.uniform(0, 6))
        a.add("body", "frame", lathe(np.stack([size * 0.6 + reach * 0.09 * wave, body * t], -1), segments=18))
    cup = pick(rng, {"candle": 2, "cup": 1.5, "shade": 1.5, "down": 1, "ball": 0.8})
    sag, lift = body * rng.uniform(-0.1, 0.45), rng.uniform(0.0, 0.35) * body
    small = min(reach * np.sin(np.pi / count) * 0.75, reach * rng.uniform(0.16, 0.3))
    for angle in np.pi / 2 + 2 * np.pi * np.arange(count) / count:
        out = xyz(np.cos(angle), 0, np.sin(angle))
        if ring:
            tip = out * reach + xyz(0, level, 0)
            a.add("arm", "metal", bar(tip, xyz(0, body + drop * 0.4, 0), thin))
        else:
            tip = out * reach + xyz(0, level + lift, 0)
            path = spline([xyz(0, level, 0), out * reach * 0.55 + xyz(0, level - sag, 0), tip - out * 0.001], 14)
            a.add("arm", "frame", sweep(path, size, side=np.cross(out, xyz(0, 1, 0))))
        _candle(a, rng, cup, tip, max(small, 1.6 * thin), thin)
    a.add(
        "cord",
        "metal",
        bar(xyz(0, body * 0.5 if not ring else body + drop * 0.35, 0), xyz(0, body + drop, 0), thin * 1.1),
    )
    add_canopy(a, rng, body + drop, rng.uniform(0.05, 0.09), thin)
    a.mark("tip_front", xyz(0, level if ring else level + lift, reach))
    a.note(arms=float(count), cup=cup, ring=float(ring), reach=reach, height=body + drop)
    return rng.choice(["metal", "metal", "wood"])


def _candle(a: Assembly, rng: Generator, kind: str, tip: NDArray, size: float, thin: float) -> None:
    """What the end of a chandelier's arm carries; `size` is its radius in metres."""
    if kind == "candle":
        a.add(
            "bulb", "bulb", bar(tip - xyz(0, thin * 0.4, 0), tip + xyz(0, size * 1.8, 0), max(1.4 * thin, size * 0.4))
        )
        a.add("shade", "metal", lathe([[size * 0.35, 0], [size * 0.6, thin]], segments=14).translate(tip.tolist()))
        flame = Manifold.sphere(max(thin, size * 0.3), 10).scale((1, 1.8, 1))
        a.add("bulb", "bulb", flame.translate((tip + xyz(0, size * 2.0, 0)).tolist()))
    elif kind == "ball":
        a.add("shade", "shade", Manifold.sphere(size * 0.85, 18).translate((tip + xyz(0, size * 0.6, 0)).tolist()))
    else:
        share = np.linspace(0, 1, 6)
        cup = np.stack([size * (0.45 + 0.5 * share), size * 1.5 * share - thin], -1)
        if kind == "shade":
            cup = np.stack([size * (0.95 - 0.45 * share), size * (0.5 + 1.3 * share)], -1)
            a.add("bulb", "bulb", bar(tip - xyz(0, thin * 0.4, 0), tip + xyz(0, size * 1.2, 0), 1.4 * thin))
        solid = lathe(cup, segments=18)
        solid = solid.mirror((0, 1, 0)) if kind == "down" else solid
        a.add("shade", "shade", solid.translate(tip.tolist()))


def ceiling_lamp(a: Assembly, rng: Generator) -> str:
    """A plate with a bowl or a drum close to the ceiling."""
    radius, tall = rng.uniform(0.14, 0.3), rng.uniform(0.05, 0.22)
    thin = least(tall, 2 * radius, 2 * radius)
    kind, sides = pick(rng, {"bowl": 3, "drum": 2, "cone": 1, "rings": 0.7}), int(rng.choice([4, 28, 28, 28]))
    share = np.linspace(0, 1, 9)
    radii = {"bowl": np.sin(0.12 + 1.45 * share), "drum": 0.96 + 0.04 * share, "cone": 0.35 + 0.65 * share,
             "rings": np.where(share < 0.5, 0.7, 1.0)}[kind]  # fmt: skip
    glass = lathe(np.stack([radius * radii, tall * share], -1), segments=sides).rotate((0, 180 / sides, 0))
    a.add("shade", "shade", glass)
    wide, plate = radius * rng.uniform(0.6, 1.15), thin * rng.uniform(1, 2.5)
    rim = lathe([[wide, tall - 0.002], [wide, tall + plate]], segments=sides).rotate((0, 180 / sides, 0))
    a.add("canopy", "frame", rim)
    if rng.random() < 0.3:
        a.add("shade", "metal", Manifold.sphere(thin * 1.3, 12))
    if rng.random() < 0.15:
        drop = rng.uniform(0.1, 0.4)
        a.add("stem", "metal", bar(xyz(0, tall, 0), xyz(0, tall + drop, 0), thin * 1.3))
        add_canopy(a, rng, tall + drop, radius * 0.3, thin)
    a.mark("low", (0, 0, 0))
    a.mark_pair("rim", [radius * np.cos(np.pi / sides) * 0.98, tall, 0])
    a.note(shade=kind, shade_radius=radius, shade_height=tall)
    return rng.choice(["metal", "wood", "plastic"])


def _lantern_box(a: Assembly, rng: Generator, low: float, half: float, tall: float, thin: float, sides: int) -> None:
    """Posts between a floor and a roof around a glass body; the roof's tip is at low + tall."""
    flare = rng.uniform(0.75, 1.1)
    eaves, turn = low + tall * rng.uniform(0.62, 0.8), 180 / sides
    glass = lathe([[half * flare * 0.9, low + thin * 0.5], [half * 0.9, eaves + thin * 0.5]], segments=sides)
    a.add("shade", "shade", glass.rotate((0, turn, 0)))
    a.add("base", "frame", lathe([[half * flare * 1.1, low], [half * flare * 1.1, low + thin * 1.2]], segments=sides)
          .rotate((0, turn, 0)))  # fmt: skip
    roof = [[half * rng.uniform(1.1, 1.4), eaves], [half * 1.1, eaves + thin], [half * 0.2, low + tall * 0.95],
            [half * 0.12, low + tall]]  # fmt: skip
    a.add("roof", "frame", lathe(roof, segments=sides).rotate((0, turn, 0)))
    if sides < 9:
        for angle in np.radians(turn) + 2 * np.pi * np.arange(sides) / sides:
            out = xyz(np.cos(angle), 0, -np.sin(angle))
            a.add(
                "post",
                "frame",
                bar(out * half * flare + xyz(0, low, 0), out * half + xyz(0, eaves + thin * 0.5, 0), thin * 1.2),
            )


def lantern(a: Assembly, rng: Generator) -> str:
    """A lantern to hang, to stand or to carry, or a ribbed paper body."""
    half, tall = rng.uniform(0.07, 0.18), rng.uniform(0.22, 0.5)
    loop = half * rng.uniform(0.4, 1.1)
    thin = least(tall + loop, 2 * half, 2 * half)
    if rng.random() < 0.35:
        share = np.linspace(0, 1, 33)
        ribs = 1 + 0.03 * np.cos(2 * np.pi * rng.integers(5, 12) * share) * rng.choice([0, 1])
        shape = half * ribs * (rng.uniform(0.6, 1) + rng.uniform(0, 0.4) * np.sin(np.pi * share))
        a.add("shade", "shade", lathe(np.stack([shape, tall * share], -1), segments=28))
        for y in (0, tall):
            a.add("base", "frame", lathe([[shape[0] * 0.9, y - thin], [shape[0] * 0.9, y + thin]], segments=28))
    else:
        _lantern_box(a, rng, 0.0, half, tall, thin, int(rng.choice([4, 4, 6, 24])))
    kind = pick(rng, {"handle": 2, "chain": 2, "none": 1})
    if kind == "handle":
        angle = np.linspace(0, np.pi, 15)
        path = np.stack([half * 0.5 * np.cos(angle), tall * 0.93 + loop * np.sin(angle), 0 * angle], -1)
        path = np.concatenate([path[:1] - xyz(0, tall * 0.2, 0), path, path[-1:] - xyz(0, tall * 0.2, 0)])
        a.add("handle", "metal", sweep(path, thin, side=(0, 0, 1)))
    elif kind == "chain":
        drop = rng.uniform(0.1, 0.5)
        a.add(
            "cord",
            "metal",
            bar(xyz(0, tall * 0.9, 0), xyz(0, tall + drop, 0), max(thin, least(tall + drop, half, half))),
        )
        add_canopy(a, rng, tall + drop, half * rng.uniform(0.25, 0.5), thin)
    a.mark("low", (0, 0, 0))
    a.mark("top", (0, tall, 0))
    a.note(hold=kind, height=tall, half=half)
    return rng.choice(["metal", "metal", "wood"])


def sconce(a: Assembly, rng: Generator) -> str:
    """A plate on the wall with a shade on an arm, or a half shade against the wall; the room is at +z."""
    radius, tall = rng.uniform(0.08, 0.17), rng.uniform(0.12, 0.35)
    kind = pick(rng, {"half": 1.5, "up": 1.5, "down": 1.5, "head": 1, "torch": 1})
    reach = radius * rng.uniform(1.1, 1.8)
    thin = least(tall * 1.6, 2 * radius, 2 * radius)
    if kind == "half":
        top = rng.uniform(0.15, 1.1)
        profile = shade_profile(rng, rng.choice(["cone", "drum", "globe"]), radius, radius * top, tall)
        solid = lathe(profile, segments=32)
        solid = solid.trim_by_plane((0, 0, 1), 0.0)
        a.add("shade", "shade", solid)
        plate = rounded_box((radius * rng.uniform(0.8, 1.8), tall * rng.uniform(0.5, 1.1), 2 * thin), thin * 0.4, 2, 1)
        a.add("plate", "frame", plate.translate((0, tall / 2, -thin * 0.8)))
        a.mark("shade_front", (0, tall / 2, np.interp(0.5, [0, 1], [radius, radius * top]) if top else radius))
        a.mark("plate", (0, tall / 2, -thin))
        a.note(kind=kind, shade_radius=radius, shade_height=tall)
        return "metal"
    level = {"up": -tall * 0.25, "down": tall * 1.25}.get(kind, 0.0)
    plate = rng.uniform(0.04, 0.08) + thin
    disc = (
        lathe([[plate, 0], [plate, 2 * thin]], segments=int(rng.choice([4, 24]))).rotate((0, 45, 0)).rotate((90, 0, 0))
    )
    a.add("plate", "frame", disc.translate((0, level, -reach + thin)))
    knee = xyz(0, level - rng.uniform(0.0, 0.06), -reach * 0.3)
    arm = spline([xyz(0, level, -reach), knee, xyz(0, {"up": 0.02, "down": tall - 0.02}.get(kind, level), 0)], 14)
    a.add("arm", "frame", sweep(arm, thin * rng.uniform(1.1, 1.8)))
    if kind == "head":
        add_head(a, rng, arm[-1], xyz(0, -1, rng.uniform(0, 1)), radius, tall * 0.7, thin)
    elif kind == "torch":
        share = np.linspace(0, 1, 9)
        cup = np.stack([radius * (0.25 + 0.75 * share), level - 0.3 * tall + tall * share], -1)
        a.add("shade", "shade", hollow(cup, thin, rng.choice(["above", "closed"])))
        a.mark_pair("shade_rim", [radius, level + 0.7 * tall, 0])
    else:
        add_shade(a, rng, xyz(0, 0, 0), radius, tall, thin)
        a.add("stem", "metal", bar(arm[-1], xyz(0, tall * 0.5, 0), thin * 1.2))
    a.mark("plate", (0, level, -reach))
    a.note(kind=kind, reach=reach)
    return "metal"
