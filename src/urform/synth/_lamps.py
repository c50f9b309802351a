"""Families of lamps that stand."""

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from urform.synth._lamp_parts import (
    add_foot,
    add_head,
    add_shade,
    body_profile,
    hollow,
    least,
    rod_path,
    shade_profile,
)
from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import bar, lathe, rounded_box, spline, sweep, xyz


def floor_lamp(a: Assembly, rng: Generator) -> str:
    """A plate, a tall stem and a shade; sometimes a small table at half height."""
    height, radius = rng.uniform(1.2, 1.75), rng.uniform(0.1, 0.26)
    thin = least(height, 2 * radius, 2 * radius)
    tall = rng.uniform(0.16, 0.42)
    low, stem = add_foot(a, rng, rng.uniform(0.1, 0.19), thin), thin * rng.uniform(1, 2)
    top = height - tall
    rings = np.ones(25)
    if rng.random() < 0.35:
        rings += rng.uniform(0.2, 0.9) * np.abs(np.sin(np.linspace(0, np.pi * rng.integers(2, 6), 25)))
    a.add("stem", "frame", bar(xyz(0, low * 0.8, 0), xyz(0, top + tall * 0.1, 0), stem * rings))
    add_shade(a, rng, xyz(0, top, 0), radius, tall, thin * rng.uniform(1, 1.4))
    if rng.random() < 0.12:
        board, level = rng.uniform(0.13, 0.2), height * rng.uniform(0.3, 0.45)
        plate = lathe([[board, level], [board, level + thin]], segments=int(rng.choice([4, 28])))
        a.add("shelf", "frame", plate.rotate((0, 45, 0)))
    return rng.choice(["metal", "wood"])


def table_lamp(a: Assembly, rng: Generator) -> str:
    """A vase, ball, column or stack under a shade."""
    height = rng.uniform(0.3, 0.75)
    radius, tall = height * rng.uniform(0.2, 0.42), height * rng.uniform(0.28, 0.55)
    thin, top = least(height, 2 * radius, 2 * radius), height - tall
    kind = pick(rng, {"vase": 3, "ball": 1.5, "gourd": 1, "cylinder": 1.5, "stack": 1, "bottle": 1, "turned": 2,
                      "rod": 2.5, "block": 1})  # fmt: skip
    wide = min(radius * rng.uniform(0.35, 0.85), height * 0.24)
    low = 0.0
    if kind in ("rod", "turned") or rng.random() < 0.35:
        low = add_foot(a, rng, max(wide, radius * 0.5), thin)
    shoulder = top - rng.uniform(0.02, 0.14) * height
    if kind == "rod":
        wide = thin * rng.uniform(0.7, 1.5)
        a.add("stem", "frame", bar(xyz(0, low * 0.8, 0), xyz(0, shoulder + 0.01, 0), 2 * wide))
    elif kind == "block":
        body = rounded_box((wide * 1.6, shoulder - low * 0.8, wide * rng.uniform(0.8, 1.6)), 0.008, 2, 1)
        a.add("body", "frame", body.translate((0, (shoulder + low * 0.8) / 2, 0)))
    else:
        wide *= 0.7 if kind == "turned" else 1
        a.add("body", "frame", lathe(body_profile(rng, kind, low * 0.8, shoulder, wide, 0.8 * thin), segments=24))
    a.add("stem", "metal", bar(xyz(0, shoulder - 0.02, 0), xyz(0, top + tall * 0.15, 0), thin * rng.uniform(1, 2)))
    add_shade(a, rng, xyz(0, top, 0), radius, tall, thin * rng.uniform(1, 1.3))
    a.mark("foot_centre", (0, 0, 0))
    a.note(body=kind, body_radius=wide)
    return rng.choice(["wood", "metal", "plastic"])


