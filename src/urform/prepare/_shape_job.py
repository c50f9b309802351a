"""One mesh: what `urform prepare` makes of it, staged aside and put in place at the end."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from urform.config import PrepareConfig
from urform.data import DataFolder, Parts, ShapeKey, read_keypoints
from urform.files import encode_png
from urform.formats import load_mesh
from urform.geometry import (
    UPRIGHT,
    Cleaned,
    Normalisation,
    SdfSamples,
    SignedDistance,
    SurfaceQuality,
    TexturedMesh,
    ThickenedDistance,
    clean,
    face_normals,
    guarded_sign,
    hidden_sign,
    is_watertight,
    sample_sdf,
    sample_visible_surface,
    solid_sign,
    spread,
    surface_quality,
    up_of,
    winding_sign,
)
from urform.pictures import on_white
from urform.prepare._content import KEYPOINTS_FILE, content_of
from urform.prepare._report import ShapeReport, report_place, write_report
from urform.prepare._store import Store
from urform.render import LEVELS, Frame, ViewLevel, render_views
from urform.sources import Source, local_copy

LEAST_INSIDE = 0.002  # share of the samples; with less there is nothing to learn
MOST_LOST = 0.4  # share of the visible surface that may be sheets
MOST_JUMPS = 0.008  # share of points at which the field may have a zero in the air
DOUBTFUL_JUMPS = 0.003  # from here on another sign method is tried
OTHER_SIGNS = {"winding": winding_sign, "guarded": guarded_sign}
# Specks in the air where few rays get in, but right for an open box; once its walls have a thickness.
THICKENED_SIGNS = {**OTHER_SIGNS, "hidden": hidden_sign}
PROBES = 1500
NEAR_SURFACE = 100_000  # visible surface points that the near samples are drawn around, each used several times
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no fault of the mesh: these end the run
PART_POINTS = 3000
SLICE_CELLS = 96
DEPTH_UNITS = 10_000  # of a depth picture, to the bounding box's diagonal


Distance = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) -> sdf (N,), NEGATIVE inside."""


@dataclass(frozen=True)
class ShapeJob:
    """One mesh to be prepared.

    Attributes:
        source: the mesh.
        is_test: whether it is prepared as a test shape.
        config: settings.
        store: the data folder.
    """

    source: Source
    is_test: bool
    config: PrepareConfig
    store: Store

    @property
    def report(self) -> ShapeReport:
        """What is known before the mesh is opened."""
        return ShapeReport(
            *self.source.key,
            outcome="skipped",
            source=self.source.place,
            split="test" if self.is_test else "train",
            family=self.source.family,
            settings=fingerprint(self.config),
        )


def fingerprint(config: PrepareConfig) -> str:
    """Tells settings apart that make other files."""
    settings = asdict(config)
    for name in ("dataset", "category", "test_fraction"):  # these decide what is prepared, not how
        del settings[name]
    if config.up == "y":  # as it was for all folders that were prepared before one could say so
        del settings["up"]
    return hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()[:16]


def prepare_shape(job: ShapeJob) -> ShapeReport:
    """Prepare one mesh; a bad one gives a report with the reason instead of files.

    All files are made in a folder of their own and then moved into place, the report last: a shape without a report is
    made again, and what an interrupted run left is overwritten.

    Raises:
        OSError: the disk is full or read-only.
    """
    started = time.perf_counter()
    stage = job.store.stage(f"{os.getpid()}__{'__'.join(job.source.key)}")
    report = job.report
    try:
        if job.source.problem:
            raise ValueError(job.source.problem)
        content = content_of(job.source)
        with local_copy(job.source) as path:
            report = replace(_make(job, path, DataFolder(stage)), content=content)
    except Exception as error:  # whatever a library raises on a mesh that nobody has seen before
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        place = job.source.place
        report = replace(report, reason=reason if place in reason else f"{place}: {reason}")
    report = replace(report, elapsed_s=round(time.perf_counter() - started, 2))
    _put_in_place(stage, job.store, report)
    return report


def _put_in_place(stage: Path, store: Store, report: ShapeReport) -> None:
    store.put(stage / "none", report_place(report.key))  # while there is no report, the shape counts as not done
    for made in _products(DataFolder(stage), report.key):
        store.put(made, made.relative_to(stage).as_posix())
    shutil.rmtree(stage, ignore_errors=True)
    write_report(store, report)


