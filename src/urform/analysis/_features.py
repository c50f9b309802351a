"""Features of many views of some objects: do the views of one object lie together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from urform.analysis._figures import ACCENT, SECOND, Section, png, scatter_groups, shortened_name
from urform.analysis._projection import PROJECTIONS, project, require_packages
from urform.analysis._statistics import cosine_similarity
from urform.files import write_atomically

_BINS = 80
_LARGEST_LEGEND = 24  # objects


@dataclass(frozen=True)
class FeatureStatistics:
    """Cosine similarities of the views' features, over all pairs of views.

    Attributes:
        objects: how many.
        views: of all objects together.
        within_mean: mean over pairs of views of the same object.
        within_std: standard deviation over these.
        between_mean: mean over pairs of views of different objects.
        between_std: standard deviation over these.
        nearest_same: share of the views whose most similar other view shows the same object.
    """

    objects: int
    views: int
    within_mean: float
    within_std: float
    between_mean: float
    between_std: float
    nearest_same: float


def feature_statistics(features: Float[np.ndarray, "V F"], objects: Sequence[str]) -> FeatureStatistics:
    """Similarity within an object and between objects.

    Args:
        features: one row a view.
        objects: the object that each view shows, at least two of them, one at least with two views.

    Raises:
        ValueError: the two do not fit, are not finite, or there are no pairs to compare.
    """
    similarity, same = _similarities(features, objects)
    return _statistics(similarity, same, len(set(objects)))


def draw_features(
    features: Float[np.ndarray, "V F"],
    objects: Sequence[str],
    out: Path,
    projection: str = "tsne",
    seed: int = 0,
    name: str = "views",
) -> FeatureStatistics:
    """Draw features of any encoder: a projection colored by object, and two histograms of cosine similarity.

    Args:
        features: one row a view, at least five.
        objects: the object that each view shows, at least two of them, one at least with two views.
        out: folder that gets `<name>_<projection>.png` and `<name>_similarity.png`.
        projection: "tsne" or "umap".
        seed: of the projection.
        name: how the pictures' names begin.

    Returns:
        What the pictures say, as numbers.

    Raises:
        ValueError: the features are too few, do not fit the objects, are not finite, or a package is missing.
    """
    for section in feature_sections(features, objects, projection, seed, name):
        write_atomically(out / f"{section.name}.png", section.picture)
    return feature_statistics(features, objects)


def feature_sections(
    features: Float[np.ndarray, "V F"], objects: Sequence[str], projection: str, seed: int, name: str
) -> list[Section]:
    """The two pictures of `draw_features`, with their text."""
    require_packages(projection)
    similarity, same = _similarities(features, objects)
    found = _statistics(similarity, same, len(set(objects)))
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    # On the unit sphere distances and cosines say the same.
    places = project(features / np.maximum(norms, 1e-12), projection, seed)
    shown = PROJECTIONS[projection]
    return [
        Section(
            f"{name}_{projection}",
            "Views of the same object",
            f"{shown} of what the encoder makes of {found.views} views of {found.objects} objects, a color and marker "
            "an object. Each object a tight island of its own means that the encoder sees the object and not the "
            "viewpoint; colors that mix are objects that it takes for each other. For "
            f"{found.nearest_same:.1%} of the views the most similar other view shows the same object.",
            _draw_projection(places, [shortened_name(key) for key in objects]),
        ),
        Section(
            f"{name}_similarity",
            "Similarity within an object and between objects",
            "Cosine similarity of what the encoder makes of each two views: of one object, and of two. The less the "
            "histograms overlap, the better objects are told apart. "
            f"Within {found.within_mean:.3f} ± {found.within_std:.3f}, "
            f"between {found.between_mean:.3f} ± {found.between_std:.3f} (mean ± standard deviation).",
            _draw_similarity(similarity, same, found),
            asdict(found),
        ),
    ]


def _similarities(
    features: Float[np.ndarray, "V F"], objects: Sequence[str]
) -> tuple[Float[np.ndarray, "V V"], Bool[np.ndarray, "V V"]]:
    """Similarity of each two views, and whether they show the same object."""
    if len(objects) != len(features):
        raise ValueError(f"objects must name one object a row of features, got {len(objects)} for {len(features)} rows")
    if not np.isfinite(features).all():
        raise ValueError(
            f"features must be finite, got {int((~np.isfinite(features)).any(axis=1).sum())} rows that are not"
        )
    labels = np.unique(np.asarray(objects, dtype=str), return_inverse=True)[1]
    counts = np.bincount(labels)
    if len(counts) < 2 or counts.max() < 2:
        most = counts.max() if len(counts) else 0
        raise ValueError(
            f"objects must be at least 2, one of them with 2 views, got {len(counts)} with at most {most} views"
        )
    return cosine_similarity(features), labels[:, None] == labels


def _statistics(similarity: np.ndarray, same: np.ndarray, objects: int) -> FeatureStatistics:
    pairs = np.triu_indices(len(similarity), 1)
    values, of_one = similarity[pairs], same[pairs]
    others = similarity.copy()
    np.fill_diagonal(others, -np.inf)
    nearest = others.argmax(axis=1)
    return FeatureStatistics(
        objects=objects,
        views=len(similarity),
        within_mean=float(values[of_one].mean()),
        within_std=float(values[of_one].std()),
        between_mean=float(values[~of_one].mean()),
        between_std=float(values[~of_one].std()),
        nearest_same=float(same[np.arange(len(same)), nearest].mean()),
    )


def _draw_projection(places: Float[np.ndarray, "V 2"], objects: Sequence[str]) -> bytes:
    def draw(figure: Any) -> None:
        axes = figure.subplots()
        scatter_groups(axes, places, objects, 22)
        if len(set(objects)) <= _LARGEST_LEGEND:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False, markerscale=1.5)

    return png(draw, 9.6, 5.4)


def _draw_similarity(similarity: np.ndarray, same: np.ndarray, found: FeatureStatistics) -> bytes:
    pairs = np.triu_indices(len(similarity), 1)
    values, of_one = similarity[pairs], same[pairs]
    low, high = float(values.min()), max(float(values.max()), float(values.min()) + 1e-6)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        sides = (
            ("two objects", values[~of_one], found.between_mean, SECOND),
            ("the same object", values[of_one], found.within_mean, ACCENT),
        )
        for name, chosen, mean, color in sides:
            weights = np.full(len(chosen), 1 / len(chosen))
            label = f"{name} ({len(chosen):,})"
            axes.hist(chosen, bins=_BINS, range=(low, high), weights=weights, color=color, alpha=0.6, label=label)
            axes.axvline(mean, color=color, linestyle="--", linewidth=1.2)
        axes.set(xlabel="cosine similarity of two views (dashed: mean)", ylabel="share of the pairs", xlim=(low, high))
        axes.legend(frameon=False, title="pairs of views of", alignment="left", loc="upper left")

    return png(draw, 8.0, 3.6)
