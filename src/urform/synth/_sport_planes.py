"""Families of planes for sport and for play."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from urform.synth._materials import pick
from urform.synth._plane_parts import (
    Aerofoil,
    Hull,
    Wing,
    add_floats,
    add_gear,
    add_jets,
    add_leg,
    add_prop_engines,
    add_propeller,
    add_wing,
    add_winglet,
    spindle,
    tube,
)
from urform.synth._plane_tails import Tail, add_cockpit, add_tail, add_windows, add_windscreen
from urform.synth._planes import add_hull, add_struts, high_prop, light_hull
from urform.synth._shape import Assembly
from urform.synth._solids import bar, xyz


def _plain_tail(rng: Generator, kind: str, long: float, scale: float = 1.0, end: str = "cut") -> Tail:
    """Simple fins and stabilisers for a length."""
    chord, flat = long * rng.uniform(0.15, 0.22) * scale, long * rng.uniform(0.11, 0.16) * scale
    return Tail(kind, long * rng.uniform(0.14, 0.22) * scale, chord, chord * rng.uniform(0.2, 0.7),
                long * rng.uniform(0.17, 0.24) * scale, flat, flat * rng.uniform(0, 0.4), 0.014 * long,
                rng.uniform(0.4, 0.8), end)  # fmt: skip


def biplane(a: Assembly, rng: Generator) -> str:
    """Two wings, one above the other, with struts between them, and an open cockpit."""
    long = rng.uniform(5.5, 9)
    half, tall = long * rng.uniform(0.055, 0.08), long * rng.uniform(0.065, 0.09)
    hull = light_hull(rng, long, half, tall, 0.05)
    add_hull(a, rng, hull, 0.3)
    span, chord, thin = long * rng.uniform(0.52, 0.72), long * rng.uniform(0.17, 0.24), long * rng.uniform(0.015, 0.021)
    share, gap = rng.uniform(0.18, 0.26), tall * rng.uniform(1.0, 1.7)
    end = pick(rng, {"round": 3, "cut": 1})
    low = Wing(span * rng.uniform(0.8, 1), chord * rng.uniform(0.85, 1), rng.uniform(0.85, 1),
               span * rng.uniform(0, 0.08), span * rng.uniform(0, 0.06), share + rng.uniform(0, 0.06),
               -tall * rng.uniform(0.65, 0.9), thin, {"end": end, "thickness": 0.08})  # fmt: skip
    upper = replace(low, half_span=span, chord=chord, share=share, height=tall + gap)
    under, over = add_wing(a, hull, low, "lower_wing"), add_wing(a, hull, upper)
    for reach in [rng.uniform(0.6, 0.8)] if rng.random() < 0.7 else [0.45, 0.85]:
        for back in (0.2, 0.7):
            (top, wide), (foot, narrow) = over.at(reach * low.half_span / span), under.at(reach)
            a.add_pair("strut", "trim", bar(foot - xyz(0, 0, back * narrow), top - xyz(0, 0, back * wide), thin))
    for back in (0.15, 0.7):
        top, wide = over.at(0.16)
        foot = xyz(half * 0.5, tall * 0.5, top[2] - back * wide)
        a.add_pair("strut", "trim", bar(foot, top - xyz(0, 0, back * wide), thin))
    if rng.random() < 0.3:
        ring = spindle([[-1, 1], [0.6, 1.02], [1, 0.85]], float(hull.at(0.04)[2]) * 1.35, 0.12 * long, 18)
        a.add("engine", "metal", ring.translate((0, hull.middle(0.04), hull.z(0.06))))
    add_propeller(a, rng, xyz(0, hull.middle(0), hull.z(-0.01)), long * rng.uniform(0.13, 0.18), 0.013 * long)
    add_tail(a, rng, hull, _plain_tail(rng, "low", long, rng.uniform(0.85, 1.1), pick(rng, {"round": 3, "cut": 1})))
    for place in (0.4, 0.52) if rng.random() < 0.5 else (0.45,):
        add_cockpit(a, hull, place, long * rng.uniform(0.07, 0.11), tall * rng.uniform(0.25, 0.4), 0.5)
    if rng.random() < 0.85:
        add_gear(a, rng, hull, share + rng.uniform(0, 0.07), half * rng.uniform(1.1, 1.9), tall * rng.uniform(0.9, 1.3),
                 0.014 * long)  # fmt: skip
    return rng.choice(["military", "private", "toy"])


def glider(a: Assembly, rng: Generator) -> str:
    """Long thin wings, a slim body and a stabiliser on the fin."""
    long = rng.uniform(6.3, 8.2)
    half, tall = long * rng.uniform(0.038, 0.05), long * rng.uniform(0.048, 0.065)
    boom, end = rng.uniform(0.25, 0.4), rng.uniform(0.16, 0.25)
    rows = [
        [0, -0.25, 0.05, 0.12],
        [0.04, -0.65, 0.4, 0.5],
        [0.14, -0.95, 0.8, 0.9],
        [0.25, -1, 1, 1],
        [0.38, -0.7, 0.9, 0.75],
        [0.55, -boom + 0.1, boom + 0.25, boom],
        [1, 0.1 - end, 0.1 + end, 0.2],
    ]
    hull = Hull(long, np.array(rows) * (1, tall, tall, half))
    add_hull(a, rng, hull, 0.15)
    span, thin = long * rng.uniform(0.95, 1.35), 0.02 * long
    wing = Wing(span, long * rng.uniform(0.12, 0.16), rng.uniform(0.35, 0.55), span * rng.uniform(0, 0.04),
                span * rng.uniform(0.03, 0.08), rng.uniform(0.3, 0.36), tall * rng.uniform(0.3, 0.8), thin,
                {"end": pick(rng, {"cut": 2, "round": 1})})  # fmt: skip
    left = add_wing(a, hull, wing)
    if left.end == "cut" and rng.random() < 0.4:
        add_winglet(a, rng, left, "winglet")
    chord, flat = long * rng.uniform(0.12, 0.16), long * rng.uniform(0.08, 0.1)
    add_tail(a, rng, hull, Tail(pick(rng, {"top": 4, "low": 1, "v": 0.4}), long * rng.uniform(0.12, 0.17), chord,
                                chord * rng.uniform(0.2, 0.5), long * rng.uniform(0.15, 0.2), flat, flat * 0.2, thin,
                                rng.uniform(0.5, 0.75)))  # fmt: skip
    add_cockpit(a, hull, rng.uniform(0.15, 0.2), long * rng.uniform(0.18, 0.27), tall * rng.uniform(0.1, 0.3), 0.85)
    if rng.random() < 0.4:
        foot = xyz(0, float(hull.at(0.36)[0]), hull.z(0.36))
        add_leg(a, foot + xyz(0, tall * 0.6, 0), foot, long * 0.025, thin)
    return rng.choice(["airline", "private"])


def toy(a: Assembly, rng: Generator) -> str:
    """A short fat plane with stubby wings, as in cartoons and in games: one or two propellers, or jets."""
    long = rng.uniform(4, 6)
    half = long * rng.uniform(0.09, 0.17)
    tall = half * rng.uniform(0.95, 1.3)
    jets = rng.random() < 0.3
    if jets or rng.random() < 0.5:
        hull = tube(long, half, tall, (rng.uniform(0.15, 0.4), rng.uniform(0.4, 0.75), rng.uniform(0, 0.3)),
                    (rng.uniform(0.4, 0.55), rng.uniform(0.2, 0.75), rng.uniform(0.1, 0.35)),
                    power=rng.uniform(2, 3.5), sides=int(rng.choice([6, 8, 12, 20])))  # fmt: skip
    else:
        hull = light_hull(rng, long, half, tall, rng.uniform(0, 0.4))
    add_hull(a, rng, hull, 0.5)
    span, chord, thin = long * rng.uniform(0.4, 0.68), long * rng.uniform(0.16, 0.28), long * rng.uniform(0.018, 0.035)
    kind = "low" if jets else pick(rng, {"low": 4, "high": 2, "double": 2})
    end = pick(rng, {"cut": 2, "round": 2, "ellipse": 0.4})
    swept = rng.uniform(0.3, 0.7) if jets else rng.uniform(0, 0.25)
    height = tall * (rng.uniform(-0.6, 0) if kind != "high" else 0.85)
    share = rng.uniform(0.3, 0.4) if jets else rng.uniform(0.22, 0.34)
    wing = Wing(span, chord, rng.uniform(0.45, 1), span * swept, span * rng.uniform(-0.02, 0.2), share, height, thin,
                {"end": end})  # fmt: skip
    left = add_wing(a, hull, wing, "lower_wing" if kind == "double" else "wing")
    if kind == "double":
        over = add_wing(a, hull, replace(wing, height=tall * rng.uniform(1.5, 1.9)))
        for back, reach in ((0.2, 0.1), (0.6, 0.1), (0.2, 0.65), (0.6, 0.65)):
            (top, wide), (foot, narrow) = over.at(reach), left.at(reach)
            rod = bar(foot - xyz(0, 0, back * narrow), top - xyz(0, 0, back * wide), thin * 0.8)
            a.add_pair("strut", "trim", rod)
    elif kind == "high" and rng.random() < 0.5:
        add_struts(a, hull, left, 0.55, 0.7 * thin, rng.random() < 0.4)
    _toy_engines(a, rng, hull, left, jets, half)
    add_tail(a, rng, hull, _plain_tail(rng, pick(rng, {"low": 5, "top": 1, "cross": 0.5, "ends": 0.5}), long,
                                       rng.uniform(0.85, 1.2), pick(rng, {"cut": 1, "round": 2})))  # fmt: skip
    glass = pick(rng, {"bubble": 3, "screen": 1.5 if kind != "double" else 0, "none": 0.5})
    if glass == "bubble":
        add_cockpit(
            a, hull, rng.uniform(0.33, 0.48), long * rng.uniform(0.14, 0.28), tall * rng.uniform(0.25, 0.6), 0.7
        )
    elif glass == "screen":
        add_windscreen(a, hull, rng.uniform(0.12, 0.25), 0.25, 0.9, rng.uniform(20, 60))
        add_windows(a, hull, (0.35, rng.uniform(0.5, 0.7)), 0.2, rng.uniform(0.4, 0.6))
    if rng.random() < (0.2 if jets else 0.5):
        add_gear(a, rng, hull, share + 0.1, half * rng.uniform(0.7, 1.3), tall * rng.uniform(0.5, 0.8), thin * 0.9)
    elif not jets and rng.random() < 0.08:
        add_floats(a, rng, hull, share + 0.1, tall * 0.6, thin)
    return rng.choice(["toy", "toy", "private", "military"])


def _toy_engines(a: Assembly, rng: Generator, hull: Hull, left: Aerofoil, jets: bool, half: float) -> None:
    """One big propeller, two, or fat jets below the wings."""
    if jets:
        reach = rng.uniform(0.45, 0.55)
        add_jets(a, rng, left, reach, half * rng.uniform(0.3, 0.45), rng.uniform(0.6, 0.8))
        return
    kind = pick(rng, {"one": 6, "two": 1.5})
    if kind == "one":
        add_propeller(a, rng, xyz(0, hull.middle(0), hull.z(-0.01)), hull.length * rng.uniform(0.14, 0.26), left.least)
    else:
        add_prop_engines(a, rng, left, 0.5, half * rng.uniform(0.3, 0.45), min(left.tip[0] * 0.5 - half * 0.8,
                                                                               half * 1.3), 0)  # fmt: skip


def seaplane(a: Assembly, rng: Generator) -> str:
    """A high wing above two floats, or above a boat."""
    if rng.random() < 0.65:
        return high_prop(a, rng, floats=True)
    long = rng.uniform(9, 22)
    half, tall, thin = long * rng.uniform(0.055, 0.075), long * rng.uniform(0.07, 0.095), 0.012 * long
    hull = tube(long, half, tall, (rng.uniform(0.2, 0.32), rng.uniform(0.5, 0.75), rng.uniform(-0.4, 0)),
                (rng.uniform(0.5, 0.6), rng.uniform(0.5, 0.85), rng.uniform(0.1, 0.2)),
                power=rng.uniform(2, 3))  # fmt: skip
    add_hull(a, rng, hull, 0.5)
    span, chord = long * rng.uniform(0.55, 0.72), long * rng.uniform(0.14, 0.18)
    wing = Wing(span, chord, rng.uniform(0.5, 0.9), span * rng.uniform(0, 0.05), span * rng.uniform(0, 0.04),
                rng.uniform(0.3, 0.36), tall * rng.uniform(0.85, 0.95), thin, {"thickness": 0.14})  # fmt: skip
    left = add_wing(a, hull, wing)
    reach = rng.uniform(0.24, 0.3)
    add_prop_engines(a, rng, left, reach, half * rng.uniform(0.4, 0.55), 0.8 * (reach * span - 0.4 * half), -0.6)
    front, deep = left.at(rng.uniform(0.7, 0.92))
    foot = xyz(front[0], -tall * rng.uniform(0.2, 0.5), front[2] - 0.4 * deep)
    body = spindle([[-1, 0.1], [-0.3, 0.8], [0.4, 1], [1, 0.2]], 0.2 * chord, 0.9 * chord)
    a.add_pair("float", "trim", body.translate(foot.tolist()))
    a.add_pair("strut", "wing", bar(foot, front - xyz(0, 0, 0.4 * deep), 3 * thin, thin, side=(0, 0, 1)))
    add_tail(a, rng, hull, _plain_tail(rng, pick(rng, {"low": 1, "cross": 1, "top": 1}), long))
    add_windscreen(a, hull, rng.uniform(0.16, 0.22), 0.3, 1.2, rng.uniform(30, 60))
    return rng.choice(["private", "military"])
