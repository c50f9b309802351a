"""How wrong the camera of a picture is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_SHARPNESS = 60.0  # of the target around the true azimuth: half of it lies within five degrees
_SCALE = 0.1  # radians, or share of the distance, beyond which errors count linearly
_OTHERS = 10.0  # weight of elevation, roll and distance beside the azimuth


def pose_loss(
    output: Float[Tensor, "B K"],
    azimuth: Float[Tensor, " B"],
    others: Float[Tensor, "B 3"],
    centres: Float[Tensor, " A"],
) -> Float[Tensor, ""]:
    """Cross entropy of the azimuth's bins against a narrow bump at the truth, and smooth L1 of the rest.

    Args:
        output: logits of A bins, then elevation and roll in radians and the logarithm of the distance.
        azimuth: the truth, radians.
        others: elevation, roll and logarithm of the distance, the truth.
        centres: azimuths of the bins, radians.
    """
    bump = torch.exp(_SHARPNESS * (torch.cos(azimuth[:, None] - centres) - 1))
    target = bump / bump.sum(dim=1, keepdim=True)
    entropy = F.cross_entropy(output[:, : len(centres)], target)
    return entropy + _OTHERS * F.smooth_l1_loss(output[:, len(centres) :], others, beta=_SCALE)
