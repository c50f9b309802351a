"""Families of planes that airlines and pilots have."""

import numpy as np
from numpy.random import Generator

from urform.synth._materials import pick
from urform.synth._plane_parts import (
    Hull,
    Wing,
    add_floats,
    add_gear,
    add_jets,
    add_leg,
    add_prop_engines,
    add_propeller,
    add_side_jets,
    add_wing,
    add_winglet,
    nacelle,
    tube,
)
from urform.synth._plane_tails import Tail, add_cockpit, add_tail, add_windows, add_windscreen
from urform.synth._shape import Assembly
from urform.synth._solids import bar, xyz

_THIN = 0.0085
"""Least thickness of wings and fins, in lengths of the plane."""


def add_hull(a: Assembly, rng: Generator, hull: Hull, stripe: float = 0.3) -> None:
    """Adds a fuselage, marks its ends, and paints a stripe on a share of them."""
    a.add("fuselage", "frame", hull.solid())
    a.mark("nose", xyz(0, hull.middle(0), hull.z(0)))
    a.mark("tail", xyz(0, hull.middle(1), hull.z(1)))
    a.note(length=hull.length, width=2 * float(np.max(hull.at(np.linspace(0, 1, 40))[:, 2])))
    if rng.random() < stripe:
        bottom, top, _ = hull.at(0.4)
        start = rng.uniform(0.2, 0.5)
        low, high = (float(bottom + (top - bottom) * share) for share in (start, start + rng.uniform(0.08, 0.2)))
        kind = pick(rng, {"line": 2, "belly": 1, "tail": 1})
        shares = (rng.uniform(0.7, 0.85), 1.0) if kind == "tail" else (0.04, 0.96)
        heights = {"line": (low, high), "belly": (-99.0, low), "tail": (-99.0, 99.0)}[kind]
        a.add("fuselage", "trim", hull.band(shares, heights))


def _jet_tail(rng: Generator, kind: str, long: float, scale: float = 1.0) -> Tail:
    """Swept fins and stabilisers of a jet of a length."""
    chord = long * rng.uniform(0.12, 0.17) * scale
    tall = long * rng.uniform(0.13, 0.19) * scale
    flat = long * rng.uniform(0.08, 0.115) * scale
    return Tail(kind, tall, chord, chord * rng.uniform(0.75, 1.15), long * rng.uniform(0.14, 0.19) * scale, flat,
                flat * rng.uniform(0.6, 1.2), _THIN * long, rng.uniform(0.3, 0.6))  # fmt: skip


def airliner(a: Assembly, rng: Generator) -> str:
    """A wide or a narrow body with two or four engines under swept wings."""
    long = rng.uniform(28, 72)
    half = long * rng.uniform(0.037, 0.068)
    tall = half * rng.uniform(0.97, 1.15)
    hull = tube(long, half, tall, (rng.uniform(0.1, 0.17), rng.uniform(0.45, 0.6), rng.uniform(0.1, 0.4)),
                (rng.uniform(0.28, 0.4), rng.uniform(0.35, 0.75), rng.uniform(0.06, 0.2)),
                sides=int(rng.choice([10, 20, 20, 20])))  # fmt: skip
    add_hull(a, rng, hull)
    span = long * rng.uniform(0.42, 0.56)
    chord = long * rng.uniform(0.16, 0.24)
    kink = rng.uniform(0.3, 0.42)
    taper = rng.uniform(0.16, 0.3)
    crank = (kink, rng.uniform(0.5, 0.62)) if rng.random() < 0.75 else None
    wing = Wing(span, chord, taper, span * rng.uniform(0.45, 0.72), span * rng.uniform(0.06, 0.16),
                rng.uniform(0.28, 0.38), tall * rng.uniform(-0.8, -0.4), _THIN * long,
                {"crank": crank, "end": pick(rng, {"cut": 2, "round": 1})})  # fmt: skip
    left = add_wing(a, hull, wing)
    end = pick(rng, {"none": 4, "winglet": 3.5, "fence": 1})
    if end != "none":
        add_winglet(a, rng, left, end)
    four = rng.random() < 0.28
    radius = half * (rng.uniform(0.36, 0.5) if four else rng.uniform(0.45, 0.72))
    add_jets(a, rng, left, [rng.uniform(0.3, 0.36), rng.uniform(0.58, 0.68)] if four else rng.uniform(0.28, 0.38),
             radius, rng.uniform(0.6, 0.95))  # fmt: skip
    add_tail(a, rng, hull, _jet_tail(rng, "low", long))
    if half > 0.045 * long and rng.random() < (0.5 if four else 0.08):
        upper = tube(long * rng.uniform(0.3, 0.5), half * 0.8, tall * 0.8, (0.3, 0.5, 0.2), (0.5, -0.6, 0.2))
        a.add("fuselage", "frame", upper.solid().translate((0, tall * 0.5, hull.z(0.035) - upper.length / 2)))
    _airline_paint(a, rng, hull)
    if rng.random() < 0.12:
        _jet_gear(a, rng, hull, half, wing.share + 0.6 * chord / long)
    a.note(engines=4 if four else 2)
    return "airline"


