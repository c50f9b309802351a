"""Numbers about latents: how large, how many directions, who is near whom. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist


@dataclass(frozen=True)
class PrincipalDirections:
    """The directions in which latents differ most, in decreasing order.

    Attributes:
        mean: of the latents.
        directions: unit vectors, one a row; the largest entry of each is positive.
        std: standard deviation of the latents along each.
        shares: of the variance, adding up to 1 over all directions; zeros where all latents are equal.
    """

    mean: Float[np.ndarray, " L"]
    directions: Float[np.ndarray, "K L"]
    std: Float[np.ndarray, " K"]
    shares: Float[np.ndarray, " K"]


@dataclass(frozen=True)
class LatentStatistics:
    """Latents in a few numbers.

    Attributes:
        count: latents.
        size: their length L.
        norm_mean: mean of their norms.
        norm_std: standard deviation of their norms.
        mean_norm: norm of their mean; far below `norm_mean` where they lie around the origin.
        effective_rank: see `effective_rank`.
        components_90: principal directions that together have 90 % of the variance.
    """

    count: int
    size: int
    norm_mean: float
    norm_std: float
    mean_norm: float
    effective_rank: float
    components_90: int


def principal_directions(latents: Float[np.ndarray, "S L"]) -> PrincipalDirections:
    """Mean and principal directions, min(S, L) of them.

    Raises:
        ValueError: there is no latent.
    """
    if not len(latents):
        raise ValueError("latents must be at least one, got none")
    mean = latents.mean(axis=0, dtype=np.float64)
    _, singular, directions = np.linalg.svd(latents - mean, full_matrices=False)
    variances = singular**2 / len(latents)
    largest = directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)]
    # Equal latents differ from their mean by rounding alone.
    total = variances.sum() if variances.sum() > 1e-12 * max(float(np.square(mean).sum()), 1e-300) else np.inf
    return PrincipalDirections(mean, directions * np.sign(largest)[:, None], np.sqrt(variances), variances / total)


def effective_rank(latents: Float[np.ndarray, "S L"]) -> float:
    """How many directions the latents use: exp of the entropy of the covariance's normalised eigenvalues.

    It is L where all directions have the same variance, 1 where only one varies, 0 where none does.
    Source: Roy 2007, The effective rank.
    """
    shares = principal_directions(latents).shares
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def latent_statistics(latents: Float[np.ndarray, "S L"]) -> LatentStatistics:
    """Norms and dimension of latents.

    Raises:
        ValueError: there is no latent.
    """
    principal = principal_directions(latents)
    norms = np.linalg.norm(latents.astype(np.float64), axis=1)
    reached = np.cumsum(principal.shares) >= 0.9
    return LatentStatistics(
        count=len(latents),
        size=latents.shape[1],
        norm_mean=float(norms.mean()),
        norm_std=float(norms.std()),
        mean_norm=float(np.linalg.norm(principal.mean)),
        effective_rank=effective_rank(latents),
        components_90=int(reached.argmax()) + 1 if reached.any() else 0,
    )


def nearest_neighbours(
    latents: Float[np.ndarray, "S L"], queries: Sequence[int], count: int
) -> tuple[Int[np.ndarray, "Q K"], Float[np.ndarray, "Q K"]]:
    """The latents nearest to some of them, nearest first, a query itself left out.

    Args:
        latents: all of them.
        queries: rows of the latents whose neighbours are looked for.
        count: neighbours of each, at most all others.

    Returns:
        Rows of the neighbours, and their Euclidean distances.

    Raises:
        ValueError: there are not two latents, or `count` is less than 1.
    """
    if len(latents) < 2 or count < 1:
        raise ValueError(f"neighbours need at least 2 latents and a count of 1, got {len(latents)} and {count}")
    rows = np.asarray(queries, np.int64)
    distances = cdist(latents[rows].astype(np.float64), latents.astype(np.float64))
    distances[np.arange(len(rows)), rows] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")[:, : min(count, len(latents) - 1)]
    return order, np.take_along_axis(distances, order, axis=1)


def outliers(
    latents: Float[np.ndarray, "S L"], neighbours: int = 10, count: int = 8
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, " S"]]:
    """The latents that lie apart from all others.

    Args:
        latents: all of them.
        neighbours: a latent's score is its mean Euclidean distance to so many nearest others.
        count: latents to name.

    Returns:
        Rows of those with the largest scores, largest first, and the score of every latent.

    Raises:
        ValueError: there are not two latents.
    """
    _, distances = nearest_neighbours(latents, range(len(latents)), neighbours)
    scores = distances.mean(axis=1)
    return np.argsort(-scores, kind="stable")[:count], scores


def cosine_similarity(features: Float[np.ndarray, "V F"]) -> Float[np.ndarray, "V V"]:
    """Cosine of the angle between each two rows; 0 where one of them is zero."""
    rows = features.astype(np.float64)
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    return np.clip(unit @ unit.T, -1.0, 1.0)


def correlations(one: Float[np.ndarray, " N"], other: Float[np.ndarray, " N"]) -> dict[str, float | None]:
    """Pearson's and Spearman's correlation; None where one side does not vary."""
    from scipy.stats import pearsonr, spearmanr

    if len(one) < 2 or not np.ptp(one) or not np.ptp(other):
        return {"pearson": None, "spearman": None}
    pearson, spearman = np.asarray(pearsonr(one, other)), np.asarray(spearmanr(one, other))
    return {"pearson": float(pearson[0]), "spearman": float(spearman[0])}
