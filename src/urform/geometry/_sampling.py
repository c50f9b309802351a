"""Points on a surface and SDF samples around it, by the published recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from urform.geometry._rays import RayScene, fibonacci_sphere

NEAR_SHARE = 47 / 50  # published: Park 2019 (DeepSDF)
VISIBLE_DIRECTIONS = 100  # published: the views of DeepSDF's preprocessing
_LEAST_SHARE, _ROUNDS = 0.05, 20  # a mesh of which less is visible is refused; at this share 20 draws find enough
_SPARE = 1.05  # of the expected need, so that one round more is seldom needed
_LIFT = 1e-4  # normalised units, by which a ray starts off its own face


class SdfSamples(NamedTuple):
    """Samples as published: rows of x y z sdf, float32, in normalised space."""

    pos: Float[np.ndarray, "P 4"]
    neg: Float[np.ndarray, "Q 4"]


def sample_faces(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], count: int, rng: np.random.Generator
) -> Float[np.ndarray, "count 3"]:
    """Area-uniform points on a triangle mesh.

    Raises:
        ValueError: the surface has no area.
    """
    return sample_on_faces(vertices, faces, count, rng)[0]


def sample_on_faces(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "count 3"], Int[np.ndarray, " count"]]:
    """The same points as `sample_faces`, and the face that each lies on."""
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    total = np.cumsum(areas)
    if not total[-1] > 0:
        raise ValueError("the surface has no area, expected triangles that are not degenerate")
    face = np.searchsorted(total, rng.random(count) * total[-1], side="right").clip(max=len(faces) - 1)
    chosen = corners[face]
    root, share = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - root) * chosen[:, 0] + root * (1 - share) * chosen[:, 1] + root * share * chosen[:, 2], face


def sample_visible_surface(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "count 3"], Int[np.ndarray, " count"]]:
    """Area-uniform points on what can be seen from outside, from any of 100 directions.

    Args:
        vertices: (V, 3) in normalised space.
        faces: (F, 3).
        count: number of points.
        rng: their randomness.

    Returns:
        The points, and the face that each lies on.

    Raises:
        ValueError: hardly any of the surface is visible.
    """
    scene = RayScene(vertices, faces)
    directions = fibonacci_sphere(VISIBLE_DIRECTIONS)
    found: list[np.ndarray] = []
    found_on: list[np.ndarray] = []
    missing, share = count, 1.0
    for _ in range(_ROUNDS):
        points, face = sample_on_faces(vertices, faces, int(missing / share * _SPARE) + 16, rng)
        visible = scene.sees_outside(points, directions, start=_LIFT)
        found.append(points[visible])
        found_on.append(face[visible])
        missing -= len(found[-1])
        if missing <= 0:
            return np.concatenate(found)[:count], np.concatenate(found_on)[:count]
        share = max(len(found[-1]) / len(points), _LEAST_SHARE)
    raise ValueError("less than 5 % of the surface can be seen from outside, expected a visible surface")


def sample_sdf(
    distance: Callable[[np.ndarray], np.ndarray],
    surface: Float[np.ndarray, "S 3"],
    count: int,
    variance: float,
    second_variance: float,
    rng: np.random.Generator,
) -> SdfSamples:
    """Published sampling: 47/50 of the samples near the surface, the rest uniform in the cube of side 2.

    Args:
        distance: the mesh's signed distance in normalised space.
        surface: visible surface points; each is used about equally often, with each variance.
        count: number of samples.
        variance: of the normal noise an axis on one half of the near samples.
        second_variance: the same on the other half.
        rng: their randomness.

    Source: Park 2019 (DeepSDF), supplementary material; docs/formats.md, SDF samples, has the variances.
    """
    near = int(count * NEAR_SHARE) // 2
    chosen = surface[np.arange(near) % len(surface)]
    points = np.concatenate(
        [
            chosen + rng.normal(0, np.sqrt(variance), chosen.shape),
            chosen + rng.normal(0, np.sqrt(second_variance), chosen.shape),
            rng.uniform(-1, 1, (count - 2 * near, 3)),
        ]
    )
    sdf = distance(points)
    samples = np.concatenate([points, sdf[:, None]], axis=1).astype(np.float32)
    return SdfSamples(samples[sdf > 0], samples[sdf <= 0])
