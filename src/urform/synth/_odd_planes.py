"""Families of planes for war, and of odd forms."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from urform.synth._materials import pick
from urform.synth._plane_parts import (
    Aerofoil,
    Hull,
    Wing,
    add_gear,
    add_propeller,
    add_wing,
    add_winglet,
    spindle,
    tube,
)
from urform.synth._plane_tails import Tail, add_cockpit, add_tail, add_windscreen
from urform.synth._planes import add_hull
from urform.synth._shape import Assembly
from urform.synth._solids import bar, rounded_box, xyz


def fighter(a: Assembly, rng: Generator) -> str:
    """A jet with swept or delta wings, intakes at the sides, and one or two fins."""
    long = rng.uniform(12, 20)
    half, tall = long * rng.uniform(0.04, 0.055), long * rng.uniform(0.042, 0.055)
    hull = tube(long, half, tall, (rng.uniform(0.3, 0.42), rng.uniform(0.75, 1.0), rng.uniform(0, 0.35)),
                (rng.uniform(0.2, 0.4), rng.uniform(-0.1, 0.2), rng.uniform(0.45, 0.75)),
                power=rng.uniform(2, 3), sides=int(rng.choice([8, 12, 18])))  # fmt: skip
    add_hull(a, rng, hull, 0.15)
    kind = pick(rng, {"delta": 3, "swept": 3, "trapeze": 3})
    spans, chords, tapers = {
        "delta": ((0.26, 0.34), (0.4, 0.52), (0.06, 0.15)),
        "swept": ((0.3, 0.42), (0.2, 0.28), (0.3, 0.5)),
        "trapeze": ((0.3, 0.38), (0.28, 0.36), (0.2, 0.35)),
    }[kind]
    span, chord, taper = long * rng.uniform(*spans), long * rng.uniform(*chords), rng.uniform(*tapers)
    lean = {"delta": chord * (1 - taper) * rng.uniform(0.9, 1), "swept": span * rng.uniform(0.6, 0.9),
            "trapeze": chord * (1 - taper) * rng.uniform(0.6, 0.95)}[kind]  # fmt: skip
    end = rng.uniform(0.86, 0.93) if kind == "delta" else rng.uniform(0.76, 0.84)
    share = end - chord / long if kind != "swept" else rng.uniform(0.42, 0.5)
    height = tall * rng.uniform(-0.5, 0.6)
    rise, thin = span * rng.uniform(-0.1, 0.06), 0.01 * long
    wing = Wing(span, chord, taper, lean, rise, share, height, thin, {"thickness": 0.04})
    left = add_wing(a, hull, wing)
    _add_intakes(a, rng, hull, half, tall)
    twin = rng.random() < (0.2 if kind == "delta" else 0.5)
    flat = long * rng.uniform(0.1, 0.15)
    chord = long * rng.uniform(0.16, 0.22)
    tail = Tail("twin" if twin else "low", long * rng.uniform(0.13, 0.19), chord, chord * rng.uniform(0.6, 1),
                long * rng.uniform(0.16, 0.22), flat, flat * rng.uniform(0.4, 0.9), 0.01 * long, rng.uniform(0.25, 0.5),
                share=rng.uniform(0.93, 0.98), cant=rng.choice([0, rng.uniform(0.1, 0.4)]),
                apart=half * rng.uniform(0.7, 1.3) if twin else 0.0)  # fmt: skip
    add_tail(a, rng, hull, replace(tail, kind="none") if kind == "delta" else tail)
    if kind == "delta" and rng.random() < 0.6:
        root = xyz(-0.01, tall * rng.uniform(0, 0.5), hull.z(share - rng.uniform(0.02, 0.1)))
        tip = root + xyz(long * rng.uniform(0.12, 0.16), 0, -long * 0.08)
        fore = Aerofoil(root, tip, long * 0.11, 0.35, thin)
        a.add_pair("stabilizer", "wing", fore.solid())
    elif kind == "trapeze" and rng.random() < 0.5:
        root = xyz(half * 0.5, height, hull.z(share - rng.uniform(0.12, 0.2)))
        back = xyz(half + rng.uniform(0.3, 0.6) * half, height, hull.z(share + 0.05))
        a.add_pair("wing", "wing", Aerofoil(root, back, root[2] - back[2] + chord, 0.3, 0.011 * long, 0.03).solid())
    add_cockpit(a, hull, rng.uniform(0.22, 0.3), long * rng.uniform(0.12, 0.24), tall * rng.uniform(0.35, 0.6), 0.65)
    if rng.random() < 0.3:
        _add_stores(a, rng, left, long)
    if rng.random() < 0.12:
        add_gear(a, rng, hull, share + 0.2, half * 1.2, tall * 0.9, 0.011 * long)
    a.note(wing=kind)
    return "military"


def _add_intakes(a: Assembly, rng: Generator, hull: Hull, half: float, tall: float) -> None:
    """Boxes at the sides that begin behind the cockpit, and round exhausts at the tail."""
    start, stop = rng.uniform(0.26, 0.4), rng.uniform(0.8, 0.97)
    long = hull.length * (stop - start)
    wide, high, y = half * rng.uniform(0.6, 1), tall * rng.uniform(0.8, 1.3), tall * rng.uniform(-0.3, 0.2)
    path = np.stack([np.full(4, half * rng.uniform(0.7, 1)), np.full(4, y), hull.z(stop) + long * np.array(
        [0, 0.3, 0.8, 1])], -1)  # fmt: skip
    size = np.array([rng.uniform(0.5, 1), 1, 1, 0.9])
    duct = bar(path[0], path[-1], 2 * wide * size / 1.4, 2 * high * size / 1.4, section="soft", side=(1, 0, 0))
    hole = rounded_box((wide, high, 0.06 * long), 1e-3, 1, 1).translate(path[-1].tolist())
    a.add_pair("engine", "frame", duct - hole)
    twin, radius = rng.random() < 0.6, tall * rng.uniform(0.55, 0.75)
    back = hull.middle(0.95)
    for x in (0.6 * half, -0.6 * half) if twin else (0,):
        pipe = spindle([[-1, 0.75], [1, 1]], radius * (1 if twin else 1.25), 0.16 * hull.length)
        a.add("engine", "metal", pipe.translate((x, back, hull.z(0.94))))
    a.mark_pair("intake", path[-1])


def _add_stores(a: Assembly, rng: Generator, left: Aerofoil, long: float) -> None:
    """Rockets or tanks below the wings."""
    for share in [0.5] if rng.random() < 0.6 else [0.42, 0.7]:
        front, chord = left.at(share)
        radius, size = long * rng.uniform(0.012, 0.02), long * rng.uniform(0.15, 0.25)
        centre = front - xyz(0, 2.2 * radius, 0.5 * chord)
        body = spindle([[-1, 0.5], [-0.4, 1], [0.5, 1], [1, 0.1]], radius, size, 8)
        a.add_pair("engine", "trim", body.translate(centre.tolist()))
        a.add_pair("engine", "wing", bar(centre, centre + xyz(0, 2.2 * radius, 0), 0.4 * size, 0.011 * long,
                                         side=(0, 0, 1), section="square"))  # fmt: skip


def delta(a: Assembly, rng: Generator) -> str:
    """A large delta or a wing without a fuselage."""
    if rng.random() < 0.4:
        return _flying_wing(a, rng)
    long = rng.uniform(25, 60)
    half = long * rng.uniform(0.025, 0.045)
    hull = tube(long, half, half * rng.uniform(1, 1.2),
                (rng.uniform(0.25, 0.4), rng.uniform(0.75, 1), rng.uniform(0, 0.6)),
                (rng.uniform(0.25, 0.4), rng.uniform(-0.1, 0.3), 0.12))  # fmt: skip
    add_hull(a, rng, hull, 0.2)
    chord = long * rng.uniform(0.42, 0.6)
    span, taper = long * rng.uniform(0.22, 0.46), rng.uniform(0.06, 0.2)
    wing = Wing(span, chord, taper, chord * (1 - taper) * rng.uniform(0.85, 1), span * rng.uniform(-0.05, 0.05),
                rng.uniform(0.9, 0.95) - chord / long, half * rng.uniform(-0.6, 0.2), 0.009 * long,
                {"thickness": rng.uniform(0.035, 0.07), "crank": (0.45, rng.uniform(0.42, 0.5)) if rng.random() < 0.5
                 else None})  # fmt: skip
    left = add_wing(a, hull, wing)
    for share in [0.22] if rng.random() < 0.5 else [0.2, 0.38]:
        front, deep = left.at(share)
        size = long * rng.uniform(0.014, 0.022)
        pod = rounded_box((3 * size, 2.4 * size, 0.65 * deep), size * 0.5, 1, 2)
        a.add_pair("engine", "metal", pod.translate((front - xyz(0, size, 0.68 * deep)).tolist()))
    fin = long * rng.uniform(0.16, 0.24)
    add_tail(a, rng, hull, Tail("none", long * rng.uniform(0.09, 0.15), fin, fin * rng.uniform(0.6, 0.9), 0, 0, 0,
                                0.009 * long, rng.uniform(0.25, 0.5), share=0.95))  # fmt: skip
    add_windscreen(a, hull, rng.uniform(0.1, 0.13), 0.2, 0.9)
    return rng.choice(["military", "airline"])


def _flying_wing(a: Assembly, rng: Generator) -> str:
    """A swept wing whose middle is thick enough for the crew."""
    span = rng.uniform(8, 26)
    chord = span * rng.uniform(0.5, 0.85)
    tall = chord * rng.uniform(0.055, 0.085)
    hull = tube(chord * 1.05, tall * rng.uniform(1.6, 3.2), tall, (0.5, 0.7, 0), (0.48, 0, 0.15))
    add_hull(a, rng, hull, 0.1)
    crank = (rng.uniform(0.3, 0.45), rng.uniform(0.35, 0.5))
    wing = Wing(span, chord, rng.uniform(0.12, 0.3), span * rng.uniform(0.45, 0.75), span * rng.uniform(0, 0.06), 0.04,
                0.0, 0.016 * span, {"thickness": rng.uniform(0.09, 0.13), "crank": crank})  # fmt: skip
    left = add_wing(a, hull, wing)
    if rng.random() < 0.5:
        add_winglet(a, rng, left, "winglet")
    add_cockpit(a, hull, rng.uniform(0.25, 0.4), chord * rng.uniform(0.2, 0.35), tall * 0.4, 0.4)
    front, deep = left.at(0.16)
    size = tall * rng.uniform(0.45, 0.7)
    pod = spindle([[-1, 0.5], [-0.3, 1], [0.7, 1], [1, 0.8]], size, 0.5 * deep, 12)
    a.add_pair("engine", "metal", pod.translate((front + xyz(0, tall * 0.7, -0.5 * deep)).tolist()))
    return "military"


def twin_boom(a: Assembly, rng: Generator) -> str:
    """A short body between two booms that carry the tail; propellers at its ends or on the booms."""
    pod = rng.uniform(5, 7.5)
    half, tall, thin = pod * rng.uniform(0.075, 0.11), pod * rng.uniform(0.09, 0.12), 0.016 * pod
    hull = tube(pod, half, tall, (rng.uniform(0.3, 0.42), rng.uniform(0.55, 0.75), rng.uniform(0, 0.3)),
                (rng.uniform(0.35, 0.5), rng.uniform(-0.1, 0.3), rng.uniform(0.15, 0.3)))  # fmt: skip
    add_hull(a, rng, hull, 0.4)
    span, chord, share = pod * rng.uniform(0.8, 1.05), pod * rng.uniform(0.2, 0.27), rng.uniform(0.24, 0.32)
    wing = Wing(span, chord, rng.uniform(0.5, 0.85), span * rng.uniform(0, 0.08), span * rng.uniform(0, 0.1),
                rng.uniform(0.36, 0.45), tall * rng.uniform(-0.4, 0.95), thin,
                {"end": pick(rng, {"cut": 1, "round": 1})})  # fmt: skip
    left = add_wing(a, hull, wing)
    front, deep = left.at(share)
    size, on_booms = pod * rng.uniform(0.035, 0.055), rng.random() < 0.45
    start = front + xyz(0, 0, (rng.uniform(0.5, 0.9) if on_booms else 0.1) * deep)
    rear = front + xyz(0, tall * rng.uniform(-0.1, 0.4), -pod * rng.uniform(0.85, 1.15))
    widths = 2 * size * np.array([0.6, 1.25, 1, 0.75, 0.6] if on_booms else [0.6, 0.9, 0.8, 0.7, 0.6])
    a.add_pair("fuselage", "frame", bar(start, rear, widths))
    if on_booms:
        add_propeller(a, rng, start, min(front[0] * 0.8, 0.17 * pod), thin, pair=True)
    for place in () if on_booms else rng.choice([(-0.01, 1.01), (1.01, 1.01)]):
        add_propeller(a, rng, xyz(0, hull.middle(np.clip(place, 0, 1)), hull.z(place)), front[0] * 0.75, thin)
    flat, fin = pod * rng.uniform(0.12, 0.16), pod * rng.uniform(0.15, 0.22)
    root = xyz(-0.01, rear[1], rear[2] + flat)
    out = xyz(front[0] * rng.uniform(1.05, 1.3), 0, 0)
    a.add_pair("stabilizer", "wing", Aerofoil(root, root + out, flat, 1, thin).solid())
    root = rear + xyz(0, -0.3 * size, fin)
    top = root + xyz(0, pod * rng.uniform(0.13, 0.2), -fin * rng.uniform(0.3, 0.8))
    a.add_pair("tail_fin", "trim", Aerofoil(root, top, fin, 0.55, thin, 0.1, (1, 0, 0), left.end).solid())
    a.mark_pair("fin_top", top - xyz(0, 0, 0.25 * fin))
    add_cockpit(a, hull, rng.uniform(0.3, 0.4), pod * rng.uniform(0.25, 0.4), tall * rng.uniform(0.2, 0.4), 0.85)
    if rng.random() < 0.5:
        add_gear(a, rng, hull, 0.55, half * 1.6, tall * rng.uniform(0.7, 1), thin)
    return rng.choice(["private", "military"])
