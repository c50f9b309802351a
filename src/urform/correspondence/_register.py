"""Meshes in correspondence: vertices with their canonical points, and the template's mesh in the shape of an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial import KDTree
from trimesh.visual import ColorVisuals

if TYPE_CHECKING:
    from urform.inference import Model

CONVERGED = 1e-3
"""Distance in canonical space, normalised units, below which a point is found."""
_STEPS = 15
_DIFFERENCE = 1e-3  # the warp's slope is measured over this distance, normalised units
_DAMPING = (1e-3, 1e3)


@dataclass(frozen=True)
class Registered:
    """The template's mesh in the shape of an object: all objects have the same faces.

    Attributes:
        mesh: in the object's normalised space; its attributes have the residual, too.
        residual: (V,) distance in canonical space between each vertex and the template's, normalised units; where the
            object lacks a part of the template, or the warp folds, there is no point to be found and it is large.
        distance: (V,) distance of each vertex from the object's surface, as its sdf tells.
    """

    mesh: trimesh.Trimesh
    residual: Float[np.ndarray, " V"]
    distance: Float[np.ndarray, " V"]

    @property
    def found(self) -> float:
        """Share of vertices that are where they belong."""
        return float((self.residual < CONVERGED).mean())


def with_canonical(
    model: Model, latent: Float[np.ndarray, " L"], mesh: trimesh.Trimesh, others: Float[np.ndarray, "K L"] | None = None
) -> trimesh.Trimesh:
    """The mesh with the canonical point of each vertex, as its color and in attributes that a PLY file keeps.

    Args:
        model: whose warp it is.
        latent: the shape's latent code.
        mesh: in the shape's normalised space.
        others: latents that might as well be the shape's; with them there is an attribute `uncertainty`, see there.
    """
    vertices = np.asarray(mesh.vertices, np.float32)
    mesh = _colored(mesh, model.canonical(vertices, latent))
    if others is not None:
        mesh.vertex_attributes["uncertainty"] = uncertainty(model, vertices, others)
    return mesh


def colored_template(model: Model, resolution: int = 128) -> trimesh.Trimesh:
    """The template's mesh in the colors of its own points."""
    mesh = model.template_mesh(resolution)
    return _colored(mesh, np.asarray(mesh.vertices, np.float32))


