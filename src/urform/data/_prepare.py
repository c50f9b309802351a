"""From a folder of meshes to a data folder, in parallel, restartable."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from urform.config import PrepareConfig
from urform.data._framing import on_white
from urform.data._layout import DataFolder, ShapeKey, read_split, write_atomically, write_split
from urform.data._png import encode_png
from urform.data._sources import find_meshes
from urform.geometry import (
    Normalisation,
    SdfSamples,
    SignedDistance,
    TexturedMesh,
    clean,
    hidden_sign,
    is_watertight,
    load_mesh,
    sample_sdf,
    sample_visible_surface,
    winding_sign,
)
from urform.render import LEVELS, render_views

QUALITY_POINTS = 4_000
LEAST_INSIDE = 0.002


@dataclass(frozen=True)
class ShapeReport:
    """What became of one mesh.

    Attributes:
        instance: its name in the data folder.
        outcome: "done" or "skipped".
        reason: why it was skipped.
        source: the mesh file.
        split: "train" or "test".
        faces: triangles in the file.
        watertight: whether every edge has two faces once vertices are merged.
        inside_fraction: share of the SDF samples that lie inside.
        disagreement: share of samples whose sign differs between winding number and hidden-from-outside.
        elapsed_s: seconds it took.
        settings: fingerprint of the settings it was made with.
    """

    instance: str
    outcome: str
    reason: str
    source: str
    split: str
    faces: int = 0
    watertight: bool = False
    inside_fraction: float = 0.0
    disagreement: float = 0.0
    elapsed_s: float = 0.0
    settings: str = ""


@dataclass(frozen=True)
class _Job:
    key: ShapeKey
    source: Path
    is_test: bool


def prepare(
    meshes: Path, out: Path, config: PrepareConfig, hold_out: Path | None = None, workers: int = 0
) -> list[ShapeReport]:
    """Make SDF samples, surface samples, views and splits of every mesh below a folder.

    What is done already, with the same settings, stays; what was skipped is tried again.

    Args:
        meshes: folder of meshes.
        out: the data folder.
        config: settings.
        hold_out: file that names the test instances, one a line or as a split file; instead of a fraction.
        workers: processes; 0 = one a core.

    Returns:
        A report a mesh, in the order of their names; also written to `out/Reports`.
    """
    data = DataFolder(out)
    jobs = _jobs(find_meshes(meshes), config, hold_out)
    _note_source(data, config.dataset, meshes)
    settings = _fingerprint(config)
    reports = {job.key: report for job in jobs if (report := _finished(data, job, settings))}
    todo = [job for job in jobs if job.key not in reports]
    with tqdm(total=len(jobs), initial=len(reports), unit="mesh", desc="prepare") as bar:
        for job, report in _run(todo, data, config, workers or os.cpu_count() or 1):
            reports[job.key] = report
            bar.update()
            skipped = sum(report.outcome != "done" for report in reports.values())
            bar.set_postfix(skipped=skipped)
    ordered = [reports[job.key] for job in jobs]
    _write_summary(data, config, jobs, ordered)
    return ordered


def prepare_shape(job: _Job, data: DataFolder, config: PrepareConfig) -> ShapeReport:
    """Prepare one mesh; a bad one gives a report with the reason instead of files."""
    started = time.perf_counter()
    split = "test" if job.is_test else "train"
    try:
        facts = _make(job, data, config)
        outcome, reason = "done", ""
    except (ValueError, OSError, MemoryError) as error:
        facts, outcome, reason = {}, "skipped", str(error)
    report = ShapeReport(
        instance=job.key.instance,
        outcome=outcome,
        reason=reason,
        source=str(job.source),
        split=split,
        elapsed_s=round(time.perf_counter() - started, 2),
        settings=_fingerprint(config),
        **facts,
    )
    write_atomically(data.report_path(job.key), (json.dumps(asdict(report), indent=1) + "\n").encode())
    return report


def _make(job: _Job, data: DataFolder, config: PrepareConfig) -> dict:
    digest = hashlib.sha256(str(job.key).encode()).digest()
    seed = [config.seed, int.from_bytes(digest[:8], "little")]
    mesh = load_mesh(job.source)
    normalisation = Normalisation.of(mesh.vertices)
    vertices, faces = clean(normalisation.apply(mesh.vertices), mesh.faces)
    rng = np.random.default_rng([*seed, 0])
    surface = sample_visible_surface(vertices, faces, config.surface_points, rng)
    near = sample_visible_surface(vertices, faces, int(config.samples * 0.47) + 1, rng)
    distance = SignedDistance(vertices, faces)
    if job.is_test:
        samples = sample_sdf(distance, near, config.samples // 2, config.test_variance, config.test_variance / 100, rng)
    else:
        samples = sample_sdf(distance, near, config.samples, config.variance, config.variance / 10, rng)
    inside = len(samples.neg) / (len(samples.neg) + len(samples.pos))
    if inside < LEAST_INSIDE:
        raise ValueError(
            f"{job.source}: only {inside:.2%} of the samples lie inside, expected a solid; the mesh is open or flat"
        )
    _write_views(job.key, data, config, mesh, np.random.default_rng([*seed, 1]))
    write_atomically(data.surface_path(job.key), _points_ply(normalisation.undo(surface)))
    write_atomically(
        data.normalisation_path(job.key), _npz(offset=normalisation.offset, scale=np.array(normalisation.scale))
    )
    write_atomically(data.sdf_path(job.key), _npz(pos=samples.pos, neg=samples.neg))
    return {
        "faces": len(mesh.faces),
        "watertight": is_watertight(faces),
        "inside_fraction": round(inside, 4),
        "disagreement": round(_disagreement(vertices, faces, samples, rng), 4),
    }


def _disagreement(vertices: np.ndarray, faces: np.ndarray, samples: SdfSamples, rng: np.random.Generator) -> float:
    points = np.concatenate([samples.pos, samples.neg])[:, :3].astype(np.float64)
    points = points[rng.choice(len(points), min(QUALITY_POINTS, len(points)), replace=False)]
    return float((winding_sign(vertices, faces)(points) != hidden_sign(vertices, faces)(points)).mean())


def _write_views(
    key: ShapeKey, data: DataFolder, config: PrepareConfig, mesh: TexturedMesh, rng: np.random.Generator
) -> None:
    for level, count in (("easy", config.easy_views), ("hard", config.hard_views)):
        if not count:
            continue
        final = data.views_path(key, level).parent
        partial = final.with_name(f".{level}.{os.getpid()}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        kinds = ["image", "image_rgb", *(["albedo"] if config.albedo else [])]
        for kind in kinds:
            (partial / kind).mkdir(parents=True)
        lines = []
        for index, view in enumerate(
            render_views(mesh, LEVELS[level], count, config.view_size, config.view_samples, rng)
        ):
            pictures = [view.frame.colour, on_white(view.frame.colour), view.frame.albedo]
            for kind, picture in zip(kinds, pictures, strict=False):
                (partial / kind / f"{index:02d}.png").write_bytes(encode_png(picture))
            lines.append(view.metadata)
        (partial / "image" / "rendering_metadata.txt").write_text("\n".join(lines) + "\n")
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)


def _run(jobs: list[_Job], data: DataFolder, config: PrepareConfig, workers: int) -> Iterator[tuple[_Job, ShapeReport]]:
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, prepare_shape(job, data, config)
        return
    os.environ.setdefault("IGL_NUM_THREADS", "1")  # the workers' parallelism is enough
    with ProcessPoolExecutor(min(workers, len(jobs)), multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(prepare_shape, job, data, config): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _jobs(found: dict[str, Path], config: PrepareConfig, hold_out: Path | None) -> list[_Job]:
    named = None if hold_out is None else _held_out(hold_out, set(found))

    def is_test(name: str) -> bool:
        if named is not None:
            return name in named
        digest = hashlib.sha256(f"{config.seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], "little") / 2**64 < config.test_fraction

    return [_Job(ShapeKey(config.dataset, config.category, name), path, is_test(name)) for name, path in found.items()]


def _held_out(path: Path, known: set[str]) -> set[str]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list of held-out instances")
    if path.suffix == ".json":
        names = {key.instance for key in read_split(path)}
    else:
        names = {line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")}
    unknown = sorted(names - known)
    if unknown:
        raise ValueError(f"{path}: names {len(unknown)} instances that are not among the meshes, first: {unknown[0]}")
    return names


def _finished(data: DataFolder, job: _Job, settings: str) -> ShapeReport | None:
    path = data.report_path(job.key)
    if not path.exists():
        return None
    report = ShapeReport(**json.loads(path.read_text()))
    same = report.settings == settings and (report.split == "test") == job.is_test
    return report if same and report.outcome == "done" else None


def _fingerprint(config: PrepareConfig) -> str:
    settings = asdict(config)
    del settings["test_fraction"]  # decides which instances are test ones, and that is compared by itself
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _note_source(data: DataFolder, dataset: str, meshes: Path) -> None:
    path = data.root / ".datasources.json"
    sources = json.loads(path.read_text()) if path.exists() else {}
    sources[dataset] = str(meshes.resolve())
    write_atomically(path, (json.dumps(sources, indent=1) + "\n").encode())


def _write_summary(data: DataFolder, config: PrepareConfig, jobs: list[_Job], reports: list[ShapeReport]) -> None:
    for split in ("train", "test"):
        keys = [
            job.key
            for job, report in zip(jobs, reports, strict=True)
            if report.outcome == "done" and report.split == split
        ]
        write_split(data.root / "splits" / f"{config.dataset}_{config.category}_{split}.json", keys)
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=[name for name in ShapeReport.__dataclass_fields__ if name != "settings"])
    writer.writeheader()
    for report in sorted(reports, key=lambda report: (report.outcome != "skipped", -report.disagreement)):
        row = asdict(report)
        del row["settings"]
        writer.writerow(row)
    path = data.root / "Reports" / f"{config.dataset}_{config.category}.csv"
    write_atomically(path, table.getvalue().encode())


def summarise(reports: list[ShapeReport]) -> str:
    """How many were prepared and why the others were not, in a few lines."""
    counts = Counter(f"{report.outcome} ({report.split})" for report in reports)
    lines = [", ".join(f"{number} {name}" for name, number in sorted(counts.items()))]
    lines += [f"skipped {report.instance}: {report.reason}" for report in reports if report.outcome == "skipped"]
    return "\n".join(lines)


def _points_ply(points: np.ndarray) -> bytes:
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    return header.encode() + points.astype("<f4").tobytes()


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