def _airline_paint(a: Assembly, rng: Generator, hull: Hull) -> None:
    """Windows and a windscreen on most."""
    if rng.random() < 0.6:
        low = rng.uniform(0.1, 0.3)
        add_windows(a, hull, (rng.uniform(0.12, 0.16), rng.uniform(0.75, 0.85)), low, low + rng.uniform(0.1, 0.22))
    if rng.random() < 0.7:
        add_windscreen(a, hull, rng.uniform(0.05, 0.07), 0.25, rng.uniform(0.55, 0.7), rng.uniform(35, 60))


def _jet_gear(a: Assembly, rng: Generator, hull: Hull, half: float, share: float) -> None:
    """The undercarriage of a jet that is about to land: pairs of wheels."""
    bottom, width = float(hull.at(0.4)[0]), 0.01 * hull.length
    deep, radius = half * rng.uniform(0.7, 1.1), half * rng.uniform(0.2, 0.3)
    for place, x in ((share, half * rng.uniform(0.6, 1.1)), (0.12, 0.0)):
        foot = xyz(x, bottom - deep + radius, hull.z(place))
        inside = xyz(min(x, half * 0.5), bottom * 0.5, hull.z(place))
        for shift in (-0.5, 0.5) if x else (0,):
            add_leg(a, inside, foot + xyz(0, 0, 2.2 * radius * shift), radius, width)
    a.note(gear="nose")


def rear_jet(a: Assembly, rng: Generator) -> str:
    """Two or three engines at the tail, most of them with the stabiliser on top of the fin."""
    long = rng.uniform(26, 48)
    half = long * rng.uniform(0.036, 0.058)
    tall = half * rng.uniform(0.97, 1.1)
    hull = tube(long, half, tall, (rng.uniform(0.1, 0.16), rng.uniform(0.5, 0.65), rng.uniform(0.15, 0.4)),
                (rng.uniform(0.22, 0.32), rng.uniform(0.2, 0.55), rng.uniform(0.08, 0.25)))  # fmt: skip
    add_hull(a, rng, hull)
    span, chord = long * rng.uniform(0.34, 0.45), long * rng.uniform(0.14, 0.22)
    wing = Wing(span, chord, rng.uniform(0.18, 0.32), span * rng.uniform(0.4, 0.75), span * rng.uniform(-0.04, 0.1),
                rng.uniform(0.4, 0.5), tall * rng.uniform(-0.8, -0.45), _THIN * long,
                {"crank": (0.35, rng.uniform(0.5, 0.65)) if rng.random() < 0.6 else None})  # fmt: skip
    left = add_wing(a, hull, wing)
    if rng.random() < 0.3:
        add_winglet(a, rng, left, "winglet")
    radius = half * rng.uniform(0.4, 0.58)
    add_side_jets(a, rng, hull, rng.uniform(0.76, 0.84), radius, _THIN * long)
    three = rng.random() < 0.4
    tail = _jet_tail(rng, pick(rng, {"top": 5, "cross": 1, "low": 0.7 if three else 0}), long)
    add_tail(a, rng, hull, tail)
    if three:
        size = radius * rng.uniform(0.8, 1.05)
        place = tail.share - tail.chord / long * rng.uniform(0.8, 1)
        y = float(hull.at(place)[1]) + size * rng.uniform(0.2, 0.8)
        a.add("engine", "trim", nacelle(rng, size, tail.chord * rng.uniform(0.8, 1.2)).translate((0, y, hull.z(place))))
    _airline_paint(a, rng, hull)
    if rng.random() < 0.12:
        _jet_gear(a, rng, hull, half, 0.58)
    a.note(engines=3 if three else 2)
    return "airline"


