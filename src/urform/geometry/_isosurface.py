"""Iso-surface of any callable, evaluated coarse to fine and only where the surface can be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from urform.geometry._triangles import (
    AMBIGUOUS,
    CORNERS,
    MIXED_FACES,
    SIDES,
    drop_small_components,
    part_shared_edges,
    triangulate,
)

if TYPE_CHECKING:
    import trimesh

logger = logging.getLogger(__name__)

MIN_RESOLUTION = 8
MAX_RESOLUTION = 512

SdfCallable = Callable[[np.ndarray], np.ndarray]

# A vertex this close to a lattice point (in cells) is moved off it: coinciding vertices would collapse triangles.
_NUDGE_CELLS = 1e-3
# Points of a cell's 3 x 3 x 3 that are not its corners, in half cells.
_BETWEEN = np.array([p for p in np.ndindex(3, 3, 3) if 1 in p])
_STEPS = np.sqrt((_BETWEEN == 1).sum(axis=1)).astype(np.float32)
_MIDDLE = int(np.flatnonzero((_BETWEEN == 1).all(axis=1))[0])
# Interpolation is reckoned to be wrong by so many times what it was seen wrong by, and by this share of what the field
# can change: where all points around were asked, and, for each unit of the stride, where only that in the middle was.
_WORSE, _SURE, _ALONE = np.float32(2), np.float32(0.05), np.float32(0.07)
# What is foretold is reckoned to be wrong by so many cells more than is seen, over the square of how many foretell it.
_UNTOLD = np.float32(2.8)
# The least that can hide from one cell in seven: nine cells of the coarser lattice, beside one another, on two sides.
_HIDING = 18
# So few cells are not worth a call of the field by themselves.
_FEW = 400
_UNSEEN, _GUESSED, _EXACT = 0, 1, 2


class NoSurfaceError(ValueError):
    """The field has the same sign everywhere."""


def extract_isosurface(
    sdf: SdfCallable,
    resolution: int,
    bound: float = 1.0,
    coarse: int = 16,
    safety: float = 1.25,
    min_component_share: float = 0.01,
    batch_points: int = 1 << 17,
    radius: float | None = None,
    tolerance: float = 0.1,
) -> trimesh.Trimesh:
    """Extract the surface `sdf == 0` inside the cube [-bound, bound]^3 as a watertight mesh.

    A coarse lattice is evaluated densely, then its cells are halved until there are `resolution` along an axis. Points
    between are interpolated, and evaluated where the sign is in doubt: where the interpolated value is smaller than
    what a field of slope `safety` can have changed on the way, and than interpolation was last wrong there. At the end
    the surface is followed from cell to cell. Of every edge with a change of sign the end nearer to the surface is
    evaluated, then the other one, but for those whose value the edges beside foretell (see `tolerance`), and all
    corners of cells that could be triangulated in more than one way. So the mesh is that of the dense lattice, but for
    specks that no evaluated point saw: that a component of eight cells is found (with `min_component_share` of 0), and
    that every one is that is not dropped, was tried on many fields of at most this slope, not proven.

    Of the finest lattice only the pages near the surface take memory, until the box around it is triangulated.

    Args:
        sdf: maps points (N, 3), float32, to approximate signed distances (N,), negative inside; far values may be
            clamped.
        resolution: cells along an axis, 8 to 512; any integer.
        bound: half the side of the cube. Where the inside reaches the wall, the mesh is closed on the wall.
        coarse: wanted cells along an axis of the first lattice; the true number is within a factor of 1.42.
            Fewer is cheaper down to where the spacing reaches the clamping distance.
        safety: the steepest slope of `sdf` near its surface that is reckoned with; 1 suits a true distance.
        min_component_share: connected components with less than this share of the largest one's area are dropped, and
            on fine lattices not looked for.
        batch_points: most points in one call of `sdf`.
        radius: where the shape is known to lie in a ball around the origin: coarse points outside of the ball are not
            evaluated (half the cube for a radius equal to `bound`). What sticks out of it is followed all the same; a
            ball that is all inside is not taken at its word.
        tolerance: how far a vertex may lie from the surface of the dense lattice, in cells. An estimate that parts
            thinner than a cell can exceed. 0 evaluates both ends of every edge with a change of sign.

    Returns:
        The mesh, faces oriented outwards. Its `metadata` counts `evaluations` (points given to `sdf`) and
        `dropped_components`, and keeps `resolution`.

    Raises:
        NoSurfaceError: it has no zero crossing in the cube.
        ValueError: an argument is out of range, or the field is not finite.
    """
    _check_arguments(resolution, bound, coarse, safety, min_component_share, radius, batch_points, tolerance)
    lattice = _Lattice(sdf, resolution, bound, coarse, batch_points)
    cells, doubt = lattice.start(safety, radius)
    while lattice.stride > 1:
        cells, doubt = lattice.halve(cells, doubt, safety, min_component_share)
    crossing = lattice.follow(cells, tolerance)
    if not len(crossing) or lattice.highest < 0:
        side = "outside" if lattice.highest >= 0 else "inside"
        raise NoSurfaceError(
            f"the field has no zero crossing in the cube of half side {bound:g}: it is {side} everywhere "
            f"(values {lattice.lowest:.4g} to {lattice.highest:.4g})"
        )
    vertices, faces = triangulate(lattice.values, crossing)
    vertices = np.clip((vertices - 1) * (2 * bound / resolution) - bound, -bound, bound)
    vertices, faces = part_shared_edges(vertices, faces)
    vertices, faces, dropped = drop_small_components(vertices, faces, min_component_share)
    if dropped:
        logger.info("dropped %d components below %g %% of the largest", dropped, 100 * min_component_share)
    logger.debug("%d evaluations, dense: %d", lattice.evaluations, (resolution + 1) ** 3)
    import trimesh

    metadata = {"evaluations": lattice.evaluations, "dropped_components": dropped, "resolution": resolution}
    return trimesh.Trimesh(vertices, faces, process=False, metadata=metadata)


class _Lattice:
    """Values of `sdf` at the points of the finest lattice, most of which are never looked at.

    The strides are powers of two and the resolution is any integer, so the lattice may end behind the wall; what lies
    there is asked on the wall. One layer of points around it, where all is outside, closes the surface on the wall; so
    the wall has index 1. Cells and points are numbers into the flat arrays; a cell's is that of its first corner.

    Args:
        sdf, resolution, bound, coarse, batch_points: see `extract_isosurface`.
    """

    def __init__(self, sdf: SdfCallable, resolution: int, bound: float, coarse: int, batch_points: int) -> None:
        self._sdf, self._bound, self._batch_points = sdf, bound, batch_points
        self.stride = 2 ** max(0, round(np.log2(resolution / coarse)))
        side = -(-resolution // self.stride) * self.stride + 3
        axis = np.linspace(-bound, bound, resolution + 1).astype(np.float32)
        self._axis = axis[np.clip(np.arange(side) - 1, 0, resolution)]
        self._last = resolution + 1
        self._following = False
        self._cell = np.float32(2 * bound / resolution)
        self._jumps = np.array([side * side, side, 1])
        # Steps to the edges beside an edge, for its three directions: to and fro, in two directions.
        self._across = np.array([[(-jump, jump) for jump in np.delete(self._jumps, axis)] for axis in range(3)])
        # Zeros that are not written to take no memory.
        self.values = np.zeros((side,) * 3, np.float32)
        self._flat, self._state = self.values.reshape(-1), np.zeros(side**3, np.uint8)
        self.evaluations = 0
        self.lowest, self.highest = np.inf, -np.inf  # so a ball without a point counts as all inside

    def start(self, safety: float, radius: float | None) -> tuple[Int[np.ndarray, " C"], Float[np.ndarray, " C"]]:
        """Evaluate the points of the first lattice, those inside the ball or all; its cells, with no doubt known."""
        places = np.arange(1, len(self._axis) - 1, self.stride)
        grid = np.stack(np.meshgrid(places, places, places, indexing="ij"), axis=-1)
        points = grid @ self._jumps
        from_centre = np.linalg.norm(self._axis[grid], axis=-1)
        inside = np.ones(points.shape, bool) if radius is None or self.stride == 1 else from_centre <= radius
        # The value of the others, presumed outside, is so large that `halve` does not look at them again.
        self._flat[points] = from_centre + self.stride * self._cell * np.float32(safety)
        self._state[points] = _GUESSED
        self._evaluate(points[inside])
        if self.highest < 0:  # the surface is not in the ball
            self._evaluate(points[~inside])
        cells = points[:-1, :-1, :-1].reshape(-1)
        return cells, np.full(len(cells), np.inf, np.float32)

    def halve(
        self, cells: Int[np.ndarray, " C"], doubt: Float[np.ndarray, " C"], safety: float, min_component_share: float
    ) -> tuple[Int[np.ndarray, " D"], Float[np.ndarray, " D"]]:
        """Divide cells into eight each, and leave out those that the surface does not come near.

        Args:
            cells: the cells.
            doubt: by how much interpolation was last wrong in each.
            safety, min_component_share: see `extract_isosurface`.

        Returns:
            The new cells and their doubt.
        """
        corners = self._flat[cells[:, None] + CORNERS @ self._jumps * self.stride]
        self.stride //= 2
        guessed = _interpolated(corners)
        reach = np.float32(safety * self.stride) * self._cell * _STEPS
        reach = np.minimum(reach, doubt[:, None] + _SURE * reach)
        near = np.abs(guessed) < reach
        mixed = _mixed(_signs(corners))
        kept = near.any(axis=1) | mixed
        if min_component_share * np.count_nonzero(mixed) >= _HIDING:  # what would be dropped is not looked for
            sought = self._one_of_seven(cells) & ~mixed
            if self.stride == 1:
                kept = sought & kept | mixed
            # What the surface crosses is followed. For that, guesses on coarse lattices must be good near it.
            beside = 0.75 * self.stride * self._cell if self.stride > 1 else 0
            near &= sought[:, None] | mixed[:, None] & (np.abs(guessed) < beside)
        cells, guessed, near, reach = cells[kept], guessed[kept], near[kept], reach[kept]
        between = cells[:, None] + _BETWEEN @ self._jumps * self.stride
        fresh = self._state[between] == _UNSEEN
        self._flat[between[fresh]] = guessed[fresh]
        self._state[between[fresh]] = _GUESSED
        if self.stride <= 4:  # the middle, which interpolation knows least, tells how doubtful the others are
            middle = between[:, _MIDDLE]
            self._evaluate(middle[near.any(axis=1) & (self._state[middle] != _EXACT)])
            surprise = _surprise(guessed[:, _MIDDLE], self._flat[middle])
            near &= np.abs(guessed) < surprise[:, None] + _ALONE * self.stride * reach
        asked = between[near]
        self._evaluate(_distinct(asked[self._state[asked] != _EXACT]))
        wrong = _surprise(guessed, self._flat[between])
        if self.stride >= 4:  # on a coarse lattice, an error away from the surface is a warning, too
            wrong = np.abs(wrong)
        wrong = wrong.max(axis=1, initial=0)
        new = cells[:, None] + CORNERS @ self._jumps * self.stride
        return new.reshape(-1), np.repeat(wrong, 8)

    def follow(self, cells: Int[np.ndarray, " C"], tolerance: float) -> Int[np.ndarray, "D 3"]:
        """Find the cells with a change of sign, beside the given ones too; evaluate what their surface hangs on."""
        self._following = True
        for axis in range(3):
            self._state.reshape(self.values.shape).swapaxes(0, axis)[self._last + 1] = _UNSEEN
        listed = np.zeros(len(self._flat), bool)
        cells = cells[_mixed(self._signs_of(cells))]
        todo, found = np.concatenate([self._within(cells), self._wall_cells()]), []
        while len(todo):
            seen = []
            while len(todo):
                seen.append(todo)
                fresh = todo[~listed[todo]]
                listed[fresh] = True
                found.append(fresh)
                flipped, beside = self._nearer_ends(todo)
                todo = self._within(_distinct(np.concatenate([self._around(flipped), beside[~listed[beside]]])))
                if len(todo) < _FEW:
                    break
            flipped = self._farther_ends(np.concatenate(seen), tolerance)
            todo = self._within(_distinct(np.concatenate([self._around(flipped), todo])))
        cells = np.concatenate([*found, np.zeros(0, int)])
        return np.stack(np.unravel_index(cells[_mixed(self._signs_of(cells))], self.values.shape), axis=1)

    def _nearer_ends(self, cells: Int[np.ndarray, " C"]) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, " D"]]:
        """Evaluate the nearer ends of edges with a change of sign, and all corners of ambiguous cells.

        Returns:
            The points whose sign is not what was guessed, and the cells into which the surface goes on.
        """
        corners = cells[:, None] + CORNERS @ self._jumps
        self._evaluate(_distinct(corners[self._state[corners] == _UNSEEN]))
        signs = self._signs_of(cells)
        start, end = self._cut_edges(cells)
        nearer = np.where(np.abs(self._flat[start]) <= np.abs(self._flat[end]), start, end)
        wanted = np.concatenate([nearer, corners[AMBIGUOUS[signs]].reshape(-1)])
        flipped = self._evaluate(_distinct(wanted[self._state[wanted] != _EXACT]))
        mixed = np.flatnonzero(_mixed(signs))
        return flipped, (cells[mixed, None] + SIDES @ self._jumps)[MIXED_FACES[signs[mixed]]]

    def _farther_ends(self, cells: Int[np.ndarray, " C"], tolerance: float) -> Int[np.ndarray, " M"]:
        """Evaluate the other ends, but for those that are foretold; returns those that change sign."""
        start, end = self._cut_edges(cells)
        points, others = np.concatenate([start, end]), np.concatenate([end, start])
        left = self._state[points] != _EXACT
        points, others = points[left], others[left]
        if tolerance == 0:
            return self._evaluate(_distinct(points))
        flipped = []
        for colour in (0, 1):  # as on a chessboard, the lattice's sides are odd: what was evaluated foretells the rest
            now = points % 2 == colour
            ends, starts = points[now], others[now]
            foretold, doubt = self._foretell(ends, starts)
            near, far = np.abs(self._flat[starts]), np.abs(foretold)
            # As much as the far value is wrong, times its vertex's share of the edge, the vertex is moved.
            fine = near / (near + far) * doubt < tolerance * self._cell
            fine &= (far > doubt) & ((foretold < 0) == (self._flat[ends] < 0))
            chosen = np.flatnonzero(fine)
            chosen = chosen[np.argsort(-doubt[chosen])]  # of several edges' the least doubtful, which is written last
            self._flat[ends[chosen]] = foretold[chosen]
            flipped.append(self._evaluate(_distinct(ends[~fine])))
        return np.concatenate(flipped)

    def _foretell(
        self, points: Int[np.ndarray, " N"], others: Int[np.ndarray, " N"]
    ) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
        """Values at the points from those at the other ends of edges, and from the changes along the edges beside.

        Returns:
            The values, and how far they may be wrong: what the edges beside differ by, and more the fewer they are;
            infinity where there are none on two opposite sides.
        """
        across = self._across[(np.abs(points - others)[:, None] == self._jumps).argmax(axis=1)]
        at, opposite = points[:, None, None] + across, others[:, None, None] + across
        known = (self._state[at] == _EXACT) & (self._state[opposite] == _EXACT)
        change = self._flat[at] - self._flat[opposite]
        both = known.all(axis=2)
        mean = (change.mean(axis=2) * both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        high, low = np.where(known, change, -np.inf).max(axis=(1, 2)), np.where(known, change, np.inf).min(axis=(1, 2))
        untold = _UNTOLD * self._cell / np.maximum(known.sum(axis=(1, 2)), 1) ** 2
        usable = both.any(axis=1) & (self._state[others] == _EXACT)
        return self._flat[others] + mean, np.where(usable, high - low + untold, np.inf)

    def _one_of_seven(self, cells: Int[np.ndarray, " C"]) -> Bool[np.ndarray, " C"]:
        """Cells of twice the stride so chosen that each is one of them or shares a face with one."""
        index = np.stack(np.unravel_index(cells, self.values.shape), axis=1) // (2 * self.stride)
        return index @ np.array([1, 2, 3]) % 7 == 0

    def _cut_edges(self, cells: Int[np.ndarray, " C"]) -> tuple[Int[np.ndarray, " E"], Int[np.ndarray, " E"]]:
        """Start and end of the edges with a change of sign among the three that leave a cell's first corner."""
        inside = self._flat[cells] < 0
        starts = [cells[(self._flat[cells + jump] < 0) != inside] for jump in self._jumps]
        ends = [start + jump for start, jump in zip(starts, self._jumps, strict=True)]
        return np.concatenate(starts), np.concatenate(ends)

    def _signs_of(self, cells: Int[np.ndarray, " C"]) -> UInt8[np.ndarray, " C"]:
        """The numbers of the patterns of signs at corners of the finest lattice's cells."""
        return _signs(self._flat[cells[:, None] + CORNERS @ self._jumps])

    def _around(self, points: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
        """The cells that have one of the points as a corner."""
        return (points[:, None] - CORNERS @ self._jumps).reshape(-1)

    def _within(self, cells: Int[np.ndarray, " C"]) -> Int[np.ndarray, " D"]:
        """Those that have a corner on this side of the wall."""
        index = np.stack(np.unravel_index(cells, self.values.shape), axis=0)
        return cells[(index <= self._last).all(axis=0)]

    def _wall_cells(self) -> Int[np.ndarray, " C"]:
        """All cells behind the wall, where a point on it is known to be inside."""
        walls = [
            self.values.swapaxes(0, axis)[end] for axis in range(3) for end in (slice(1, 2), slice(self._last, None))
        ]
        if all((wall >= 0).all() for wall in walls):
            return np.zeros(0, int)
        across = np.indices((self._last + 1,) * 2).reshape(2, -1)
        shell = [np.insert(across, axis, end, axis=0) for axis in range(3) for end in (0, self._last)]
        return _distinct(self._jumps @ np.concatenate(shell, axis=1))

    def _evaluate(self, points: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
        """Evaluate points; returns those whose sign is not what was guessed."""
        index = np.stack(np.unravel_index(points, self.values.shape), axis=1)
        # Behind the wall is outside, and by so much that the surface lies on the wall, to a twentieth of a cell.
        values = np.full(len(points), 40 * self._bound, np.float32)
        asked = np.flatnonzero(((index > 0) & (index <= self._last)).all(axis=1) | (not self._following))
        for start in range(0, len(asked), self._batch_points):
            chunk = asked[start : start + self._batch_points]
            answer = np.asarray(self._sdf(self._axis[index[chunk]]))
            if answer.shape != (len(chunk),):
                raise ValueError(f"sdf must return shape ({len(chunk)},), got {answer.shape}")
            values[chunk] = answer
        if not np.isfinite(values).all():
            raise ValueError(f"the field must be finite, got {np.count_nonzero(~np.isfinite(values))} NaN or infinite")
        self.evaluations += len(asked)
        self.lowest = min(self.lowest, values[asked].min(initial=np.inf))
        self.highest = max(self.highest, values[asked].max(initial=-np.inf))
        # An exact zero belongs to no side; the nudge also keeps vertices apart that would meet in a lattice point.
        nudge = np.float32(_NUDGE_CELLS) * self._cell
        values = np.where(np.abs(values) < nudge, np.where(values < 0, -nudge, nudge), values)
        flipped = points[((values < 0) != (self._flat[points] < 0)) & (self._state[points] == _GUESSED)]
        self._flat[points] = values
        self._state[points] = _EXACT
        return flipped


def _signs(corners: Float[np.ndarray, "C 8"]) -> UInt8[np.ndarray, " C"]:
    """The numbers of cells' patterns of signs."""
    return np.packbits(corners < 0, axis=1, bitorder="little")[:, 0]


def _mixed(signs: UInt8[np.ndarray, " C"]) -> Bool[np.ndarray, " C"]:
    """The patterns that have both signs."""
    return (signs > 0) & (signs < 255)


def _distinct(points: Int[np.ndarray, " N"]) -> Int[np.ndarray, " M"]:
    """Each point once, in order. They are nearly sorted, so this is faster than `np.unique`, which hashes them."""
    points = np.sort(points, kind="stable")
    return points[np.diff(points, prepend=-1) > 0]


def _interpolated(corners: Float[np.ndarray, "C 8"]) -> Float[np.ndarray, "C 19"]:
    """Values between cells' corners.

    Not by a product of matrices: the threads of numpy's go on spinning and halve the speed of the network's.
    """
    values = corners.reshape(-1, 2, 2, 2)
    for axis in (1, 2, 3):
        low, high = np.split(values, 2, axis=axis)
        values = np.concatenate([low, (low + high) / 2, high], axis=axis)
    return values[(slice(None), *_BETWEEN.T)]


def _surprise(guessed: Float[np.ndarray, "*N"], values: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """How far guesses may be wrong towards the other side, from how wrong they were; negative where they were not."""
    return _WORSE * np.where(guessed > 0, guessed - values, values - guessed)


def check_resolution(resolution: int) -> None:
    """Raise a ValueError where no mesh can have this resolution."""
    if not MIN_RESOLUTION <= resolution <= MAX_RESOLUTION:
        raise ValueError(f"resolution must be {MIN_RESOLUTION} to {MAX_RESOLUTION} cells, got {resolution}")


def _check_arguments(
    resolution: int,
    bound: float,
    coarse: int,
    safety: float,
    min_component_share: float,
    radius: float | None,
    batch_points: int,
    tolerance: float,
) -> None:
    check_resolution(resolution)
    if not bound > 0:
        raise ValueError(f"bound must be positive, got {bound}")
    if coarse < 1:
        raise ValueError(f"coarse must be at least 1 cell, got {coarse}")
    if not safety > 0:
        raise ValueError(f"safety must be positive, got {safety}")
    if not 0 <= min_component_share <= 1:
        raise ValueError(f"min_component_share must be 0 to 1, got {min_component_share}")
    if radius is not None and not radius > 0:
        raise ValueError(f"radius must be positive, got {radius}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    if batch_points < 1:
        raise ValueError(f"batch_points must be at least 1, got {batch_points}")
