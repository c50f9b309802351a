"""How far the predicted signed distances are from the true ones."""

import torch
from jaxtyping import Float
from torch import Tensor

# Of the four kept steps: distances that are still tolerated, and the extra weight of points on the wrong side.
_TOLERANCES = (0.025, 0.01, 0.0025, 0.0)
_HARDNESSES = (0.0, 0.1, 0.2, 0.5)


def reconstruction_loss(
    predicted_sdf: Float[Tensor, "K B N"],
    target_sdf: Float[Tensor, "B N"],
    clamp: float = 0.1,
    curriculum: bool = True,
) -> Float[Tensor, ""]:
    """Mean absolute error of clamped signed distances, early steps judged more mildly than late ones.

    s is the predicted and s* the target sdf, both clamped. Each step k contributes the mean over points of
    clamp(|s - s*| - eps_k, 0) * (1 + lambda_k * sign(s*) * sign(s* - s)).

    Args:
        predicted_sdf: sdf at the kept points of the warp.
        target_sdf: True sdf.
        clamp: Distances beyond +-clamp do not matter; above 0.
        curriculum: False judges all steps alike, by the plain error; K is then free, else it must be 4.

    Returns:
        The mean over steps.

    Raises:
        ValueError: `clamp` is not above 0, or K does not fit the curriculum.

    Source: Zheng 2021 (Deep Implicit Templates), Duan 2020 (Curriculum DeepSDF); docs/training.md, Losses.
    """
    if clamp <= 0:
        raise ValueError(f"clamp must be above 0, got {clamp}")
    difference = predicted_sdf.clamp(-clamp, clamp) - target_sdf.clamp(-clamp, clamp)
    if not curriculum:
        return difference.abs().mean()
    if len(predicted_sdf) != len(_TOLERANCES):
        raise ValueError(f"predicted_sdf must have shape ({len(_TOLERANCES)}, B, N), got {tuple(predicted_sdf.shape)}")
    tolerance = difference.new_tensor(_TOLERANCES).view(-1, 1, 1)
    hardness = difference.new_tensor(_HARDNESSES).view(-1, 1, 1)
    with torch.no_grad():
        weight = 1 - hardness * target_sdf.sign() * difference.sign()
    return ((difference.abs() - tolerance).relu() * weight).mean()
