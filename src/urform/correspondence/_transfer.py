"""What is known at points of one shape, carried to another: points correspond where the warps take them together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from urform.correspondence._labels import Labels, colour_at
from urform.correspondence._subject import Subject
from urform.correspondence._surface import Surface, SurfacePoints, spread
from urform.geometry import load_mesh
from urform.inference import Model

POINTS = 50_000  # on the surface that is searched: one in 0.007 normalised units on a chair
RESOLUTION = 128


class Matches(NamedTuple):
    """For each of N points the corresponding one of a surface, and how far apart the two are in canonical space."""

    index: Int[np.ndarray, " N"]
    distance: Float[np.ndarray, " N"]


class CarriedLabels(NamedTuple):
    """Labels of a target: of its vertices or faces, as the source has them."""

    surface: Surface
    labels: Labels
    distance: Float[np.ndarray, " N"]


class CarriedColours(NamedTuple):
    """Colours in 0..1 of a target's vertices."""

    surface: Surface
    rgb: Float[np.ndarray, "V 3"]
    distance: Float[np.ndarray, " V"]


class CarriedKeypoints(NamedTuple):
    """Keypoints in a target's own coordinates, and the canonical distance of each."""

    points: dict[str, Float[np.ndarray, " 3"]]
    distance: dict[str, float]


def nearest_canonical(query: Float[np.ndarray, "N 3"], among: Float[np.ndarray, "M 3"]) -> Matches:
    """The nearest of some canonical points. Source: Zheng 2021 (Deep Implicit Templates), section 3."""
    from scipy.spatial import KDTree

    distance, index = KDTree(among).query(query)
    return Matches(np.asarray(index), np.asarray(distance))


def transfer_labels(
    model: Model, source: Subject, target: Subject, labels: Labels, resolution: int = RESOLUTION, seed: int = 0
) -> CarriedLabels:
    """Give each vertex or face of a target the label of the corresponding point of a source.

    Args:
        model: that both are shapes of.
        source: whose vertices or faces are labelled.
        target: what is to be labelled.
        labels: of the source's surface.
        resolution: cells along an axis of surfaces that the model makes.
        seed: of the points on the source.
    """
    surface, known = target.surface(model, resolution), source.surface(model, resolution)
    points, canonical = _dense(model, source, known, seed)
    places = surface.placed if labels.per == "vertex" else surface.placed[surface.faces].mean(axis=1)
    matches = nearest_canonical(model.canonical(places, target.latent), canonical)
    index = labels.at(points, known.faces)[matches.index]
    return CarriedLabels(surface, Labels(labels.names, index, labels.per), matches.distance)


def transfer_keypoints(
    model: Model,
    source: Subject,
    target: Subject,
    keypoints: dict[str, Float[np.ndarray, " 3"]],
    resolution: int = RESOLUTION,
    seed: int = 0,
) -> CarriedKeypoints:
    """Find the points of a target's surface that correspond to named points of a source.

    Args:
        model: that both are shapes of.
        source: in whose own coordinates the keypoints are.
        target: where they are looked for.
        keypoints: on the source's surface or near it.
        resolution: cells along an axis of surfaces that the model makes.
        seed: of the points on the target.
    """
    surface = target.surface(model, resolution)
    points, canonical = _dense(model, target, surface, seed)
    placed = source.normalisation.apply(np.stack(list(keypoints.values())))
    matches = nearest_canonical(model.canonical(placed, source.latent), canonical)
    found = target.normalisation.undo(points.points[matches.index])
    return CarriedKeypoints(
        dict(zip(keypoints, found, strict=True)),
        dict(zip(keypoints, matches.distance.tolist(), strict=True)),
    )


def transfer_colours(
    model: Model, source: Subject, target: Subject, resolution: int = RESOLUTION, seed: int = 0
) -> CarriedColours:
    """Give each vertex of a target the colour of the corresponding point of a source.

    Args:
        model: that both are shapes of.
        source: a mesh with materials, textures or vertex colours.
        target: what is to be coloured.
        resolution: cells along an axis of surfaces that the model makes.
        seed: of the points on the source.

    Raises:
        ValueError: the source has no mesh of its own.
    """
    if source.scan is None:
        raise ValueError(f"--from {source.name}: has no colours, expected a mesh file with some")
    surface, mesh = target.surface(model, resolution), load_mesh(source.scan.path)
    known = Surface(mesh.vertices, mesh.faces, source.normalisation, is_own=True)
    points, canonical = _dense(model, source, known, seed)
    matches = nearest_canonical(model.canonical(surface.placed, target.latent), canonical)
    return CarriedColours(surface, colour_at(mesh, points)[matches.index], matches.distance)


def _dense(
    model: Model, subject: Subject, surface: Surface, seed: int
) -> tuple[SurfacePoints, Float[np.ndarray, "M 3"]]:
    """Points all over a surface, in normalised space, and where the warp takes them."""
    points = spread(surface.placed, surface.faces, POINTS, np.random.default_rng(seed))
    return points, model.canonical(points.points, subject.latent)
