"""Meshes of many shapes, from learned latents or from views, into one folder in the published order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from urform.config import ShapeChoice
from urform.correspondence._register import perturbed, register, with_canonical
from urform.data import DataFolder, ShapeKey, choose_shapes
from urform.files import check_outputs, write_atomically
from urform.formats import save_mesh
from urform.geometry import SMALLEST, Normalisation, NoSurfaceError, check_resolution
from urform.inference import Model
from urform.pictures import read_view

if TYPE_CHECKING:
    import trimesh

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeshOptions:
    """How shapes are meshed.

    Attributes:
        resolution: cells along an axis.
        dense: evaluate every point of the lattice, instead of only those near the surface.
        faces: how many a mesh is simplified to; None = all.
        registered: the template's mesh, moved: all shapes have the same vertices and faces.
        normals: store the normals of the field with the vertices.
        perturbations: latents, around the shape's, whose disagreement becomes a vertex's `uncertainty`; 0 = none.

    Raises:
        ValueError: a number is out of range.
    """

    resolution: int = 128
    dense: bool = False
    faces: int | None = None
    registered: bool = False
    normals: bool = False
    perturbations: int = 0

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        if self.faces is not None and self.faces < SMALLEST:
            raise ValueError(f"faces must be at least {SMALLEST}, got {self.faces}")


@dataclass(frozen=True)
class MeshCounts:
    """What became of the shapes.

    Attributes:
        written: how many were meshed.
        kept: how many were there.
        dropped: small components, off the surface, that were left out of the meshes.
        failed: names of shapes without a surface.
        found: of each registered mesh the share of its vertices that are where they belong.
    """

    written: int
    kept: int
    dropped: int
    failed: list[str]
    found: list[float]


def mesh_shapes(
    model: Model,
    latents: Mapping[str, np.ndarray],
    out: Path,
    options: MeshOptions,
    restore: DataFolder | None = None,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> MeshCounts:
    """Write `out/<dataset>/<category>/<instance>.ply` of each shape, its canonical points as colors.

    Args:
        model: of the category.
        latents: name, `dataset/category/instance`, to latent (L,).
        out: the folder.
        options: how.
        restore: data folder whose normalisation is undone, so that meshes lie on the original ones; None = they stay
            in normalised space.
        overwrite: write those again that are there.
        inputs: files that must not be overwritten; a data folder's surface samples have the names of the meshes.

    Raises:
        FileNotFoundError: there is no normalisation of a shape.
        ValueError: a mesh would replace an input or another mesh.
    """
    check_outputs(out, [out / f"{name}.ply" for name in latents], inputs)
    template = model.template_mesh(options.resolution) if options.registered else None
    written, kept, dropped, failed, found = 0, 0, 0, [], []
    for name, latent in tqdm(latents.items(), desc="mesh", unit="shape"):
        path = out / f"{name}.ply"
        if path.exists() and not overwrite:
            kept += 1
            continue
        normalisation = None if restore is None else restore.normalisation(ShapeKey.parse(name))
        try:
            if template is not None:
                registered = register(model, latent, template, options.resolution)
                mesh = registered.mesh
                found.append(registered.found)
            else:
                mesh, count = _colored(model, latent, options)
                dropped += count
        except NoSurfaceError as error:
            logger.warning("%s: %s", name, error)
            failed.append(name)
            continue
        normals = model.normals(np.asarray(mesh.vertices, np.float32), latent) if options.normals else None
        save_mesh(_placed(mesh, normalisation, normals), path)
        written += 1
    return MeshCounts(written, kept, dropped, failed, found)


def _colored(model: Model, latent: np.ndarray, options: MeshOptions) -> tuple[trimesh.Trimesh, int]:
    """The mesh of a latent with its canonical points, and how many components were dropped."""
    mesh = model.mesh(latent, options.resolution, options.faces, dense=options.dense)
    others = perturbed(model, latent, options.perturbations) if options.perturbations else None
    return with_canonical(model, latent, mesh, others), mesh.metadata["dropped_components"]


def _placed(mesh: trimesh.Trimesh, normalisation: Normalisation | None, normals: np.ndarray | None) -> trimesh.Trimesh:
    """The mesh where its original lies, with its own vertex normals where there are some."""
    points = np.asarray(mesh.vertices, np.float32)
    if normalisation is not None:
        mesh.vertices = normalisation.undo(points.astype(np.float64))
    if normals is not None:
        mesh.vertex_normals = normals
    return mesh


def pictured_shapes(
    data: DataFolder,
    keys: Sequence[ShapeKey],
    view: int | None,
    choice: ShapeChoice | None = None,
    needs: Sequence[str] = (),
) -> list[ShapeKey]:
    """Those of the shapes that have a view of that number; None = any view.

    Args:
        data: the data folder.
        keys: the shapes.
        view: its number.
        choice: whether to refuse where some have none, and which are left out in any case.
        needs: what a shape must have besides, see `choose_shapes`.

    Raises:
        FileNotFoundError: no shape has such a view, or some have not and the choice is strict.
    """
    chosen = choose_shapes(data, keys, ("views", *needs), choice)
    short = [str(key) for key in chosen.keys if not 0 <= (view or 0) < len(data.view_files(key))]
    strict = choice is not None and choice.strict
    advice = "; `urform prepare` renders them"
    return chosen.without(f"no view of number {view}", short, str(data.root), strict, advice).keys


def encoded_views(
    model: Model, data: DataFolder, keys: Sequence[ShapeKey], view: int | None, seed: int = 0
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and latent of each shape, from one of its views.

    Args:
        model: with an encoder.
        data: the data folder.
        keys: the shapes.
        view: its number; None = one drawn by seed and name.
        seed: of that.

    Raises:
        FileNotFoundError: a shape has no such view.
        ValueError: the seed is negative, or the model has no encoder.
    """
    for key in keys:
        file = view_of(data, key, view, seed)
        yield str(key), model.encode(model.frame(read_view(file))[None])[0]


def view_of(data: DataFolder, key: ShapeKey, view: int | None, seed: int = 0) -> Path:
    """The file of one view of a shape; arguments and errors as in `encoded_views`."""
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    files = data.view_files(key)
    if not files or not 0 <= (view or 0) < len(files):
        wanted = "no views" if not files else f"{len(files)} views, no number {view}"
        raise FileNotFoundError(f"{data.root}: {key} has {wanted}; `urform prepare` renders them")
    digits = [ord(letter) for letter in str(key)]
    chosen = int(np.random.default_rng([seed, *digits]).integers(len(files))) if view is None else view
    return files[chosen]


def copy_views(data: DataFolder, keys: Sequence[ShapeKey], view: int | None, seed: int, out: Path) -> int:
    """Copy the view that each shape was encoded from beside its mesh, `out/<dataset>/<category>/<instance>.png`.

    Arguments and errors as in `encoded_views`.

    Returns:
        How many were copied.
    """
    for key in keys:
        write_atomically(out / f"{key}.png", view_of(data, key, view, seed).read_bytes())
    return len(keys)
