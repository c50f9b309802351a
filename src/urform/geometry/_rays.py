"""Rays against triangles (Embree)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float, Int


class Hits(NamedTuple):
    """First hits of N rays; `face` is -1 where a ray leaves the scene."""

    face: Int[np.ndarray, " N"]
    barycentric: Float[np.ndarray, "N 2"]
    distance: Float[np.ndarray, " N"]


class RayScene:
    """A ray-traceable triangle mesh, both sides of every face solid to rays.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
    """

    def __init__(self, vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]):
        self._scene = EmbreeScene()
        self._mesh = TriangleMesh(
            self._scene, np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32)
        )

    def first_hits(self, origins: Float[np.ndarray, "N 3"], directions: Float[np.ndarray, "N 3"]) -> Hits:
        """The first face along each ray; the hit is `(1 - u - v) * a + u * b + v * c` of its corners."""
        answer = self._scene.run(
            np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32), output=1
        )
        return Hits(answer["primID"], np.stack([answer["u"], answer["v"]], axis=1), answer["tfar"])

    def escape(self, points: Float[np.ndarray, "N 3"], direction: Float[np.ndarray, " 3"]) -> Bool[np.ndarray, " N"]:
        """Whether the ray from each point in one direction leaves the scene unobstructed."""
        origins = np.ascontiguousarray(points, np.float32)
        rays = np.ascontiguousarray(np.broadcast_to(direction.astype(np.float32), origins.shape))
        return self._scene.run(origins, rays, query="OCCLUDED") < 0

    def sees_outside(
        self, points: Float[np.ndarray, "N 3"], directions: Float[np.ndarray, "D 3"], start: float
    ) -> Bool[np.ndarray, " N"]:
        """Whether from each point at least one of the directions leaves the scene unobstructed.

        Args:
            points: (N, 3).
            directions: (D, 3) unit vectors, tried in turn on the points that have not escaped yet.
            start: distance from the point at which its rays begin (off the surface it lies on).
        """
        points = np.ascontiguousarray(points, np.float32)
        hidden = np.arange(len(points))
        for direction in directions.astype(np.float32):
            origins = points[hidden] + start * direction
            rays = np.broadcast_to(direction, origins.shape)
            hit = self._scene.run(origins.astype(np.float32), np.ascontiguousarray(rays)) >= 0
            hidden = hidden[hit]
            if not len(hidden):
                break
        visible = np.ones(len(points), bool)
        visible[hidden] = False
        return visible


def fibonacci_sphere(count: int) -> Float[np.ndarray, "count 3"]:
    """Unit vectors spread evenly, in an order in which neighbours are far apart."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - height**2)
    directions = np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1)
    return directions[np.random.default_rng(0).permutation(count)]
