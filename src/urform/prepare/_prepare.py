"""From a collection of meshes to a data folder, in parallel, restartable."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from urform.config import PrepareConfig, look_up, require
from urform.data import (
    DATASOURCES_FILE,
    DataFolder,
    ShapeKey,
    is_test,
    read_split,
    split_by_list,
    split_content,
    synset_of,
)
from urform.files import caseless, check_outputs, is_url
from urform.geometry import SIGNS
from urform.prepare._cluster import run_on_cluster
from urform.prepare._content import content_of
from urform.prepare._pool import run_isolated
from urform.prepare._report import (
    ShapeReport,
    known_reports,
    report_place,
    reported_elsewhere,
    reported_keys,
    write_report,
    write_summary,
)
from urform.prepare._shape_job import ShapeJob, fingerprint, prepare_shape
from urform.prepare._store import LocalStore, Store, open_store
from urform.prepare._there import check_foreign, damaged_file
from urform.sources import Source, find_sources

logger = logging.getLogger(__name__)

SPLITS = ("train", "test")


def prepare(
    meshes: Path | str,
    out: Path | str,
    config: PrepareConfig,
    hold_out: Path | None = None,
    workers: int = 0,
    time_limit_s: float = 900.0,
    memory_gb: float = 8.0,
    cluster: str | None = None,
    splits: Sequence[Path] = (),
) -> list[ShapeReport]:
    """Make SDF samples, surface samples, views, splits and a report of every mesh of a collection.

    A shape that is done with the same settings stays. A skipped mesh is tried again, and so is a mesh that has changed.
    The files of a shape depend only on the mesh, its name and the settings. So an interrupted run can continue and
    gives the same files. Shapes of earlier runs stay in splits and reports.

    Args:
        meshes: folder of meshes, ShapeNet, `.sh3f` library or `.csv` list, path or URL, see `find_sources`.
        out: the data folder, a path or a URL that fsspec knows.
        config: settings.
        hold_out: file that names the test instances, one a line or as a split file; instead of a fraction.
        workers: processes; 0 = one a core.
        time_limit_s: a mesh that takes longer is skipped; 0 = none, and with one worker no process of its own either.
        memory_gb: how much memory a worker may take for a mesh; 0 = any.
        splits: split files; no other shapes than theirs are prepared.
        cluster: address of a Ray cluster whose cores do the work instead; paths must mean the same on all its machines.

    Returns:
        A report a mesh, in the order of their names; tables and pages are in `out/Reports`.

    Raises:
        FileNotFoundError: no such collection.
        ValueError: nothing in it, another run is at work there, shapes of two meshes would have the same name, or a
            file system or Ray is not installed.
        OSError: the data folder cannot be written, or no cluster answers.
    """
    _check_limits(config, workers, time_limit_s, memory_gb)
    store = open_store(out)
    jobs = _jobs(_sources(meshes, config, splits, store), config, hold_out, store)
    _check_places(store, jobs, [Path(place) for place in (meshes, hold_out, *splits) if place is not None])
    with store.lock():
        earlier = known_reports(store, {job.source.key[:2] for job in jobs})
        _check_there(store, jobs, earlier, config.only)
        _note_sources(store, {job.source.key.dataset for job in jobs}, meshes)
        reports = _finished(store, jobs, earlier)
        todo = [replace(job, before=earlier.get(job.source.key)) for job in jobs if job.source.key not in reports]
        _collect(_run(todo, store, workers, time_limit_s, memory_gb, cluster), reports, len(jobs))
        _finish(store, earlier, reports)
    return [reports[job.source.key] for job in jobs]


def _check_limits(config: PrepareConfig, workers: int, time_limit_s: float, memory_gb: float) -> None:
    for name, number in (("workers", workers), ("time_limit_s", time_limit_s), ("memory_gb", memory_gb)):
        require(number >= 0, name, "0 or more", number)
    if config.sign is not None:
        look_up(SIGNS, config.sign, "sign")


def _sources(meshes: Path | str, config: PrepareConfig, splits: Sequence[Path], store: Store) -> list[Source]:
    found = find_sources(meshes, config.dataset, config.category, _cache(meshes, store))
    return _named_by(found, splits, meshes) if splits else found


def _named_by(sources: Sequence[Source], splits: Sequence[Path], meshes: Path | str) -> list[Source]:
    """The sources that split files name, by category and instance.

    Raises:
        ValueError: they name none of them.
    """
    named = list(dict.fromkeys(key for split in splits for key in read_split(split)))
    wanted = {(synset_of(key.category) or key.category, key.instance): key for key in named}
    found = {(synset_of(source.key.category) or source.key.category, source.key.instance) for source in sources}
    missing = [key for place, key in wanted.items() if place not in found]
    if len(missing) == len(wanted):
        raise ValueError(f"{meshes}: has none of the {len(named)} shapes of `split`, first: {named[0]}")
    if missing:
        logger.warning("%s: has no mesh of %d of %d shapes, first: %s", meshes, len(missing), len(named), missing[0])
    return [
        source
        for source in sources
        if (synset_of(source.key.category) or source.key.category, source.key.instance) in wanted
    ]


def _collect(done: Iterator[ShapeReport], reports: dict[ShapeKey, ShapeReport], total: int) -> None:
    """Take the reports in as the workers bring them."""
    with tqdm(total=total, initial=len(reports), unit="mesh", desc="prepare") as bar:
        for report in done:
            reports[report.key] = report
            bar.update()
            bar.set_postfix(skipped=sum(report.outcome != "done" for report in reports.values()))


def _finish(store: Store, earlier: Mapping[ShapeKey, ShapeReport], reports: Mapping[ShapeKey, ShapeReport]) -> None:
    """Splits and tables of all shapes in the data folder, those of earlier runs among them."""
    if others := earlier.keys() - reports.keys():
        logger.warning("%s: %d shapes of earlier runs stay, also in splits and reports", store, len(others))
    every = [report for _, report in sorted({**earlier, **reports}.items())]
    _write_splits(store, every, [report for _, report in sorted(earlier.items())])
    for page in write_summary(store, every):
        logger.info("%s shows every mesh, worst first", page)
    store.finish()


def _run(
    jobs: Sequence[ShapeJob],
    store: Store,
    workers: int,
    time_limit_s: float,
    memory_gb: float,
    cluster: str | None,
) -> Iterator[ShapeReport]:
    workers = workers or os.cpu_count() or 1
    if workers == 1 and not time_limit_s and cluster is None:
        yield from map(prepare_shape, jobs)
        return
    limits = time_limit_s or None, memory_gb or None
    if cluster is not None:
        done = run_on_cluster(prepare_shape, jobs, cluster, *limits) if jobs else ()
    else:
        done = run_isolated(prepare_shape, jobs, min(workers, max(1, len(jobs))), *limits)
    for job, report, reason in done:
        if report is None:
            report = replace(job.report, reason=f"{job.source.place}: {reason}")
            write_report(store, report)
        yield report


def _cache(meshes: Path | str, store: Store) -> Path:
    """Where a furniture library is unpacked: in the data folder, which all machines see."""
    if isinstance(store, LocalStore):
        return store.root / ".sources"
    if str(meshes).lower().endswith(".sh3f"):
        raise ValueError(f"{meshes}: is unpacked into the data folder, which must be a path for it, got {store}")
    return Path()


def _jobs(sources: Sequence[Source], config: PrepareConfig, hold_out: Path | None, store: Store) -> list[ShapeJob]:
    named: set[ShapeKey] | None = None
    if hold_out is not None:
        named = set(split_by_list([source.key for source in sources], hold_out)[1])

    def to_test(source: Source) -> bool:
        if named is not None:
            return source.key in named
        if source.is_test is not None:
            return source.is_test
        return is_test(source.key, source.family, config.test_fraction, config.seed)

    return [ShapeJob(source, to_test(source), config, store) for source in sources]


def _check_places(store: Store, jobs: Sequence[ShapeJob], inputs: Sequence[Path]) -> None:
    """Refuse meshes and lists that lie where the run would write."""
    if not isinstance(store, LocalStore):
        return
    splits = sorted(file for files in _split_places(jobs).values() for file in files)
    check_outputs(store.root, [store.root / place for place in splits], inputs)
    surfaces = (store.root / "SurfaceSamples").resolve()
    for source in (job.source for job in jobs):
        is_point_file = not source.collection and source.path.suffix.lower() == ".ply"
        if is_point_file and source.path.resolve().is_relative_to(surfaces):
            raise ValueError(f"{source.path}: belongs to the data folder {store.root} itself, expected other meshes")


def _check_names(store: Store, jobs: Sequence[ShapeJob], earlier: Mapping[ShapeKey, ShapeReport]) -> None:
    """Refuse shapes that would share their folder of views, which has category and instance as its name alone."""
    keys = [job.source.key for job in jobs]
    places = {key[:2] for key in keys}
    others = reported_elsewhere(store, {category for _, category in places}, {dataset for dataset, _ in places})
    owners: dict[str, ShapeKey] = {}
    for key in [*keys, *earlier, *others]:
        owner = owners.setdefault(caseless(f"{key.category}/{key.instance}"), key)
        if owner != key:
            raise ValueError(
                f"{store}: {owner} and {key} would share the views in {key.category}/{key.instance}; "
                "give one of them another `category`"
            )


def _check_there(
    store: Store, jobs: Sequence[ShapeJob], earlier: Mapping[ShapeKey, ShapeReport], only: str | None
) -> None:
    """Refuse to mix with what other runs or others made; warn of reports that cannot be read."""
    _check_names(store, jobs, earlier)
    check_foreign(store, [job.source.key for job in jobs], only, _split_places(jobs), earlier)
    _warn_of_damage(store, jobs, earlier)


def _warn_of_damage(store: Store, jobs: Sequence[ShapeJob], earlier: Mapping[ShapeKey, ShapeReport]) -> None:
    """Say which shapes of earlier runs have a damaged report: this run does not make them again."""
    keys = {job.source.key for job in jobs}
    for key in reported_keys(store, {key[:2] for key in keys}):
        if key not in keys and key not in earlier:
            logger.warning(
                "%s/%s: damaged, so splits and reports lack the shape; prepare its mesh again", store, report_place(key)
            )


def _finished(
    store: Store, jobs: Sequence[ShapeJob], earlier: Mapping[ShapeKey, ShapeReport]
) -> dict[ShapeKey, ShapeReport]:
    """Reports of the shapes that were prepared or quarantined from the same mesh with the same settings.

    Raises:
        ValueError: one was prepared from a mesh of another place, which is not the same.
    """
    known = [job for job in jobs if job.source.key in earlier and earlier[job.source.key].outcome != "skipped"]
    with ThreadPoolExecutor() as pool:
        contents = list(pool.map(lambda job: content_of(job.source), known))
    same: list[tuple[ShapeJob, ShapeReport]] = []
    finished: dict[ShapeKey, tuple[ShapeJob, ShapeReport]] = {}
    for job, content in zip(known, contents, strict=True):
        report = earlier[job.source.key]
        if content in ("", report.content):  # empty: it cannot be read now, which is no reason to lose what there is
            same.append((job, report))
        elif report.content and not _is_same_place(report.source, job.source.place):
            raise ValueError(
                f"{store}: {report.key} is there from {report.source}, which is not the mesh in {job.source.place}; "
                "give `dataset` or `category` another name, or choose another `out`"
            )
    for job, report in same:
        has_all = report.made in ("", job.config.only)
        if has_all and report.settings == fingerprint(job.config) and (report.split == "test") == job.is_test:
            finished[report.key] = job, report
    return _whole(store, finished)


def _whole(store: Store, finished: Mapping[ShapeKey, tuple[ShapeJob, ShapeReport]]) -> dict[ShapeKey, ShapeReport]:
    """Those whose files are there and not cut off; object stores do not cut files off."""
    reports = {key: report for key, (_, report) in finished.items()}
    if not isinstance(store, LocalStore):
        return reports
    data = DataFolder(store.root)
    with ThreadPoolExecutor() as pool:
        damaged = list(pool.map(lambda pair: damaged_file(data, pair[1], pair[0].config), finished.values()))
    for key, path in zip(finished, damaged, strict=True):
        if path is not None:
            logger.warning("%s: missing or cut off, %s is prepared again", path, key)
            del reports[key]
    return reports


def _is_same_place(first: str, second: str) -> bool:
    return first == second or os.path.realpath(first) == os.path.realpath(second)


def _note_sources(store: Store, datasets: set[str], meshes: Path | str) -> None:
    found = store.read([DATASOURCES_FILE]).get(DATASOURCES_FILE)
    try:
        known = dict(json.loads(found)) if found else {}
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{store}/{DATASOURCES_FILE}: not a JSON object, expected the folder of each dataset; remove it, and it is "
            "written again"
        ) from error
    place = str(meshes) if isinstance(meshes, str) and is_url(meshes) else str(Path(meshes).resolve())
    known.update(dict.fromkeys(sorted(datasets), place))
    store.write(DATASOURCES_FILE, (json.dumps(known, indent=1) + "\n").encode())


def _write_splits(store: Store, reports: Sequence[ShapeReport], earlier: Sequence[ShapeReport]) -> None:
    for place in sorted({report.key[:2] for report in reports}):
        for split in SPLITS:
            file = _split_place(place, split)
            before, after = (_split_of(those, place, split) for those in (earlier, reports))
            if store.read([file]).get(file, before) not in (before, after):
                logger.warning(
                    "%s/%s: was not as earlier runs left it, and is replaced; `urform data split` writes under another "
                    "`name`",
                    store,
                    file,
                )
            store.write(file, after)


def _split_of(reports: Sequence[ShapeReport], place: tuple[str, str], split: str) -> bytes:
    chosen = [each for each in reports if each.key[:2] == place and each.split == split and each.outcome == "done"]
    return split_content(report.key for report in chosen)


def _split_places(jobs: Sequence[ShapeJob]) -> dict[tuple[str, str], list[str]]:
    """The split files of each dataset and category."""
    places = {job.source.key[:2] for job in jobs}
    return {place: [_split_place(place, split) for split in SPLITS] for place in places}


def _split_place(place: tuple[str, str], split: str) -> str:
    dataset, category = place
    return f"splits/{dataset}_{category}_{split}.json"
