"""The trunk: features of pictures that ImageNet taught, computed with weights that are never trained here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor, nn

TRUNK_CHANNELS = 112
TRUNK_CELLS = 4  # cells along an edge of the map of features
TRUNK_SIZE = 128  # pixels along an edge of a picture
_FILE = Path(__file__).with_name("trunk.safetensors")
# Blocks of a stage, edge of the kernel, stride of the first block, expansion, channels.
_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, TRUNK_CHANNELS))


class Trunk(nn.Module):
    """The first eleven blocks of EfficientNet-Lite0, with batch norm folded into the convolutions.

    They hold a fifth of its parameters. Coarse places are kept, so that features tell from where an object is seen.

    Source: Liu 2020, Higher accuracy on vision models with EfficientNet-Lite.
    """

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = [_Convolution(3, 32, 3, 2)]
        channels = 32
        for count, edge, stride, expansion, width in _STAGES:
            for index in range(count):
                layers.append(_Block(channels, width, edge, 1 if index else stride, expansion))
                channels = width
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Float[Tensor, "B 112 4 4"]:
        """Features of pictures (B, 3, 128, 128) in 0..1, an object on white.

        Raises:
            ValueError: the shape is wrong.
        """
        if pictures.shape[1:] != (3, TRUNK_SIZE, TRUNK_SIZE):
            raise ValueError(
                f"pictures must have shape (B, 3, {TRUNK_SIZE}, {TRUNK_SIZE}), got {tuple(pictures.shape)}"
            )
        scaled = (pictures * 2 - 1).contiguous(memory_format=torch.channels_last)
        return nn.functional.adaptive_avg_pool2d(self.layers(scaled), TRUNK_CELLS).contiguous()


@cache
def load_trunk(device: str = "cpu") -> Trunk:
    """The trunk with its weights, which the package brings; one a device."""
    trunk = Trunk()
    trunk.load_state_dict({name: value.float() for name, value in safetensors.torch.load_file(_FILE).items()})
    trunk.requires_grad_(False).eval()
    return trunk.to(torch.device(device), memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


class _Convolution(nn.Module):
    """A convolution padded as TensorFlow does it, at the far border first, and ReLU6 where wanted."""

    def __init__(self, inputs: int, outputs: int, edge: int, stride: int = 1, groups: int = 1, linear: bool = False):
        super().__init__()
        missing = edge - stride
        self.pad = (missing // 2, missing - missing // 2) * 2
        self.conv = nn.Conv2d(inputs, outputs, edge, stride, groups=groups)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(nn.functional.pad(x, self.pad))
        return x if self.linear else nn.functional.relu6(x)


class _Block(nn.Module):
    """An inverted bottleneck: expand, filter each channel, project."""

    def __init__(self, inputs: int, outputs: int, edge: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = _Convolution(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.filter = _Convolution(wide, wide, edge, stride, groups=wide)
        self.project = _Convolution(wide, outputs, 1, linear=True)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.filter(self.expand(x)))
        return x + y if self.is_residual else y