def canonical_rgb(canonical: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """Colors in 0..1 of canonical points: red, green and blue grow from -1 to 1 along x, y and z."""
    return np.clip((canonical + 1) / 2, 0, 1)


def uncertainty(
    model: Model, points: Float[np.ndarray, "N 3"], latents: Float[np.ndarray, "K L"]
) -> Float[np.ndarray, " N"]:
    """How much the correspondences of plausible latents of a shape differ.

    Args:
        model: whose warp it is.
        points: of the shape, normalised space.
        latents: K >= 2 of them: the latents of several views, or `perturbed` ones.

    Returns:
        Root of the mean squared distance of a point's canonical points from their mean, normalised units.

    Raises:
        ValueError: there are fewer than two.
    """
    if len(latents) < 2:
        raise ValueError(f"latents must have shape (K, L) with K >= 2, got {latents.shape}")
    canonical = np.stack([model.canonical(points, latent) for latent in latents])
    return np.sqrt(np.square(canonical - canonical.mean(axis=0)).sum(axis=2).mean(axis=0))


def perturbed(
    model: Model, latent: Float[np.ndarray, " L"], count: int, share: float = 0.1, seed: int = 0
) -> Float[np.ndarray, "K L"]:
    """Latents around one, apart by a share of how far the training shapes' are apart in each direction.

    Raises:
        ValueError: the model knows no training shapes.
    """
    if not model.latents:
        raise ValueError("the model has no latents of training shapes, whose spread is needed")
    known = np.stack(list(model.latents.values()))
    noise = np.random.default_rng(seed).standard_normal((count, len(latent)))
    return (latent + share * known.std(axis=0) * noise).astype(np.float32)


def folded_share(model: Model, points: Float[np.ndarray, "N 3"], latent: Float[np.ndarray, " L"]) -> float:
    """Share of points at which the warp turns space inside out: its Jacobian has a negative determinant."""
    points = np.asarray(points, np.float32)
    slopes = _slopes(model, latent, points, model.canonical(points, latent))
    return float((np.linalg.det(slopes) < 0).mean())


def _colored(mesh: trimesh.Trimesh, canonical: Float[np.ndarray, "V 3"]) -> trimesh.Trimesh:
    """The mesh in the colors of these canonical points."""
    mesh = mesh.copy()
    colors = (canonical_rgb(canonical) * 255).astype(np.uint8)
    mesh.visual = ColorVisuals(mesh, vertex_colors=colors)
    for axis, name in enumerate("xyz"):
        mesh.vertex_attributes[f"canonical_{name}"] = canonical[:, axis].astype(np.float32)
    return mesh


def register(
    model: Model, latent: Float[np.ndarray, " L"], template: trimesh.Trimesh, resolution: int = 64
) -> Registered:
    """Move the template's mesh to an object by the inverse of the warp.

    Each vertex starts at its place in the template and moves by damped Newton steps. A vertex that does not arrive
    starts again at the point of the object's surface whose canonical point is nearest.

    Args:
        model: whose warp it is.
        latent: the object's latent code.
        template: the template's mesh.
        resolution: of the surface that the vertices start at.

    Raises:
        ValueError: the object has no surface.

    Source: Levenberg 1944; the template of Zheng 2021 is carried to its objects the same way.
    """
    wanted = np.asarray(template.vertices, np.float32)
    surface = np.asarray(model.mesh(latent, resolution).vertices, np.float32)
    points, missing = _inverse(model, latent, wanted, wanted)
    lost = np.flatnonzero(np.linalg.norm(missing, axis=1) > CONVERGED)
    if len(lost):
        _, nearest = KDTree(model.canonical(surface, latent)).query(wanted[lost])
        tried, left = _inverse(model, latent, wanted[lost], surface[nearest])
        better = np.linalg.norm(left, axis=1) < np.linalg.norm(missing[lost], axis=1)
        points[lost[better]], missing[lost[better]] = tried[better], left[better]
    mesh = trimesh.Trimesh(points, template.faces, process=False)
    mesh, residual = _colored(mesh, wanted), np.linalg.norm(missing, axis=1)
    mesh.vertex_attributes["residual"] = residual
    return Registered(mesh, residual, np.abs(model.sdf(points, latent)))


def _inverse(
    model: Model, latent: Float[np.ndarray, " L"], wanted: Float[np.ndarray, "N 3"], start: Float[np.ndarray, "N 3"]
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """Points that the warp takes to the wanted ones, and what is then missing."""
    points = start.copy()
    missing = model.canonical(points, latent) - wanted
    damping = np.full(len(points), 1e-2, np.float32)
    for _ in range(_STEPS):
        todo = np.flatnonzero((np.linalg.norm(missing, axis=1) > CONVERGED) & (damping < _DAMPING[1]))
        if not len(todo):
            break
        slopes = _slopes(model, latent, points[todo], missing[todo] + wanted[todo])
        tried = points[todo] + _steps(slopes, missing[todo], damping[todo])
        left = model.canonical(tried, latent) - wanted[todo]
        better = np.linalg.norm(left, axis=1) < np.linalg.norm(missing[todo], axis=1)
        points[todo[better]], missing[todo[better]] = tried[better], left[better]
        damping[todo] = np.maximum(np.where(better, damping[todo] / 4, damping[todo] * 8), _DAMPING[0])
    return points, missing


def _slopes(
    model: Model, latent: Float[np.ndarray, " L"], points: Float[np.ndarray, "N 3"], canonical: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, "N 3 3"]:
    """Derivatives of the canonical point (rows) by the point (columns)."""
    moved = (points[:, None] + _DIFFERENCE * np.eye(3, dtype=np.float32)).reshape(-1, 3)
    there = model.canonical(moved, latent).reshape(-1, 3, 3)
    return ((there - canonical[:, None]) / _DIFFERENCE).swapaxes(1, 2)


def _steps(
    slopes: Float[np.ndarray, "N 3 3"], missing: Float[np.ndarray, "N 3"], damping: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N 3"]:
    """The steps that make up for what is missing, were the warp linear; shorter the more they are damped."""
    normal = slopes.swapaxes(1, 2) @ slopes + damping[:, None, None] * np.eye(3, dtype=np.float32)
    return -np.linalg.solve(normal, slopes.swapaxes(1, 2) @ missing[:, :, None])[:, :, 0]