def business_jet(a: Assembly, rng: Generator) -> str:
    """A small jet: engines at the rear, swept wings with winglets."""
    long = rng.uniform(11, 27)
    half = long * rng.uniform(0.042, 0.066)
    tall = half * rng.uniform(1, 1.15)
    hull = tube(long, half, tall, (rng.uniform(0.17, 0.28), rng.uniform(0.6, 0.85), rng.uniform(0.2, 0.5)),
                (rng.uniform(0.3, 0.42), rng.uniform(0.3, 0.7), rng.uniform(0.08, 0.2)))  # fmt: skip
    add_hull(a, rng, hull, 0.5)
    span, chord = long * rng.uniform(0.42, 0.54), long * rng.uniform(0.14, 0.2)
    wing = Wing(span, chord, rng.uniform(0.22, 0.45), span * rng.uniform(0.15, 0.6), span * rng.uniform(0.02, 0.1),
                rng.uniform(0.38, 0.5), tall * rng.uniform(-0.9, -0.6), _THIN * long)  # fmt: skip
    left = add_wing(a, hull, wing)
    end = pick(rng, {"none": 3, "winglet": 4, "tank": 1})
    if end != "none":
        add_winglet(a, rng, left, end)
    add_side_jets(a, rng, hull, rng.uniform(0.7, 0.78), half * rng.uniform(0.42, 0.6), _THIN * long)
    add_tail(a, rng, hull, _jet_tail(rng, pick(rng, {"top": 4, "cross": 2, "v": 0.3}), long, 1.1))
    add_windscreen(a, hull, rng.uniform(0.1, 0.15), 0.3, 0.9, rng.uniform(30, 50))
    if rng.random() < 0.6:
        add_windows(a, hull, (0.2, rng.uniform(0.5, 0.62)), 0.15, rng.uniform(0.4, 0.55))
    if rng.random() < 0.12:
        _jet_gear(a, rng, hull, half, 0.55)
    return rng.choice(["private", "airline"])


def _straight_tail(rng: Generator, kind: str, long: float, scale: float = 1.0) -> Tail:
    """Fins and stabilisers of a plane with propellers."""
    chord, flat = long * rng.uniform(0.13, 0.2) * scale, long * rng.uniform(0.1, 0.15) * scale
    return Tail(kind, long * rng.uniform(0.12, 0.2) * scale, chord, chord * rng.uniform(0.2, 0.8),
                long * rng.uniform(0.16, 0.24) * scale, flat, flat * rng.uniform(0, 0.4), 0.01 * long,
                rng.uniform(0.4, 0.75), pick(rng, {"cut": 2, "round": 2}))  # fmt: skip


def turboprop(a: Assembly, rng: Generator) -> str:
    """A regional airliner with two propellers, most of them under a high wing."""
    long = rng.uniform(14, 33)
    half = long * rng.uniform(0.042, 0.062)
    tall = half * rng.uniform(0.95, 1.1)
    high = rng.random() < 0.65
    hull = tube(long, half, tall, (rng.uniform(0.12, 0.2), rng.uniform(0.5, 0.7), rng.uniform(0.15, 0.5)),
                (rng.uniform(0.35, 0.5), rng.uniform(0.4, 0.85), rng.uniform(0.06, 0.18)))  # fmt: skip
    add_hull(a, rng, hull)
    span, chord = long * rng.uniform(0.42, 0.58), long * rng.uniform(0.1, 0.13)
    wing = Wing(span, chord, rng.uniform(0.4, 0.7), span * rng.uniform(0, 0.07), span * rng.uniform(0, 0.1),
                rng.uniform(0.34, 0.42), tall * (rng.uniform(0.85, 1.05) if high else rng.uniform(-0.8, -0.5)),
                0.01 * long, {"thickness": 0.15, "end": pick(rng, {"cut": 2, "round": 1})})  # fmt: skip
    left = add_wing(a, hull, wing)
    reach = rng.uniform(0.26, 0.36)
    blade = min((reach * span - half) * 0.8, long * rng.uniform(0.065, 0.085))
    add_prop_engines(a, rng, left, reach, half * rng.uniform(0.32, 0.5), blade, rng.uniform(-0.2, 0.6))
    add_tail(a, rng, hull, _straight_tail(rng, pick(rng, {"top": 3, "low": 2, "cross": 1}), long))
    _airline_paint(a, rng, hull)
    if rng.random() < 0.3:
        root = None if high else left.at(reach)[0][1]
        track = half * 1.2 if high else reach * span
        add_gear(a, rng, hull, wing.share + 0.06, track, half * rng.uniform(0.7, 1), 0.01 * long, root)
    return "airline"


