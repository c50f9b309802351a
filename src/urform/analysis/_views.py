"""What a model's encoder makes of many views of some objects of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from urform.contrastive import build_backbone
from urform.data import DataFolder, ShapeKey, evenly_spaced, read_split
from urform.files import read_rgba
from urform.inference import Model
from urform.models import to_input
from urform.pictures import frame
from urform.weights import BackboneWeights

_PUBLISHED_SIZE = 224  # pixels; a published checkpoint does not say what it was trained on


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
    for key in evenly_spaced(keys, objects):
        files = folder.view_files(key)
        if not files:
            raise FileNotFoundError(f"{data}: no views of {key}; `urform prepare` renders them")
        if len(files) < 2:
            raise ValueError(f"{data}: 1 view of {key}, expected at least 2 that can be compared")
        picked[key] = evenly_spaced(files, views)
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


def encode_views_by(
    backbone: BackboneWeights, views: dict[ShapeKey, list[Path]]
) -> tuple[Float[np.ndarray, "V F"], list[str]]:
    """The same by a contrastively trained encoder: its features.

    Raises:
        ValueError: a view is damaged.
    """
    network = build_backbone(backbone.name, backbone.width)
    network.load_state_dict(backbone.state)
    network.eval()
    features, objects = [], []
    with torch.inference_mode():
        for key, files in views.items():
            framed = np.stack([frame(read_rgba(file), backbone.image_size or _PUBLISHED_SIZE) for file in files])
            features.append(network(to_input(torch.from_numpy(framed))).numpy())
            objects += [str(key)] * len(files)
    return np.concatenate(features), objects
