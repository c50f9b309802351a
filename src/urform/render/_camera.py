"""Pinhole cameras, and the published way of placing them around an object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Of the published views: docs/formats.md. Lens and sensor are the defaults of Blender 2.79, which rendered them.
FOCAL_MM = 35.0
SENSOR_MM = 32.0
CAMERA_FACTOR = 1.75


@dataclass(frozen=True)
class Camera:
    """A camera that looks at the origin, up = +y.

    Attributes:
        azimuth_deg: angle around +y; 0 lies on +x, 90 on +z (the front).
        elevation_deg: angle above the horizon.
        distance: from the origin, in units of the object's space.
        focal_mm: focal length.
        sensor_mm: width (and height) of the sensor.
        shift: of the object from the origin that the camera looks at.
        roll_deg: by how much the picture is turned, counter-clockwise.
    """

    azimuth_deg: float
    elevation_deg: float
    distance: float
    focal_mm: float = FOCAL_MM
    sensor_mm: float = SENSOR_MM
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    roll_deg: float = 0.0

    @property
    def position(self) -> Float[np.ndarray, " 3"]:
        """Where the camera stands. Source: docs/formats.md, Views."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        direction = [np.cos(elevation) * np.cos(azimuth), np.sin(elevation), np.cos(elevation) * np.sin(azimuth)]
        return self.distance * np.array(direction)

    @property
    def eye(self) -> Float[np.ndarray, " 3"]:
        """Where the camera stands in the object's own space."""
        return self.position - np.array(self.shift)

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Rows: right, up, and backwards (from the origin to the camera)."""
        backwards = self.position / self.distance
        right = np.cross([0.0, 1.0, 0.0], backwards)
        right /= np.linalg.norm(right)
        up, turned = np.cross(backwards, right), np.radians(self.roll_deg)
        cos, sin = np.cos(turned), np.sin(turned)
        return np.stack([cos * right - sin * up, sin * right + cos * up, backwards])

    def project(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 2"]:
        """Image coordinates, x right and y up, the picture being [-1, 1]^2."""
        local = (points - self.eye) @ self.axes.T
        return local[:, :2] / -local[:, 2:] * (2 * self.focal_mm / self.sensor_mm)

    def directions(self, image_points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 3"]:
        """Unit directions of the rays through image coordinates: the inverse of `project`."""
        local = np.concatenate(
            [image_points * (self.sensor_mm / (2 * self.focal_mm)), -np.ones((len(image_points), 1))], axis=1
        )
        directions = local @ self.axes
        return directions / np.linalg.norm(directions, axis=1, keepdims=True)


THREE_QUARTER = Camera(azimuth_deg=50.0, elevation_deg=20.0, distance=2.45)
"""Three-quarter front, for pictures that can be compared: from so far the unit ball just fits into the picture."""