def _products(data: DataFolder, key: ShapeKey) -> list[Path]:
    """The files and folders of a shape, its report aside."""
    files = [
        data.sdf_path(key),
        data.surface_path(key),
        data.normalisation_path(key),
        data.keypoints_path(key),
        data.parts_path(key),
    ]
    folders = [data.views_path(key, level).parent for level in LEVELS]
    return [*files, *folders, data.report_path(key).with_suffix(".png")]


class _Field(NamedTuple):
    """The signed distance that was settled on, the surface that goes with it, and what is to be said of them."""

    distance: Distance
    surface: Float[np.ndarray, "S 3"]
    quality: SurfaceQuality
    sign: str
    repaired: list[str]


def _make(job: ShapeJob, path: Path, stage: DataFolder) -> ShapeReport:
    config, key = job.config, job.source.key
    seed = [config.seed, int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8], "little")]
    rotation = UPRIGHT[up_of(path, config.up)]
    if job.source.rotation:
        rotation = np.reshape(job.source.rotation, (3, 3)) @ rotation
    mesh = load_mesh(path).turned(rotation)
    normalisation = Normalisation.of(mesh.vertices)
    cleaned = clean(normalisation.apply(mesh.vertices), mesh.faces)
    rng = np.random.default_rng([*seed, 0])
    field = _field(cleaned, config, rng)
    samples = _samples(field, job, rng)
    inside = len(samples.neg) / (len(samples.neg) + len(samples.pos))
    report = replace(
        job.report,
        faces=len(mesh.faces),
        up=config.up,
        watertight=is_watertight(cleaned.faces),
        repaired="; ".join(field.repaired),
        notes="; ".join(mesh.notes),
        sign=field.sign,
        lost=round(field.quality.lost, 4),
        jumps=round(field.quality.jumps, 4),
        inside_fraction=round(inside, 4),
    )
    caster_rng = np.random.default_rng([*seed, 1])
    shown = _write_views(job, stage, mesh, caster_rng)
    _write(stage.report_path(key).with_suffix(".png"), encode_png(_picture(shown, field.distance)))
    if reason := _quarantine_reason(report):
        for level in LEVELS:
            shutil.rmtree(stage.views_path(key, level).parent, ignore_errors=True)
        return replace(report, outcome="quarantined", reason=reason)
    surface = normalisation.undo(field.surface[: config.surface_points])
    _write(stage.surface_path(key), _points_ply(surface))
    _write(stage.normalisation_path(key), _npz(offset=normalisation.offset, scale=np.array(normalisation.scale)))
    if (beside := path.parent / KEYPOINTS_FILE).is_file():
        keypoints = {name: (rotation @ point).tolist() for name, point in read_keypoints(beside).items()}
        _write(stage.keypoints_path(key), (json.dumps(keypoints) + "\n").encode())
        if parts := _parts(mesh, normalisation, [*seed, 2]):
            _write(stage.parts_path(key), _npz(points=parts.points, part=parts.part, names=np.array(parts.names)))
    _write(stage.sdf_path(key), _npz(pos=samples.pos, neg=samples.neg))
    return replace(report, outcome="done")


def _field(cleaned: Cleaned, config: PrepareConfig, rng: np.random.Generator) -> _Field:
    vertices, faces = cleaned.vertices, cleaned.faces
    count = max(config.surface_points, min(NEAR_SURFACE, config.samples))
    surface, face = sample_visible_surface(vertices, faces, count, rng)
    normals = face_normals(vertices, faces)[face[:PROBES]]

    def judged(distance: Distance) -> SurfaceQuality:
        return surface_quality(distance, surface[:PROBES], normals, np.random.default_rng(0))

    def rank(quality: SurfaceQuality) -> tuple[float, float]:
        # Where sheets get a thickness, lost ones do no harm.
        return (max(quality.jumps, DOUBTFUL_JUMPS), quality.lost) if config.thicken else (quality.score, 0.0)

    sign, distance = "solid", SignedDistance(vertices, faces, solid_sign)
    quality = judged(distance)
    if quality.jumps > DOUBTFUL_JUMPS:
        for name, method in (THICKENED_SIGNS if config.thicken else OTHER_SIGNS).items():
            other = SignedDistance(vertices, faces, method)
            if rank(better := judged(other)) < rank(quality):
                sign, distance, quality = name, other, better
    repaired = list(cleaned.repairs)
    if config.thicken and quality.lost > 0:
        thick = ThickenedDistance(distance, vertices, faces, config.thicken)
        if thick.sheets.any():
            surface, kept = thick.onto_slabs(surface, rng)
            normals = face_normals(vertices, faces)[face[kept[:PROBES]]]
            quality = surface_quality(thick, surface[:PROBES], normals, np.random.default_rng(0))
            repaired.append(f"{thick.sheets.sum()} faces given a thickness of {config.thicken:g}")
            return _Field(thick, surface, quality, sign, repaired)
    return _Field(distance, surface, quality, sign, repaired)


