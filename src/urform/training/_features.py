"""How good features are that should be the same for all views of an object, and different for different objects."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def cross_view_retrieval(features: Float[Tensor, "S V F"]) -> dict[str, float]:
    """Share of views whose object is found from another view, by cosine similarity among one view of every object.

    Args:
        features: of V >= 2 views of each of S objects.

    Returns:
        `top1`: the object comes first, `top5`: among the first five; mean over all pairs of views.
    """
    unit = nn.functional.normalize(features, dim=2)
    ranks = []
    for query in range(unit.shape[1]):
        for other in range(unit.shape[1]):
            if query != other:
                similarity = unit[:, query] @ unit[:, other].t()
                # Others as similar come before it, and so do those that are not a number: all alike is no find.
                ranks.append((~(similarity < similarity.diagonal()[:, None])).sum(dim=1) - 1)
    rank = torch.stack(ranks)
    return {"top1": (rank < 1).float().mean().item(), "top5": (rank < 5).float().mean().item()}


def alignment(features: Float[Tensor, "S V F"]) -> float:
    """Mean squared distance of two views of an object on the unit sphere: 0 where all are equal, 2 where unrelated.

    Source: Wang 2020, Understanding Contrastive Representation Learning, eq. 5 with alpha 2.
    """
    unit = nn.functional.normalize(features, dim=2)
    count = unit.shape[1]
    # Of all ordered pairs of different views: |a - b|^2 = 2 - 2 a b.
    cosine = (unit.sum(dim=1).square().sum(dim=1) - count) / (count * (count - 1))
    return (2 - 2 * cosine).mean().item()


def uniformity(features: Float[Tensor, "N F"]) -> float:
    """Log of the mean Gaussian potential of pairs of features on the unit sphere: 0 where all are equal, -4 at best.

    Source: Wang 2020, Understanding Contrastive Representation Learning, eq. 6 with t 2.
    """
    return torch.pdist(nn.functional.normalize(features, dim=1)).square().mul(-2).exp().mean().log().item()


def feature_spread(features: Float[Tensor, "N F"]) -> float:
    """Standard deviation of normalised features, times the root of their length: 1 on a sphere, 0 where collapsed.

    Source: Chen 2021 (SimSiam), section 4.1.
    """
    unit = nn.functional.normalize(features, dim=1)
    return (unit.std(dim=0).mean() * unit.shape[1] ** 0.5).item()


def feature_rank(features: Float[Tensor, "N F"]) -> float:
    """How many directions the features use: exp of the entropy of their covariance's spectrum.

    Source: Roy 2007, The effective rank.
    """
    if not features.isfinite().all():
        return float("nan")
    variances = torch.linalg.svdvals((features - features.mean(dim=0)).double()).square()
    share = variances / variances.sum().clamp(min=1e-30)
    return torch.exp(torch.special.entr(share).sum()).item()
