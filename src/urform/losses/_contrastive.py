"""Losses that draw the features of two views of one object together, and apart from those of other objects."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def nt_xent_loss(
    one: Float[Tensor, "B D"],
    other: Float[Tensor, "B D"],
    temperature: float = 0.07,
    candidates: tuple[Float[Tensor, "C D"], Float[Tensor, "C D"]] | None = None,
    first: int = 0,
) -> Float[Tensor, ""]:
    """Normalised temperature-scaled cross entropy: each view has to find its partner among all others.

    Args:
        one: projections of a view of each object.
        other: projections of another view of the same objects, in the same order.
        temperature: what cosine similarities are divided by.
        candidates: projections of all objects of the batch, where several processes share it; None = these.
        first: index of this process's first object among them.

    Returns:
        The mean over both views of all objects.

    Source: Chen 2020 (SimCLR), eq. 1.
    """
    everyone = nn.functional.normalize(torch.cat(candidates or (one, other)), dim=1)
    anchors = nn.functional.normalize(torch.cat([one, other]), dim=1)
    count = len(everyone) // 2
    rows = torch.arange(first, first + len(one), device=one.device)
    itself, partner = torch.cat([rows, rows + count]), torch.cat([rows + count, rows])
    similarity = _products(anchors, everyone) / temperature
    similarity = similarity.scatter(1, itself[:, None], -torch.inf)
    return nn.functional.cross_entropy(similarity, partner)


def info_nce_loss(
    query: Float[Tensor, "B D"],
    key: Float[Tensor, "B D"],
    queue: Float[Tensor, "K D"],
    temperature: float = 0.07,
) -> Float[Tensor, ""]:
    """Cross entropy of finding the key of the same object among those of a queue of others.

    Args:
        query: projections of a view of each object.
        key: projections of another view of the same objects; no gradient flows through them.
        queue: keys of other objects, of length one.
        temperature: what cosine similarities are divided by.

    Source: He 2020 (MoCo), eq. 1.
    """
    query, key = nn.functional.normalize(query, dim=1), nn.functional.normalize(key.detach(), dim=1)
    positive = (query * key).sum(dim=1, keepdim=True)
    similarity = torch.cat([positive, _products(query, queue)], dim=1) / temperature
    return nn.functional.cross_entropy(similarity, torch.zeros(len(query), dtype=torch.long, device=query.device))


def _products(rows: Tensor, others: Tensor) -> Tensor:
    """All products of rows, in their own precision: divided by a small temperature, 16 bits are felt."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows @ others.t()


def cosine_loss(
    predicted: Float[Tensor, "B D"], target: Float[Tensor, "B D"], normalised: bool = True
) -> Float[Tensor, ""]:
    """Squared distance of the two on the unit sphere, 2 - 2 cos, mean over the batch; none of it moves the target.

    Args:
        predicted: what one view predicts.
        target: what it should have predicted.
        normalised: False leaves the predictions as long as they are: 2 - 2 times their product with the unit target, as
            the published BYOL has it. That has no least value.

    Source: Grill 2020 (BYOL), eq. 2; up to scale and constant, Chen 2021 (SimSiam), eq. 1.
    """
    if not normalised:
        return (2 - 2 * (predicted * nn.functional.normalize(target.detach(), dim=1)).sum(dim=1)).mean()
    return (2 - 2 * nn.functional.cosine_similarity(predicted, target.detach(), dim=1)).mean()
