"""What a model's encoder makes of many views of some objects of a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.data import DataFolder, ShapeKey, read_rgba, read_split
from urform.inference import Model


def pick_views(data: Path, split: Path, objects: int, views: int) -> dict[ShapeKey, list[Path]]:
    """Views of some shapes of a split, both spread evenly over what there is.

    Args:
        data: data folder.
        split: split file that names the shapes.
        objects: shapes at most.
        views: of each at most.

    Raises:
        FileNotFoundError: split, data folder, or the views of a shape are not there.
        ValueError: the split has fewer than two shapes, or a shape fewer than two views.
    """
    if not data.is_dir():
        raise FileNotFoundError(f"{data}: no such data folder; `urform prepare` makes them")
    folder, keys = DataFolder(data), list(dict.fromkeys(read_split(split)))
    if len(keys) < 2:
        raise ValueError(f"{split}: has 1 shape, expected at least 2, whose views can be compared")
    picked = {}
    for key in _spread(keys, objects):
        files = folder.view_files(key)
        if not files:
            raise FileNotFoundError(f"{data}: no views of {key}; `urform prepare` renders them")
        if len(files) < 2:
            raise ValueError(f"{data}: 1 view of {key}, expected at least 2 that can be compared")
        picked[key] = _spread(files, views)
    return picked


def encode_views(model: Model, views: dict[ShapeKey, list[Path]]) -> tuple[Float[np.ndarray, "V L"], list[str]]:
    """Latents of all views, an object after the other, and the object of each.

    Raises:
        ValueError: the model has no encoder, or a view is damaged.
    """
    latents, objects = [], []
    for key, files in views.items():
        latents.append(model.encode(np.stack([model.frame(read_rgba(file)) for file in files])))
        objects += [str(key)] * len(files)
    return np.concatenate(latents), objects


def _spread(items: Sequence, count: int) -> list:
    """At most `count` of the items, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]
