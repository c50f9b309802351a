"""What an encoder sees of the views: pictures, varied afresh each time, or the trunk's features, computed once."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from urform.config import EncoderConfig
from urform.models import TRUNK_CELLS, TRUNK_CHANNELS, Trunk, to_input
from urform.sets import ViewSet, augment
from urform.training._pictures import seeded, shown

_TOGETHER = 64  # pictures that go through the trunk at once


class SeenViews(ABC):
    """Views of shapes, as an encoder takes them."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of views."""

    @abstractmethod
    def batch(self, rows: Int[Tensor, " B"], generator: torch.Generator) -> tuple[Tensor, Int[Tensor, " B"]]:
        """What an encoder takes of some views, and the index of the shape that each shows."""


class PictureViews(SeenViews):
    """Views as pictures, each time varied in another way.

    Args:
        views: the views.
        config: whether they are augmented and mirrored.
    """

    def __init__(self, views: ViewSet, config: EncoderConfig):
        self._views, self._config = views, config

    def __len__(self) -> int:
        return len(self._views)

    def batch(self, rows: Int[Tensor, " B"], generator: torch.Generator) -> tuple[Tensor, Int[Tensor, " B"]]:
        """Pictures (B, 3, S, S); see `SeenViews`."""
        rgba, shapes = self._views.batch(rows)
        return shown(rgba, self._config.augment, self._config.flip, generator), shapes


class TrunkViews(SeenViews):
    """Views as the trunk's features: of the views, of their mirror images, and of augmented copies.

    Args:
        views: the views, of the size that the trunk takes.
        config: which copies there are.
        trunk: computes the features.

    Attributes:
        features: (C, D, 112, 4, 4) of all copies of all distinct views, 16 bits.
    """

    features: Tensor

    def __init__(self, views: ViewSet, config: EncoderConfig, trunk: Trunk):
        self._views = views
        copies = config.copies if config.augment else 0
        kinds = ["plain", *["mirrored"] * config.flip, *["augmented"] * copies]
        numbers, self._place = torch.unique(views.distinct, return_inverse=True)
        shown_by = torch.empty_like(numbers).scatter_(0, self._place, torch.arange(len(views)))
        self.features = torch.empty(
            len(kinds), len(shown_by), TRUNK_CHANNELS, TRUNK_CELLS, TRUNK_CELLS, dtype=torch.float16
        )
        device = next(trunk.parameters()).device
        chunks = torch.arange(len(shown_by)).split(_TOGETHER)
        with tqdm(total=len(kinds) * len(shown_by), desc="features", unit="picture", leave=False) as bar:
            for copy, kind in enumerate(kinds):
                for rows in chunks:
                    rgba = views.batch(shown_by[rows])[0]
                    if kind == "augmented":
                        pictures = augment(rgba, config.flip, seeded(config.seed, copy, int(rows[0])))
                    else:
                        pictures = to_input(rgba.flip(2) if kind == "mirrored" else rgba)
                    with torch.inference_mode():
                        self.features[copy, rows] = trunk(pictures.to(device)).half().cpu()
                    bar.update(len(rows))

    def __len__(self) -> int:
        return len(self._views)

    def batch(
        self, rows: Int[Tensor, " B"], generator: torch.Generator
    ) -> tuple[Float[Tensor, "B 112 4 4"], Int[Tensor, " B"]]:
        """Features of a copy of each view, drawn at random; see `SeenViews`."""
        copy = torch.randint(len(self.features), (len(rows),), generator=generator)
        return self.features[copy, self._place[rows]].float(), self._views.shapes[rows]