def cargo_plane(a: Assembly, rng: Generator) -> str:
    """A fat body with four propellers or jets, most of them on a high wing; the tail is swept upwards."""
    long = rng.uniform(22, 55)
    half = long * rng.uniform(0.06, 0.085)
    tall = half * rng.uniform(0.95, 1.15)
    hull = tube(long, half, tall, (rng.uniform(0.12, 0.2), rng.uniform(0.45, 0.6), rng.uniform(0.2, 0.4)),
                (rng.uniform(0.4, 0.52), rng.uniform(0.65, 0.9), rng.uniform(0.07, 0.15)),
                power=rng.uniform(2, 2.8))  # fmt: skip
    add_hull(a, rng, hull, 0.2)
    props, span = rng.random() < 0.65, long * rng.uniform(0.5, 0.68)
    chord = long * rng.uniform(0.13, 0.18)
    lean, low = rng.uniform(0, 0.08) if props else rng.uniform(0.3, 0.55), props and rng.random() < 0.25
    wing = Wing(span, chord, rng.uniform(0.35, 0.55), span * lean, span * (0.1 if low else rng.uniform(-0.06, 0.03)),
                rng.uniform(0.3, 0.38), tall * (-0.6 if low else rng.uniform(0.8, 1)),
                0.01 * long, {"thickness": 0.14})  # fmt: skip
    left = add_wing(a, hull, wing)
    shares = [rng.uniform(0.26, 0.32), rng.uniform(0.52, 0.6)] if rng.random() < 0.8 else [0.32]
    if props:
        add_prop_engines(a, rng, left, shares, half * rng.uniform(0.25, 0.35), half * rng.uniform(0.75, 1),
                         rng.uniform(-0.1, 0.7))  # fmt: skip
    else:
        add_jets(a, rng, left, shares, half * rng.uniform(0.3, 0.42), rng.uniform(0.6, 0.85))
    add_tail(a, rng, hull, _straight_tail(rng, "low", long, 1.15) if props else _jet_tail(rng, "top", long, 1.2))
    add_windscreen(a, hull, rng.uniform(0.06, 0.08), 0.3, 0.75, rng.uniform(35, 60))
    bulge = tube(long * rng.uniform(0.2, 0.3), half * 0.35, tall * 0.35, (0.3, 0.6, 0), (0.4, 0, 0.3))
    a.add_pair("gear", "frame", bulge.solid().translate((half * 0.85, -0.7 * tall, hull.z(rng.uniform(0.42, 0.5)))))
    if rng.random() < 0.4:
        _jet_gear(a, rng, hull, half * 0.8, 0.47)
    a.note(engines=2 * len(shares))
    return "military" if rng.random() < 0.7 else "airline"


