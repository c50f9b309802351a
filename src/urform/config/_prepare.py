"""How meshes become training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from urform.config._check import is_name, require


@dataclass(frozen=True)
class PrepareConfig:
    """Settings of `urform prepare`; the defaults are the published recipe."""

    dataset: str | None = None
    """Name of the dataset in data folder and split files; default: 'ShapeNetV2', that of the list, or 'shapes'."""
    category: str | None = None
    """Name of the category (class) there; default: ShapeNet's synset, that of the list, or 'object'."""
    samples: int = 500_000
    """SDF samples of a training shape; a test shape gets half as many."""
    variance: float = 0.005
    """Variance of the noise on one half of the near samples (normalised units); the other half has a tenth of it."""
    test_variance: float = 0.05
    """The same for test shapes; the other half has a hundredth of it."""
    surface_points: int = 30_000
    """Points on the visible surface of a shape, in the coordinates of the mesh."""
    easy_views: int = 50
    """Number of views of the level 'easy': object centred, elevation 20 to 30 degrees."""
    hard_views: int = 50
    """Number of views of the level 'hard': object off centre, elevation 0 to 45 degrees."""
    easy_elevation_deg: tuple[float, float] = (20, 30)
    """Range of camera elevations in 'easy' views, degrees above the horizon."""
    hard_elevation_deg: tuple[float, float] = (0, 45)
    """The same in 'hard' views."""
    easy_distance: tuple[float, float] = (0.65, 1.0)
    """Range of camera distances in 'easy' views; 1 is 1.75 diagonals of the bounding box."""
    hard_distance: tuple[float, float] = (0.60, 1.0)
    """The same in 'hard' views."""
    easy_shift: float = 0.0
    """Largest shift of the object along an axis in 'easy' views, in diagonals of the bounding box."""
    hard_shift: float = 0.2
    """The same in 'hard' views."""
    focal_mm: float = 35.0
    """Focal length of the camera, millimetres."""
    sensor_mm: float = 32.0
    """Width and height of the sensor, millimetres."""
    view_size: int = 224
    """Pixels along an edge of a view."""
    view_samples: int = 4
    """Rays a pixel, a square number."""
    albedo: bool = True
    """Write the unlit color of each view too."""
    depth: bool = False
    """Write the depth of each view too: PNG of 16 bits, 10,000 units a box diagonal, 0 for background."""
    normals: bool = False
    """Write the normals of each view too, in the camera's axes (right, up, towards it), -1..1 as 0..255."""
    only: Literal["views", "samples"] | None = None
    """Make views alone, or samples and normalisation alone, and leave the others as they are; None = all."""
    up: Literal["y", "z"] = "y"
    """Axis that points up in the meshes; with z the front is -y. Files of .dae and .3mf say it themselves."""
    sign: str | None = None
    """What tells inside from outside: solid, winding, guarded or hidden, see docs/data.md; None = solid, and another
    one for meshes that it leaves doubtful."""
    thicken: float = 0.0
    """Thickness given to sheets, the surfaces with the outside on both sides (normalised space); 0 = none."""
    grow: float = 0.0
    """Distance by which solids grow on all sides (normalised space), so that thin wings and legs last; 0 = none."""
    test_fraction: float = 0.2
    """Share of the instances in the test split, chosen by a hash of their names."""
    seed: int = 0
    """Seed of all random numbers; those of an instance depend on the seed and its name, not on the order."""

    def __post_init__(self) -> None:
        require(self.up in ("y", "z"), "up", "y or z", self.up)
        require(self.samples >= 100, "samples", "at least 100", self.samples)
        require(self.variance > 0, "variance", "positive", self.variance)
        require(self.test_variance > 0, "test_variance", "positive", self.test_variance)
        require(self.surface_points >= 1, "surface_points", "at least 1", self.surface_points)
        require(self.easy_views >= 0, "easy_views", "0 or more", self.easy_views)
        require(self.hard_views >= 0, "hard_views", "0 or more", self.hard_views)
        for level in ("easy", "hard"):
            low, high = getattr(self, f"{level}_elevation_deg")
            require(
                -89 <= low <= high <= 89, f"{level}_elevation_deg", "two angles of -89 to 89, in order", (low, high)
            )
            low, high = getattr(self, f"{level}_distance")
            require(0.3 <= low <= high, f"{level}_distance", "two numbers of at least 0.3, in order", (low, high))
            shift = getattr(self, f"{level}_shift")
            require(0 <= shift <= 0.5, f"{level}_shift", "0 to 0.5", shift)
        require(self.focal_mm > 0, "focal_mm", "positive", self.focal_mm)
        require(self.sensor_mm > 0, "sensor_mm", "positive", self.sensor_mm)
        require(16 <= self.view_size <= 2048, "view_size", "16 to 2048 pixels", self.view_size)
        require(self.view_samples in (1, 4, 9, 16), "view_samples", "1, 4, 9 or 16", self.view_samples)
        require(0 <= self.test_fraction < 1, "test_fraction", "at least 0 and less than 1", self.test_fraction)
        for name in ("dataset", "category"):
            value = getattr(self, name)
            require(value is None or is_name(value), name, "a name without slashes", value)
        require(self.thicken == 0 or 0.004 <= self.thicken <= 0.2, "thicken", "0, or 0.004 to 0.2", self.thicken)
        require(0 <= self.grow <= 0.05, "grow", "0 to 0.05", self.grow)
