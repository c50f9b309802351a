"""What a data folder holds of one shape, and what of that is damaged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8

from urform.data import METADATA, VIEW_KINDS, VIEW_LEVELS, DataFolder, ShapeKey
from urform.files import read_png
from urform.geometry import SdfSamples
from urform.pictures import OPAQUE, on_white

THUMBNAIL = 96
# Uniform samples lie in a cube of side 2; those near the surface of a test shape stray by up to five times 0.22.
FARTHEST = 2.5
# A surface in the unit ball is never farther than this from its shell; 32-bit rounding.
ROUNDING = 1e-3


@dataclass
class ShapeFacts:
    """What was found of a shape.

    Attributes:
        key: its name.
        parts: what there is of it: "SDF samples", "easy/image" ...
        damage: kind of damage and the file.
        samples: number of SDF samples.
        inside_fraction: share of them that lies inside; None where they cannot be read.
        views: number of RGBA views by level.
        disk_bytes: size of the files by folder.
        picture_sizes: edge lengths (height, width) of the decoded views, with one file each.
        thumbnail: one view on white; None where none was asked for, or none can be read.
    """

    key: ShapeKey
    parts: set[str] = field(default_factory=set)
    damage: list[tuple[str, str]] = field(default_factory=list)
    samples: int = 0
    inside_fraction: float | None = None
    views: Counter[str] = field(default_factory=Counter)
    disk_bytes: Counter[str] = field(default_factory=Counter)
    picture_sizes: list[tuple[int, int, str]] = field(default_factory=list)
    thumbnail: Any = None


def check_shape(data: DataFolder, key: ShapeKey, full: bool, thumbnail: bool) -> ShapeFacts:
    """Read what there is of a shape.

    Args:
        data: the data folder.
        key: the shape.
        full: decode every view instead of up to three of a level.
        thumbnail: keep a small picture of one view.
    """
    facts = ShapeFacts(key)
    if _note(facts, "SDF samples", data.sdf_path(key), "SdfSamples"):
        _check_sdf(data, facts)
    scaled = _note(facts, "normalisation", data.normalisation_path(key), "NormalizationParameters")
    if _note(facts, "surface samples", data.surface_path(key), "SurfaceSamples") or scaled:
        _check_surface(data, facts)
    for level in VIEW_LEVELS:
        for kind in VIEW_KINDS:
            _check_views(data.views_path(key, level, kind), f"{level}/{kind}", facts, full, thumbnail)
    return facts


def sdf_damage(pos: Shaped[np.ndarray, ...], neg: Shaped[np.ndarray, ...]) -> Iterator[str]:
    """Each thing that is wrong with arrays of SDF samples, in words."""
    for name, rows in (("pos", pos), ("neg", neg)):
        if rows.ndim != 2 or rows.shape[1] != 4:
            yield f"{name} has shape {rows.shape}, expected (N, 4)"
            continue
        if rows.dtype != np.float32:
            yield f"{name} has type {rows.dtype}, expected float32"
        if rows.dtype.kind not in "fiu":
            continue
        if not len(rows):
            yield f"no samples {'outside' if name == 'pos' else 'inside'}"
            continue
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            yield "NaN or infinite samples"
        points, sdf = rows[finite, :3], rows[finite, 3]
        if (sdf <= 0).any() if name == "pos" else (sdf > 0).any():
            yield f"wrong sign in {name}, expected sdf {'> 0' if name == 'pos' else '<= 0'}"
        if (np.abs(points) > FARTHEST).any():
            yield f"points farther than {FARTHEST} from the middle, expected normalised space"
        elif (np.abs(sdf) > np.linalg.norm(points, axis=1) + 1 + ROUNDING).any():
            yield "distances larger than the unit ball allows, expected normalised space"


def _note(facts: ShapeFacts, part: str, path: Path, folder: str) -> bool:
    """Count a file, if it is there."""
    if not path.is_file():
        return False
    facts.parts.add(part)
    facts.disk_bytes[folder] += path.stat().st_size
    return True


def _check_sdf(data: DataFolder, facts: ShapeFacts) -> None:
    path = data.sdf_path(facts.key)
    try:
        samples: SdfSamples = data.sdf_samples(facts.key)
    except ValueError:
        facts.damage.append(("SDF samples cannot be read, expected an npz file with pos and neg", str(path)))
        return
    facts.damage += [(f"SDF samples: {kind}", str(path)) for kind in dict.fromkeys(sdf_damage(*samples))]
    facts.samples = len(samples.pos) + len(samples.neg) if samples.pos.ndim and samples.neg.ndim else 0
    facts.inside_fraction = len(samples.neg) / facts.samples if facts.samples else None


def _check_surface(data: DataFolder, facts: ShapeFacts) -> None:
    normalisation = points = None
    if "normalisation" in facts.parts:
        path = data.normalisation_path(facts.key)
        try:
            normalisation = data.normalisation(facts.key)
        except ValueError:
            facts.damage.append(("normalisation cannot be read, expected an npz file with offset and scale", str(path)))
        else:
            if not (np.isfinite(normalisation.offset).all() and 0 < normalisation.scale < np.inf):
                facts.damage.append(("normalisation: not a finite offset and a positive scale", str(path)))
                normalisation = None
    if "surface samples" in facts.parts:
        path = data.surface_path(facts.key)
        try:
            points = data.surface(facts.key)
        except Exception:  # trimesh's readers raise whatever they like
            facts.damage.append(("surface samples cannot be read, expected a PLY file of points", str(path)))
            return
        if not len(points) or not np.isfinite(points).all():
            facts.damage.append(("surface samples: none, or NaN or infinite ones", str(path)))
        elif normalisation and np.linalg.norm(normalisation.apply(points), axis=1).max() > 1 + ROUNDING:
            facts.damage.append(("surface samples do not fit the normalisation, expected the unit ball", str(path)))


def _check_views(folder: Path, part: str, facts: ShapeFacts, full: bool, thumbnail: bool) -> None:
    pictures = []
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                size = entry.stat().st_size
                facts.disk_bytes["views"] += size
                if entry.name.lower().endswith(".png") and not entry.name.startswith("."):
                    pictures.append(Path(entry.path))
    if not pictures:
        return
    pictures.sort()
    facts.parts.add(part)
    level = part.split("/")[0]
    if part.endswith("/image") or (part.endswith("/image_rgb") and level not in facts.views):
        facts.views[level] = len(pictures)
    if part.endswith("/image"):
        _check_metadata(folder / METADATA, part, len(pictures), facts)
    few = pictures if full else [pictures[index] for index in sorted({0, len(pictures) // 2, len(pictures) - 1})]
    for path in few:
        picture: Any = read_png(path)
        damage = _picture_damage(picture, "RGB" if part.endswith("_rgb") else "RGBA")
        if damage:
            facts.damage.append((f"views ({part.split('/')[1]}): {damage}", str(path)))
        else:
            facts.picture_sizes.append((*picture.shape[:2], str(path)))
            if thumbnail and facts.thumbnail is None:
                facts.thumbnail = _thumbnail(picture)


def _check_metadata(path: Path, part: str, views: int, facts: ShapeFacts) -> None:
    if not path.is_file():
        return
    facts.parts.add(f"{part}/{METADATA}")
    lines = sum(bool(line.strip()) for line in path.read_bytes().splitlines())
    if lines != views:
        facts.damage.append((f"views: another number than lines of {METADATA}", f"{path} ({views}, {lines} lines)"))


def _picture_damage(picture: Any, mode: str) -> str:
    if picture is None:
        return "cannot be read, expected a PNG file"
    if picture.ndim != 3 or picture.shape[2] != len(mode) or picture.dtype != np.uint8:
        return f"not {mode} with 8 bits a channel"
    empty = not (picture[..., 3] > OPAQUE).any() if mode == "RGBA" else bool((picture == 255).all())
    return "empty, expected an object" if empty else ""


def _thumbnail(picture: UInt8[np.ndarray, "H W C"]) -> UInt8[np.ndarray, "96 96 3"]:
    """A small RGB copy, on white."""
    colors = on_white(picture) if picture.shape[2] == 4 else picture
    small = cv2.resize(colors, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
