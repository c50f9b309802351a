"""One mesh or scan given the faces of the template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from urform.config import look_up
from urform.correspondence._mend import flipped_faces, mend, unfold
from urform.correspondence._pieces import FAR, FoundPiece, place
from urform.correspondence._register import register
from urform.fitting import (
    STEPS,
    Evidence,
    Scan,
    check_numbers,
    fit,
    from_cloud,
    from_samples,
    normalisation_of,
    starts_for,
)
from urform.formats import FORMATS
from urform.geometry import (
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
)
from urform.inference import Model

FACES = 8000

_POINTS = 60_000  # on the given surface
_SAMPLES = 60_000  # of its signed distance, to fit the latent to
_VARIANCE = 0.005  # of their noise, as in training
_MOST_OPEN = 0.4  # share of the surface with no inside behind it; `urform prepare` draws the line there, too
_MOST_JUMPS = 0.02  # share of points at which the inside ends where there is no surface
_LEAST_INSIDE = 0.002  # share of the samples
_NUDGE = 2e-3  # normalised units, to tell the outside of a face
_MUCH = 0.05  # share of the surface, or of the vertices, that may have no counterpart without a note
_STRANGE = 0.03  # mean distance of the surface from the fitted shape, normalised units; see docs/registration.md


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
        settled: which vertices lie on the scan; the others follow their neighbours, or belong to a piece that it lacks.
        pieces: what the scan has of each piece of the template, the largest first.
        distance: of points on the scan's surface from the mesh, as shares of the diagonal of the scan's bounding box.
        flipped: faces that are flipped.
        fit_residual: mean distance of the scan's points from the surface of the fitted latent, normalised units.
    """

    vertices: Float[np.ndarray, "V 3"]
    settled: Bool[np.ndarray, " V"]
    pieces: tuple[FoundPiece, ...]
    distance: Float[np.ndarray, " P"]
    flipped: int
    fit_residual: float

    @property
    def missed(self) -> float:
        """Share of the surface that the mesh does not reach."""
        return float((self.distance > FAR).mean())

    @property
    def note(self) -> str:
        """What is to be said of the result; empty where it is as it should be."""
        there = [piece for piece in self.pieces if piece.found]
        loose = 1 - self.settled.sum() / sum(piece.vertices for piece in there)
        absent = len(self.pieces) - len(there)
        said = [
            (self.missed > _MUCH, f"{self.missed:.0%} of the surface has no counterpart in the template"),
            (loose > _MUCH, f"{loose:.0%} of the vertices have no counterpart on the surface"),
            (absent > 0, f"{absent} of {len(self.pieces)} pieces of the template are not on it"),
        ]
        return "; ".join(text for holds, text in said if holds)

    def mesh(self, template: trimesh.Trimesh) -> trimesh.Trimesh:
        """The mesh, with `settled` as an attribute that a PLY file keeps."""
        mesh = trimesh.Trimesh(self.vertices, template.faces, process=False)
        mesh.vertex_attributes["settled"] = self.settled.astype(np.uint8)
        return mesh

    def row(self) -> dict[str, Any]:
        """Its line in the table of residuals."""
        values = {
            "median": np.median(self.distance),
            "mean": self.distance.mean(),
            "p95": np.quantile(self.distance, 0.95),
            "largest": self.distance.max(),
            "missed_share": self.missed,
            "settled_share": self.settled.mean(),
        }
        rounded = {name: round(float(value), 6) for name, value in values.items()}
        return {
            **rounded,
            "flipped_faces": self.flipped,
            "fit_residual": round(self.fit_residual, 5),
            "note": self.note,
        }


def registration_template(model: Model, faces: int = FACES, resolution: int = 128) -> trimesh.Trimesh:
    """The template's mesh, all its pieces, with about so many faces."""
    mesh = model.template_mesh(resolution)
    mesh = simplify(mesh, faces) if len(mesh.faces) > faces else mesh
    vertices, corners = unfold(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    return trimesh.Trimesh(vertices, corners, process=False)


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
    reference, faces = np.asarray(template.vertices), np.asarray(template.faces)
    moved = np.asarray(register(model, fitted.latent, template).mesh.vertices, np.float64)
    placed = place(mend(moved, reference, faces), reference, faces, points, normals)
    on_mesh = spread_points(placed.vertices, faces, _POINTS, np.random.default_rng(options.seed)).points
    distance = KDTree(on_mesh).query(points, workers=-1)[0] / np.linalg.norm(np.ptp(points, axis=0))
    return RegisteredScan(
        normalisation.undo(placed.vertices),
        placed.settled,
        placed.pieces,
        distance,
        len(flipped_faces(placed.vertices, faces)),
        fitted.residual_after,
    )


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
