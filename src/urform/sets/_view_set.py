"""Rendered views as the encoder's training reads them: framed once, kept in a file that is mapped into memory."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from urform.data import DataFolder, ShapeKey
from urform.files import replace_durably
from urform.pictures import SEEN, read_view

logger = logging.getLogger(__name__)

CACHE = ".framed"  # folder in the data folder
TOGETHER = 512  # views decoded before they are written


class ViewSet:
    """All views of a split, framed.

    They are decoded and framed once, into a file of the data folder. The system keeps as much of it in memory as fits.
    So memory does not grow with the number of views, and the next training starts at once.

    Args:
        data: the data folder.
        keys: the shapes; one that is named twice is shown twice as often.
        size: pixels along an edge of a framed view.
        levels: of the views.
        pictures: how they are shown, see `urform.pictures.SEEN`.

    Attributes:
        shapes: index into `keys` of each view.
        distinct: which picture each view is; one that is shown several times has the same number each time.

    Raises:
        FileNotFoundError: no shape of the split has views.
        ValueError: a view is damaged or empty.
    """

    shapes: Int[Tensor, " V"]
    distinct: Int[Tensor, " V"]

    def __init__(
        self,
        data: DataFolder,
        keys: Sequence[ShapeKey],
        size: int,
        levels: Sequence[str] = ("easy", "hard"),
        pictures: str = "framed",
    ):
        files = {key: data.view_files(key, levels) for key in dict.fromkeys(keys)}
        missing = [key for key, paths in files.items() if not paths]
        if len(missing) == len(files):
            raise FileNotFoundError(
                f"{data.root}: no shape of the split has {' or '.join(levels)} views; `urform prepare` renders them"
            )
        if missing:
            logger.warning("%d of %d shapes have no views, first: %s", len(missing), len(files), missing[0])
        flat = [path for paths in files.values() for path in paths]
        place = {path: index for index, path in enumerate(flat)}
        self._pictures = np.load(_framed(flat, size, data.root, pictures), mmap_mode="r")
        order = [(place[path], index) for index, key in enumerate(keys) for path in files[key]]
        self._order = np.array([picture for picture, _ in order])
        self.distinct = torch.from_numpy(self._order)
        self.shapes = torch.tensor([index for _, index in order])

    def __len__(self) -> int:
        return len(self._order)

    def batch(self, indices: Int[Tensor, " B"]) -> tuple[UInt8[Tensor, "B S S 4"], Int[Tensor, " B"]]:
        """Framed pictures and the index of the shape that each shows."""
        return torch.from_numpy(self._pictures[self._order[indices.numpy()]]), self.shapes[indices]


def _framed(files: Sequence[Path], size: int, root: Path, pictures: str) -> Path:
    """The file of these views, as shown, an array (V, S, S, 4); made where there is none for their present state."""
    states = [(str(path.relative_to(root)), *_state(path)) for path in files]
    seen = (size, states) if pictures == "framed" else (size, states, pictures)
    name = hashlib.sha256(repr(seen).encode()).hexdigest()[:16] + ".npy"
    # A data folder that may only be read has its views framed elsewhere.
    folder = root / CACHE if os.access(root, os.W_OK) else Path(tempfile.gettempdir()) / f"urform{CACHE}"
    path = folder / name
    if path.exists():
        return path
    folder.mkdir(exist_ok=True)
    partial = folder / f".{path.name}.{os.getpid()}.partial"
    try:
        shape = (len(files), size, size, 4)
        made = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(files), TOGETHER):
                chosen = files[start : start + TOGETHER]
                shown = pool.map(lambda file: SEEN[pictures](_checked(file), size), chosen)
                made[start : start + len(chosen)] = list(shown)
        made.flush()
        replace_durably(partial, path)  # an empty one would be taken for whole
    finally:
        partial.unlink(missing_ok=True)
    return path


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _checked(path: Path) -> np.ndarray:
    picture = read_view(path)
    if not picture[..., 3].any():
        raise ValueError(f"{path}: the view is empty, expected an object in it; prepare the shape again")
    return picture
