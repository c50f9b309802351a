"""Parts of a plane: fuselage, wings and fins, engines, propellers, undercarriage.

The nose is at +z, y up, the pilot's left at +x.
"""

from dataclasses import dataclass, field

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import Numbers, bar, lathe, loft, rounded_box, sweep, xyz

_CHORDWISE = np.array([[0, 0.4], [0.1, 0.8], [0.35, 1], [0.7, 0.8], [1, 0.45]])
"""Half height of an aerofoil by its share of the chord; the rear edge stays thick enough to be seen."""
_WIDE = 1000.0


@dataclass(frozen=True)
class Hull:
    """A fuselage: the outline by the share of its length from the nose, 0, to the tail, 1."""

    length: float
    table: Numbers
    """Rows of share, bottom, top and half width in metres."""
    power: float = 2.0
    """Of the section: 2 is an ellipse, more is squarer."""
    sides: int = 20

    def z(self, share: float) -> float:
        """Place along the axis."""
        return self.length * (0.5 - share)

    def at(self, share: Numbers) -> NDArray:
        """Bottom, top and half width (..., 3) at a share of the length."""
        table = np.asarray(self.table, float)
        return PchipInterpolator(table[:, 0], table[:, 1:])(share)

    def middle(self, share: float) -> float:
        """Height of the axis."""
        return float(self.at(share)[:2].mean())

    def solid(self, grow: float = 0.0, stations: int = 30) -> Manifold:
        """The fuselage, its sections enlarged by `grow` metres."""
        knots = np.asarray(self.table, float)[:, 0]
        share = np.union1d(knots, np.linspace(0, 1, stations) ** 1.3)
        share = share[np.append(np.diff(share) > 0.004, True)]
        bottom, top, half = self.at(share).T
        angle = (np.arange(self.sides) + 0.5) * (2 * np.pi / self.sides)
        x, y = (np.sign(f) * np.abs(f) ** (2 / self.power) for f in (np.cos(angle), np.sin(angle)))
        z = np.broadcast_to(self.length * (0.5 - share)[:, None], (len(share), self.sides))
        middle, tall = (bottom + top) / 2, (top - bottom) / 2 + grow
        rings = np.stack([(half + grow)[:, None] * x, middle[:, None] + tall[:, None] * y, z], -1)
        return loft(rings, rings[[0, -1]].mean(1))

    def band(self, shares: tuple[float, float], heights: tuple[float, float]) -> Manifold:
        """A thin layer of paint or glass over the part of the fuselage between two shares and two heights."""
        size = (_WIDE, heights[1] - heights[0], self.length * (shares[1] - shares[0]))
        box = rounded_box(size, 1e-4, 1, 1).translate((0, sum(heights) / 2, self.z(sum(shares) / 2)))
        return self.solid(0.0025 * self.length) ^ box


def tube(length: float, half: float, tall: float, nose: Numbers, tail: Numbers, **section) -> Hull:
    """A fuselage of one width between a nose and a tail.

    Args:
        length: In metres.
        half: Half width.
        tall: Half height.
        nose: Share of the length that tapers; bluntness 0.4 (round) to 1 (pointed); how low the tip is, 0 to 1.
        tail: Share of the length that tapers; how high the end is, -0.5 to 1; size of the end, 0 to 1.
        section: power and sides of the `Hull`.
    """
    (front, power, droop), (rear, rise, end) = np.asarray(nose, float), np.asarray(tail, float)
    u = np.array([0, 0.03, 0.12, 0.3, 0.6, 1])
    s = np.maximum((1 - (1 - u) ** 2) ** power, 0.06)
    head = np.stack([front * u, tall * (-droop + (droop - 1) * s), tall * (-droop + (1 + droop) * s), half * s], -1)
    v = np.array([0, 0.3, 0.6, 0.85, 1]) if rear + front < 0.98 else np.array([0.3, 0.6, 0.85, 1])
    s = v**1.5
    low, high = -1 + (rise - end + 1) * s, 1 + (rise + end - 1) * s**1.2
    back = np.stack([1 - rear + rear * v, tall * low, tall * high, half * (1 - (1 - end * 0.8) * s)], -1)
    return Hull(length, np.concatenate([head, back]), **section)


