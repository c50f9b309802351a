"""Iso-surface of any callable, evaluated coarse to fine and only where the surface can be.

A coarse lattice is evaluated densely. Then its cells are halved until there are `resolution` along an axis. New
points are interpolated, and evaluated if their sign is in doubt. Then the interpolated value is smaller than two
limits: the change of a field of slope `safety` over the distance, and the last interpolation error there.

At the end the surface is followed from cell to cell. Of every edge with a change of sign, the end nearer to the
surface is evaluated. The other end follows, unless the neighbouring edges predict its value (see `tolerance`). All
corners of a cell with more than one possible triangulation are evaluated too.

So the mesh equals that of the dense lattice, except for specks that no evaluated point saw. With
`min_component_share` of 0 the mesher finds every component of eight cells, else every one that is not dropped. This
was tried on many fields of at most this slope; it is not proven. Steeper fields can hide more.

Only the pages of the finest lattice near the surface take memory, until the box around it is triangulated.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from urform.geometry._following import follow
from urform.geometry._halving import halve, start
from urform.geometry._lattice import Lattice, SdfCallable
from urform.geometry._triangles import drop_small_components, part_shared_edges, triangulate

if TYPE_CHECKING:
    import trimesh

logger = logging.getLogger(__name__)

MIN_RESOLUTION = 8
MAX_RESOLUTION = 512


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
    lattice = Lattice(sdf, resolution, bound, coarse, batch_points)
    crossing = _crossing(lattice, bound, safety, min_component_share, radius, tolerance)
    return _mesh(lattice, crossing, resolution, bound, min_component_share)


def _crossing(
    lattice: Lattice, bound: float, safety: float, min_component_share: float, radius: float | None, tolerance: float
) -> Int[np.ndarray, "D 3"]:
    """The cells of the finest lattice that the surface crosses, their corners evaluated."""
    cells, doubt = start(lattice, safety, radius)
    while lattice.stride > 1:
        cells, doubt = halve(lattice, cells, doubt, safety, min_component_share)
    crossing = follow(lattice, cells, tolerance)
    if not len(crossing) or lattice.highest < 0:
        side = "outside" if lattice.highest >= 0 else "inside"
        raise NoSurfaceError(
            f"the field has no zero crossing in the cube of half side {bound:g}: it is {side} everywhere "
            f"(values {lattice.lowest:.4g} to {lattice.highest:.4g})"
        )
    return crossing


def _mesh(
    lattice: Lattice, crossing: Int[np.ndarray, "D 3"], resolution: int, bound: float, min_component_share: float
) -> trimesh.Trimesh:
    """The surface in these cells, small components dropped."""
    import trimesh

    vertices, faces = triangulate(lattice.values, crossing)
    vertices = np.clip((vertices - 1) * (2 * bound / resolution) - bound, -bound, bound)
    vertices, faces = part_shared_edges(vertices, faces)
    vertices, faces, dropped = drop_small_components(vertices, faces, min_component_share)
    if dropped:
        logger.info("dropped %d components below %g %% of the largest", dropped, 100 * min_component_share)
    logger.debug("%d evaluations, dense: %d", lattice.evaluations, (resolution + 1) ** 3)
    metadata = {"evaluations": lattice.evaluations, "dropped_components": dropped, "resolution": resolution}
    return trimesh.Trimesh(vertices, faces, process=False, metadata=metadata)


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
