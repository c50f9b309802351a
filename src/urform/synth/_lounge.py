"""Low chairs on slim side frames."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._armchairs import cushion
from urform.synth._materials import pick
from urform.synth._shape import Assembly
from urform.synth._solids import bar, fillet, sheet, spline, sweep, xyz


@dataclass(frozen=True)
class _Carrier:
    """The plane a cushion lies on, in the middle plane of the chair; metres."""

    start: NDArray
    """Its lower or rear end (3,)."""
    along: NDArray
    """Unit direction to the other end (3,)."""
    normal: NDArray
    """Unit direction of the sitter (3,)."""
    half: float
    """Half width."""
    length: float

    def at(self, share: float | NDArray, x: float = 0.0) -> NDArray:
        """Points (..., 3) at a share of the length, `x` metres aside."""
        return self.start + self.along * share * self.length + xyz(x, 0, 0)


def _lay(a: Assembly, rng: Generator, part: str, kind: str, on: _Carrier, pad: float) -> None:
    """Lays a "cushion", a "split" cushion, a "sling" or "boards" on a carrier; `pad` is a cushion's thickness."""
    if kind in ("cushion", "split"):
        count = int(rng.integers(2, 5)) if kind == "split" else 1
        tall, radius, arch = on.length / count, pad * rng.uniform(0.2, 0.48), rng.choice([0, 0.03]) / count
        pillow = cushion((2 * on.half, tall + 0.006, pad), radius, rng.uniform(0, 0.03), arch)
        axes = np.stack([np.cross(on.along, on.normal), on.along, on.normal], 1)
        for i in range(count):
            middle = on.at((i + 0.5) / count) + on.normal * pad * 0.45
            a.add(part, "soft", pillow.transform(np.column_stack([axes, middle])))
    elif kind == "sling":
        share = np.linspace(0, 1, 13)[:, None]
        line = on.at(share) - on.normal * rng.uniform(0.0, 0.05) * np.sin(np.pi * share)
        a.add(part, "soft", sheet(line[:, None] + np.linspace(-1, 1, 7)[:, None] * xyz(on.half, 0, 0), 0.024))
    else:
        count = int(rng.integers(4, 9))
        upright = part == "back" and rng.random() < 0.5
        width = (2 * on.half if upright else on.length) / count * 0.75
        fan = 0.25 * rng.choice([0, 1])
        for i in (np.arange(count) + 0.5) / count:
            u = 2 * i - 1
            if upright:
                board = bar(on.at(0, u * on.half), on.at(1 - fan * u**2, u * on.half), width, 0.024, section="soft")
            else:
                board = bar(on.at(i, -on.half), on.at(i, on.half), width, 0.024, side=on.along, section="soft")
            a.add(part, "frame", board)


def lounge_chair(a: Assembly, rng: Generator) -> str:
    """A low reclined seat of cushions, slings or boards on a slim wooden or metal frame with thin arms."""
    half, depth = rng.uniform(0.24, 0.34), rng.uniform(0.46, 0.66)
    front, tilt = rng.uniform(0.33, 0.42), np.radians(rng.uniform(3, 14))
    recline, length = np.radians(rng.uniform(14, 40)), rng.uniform(0.4, 0.75)
    size, section = rng.uniform(0.024, 0.042), rng.choice(["round", "soft", "square"])
    kind = pick(rng, {"cushion": 3, "split": 0.8, "sling": 1, "boards": 1.1})
    pad, back_pad = rng.uniform(0.05, 0.16), rng.uniform(0.045, 0.14)
    if kind in ("sling", "boards"):
        pad = back_pad = 0.024
    rear = xyz(0, front - np.sin(tilt) * depth, -depth * (np.cos(tilt) - 0.5))
    normal = xyz(0, np.cos(tilt), -np.sin(tilt))
    seat = _Carrier(rear - normal * pad * 0.9, xyz(0, np.sin(tilt), np.cos(tilt)), normal, half, depth)
    upward, toward = xyz(0, np.cos(recline), -np.sin(recline)), xyz(0, np.sin(recline), np.cos(recline))
    narrow = half * (rng.uniform(0.86, 1) if kind == "cushion" else 1)
    back = _Carrier(rear - normal * pad * 0.6, upward, toward, narrow, length)
    _lay(a, rng, "seat", kind, seat, pad)
    _lay(a, rng, "back", kind if rng.random() < 0.8 else "cushion", back, max(back_pad, 0.03))
    if rng.random() < 0.2:
        roll = back.at(1 - 0.08 / length) + toward * back_pad * 0.9
        a.add("headrest", "soft", bar(roll - xyz(half * 0.8, 0, 0), roll + xyz(half * 0.8, 0, 0), 0.12, 0.09))
    x = half + size * 0.4
    _side_frames(a, rng, seat, back, x, size, section)
    for point in (seat.at(0.12, x), seat.at(0.9, x), back.at(0.85, x)):
        a.add("frame", "frame", bar(point, point * (-1, 1, 1), size, section=section, side=(0, 0, 1)))
    a.mark_pair("seat_front", seat.at(1, half) + normal * pad * 0.9)
    a.mark_pair("seat_rear", rear + xyz(half, 0, 0))
    a.mark_pair("back_top", back.at(1, half))
    a.note(seat=kind, back=kind, seat_height=front, seat_depth=depth, seat_width=2 * half, back_height=length,
           recline_deg=np.degrees(recline), cushion=pad)  # fmt: skip
    return rng.choice(["wood", "metal"])