@dataclass(frozen=True)
class Aerofoil:
    """A wing, stabiliser or fin from the middle plane outwards."""

    root: NDArray
    """Front of the root (3,)."""
    tip: NDArray
    chord: float
    taper: float
    """Chord of the tip in chords of the root."""
    least: float
    """Least thickness in metres."""
    thickness: float = 0.12
    """In chords."""
    normal: Numbers = (0.0, 1.0, 0.0)
    end: str = "cut"
    """Shape of the tip: "cut", "round" or "ellipse"."""
    crank: tuple[float, float] | None = None
    """Share of the span at which the chord has a kink, and the chord there in chords of the root."""

    def at(self, share: float) -> tuple[NDArray, float]:
        """Front point (3,) and chord at a share of the span."""
        knots, values = (0.0, 1.0), (1.0, self.taper)
        if self.crank:
            knots, values = (0.0, self.crank[0], 1.0), (1.0, self.crank[1], self.taper)
        return self.root + share * (self.tip - self.root), self.chord * float(np.interp(share, knots, values))

    def solid(self) -> Manifold:
        """The surface."""
        shares, sizes = np.array([0.0, 1.0]), np.ones(2)
        if self.end == "ellipse":
            shares = np.sin(np.linspace(0, 0.47 * np.pi, 9))
            sizes = np.sqrt(1 - shares**2)
        elif self.end == "round":
            turn = np.radians([0, 30, 55, 78])
            curved = min(0.3, 0.5 * self.at(1)[1] / np.linalg.norm(self.tip - self.root))
            shares = np.append(0.0, 1 - curved + curved * np.sin(turn))
            sizes = np.append(1.0, np.sqrt(np.cos(turn)))
        if self.crank:
            place = np.searchsorted(shares, self.crank[0])
            shares, sizes = np.insert(shares, place, self.crank[0]), np.insert(sizes, place, 1.0)
        rings = []
        for share, size in zip(shares, sizes, strict=True):
            front, chord = self.at(share)
            rings.append(_aerofoil(front - xyz(0, 0, 0.4 * chord * (1 - size)), chord * size, self))
        return loft(np.stack(rings), np.stack([rings[0].mean(0), rings[-1].mean(0)]))


def _aerofoil(front: NDArray, chord: float, surface: Aerofoil) -> NDArray:
    """Ring of points (10, 3)."""
    half = max(surface.thickness * chord, surface.least) / 2
    back, up = np.outer(_CHORDWISE[:, 0] * chord, (0, 0, -1)), np.outer(_CHORDWISE[:, 1] * half, surface.normal)
    return front + np.concatenate([back + up, (back - up)[::-1]])


@dataclass
class Wing:
    """What a family says of its wing; lengths in metres."""

    half_span: float
    chord: float
    taper: float
    sweep: float
    """How far the front of the tip lies behind that of the root."""
    rise: float
    """How far the tip lies above the root."""
    share: float
    """Place of the root's front along the fuselage."""
    height: float
    least: float
    more: dict = field(default_factory=dict)

    def surface(self, hull: Hull) -> Aerofoil:
        """The left wing."""
        root = xyz(-0.01 * self.half_span, self.height, hull.z(self.share))
        tip = root + xyz(1.01 * self.half_span, self.rise, -self.sweep)
        return Aerofoil(root, tip, self.chord, self.taper, self.least, **self.more)


