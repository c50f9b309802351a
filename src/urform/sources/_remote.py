"""Meshes behind a URL: what there is, and a copy of one of them to work on."""

from __future__ import annotations

import contextlib
import posixpath
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from urform.data import DATASOURCES_FILE, ShapeKey
from urform.files import name_of, open_url
from urform.formats import references
from urform.sources._list import list_sources
from urform.sources._source import (
    CATEGORY,
    DATASET,
    OWN_MESHES,
    SHAPENET,
    SHAPENET_MESH,
    Source,
    is_litter,
    is_wanted,
    name_problem,
    no_mesh,
    picked_synset,
    with_unique_names,
)

MOST_REFERENCES = 1000  # files that are fetched beside one mesh


def remote_sources(url: str, dataset: str | None, category: str | None) -> list[Source]:
    """The meshes behind the URL of a folder, ShapeNet's layout included, or of a `.csv` list; see `find_sources`.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: no mesh in it, a wrong list, or a file system that is not installed.
    """
    files, root = open_url(url)
    suffix = PurePosixPath(root).suffix.lower()
    if suffix == ".sh3f":
        raise ValueError(f"{url}: furniture libraries are read from the disk, fetch it with `urform data fetch` first")
    if suffix == ".csv":
        return sorted(_listed(files, url, root, dataset, category), key=lambda source: source.key)
    places = sorted(str(name)[len(root) + 1 :] for name in files.find(root))
    if not places:
        raise FileNotFoundError(f"{url}: no such folder of meshes, or nothing in it")
    sources = _named(url.rstrip("/"), [place for place in places if place], dataset, category)
    if not sources:
        raise no_mesh(url)
    return sorted(sources, key=lambda source: source.key)


def _listed(files: Any, url: str, root: str, dataset: str | None, category: str | None) -> list[Source]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, PurePosixPath(root).name)
        files.get_file(root, str(copy))
        return list_sources(copy, dataset, category, collection=url.rsplit("/", 1)[0])


def _named(url: str, places: list[str], dataset: str | None, category: str | None) -> list[Source]:
    """The sources among the paths of a folder's files."""
    own = re.fullmatch(r"\d{8}", PurePosixPath(url).name)
    depth = 0 if own else 1  # of the instances of ShapeNet
    synsets: dict[str, list[str]] = {}
    for place in places:
        parts = PurePosixPath(place).parts
        if parts[depth + 1 :] == SHAPENET_MESH.parts and (own or re.fullmatch(r"\d{8}", parts[0])):
            synsets.setdefault(own[0] if own else parts[0], []).append(place)
    picked = None if own else picked_synset(url, synsets, category)
    if picked:
        synsets, category = {picked: synsets[picked]}, picked
    sources = [
        Source(
            ShapeKey(dataset or SHAPENET, category or synset, name_of([PurePosixPath(place).parts[depth]])),
            Path(place),
            collection=url,
        )
        for synset, members in synsets.items()
        for place in members
    ]
    if picked or (own and synsets):
        return with_unique_names(sources)
    rest = _walked(url, places, set(synsets), dataset or DATASET, category or CATEGORY)
    return with_unique_names(sources + rest)


def _walked(url: str, places: list[str], skipped: set[str], dataset: str, category: str) -> list[Source]:
    folders: dict[PurePosixPath, set[str]] = {}  # names of the folders in each folder
    for parent in {parent for place in places for parent in PurePosixPath(place).parents}:
        folders.setdefault(parent.parent, set()).add(parent.name)
    marked = {PurePosixPath(place).parent for place in places if PurePosixPath(place).name == DATASOURCES_FILE}
    sources = []
    for place in places:
        path = PurePosixPath(place)
        beside = folders.get(path.parent, set())
        if any(parent.name in OWN_MESHES and parent.parent in marked for parent in path.parents):
            continue
        if path.parts[0] in skipped or any(map(is_litter, path.parts)) or not is_wanted(path.name, beside):
            continue
        problem = name_problem(f"{url}/{place}")
        name = name_of((path if problem else path.with_suffix("")).parts)
        sources.append(Source(ShapeKey(dataset, category, name), Path(place), problem=problem, collection=url))
    return sorted(sources, key=lambda source: (bool(source.problem), source.path))


@contextlib.contextmanager
def local_copy(source: Source) -> Iterator[Path]:
    """The mesh file of a source on this machine; one behind a URL is copied, with all that it refers to, for a while.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: what the code inside raises, with the URL in place of the copy's path.
    """
    if not source.collection:
        yield source.path
        return
    files, root = open_url(source.collection)
    with tempfile.TemporaryDirectory(prefix="urform-") as folder:
        copy = Path(folder) / source.path
        _copy(files, root, Path(folder), source.path.as_posix())
        if not copy.exists():
            raise FileNotFoundError(f"{source.place}: no such file, expected a mesh")
        try:
            yield copy
        except ValueError as error:
            raise ValueError(str(error).replace(str(copy), source.place)) from error


def _copy(files: Any, root: str, folder: Path, place: str) -> None:
    """Copy a file and, in turn, those it refers to; what is missing is the reader's business."""
    waiting, known = [place], {place}
    while waiting:
        current = waiting.pop()
        copy = folder / current
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            files.get_file(f"{root}/{current}", str(copy))
            names = references(copy)
        except (FileNotFoundError, IsADirectoryError, ValueError):
            continue
        for name in names:
            other = posixpath.normpath(posixpath.join(posixpath.dirname(current), name))
            if other not in known and not other.startswith(("../", "/")) and len(known) < MOST_REFERENCES:
                known.add(other)
                waiting.append(other)
