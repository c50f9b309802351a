"""Where the parts of one chair meet: the outline of its seat and the surface its back lies in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from urform.synth._solids import Numbers


@dataclass(frozen=True)
class Plan:
    """Proportions of a seat centred on the vertical axis, in metres; the front is at +z."""

    seat_height: float
    """Of the seat's upper side."""
    half_front: float
    half_rear: float
    depth: float
    thickness: float
    """Of the seat with its apron or cushion: legs start this much lower, arms and backs at the seat's upper side."""
    member: float
    """Width of legs and posts."""
    section: str = "soft"
    """Of legs and posts, as in `sweep`."""
    roundness: float = 0.0
    """0 for a trapezoid seat, 1 for an ellipse."""

    @property
    def underside(self) -> float:
        """Height of the seat's lower side."""
        return self.seat_height - self.thickness

    def corner(self, across: float, along: float, y: float, inset: float = 0.0) -> NDArray:
        """Point (3,) under the seat: across, along in -1..1 from its centre to its edges, moved in by `inset`."""
        squeeze = 1 - 0.29 * self.roundness * abs(across * along)
        half = self.half_rear + (self.half_front - self.half_rear) * (along + 1) / 2
        x = np.sign(across) * max(abs(across) * half * squeeze - inset, 0)
        z = np.sign(along) * max(abs(along) * self.depth / 2 * squeeze - inset, 0)
        return np.array([x, y, z])


@dataclass(frozen=True)
class BackSurface:
    """Maps (u, s) to the surface of a back: u is -1 to 1 across, s is 0 at the seat and 1 at the top."""

    y: float
    """Height of s = 0, metres; `z` is its place along the seat."""
    z: float
    half_bottom: float
    half_top: float
    height: float
    """Length along the surface, metres."""
    recline: float
    """Radians from the vertical."""
    bow: float = 0.0
    """Forward bulge (lumbar support) as a share of the height; negative to bow backwards."""
    wrap: float = 0.0
    """How far the middle lies behind the edges, as a share of the half width."""

    def __call__(self, u: Numbers, s: Numbers, out: Numbers = 0.0) -> NDArray:
        """Points (..., 3); `out` metres towards the sitter."""
        u, s = np.broadcast_arrays(np.asarray(u, float), np.asarray(s, float))
        half = self.half_bottom + (self.half_top - self.half_bottom) * s
        hollow = self.wrap * half * (1 - u**2) * np.sqrt(np.clip(s, 0, 1))
        forward = -np.sin(self.recline) * s + 4 * self.bow * s * (1 - s)
        z = self.z + self.height * forward - hollow + np.asarray(out)
        return np.stack([u * half, self.y + self.height * np.cos(self.recline) * s, z], -1)

    def grid(self, u: Numbers, bottom: Numbers, top: Numbers, rows: int = 9, out: Numbers = 0.0) -> NDArray:
        """Points (rows, C, 3) between the curves `bottom` and `top`, values of s at each u (C,)."""
        share = np.linspace(0, 1, rows)[:, None]
        s = (1 - share) * np.asarray(bottom) + share * np.asarray(top)
        return self(np.broadcast_to(u, s.shape), s, out)
