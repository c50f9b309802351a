"""Labels, keypoints and colors of one shape written for others: what `urform transfer` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import trimesh
from jaxtyping import UInt8

from urform.correspondence._labels import group_labels, label_colors, read_labels
from urform.correspondence._transfer import (
    RESOLUTION,
    transfer_colors,
    transfer_keypoints,
    transfer_labels,
)
from urform.data import read_keypoints
from urform.files import check_outputs, unique_names, write_atomically
from urform.fitting import STEPS, Subject, Surface, check_numbers, files_behind, name_of_text, resolve_subject
from urform.formats import save_mesh
from urform.inference import Model

Kind = Literal["labels", "keypoints", "colors"]
_SUFFIXES: dict[Kind, tuple[str, ...]] = {"labels": (".ply", ".txt"), "keypoints": (".json",), "colors": (".ply",)}
Write = Callable[[Subject, Path], tuple[dict[str, Any], np.ndarray]]
"""Carries to a target, writes files that start with a path: what it wrote, and canonical distances."""


def transfer_files(
    model: Model,
    kind: Kind,
    source: str,
    targets: Sequence[str],
    out: Path,
    file: Path | None = None,
    steps: int = STEPS,
    seed: int = 0,
    resolution: int = RESOLUTION,
    place_weight: float = 0.0,
) -> Iterator[dict[str, Any]]:
    """Carry labels, keypoints or colors of a source to targets; a bad target gives an entry with its error.

    Args:
        model: that all are shapes of.
        kind: what is carried.
        source: see `resolve_subject`.
        targets: the same; of equal names the results are numbered.
        out: folder of the results.
        file: labels or keypoints of the source; without one labels are the groups of its OBJ file.
        steps: of the fit of a mesh or a point cloud.
        seed: of fits, and of points on surfaces.
        resolution: cells along an axis of surfaces that the model makes.
        place_weight: see `canonical_and_place`.

    Yields:
        A JSON-able summary a target.

    Raises:
        ValueError: no target, a number out of range, a result that would replace a file given, or the source or its
            file is wrong.
        FileNotFoundError: it is not there.
    """
    _check(targets, steps, seed, resolution, place_weight)
    names = unique_names(name_of_text(text) for text in targets)
    outputs = [out / f"{name}{suffix}" for name in names for suffix in _SUFFIXES[kind]]
    inputs = [path for text in (source, *targets) for path in files_behind(text)]
    check_outputs(out, outputs, inputs if file is None else [*inputs, file])
    options = {"resolution": resolution, "seed": seed, "place_weight": place_weight}
    write = _writer(model, kind, source, file, steps, options)
    for text, name in zip(targets, names, strict=True):
        try:
            target = resolve_subject(model, text, steps, seed)
            written, distance = write(target, out / name)
        except (ValueError, OSError) as error:
            yield {"to": text, "error": str(error)}
            continue
        mean, largest = round(float(distance.mean()), 5), round(float(distance.max()), 5)
        yield {"to": text, **written, "canonical_distance": mean, "largest": largest}


def _check(targets: Sequence[str], steps: int, seed: int, resolution: int, place_weight: float) -> None:
    if not targets:
        raise ValueError("targets must name at least one shape, got none")
    check_numbers(steps, seed, resolution)
    if not 0 <= place_weight < np.inf:
        raise ValueError(f"place_weight must be at least 0 and finite, got {place_weight}")


def _writer(model: Model, kind: Kind, source: str, file: Path | None, steps: int, options: dict[str, Any]) -> Write:
    """What carries this kind from the source, which is resolved here, to targets."""
    keypoints = read_keypoints(file) if kind == "keypoints" and file is not None else None
    subject = resolve_subject(model, source, steps, options["seed"])
    if kind == "labels":
        return _label_writer(model, subject, source, file, options)
    if kind == "colors":
        return _color_writer(model, subject, options)
    if keypoints is None:
        raise ValueError("keypoints must name a file, got none")
    return _keypoint_writer(model, subject, keypoints, options)


def _label_writer(model: Model, source: Subject, name: str, file: Path | None, options: dict[str, Any]) -> Write:
    if file is None:
        labels = group_labels(source.scan, name)
    else:
        labels = read_labels(file, source.surface(model, options["resolution"]), name)
    palette = label_colors(len(labels.names))

    def write(target: Subject, stem: Path) -> tuple[dict[str, Any], np.ndarray]:
        carried = transfer_labels(model, source, target, labels, **options)
        mesh_path, label_path = stem.with_name(f"{stem.name}.ply"), stem.with_name(f"{stem.name}.txt")
        _save(carried.surface, mesh_path, palette[carried.labels.index], labels.per)
        text = "".join(f"{label}\n" for label in carried.labels.named(carried.labels.index))
        write_atomically(label_path, text.encode())
        counts = np.bincount(carried.labels.index, minlength=len(labels.names))
        shares = {label: int(count) for label, count in zip(labels.names, counts, strict=True)}
        written = {"mesh": str(mesh_path), "labels": str(label_path), "per": labels.per, "counts": shares}
        return written, carried.distance

    return write


def _keypoint_writer(model: Model, source: Subject, keypoints: dict[str, np.ndarray], options: dict[str, Any]) -> Write:
    def write(target: Subject, stem: Path) -> tuple[dict[str, Any], np.ndarray]:
        carried = transfer_keypoints(model, source, target, keypoints, **options)
        path = stem.with_name(f"{stem.name}.json")
        content = {name: point.round(6).tolist() for name, point in carried.points.items()}
        write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
        distances = {name: round(value, 5) for name, value in carried.distance.items()}
        return {"keypoints": str(path), "distances": distances}, np.array(list(carried.distance.values()))

    return write


def _color_writer(model: Model, source: Subject, options: dict[str, Any]) -> Write:
    def write(target: Subject, stem: Path) -> tuple[dict[str, Any], np.ndarray]:
        carried = transfer_colors(model, source, target, **options)
        path = stem.with_name(f"{stem.name}.ply")
        _save(carried.surface, path, np.round(carried.rgb * 255).astype(np.uint8), "vertex")
        return {"mesh": str(path), "vertices": len(carried.rgb)}, carried.distance

    return write


def _save(surface: Surface, path: Path, colors: UInt8[np.ndarray, "N 3"], per: Literal["vertex", "face"]) -> None:
    by_vertex, by_face = (colors, None) if per == "vertex" else (None, colors)
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False, vertex_colors=by_vertex, face_colors=by_face)
    save_mesh(mesh, path)
