"""Views of several categories as features of the trunk: what their classifier learns from and is measured on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from urform.config import CategoriesConfig
from urform.data import DataFolder, ShapeKey, evenly_spaced, read_split
from urform.models import TRUNK_SIZE, Trunk, to_input
from urform.pictures import frame, read_view
from urform.sets import augment
from urform.training._pictures import seeded
from urform.training._pose import turn

logger = logging.getLogger(__name__)

_TOGETHER = 64  # pictures that go through the trunk at once


@dataclass(frozen=True)
class CategoryViews:
    """View files of one category.

    Attributes:
        training: to learn from.
        held_out: to measure, of shapes that are not learned from.
    """

    training: list[Path]
    held_out: list[Path]


def find_category_views(data: Sequence[Path], most: int) -> dict[str, CategoryViews]:
    """The views of each category that the splits of data folders name, in the order of the names.

    Args:
        data: the data folders.
        most: views of a split file to learn from, and of all held-out shapes of a category.

    Raises:
        FileNotFoundError: a folder has no split files, or there are no views to learn from or to measure.
    """
    training: dict[str, list[Path]] = {}
    held_out: dict[str, list[Path]] = {}
    for root in data:
        folder, (train, test) = DataFolder(root), _splits(root)
        measured = list(dict.fromkeys(key for keys in test for key in keys))
        for key in measured:
            held_out.setdefault(key.category, []).extend(folder.view_files(key))
        for keys in train:
            for category, files in _by_category(folder, [key for key in keys if key not in set(measured)]).items():
                training.setdefault(category, []).extend(evenly_spaced(files, most))
    found = {
        name: CategoryViews(training.get(name, []), evenly_spaced(held_out.get(name, []), most))
        for name in sorted(training.keys() | held_out.keys())
    }
    for name in [name for name, views in found.items() if not views.training]:
        logger.warning("%s: left out, no view of it is for training", name)
        del found[name]
    lacking = [name for name, views in found.items() if not views.held_out]
    if lacking or not found:
        what = f"views of {lacking[0]} to measure" if lacking else "views to learn from"
        raise FileNotFoundError(f"{', '.join(map(str, data))}: no {what}; `urform prepare` holds shapes out")
    return found


def _splits(root: Path) -> tuple[list[list[ShapeKey]], list[list[ShapeKey]]]:
    """Shapes of the split files for training and for testing; those that name none are left out."""
    files = sorted((root / "splits").glob("*.json"))
    train = [path for path in files if path.stem.endswith("_train")]
    test = [path for path in files if path.stem.endswith("_test") or path.stem.startswith("test_")]
    if not train or not test:
        raise FileNotFoundError(
            f"{root / 'splits'}: expected split files *_train.json and *_test.json, which `urform prepare` writes"
        )
    return [_keys(path) for path in train], [_keys(path) for path in test]


def _keys(path: Path) -> list[ShapeKey]:
    """The shapes of a split file; `urform prepare` writes an empty one where all shapes are on the other side."""
    return [] if path.read_text().split() == ["{}"] else read_split(path)


def _by_category(folder: DataFolder, keys: Sequence[ShapeKey]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for key in keys:
        files.setdefault(key.category, []).extend(folder.view_files(key))
    return files


@torch.inference_mode()
def view_features(
    files: Sequence[Path], trunk: Trunk, config: CategoriesConfig, copy: int = 0, mirrored: bool = False
) -> Float[Tensor, "N 112 4 4"]:
    """Features of views in 16 bits.

    Args:
        files: the views.
        trunk: computes them.
        config: how copies are varied.
        copy: number of an augmented copy; 0 = the views themselves.
        mirrored: of their mirror images.
    """
    features = []
    for start in tqdm(range(0, len(files), _TOGETHER), desc="features", unit="batch", leave=False):
        generator = seeded(config.seed, copy, start)
        rgba = [_framed(path) for path in files[start : start + _TOGETHER]]
        if copy:
            roll = config.roll_deg * (2 * torch.rand(len(rgba), generator=generator) - 1)
            rgba = [turn(picture, degrees) for picture, degrees in zip(rgba, roll.tolist(), strict=True)]
        shown = torch.from_numpy(np.stack(rgba))
        pictures = augment(shown, True, generator) if copy else to_input(shown)
        features.append(trunk(pictures.flip(-1) if mirrored else pictures).half())
    return torch.cat(features).clone()


def _framed(path: Path) -> UInt8[np.ndarray, "S S 4"]:
    picture = read_view(path)
    if not picture[..., 3].any():
        raise ValueError(f"{path}: the view is empty, expected an object in it; prepare the shape again")
    return frame(picture, TRUNK_SIZE)
