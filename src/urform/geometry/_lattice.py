"""The finest lattice of an iso-surface: values at few of its points, and steps between points and cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from urform.geometry._triangles import CORNERS

SdfCallable = Callable[[np.ndarray], np.ndarray]

# A vertex this close to a lattice point (in cells) is moved off it: coinciding vertices would collapse triangles.
_NUDGE_CELLS = 1e-3
UNSEEN, GUESSED, EXACT = 0, 1, 2
"""What is known of a point."""


class Lattice:
    """Values of `sdf` at the points of the finest lattice, most of which are never looked at.

    The strides are powers of two and the resolution is any integer, so the lattice may end behind the wall. Points
    there are evaluated on the wall. One layer of points around it, where all is outside, closes the surface on the
    wall; so the wall has index 1. Cells and points are numbers into the flat arrays; a cell's is that of its first
    corner.

    Args:
        sdf, resolution, bound, coarse, batch_points: see `extract_isosurface`.
    """

    def __init__(self, sdf: SdfCallable, resolution: int, bound: float, coarse: int, batch_points: int) -> None:
        self._sdf, self._bound, self._batch_points = sdf, bound, batch_points
        self.stride = 2 ** max(0, round(np.log2(resolution / coarse)))
        side = -(-resolution // self.stride) * self.stride + 3
        axis = np.linspace(-bound, bound, resolution + 1).astype(np.float32)
        self.axis = axis[np.clip(np.arange(side) - 1, 0, resolution)]
        self.last = resolution + 1
        self.following = False
        self.cell = np.float32(2 * bound / resolution)
        self.jumps = np.array([side * side, side, 1])
        # Zeros that are not written to take no memory.
        self.values = np.zeros((side,) * 3, np.float32)
        self.flat, self.state = self.values.reshape(-1), np.zeros(side**3, np.uint8)
        self.evaluations = 0
        self.lowest, self.highest = np.inf, -np.inf  # so a ball without a point counts as all inside

    def evaluate(self, points: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
        """Evaluate points; returns those whose sign is not what was guessed."""
        index = np.stack(np.unravel_index(points, self.values.shape), axis=1)
        # Behind the wall is outside, and by so much that the surface lies on the wall, to a twentieth of a cell.
        values = np.full(len(points), 40 * self._bound, np.float32)
        asked = np.flatnonzero(((index > 0) & (index <= self.last)).all(axis=1) | (not self.following))
        for start in range(0, len(asked), self._batch_points):
            chunk = asked[start : start + self._batch_points]
            answer = np.asarray(self._sdf(self.axis[index[chunk]]))
            if answer.shape != (len(chunk),):
                raise ValueError(f"sdf must return shape ({len(chunk)},), got {answer.shape}")
            values[chunk] = answer
        if not np.isfinite(values).all():
            raise ValueError(f"the field must be finite, got {np.count_nonzero(~np.isfinite(values))} NaN or infinite")
        self.evaluations += len(asked)
        self.lowest = min(self.lowest, values[asked].min(initial=np.inf))
        self.highest = max(self.highest, values[asked].max(initial=-np.inf))
        # An exact zero belongs to no side; the nudge also keeps vertices apart that would meet in a lattice point.
        nudge = np.float32(_NUDGE_CELLS) * self.cell
        values = np.where(np.abs(values) < nudge, np.where(values < 0, -nudge, nudge), values)
        flipped = points[((values < 0) != (self.flat[points] < 0)) & (self.state[points] == GUESSED)]
        self.flat[points] = values
        self.state[points] = EXACT
        return flipped

    def patterns(self, cells: Int[np.ndarray, " C"]) -> UInt8[np.ndarray, " C"]:
        """The numbers of the patterns of signs at corners of the finest lattice's cells."""
        return patterns(self.flat[cells[:, None] + CORNERS @ self.jumps])

    def cut_edges(self, cells: Int[np.ndarray, " C"]) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"]]:
        """Start and end of the edges with a change of sign among the three that leave a cell's first corner."""
        inside = self.flat[cells] < 0
        starts = [cells[(self.flat[cells + jump] < 0) != inside] for jump in self.jumps]
        ends = [start + jump for start, jump in zip(starts, self.jumps, strict=True)]
        return np.concatenate(starts), np.concatenate(ends)

    def around(self, points: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
        """The cells that have one of the points as a corner."""
        return (points[:, None] - CORNERS @ self.jumps).reshape(-1)

    def within(self, cells: Int[np.ndarray, " C"]) -> Int[np.ndarray, " D"]:
        """Those that have a corner on this side of the wall."""
        index = np.stack(np.unravel_index(cells, self.values.shape), axis=0)
        return cells[(index <= self.last).all(axis=0)]

    def wall_cells(self) -> Int[np.ndarray, " C"]:
        """All cells behind the wall, where a point on it is known to be inside."""
        walls = [
            self.values.swapaxes(0, axis)[end] for axis in range(3) for end in (slice(1, 2), slice(self.last, None))
        ]
        if all((wall >= 0).all() for wall in walls):
            return np.zeros(0, int)
        across = np.indices((self.last + 1,) * 2).reshape(2, -1)
        shell = [np.insert(across, axis, end, axis=0) for axis in range(3) for end in (0, self.last)]
        return distinct(self.jumps @ np.concatenate(shell, axis=1))


def patterns(corners: Float[np.ndarray, "C 8"]) -> UInt8[np.ndarray, " C"]:
    """The numbers of cells' patterns of signs."""
    return np.packbits(corners < 0, axis=1, bitorder="little")[:, 0]


def is_mixed(patterns: UInt8[np.ndarray, " C"]) -> Bool[np.ndarray, " C"]:
    """The patterns that have both signs."""
    return (patterns > 0) & (patterns < 255)


def distinct(points: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
    """Each point once, in order. They are nearly sorted, so this is faster than `np.unique`, which hashes them."""
    points = np.sort(points, kind="stable")
    return points[np.diff(points, prepend=-1) > 0]
