"""Deformed copies of meshes: a few artists' objects become many, with the same detail and other proportions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.random import Generator
from scipy.interpolate import PchipInterpolator
from scipy.special import comb
from tqdm import tqdm

from urform.config import require
from urform.files import write_atomically
from urform.formats import glb_bytes, load_mesh, to_scene

Rotation = Float[np.ndarray, "3 3"]

_KNOTS = 5  # along each axis; what lies between two of them grows or shrinks together, as legs do
_INTERVAL = 0.3  # spread of the logarithms of the intervals' lengths
_EXTENT = 0.12  # spread of the logarithms of the box's extents
_LATTICE = 4  # control points along each axis of the free-form deformation
_BEND = 0.05  # spread of their displacements, half extents


def deform(vertices: Float[np.ndarray, "V 3"], rng: Generator) -> Float[np.ndarray, "V 3"]:
    """Other proportions for an object: along each axis, and a gentle bend.

    Left and right, which lie along x, stay as alike as they were.

    Args:
        vertices: In any unit, y up, front at +z.
        rng: Draws the deformation.

    Returns:
        The moved vertices.

    Source: the bend is that of Sederberg 1986 (free-form deformation).
    """
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centre, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)
    points = (vertices - centre) / half
    points = np.stack([_stretched(points[:, axis], rng, symmetric=axis == 0) for axis in range(3)], axis=1)
    points = points + _bend(points, rng)
    return centre + points * half * np.exp(rng.normal(0, _EXTENT, 3))


def _stretched(values: Float[np.ndarray, " V"], rng: Generator, symmetric: bool) -> Float[np.ndarray, " V"]:
    """A smooth growing function of values in [-1, 1], onto [-1, 1]."""
    lengths = np.exp(rng.normal(0, _INTERVAL, _KNOTS - 1))
    if symmetric:
        lengths = (lengths + lengths[::-1]) / 2
    there = np.concatenate([[0], np.cumsum(lengths)])
    return PchipInterpolator(np.linspace(-1, 1, _KNOTS), 2 * there / there[-1] - 1)(values.clip(-1, 1))


def _bend(points: Float[np.ndarray, "V 3"], rng: Generator) -> Float[np.ndarray, "V 3"]:
    """Displacements of points in [-1, 1]^3, alike on both sides of x = 0."""
    moved = rng.normal(0, _BEND, (_LATTICE,) * 3 + (3,))
    moved = (moved + moved[::-1] * [-1, 1, 1]) / 2
    order = np.arange(_LATTICE)
    share = (points[..., None] + 1) / 2
    bases = comb(_LATTICE - 1, order) * share**order * (1 - share) ** (_LATTICE - 1 - order)
    return np.einsum("va,vb,vc,abcd->vd", *(bases[:, axis] for axis in range(3)), moved, optimize=True)


def deform_meshes(
    meshes: Mapping[str, tuple[Path, Rotation | None]], copies: int, seed: int, out: Path
) -> dict[str, str]:
    """Write deformed copies of meshes to `out/<name>_<seed>_<copy>/model.glb`; those already there are kept.

    Every second copy is also mirrored.

    Args:
        meshes: File of each name, and what turns its vertices upright and to the front; None = nothing.
        copies: Of each mesh.
        seed: Of the series: equal seeds, names and files give equal copies.
        out: Folder of the copies, made when missing.

    Returns:
        Why a mesh has no copies, by its name.

    Raises:
        ValueError: `copies` is below 1.
    """
    if copies < 1:
        raise ValueError(f"copies must be at least 1, got {copies}")
    require(seed >= 0, "seed", "0 or more", seed)
    failed = {}
    with tqdm(sorted(meshes.items()), desc="deform", unit="mesh") as rows:
        for name, (mesh, rotation) in rows:
            try:
                for copy in range(copies):
                    if not (path := out / f"{name}_{seed}_{copy}" / "model.glb").exists():
                        save_deformed(mesh, path, [seed, copy, *name.encode()], copy % 2 == 1, rotation)
            except (OSError, ValueError) as error:
                failed[name] = str(error)
                rows.set_postfix(skipped=len(failed))
    return failed


def save_deformed(
    mesh: Path, out: Path, draw: Sequence[int], mirrored: bool = False, rotation: Rotation | None = None
) -> None:
    """Write one deformed copy of a mesh, with its materials.

    Args:
        mesh: Any mesh file that `load_mesh` reads.
        out: The .glb file; its folder is made when missing.
        draw: Seeds of the deformation; equal ones give equal files.
        mirrored: Whether left and right change places.
        rotation: What turns the file's vertices upright and to the front; None = nothing.

    Raises:
        ValueError: It cannot be read, or there are no triangles in it.
    """
    given = load_mesh(mesh)
    given = given if rotation is None else given.turned(rotation)
    moved = replace(given, vertices=deform(given.vertices, np.random.default_rng(draw)))
    if mirrored:
        moved = moved.turned(np.diag([-1.0, 1.0, 1.0])).inside_out()
    write_atomically(out, glb_bytes(to_scene(moved)))
