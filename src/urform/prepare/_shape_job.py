"""One mesh: what `urform prepare` makes of it, staged aside and put in place at the end."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from urform.config import PrepareConfig
from urform.data import DataFolder, Parts, ShapeKey, read_keypoints
from urform.files import encode_png
from urform.formats import load_mesh
from urform.geometry import (
    UPRIGHT,
    Normalisation,
    SdfSamples,
    TexturedMesh,
    clean,
    is_watertight,
    sample_sdf,
    spread_points,
    up_of,
)
from urform.prepare._content import KEYPOINTS_FILE, content_of
from urform.prepare._encode import npz, points_ply, write_file
from urform.prepare._field import Field, grown, quarantine_reason, settled_field
from urform.prepare._report import ShapeReport, write_report
from urform.prepare._store import Store
from urform.prepare._views import picture_beside_field, write_views
from urform.render import LEVELS
from urform.sources import Source, local_copy

_OF_SAMPLES = ("watertight", "repaired", "sign", "lost", "jumps", "inside_fraction")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no fault of the mesh: these end the run
PART_POINTS = 3000


@dataclass(frozen=True)
class ShapeJob:
    """One mesh to be prepared.

    Attributes:
        source: the mesh.
        is_test: whether it is prepared as a test shape.
        config: settings.
        store: the data folder.
        before: what an earlier run says of the shape, if it is there.
    """

    source: Source
    is_test: bool
    config: PrepareConfig
    store: Store
    before: ShapeReport | None = None

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

    @property
    def start(self) -> ShapeReport:
        """What a run of views alone begins with: what is known of the samples."""
        before = self.before
        if self.config.only != "views" or before is None or before.outcome != "done":
            return self.report
        return replace(self.report, **{name: getattr(before, name) for name in _OF_SAMPLES})

    def made(self, content: str) -> str:
        """What the folder has of the shape when this job is done: that alone, or all where the rest was there."""
        only, before = self.config.only, self.before
        if only is None:
            return ""
        rest = before is not None and before.outcome == "done" and before.made != only
        same = before is not None and (before.content, before.settings) == (content, fingerprint(self.config))
        return "" if rest and same else only


def fingerprint(config: PrepareConfig) -> str:
    """Tells settings apart that make other files."""
    settings = asdict(config)
    for name in ("dataset", "category", "test_fraction", "only"):  # these decide what is prepared, not how
        del settings[name]
    if config.up == "y":  # as it was for all folders that were prepared before one could say so
        del settings["up"]
    if config.sign is None:  # the same
        del settings["sign"]
    if config.grow == 0:  # the same
        del settings["grow"]
    return hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()[:16]


def prepare_shape(job: ShapeJob) -> ShapeReport:
    """Prepare one mesh; a bad one gives a report with the reason instead of files.

    All files are made in a folder of their own and then moved into place, the report last: before, one that says that
    the run was interrupted. What such a run left is overwritten.

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
            report = replace(_make(job, path, DataFolder(stage)), content=content, made=job.made(content))
    except Exception as error:  # whatever a library raises on a mesh that nobody has seen before
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            shutil.rmtree(stage, ignore_errors=True)
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        place = job.source.place
        report = replace(report, reason=reason if place in reason else f"{place}: {reason}")
    report = replace(report, elapsed_s=round(time.perf_counter() - started, 2))
    _put_in_place(stage, job, report)
    return report


def _put_in_place(stage: Path, job: ShapeJob, report: ShapeReport) -> None:
    store = job.store
    # Until the end the shape counts as not done, and its files as those of a run.
    write_report(store, replace(job.report, reason=f"{job.source.place}: the run was interrupted, run it again"))
    for made in _products(DataFolder(stage), report.key, job.config.only):
        store.put(made, made.relative_to(stage).as_posix())
    shutil.rmtree(stage, ignore_errors=True)
    write_report(store, report)


def _products(data: DataFolder, key: ShapeKey, only: str | None) -> list[Path]:
    """The files and folders of a shape, its report aside; `only` those of views or samples."""
    files = [
        data.sdf_path(key),
        data.surface_path(key),
        data.normalisation_path(key),
        data.keypoints_path(key),
        data.parts_path(key),
    ]
    folders = [data.views_path(key, level).parent for level in LEVELS]
    picture = data.report_path(key).with_suffix(".png")
    return [*(files if only != "views" else ()), *(folders if only != "samples" else ()), picture]


