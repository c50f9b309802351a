"""The pictures of a shape: rendered views, and one beside slices of its field for the report."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from urform.config import PrepareConfig
from urform.data import METADATA, DataFolder, ShapeKey
from urform.files import encode_png
from urform.geometry import TexturedMesh
from urform.pictures import on_white
from urform.prepare._encode import write_file
from urform.prepare._field import Distance
from urform.render import LEVELS, Frame, ViewLevel, render_views

SLICE_CELLS = 96
DEPTH_UNITS = 10_000  # of a depth picture, to the bounding box's diagonal


def write_views(
    config: PrepareConfig, key: ShapeKey, stage: DataFolder, mesh: TexturedMesh, rng: np.random.Generator
) -> UInt8[np.ndarray, "S S 3"] | None:
    """Render and write all views; returns the first, on white."""
    first = None
    for level in LEVELS:
        lines = []
        geometry = config.depth or config.normals
        how, count = view_level(config, level)
        views = render_views(mesh, how, count, config.view_size, config.view_samples, rng, geometry)
        for index, view in enumerate(views):
            for kind, picture in _pictures(view.frame, config).items():
                if first is None and kind == "image_rgb":
                    first = picture
                path = stage.views_path(key, level, kind) / f"{index:02d}.png"
                write_file(path, encode_png(picture))
            lines.append(view.metadata)
        if lines:
            path = stage.views_path(key, level) / METADATA
            write_file(path, ("\n".join(lines) + "\n").encode())
    return first


def view_level(config: PrepareConfig, name: str) -> tuple[ViewLevel, int]:
    """How the views of a level are drawn, and how many."""
    elevation_deg, distance, shift, count = (
        getattr(config, f"{name}_{part}") for part in ("elevation_deg", "distance", "shift", "views")
    )
    return ViewLevel(elevation_deg, distance, shift, config.focal_mm, config.sensor_mm), count


def _pictures(frame: Frame, config: PrepareConfig) -> dict[str, np.ndarray]:
    pictures = {"image": frame.color, "image_rgb": on_white(frame.color)}
    if config.albedo:
        pictures["albedo"] = frame.albedo
    if config.depth and frame.depth is not None:
        pictures["depth"] = np.minimum(frame.depth * DEPTH_UNITS + 0.5, 65535).astype(np.uint16)
    if config.normals and frame.normals is not None:
        seen = (frame.normals != 0).any(axis=2, keepdims=True)
        coded = np.where(seen, (frame.normals * 0.5 + 0.5) * 255 + 0.5, 0).astype(np.uint8)
        pictures["normals"] = np.concatenate([coded, (seen * 255).astype(np.uint8)], axis=2)
    return pictures


def picture_beside_field(view: np.ndarray | None, distance: Distance) -> UInt8[np.ndarray, "H W 3"]:
    """A view beside slices of the field through the middle, across x, y and z."""
    ticks = np.linspace(-1, 1, SLICE_CELLS)
    panels = [] if view is None else [_resized(view, 2 * SLICE_CELLS)]
    for axis in range(3):
        across, down = np.meshgrid(ticks, -ticks)
        zero = np.zeros_like(across)
        planes = ([zero, down, -across], [across, zero, -down], [across, down, zero])
        values = distance(np.stack(planes[axis], axis=-1).reshape(-1, 3)).reshape(across.shape)
        grey = np.where(values < 0, 70, 215 + 40 * np.clip(values / 0.3, 0, 1)).astype(np.uint8)
        panels.append(_resized(np.repeat(grey[..., None], 3, axis=2), 2 * SLICE_CELLS))
    return np.concatenate(panels, axis=1)


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    import cv2

    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))
