"""The search for an iso-surface: a coarse lattice, whose cells are halved where the surface can be."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from urform.geometry._lattice import EXACT, GUESSED, UNSEEN, Lattice, distinct, is_mixed, patterns
from urform.geometry._triangles import CORNERS

# Points of a cell's 3 x 3 x 3 that are not its corners, in half cells.
_BETWEEN = np.array([p for p in np.ndindex(3, 3, 3) if 1 in p])
_STEPS = np.sqrt((_BETWEEN == 1).sum(axis=1)).astype(np.float32)
_MIDDLE = int(np.flatnonzero((_BETWEEN == 1).all(axis=1))[0])
# Interpolation is reckoned to be wrong by so many times what it was seen wrong by, and by this share of what the field
# can change: where all points around were asked, and, for each unit of the stride, where only that in the middle was.
# All three are measured: they trade evaluations for parts that are missed (`benchmarks/constants.py`).
_WORSE, _SURE, _ALONE = np.float32(2), np.float32(0.05), np.float32(0.07)
# In cells that the surface crosses, a coarse lattice evaluates points whose guess is less than so many cells: nearly
# half the diagonal of a cell, which is 0.87.
_BESIDE = 0.75
# Strides. From `_FINE` down, the middle of a cell is asked first. From `_COARSE` up, errors on both sides warn. The
# same benchmark shows what half and twice of these three cost.
_FINE, _COARSE = 4, 4
# The least that can hide from one cell in seven: nine cells of the coarser lattice, beside one another, on two sides.
_HIDING = 18


def start(
    lattice: Lattice, safety: float, radius: float | None
) -> tuple[Int[np.ndarray, " C"], Float[np.ndarray, " C"]]:
    """Evaluate the points of the first lattice, those inside the ball or all; its cells, with no doubt known."""
    places = np.arange(1, len(lattice.axis) - 1, lattice.stride)
    grid = np.stack(np.meshgrid(places, places, places, indexing="ij"), axis=-1)
    points = grid @ lattice.jumps
    from_centre = np.linalg.norm(lattice.axis[grid], axis=-1)
    inside = np.ones(points.shape, bool) if radius is None or lattice.stride == 1 else from_centre <= radius
    # The value of the others, presumed outside, is so large that `halve` does not look at them again.
    lattice.flat[points] = from_centre + lattice.stride * lattice.cell * np.float32(safety)
    lattice.state[points] = GUESSED
    lattice.evaluate(points[inside])
    if lattice.highest < 0:  # the surface is not in the ball
        lattice.evaluate(points[~inside])
    cells = points[:-1, :-1, :-1].reshape(-1)
    return cells, np.full(len(cells), np.inf, np.float32)


def halve(
    lattice: Lattice,
    cells: Int[np.ndarray, " C"],
    doubt: Float[np.ndarray, " C"],
    safety: float,
    min_component_share: float,
) -> tuple[Int[np.ndarray, " D"], Float[np.ndarray, " D"]]:
    """Divide cells into eight each, and leave out those that the surface does not come near.

    Args:
        cells: the cells.
        doubt: by how much interpolation was last wrong in each.
        safety, min_component_share: see `extract_isosurface`.

    Returns:
        The new cells and their doubt.
    """
    corners = lattice.flat[cells[:, None] + CORNERS @ lattice.jumps * lattice.stride]
    lattice.stride //= 2
    guessed = _interpolated(corners)
    reach = np.float32(safety * lattice.stride) * lattice.cell * _STEPS
    reach = np.minimum(reach, doubt[:, None] + _SURE * reach)
    near = np.abs(guessed) < reach
    mixed = is_mixed(patterns(corners))
    kept = near.any(axis=1) | mixed
    if min_component_share * np.count_nonzero(mixed) >= _HIDING:  # components that would be discarded are not searched
        sought = _one_of_seven(lattice, cells) & ~mixed
        if lattice.stride == 1:
            kept = sought & kept | mixed
        # What the surface crosses is followed. For that, guesses on coarse lattices must be good near it.
        beside = _BESIDE * lattice.stride * lattice.cell if lattice.stride > 1 else 0
        near &= sought[:, None] | mixed[:, None] & (np.abs(guessed) < beside)
    cells, guessed, near, reach = cells[kept], guessed[kept], near[kept], reach[kept]
    between = cells[:, None] + _BETWEEN @ lattice.jumps * lattice.stride
    fresh = lattice.state[between] == UNSEEN
    lattice.flat[between[fresh]] = guessed[fresh]
    lattice.state[between[fresh]] = GUESSED
    if lattice.stride <= _FINE:  # the middle, which interpolation knows least, tells how doubtful the others are
        middle = between[:, _MIDDLE]
        lattice.evaluate(middle[near.any(axis=1) & (lattice.state[middle] != EXACT)])
        surprise = _surprise(guessed[:, _MIDDLE], lattice.flat[middle])
        near &= np.abs(guessed) < surprise[:, None] + _ALONE * lattice.stride * reach
    asked = between[near]
    lattice.evaluate(distinct(asked[lattice.state[asked] != EXACT]))
    wrong = _surprise(guessed, lattice.flat[between])
    if lattice.stride >= _COARSE:  # on a coarse lattice, an error away from the surface is a warning, too
        wrong = np.abs(wrong)
    wrong = wrong.max(axis=1, initial=0)
    new = cells[:, None] + CORNERS @ lattice.jumps * lattice.stride
    return new.reshape(-1), np.repeat(wrong, 8)


def _one_of_seven(lattice: Lattice, cells: Int[np.ndarray, " C"]) -> Bool[np.ndarray, " C"]:
    """Cells of twice the stride so chosen that each is one of them or shares a face with one."""
    index = np.stack(np.unravel_index(cells, lattice.values.shape), axis=1) // (2 * lattice.stride)
    return index @ np.array([1, 2, 3]) % 7 == 0


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
