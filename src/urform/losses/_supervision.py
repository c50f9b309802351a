"""Terms that only some shapes have the truth for, and the term that keeps the correction small."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def correction_loss(correction: Float[Tensor, "B N"]) -> Float[Tensor, ""]:
    """Mean absolute correction: what the warped template can explain is left to it.

    Source: Deng 2021 (DIF-Net), eq. 8.
    """
    return correction.abs().mean()


def landmark_loss(
    canonical_points: Float[Tensor, "B K 3"], target_points: Float[Tensor, "B K 3"], known: Bool[Tensor, "B K"]
) -> Float[Tensor, ""]:
    """Mean distance of the canonical points of landmarks from where they belong.

    Args:
        canonical_points: Of the landmarks of each shape.
        target_points: The places in canonical space where they belong.
        known: Which of them the shape has; the others do not count.

    Returns:
        The mean over those that are known, in normalised units; 0 where none is.
    """
    squared = (canonical_points - target_points).square().sum(dim=-1)
    # The square root has no slope at 0.
    distance = torch.where(known, squared + 1e-8, 1).sqrt()
    return (distance * known).sum() / known.sum().clamp(min=1)