def add_wing(a: Assembly, hull: Hull, wing: Wing, name: str = "wing") -> Aerofoil:
    """Adds both halves of a wing and marks its roots and tips."""
    left = wing.surface(hull)
    a.add_pair("wing", "wing", left.solid())
    share = float(np.clip(hull.at(wing.share)[2] / wing.half_span, 0, 0.9))
    front, _ = left.at(share)
    a.mark_pair(f"{name}_root_front", front)
    tip, chord = left.at(1)
    a.mark_pair(f"{name}_tip", tip - xyz(0, 0, chord * (0.5 if left.end == "cut" else 0.45)))
    a.note(span=2 * wing.half_span, root_chord=wing.chord, sweep=wing.sweep)
    return left


def add_winglet(a: Assembly, rng: Generator, left: Aerofoil, kind: str) -> None:
    """Ends the wings in a "winglet", a "fence" or a "tank"."""
    tip, chord = left.at(1)
    if kind == "tank":
        radius = max(0.22 * chord, 1.2 * left.least)
        body = spindle([[-1.1, 0.1], [-0.6, 0.7], [0.2, 1], [0.8, 0.7], [1.15, 0.1]], radius, 1.5 * chord)
        a.add_pair("wing", "trim", body.translate((tip - xyz(0, 0, 0.45 * chord)).tolist()))
        return
    tall = left.tip[0] * rng.uniform(0.06, 0.13)
    root = tip - xyz(left.least * 0.3, left.least * 0.3, chord * 0.25)
    out = tall * rng.uniform(0.1, 0.6)
    fin = Aerofoil(root, root + xyz(out, tall, -tall * rng.uniform(0.5, 1)), chord * 0.74, rng.uniform(0.35, 0.7),
                  left.least, 0.08, np.array([tall, -out, 0]) / np.hypot(tall, out))  # fmt: skip
    a.add_pair("wing", "trim", fin.solid())
    if kind == "fence":
        a.add_pair("wing", "trim", Aerofoil(root + xyz(0, left.least * 0.6, 0), root - xyz(0, tall * 0.8, chord * 0.3),
                                           chord * 0.74, 0.5, left.least, 0.08, (1, 0, 0)).solid())  # fmt: skip


def spindle(profile: Numbers, radius: float, length: float, segments: int = 14) -> Manifold:
    """Solid of revolution along z about the origin; profile (N, 2) of place (-1 to 1, rising) and radius (0 to 1)."""
    table = np.asarray(profile, float)
    return lathe(np.stack([table[:, 1] * radius, table[:, 0] * length / 2], -1), segments=segments).rotate((90, 0, 0))


def nacelle(rng: Generator, radius: float, length: float) -> Manifold:
    """A jet engine about the origin, open at its front."""
    core = rng.uniform(0.45, 0.75)
    step = rng.uniform(-0.6, 0.1)
    back = [[-1, core * 0.5], [-0.75, core]]
    if rng.random() < 0.6:
        back += [[step, core], [step + 0.02, 0.88]]
    front = [[0.3, 1], [0.8, 0.95], [1, 0.82], [0.97, 0.72], [0.7, 0.68]]
    return spindle([*back, *front], radius, length, 16)


def add_jets(a: Assembly, rng: Generator, left: Aerofoil, shares: Numbers, radius: float, ahead: float) -> None:
    """Hangs jet engines on pylons below both wings."""
    long = radius * rng.uniform(3, 4.6)
    for number, share in enumerate(np.atleast_1d(np.asarray(shares, float)), 1):
        front, chord = left.at(float(share))
        centre = front + xyz(0, -radius * rng.uniform(1.2, 1.45), long * ahead - 0.5 * long)
        a.add_pair("engine", "metal" if rng.random() < 0.5 else "frame", nacelle(rng, radius, long).translate(
            centre.tolist()))  # fmt: skip
        pylon = Aerofoil(centre + xyz(0, 0, long * 0.2), front - xyz(0, 0, 0.15 * chord), long * 0.55,
                        0.55 * chord / (long * 0.55), left.least, 0.05, (1, 0, 0))  # fmt: skip
        a.add_pair("engine", "wing", pylon.solid())
        a.mark_pair(f"engine_{number}", centre + xyz(0, 0, long * 0.5 * 0.8))


