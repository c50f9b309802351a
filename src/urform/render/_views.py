"""The published views of an object: fifty easy ones, fifty hard ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from urform.geometry import TexturedMesh
from urform.render._camera import CAMERA_FACTOR, FOCAL_MM, SENSOR_MM, Camera
from urform.render._raycast import Frame, Light, RayCaster


@dataclass(frozen=True)
class ViewLevel:
    """How the views of a level are drawn. Source: docs/formats.md, Views.

    Attributes:
        elevation_deg: range of elevations.
        distance: range of distances, before the factor of 1.75.
        shift: largest shift of the object an axis; where there is one, views in which the object touches the border
            are drawn again.
        focal_mm: focal length of the camera.
        sensor_mm: width of its sensor.
    """

    elevation_deg: tuple[float, float]
    distance: tuple[float, float]
    shift: float = 0.0
    focal_mm: float = FOCAL_MM
    sensor_mm: float = SENSOR_MM

    @property
    def redraw_distance(self) -> tuple[float, float]:
        """Range of distances after five tries in which the object touched the border: published, 0.75 to 1.1."""
        low, high = 1.25 * self.distance[0], 1.1 * self.distance[1]
        return low, max(low, high)

    @property
    def redraw_shift(self) -> float:
        """The same for shifts: published, 0.1."""
        return self.shift / 2


LEVELS = {
    "easy": ViewLevel((20, 30), (0.65, 1.0)),
    "hard": ViewLevel((0, 45), (0.60, 1.0), shift=0.2),
}


@dataclass(frozen=True)
class View:
    """One rendered view and the line that describes it in `rendering_metadata.txt`."""

    frame: Frame
    metadata: str


def render_views(
    mesh: TexturedMesh,
    level: ViewLevel,
    count: int,
    size: int,
    samples: int,
    rng: np.random.Generator,
    geometry: bool = False,
) -> Iterator[View]:
    """Draw and render the views of one level.

    Args:
        mesh: the object, anywhere, in any unit.
        level: how views are drawn.
        count: number of views; their azimuths are spread evenly, with a jitter of 5 degrees.
        size: pixels along an edge.
        samples: rays a pixel, a square number.
        rng: the randomness of views and lamp.
        geometry: also give depth (in box diagonals) and normals.
    """
    if not count:
        return
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    mesh = mesh.moved(-(low + high) / 2, 1 / float(np.linalg.norm(high - low)))
    caster = RayCaster(mesh)
    for index in range(count):
        camera, numbers = _drawn_camera(mesh, level, (index + 1) * 360 / count, rng)
        light = Light((rng.uniform(-1, 1), rng.uniform(0.2, 1), rng.uniform(0.3, 1)), rng.uniform(0.3, 0.6))
        metadata = "[" + ", ".join(f"{number:.6g}" for number in numbers) + "],"
        yield View(caster.render(camera, size, light, samples, geometry), metadata)


def _drawn_camera(
    mesh: TexturedMesh, level: ViewLevel, azimuth_deg: float, rng: np.random.Generator
) -> tuple[Camera, list[float]]:
    """A camera near an azimuth, and its numbers as the metadata lists them; drawn again while the object is cut."""
    attempt = 0
    while True:
        again = attempt >= 5 and level.shift > 0
        azimuth = azimuth_deg + rng.uniform(-5, 5)
        elevation = rng.uniform(*level.elevation_deg)
        distance = rng.uniform(*(level.redraw_distance if again else level.distance))
        shift = rng.uniform(-1, 1, 3) * (level.redraw_shift if again else level.shift)
        camera = Camera(azimuth, elevation, CAMERA_FACTOR * distance, level.focal_mm, level.sensor_mm, tuple(shift))
        attempt += 1
        if attempt == 20 or level.shift == 0 or np.abs(camera.project(mesh.vertices)).max() < 1:
            numbers = [azimuth, elevation, 0, distance, level.focal_mm, level.sensor_mm, CAMERA_FACTOR, *shift]
            return camera, numbers