def tripod_lamp(a: Assembly, rng: Generator) -> str:
    """Three legs that meet under a shade, on the floor or on a table."""
    height = rng.uniform(1.1, 1.6) if rng.random() < 0.75 else rng.uniform(0.35, 0.65)
    radius, tall = height * rng.uniform(0.12, 0.2), height * rng.uniform(0.16, 0.3)
    reach = height * rng.uniform(0.14, 0.3)
    thin, top = least(height, 2 * reach, 2 * reach), height - tall
    hub, size = top - height * rng.uniform(0.0, 0.12), thin * rng.uniform(1.1, 2.2)
    spread = size * rng.uniform(0.5, 1.4)
    turn = np.pi / 2 + rng.choice([0, np.pi])
    section = rng.choice(["round", "square", "soft"])
    for i, angle in enumerate(turn + 2 * np.pi * np.arange(3) / 3):
        out = xyz(np.cos(angle), 0, np.sin(angle))
        start = out * spread + xyz(0, hub, 0)
        a.add("leg", "frame", bar(start, out * reach, [size, size * 0.75], section=section))
        a.mark(f"foot_{i}", out * reach)
    a.add(
        "hub", "metal", lathe([[spread + size * 0.4, hub - size], [spread + size * 0.4, hub + size * 0.6]], segments=20)
    )
    if rng.random() < 0.3:
        share = rng.uniform(0.3, 0.6)
        loop = np.arange(24) * (np.pi / 12)
        wide = spread + (reach - spread) * share
        ring = np.stack([wide * np.cos(loop), 0 * loop + hub * (1 - share), wide * np.sin(loop)], -1)
        a.add("stretcher", "metal", sweep(ring, thin, closed=True))
    a.add("stem", "metal", bar(xyz(0, hub - size, 0), xyz(0, top + tall * 0.2, 0), thin * 1.4))
    add_shade(a, rng, xyz(0, top, 0), radius, tall, thin * rng.uniform(1, 1.3),
              pick(rng, {"drum": 3, "cone": 2, "globe": 0.6, "dome": 0.7}))  # fmt: skip
    a.note(base="tripod", reach=reach)
    return "wood"


def torchiere(a: Assembly, rng: Generator) -> str:
    """A tall stem under a bowl that opens upwards, or a closed column that glows."""
    height, radius = rng.uniform(1.3, 1.9), rng.uniform(0.1, 0.24)
    thin = least(height, 2 * radius, 2 * radius)
    low = add_foot(a, rng, rng.uniform(0.11, 0.19), thin)
    if rng.random() < 0.25:
        sides, wide = int(rng.choice([4, 4, 24])), rng.uniform(0.07, 0.15)
        tower = lathe([[wide, low * 0.5], [wide * rng.uniform(0.7, 1.2), height]], segments=sides).rotate(
            (0, 180 / sides, 0)
        )
        a.add("shade", "shade", tower)
        a.mark("shade_top", (0, height, 0))
        a.note(shade="tower")
        return "metal"
    tall = rng.uniform(0.08, 0.28)
    a.add("stem", "frame", bar(xyz(0, low * 0.8, 0), xyz(0, height - tall * 0.8, 0), thin * rng.uniform(1, 2.2)))
    share = np.linspace(0, 1, 9)
    kind = pick(rng, {"bowl": 2, "cone": 2, "tulip": 1})
    radii = {"bowl": np.sin(0.15 + share * 1.42), "cone": 0.12 + 0.88 * share, "tulip": 0.3 + 0.7 * share**2}[kind]
    opened = rng.choice(["above", "above", "closed"])
    bowl = hollow(np.stack([radius * radii, height - tall + tall * share], -1), thin, opened)
    a.add("shade", "shade", bowl)
    a.mark_pair("shade_rim", [radius * 0.97, height, 0])
    a.note(shade=kind, opened=opened, shade_radius=radius, shade_height=tall)
    return "metal"


def arc_lamp(a: Assembly, rng: Generator) -> str:
    """A heavy foot from which a long arc carries a shade."""
    height, reach = rng.uniform(1.5, 2.1), rng.uniform(0.6, 1.3)
    radius = rng.uniform(0.14, 0.24)
    thin = least(height, reach + radius, 2 * radius)
    low = add_foot(a, rng, rng.uniform(0.13, 0.22), thin, pick(rng, {"disc": 2, "square": 1.5, "dome": 0.6}))
    drop = height * rng.uniform(0.1, 0.3)
    side = rng.choice([-1, 1])
    path = spline([xyz(0, low * 0.7, 0), xyz(0, height * 0.62, 0), xyz(side * reach * 0.35, height * 0.97, 0),
                   xyz(side * reach * 0.8, height * 0.96, 0), xyz(side * reach, height - drop, 0)], 30)  # fmt: skip
    a.add("stem", "frame", sweep(path, thin * rng.uniform(1, 1.5), side=(0, 0, 1)))
    kind = pick(rng, {"dome": 3, "drum": 1, "cone": 1, "globe": 0.7})
    tall = radius * rng.uniform(0.7, 1.3)
    low_rim = path[-1] - xyz(0, tall * 0.95, 0)
    add_shade(a, rng, low_rim, radius, tall, thin * 1.05, kind)
    a.add("stem", "metal", bar(path[-1], low_rim + xyz(0, tall * 0.4, 0), thin * 1.2))
    a.mark("arc_top", path[18])
    a.note(reach=float(side * reach), height=height)
    return "metal"


