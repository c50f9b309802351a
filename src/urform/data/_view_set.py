"""Rendered views as the encoder's training reads them: framed once, kept small in memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from urform.data._framing import frame
from urform.data._layout import DataFolder, ShapeKey
from urform.data._png import read_rgba

logger = logging.getLogger(__name__)


class ViewSet:
    """All views of a split, framed.

    Args:
        data: the data folder.
        keys: the shapes; one that is named twice is shown twice as often.
        size: pixels along an edge of a framed view.

    Attributes:
        pictures: RGBA.
        shapes: index into `keys` of each view.

    Raises:
        FileNotFoundError: no shape of the split has views.
    """

    pictures: UInt8[Tensor, "V S S 4"]
    shapes: Int[Tensor, " V"]

    def __init__(self, data: DataFolder, keys: Sequence[ShapeKey], size: int):
        files = {key: data.view_files(key) for key in dict.fromkeys(keys)}
        missing = [key for key, paths in files.items() if not paths]
        if len(missing) == len(files):
            raise FileNotFoundError(f"{data.root}: no shape of the split has views; `urform prepare` renders them")
        if missing:
            logger.warning("%d of %d shapes have no views, first: %s", len(missing), len(files), missing[0])
        flat = [path for paths in files.values() for path in paths]
        place = {path: index for index, path in enumerate(flat)}
        with ThreadPoolExecutor() as pool:
            pictures = list(pool.map(lambda path: frame(_checked(path), size), flat))
        self._pictures = torch.from_numpy(np.stack(pictures))
        order = [(place[path], index) for index, key in enumerate(keys) for path in files[key]]
        self._order = torch.tensor([picture for picture, _ in order])
        self.shapes = torch.tensor([index for _, index in order])

    def __len__(self) -> int:
        return len(self._order)

    def batch(self, indices: Int[Tensor, " B"]) -> tuple[UInt8[Tensor, "B S S 4"], Int[Tensor, " B"]]:
        """Framed pictures and the index of the shape that each shows."""
        return self._pictures[self._order[indices]], self.shapes[indices]


def _checked(path: Path) -> np.ndarray:
    picture = read_rgba(path)
    if not picture[..., 3].any():
        raise ValueError(f"{path}: the view is empty, expected an object in it; prepare the shape again")
    return picture
