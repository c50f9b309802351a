"""Which of several categories a picture shows, told from the trunk's features."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._familiarity import Familiarity
from urform.models._trunk import TRUNK_CELLS, TRUNK_CHANNELS

_HIDDEN = 64  # units; without them fewer categories are right, see docs/results/categories.md
_DROPOUT = (0.2, 0.7)  # of features and hidden units
_INPUTS = TRUNK_CHANNELS * TRUNK_CELLS**2


class CategoryClassifier(nn.Module):
    """Probabilities of categories, and of none of them.

    A small network tells the categories apart. How strange the picture is to the likeliest one tells whether it shows
    one of them at all.

    Args:
        count: of the categories.
    """

    mean: Tensor
    spread: Tensor
    temperature: Tensor
    none: Tensor

    def __init__(self, count: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(_INPUTS))
        self.register_buffer("spread", torch.ones(_INPUTS))
        self.register_buffer("temperature", torch.ones(1))
        # Slope and middle of the logistic curve until it is calibrated. The middle lies between the strangeness that is
        # warned of, 1, and the one that is refused, 1.4.
        self.register_buffer("none", torch.tensor([10.0, 1.2]))
        first, second = (nn.Dropout(share) for share in _DROPOUT)
        self.layers = nn.Sequential(first, nn.Linear(_INPUTS, _HIDDEN), nn.GELU(), second, nn.Linear(_HIDDEN, count))
        self._familiarities = [Familiarity() for _ in range(count)]
        self.familiarities = nn.ModuleList(self._familiarities)

    def forward(self, features: Float[Tensor, "B 112 4 4"]) -> Float[Tensor, "B K1"]:
        """Probabilities of the K categories and, last, of none of them."""
        chance = self.logits(features).softmax(dim=1)
        slope, middle = self.none
        none = torch.sigmoid(slope * (self.strangeness(features, chance.argmax(dim=1)) - middle))[:, None]
        return torch.cat([chance * (1 - none), none], dim=1)

    def logits(self, features: Float[Tensor, "B 112 4 4"]) -> Float[Tensor, "B K"]:
        """Of the categories, calibrated."""
        return self.layers((features.flatten(1) - self.mean) / self.spread) / self.temperature

    def strangeness(self, features: Float[Tensor, "B 112 4 4"], category: Tensor) -> Float[Tensor, " B"]:
        """How strange pictures are to a category each, see `Familiarity`."""
        each = torch.stack([familiarity(features) for familiarity in self.familiarities], dim=1)
        return each.gather(1, category[:, None])[:, 0]

    def learn_familiarity(self, category: int, views: Tensor, calibration: Tensor) -> None:
        """Take the measure of one category; args as in `Familiarity.learn`."""
        self._familiarities[category].learn(views, calibration)
