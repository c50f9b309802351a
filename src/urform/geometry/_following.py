"""The way along an iso-surface on the finest lattice, from cell to cell."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from urform.geometry._lattice import EXACT, UNSEEN, Lattice, distinct, is_mixed
from urform.geometry._triangles import AMBIGUOUS, CORNERS, MIXED_FACES, SIDES

# What is foretold is reckoned to be wrong by so many cells more than is seen, over the square of how many edges
# foretell it. A field of slope 1.25 can change by 2.5 cells more along one edge than along the next. The rest is
# measured: so `tolerance` holds on nearly all trained chairs (`benchmarks/constants.py`).
_UNTOLD = np.float32(2.8)
# So few cells are not worth a call of the field by themselves, which has a cost of its own. It hardly changes what is
# evaluated, but the number of calls (`benchmarks/constants.py`).
_FEW = 400


def follow(lattice: Lattice, cells: Int[np.ndarray, " C"], tolerance: float) -> Int[np.ndarray, "D 3"]:
    """Find the cells with a change of sign, beside the given ones too; evaluate what their surface hangs on."""
    lattice.following = True
    for axis in range(3):
        lattice.state.reshape(lattice.values.shape).swapaxes(0, axis)[lattice.last + 1] = UNSEEN
    listed = np.zeros(len(lattice.flat), bool)
    cells = cells[is_mixed(lattice.patterns(cells))]
    todo, found = np.concatenate([lattice.within(cells), lattice.wall_cells()]), []
    while len(todo):
        seen = []
        while len(todo):
            seen.append(todo)
            fresh = todo[~listed[todo]]
            listed[fresh] = True
            found.append(fresh)
            flipped, beside = _nearer_ends(lattice, todo)
            todo = lattice.within(distinct(np.concatenate([lattice.around(flipped), beside[~listed[beside]]])))
            if len(todo) < _FEW:
                break
        flipped = _farther_ends(lattice, np.concatenate(seen), tolerance)
        todo = lattice.within(distinct(np.concatenate([lattice.around(flipped), todo])))
    cells = np.concatenate([*found, np.zeros(0, int)])
    return np.stack(np.unravel_index(cells[is_mixed(lattice.patterns(cells))], lattice.values.shape), axis=1)


def _nearer_ends(lattice: Lattice, cells: Int[np.ndarray, " C"]) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, " D"]]:
    """Evaluate the nearer ends of edges with a change of sign, and all corners of ambiguous cells.

    Returns:
        The points whose sign is not what was guessed, and the cells into which the surface goes on.
    """
    corners = cells[:, None] + CORNERS @ lattice.jumps
    lattice.evaluate(distinct(corners[lattice.state[corners] == UNSEEN]))
    patterns = lattice.patterns(cells)
    start, end = lattice.cut_edges(cells)
    nearer = np.where(np.abs(lattice.flat[start]) <= np.abs(lattice.flat[end]), start, end)
    wanted = np.concatenate([nearer, corners[AMBIGUOUS[patterns]].reshape(-1)])
    flipped = lattice.evaluate(distinct(wanted[lattice.state[wanted] != EXACT]))
    mixed = np.flatnonzero(is_mixed(patterns))
    return flipped, (cells[mixed, None] + SIDES @ lattice.jumps)[MIXED_FACES[patterns[mixed]]]


def _farther_ends(lattice: Lattice, cells: Int[np.ndarray, " C"], tolerance: float) -> Int[np.ndarray, " M"]:
    """Evaluate the other ends, but for those that are foretold; returns those that change sign."""
    start, end = lattice.cut_edges(cells)
    points, others = np.concatenate([start, end]), np.concatenate([end, start])
    left = lattice.state[points] != EXACT
    points, others = points[left], others[left]
    flipped = []
    for color in (0, 1):  # as on a chessboard, the lattice's sides are odd: what was evaluated foretells the rest
        now = points % 2 == color
        ends, starts = points[now], others[now]
        foretold, doubt = _foretell(lattice, ends, starts)
        near, far = np.abs(lattice.flat[starts]), np.abs(foretold)
        # As much as the far value is wrong, times its vertex's share of the edge, the vertex is moved.
        fine = near / (near + far) * doubt < tolerance * lattice.cell
        fine &= (far > doubt) & ((foretold < 0) == (lattice.flat[ends] < 0))
        chosen = np.flatnonzero(fine)
        chosen = chosen[np.argsort(-doubt[chosen])]  # of several edges' the least doubtful, which is written last
        lattice.flat[ends[chosen]] = foretold[chosen]
        flipped.append(lattice.evaluate(distinct(ends[~fine])))
    return np.concatenate(flipped)


def _foretell(
    lattice: Lattice, points: Int[np.ndarray, " N"], others: Int[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Values at the points from those at the other ends of edges, and from the changes along the edges beside.

    Returns:
        The values, and how far they may be wrong: what the edges beside differ by, and more the fewer they are;
        infinity where there are none on two opposite sides.
    """
    # Steps to the edges beside an edge, for its three directions: to and fro, in two directions.
    steps = np.array([[(-jump, jump) for jump in np.delete(lattice.jumps, axis)] for axis in range(3)])
    across = steps[(np.abs(points - others)[:, None] == lattice.jumps).argmax(axis=1)]
    at, opposite = points[:, None, None] + across, others[:, None, None] + across
    known = (lattice.state[at] == EXACT) & (lattice.state[opposite] == EXACT)
    change = lattice.flat[at] - lattice.flat[opposite]
    both = known.all(axis=2)
    mean = (change.mean(axis=2) * both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    high, low = np.where(known, change, -np.inf).max(axis=(1, 2)), np.where(known, change, np.inf).min(axis=(1, 2))
    untold = _UNTOLD * lattice.cell / np.maximum(known.sum(axis=(1, 2)), 1) ** 2
    usable = both.any(axis=1) & (lattice.state[others] == EXACT)
    return lattice.flat[others] + mean, np.where(usable, high - low + untold, np.inf)
