"""The shape modes of a registration as files: arrays, tables and meshes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Int

from urform.correspondence._modes import ShapeModes
from urform.files import csv_content, write_atomically
from urform.formats import save_mesh

_DEVIATIONS = {-2: "minus_2sd", 0: "mean", 2: "plus_2sd"}


def mode_files(folder: Path, count: int, file_format: str) -> list[Path]:
    """What `write_modes` writes at most."""
    tables = ["model.npz", "modes.csv", "scores.csv"]
    meshes = [f"mode_{number + 1}_{word}.{file_format}" for number in range(count) for word in _DEVIATIONS.values()]
    return [folder / name for name in [*tables, *meshes]] if count else []


def write_modes(
    shapes: ShapeModes,
    names: Sequence[str],
    template: trimesh.Trimesh,
    kept: Int[np.ndarray, " W"],
    folder: Path,
    file_format: str,
) -> None:
    """Write the modes: `model.npz`, two tables, and meshes at -2, 0 and 2 standard deviations of each.

    Args:
        shapes, names: the modes, and what the shapes are called.
        template: the mesh whose faces they have.
        kept: which of its vertices the shapes have: those of whole pieces.
        folder: for the files.
        file_format: of the meshes.
    """
    count = len(shapes.variances)
    faces = _faces_among(template, kept)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        mean=shapes.mean,
        modes=shapes.modes,
        variances=shapes.variances,
        total_variance=np.array(shapes.total_variance),
        scores=shapes.scores,
        sizes=shapes.sizes,
        faces=faces,
        vertices=kept,
        names=np.array(names),
    )
    write_atomically(folder / "model.npz", buffer.getvalue())
    shares = shapes.variances / shapes.total_variance
    table = [
        {"mode": number + 1, "variance": shapes.variances[number], "share": shares[number], "cumulative": total}
        for number, total in enumerate(np.cumsum(shares))
    ]
    write_atomically(folder / "modes.csv", csv_content(("mode", "variance", "share", "cumulative"), table))
    columns = ("name", "size", *(f"mode_{number + 1}" for number in range(count)))
    scores = [
        {"name": name, "size": size, **{f"mode_{number + 1}": value for number, value in enumerate(row)}}
        for name, size, row in zip(names, shapes.sizes, shapes.scores, strict=True)
    ]
    write_atomically(folder / "scores.csv", csv_content(columns, scores))
    for number in range(count):
        for deviations, word in _DEVIATIONS.items():
            mesh = trimesh.Trimesh(shapes.at(number, deviations), faces, process=False)
            save_mesh(mesh, folder / f"mode_{number + 1}_{word}.{file_format}")


def _faces_among(template: trimesh.Trimesh, kept: Int[np.ndarray, " W"]) -> Int[np.ndarray, "G 3"]:
    """The faces between these vertices, by their places among them."""
    number_of = np.full(len(template.vertices), -1)
    number_of[kept] = np.arange(len(kept))
    faces = number_of[np.asarray(template.faces)]
    return faces[(faces >= 0).all(axis=1)]
