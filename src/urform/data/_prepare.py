"""From a collection of meshes to a data folder, in parallel, restartable."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from urform.config import PrepareConfig
from urform.data._layout import DataFolder, ShapeKey, write_atomically, write_split
from urform.data._pool import run_isolated
from urform.data._report import ShapeReport, read_report, write_report, write_summary
from urform.data._shape_job import ShapeJob, fingerprint, prepare_shape
from urform.data._source import Source
from urform.data._sources import find_sources
from urform.data._split import is_test, split_by_list

logger = logging.getLogger(__name__)


def prepare(
    meshes: Path,
    out: Path,
    config: PrepareConfig,
    hold_out: Path | None = None,
    workers: int = 0,
    time_limit_s: float = 900.0,
    memory_gb: float = 8.0,
) -> list[ShapeReport]:
    """Make SDF samples, surface samples, views, splits and a report of every mesh of a collection.

    What is done already, with the same settings, stays; what was skipped is tried again. The files of a shape depend on
    the mesh, the settings and its name alone, so an interrupted run that goes on ends as one that was not interrupted.

    Args:
        meshes: folder of meshes, ShapeNet, `.sh3f` library or `.csv` list, see `find_sources`.
        out: the data folder.
        config: settings.
        hold_out: file that names the test instances, one a line or as a split file; instead of a fraction.
        workers: processes; 0 = one a core.
        time_limit_s: a mesh that takes longer is skipped; 0 = none, and with one worker no process of its own either.
        memory_gb: how much memory a worker may take for a mesh; 0 = any.

    Returns:
        A report a mesh, in the order of their names; tables and pages are in `out/Reports`.

    Raises:
        FileNotFoundError: no such collection.
        ValueError: nothing in it.
        OSError: the data folder cannot be written.
    """
    data = DataFolder(out)
    sources = find_sources(meshes, config.dataset, config.category, out / ".sources")
    jobs = _jobs(sources, config, hold_out, out)
    _note_sources(data, {job.source.key.dataset for job in jobs}, meshes)
    reports = {job.source.key: report for job in jobs if (report := _finished(data, job))}
    todo = [job for job in jobs if job.source.key not in reports]
    with tqdm(total=len(jobs), initial=len(reports), unit="mesh", desc="prepare") as bar:
        for report in _run(todo, data, workers or os.cpu_count() or 1, time_limit_s, memory_gb):
            reports[report.key] = report
            bar.update()
            bar.set_postfix(skipped=sum(report.outcome != "done" for report in reports.values()))
    shutil.rmtree(out / ".staging", ignore_errors=True)
    ordered = [reports[job.source.key] for job in jobs]
    _write_splits(data, ordered)
    for page in write_summary(data, ordered):
        logger.info("%s shows every mesh, worst first", page)
    return ordered


def _run(
    jobs: Sequence[ShapeJob], data: DataFolder, workers: int, time_limit_s: float, memory_gb: float
) -> Iterator[ShapeReport]:
    if workers == 1 and not time_limit_s:
        yield from map(prepare_shape, jobs)
        return
    os.environ.setdefault("IGL_NUM_THREADS", "1")  # the workers' parallelism is enough
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    done = run_isolated(prepare_shape, jobs, min(workers, max(1, len(jobs))), time_limit_s or None, memory_gb or None)
    for job, report, reason in done:
        if report is None:
            report = replace(job.report, reason=f"{job.source.path}: {reason}")
            write_report(data, report)
        yield report


def _jobs(sources: Sequence[Source], config: PrepareConfig, hold_out: Path | None, out: Path) -> list[ShapeJob]:
    named: set[ShapeKey] | None = None
    if hold_out is not None:
        named = set(split_by_list([source.key for source in sources], hold_out)[1])

    def to_test(source: Source) -> bool:
        if named is not None:
            return source.key in named
        if source.is_test is not None:
            return source.is_test
        return is_test(source.key, source.family, config.test_fraction, config.seed)

    return [ShapeJob(source, to_test(source), config, out) for source in sources]


def _finished(data: DataFolder, job: ShapeJob) -> ShapeReport | None:
    report = read_report(data, job.source.key)
    if report is None or report.outcome == "skipped" or report.settings != fingerprint(job.config):
        return None
    return report if (report.split == "test") == job.is_test else None


def _note_sources(data: DataFolder, datasets: set[str], meshes: Path) -> None:
    path = data.root / ".datasources.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update(dict.fromkeys(sorted(datasets), str(meshes.resolve())))
    write_atomically(path, (json.dumps(known, indent=1) + "\n").encode())


def _write_splits(data: DataFolder, reports: Sequence[ShapeReport]) -> None:
    for dataset, category in sorted({(report.dataset, report.category) for report in reports}):
        for split in ("train", "test"):
            keys = [
                report.key
                for report in reports
                if (report.dataset, report.category) == (dataset, category)
                and report.split == split
                and report.outcome == "done"
            ]
            write_split(data.root / "splits" / f"{dataset}_{category}_{split}.json", keys)