def desk_lamp(a: Assembly, rng: Generator) -> str:
    """A foot, two straight arms with joints, and a reflector; its light falls to the front."""
    height = rng.uniform(0.35, 0.75)
    first, second = height * rng.uniform(0.55, 0.9), height * rng.uniform(0.4, 0.8)
    lean, rise = np.radians(rng.uniform(-5, 45)), np.radians(rng.uniform(-25, 55))
    thin = least(height * 1.3, height * 1.4, 0.2)
    low = add_foot(a, rng, height * rng.uniform(0.14, 0.24), thin, pick(rng, {"disc": 3, "dome": 1, "square": 1}))
    ankle = xyz(0, low + thin, 0)
    elbow = ankle + first * xyz(0, np.cos(lean), -np.sin(lean))
    wrist = elbow + second * xyz(0, np.sin(rise), np.cos(rise))
    size, joint = thin * rng.uniform(1, 1.3), thin * rng.uniform(1.3, 2)
    a.add("stem", "metal", bar(xyz(0, low * 0.6, 0), ankle, joint * 1.4))
    twin = rng.random() < 0.35
    for start, end in ((ankle, elbow), (elbow, wrist)):
        for x in (1.3 * size, -1.3 * size) if twin else (0,):
            a.add(
                "arm",
                "frame",
                bar(start + xyz(x, 0, 0), end + xyz(x, 0, 0), size, section=rng.choice(["round", "square"])),
            )
    wide = xyz(1.3 * size + joint * 0.6 if twin else joint, 0, 0)
    for point in (ankle, elbow, wrist):
        a.add("joint", "metal", bar(point - wide, point + wide, 1.6 * joint))
    radius, droop = height * rng.uniform(0.12, 0.22), np.radians(rng.uniform(20, 80))
    add_head(a, rng, wrist, xyz(0, -np.sin(droop), np.cos(droop)), radius, radius * rng.uniform(0.9, 1.8), thin)
    a.mark("elbow", elbow)
    a.note(arms="jointed", lean_deg=np.degrees(lean), rise_deg=np.degrees(rise), height=height)
    return rng.choice(["metal", "plastic"])


def gooseneck(a: Assembly, rng: Generator) -> str:
    """A foot, one bent neck and a reflector, on a desk or on the floor."""
    height = rng.uniform(0.3, 0.6) if rng.random() < 0.7 else rng.uniform(1.1, 1.6)
    reach, tip = height * rng.uniform(0.15, 0.5), height * rng.uniform(0.6, 0.9)
    thin = least(height, reach * 1.5, height * 0.25)
    low = add_foot(a, rng, height * rng.uniform(0.1, 0.24), thin, pick(rng, {"disc": 3, "dome": 2, "steps": 0.6}))
    back = -reach * rng.uniform(0, 0.3)
    points = [xyz(0, low * 0.7, 0), xyz(0, height * 0.55, back), xyz(0, height, reach * 0.4), xyz(0, tip, reach)]
    path = spline(points, 28)
    a.add("stem", "frame", sweep(path, thin * rng.uniform(1, 1.6)))
    direction = path[-1] - path[-3] + xyz(0, -0.01, rng.uniform(0, 0.02))
    radius = height * rng.uniform(0.1, 0.22) * (1 if height < 1 else 0.6)
    add_head(a, rng, path[-1], direction, radius, radius * rng.uniform(0.9, 1.8), thin)
    a.note(arms="gooseneck", reach=reach, height=height)
    return rng.choice(["metal", "plastic"])


def banker_lamp(a: Assembly, rng: Generator) -> str:
    """A column under a long half-round shade."""
    height, half = rng.uniform(0.3, 0.45), rng.uniform(0.11, 0.2)
    thin = least(height, 2 * half, 0.18)
    low = add_foot(
        a, rng, half * rng.uniform(0.5, 0.8), thin, pick(rng, {"disc": 1, "steps": 2, "dome": 1, "square": 1})
    )
    radius, flat = rng.uniform(0.06, 0.11), rng.uniform(0.7, 1.1)
    top = height - radius * flat
    t = np.linspace(0, 1, 15)
    width = thin * (1.2 + 0.8 * np.abs(np.cos(np.pi * t * rng.integers(1, 4))))
    a.add("stem", "frame", bar(xyz(0, low * 0.7, 0), xyz(0, height, 0), width))
    profile = np.array([[radius, -half], [radius, half]])
    tube = lathe(spline(np.insert(profile, 1, [[radius * 1.06, 0]], axis=0), 7), segments=32)
    shell = tube - tube.scale(((radius - thin) / radius, 1 - thin / half, (radius - thin) / radius))
    shell = shell.rotate((0, 0, 90)) - rounded_box((4 * half, 4 * radius, 4 * radius), 0.001, 1, 1).translate(
        (0, -2 * radius, 0))  # fmt: skip
    shell = shell.scale((1, flat, 1)).rotate((rng.uniform(0, 20), 0, 0))
    a.add("shade", "shade", shell.translate((0, top, 0)))
    a.mark_pair("shade_end", [half, top + radius * flat * 0.4, 0])
    a.mark("shade_top", (0, top + radius * flat, 0))
    a.note(shade="half_tube", shade_length=2 * half, shade_radius=radius)
    return "metal"


