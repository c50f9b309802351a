"""Scans and photographs to latents and meshes: what `urform fit` does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from urform.correspondence._arguments import check_numbers
from urform.correspondence._evidence import evidence_of
from urform.correspondence._fit import STEPS, Encoded, Fitted, encode_pictures, fit, starts_for
from urform.correspondence._latent_file import IDENTITY, LatentFile, write_latent_file
from urform.correspondence._scan import SCAN_SUFFIXES, Scan, read_scan
from urform.correspondence._subject import is_picture, name_of_file, normalisation_of
from urform.data import check_outputs
from urform.geometry import Normalisation, Up, up_of
from urform.inference import FORMATS, Model, cut_out_file, printable, save_mesh


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
    if file_format not in FORMATS:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}, got {file_format!r}")
    check_numbers(steps, seed, resolution)
    scan_path, pictures = _divide(paths)
    name = name_of_file(scan_path or pictures[0])
    latent_path, mesh_path = out / f"{name}.json", out / f"{name}.{file_format}"
    check_outputs(out, [latent_path, mesh_path], [*paths, *([] if like is None else [like])])
    started = time.perf_counter()
    encoded = encode_pictures(model, [cut_out_file(path).rgba for path in pictures]) if pictures else None
    summary: dict[str, Any] = {"input": [str(path) for path in paths], "category": model.category}
    if encoded is not None:
        summary |= {"photographs": len(pictures), "disagreement": round(encoded.disagreement, 3)}
    if scan_path is not None:
        scan = read_scan(scan_path)
        normalisation = _placing(scan, partial, normalised, like, up)
        fitted = _fit_scan(model, scan, normalisation, partial, encoded, steps, seed)
        summary |= {"points": len(scan.vertices), "start": fitted.start}
        summary |= {
            "residual_before": round(fitted.residual_before, 5),
            "residual_after": round(fitted.residual_after, 5),
        }
        own_mesh = scan.path if scan.is_mesh and not partial else None
        content = LatentFile(model.category, fitted.latent, normalisation, own_mesh)
    elif partial or normalised or like:
        raise ValueError("--partial, --normalised and --like say something of a scan, got photographs only")
    else:
        assert encoded is not None  # without a scan there are photographs
        content = LatentFile(model.category, encoded.latent, IDENTITY)
    mesh = model.mesh(content.latent, resolution)
    mesh.vertices = content.normalisation.undo(np.asarray(mesh.vertices, np.float64))
    save_mesh(printable(mesh) if scan_path is None and file_format == "stl" else mesh, mesh_path)
    write_latent_file(latent_path, content)
    elapsed_s = round(time.perf_counter() - started, 1)
    return summary | {"latent": str(latent_path), "mesh": str(mesh_path), "elapsed_s": elapsed_s}


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
    if scans and scans[0].suffix.lower() not in SCAN_SUFFIXES:
        raise ValueError(
            f"{scans[0]}: expected a mesh or points ({', '.join(sorted(SCAN_SUFFIXES))}) or a photograph, "
            f"got a file ending in {scans[0].suffix!r}"
        )
    return (scans[0] if scans else None), pictures


def _placing(scan: Scan, partial: bool, normalised: bool, like: Path | None, up: Up) -> Normalisation:
    """From the scan's coordinates to the model's."""
    if normalised and like is not None:
        raise ValueError("--normalised must be left away with --like, which says where the object lies")
    if normalised:
        return Normalisation(IDENTITY.offset, IDENTITY.scale, up_of(scan.path, up))
    if like is not None:
        return normalisation_of(read_scan(like), up)
    if partial:
        raise ValueError(
            "--partial needs --like FILE or --normalised: the bounding box of a part does not say where the object lies"
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
