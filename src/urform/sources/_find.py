"""What is to be prepared: the meshes of a folder, of ShapeNet, of a furniture library or of a list."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from urform.data import DATASOURCES_FILE, ShapeKey
from urform.files import is_url, name_of
from urform.sources._furniture import library_sources
from urform.sources._list import list_sources
from urform.sources._remote import remote_sources
from urform.sources._source import (
    CATEGORY,
    DATASET,
    OWN_MESHES,
    SHAPENET,
    SHAPENET_MESH,
    Source,
    file_problem,
    is_litter,
    is_wanted,
    no_mesh,
    picked_synset,
    with_unique_names,
)

# Of a folder called like a synset so many entries are looked at before it is taken for something else.
SHAPENET_PROBES = 50


def find_sources(meshes: Path | str, dataset: str | None, category: str | None, cache: Path) -> list[Source]:
    """Tell what a path of meshes is and list the shapes in it.

    - A folder like ShapeNetCore v2 (`<synset>/<instance>/models/model_normalized.obj`; the root or one synset):
      dataset `ShapeNetV2`, category = synset, instance = id. Of a root `category` picks one synset; of a single synset
      it is the name that the category gets.
    - Any other folder: every mesh file below, named after its path; dataset `shapes`, category `object`. A data folder
      in it, as `prepare` makes it, has no meshes but those that others put there.
    - A `.sh3f` file, Sweet Home 3D's furniture libraries: the models of its catalogue, unpacked into `cache`.
    - A `.csv` file with a column `path` and, where wanted, instance, category, dataset, family, split. Paths may be
      URLs.
    - A URL of a folder or a list (s3://..., gs://..., whatever fsspec knows), the same as above but for libraries.

    Args:
        meshes: the folder or file.
        dataset: name of the dataset; None = as above.
        category: name of the category; None = as above.
        cache: folder for what has to be unpacked.

    Returns:
        Sources sorted by key, also those that cannot be prepared, with their `problem`.

    Raises:
        FileNotFoundError: no such folder or file.
        ValueError: it is nothing of the above, holds no mesh, or a list or catalogue is wrong.
    """
    place = str(meshes)
    kind = next((kind for kind in SOURCES.values() if kind.fits(place)), None)
    if kind is None and not Path(place).exists():
        raise FileNotFoundError(f"{place}: no such {_titles()}")
    if kind is None:
        hint = file_problem(Path(place)) or "give the folder that holds it"
        raise ValueError(f"{place}: expected a {_titles()}; {hint}")
    sources = kind.find(place, dataset, category, cache)
    if not sources:
        raise no_mesh(place)
    return sorted(sources, key=lambda source: source.key)


class SourceKind(NamedTuple):
    """Something that meshes come from.

    Attributes:
        title: what a message calls it.
        fits: whether a path or URL is one.
        find: the meshes in it, from the path or URL, the names of dataset and category (None = its own) and a folder
            for what has to be unpacked.
    """

    title: str
    fits: Callable[[str], bool]
    find: Callable[[str, str | None, str | None, Path], list[Source]]


def _titles() -> str:
    *others, last = [kind.title for kind in SOURCES.values()]
    return f"{', '.join(others)} or {last}"


def _is_file(place: str, suffix: str) -> bool:
    return Path(place).is_file() and Path(place).suffix.lower() == suffix


def _folder_sources(folder: Path, dataset: str | None, category: str | None) -> list[Source]:
    """The shapes of a folder: those of its synsets, and whatever lies beside them."""
    if name := _synset_name(folder):
        return _synset_sources(folder, dataset or SHAPENET, category or name)
    synsets = {name: path for path in _subfolders(folder) if (name := _synset_name(path))}
    if picked := picked_synset(folder, synsets, category):
        return _synset_sources(synsets[picked], dataset or SHAPENET, picked)
    found = [
        source
        for name, path in synsets.items()
        for source in _synset_sources(path, dataset or SHAPENET, category or name)
    ]
    rest = _walked_sources(folder, dataset or DATASET, category or CATEGORY, skipped=set(synsets.values()))
    return with_unique_names(found + rest)


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir())


def _synset_name(folder: Path) -> str | None:
    """The synset that a folder holds, by its name or that of the folder it links to; None where it holds none."""
    name = next((name for name in (folder.name, folder.resolve().name) if re.fullmatch(r"\d{8}", name)), None)
    try:
        with os.scandir(folder) as entries:
            probes = [Path(entry.path) for entry, _ in zip(entries, range(SHAPENET_PROBES), strict=False)]
        return name if name and any((probe / SHAPENET_MESH).is_file() for probe in probes) else None
    except PermissionError:
        return None  # the walk names what cannot be read


def _synset_sources(folder: Path, dataset: str, category: str) -> list[Source]:
    return [
        Source(ShapeKey(dataset, category, name_of([instance.name])), path, problem=file_problem(path))
        for instance in _subfolders(folder)
        if (path := instance / SHAPENET_MESH)
    ]


def _walked_sources(folder: Path, dataset: str, category: str, skipped: set[Path]) -> list[Source]:
    """The meshes anywhere below a folder, and what looks like one but cannot be read."""
    sources = []
    for path, problem in _walk(folder, skipped):
        place = path.relative_to(folder)
        # A file with a problem keeps its ending in the name: it never takes the name of a mesh.
        name = name_of((place if problem else place.with_suffix("")).parts)
        sources.append(Source(ShapeKey(dataset, category, name), path, problem=problem))
    return with_unique_names(sorted(sources, key=lambda source: (bool(source.problem), source.path)))


def _walk(folder: Path, skipped: set[Path]) -> Iterator[tuple[Path, str]]:
    """Meshes and problems below a folder. Links to folders come last, so that a folder is named by its own place."""
    visited: set[tuple[int, int]] = set()
    waiting, links = [folder], []
    while waiting or links:
        current = waiting.pop() if waiting else links.pop(0)
        state = current.stat()
        if (state.st_dev, state.st_ino) in visited:
            continue
        visited.add((state.st_dev, state.st_ino))
        try:
            with os.scandir(current) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield current, f"{current}: the folder cannot be read ({error.strerror}); change its permissions"
            continue
        folders = {entry.name for entry in entries if entry.is_dir()}
        if any(entry.name == DATASOURCES_FILE for entry in entries):
            entries = [entry for entry in entries if entry.name not in OWN_MESHES]
            folders -= OWN_MESHES
        for entry in entries:
            path = Path(entry.path)
            if entry.name in folders:
                if path not in skipped and not is_litter(entry.name):
                    (links if entry.is_symlink() else waiting).append(path)
            elif is_wanted(entry.name, folders) or _is_broken_link(entry):
                yield path, file_problem(path)


def _is_broken_link(entry: os.DirEntry) -> bool:
    """A link to nowhere that was, by its name, perhaps a folder."""
    return entry.is_symlink() and "." not in entry.name and not Path(entry.path).exists()


SOURCES: dict[str, SourceKind] = {
    "folder": SourceKind(
        "folder of meshes",
        lambda place: not is_url(place) and Path(place).is_dir(),
        lambda place, dataset, category, cache: _folder_sources(Path(place), dataset, category),
    ),
    "list": SourceKind(
        ".csv list",
        lambda place: not is_url(place) and _is_file(place, ".csv"),
        lambda place, dataset, category, cache: list_sources(Path(place), dataset, category),
    ),
    "library": SourceKind(
        ".sh3f library",
        lambda place: not is_url(place) and _is_file(place, ".sh3f"),
        lambda place, dataset, category, cache: library_sources(Path(place), dataset, category, cache),
    ),
    "url": SourceKind(
        "URL of one", is_url, lambda place, dataset, category, cache: remote_sources(place, dataset, category)
    ),
}
"""What meshes come from; the first that fits is taken."""