def _make(job: ShapeJob, path: Path, stage: DataFolder) -> ShapeReport:
    config, key = job.config, job.source.key
    seed = [config.seed, int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8], "little")]
    rotation = UPRIGHT[up_of(path, config.up)]
    if job.source.rotation:
        rotation = np.reshape(job.source.rotation, (3, 3)) @ rotation
    mesh = load_mesh(path).turned(rotation)
    report = replace(job.start, faces=len(mesh.faces), up=config.up, notes="; ".join(mesh.notes))
    made = None if config.only == "views" else _sampled(mesh, job, seed)
    shown = None
    if config.only != "samples":
        shown = write_views(config, key, stage, mesh, np.random.default_rng([*seed, 1]))
    beside = shown if made is None else picture_beside_field(shown, made.field.distance)
    if beside is not None:
        write_file(stage.report_path(key).with_suffix(".png"), encode_png(beside))
    if made is None:
        return replace(report, outcome="done")
    report = replace(report, **made.facts)
    if reason := quarantine_reason(report):
        for level in LEVELS:
            shutil.rmtree(stage.views_path(key, level).parent, ignore_errors=True)
        return replace(report, outcome="quarantined", reason=reason)
    _write_samples(made, job, stage)
    if (beside_mesh := path.parent / KEYPOINTS_FILE).is_file():
        keypoints = {name: (rotation @ point).tolist() for name, point in read_keypoints(beside_mesh).items()}
        write_file(stage.keypoints_path(key), (json.dumps(keypoints) + "\n").encode())
        if parts := _parts(mesh, made.normalisation, [*seed, 2]):
            write_file(stage.parts_path(key), npz(points=parts.points, part=parts.part, names=np.array(parts.names)))
    return replace(report, outcome="done")


class _Sampled(NamedTuple):
    """What `prepare` computes of a mesh beside its views; the facts are those of a report."""

    normalisation: Normalisation
    field: Field
    samples: SdfSamples
    facts: dict[str, Any]


def _sampled(mesh: TexturedMesh, job: ShapeJob, seed: Sequence[int]) -> _Sampled:
    normalisation = Normalisation.of(mesh.vertices)
    cleaned = clean(normalisation.apply(mesh.vertices), mesh.faces)
    rng = np.random.default_rng([*seed, 0])
    field = grown(settled_field(cleaned, job.config, rng), job.config.grow)
    samples = _samples(field, job, rng)
    inside = len(samples.neg) / (len(samples.neg) + len(samples.pos))
    facts = {
        "watertight": is_watertight(cleaned.faces),
        "repaired": "; ".join(field.repaired),
        "sign": field.sign,
        "lost": round(field.quality.lost, 4),
        "jumps": round(field.quality.jumps, 4),
        "inside_fraction": round(inside, 4),
    }
    return _Sampled(normalisation, field, samples, facts)


def _write_samples(made: _Sampled, job: ShapeJob, stage: DataFolder) -> None:
    key, normalisation = job.source.key, made.normalisation
    surface = normalisation.undo(made.field.surface[: job.config.surface_points])
    write_file(stage.surface_path(key), points_ply(surface))
    write_file(stage.normalisation_path(key), npz(offset=normalisation.offset, scale=np.array(normalisation.scale)))
    write_file(stage.sdf_path(key), npz(pos=made.samples.pos, neg=made.samples.neg))


def _samples(field: Field, job: ShapeJob, rng: np.random.Generator) -> SdfSamples:
    config = job.config
    if job.is_test:
        variance = config.test_variance
        return sample_sdf(field.distance, field.surface, config.samples // 2, variance, variance / 100, rng)
    return sample_sdf(field.distance, field.surface, config.samples, config.variance, config.variance / 10, rng)


def _parts(mesh: TexturedMesh, normalisation: Normalisation, seed: Sequence[int]) -> Parts | None:
    """Points all over a mesh whose groups are parts; None where it has no groups."""
    if not mesh.face_group:
        return None
    points = spread_points(normalisation.apply(mesh.vertices), mesh.faces, PART_POINTS, np.random.default_rng(seed))
    names, part = np.unique(mesh.face_group, return_inverse=True)
    return Parts(points.points.astype(np.float32), part[points.face].astype(np.int16), tuple(names))