def light_hull(rng: Generator, long: float, half: float, tall: float, cabin: float) -> Hull:
    """A fuselage for one engine: a cowling, a cabin that rises `cabin` half heights above it, a thin tail."""
    nose, low = rng.uniform(0.55, 0.8), rng.uniform(0.75, 1)
    screen, back, end = rng.uniform(0.2, 0.27), rng.uniform(0.42, 0.55), rng.uniform(0.12, 0.25)
    rise = rng.uniform(-0.1, 0.45)
    ridge = 1 + cabin
    rows = [
        [0, -0.5 * nose, 0.5 * nose, 0.55 * nose],
        [0.02, -0.75 * nose, 0.7 * nose, 0.8 * nose],
        [screen - 0.02, -low, 0.85, 0.9],
        [screen + 0.1, -1, ridge, 1],
        [back, -0.95, ridge * rng.uniform(0.85, 1), 1],
        [back + 0.16, -0.6, 0.65 + 0.3 * cabin, 0.65],
        [1, rise - end, rise + end, 0.15],
    ]
    return Hull(long, np.array(rows) * (1, tall, tall, half), rng.uniform(2.2, 3.6), int(rng.choice([8, 16, 20])))


def low_prop(a: Assembly, rng: Generator) -> str:
    """One propeller and a low wing: tourers and the fighters of the forties."""
    fighter = rng.random() < 0.45
    long = rng.uniform(6, 9.5)
    half, tall = long * rng.uniform(0.05, 0.075), long * rng.uniform(0.06, 0.085)
    hull = light_hull(rng, long, half, tall, 0.1 if fighter else rng.uniform(0.1, 0.6))
    add_hull(a, rng, hull, 0.2 if fighter else 0.5)
    span, chord = long * rng.uniform(0.52, 0.68), long * rng.uniform(0.19, 0.27)
    end = pick(rng, {"ellipse": 1.2 if fighter else 0.1, "round": 2, "cut": 1 if fighter else 3})
    wing = Wing(span, chord, rng.uniform(0.45, 0.7) if fighter else rng.uniform(0.55, 1),
                span * rng.uniform(0, 0.1), span * rng.uniform(0.06, 0.16), rng.uniform(0.24, 0.32),
                tall * rng.uniform(-0.85, -0.55), 0.011 * long, {"end": end})  # fmt: skip
    left = add_wing(a, hull, wing)
    radius = long * rng.uniform(0.11, 0.17)
    add_propeller(a, rng, xyz(0, hull.middle(0), hull.z(0)), radius, 0.011 * long)
    add_tail(a, rng, hull, _straight_tail(rng, pick(rng, {"low": 6, "top": 0.6, "cross": 0.5, "v": 0.2}), long))
    canopy = rng.uniform(0.12, 0.3) * long
    add_cockpit(a, hull, rng.uniform(0.4, 0.48) if fighter else rng.uniform(0.36, 0.44), canopy,
               tall * rng.uniform(0.3, 0.65), rng.uniform(0.6, 0.95))  # fmt: skip
    if end == "cut" and not fighter and rng.random() < 0.12:
        add_winglet(a, rng, left, pick(rng, {"winglet": 1, "tank": 1}))
    if rng.random() < (0.25 if fighter else 0.6):
        track = rng.uniform(0.2, 0.32)
        add_gear(a, rng, hull, wing.share + 0.07, span * track, tall * rng.uniform(0.7, 1.1), 0.012 * long,
                 float(left.at(track)[0][1]))  # fmt: skip
    return "military" if fighter else "private"


def add_struts(a: Assembly, hull: Hull, left, share: float, least: float, twin: bool) -> None:
    """Braces a high wing against the bottom of the fuselage."""
    front, chord = left.at(share)
    for back in (0.25, 0.6) if twin else (0.35,):
        top = front - xyz(0, 0, back * chord)
        place = 0.5 - (top[2] / hull.length)
        bottom, _, half = hull.at(place)
        a.add_pair("strut", "wing", bar(xyz(half * 0.5, bottom * 0.7, top[2]), top, least * 1.8, least, side=(0, 0, 1)))


