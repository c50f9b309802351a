"""The backbones by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from urform.models._backbone import Backbone
from urform.models._efficientnet import EFFICIENTNET, EfficientNetLite0
from urform.models._encoder import EfficientNetEncoder, ImageEncoder, ResNetEncoder, TrunkEncoder
from urform.models._resnet import DEPTHS, ResNet
from urform.models._trunk_backbone import TRUNK, TrunkBackbone


class BackboneKind(NamedTuple):
    """How the networks of a backbone are built, untrained.

    Attributes:
        network: from the channels of its first stage, for features.
        encoder: from the length of the latent, these channels and the units of a hidden layer (0 = none), for latents.
    """

    network: Callable[[int], Backbone]
    encoder: Callable[[int, int, int], ImageEncoder]

    @classmethod
    def of(cls, network: type[Backbone]) -> BackboneKind:
        """A backbone whose encoder is the network itself with the usual head."""
        return cls(network, _with_head(network))


@cache
def _with_head(network: type[Backbone]) -> Callable[[int, int, int], ImageEncoder]:
    def start(self: ImageEncoder, latent_size: int, width: int, hidden: int) -> None:
        network.__init__(self, width)
        self.add_head(latent_size, hidden)

    return type(f"{network.__name__}Encoder", (ImageEncoder, network), {"__init__": start, "__doc__": network.__doc__})


def _resnet(depth: int) -> BackboneKind:
    return BackboneKind(partial(ResNet, depth), partial(ResNetEncoder, depth=depth))


BACKBONES: dict[str, BackboneKind] = {
    **{f"resnet{depth}": _resnet(depth) for depth in DEPTHS},
    EFFICIENTNET: BackboneKind(
        lambda width: EfficientNetLite0(), lambda latent_size, width, hidden: EfficientNetEncoder(latent_size, hidden)
    ),
    TRUNK: BackboneKind(TrunkBackbone, TrunkEncoder),
}