def _side_frames(
    a: Assembly, rng: Generator, seat: _Carrier, back: _Carrier, x: float, size: float, section: str
) -> None:
    """Two side frames at `x` metres: the carriers' rails, legs and arms of bars of `size` metres."""
    kind = pick(rng, {"posts": 2, "loop": 1.5, "bent": 1.5, "none": 1})
    a.add_pair("frame", "frame", bar(back.at(-0.1, x), back.at(rng.uniform(0.75, 0.98), x), size, section=section))
    a.add_pair("frame", "frame", bar(seat.at(-0.1, x), seat.at(0.98, x), size, section=section))
    tip = seat.at(0.98, x)
    arm_y = tip[1] + rng.uniform(0.17, 0.27)
    spot = back.at((arm_y - 0.02 - back.start[1]) / (back.along[1] * back.length), x)
    front_foot = tip * (1, 0, 1) + xyz(0, 0, rng.uniform(-0.1, 0.05))
    rear_foot = spot * (1, 0, 1) + xyz(0, 0, rng.uniform(-0.12, 0.05))
    front_top = front_foot + xyz(0, arm_y, rng.uniform(-0.02, 0.05))
    corners = np.stack([spot, front_top, front_foot + xyz(0, size / 2, 0), rear_foot + xyz(0, size / 2, 0)])
    taper = [size * 1.15, size * 0.8]
    if kind == "posts":
        a.add_pair("leg", "frame", bar(front_top, front_foot, taper, section=section))
        a.add_pair("leg", "frame", bar(spot, rear_foot, taper, section=section))
        ahead = front_top + xyz(0, 0, rng.uniform(0.02, 0.08))
        path = spline([spot - xyz(0, 0, 0.04), (spot + ahead) / 2 + xyz(0.01, 0.02, 0), ahead], 9)
        a.add_pair("arm", "frame", sweep(path, size * rng.uniform(1, 2.6), size, section="soft"))
    elif kind == "loop":
        loop = fillet(corners + xyz(size / 2, 0, 0), rng.uniform(0.03, 0.12), closed=True)
        a.add_pair("leg", "frame", sweep(loop, size, section=section, closed=True))
    elif kind == "bent":
        a.add_pair("leg", "frame", sweep(fillet(corners, rng.uniform(0.06, 0.16)), size * 1.1, section=section))
        beam = corners[3] + xyz(0, 0, 0.05)
        a.add("stretcher", "frame", bar(beam, beam * (-1, 1, 1), size))
    else:
        a.add_pair("leg", "frame", bar(tip, front_foot, taper, section=section))
        a.add_pair("leg", "frame", bar(seat.at(0, x), rear_foot, taper, section=section))
    if kind != "none":
        a.mark_pair("arm_front", front_top)
        a.mark_pair("arm_rear", spot)
    a.mark_pair("foot_front", front_foot)
    a.mark_pair("foot_rear", rear_foot)
    a.note(base="lounge_frame", arms=kind)
