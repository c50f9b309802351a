"""What keeps the warp small and smooth, so that canonical points are correspondences."""

import torch
from jaxtyping import Float
from torch import Tensor

# Published values, except the fraction of points: see the sources of the functions.
_HUBER_DELTA = 0.25
_PAIR_FRACTION = 8  # one in so many points is compared with all the others
_PAIR_TOLERANCE = 0.5
_PAIR_LIMIT = 5.0
_PAIR_MARGIN = 1e-3  # added to the distance of points, so that near points do not divide by zero
_WARM_EPOCHS = 100


def pointwise_loss(canonical_points: Float[Tensor, "K B N 3"], points: Float[Tensor, "B N 3"]) -> Float[Tensor, ""]:
    """Huber loss (delta 0.25) of the distance that each point was moved, mean over points and kept steps.

    Args:
        canonical_points: The kept points of the warp.
        points: The points that were warped.

    Returns:
        The loss.

    Source: Zheng 2021 (Deep Implicit Templates), pointwise term; docs/training.md, Losses.
    """
    squared = (canonical_points - points).square().sum(dim=-1)
    # The square root only where it is used: its slope at distance zero is infinite, and times zero not a number.
    far = squared > _HUBER_DELTA**2
    distance = torch.where(far, squared, 1).sqrt()
    return torch.where(far, _HUBER_DELTA * (distance - 0.5 * _HUBER_DELTA), 0.5 * squared).mean()


def pointpair_loss(
    canonical_points: Float[Tensor, "B N 3"], points: Float[Tensor, "B N 3"], limit: float | None = _PAIR_LIMIT
) -> Float[Tensor, ""]:
    """Excess stretch of pairs of points: each of the first N/8 points of a shape with each of the others.

    With d the displacement of a point p, the mean over pairs of
    clamp(|d_i - d_j| / (|p_i - p_j| + 1e-3) - 0.5, 0, limit). The points are taken to be in random order. The published
    term is the sum divided by N, which grows with N: it is M (N - M) / N times the mean, with M = N/8.

    Args:
        canonical_points: The last of the warp's kept points.
        points: The points that were warped, N at least 8.
        limit: The largest excess that counts; None counts any, as Deep Implicit Templates does.

    Returns:
        The loss.

    Source: Zheng 2021 (Deep Implicit Templates), pointpair term; docs/training.md, Losses.
    """
    M = points.shape[1] // _PAIR_FRACTION
    displacement = canonical_points - points
    stretch = _distances(displacement[:, :M], displacement[:, M:])
    stretch = stretch / (_distances(points[:, :M], points[:, M:]) + _PAIR_MARGIN)
    return (stretch - _PAIR_TOLERANCE).clamp(0, limit).mean()


def neighbour_loss(
    canonical_points: Float[Tensor, "B M 3"],
    canonical_neighbours: Float[Tensor, "B M 3"],
    points: Float[Tensor, "B M 3"],
    neighbours: Float[Tensor, "B M 3"],
) -> Float[Tensor, ""]:
    """Excess stretch of each point and its neighbour: mean of max(|d_p - d_q| / |p - q| - 0.5, 0).

    d are the displacements. The pointpair term hardly sees near pairs, which are few among all. A warp folds only where
    the displacements of neighbours differ by more than their distance; the term grows long before.

    Args:
        canonical_points: Of the points.
        canonical_neighbours: Of the neighbours.
        points: Points of each shape.
        neighbours: One near each point, not at the same place.

    Returns:
        The loss.
    """
    apart = neighbours - points
    stretch = (canonical_neighbours - canonical_points - apart).norm(dim=-1) / apart.norm(dim=-1)
    return (stretch - _PAIR_TOLERANCE).clamp(min=0).mean()


def _distances(first: Float[Tensor, "B M 3"], second: Float[Tensor, "B N 3"]) -> Float[Tensor, "B M N"]:
    # Not by a matrix product: its cancellation makes equal points differ, and the gradient of the root explodes.
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


def pointwise_weight(epoch: int, base: float = 0.005) -> float:
    """Weight of `pointwise_loss`: ten times `base` in epoch 0, falling to `base` by epoch 90."""
    return base * max(1.0, 10 * (1 - epoch / _WARM_EPOCHS))


def pointpair_weight(epoch: int, base: float) -> float:
    """Weight of `pointpair_loss`: zero in epoch 0, rising to `base` by epoch 100."""
    return base * min(1.0, epoch / _WARM_EPOCHS)