def add_side_jets(a: Assembly, rng: Generator, hull: Hull, share: float, radius: float, least: float) -> None:
    """Sets two jet engines beside the rear fuselage."""
    bottom, top, half = hull.at(share)
    long = radius * rng.uniform(3.6, 5.5)
    centre = xyz(half + radius * rng.uniform(1.05, 1.4), bottom + (top - bottom) * rng.uniform(0.6, 0.8), hull.z(share))
    a.add_pair("engine", "metal" if rng.random() < 0.5 else "frame", nacelle(rng, radius, long).translate(
        centre.tolist()))  # fmt: skip
    inside = xyz(0, centre[1], centre[2] + long * 0.25)
    pylon = Aerofoil(inside, centre + xyz(0, 0, long * 0.2), long * 0.55, 0.95, least)
    a.add_pair("engine", "frame", pylon.solid())
    a.mark_pair("engine", centre + xyz(0, 0, long * 0.4))


def add_propeller(a: Assembly, rng: Generator, hub: NDArray, radius: float, least: float, pair: bool = False) -> None:
    """Adds a spinner and its blades, or the disc that they seem when they turn; `hub` is where the nose ends."""
    add = a.add_pair if pair else a.add
    size = radius * rng.uniform(0.1, 0.2)
    spinner = spindle([[-1, 1], [-0.2, 0.95], [0.5, 0.6], [1, 0.08]], size, size * rng.uniform(2, 3.5))
    add("propeller", "trim", spinner.translate(hub.tolist()))
    if rng.random() < 0.1:
        disc = lathe([[radius, -least / 2], [radius, least / 2]], segments=28).rotate((90, 0, 0))
        add("propeller", "metal", disc.translate(hub.tolist()))
    else:
        count, turn = int(rng.choice([2, 2, 3, 3, 4])), rng.uniform(0, np.pi)
        wide, pitch = max(radius * rng.uniform(0.12, 0.26), 1.6 * least), np.radians(rng.uniform(25, 60))
        for angle in turn + 2 * np.pi * np.arange(count) / count:
            out = xyz(np.cos(angle), np.sin(angle), 0)
            across = np.cos(pitch) * xyz(-out[1], out[0], 0) + np.sin(pitch) * xyz(0, 0, 1)
            widths = wide * np.array([0.6, 1, 1, 0.85, 0.5])
            add("propeller", "metal", bar(hub, hub + out * radius, widths, max(least, wide * 0.14), side=across,
                                          section="soft"))  # fmt: skip
    (a.mark_pair if pair else a.mark)("propeller_hub", hub)


def add_prop_engines(a: Assembly, rng: Generator, left: Aerofoil, shares: Numbers, radius: float, blade: float,
                     drop: float = 0.0) -> None:  # fmt: skip
    """Builds propeller engines into both wings; `drop` is how far below the wing, in radii."""
    for share in np.atleast_1d(np.asarray(shares, float)):
        front, chord = left.at(float(share))
        ahead, behind = rng.uniform(0.45, 0.8) * chord, chord * rng.uniform(0.55, 1.1)
        centre = front + xyz(0, -drop * radius, (ahead - behind) / 2)
        body = spindle([[-1, 0.12], [-0.6, 0.6], [0, 1], [0.6, 0.95], [1, 0.5]], radius, ahead + behind)
        a.add_pair("engine", "frame", body.scale((1, rng.uniform(0.95, 1.3), 1)).translate(centre.tolist()))
        add_propeller(a, rng, front + xyz(0, -drop * radius, ahead), blade, left.least, pair=True)


def wheel(centre: NDArray, radius: float) -> Manifold:
    """A wheel that rolls forwards."""
    half = radius * 0.28
    tyre = lathe([[0.75 * radius, -half], [radius, -half * 0.6], [radius, half * 0.6], [0.75 * radius, half]])
    return tyre.rotate((0, 0, 90)).translate(centre.tolist())


