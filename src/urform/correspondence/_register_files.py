"""Meshes and scans to meshes of one topology, and their statistical shape model: what `urform register` does."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Int

from urform.correspondence._mode_files import mode_files, write_modes
from urform.correspondence._modes import shape_modes
from urform.correspondence._pieces import label_pieces
from urform.correspondence._register_scan import RegisteredScan, RegisterOptions, register_scan, registration_template
from urform.files import check_outputs, csv_content, write_atomically
from urform.fitting import name_of_file, read_scan
from urform.formats import save_mesh
from urform.geometry import UPRIGHT, up_of
from urform.inference import Model

MODES_FOLDER = "modes"
RESIDUALS_FILE, PIECES_FILE, VERTICES_FILE = "residuals.csv", "pieces.csv", "vertices.npz"

_COLUMNS = (
    "name",
    "median",
    "mean",
    "p95",
    "largest",
    "missed_share",
    "settled_share",
    "flipped_faces",
    "fit_residual",
    "note",
    "error",
)
_PIECE_COLUMNS = ("name", "piece", "found", "vertices", "settled_share", "median")


def register_files(
    model: Model, paths: Sequence[Path], out: Path, options: RegisterOptions | None = None
) -> Iterator[dict[str, Any]]:
    """Register meshes and scans: give all of them the template's faces.

    Writes into `out` a mesh for each input, in its own coordinates, `template.<format>`, `residuals.csv`, `pieces.csv`,
    `vertices.npz`; with modes also the folder `modes`. An input that cannot be registered gets an error in its line and
    no mesh; the others go on. If there are no others, nothing is written.

    Args:
        model: of the category.
        paths: meshes, or point clouds with normals; once y is up, the front at +z.
        out: the folder.
        options: how.

    Yields:
        A JSON-able summary an input; `error` says why there is none.

    Raises:
        ValueError: two inputs have one name, a result would replace an input, or the modes need more meshes.
        FileNotFoundError: an input is not there.
    """
    options = options or RegisterOptions()
    names = _names(paths, options)
    results = [out / f"{name}.{options.format}" for name in ("template", *names)]
    modes = mode_files(out / MODES_FOLDER, options.modes, options.format)
    tables = [out / name for name in (RESIDUALS_FILE, PIECES_FILE, VERTICES_FILE)]
    check_outputs(out, [*results, *tables, *modes], paths)
    template = registration_template(model, options.faces, options.resolution)
    rows: list[dict[str, Any]] = []
    registered: dict[str, RegisteredScan] = {}
    for path, name, result in zip(paths, names, results[1:], strict=True):
        started = time.perf_counter()
        try:
            found = register_scan(model, read_scan(path), template, options)
        except (ValueError, OSError) as error:
            text = str(error) if str(path) in str(error) else f"{path}: {error}"
            rows.append({"name": name, "error": text})
            yield {"input": str(path), "error": text}
            continue
        save_mesh(found.mesh(template), result)
        registered[name] = found
        rows.append({"name": name, **found.row()})
        elapsed_s = round(time.perf_counter() - started, 1)
        yield {"input": str(path), "mesh": str(result), **found.row(), "elapsed_s": elapsed_s}
    if registered:
        save_mesh(template, results[0])
        write_atomically(out / RESIDUALS_FILE, csv_content(_COLUMNS, rows))
        _write_details(registered, template, out)
        _write_shape_model(registered, template, dict(zip(names, paths, strict=True)), out, options)


def _write_shape_model(
    registered: Mapping[str, RegisteredScan],
    template: trimesh.Trimesh,
    paths: Mapping[str, Path],
    out: Path,
    options: RegisterOptions,
) -> None:
    """Write the modes, if they are wanted, of the pieces that all scans have."""
    if not options.modes:
        return
    if options.modes >= len(registered):
        raise ValueError(
            f"modes must be less than the number of registered meshes, {len(registered)}, got {options.modes}"
        )
    kept = _in_all(registered, template)
    upright = {name: UPRIGHT[up_of(paths[name], options.up)] for name in registered}
    shapes = [found.vertices[kept] @ upright[name].T for name, found in registered.items()]
    folder = out / MODES_FOLDER
    write_modes(shape_modes(shapes, options.modes), list(registered), template, kept, folder, options.format)


def _write_details(registered: Mapping[str, RegisteredScan], template: trimesh.Trimesh, out: Path) -> None:
    """Write what each scan has of each piece, and which vertices lie on it."""
    pieces = [
        {"name": name, "piece": number, **piece.row()}
        for name, found in registered.items()
        for number, piece in enumerate(found.pieces)
    ]
    write_atomically(out / PIECES_FILE, csv_content(_PIECE_COLUMNS, pieces))
    buffer = io.BytesIO()
    label = label_pieces(np.asarray(template.vertices), np.asarray(template.faces))
    settled = np.stack([found.settled for found in registered.values()])
    np.savez(buffer, allow_pickle=False, names=np.array(list(registered)), settled=settled, piece=label)
    write_atomically(out / VERTICES_FILE, buffer.getvalue())


def _in_all(registered: Mapping[str, RegisteredScan], template: trimesh.Trimesh) -> Int[np.ndarray, " W"]:
    """The vertices of the pieces that all scans have."""
    found = np.array([[piece.found for piece in scan.pieces] for scan in registered.values()])
    label = label_pieces(np.asarray(template.vertices), np.asarray(template.faces))
    return np.flatnonzero(np.asarray(found.all(axis=0))[label])


def _names(paths: Sequence[Path], options: RegisterOptions) -> list[str]:
    """Names of the results, all different."""
    if not paths:
        raise ValueError("no file given, expected meshes")
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file, expected a mesh or a point cloud")
    if options.modes and options.modes >= len(paths):
        raise ValueError(f"modes must be less than the number of meshes, {len(paths)}, got {options.modes}")
    names = [name_of_file(path) for path in paths]
    counts = Counter([name.casefold() for name in names] + ["template", Path(RESIDUALS_FILE).stem])
    for path, name in zip(paths, names, strict=True):
        if counts[name.casefold()] > 1:
            raise ValueError(f"{path}: would be written as {name!r}, as another result is; rename one of them")
    return names
