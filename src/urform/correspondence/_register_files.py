"""Meshes and scans to meshes of one topology, and their statistical shape model: what `urform register` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import KDTree

from urform.config import look_up
from urform.correspondence._mode_files import mode_files, write_modes
from urform.correspondence._modes import shape_modes
from urform.correspondence._register import register
from urform.correspondence._settle import flipped_faces, settle, unfold
from urform.files import check_outputs, csv_content, write_atomically
from urform.fitting import (
    STEPS,
    Evidence,
    Scan,
    check_numbers,
    fit,
    from_cloud,
    from_samples,
    name_of_file,
    normalisation_of,
    read_scan,
    starts_for,
)
from urform.formats import FORMATS, save_mesh
from urform.geometry import (
    UPRIGHT,
    Normalisation,
    SignedDistance,
    Up,
    clean,
    face_normals,
    sample_sdf,
    sample_visible_surface,
    simplify,
    spread_points,
    surface_quality,
    up_of,
)
from urform.inference import Model

FACES = 8000
MODES_FOLDER = "modes"
RESIDUALS_FILE = "residuals.csv"

_POINTS = 60_000  # on the given surface
_SAMPLES = 60_000  # of its signed distance, to fit the latent to
_VARIANCE = 0.005  # of their noise, as in training
_MOST_OPEN = 0.4  # share of the surface with no inside behind it; `urform prepare` draws the line there, too
_MOST_JUMPS = 0.02  # share of points at which the inside ends where there is no surface
_LEAST_INSIDE = 0.002  # share of the samples
_NUDGE = 2e-3  # normalised units, to tell the outside of a face
_FAR = 0.02  # of the diagonal: parts farther than this from the registered mesh are not in the template
_MUCH = 0.05  # share of the surface that may be so far without a note
_STRANGE = 0.03  # mean distance of the surface from the fitted shape, normalised units; see docs/registration.md

_COLUMNS = (
    "name",
    "median",
    "mean",
    "p95",
    "largest",
    "missed_share",
    "flipped_faces",
    "fit_residual",
    "note",
    "error",
)


@dataclass(frozen=True)
class RegisterOptions:
    """What `register_files` does with each mesh.

    Attributes:
        faces: of the registered meshes, about.
        modes: of the statistical shape model; 0 = none.
        format: of the meshes: obj, ply, stl or glb.
        steps: of the fit of each latent.
        seed: of all randomness.
        resolution: cells along an axis of the template's mesh before it is simplified.
        force: register also what is no shape of the category.
        up: axis that points up in the scans, unless their format says that itself.
    """

    faces: int = FACES
    modes: int = 0
    format: str = "ply"
    steps: int = STEPS
    seed: int = 0
    resolution: int = 128
    force: bool = False
    up: Up = "y"

    def __post_init__(self) -> None:
        check_numbers(self.steps, self.seed, self.resolution)
        if self.faces < 100:
            raise ValueError(f"faces must be at least 100, got {self.faces}")
        if self.modes < 0:
            raise ValueError(f"modes must be 0 or more, got {self.modes}")
        look_up(FORMATS, self.format, "format")


@dataclass(frozen=True)
class RegisteredScan:
    """One scan, registered.

    Attributes:
        vertices: of the mesh, in the scan's own coordinates.
        distance: of points on the scan's surface from the mesh, as shares of the diagonal of the scan's bounding box.
        flipped: faces that are flipped.
        fit_residual: mean distance of the scan's points from the surface of the fitted latent, normalised units.
    """

    vertices: Float[np.ndarray, "V 3"]
    distance: Float[np.ndarray, " P"]
    flipped: int
    fit_residual: float

    @property
    def missed(self) -> float:
        """Share of the surface that the mesh does not reach."""
        return float((self.distance > _FAR).mean())

    @property
    def note(self) -> str:
        """What is to be said of the result; empty where it is as it should be."""
        if self.missed <= _MUCH:
            return ""
        return f"{self.missed:.0%} of the surface has no counterpart in the template"

    def row(self) -> dict[str, Any]:
        """Its line in the table of residuals."""
        values = {
            "median": np.median(self.distance),
            "mean": self.distance.mean(),
            "p95": np.quantile(self.distance, 0.95),
            "largest": self.distance.max(),
            "missed_share": self.missed,
        }
        rounded = {name: round(float(value), 6) for name, value in values.items()}
        return {
            **rounded,
            "flipped_faces": self.flipped,
            "fit_residual": round(self.fit_residual, 5),
            "note": self.note,
        }


def register_files(
    model: Model, paths: Sequence[Path], out: Path, options: RegisterOptions | None = None
) -> Iterator[dict[str, Any]]:
    """Register meshes and scans: give all of them the template's faces.

    Writes into `out` a mesh for each input, in its own coordinates, `template.<format>` and `residuals.csv`; with modes
    also the folder `modes`: `model.npz`, `modes.csv`, `scores.csv`, and meshes of each mode at -2, 0 and +2 standard
    deviations. An input that cannot be registered gets an error in its line and no mesh; the others go on.

    Args:
        model: of the category.
        paths: meshes, or point clouds with normals; once y is up, the front at +z.
        out: the folder.
        options: how.

    Yields:
        A JSON-able summary an input; `error` says why there is none.

    Raises:
        ValueError: two inputs have one name, a result would replace an input, or there are too few meshes for the
            modes.
        FileNotFoundError: an input is not there.
    """
    options = options or RegisterOptions()
    names = _names(paths, options)
    results = [out / f"{name}.{options.format}" for name in ("template", *names)]
    modes = mode_files(out / MODES_FOLDER, options.modes, options.format)
    check_outputs(out, [*results, out / RESIDUALS_FILE, *modes], paths)
    template = registration_template(model, options.faces, options.resolution)
    rows: list[dict[str, Any]] = []
    registered: dict[str, Float[np.ndarray, "V 3"]] = {}
    for path, name, result in zip(paths, names, results[1:], strict=True):
        started = time.perf_counter()
        try:
            found = register_scan(model, read_scan(path), template, options)
        except (ValueError, OSError) as error:
            text = str(error) if str(path) in str(error) else f"{path}: {error}"
            rows.append({"name": name, "error": text})
            yield {"input": str(path), "error": text}
            continue
        save_mesh(trimesh.Trimesh(found.vertices, template.faces, process=False), result)
        registered[name] = found.vertices @ UPRIGHT[up_of(path, options.up)].T
        rows.append({"name": name, **found.row()})
        elapsed_s = round(time.perf_counter() - started, 1)
        yield {"input": str(path), "mesh": str(result), **found.row(), "elapsed_s": elapsed_s}
    save_mesh(template, results[0])
    write_atomically(out / RESIDUALS_FILE, csv_content(_COLUMNS, rows))
    if options.modes:
        shapes = shape_modes(list(registered.values()), options.modes)
        write_modes(shapes, list(registered), template, out / MODES_FOLDER, options.format)


def registration_template(model: Model, faces: int = FACES, resolution: int = 128) -> trimesh.Trimesh:
    """The largest component of the template's mesh, with about so many faces."""
    mesh = model.template_mesh(resolution)
    pieces = mesh.split(only_watertight=False)
    if len(pieces) > 1:
        mesh = max(pieces, key=lambda piece: piece.area)
    mesh = simplify(mesh, faces) if len(mesh.faces) > faces else mesh
    return trimesh.Trimesh(unfold(np.asarray(mesh.vertices), np.asarray(mesh.faces)), mesh.faces, process=False)


