"""Furniture libraries of Sweet Home 3D: a zip with a catalogue and models."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

from urform.data import ShapeKey
from urform.files import safe_name, unique_names
from urform.formats import MESH_SUFFIXES
from urform.sources._archive import archive_stem, unpack
from urform.sources._source import CATEGORY, Source, file_problem

CATALOGUE = "PluginFurnitureCatalog.properties"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def library_sources(library: Path, dataset: str | None, category: str | None, cache: Path) -> list[Source]:
    """The models of a `.sh3f` library.

    The dataset is called after the file, the category is the catalogue's unless another is given, the instance is the
    entry's id (or name). `modelRotation` becomes `Source.rotation`: row by row, which the widths and heights that real
    catalogues state confirm. Sizes, elevations, lights and openings are left out; a model of several parts needs
    nothing more, because the whole library is unpacked.

    Raises:
        ValueError: not a library, or damaged.
    """
    folder = _cached(library, cache)
    catalogue = folder / CATALOGUE
    if not catalogue.is_file():
        raise ValueError(f"{library}: has no {CATALOGUE}, expected a furniture library of Sweet Home 3D")
    properties = parse_properties(catalogue.read_text(encoding="latin-1"))
    entries = _entries(properties)
    names = unique_names(
        safe_name(entry.get("id") or entry.get("name") or f"model_{number}") for number, entry in entries
    )
    dataset = dataset or safe_name(library.stem)
    sources = []
    for name, (_, entry) in zip(names, entries, strict=True):
        key = ShapeKey(dataset, category or safe_name(entry.get("category") or CATEGORY), name)
        sources.append(_source(folder, library, key, entry))
    return sources


def parse_properties(text: str) -> dict[str, str]:
    """Read Java properties: comments, `=` or `:` or a space after the key, escapes, lines continued by a backslash."""
    properties = {}
    lines = iter(text.splitlines())
    for line in lines:
        line = line.lstrip()
        if not line or line[0] in "#!":
            continue
        while _is_continued(line):
            line = line[:-1] + next(lines, "").lstrip()
        match = re.match(r"((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)", line, re.DOTALL)
        if match:
            properties[_unescape(match[1])] = _unescape(match[2])
    return properties


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        return chr(int(match[1][1:], 16)) if len(match[1]) == 5 else _ESCAPES.get(match[1], match[1])

    text = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", plain, text)
    # Two escapes may stand for one character beyond the first 65536; half a pair is no text.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _cached(library: Path, cache: Path) -> Path:
    """The unpacked library; two libraries of one name do not meet."""
    place = hashlib.sha256(str(library.resolve()).encode()).hexdigest()[:8]
    return unpack(library, cache / f"{safe_name(library.stem)}-{place}").folder


def _entries(properties: dict[str, str]) -> list[tuple[int, dict[str, str]]]:
    """The numbered entries of a catalogue, in order, each without the number in its keys."""
    entries: dict[int, dict[str, str]] = {}
    for key, value in properties.items():
        name, mark, number = key.rpartition("#")
        if mark and number.isascii() and number.isdigit():
            entries.setdefault(int(number), {})[name] = value.strip()
    return sorted(entries.items())


def _source(folder: Path, library: Path, key: ShapeKey, entry: dict[str, str]) -> Source:
    path, problem = _model(folder, library, key, entry.get("model", ""))
    rotation = None
    if not problem and "modelRotation" in entry:
        rotation = _rotation(entry["modelRotation"])
        if rotation is None:
            problem = f"{library}: modelRotation of {key.instance} is no rotation, expected nine numbers"
    return Source(key, path, problem=problem, rotation=rotation)


def _model(folder: Path, library: Path, key: ShapeKey, reference: str) -> tuple[Path, str]:
    """The mesh that an entry refers to, and what is wrong with it."""
    if not reference:
        return library, f"{library}: {key.instance} names no model"
    path = next(
        (place for text in (reference, unquote(reference)) if (place := folder / text.lstrip("/")).is_file()), None
    )
    if path is None or not path.resolve().is_relative_to(folder.resolve()):
        return library, f"{library}: {key.instance} names the model {reference}, which is not in the library"
    if archive_stem(path.name):
        inner = unpack(path, path.with_name(path.name + "_files")).folder
        parts = sorted(part for part in inner.rglob("*") if part.suffix.lower() in MESH_SUFFIXES)
        if not parts:
            return path, f"{path}: no mesh in it, expected files ending in {', '.join(sorted(MESH_SUFFIXES))}"
        path = parts[0]
    return path, file_problem(path)


def _rotation(text: str) -> tuple[float, ...] | None:
    import numpy as np

    try:
        matrix = np.array([float(number) for number in text.split()]).reshape(3, 3)
    except ValueError:
        return None
    proper = np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-2) and np.linalg.det(matrix) > 0
    return tuple(matrix.ravel().tolist()) if proper else None
