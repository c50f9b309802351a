"""Scans and photographs to latents and meshes: what `urform fit` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from urform.files import check_outputs
from urform.fitting._arguments import check_numbers
from urform.fitting._evidence import evidence_of
from urform.fitting._fit import STEPS, Fitted, encode_pictures, fit, starts_for
from urform.fitting._latent_file import IDENTITY, LatentFile, write_latent_file
from urform.fitting._scan import Scan, read_scan, scan_suffixes
from urform.fitting._subject import is_picture, name_of_file, normalisation_of
from urform.formats import as_written, save_mesh
from urform.geometry import Normalisation, Up, up_of
from urform.inference import Encoded, Model
from urform.pictures import cut_out_file

if TYPE_CHECKING:
    import trimesh


def fit_files(
    model: Model,
    paths: Sequence[Path],
    out: Path,
    partial: bool = False,
    normalised: bool = False,
    like: Path | None = None,
    steps: int = STEPS,
    seed: int = 0,
    file_format: str = "glb",
    resolution: int = 128,
    up: Up = "y",
) -> dict[str, Any]:
    """Fit one object: at most one scan of it, and any number of photographs.

    Photographs alone are encoded, and their mean is the result; beside a scan they say where to start from.

    Args:
        model: whose shape it is to be.
        paths: a mesh or point cloud, pictures.
        out: folder of the results, `<name>.json` (latent) and `<name>.<format>` (mesh, in the scan's coordinates; of
            photographs alone, an STL file is `printable`).
        partial: the scan shows only a part of the object.
        normalised: the scan lies in the model's normalised space.
        like: mesh whose bounding box says where the object lies, in the scan's coordinates.
        steps: of the optimisation.
        seed: of the points that it draws.
        file_format: glb, obj, ply or stl.
        resolution: cells along an axis of the mesh.
        up: axis that points up in the scan, unless its format says that itself.

    Returns:
        A JSON-able summary.

    Raises:
        ValueError: the files or options do not go together, a file is damaged, or a result would replace it.
        FileNotFoundError: a file is not there.
    """
    check_numbers(steps, seed, resolution, file_format)
    scan_path, pictures = _divide(paths)
    name = name_of_file(scan_path or pictures[0])
    outputs = {"latent": out / f"{name}.json", "mesh": out / f"{name}.{file_format}"}
    check_outputs(out, list(outputs.values()), [*paths, *([] if like is None else [like])])
    started = time.perf_counter()
    content, found = _fit_one(model, scan_path, pictures, _Placing(partial, normalised, like, up), steps, seed)
    save_mesh(_mesh(model, content, resolution, file_format if scan_path is None else None), outputs["mesh"])
    write_latent_file(outputs["latent"], content)
    elapsed_s = round(time.perf_counter() - started, 1)
    given = {"input": [str(path) for path in paths], "category": model.category}
    return {**given, **found, **{kind: str(path) for kind, path in outputs.items()}, "elapsed_s": elapsed_s}


class _Placing(NamedTuple):
    """What the user says of where a scan shows its object; see `fit_files`."""

    partial: bool
    normalised: bool
    like: Path | None
    up: Up


def _fit_one(
    model: Model, scan_path: Path | None, pictures: Sequence[Path], placing: _Placing, steps: int, seed: int
) -> tuple[LatentFile, dict[str, Any]]:
    """The latent of the object, and what there is to say of how it was found."""
    encoded = encode_pictures(model, [cut_out_file(path).rgba for path in pictures]) if pictures else None
    found: dict[str, Any] = {}
    if encoded is not None:
        found = {"photographs": len(pictures), "disagreement": round(encoded.disagreement, 3)}
    if scan_path is not None:
        scan = read_scan(scan_path)
        normalisation = _normalisation(scan, placing)
        fitted = _fit_scan(model, scan, normalisation, placing.partial, encoded, steps, seed)
        found |= {"points": len(scan.vertices), "start": fitted.start}
        found |= {
            "residual_before": round(fitted.residual_before, 5),
            "residual_after": round(fitted.residual_after, 5),
        }
        own_mesh = scan.path if scan.is_mesh and not placing.partial else None
        return LatentFile(model.category, fitted.latent, normalisation, own_mesh), found
    if placing.partial or placing.normalised or placing.like:
        raise ValueError("`partial`, `normalised` and `like` say something of a scan, got photographs only")
    assert encoded is not None  # without a scan there are photographs
    return LatentFile(model.category, encoded.latent, IDENTITY), found


def _mesh(model: Model, content: LatentFile, resolution: int, file_format: str | None) -> trimesh.Trimesh:
    """The mesh of a latent, in the coordinates of what it was fitted to or, with a format, as its files have it."""
    mesh = model.mesh(content.latent, resolution)
    mesh.vertices = content.normalisation.undo(np.asarray(mesh.vertices, np.float64))
    return mesh if file_format is None else as_written(mesh, file_format)


def _divide(paths: Sequence[Path]) -> tuple[Path | None, list[Path]]:
    """The scan, where there is one, and the photographs."""
    if not paths:
        raise ValueError("no file given, expected a mesh, a point cloud or photographs")
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file, expected a mesh, a point cloud or a photograph")
    pictures = [path for path in paths if is_picture(path)]
    scans = [path for path in paths if path not in pictures]
    if len(scans) > 1:
        raise ValueError(f"{scans[1]}: a second scan, expected one object: one scan, or photographs, or both")
    if scans and scans[0].suffix.lower() not in scan_suffixes():
        raise ValueError(
            f"{scans[0]}: expected a mesh or points ({', '.join(sorted(scan_suffixes()))}) or a photograph, "
            f"got a file ending in {scans[0].suffix!r}"
        )
    return (scans[0] if scans else None), pictures


def _normalisation(scan: Scan, placing: _Placing) -> Normalisation:
    """From the scan's coordinates to the model's."""
    partial, normalised, like, up = placing
    if normalised and like is not None:
        raise ValueError("normalised must be omitted with `like`, which says where the object lies")
    if normalised:
        return Normalisation(IDENTITY.offset, IDENTITY.scale, up_of(scan.path, up))
    if like is not None:
        return normalisation_of(read_scan(like), up)
    if partial:
        raise ValueError(
            "`partial` needs `like` or `normalised`: the bounding box of a part does not say where the object lies"
        )
    return normalisation_of(scan, up)


def _fit_scan(
    model: Model,
    scan: Scan,
    normalisation: Normalisation,
    partial: bool,
    encoded: Encoded | None,
    steps: int,
    seed: int,
) -> Fitted:
    evidence = evidence_of(scan, normalisation, partial, np.random.default_rng(seed))
    starts = starts_for(model, evidence, None if encoded is None else encoded.latent, seed)
    return fit(model, evidence, starts, steps, seed)
