"""Where a picture was taken from, told from the trunk's features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._trunk import TRUNK_CELLS, TRUNK_CHANNELS

AZIMUTH_BINS = 36
_NUMBERS = AZIMUTH_BINS + 3
_NEAR = 30.0  # degrees around the best bin whose probability counts as one answer


@dataclass(frozen=True)
class PoseEstimate:
    """Cameras of B pictures.

    Attributes:
        azimuth_deg: (B,) around +y, 0 on +x, 90 on +z (the front); in [0, 360).
        elevation_deg: (B,) above the horizon.
        roll_deg: (B,) by how much the picture is turned, counter-clockwise.
        distance: (B,) from the object's middle, in diagonals of its box.
        confidence: (B,) probability of the azimuths within 30 degrees of the answer.
    """

    azimuth_deg: Float[Tensor, " B"]
    elevation_deg: Float[Tensor, " B"]
    roll_deg: Float[Tensor, " B"]
    distance: Float[Tensor, " B"]
    confidence: Float[Tensor, " B"]


class PoseNetwork(nn.Module):
    """Features of the trunk to a camera: azimuth in bins, since objects may look alike from several sides.

    Args:
        channels: what the trunk's channels are reduced to in each place.
        hidden: units of the hidden layer.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int = 24, hidden: int = 256):
        super().__init__()
        self.register_buffer("mean", torch.zeros(TRUNK_CHANNELS))
        self.register_buffer("spread", torch.ones(TRUNK_CHANNELS))
        self.reduce = nn.Conv2d(TRUNK_CHANNELS, channels, 1)
        self.head = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(channels * TRUNK_CELLS**2, hidden), nn.GELU(), nn.Dropout(0.2)
        )
        self.last = nn.Linear(hidden, _NUMBERS)

    def forward(self, features: Float[Tensor, "B 112 4 4"]) -> Float[Tensor, "B 39"]:
        """Logits of the azimuth's bins, then elevation and roll in radians and the logarithm of the distance."""
        x = (features - self.mean[:, None, None]) / self.spread[:, None, None]
        return self.last(self.head(nn.functional.gelu(self.reduce(x)).flatten(1)))

    def set_scale(self, features: Float[Tensor, "N 112 4 4"]) -> None:
        """Take mean and spread of each channel from features as they are trained on."""
        self.mean.copy_(features.mean(dim=(0, 2, 3)))
        self.spread.copy_(features.std(dim=(0, 2, 3)).clamp(min=1e-3))


def bin_centres(device: torch.device | str = "cpu") -> Float[Tensor, " 36"]:
    """Azimuths of the bins, in radians."""
    return torch.arange(AZIMUTH_BINS, device=device) * (2 * torch.pi / AZIMUTH_BINS)


def mirrored_pose(output: Float[Tensor, "B 39"]) -> Float[Tensor, "B 39"]:
    """What the network should have given for the mirror images: azimuths from the other side, turned the other way."""
    bins = (AZIMUTH_BINS // 2 - torch.arange(AZIMUTH_BINS, device=output.device)) % AZIMUTH_BINS
    others = output[:, AZIMUTH_BINS:] * torch.tensor([1.0, -1.0, 1.0], device=output.device)
    return torch.cat([output[:, bins], others], dim=1)


def decode_pose(output: Float[Tensor, "B 39"]) -> PoseEstimate:
    """Cameras of what the network gave: the mean of the azimuths around the best bin."""
    centres = bin_centres(output.device)
    chance = output[:, :AZIMUTH_BINS].softmax(dim=1)
    best = centres[chance.argmax(dim=1)]
    near = chance * (torch.cos(centres - best[:, None]) > torch.cos(torch.deg2rad(torch.tensor(_NEAR + 1))))
    azimuth = torch.atan2((near * centres.sin()).sum(dim=1), (near * centres.cos()).sum(dim=1))
    elevation, roll, log_distance = output[:, AZIMUTH_BINS:].unbind(dim=1)
    return PoseEstimate(
        azimuth.rad2deg() % 360, elevation.rad2deg(), roll.rad2deg(), log_distance.exp(), near.sum(dim=1)
    )