def add_leg(a: Assembly, top: NDArray, centre: NDArray, radius: float, width: float, spat: bool = False) -> None:
    """A leg with a wheel, mirrored unless it stands in the middle plane."""
    pair = abs(centre[0]) > 1e-6
    add = a.add_pair if pair else a.add
    add("gear", "metal", bar(top, centre, width))
    add("gear", "metal", wheel(centre, max(radius, width)))
    if spat:
        body = spindle([[-1.3, 0.1], [-0.5, 0.8], [0.2, 1], [0.8, 0.8], [1.1, 0.2]], radius * 0.95, 3.2 * radius)
        add("gear", "trim", body.scale((0.6, 1, 1)).translate((centre + xyz(0, radius * 0.15, 0)).tolist()))


def add_gear(a: Assembly, rng: Generator, hull: Hull, share: float, track: float, deep: float, least: float,
             root: float | None = None) -> None:  # fmt: skip
    """Adds an undercarriage with a nose wheel or a tail wheel.

    Args:
        a: The plane.
        rng: Its generator.
        hull: Its fuselage.
        share: Place of the main wheels along the fuselage.
        track: Half the distance of the main wheels.
        deep: How far the wheels' lowest points are below the fuselage.
        least: Thickness of the legs.
        root: Height of the upper ends of the legs, right above the wheels; they begin in the fuselage when None.
    """
    bottom, top, half = hull.at(share)
    ground, radius = bottom - deep, deep * rng.uniform(0.3, 0.55)
    spat, width = rng.random() < 0.3, least * rng.uniform(1, 1.5)
    foot = xyz(track, ground + radius, hull.z(share))
    start = xyz(track, root, foot[2]) if root is not None else xyz(half * 0.4, bottom * 0.7 + top * 0.3, foot[2])
    add_leg(a, start, foot, radius, width, spat)
    kind = pick(rng, {"nose": 2, "tail": 1})
    place, size = (0.13, radius * rng.uniform(0.75, 1)) if kind == "nose" else (0.9, radius * 0.5)
    low = hull.at(place)[0]
    centre = xyz(0, ground + size if kind == "nose" else low - size * 1.1, hull.z(place))
    add_leg(a, xyz(0, hull.middle(place), hull.z(place)), centre, size, width, spat and kind == "nose")
    a.mark_pair("wheel", foot)
    a.mark(f"{kind}_wheel", centre)
    a.note(gear=kind)


def add_floats(a: Assembly, rng: Generator, hull: Hull, share: float, deep: float, least: float) -> None:
    """Adds two floats on struts."""
    bottom, top, half = hull.at(share)
    long, radius = hull.length * rng.uniform(0.75, 0.95), hull.length * rng.uniform(0.035, 0.05)
    x, y = half + radius * rng.uniform(0.6, 1.8), bottom - deep
    z = hull.z(share) + long * np.array([-0.55, -0.35, -0.02, 0.0, 0.25, 0.38, 0.45])
    path = np.stack([np.full(7, x), y + radius * np.array([0.5, 0.25, 0, -0.1, 0, 0.35, 0.7]), z], -1)
    a.add_pair("float", "trim" if rng.random() < 0.5 else "frame", sweep(
        path, 2 * radius * np.array([0.3, 0.7, 0.95, 1, 1, 0.7, 0.2]),
        2 * radius * np.array([0.3, 0.75, 0.9, 1.1, 1.1, 0.7, 0.2]), "soft"))  # fmt: skip
    for along in (-0.16, 0.16):
        low = xyz(x, y, hull.z(share) + along * long)
        a.add_pair("strut", "metal", bar(low, xyz(half * 0.3, bottom * 0.6 + top * 0.4, low[2]), least * 1.2))
        a.add("strut", "metal", bar(low, low * (-1, 1, 1), least * 1.1))
    a.mark_pair("float_front", path[-1])