def high_prop(a: Assembly, rng: Generator, floats: bool = False) -> str:
    """One propeller and a wing on top of the cabin, most with struts."""
    long = rng.uniform(6, 12)
    half, tall = long * rng.uniform(0.06, 0.08), long * rng.uniform(0.07, 0.09)
    hull = light_hull(rng, long, half, tall, rng.uniform(0.35, 0.75))
    add_hull(a, rng, hull, 0.5)
    span, chord = long * rng.uniform(0.58, 0.74), long * rng.uniform(0.16, 0.22)
    share = rng.uniform(0.26, 0.31)
    wing = Wing(span, chord, rng.uniform(0.6, 1), span * rng.uniform(0, 0.03), span * rng.uniform(0, 0.05),
                share, float(hull.at(share + 0.08)[1]) - 0.006 * long, 0.012 * long,
                {"end": pick(rng, {"cut": 3, "round": 2}), "thickness": 0.13})  # fmt: skip
    left = add_wing(a, hull, wing)
    if rng.random() < 0.8:
        add_struts(a, hull, left, rng.uniform(0.4, 0.6), 0.01 * long, rng.random() < 0.35)
    add_propeller(a, rng, xyz(0, hull.middle(0), hull.z(0)), long * rng.uniform(0.11, 0.15), 0.011 * long)
    add_tail(a, rng, hull, _straight_tail(rng, pick(rng, {"low": 6, "cross": 0.5, "top": 0.3}), long))
    add_windscreen(a, hull, rng.uniform(0.3, 0.36), rng.uniform(0.25, 0.6), 1.6, rng.uniform(20, 60))
    if rng.random() < 0.6:
        add_windows(a, hull, (0.36, rng.uniform(0.45, 0.55)), 0.3, 0.75)
    if floats or rng.random() < 0.06:
        add_floats(a, rng, hull, share + 0.1, tall * rng.uniform(0.8, 1.2), 0.011 * long)
    elif rng.random() < 0.75:
        add_gear(a, rng, hull, share + rng.uniform(0.03, 0.12), half * rng.uniform(1.5, 2.3),
                 tall * rng.uniform(0.7, 1.1), 0.012 * long)  # fmt: skip
    return "private"


def twin_prop(a: Assembly, rng: Generator) -> str:
    """A small plane with two propellers on a low or high wing."""
    long = rng.uniform(8, 15)
    half, tall = long * rng.uniform(0.05, 0.068), long * rng.uniform(0.055, 0.075)
    hull = tube(long, half, tall, (rng.uniform(0.28, 0.4), rng.uniform(0.6, 0.9), rng.uniform(0.1, 0.5)),
                (rng.uniform(0.42, 0.55), rng.uniform(0.1, 0.6), rng.uniform(0.08, 0.2)),
                power=rng.uniform(2, 3.2), sides=int(rng.choice([10, 18])))  # fmt: skip
    add_hull(a, rng, hull, 0.5)
    high = rng.random() < 0.2
    span, chord = long * rng.uniform(0.54, 0.68), long * rng.uniform(0.15, 0.2)
    wing = Wing(span, chord, rng.uniform(0.45, 0.8), span * rng.uniform(0, 0.08), span * rng.uniform(0.04, 0.13),
                rng.uniform(0.28, 0.36), tall * (0.9 if high else rng.uniform(-0.8, -0.4)), 0.01 * long,
                {"end": pick(rng, {"cut": 2, "round": 1}), "thickness": 0.14})  # fmt: skip
    left = add_wing(a, hull, wing)
    if left.end == "cut" and rng.random() < 0.3:
        add_winglet(a, rng, left, pick(rng, {"tank": 2, "winglet": 1}))
    share = rng.uniform(0.27, 0.36)
    blade = min(0.85 * (share * span - half), long * rng.uniform(0.085, 0.12))
    add_prop_engines(a, rng, left, share, half * rng.uniform(0.42, 0.6), blade, rng.uniform(-0.3, 0.3))
    add_tail(a, rng, hull, _straight_tail(rng, pick(rng, {"low": 4, "cross": 1, "top": 1, "ends": 0.7}), long))
    if rng.random() < 0.75:
        add_cockpit(
            a, hull, rng.uniform(0.34, 0.4), rng.uniform(0.2, 0.34) * long, tall * rng.uniform(0.25, 0.55), 0.85
        )
    else:
        add_windscreen(a, hull, rng.uniform(0.2, 0.28), 0.3, 1.2, rng.uniform(30, 50))
    if rng.random() < 0.45:
        add_gear(a, rng, hull, wing.share + 0.08, half * 1.5 if high else share * span, tall * rng.uniform(0.8, 1.1),
                 0.011 * long, None if high else float(left.at(share)[0][1]))  # fmt: skip
    return "private" if rng.random() < 0.8 else "military"
