"""What a model's encoder makes of many views of some objects of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from urform.config import ShapeChoice
from urform.contrastive import build_backbone
from urform.data import DataFolder, ShapeKey, choose_shapes, evenly_spaced, read_split
from urform.inference import Model
from urform.models import to_input
from urform.pictures import SEEN, read_view
from urform.weights import BackboneWeights

_PUBLISHED_SIZE = 224  # pixels; a published checkpoint does not say what it was trained on


def pick_views(
    data: Path, split: Path, objects: int, views: int, choice: ShapeChoice | None = None
) -> dict[ShapeKey, list[Path]]:
    """Views of some shapes of a split, both spread evenly over what there is.

    Args:
        data: data folder.
        split: split file that names the shapes.
        objects: shapes at most.
        views: of each at most.
        choice: which shapes are taken; by default those that have two views or more.

    Raises:
        FileNotFoundError: split, data folder or views are not there, or some of them and the choice is strict.
        ValueError: fewer than two shapes are left.
    """
    if not data.is_dir():
        raise FileNotFoundError(f"{data}: no such data folder; `urform prepare` makes them")
    folder, keys = DataFolder(data), list(dict.fromkeys(read_split(split)))
    if len(keys) < 2:
        raise ValueError(f"{split}: has 1 shape, expected at least 2, whose views can be compared")
    chosen = choose_shapes(folder, keys, ("views",), choice)
    single = [str(key) for key in chosen.keys if len(folder.view_files(key)) < 2]
    strict = choice is not None and choice.strict
    chosen = chosen.without("one view, which cannot be compared", single, str(data), strict)
    if len(chosen.keys) < 2:
        raise ValueError(f"{split}: has 1 shape with views, expected at least 2, whose views can be compared")
    return {key: evenly_spaced(folder.view_files(key), views) for key in evenly_spaced(chosen.keys, objects)}


def encode_views(model: Model, views: dict[ShapeKey, list[Path]]) -> tuple[Float[np.ndarray, "V L"], list[str]]:
    """Latents of all views, an object after the other, and the object of each.

    Raises:
        ValueError: the model has no encoder, or a view is damaged.
    """
    latents, objects = [], []
    for key, files in views.items():
        latents.append(model.encode(np.stack([model.frame(read_view(file)) for file in files])))
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
    size = backbone.image_size or _PUBLISHED_SIZE
    features, objects = [], []
    with torch.inference_mode():
        for key, files in views.items():
            framed = np.stack([SEEN[backbone.pictures](read_view(file), size) for file in files])
            features.append(network(to_input(torch.from_numpy(framed))).numpy())
            objects += [str(key)] * len(files)
    return np.concatenate(features), objects
