"""Evaluation of meshes that exist already, whoever made them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from tqdm import tqdm

from urform.config import ShapeChoice, look_up
from urform.data import DataFolder, ShapeKey
from urform.evaluation._protocols import PROTOCOLS, Sample, measured_in
from urform.evaluation._scores import Scores, as_result, mean_of
from urform.evaluation._true_shape import TrueShape, TrueShapes, true_shapes
from urform.formats import MESH_SUFFIXES, load_mesh
from urform.geometry import SignedDistance, Solid, clean, is_watertight, solid_sign

logger = logging.getLogger(__name__)

METHOD = "meshes"


def evaluate_meshes(
    meshes: Path,
    data: Path,
    split: Path,
    protocol: str = "deepsdf",
    normalised: bool = False,
    original_scale: bool = False,
    seed: int = 0,
    choice: ShapeChoice | None = None,
) -> dict[str, Any]:
    """Score the meshes of a folder; see `format_table` and `format_csv`.

    Args:
        meshes: the folder; a mesh is found by the name of its instance, see `find_meshes`.
        data: data folder with the true surfaces.
        split: the test shapes; one without a mesh is a failure, and counted as such.
        protocol: one of `PROTOCOLS`.
        normalised: the meshes lie in normalised space, instead of that of the original meshes.
        original_scale: measure in the meshes' own units, as published, instead of scaled to unit box diagonal.
        seed: of all points.
        choice: which test shapes are taken; by default those that have the surface of the protocol.

    Raises:
        FileNotFoundError: there is no such folder, no mesh of any of the shapes, or no true surface.
        ValueError: two meshes could be the one of a shape, or an option does not fit.
    """
    how = look_up(PROTOCOLS, protocol, "protocol")
    unit = measured_in(how, original_scale)
    folder = DataFolder(data)
    chosen = true_shapes(folder, split, protocol, choice)
    files = find_meshes(meshes, chosen.keys)
    subjects = TrueShapes(how, folder, unit, seed)
    scores, floors = Scores(METHOD), []
    for key in tqdm(chosen.keys, desc="evaluate", unit="shape"):
        subject = subjects.subject(key)
        floors.append(subjects.floor(subject))
        try:
            found = _sample(files.get(key), subject, subjects, None if normalised else folder)
        except ValueError as error:
            scores.failures[str(key)] = str(error)
            scores.values.append(subjects.failure(subject))
        else:
            scores.values.append(subjects.score(found, subject))
    if scores.failures:
        name, reason = next(iter(scores.failures.items()))
        logger.warning("%d of %d shapes have no mesh, first: %s (%s)", len(scores.failures), len(floors), name, reason)
    result = as_result(how, subjects.unit_text, seed, chosen.keys, [scores], mean_of(floors))
    return result | {"meshes": str(meshes), "shapes_left_out": chosen.left_out}


def find_meshes(folder: Path, keys: Sequence[ShapeKey]) -> dict[ShapeKey, Path]:
    """The mesh file of each shape, wherever it lies in a folder: by the first of these that fits any file.

    1. the file is called as the instance: `<instance>.ply`;
    2. a folder above it is: `<instance>/mesh.obj`;
    3. its name begins with it: `<instance>_30.ply`.

    Where several fit, those in folders called like the category and dataset come before others.

    Args:
        folder: with the meshes, at any depth.
        keys: the shapes.

    Returns:
        The shapes that have a mesh.

    Raises:
        FileNotFoundError: there is no such folder, or no mesh of any of the shapes in it.
        ValueError: two files fit a shape equally well.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder, expected one with meshes")
    named: tuple[dict[str, list[Path]], ...] = (defaultdict(list), defaultdict(list), defaultdict(list))
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in MESH_SUFFIXES and path.is_file():
            place = path.relative_to(folder)
            named[0][path.stem].append(path)
            for above in place.parent.parts:
                named[1][above].append(path)
            for beginning in _beginnings(path.stem):
                named[2][beginning].append(path)
    found = {}
    for key in keys:
        fitting = next((by_name[key.instance] for by_name in named if key.instance in by_name), [])
        if fitting:
            found[key] = _only(folder, key, fitting)
    if not found:
        raise FileNotFoundError(f"{folder}: has no mesh of any of the {len(keys)} shapes, first: {keys[0]}")
    return found


def _beginnings(stem: str) -> Iterator[str]:
    """What stands before each character that is neither a letter nor a digit."""
    return (stem[:place] for place, letter in enumerate(stem) if place and not letter.isalnum())


def _only(folder: Path, key: ShapeKey, paths: Sequence[Path]) -> Path:
    for name in (key.category, key.dataset):
        inner = [path for path in paths if name in path.relative_to(folder).parts]
        paths = inner or paths
    if len(paths) > 1:
        raise ValueError(f"{folder}: {paths[0]} and {paths[1]} could both be the mesh of {key}; give the folder of one")
    return paths[0]


def _sample(path: Path | None, subject: TrueShape, subjects: TrueShapes, placed: DataFolder | None) -> Sample:
    """What the protocol takes of a mesh.

    Raises:
        ValueError: there is none, it cannot be read, or it has no surface.
    """
    if path is None:
        raise ValueError("no mesh in the folder")
    try:
        mesh = load_mesh(path)
    except (ValueError, OSError) as error:
        raise ValueError(str(error)) from error
    vertices = mesh.vertices if placed is None else placed.normalisation(subject.key).apply(mesh.vertices)
    solid = _solid(*clean(vertices, mesh.faces)[:2])
    return subjects.protocol.sample(solid, subjects.rng(str(subject.key)), subject.cube)


def _solid(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Solid:
    if is_watertight(faces):
        return Solid.watertight(vertices, faces)
    return Solid(vertices, faces, lambda points: SignedDistance(vertices, faces, solid_sign)(points) < 0)
