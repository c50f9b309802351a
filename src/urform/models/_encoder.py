"""Image encoders: from one picture of an object to its latent code."""

from jaxtyping import Float
from torch import Tensor, nn

from urform.models._backbone import Backbone
from urform.models._efficientnet import EfficientNetLite0
from urform.models._resnet import ResNet
from urform.models._trunk_backbone import TrunkBackbone


class ImageEncoder(Backbone):
    """A backbone whose last layer, `fc`, gives the latent code."""

    head_prefixes = ("hidden.", "fc.")
    latent_size: int
    hidden: nn.Linear | None
    fc: nn.Linear

    def add_head(self, latent_size: int, hidden: int) -> None:
        """Add the layers behind the features: a hidden one of so many units (0 = none), and the one for the latent."""
        if latent_size < 1:
            raise ValueError(f"latent_size must be at least 1, got {latent_size}")
        if hidden < 0:
            raise ValueError(f"hidden must be at least 0, got {hidden}")
        self.latent_size = latent_size
        self.hidden = nn.Linear(self.feature_size, hidden) if hidden else None
        self._frozen = False
        self.fc = nn.Linear(hidden or self.feature_size, latent_size)

    def freeze_backbone(self) -> None:
        """Have the head learn alone: parameters and batch norm's averages of the backbone stay as they are."""
        self._frozen = True
        for name, value in self.named_parameters():
            if not name.startswith(self.head_prefixes):
                value.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "ImageEncoder":
        """As torch's, but a frozen backbone never trains."""
        super().train(mode)
        if self._frozen:
            for name, child in self.named_children():
                # What has no parameters is not frozen: the dropout before the head is the head's.
                if not f"{name}.".startswith(self.head_prefixes) and any(True for _ in child.parameters()):
                    child.eval()
        return self

    def forward(self, images: Tensor) -> Float[Tensor, "B L"]:
        """Latent codes of images.

        Args:
            images: (B, 3, H, W), RGB in [0, 1], H and W at least 32 pixels, on the background it was trained with.

        Returns:
            One latent code an image.

        Raises:
            ValueError: The shape is wrong.
        """
        return self.fc(self.last_features(images))

    def last_features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """What the last layer gets for these images; see `forward`."""
        x = self.features(images)
        return x if self.hidden is None else nn.functional.relu(self.hidden(x))


class ResNetEncoder(ImageEncoder, ResNet):
    """A ResNet with torchvision's parameter names, the published encoder.

    Args:
        latent_size: Length L of the latent code.
        width: Channels of the first stage; 64 is the published ResNet-18, smaller is faster.
        hidden: Units of a layer with ReLU before the last one, which torchvision's has not; 0 = none.
        depth: Layers of the ResNet: 18 (the published encoder), 34, 50 or 101.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, latent_size: int, width: int = 64, hidden: int = 0, depth: int = 18):
        ResNet.__init__(self, depth, width)
        self.add_head(latent_size, hidden)


class EfficientNetEncoder(ImageEncoder, EfficientNetLite0):
    """EfficientNet-Lite0 with a head; args and errors as in `ResNetEncoder` and `EfficientNetLite0`."""

    def __init__(self, latent_size: int, hidden: int = 0):
        EfficientNetLite0.__init__(self)
        self.add_head(latent_size, hidden)


class TrunkEncoder(ImageEncoder, TrunkBackbone):
    """The trunk with a head; args and errors as in `ResNetEncoder` and `TrunkBackbone`."""

    def __init__(self, latent_size: int, width: int = 64, hidden: int = 0):
        TrunkBackbone.__init__(self, width)
        self.add_head(latent_size, hidden)

    def last_features(self, images: Tensor) -> Float[Tensor, "B F"]:
        """As in `ImageEncoder`, with dropout behind the hidden layer, too."""
        x = super().last_features(images)
        return x if self.hidden is None else self.dropout(x)