def _quarantine_reason(report: ShapeReport) -> str:
    if report.inside_fraction < LEAST_INSIDE:
        return (
            f"only {report.inside_fraction:.2%} of the samples lie inside: open or flat; --thicken gives it an inside"
        )
    if report.lost > MOST_LOST:
        return f"{report.lost:.0%} of the surface has no inside behind it: thin sheets; --thicken gives them one"
    if report.jumps > MOST_JUMPS:
        return f"its inside ends in the air at {report.jumps:.1%} of the points: too open to tell inside from outside"
    return ""


def _samples(field: _Field, job: ShapeJob, rng: np.random.Generator) -> SdfSamples:
    config = job.config
    if job.is_test:
        variance = config.test_variance
        return sample_sdf(field.distance, field.surface, config.samples // 2, variance, variance / 100, rng)
    return sample_sdf(field.distance, field.surface, config.samples, config.variance, config.variance / 10, rng)


def _parts(mesh: TexturedMesh, normalisation: Normalisation, seed: Sequence[int]) -> Parts | None:
    """Points all over a mesh whose groups are parts; None where it has no groups."""
    if not mesh.face_group:
        return None
    points = spread(normalisation.apply(mesh.vertices), mesh.faces, PART_POINTS, np.random.default_rng(seed))
    names, part = np.unique(mesh.face_group, return_inverse=True)
    return Parts(points.points.astype(np.float32), part[points.face].astype(np.int16), tuple(names))


def _write_views(
    job: ShapeJob, stage: DataFolder, mesh: TexturedMesh, rng: np.random.Generator
) -> UInt8[np.ndarray, "S S 3"] | None:
    """Render and write all views; returns the first, on white."""
    config, first = job.config, None
    for level in LEVELS:
        lines = []
        geometry = config.depth or config.normals
        how, count = _level(config, level)
        views = render_views(mesh, how, count, config.view_size, config.view_samples, rng, geometry)
        for index, view in enumerate(views):
            for kind, picture in _pictures(view.frame, config).items():
                if first is None and kind == "image_rgb":
                    first = picture
                path = stage.views_path(job.source.key, level, kind) / f"{index:02d}.png"
                _write(path, encode_png(picture))
            lines.append(view.metadata)
        if lines:
            path = stage.views_path(job.source.key, level) / "rendering_metadata.txt"
            _write(path, ("\n".join(lines) + "\n").encode())
    return first


def _level(config: PrepareConfig, name: str) -> tuple[ViewLevel, int]:
    """How the views of a level are drawn, and how many."""
    elevation_deg, distance, shift, count = (
        getattr(config, f"{name}_{part}") for part in ("elevation_deg", "distance", "shift", "views")
    )
    return ViewLevel(elevation_deg, distance, shift, config.focal_mm, config.sensor_mm), count


def _pictures(frame: Frame, config: PrepareConfig) -> dict[str, np.ndarray]:
    pictures = {"image": frame.colour, "image_rgb": on_white(frame.colour)}
    if config.albedo:
        pictures["albedo"] = frame.albedo
    if config.depth and frame.depth is not None:
        pictures["depth"] = np.minimum(frame.depth * DEPTH_UNITS + 0.5, 65535).astype(np.uint16)
    if config.normals and frame.normals is not None:
        seen = (frame.normals != 0).any(axis=2, keepdims=True)
        coded = np.where(seen, (frame.normals * 0.5 + 0.5) * 255 + 0.5, 0).astype(np.uint8)
        pictures["normals"] = np.concatenate([coded, (seen * 255).astype(np.uint8)], axis=2)
    return pictures


def _picture(view: np.ndarray | None, distance: Distance) -> UInt8[np.ndarray, "H W 3"]:
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


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _points_ply(points: np.ndarray) -> bytes:
    # Far from the origin single precision would move the points off the surface.
    wide = np.abs(points).max() > 1e3 * np.ptp(points, axis=0).max()
    kind = "double" if wide else "float"
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(points)}\nproperty {kind} x\nproperty {kind} y\nproperty {kind} z\nend_header\n"
    )
    return header.encode() + points.astype("<f8" if wide else "<f4").tobytes()


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