def globe_lamp(a: Assembly, rng: Generator) -> str:
    """A ball, egg or mushroom that glows, on a small foot or a stem."""
    kind, height = pick(rng, {"ball": 2, "mushroom": 1.5, "stem": 1.5, "cube": 0.8}), rng.uniform(0.2, 0.6)
    radius = height * rng.uniform(0.28, 0.5)
    thin = least(height, 2 * radius, 2 * radius)
    if kind == "mushroom":
        neck, cap = radius * rng.uniform(0.25, 0.6), height * rng.uniform(0.3, 0.5)
        a.add(
            "base", "frame", lathe(spline([[neck * 1.5, 0], [neck, height * 0.4], [neck * 1.2, height - cap * 0.5]], 9))
        )
        profile = shade_profile(rng, "dome", radius, radius, cap)
        cup = np.concatenate([[[radius * 0.55, -cap * 0.08]], profile]) + np.array([0, height - cap])
        a.add("shade", "shade", lathe(cup, segments=28))
    elif kind == "cube":
        box = rounded_box((2 * radius * 0.8, height * 0.8, 2 * radius * 0.8), radius * 0.1, 2, 2)
        a.add("shade", "shade", box.translate((0, height * 0.6, 0)))
        add_foot(a, rng, radius * rng.uniform(0.4, 0.9), max(thin, height * 0.22), "disc")
    else:
        ball = min(radius, height * 0.45)
        low = add_foot(a, rng, ball * rng.uniform(0.4, 0.75), thin)
        middle = height - ball
        a.add(
            "shade", "shade", Manifold.sphere(ball, 32).scale((1, rng.uniform(0.85, 1.15), 1)).translate((0, middle, 0))
        )
        a.add("stem", "frame", bar(xyz(0, low * 0.6, 0), xyz(0, middle, 0), thin * rng.uniform(1.2, 3)))
    a.mark("shade_top", (0, height, 0))
    a.note(shade=kind, shade_radius=radius, height=height)
    return rng.choice(["wood", "metal", "plastic"])


def street_lamp(a: Assembly, rng: Generator) -> str:
    """A post with one to three lanterns, or with an arm that leans over the road."""
    height = rng.uniform(2.6, 5.0)
    thin = least(height, height * 0.2, height * 0.2) * rng.uniform(1, 1.6)
    t = np.linspace(0, 1, 21)
    width = thin * np.interp(t, [0, 0.12, 0.16, 1], [rng.uniform(1.5, 3), 2, 1.3, 1])
    count = int(rng.choice([1, 1, 2, 3]))
    curved, top = rng.random() < 0.4, height * 0.86
    a.add("stem", "frame", bar(xyz(0, 0, 0), xyz(0, top, 0), width))
    head, reach = height * rng.uniform(0.045, 0.08), height * rng.uniform(0.08, 0.25)
    turn = rng.choice([0, np.pi / 2])
    for angle in turn + 2 * np.pi * np.arange(count) / max(count, 2):
        out = xyz(np.sin(angle), 0, np.cos(angle))
        if curved:
            path = rod_path(
                [xyz(0, top * 0.97, 0), xyz(0, height * 0.97, 0), out * reach + xyz(0, height * 0.985, 0)], 0.3
            )
            a.add("arm", "frame", sweep(path, thin, side=np.cross(out, xyz(0, 1, 0))))
            lid = rounded_box((head * 1.3, head * 0.6, head * 2.2), head * 0.2, 2, 1).rotate((0, np.degrees(angle), 0))
            a.add("shade", "shade", lid.translate((path[-1] + out * head * 0.5).tolist()))
            continue
        place = out * (reach * 0.6 if count > 1 else 0) + xyz(0, top * (0.97 if count > 1 else 1), 0)
        if count > 1:
            a.add("arm", "frame", bar(xyz(0, top * 0.95, 0), place, thin))
        sides = int(rng.choice([4, 6, 24]))
        box = [
            [head * 0.55, 0],
            [head, head * 2.2],
            [head * 1.25, head * 2.3],
            [head * 0.2, head * 3.1],
            [head * 0.15, head * 3.4],
        ]
        a.add("shade", "shade", lathe(box, segments=sides).rotate((0, 180 / sides, 0)).translate(place.tolist()))
    a.mark("foot_centre", (0, 0, 0))
    a.mark("stem_top", (0, top * 0.97, 0))
    a.note(heads=count, curved=float(curved), height=height)
    return "metal"