def register_scan(
    model: Model, scan: Scan, template: trimesh.Trimesh, options: RegisterOptions | None = None
) -> RegisteredScan:
    """Register one scan: fit its latent, move the template's mesh by the inverse warp, settle it on the surface.

    Args:
        model: of the category.
        scan: a mesh, or points with normals.
        template: the template's mesh.
        options: how.

    Raises:
        ValueError: the scan has no inside, has no normals, or is no shape of the category.
    """
    options = options or RegisterOptions()
    rng = np.random.default_rng(options.seed)
    normalisation = normalisation_of(scan, options.up)
    points, normals, evidence = _surface(scan, normalisation, rng)
    fitted = fit(model, evidence, starts_for(model, evidence), options.steps, options.seed)
    if fitted.residual_after > _STRANGE and not options.force:
        raise ValueError(
            f"no {model.category} fits it: the nearest is {fitted.residual_after:.3f} away on average (normalised "
            f"units, expected below {_STRANGE}); turn it y up and front +z, or use `force`"
        )
    moved = np.asarray(register(model, fitted.latent, template).mesh.vertices, np.float64)
    faces = np.asarray(template.faces)
    settled = settle(moved, faces, points, normals)
    on_mesh = spread_points(settled, faces, _POINTS, np.random.default_rng(options.seed)).points
    distance = KDTree(on_mesh).query(points, workers=-1)[0]
    diagonal = float(np.linalg.norm(np.ptp(points, axis=0)))
    flipped = len(flipped_faces(settled, faces))
    return RegisteredScan(normalisation.undo(settled), distance / diagonal, flipped, fitted.residual_after)


def _surface(
    scan: Scan, normalisation: Normalisation, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "P 3"], Float[np.ndarray, "P 3"], Evidence]:
    """Points on the outside of a scan, their outward normals, and what the latent is fitted to."""
    vertices = normalisation.apply(scan.vertices)
    if not scan.is_mesh:
        if scan.normals is None:
            raise ValueError("points without normals, expected a mesh, or points with normals (six numbers a row)")
        normals = normalisation.turn(scan.normals)
        return vertices, normals, from_cloud(vertices, normals)
    cleaned = clean(vertices, scan.faces)
    points, face = sample_visible_surface(cleaned.vertices, cleaned.faces, _POINTS, rng)
    normals = face_normals(cleaned.vertices, cleaned.faces)[face]
    distance = SignedDistance(cleaned.vertices, cleaned.faces)
    quality = surface_quality(distance, points[:1500], normals[:1500], rng)
    samples = sample_sdf(distance, points, _SAMPLES, _VARIANCE, _VARIANCE / 10, rng)
    inside = len(samples.neg) / (len(samples.neg) + len(samples.pos))
    if quality.lost > _MOST_OPEN or quality.jumps > _MOST_JUMPS or inside < _LEAST_INSIDE:
        raise ValueError(
            f"an open surface: {quality.lost:.0%} of it has no inside behind it, and the inside ends in the air at "
            f"{quality.jumps:.1%} of the points; expected a closed mesh: close it, or use `urform fit` with `partial`"
        )
    outwards = distance(points + _NUDGE * normals) > distance(points - _NUDGE * normals)
    return points, np.where(outwards[:, None], normals, -normals), from_samples(samples, points)


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
