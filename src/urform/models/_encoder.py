"""The image encoder: from one picture of an object to its latent code."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_SMALLEST_IMAGE = 32  # pixels; the network halves the image five times
_CHANNELS_LAST_WIDTH = 16
_IMAGENET_WIDTH = 64  # channels of the network that ImageNet weights exist for


class ImageEncoder(nn.Module):
    """A ResNet-18 with torchvision's parameter names, whose last layer gives the latent code.

    Args:
        latent_size: Length L of the latent code.
        width: Channels of the first stage; 64 is the published ResNet-18, smaller is faster.
        hidden: Units of a layer with ReLU before the last one, which torchvision's has not; 0 = none.

    Raises:
        ValueError: An argument is out of range.

    Source: He 2016, table 1, 18-layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, latent_size: int, width: int = 64, hidden: int = 0):
        super().__init__()
        if latent_size < 1:
            raise ValueError(f"latent_size must be at least 1, got {latent_size}")
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        if hidden < 0:
            raise ValueError(f"hidden must be at least 0, got {hidden}")
        self.latent_size = latent_size
        self.width = width
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(width, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=2)
        self.layer4 = _stage(4 * width, 8 * width, stride=2)
        self.hidden = nn.Linear(8 * width, hidden) if hidden else None
        self.fc = nn.Linear(hidden or 8 * width, latent_size)
        # Not persistent: the state dict holds what torchvision's holds and no more.
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_IMAGENET_STD).view(3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def feature_size(self) -> int:
        """Length F of `features`: eight times the width."""
        return 8 * self.width

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of weights and images in which the convolutions are fastest.

        With few channels it gains nothing, and for a batch of one or two in bfloat16 torch 2.13's kernels for it write
        beyond their memory on the CPU.
        """
        return torch.channels_last if self.width >= _CHANNELS_LAST_WIDTH else torch.contiguous_format

    def forward(self, images: Tensor) -> Float[Tensor, "B L"]:
        """Latent codes of images.

        Args:
            images: (B, 3, H, W), RGB in [0, 1], H and W at least 32 pixels, on the background it was trained with.

        Returns:
            One latent code an image.

        Raises:
            ValueError: The shape is wrong.
        """
        x = self.features(images)
        return self.fc(x if self.hidden is None else nn.functional.relu(self.hidden(x)))

    def features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """What the head sees: the mean over the image of the last stage's channels. Args as in `forward`."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images must have shape (B, 3, H, W), got {tuple(images.shape)}")
        if min(images.shape[2:]) < _SMALLEST_IMAGE:
            raise ValueError(f"images must be {_SMALLEST_IMAGE} pixels or more a side, got {tuple(images.shape[2:])}")
        x = (images - self.mean) / self.std
        x = self.maxpool(nn.functional.relu(self.bn1(self.conv1(x)), inplace=True))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3))

    def load_imagenet(self, path: str | Path) -> None:
        """Loads a torchvision resnet18 state dict, all but its last layer (fc); the head stays as it is.

        Args:
            path: A file written by torch.save, such as torchvision's resnet18-f37072fd.pth.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: This encoder is not of the published width, or keys or shapes of the file do not fit.
        """
        if self.width != _IMAGENET_WIDTH:
            raise ValueError(f"width must be {_IMAGENET_WIDTH} to load ImageNet weights, got {self.width}")
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict):
            raise ValueError(f"{path} must hold a state dict, got {type(loaded).__name__}")
        loaded = {key: value for key, value in loaded.items() if not key.startswith("fc.")}
        wanted = {key: value for key, value in self.state_dict().items() if not key.startswith(("fc.", "hidden."))}
        _check_fits(path, loaded, wanted)
        self.load_state_dict(loaded, strict=False)


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.bn2(self.conv2(x))
        return nn.functional.relu(x.add_(shortcut), inplace=True)


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_BasicBlock(in_channels, out_channels, stride), _BasicBlock(out_channels, out_channels, 1))


def _check_fits(path: str | Path, loaded: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    missing = [key for key in wanted if key not in loaded]
    extra = [key for key in loaded if key not in wanted]
    if missing or extra:
        first = f"{missing[0]} is missing" if missing else f"{extra[0]} is unknown"
        raise ValueError(f"{path} does not fit a ResNet-18: {len(missing)} keys missing, {len(extra)} unknown; {first}")
    for key, value in wanted.items():
        if loaded[key].shape != value.shape:
            raise ValueError(
                f"{path} does not fit a ResNet-18: {key} must have shape {tuple(value.shape)}, "
                f"got {tuple(loaded[key].shape)}"
            )
