"""What is known at points of one shape, carried to another: points correspond where the warps take them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from urform.correspondence._labels import Labels, color_at
from urform.fitting import Subject, Surface
from urform.formats import load_mesh
from urform.geometry import SurfacePoints, spread_points
from urform.inference import Model

POINTS = 50_000  # on the surface that is searched: one in 0.007 normalised units on a chair
RESOLUTION = 128


@dataclass(frozen=True)
class Matches:
    """For each of N points the corresponding one of a surface, and how far apart the two are in canonical space."""

    index: Int[np.ndarray, " N"]
    distance: Float[np.ndarray, " N"]


class CarriedLabels(NamedTuple):
    """Labels of a target: of its vertices or faces, as the source has them."""

    surface: Surface
    labels: Labels
    distance: Float[np.ndarray, " N"]


class CarriedColors(NamedTuple):
    """Colors in 0..1 of a target's vertices."""

    surface: Surface
    rgb: Float[np.ndarray, "V 3"]
    distance: Float[np.ndarray, " V"]


class CarriedKeypoints(NamedTuple):
    """Keypoints in a target's own coordinates, and the canonical distance of each."""

    points: dict[str, Float[np.ndarray, " 3"]]
    distance: dict[str, float]


def nearest_canonical(query: Float[np.ndarray, "N D"], among: Float[np.ndarray, "M D"]) -> Matches:
    """The nearest of some canonical points, or of points with more coordinates than those, and how far they are in the
    first three. Source: Zheng 2021 (Deep Implicit Templates), section 3.
    """
    from scipy.spatial import KDTree

    index = np.asarray(KDTree(among).query(query)[1])
    return Matches(index, np.linalg.norm(query[:, :3] - among[index, :3], axis=1))


def canonical_and_place(
    model: Model, points: Float[np.ndarray, "N 3"], latent: Float[np.ndarray, " L"], place_weight: float = 0.0
) -> Float[np.ndarray, "N 6"]:
    """Coordinates by which points of two shapes are compared: canonical points, and weighted positions.

    Args:
        model: that has the shape.
        points: of it, in normalised space.
        latent: its latent code.
        place_weight: of the latter; 0 compares canonical points alone, as published.

    Raises:
        ValueError: the weight is negative.
    """
    if not place_weight >= 0:
        raise ValueError(f"place_weight must be at least 0, got {place_weight}")
    return np.concatenate([model.canonical(points, latent), place_weight * points], axis=1)


def transfer_labels(
    model: Model,
    source: Subject,
    target: Subject,
    labels: Labels,
    resolution: int = RESOLUTION,
    seed: int = 0,
    place_weight: float = 0.0,
) -> CarriedLabels:
    """Give each vertex or face of a target the label of the corresponding point of a source.

    Args:
        model: that both are shapes of.
        source: whose vertices or faces are labelled.
        target: what is to be labelled.
        labels: of the source's surface.
        resolution: cells along an axis of surfaces that the model makes.
        seed: of the points on the source.
        place_weight: see `canonical_and_place`.
    """
    surface, known = target.surface(model, resolution), source.surface(model, resolution)
    points, canonical = _dense(model, source, known, seed, place_weight)
    places = surface.placed if labels.per == "vertex" else surface.placed[surface.faces].mean(axis=1)
    matches = nearest_canonical(canonical_and_place(model, places, target.latent, place_weight), canonical)
    index = labels.at(points, known.faces)[matches.index]
    return CarriedLabels(surface, Labels(labels.names, index, labels.per), matches.distance)


def transfer_keypoints(
    model: Model,
    source: Subject,
    target: Subject,
    keypoints: dict[str, Float[np.ndarray, " 3"]],
    resolution: int = RESOLUTION,
    seed: int = 0,
    place_weight: float = 0.0,
) -> CarriedKeypoints:
    """Find the points of a target's surface that correspond to named points of a source.

    Args:
        model: that both are shapes of.
        source: in whose own coordinates the keypoints are.
        target: where they are looked for.
        keypoints: on the source's surface or near it.
        resolution: cells along an axis of surfaces that the model makes.
        seed: of the points on the target.
        place_weight: see `canonical_and_place`.
    """
    surface = target.surface(model, resolution)
    points, canonical = _dense(model, target, surface, seed, place_weight)
    placed = source.normalisation.apply(np.stack(list(keypoints.values())))
    matches = nearest_canonical(canonical_and_place(model, placed, source.latent, place_weight), canonical)
    found = target.normalisation.undo(points.points[matches.index])
    return CarriedKeypoints(
        dict(zip(keypoints, found, strict=True)),
        dict(zip(keypoints, matches.distance.tolist(), strict=True)),
    )


def transfer_colors(
    model: Model,
    source: Subject,
    target: Subject,
    resolution: int = RESOLUTION,
    seed: int = 0,
    place_weight: float = 0.0,
) -> CarriedColors:
    """Give each vertex of a target the color of the corresponding point of a source.

    Args:
        model: that both are shapes of.
        source: a mesh with materials, textures or vertex colors.
        target: what is to be colored.
        resolution: cells along an axis of surfaces that the model makes.
        seed: of the points on the source.
        place_weight: see `canonical_and_place`.

    Raises:
        ValueError: the source has no mesh of its own.
    """
    if source.scan is None:
        raise ValueError(f"`source` {source.name}: has no colors, expected a mesh file with some")
    surface, mesh = target.surface(model, resolution), load_mesh(source.scan.path)
    known = Surface(mesh.vertices, mesh.faces, source.normalisation, is_own=True)
    points, canonical = _dense(model, source, known, seed, place_weight)
    matches = nearest_canonical(canonical_and_place(model, surface.placed, target.latent, place_weight), canonical)
    return CarriedColors(surface, color_at(mesh, points)[matches.index], matches.distance)


def _dense(
    model: Model, subject: Subject, surface: Surface, seed: int, place_weight: float
) -> tuple[SurfacePoints, Float[np.ndarray, "M 6"]]:
    """Points all over a surface, in normalised space, and what they are compared by."""
    points = spread_points(surface.placed, surface.faces, POINTS, np.random.default_rng(seed))
    return points, canonical_and_place(model, points.points, subject.latent, place_weight)
