"""Residual networks with torchvision's parameter names: pictures to features."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._backbone import Backbone

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_CHANNELS_LAST_WIDTH = 16
_IMAGENET_WIDTH = 64  # channels of the first stage of the networks that published weights exist for


class ResNet(Backbone):
    """A ResNet without its last layer.

    Args:
        depth: Layers: 18, 34, 50 or 101.
        width: Channels of the first stage; 64 is the published one, fewer are faster.

    Raises:
        ValueError: An argument is out of range.

    Source: He 2016, table 1; from 50 layers on with the stride in the 3 x 3 convolution, as torchvision has it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, depth: int = 18, width: int = 64):
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}, got {depth}")
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        block, blocks = DEPTHS[depth]
        self.depth, self.width = depth, width
        self.feature_size = 8 * width * block.expansion
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        channels, stages = width, []
        for index, count in enumerate(blocks):
            stage = []
            for number in range(count):
                stage.append(block(channels, width << index, 2 if index and not number else 1))
                channels = (width << index) * block.expansion
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        # Not persistent: the state dict holds what torchvision's holds and no more.
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_IMAGENET_STD).view(3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def title(self) -> str:
        """Its depth and width."""
        return f"ResNet-{self.depth} of width {self.width}"

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of weights and images in which the convolutions are fastest.

        channels_last gains nothing with few channels. On the CPU, with a batch of one or two in bfloat16, the kernels
        of torch 2.13 for it write beyond their memory.
        """
        return torch.channels_last if self.width >= _CHANNELS_LAST_WIDTH else torch.contiguous_format

    def features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """The mean over the image of the last stage's channels.

        Args:
            images: (B, 3, H, W), RGB in [0, 1], H and W at least 32 pixels.

        Raises:
            ValueError: The shape is wrong.
        """
        self._check_images(images)
        x = ((images - self.mean) / self.std).contiguous(memory_format=self.memory_format)
        x = self.maxpool(nn.functional.relu(self.bn1(self.conv1(x)), inplace=True))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3))

    def load_imagenet(self, path: str | Path) -> None:
        """Load a state dict of torchvision's network of this depth, all but its last layer (fc); a head stays as it is.

        Args:
            path: A file written by torch.save, such as torchvision's resnet18-f37072fd.pth.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: This network is not of the published width, the file is damaged, or its keys or shapes do not
                fit.
        """
        if self.width != _IMAGENET_WIDTH:
            raise ValueError(f"width must be {_IMAGENET_WIDTH} to load ImageNet weights, got {self.width}")
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
        except OSError:
            raise
        except Exception as error:  # zipfile, pickle and torch each have their own
            raise ValueError(f"{path}: damaged, or not a state dict of torch.save; fetch it again") from error
        if not isinstance(loaded, dict):
            raise ValueError(f"{path} must hold a state dict, got {type(loaded).__name__}")
        self.load_backbone(loaded, str(path))


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.bn2(self.conv2(x))
        return nn.functional.relu(x.add_(shortcut), inplace=True)


class _Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 convolutions, beside a shortcut."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, self.expansion * channels, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * channels)
        self.downsample = _shortcut(in_channels, self.expansion * channels, stride)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = nn.functional.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.bn3(self.conv3(x))
        return nn.functional.relu(x.add_(shortcut), inplace=True)


DEPTHS: dict[int, tuple[type[_BasicBlock] | type[_Bottleneck], tuple[int, int, int, int]]] = {
    18: (_BasicBlock, (2, 2, 2, 2)),
    34: (_BasicBlock, (3, 4, 6, 3)),
    50: (_Bottleneck, (3, 4, 6, 3)),
    101: (_Bottleneck, (3, 4, 23, 3)),
}
"""Kind of block, and how many of them each stage has, for each depth."""


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
    )
