"""What the networks that turn pictures into features have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

_SMALLEST_IMAGE = 32  # pixels; the networks halve the image five times


class Backbone(nn.Module, ABC):
    """Pictures (B, 3, H, W) in [0, 1] to features (B, F); `feature_size` is F."""

    feature_size: int
    head_prefixes: ClassVar[tuple[str, ...]] = ()
    """What the names of parameters begin with that a subclass has beside those of the backbone."""

    @property
    def title(self) -> str:
        """What an error message calls it."""
        return type(self).__name__

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of weights and images in which the convolutions are fastest."""
        return torch.contiguous_format

    @abstractmethod
    def features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """Features of images."""

    @staticmethod
    def _check_images(images: Tensor) -> None:
        """Raise a ValueError where no backbone can take these."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images must have shape (B, 3, H, W), got {tuple(images.shape)}")
        if min(images.shape[2:]) < _SMALLEST_IMAGE:
            raise ValueError(f"images must be {_SMALLEST_IMAGE} pixels or more a side, got {tuple(images.shape[2:])}")

    def forward(self, images: Tensor) -> Float[Tensor, "B F"]:
        """Features of images; see `features`."""
        return self.features(images)

    def load_packaged(self) -> None:
        """Load the weights that a package brings with the network, where one does."""

    def backbone_state(self) -> dict[str, Tensor]:
        """The state dict without the head."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith(self.head_prefixes)}

    def load_imagenet(self, path: str | Path) -> None:
        """Load ImageNet weights, all but the last layer; a head stays as it is.

        Args:
            path: where they are.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, or its keys or shapes do not fit.
        """
        raise ValueError(f"imagenet must be omitted for a {self.title}, got {path}")

    def load_backbone(self, state: dict[str, Tensor], where: str) -> None:
        """Take the convolutional part from a state dict; torchvision's last layer (fc) is omitted.

        Args:
            state: the state dict.
            where: what an error message calls it.

        Raises:
            ValueError: keys or shapes do not fit.
        """
        loaded = {key: value for key, value in state.items() if not key.startswith("fc.")}
        _check_fits(where, self.title, loaded, self.backbone_state())
        self.load_state_dict(loaded, strict=False)


def _check_fits(where: str, what: str, loaded: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Raise a ValueError that names the first key or shape of `loaded` that is not as wanted."""
    # Counters of batches decide nothing here, and older files have none.
    missing = [key for key in wanted if key not in loaded and not key.endswith("num_batches_tracked")]
    extra = [key for key in loaded if key not in wanted]
    if missing or extra:
        first = f"{missing[0]} is missing" if missing else f"{extra[0]} is unknown"
        raise ValueError(f"{where} does not fit a {what}: {len(missing)} keys missing, {len(extra)} unknown; {first}")
    for key, value in wanted.items():
        if key in loaded and loaded[key].shape != value.shape:
            raise ValueError(
                f"{where} does not fit a {what}: {key} must have shape {tuple(value.shape)}, "
                f"got {tuple(loaded[key].shape)}"
            )
