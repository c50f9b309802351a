"""Split files: which shapes belong to a set."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from urform.config import is_name, shortened
from urform.data._shape_key import ShapeKey
from urform.files import write_atomically


def read_split(path: Path) -> list[ShapeKey]:
    """Read a split file: `{dataset: {category: [instance, ...]}}`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a split file, or nothing in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such split file; `urform prepare` writes them to DATA/splits")
    try:
        content = json.loads(path.read_text(), object_pairs_hook=_once)
        keys = [
            ShapeKey(dataset, category, str(instance))
            for dataset, categories in content.items()
            for category, instances in categories.items()
            for instance in _listed(instances)
        ]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(
            f'{path}: not a split file, expected JSON like {{"dataset": {{"category": ["instance"]}}}}'
        ) from error
    if not keys:
        raise ValueError(f"{path}: the split names no instance, expected at least one")
    if bad := next((str(key) for key in keys if not all(map(is_name, key))), None):
        raise ValueError(f"{path}: {shortened(bad)} is no name of a shape, expected dataset, category and instance")
    return keys


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a name that stands in it twice, one would be lost."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _listed(instances: Any) -> list[Any]:
    if not isinstance(instances, list):  # a text has letters, which are no instances
        raise TypeError("expected a list")
    return instances


def split_content(keys: Iterable[ShapeKey]) -> bytes:
    """The content of a split file."""
    content: dict[str, dict[str, list[str]]] = {}
    for key in keys:
        content.setdefault(key.dataset, {}).setdefault(key.category, []).append(key.instance)
    return (json.dumps(content, indent=1) + "\n").encode()


def write_split(path: Path, keys: Iterable[ShapeKey]) -> None:
    """Write a split file, atomically."""
    write_atomically(path, split_content(keys))
