"""Lists of meshes: CSV files with a header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from urform.data import ShapeKey
from urform.files import ANONYMOUS_STEMS, caseless, is_url, name_of, read_table, safe_name, split_url, unique_names
from urform.sources._source import CATEGORY, DATASET, Source, file_problem, name_problem

COLUMNS = ("path", "instance", "category", "dataset", "family", "split")
IN_TEST = {"": None, "train": False, "test": True}


def list_sources(path: Path, dataset: str | None, category: str | None, collection: str = "") -> list[Source]:
    """The meshes of a list; its own values win over `dataset` and `category`.

    Args:
        path: the list.
        dataset: of meshes for which it names none.
        category: the same.
        collection: URL of the folder that its paths are relative to; empty where that is the list's own. A path may
            also be a URL itself.

    Raises:
        FileNotFoundError: no such list.
        ValueError: a wrong header, or a wrong row, which the message names.
    """
    rows = read_table(path, ("path",), COLUMNS[1:])
    if not rows:
        raise ValueError(f"{path}: the list has no row, expected at least one mesh")
    fallback = ShapeKey(dataset or DATASET, category or CATEGORY, "")
    sources = [_source(path, number, row, fallback, collection) for number, row in rows]
    _check_given(path, rows, sources)
    # The given names come first, so that a derived one never takes theirs.
    order = sorted(range(len(rows)), key=lambda index: (not rows[index][1]["instance"], str(sources[index].path)))
    named = dict(zip(order, unique_names(str(sources[index].key) for index in order), strict=True))
    return [replace(source, key=ShapeKey.parse(named[index])) for index, source in enumerate(sources)]


def _source(path: Path, number: int, row: dict[str, str], fallback: ShapeKey, collection: str) -> Source:
    if not row["path"]:
        raise ValueError(f"{path}, line {number}: no path, expected a mesh file")
    if row["split"].lower() not in IN_TEST:
        raise ValueError(f"{path}, line {number}: unknown split {row['split']!r}, expected train, test or nothing")
    given = row["path"]
    key = ShapeKey(
        safe_name(row["dataset"] or fallback.dataset),
        safe_name(row["category"] or fallback.category),
        safe_name(row["instance"]) if row["instance"] else _derived_name(given),
    )
    if collection or is_url(given):
        collection, mesh = split_url(given if is_url(given) else f"{collection}/{given}")
        problem = name_problem(given)
    else:
        mesh = path.parent / given
        problem = file_problem(mesh)
    return Source(key, mesh, row["family"], IN_TEST[row["split"].lower()], problem, collection=collection)


def _derived_name(given: str) -> str:
    """As in a folder; of a URL, an absolute path, or one that leads up, the last name that says something."""
    path = Path(given)
    parts = path.with_suffix("").parts
    if not is_url(given) and not path.is_absolute() and ".." not in parts:
        return name_of(parts)
    return name_of([next((part for part in reversed(parts) if part.lower() not in ANONYMOUS_STEMS), parts[-1])])


def _check_given(path: Path, rows: Sequence[tuple[int, dict[str, str]]], sources: Sequence[Source]) -> None:
    """Names that the list itself gives must differ: a split or family list would mean both."""
    lines: dict[str, int] = {}
    for (number, row), source in zip(rows, sources, strict=True):
        if row["instance"] and (first := lines.setdefault(caseless(str(source.key)), number)) != number:
            raise ValueError(
                f"{path}, line {number}: names the instance {source.key} again (line {first}), "
                "expected every instance once"
            )
