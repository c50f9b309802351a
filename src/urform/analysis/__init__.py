"""What a trained model has learned, as pictures, numbers and one page."""

from urform.analysis._analyze import analyze, summarise_analysis
from urform.analysis._features import FeatureStatistics, draw_features, feature_statistics
from urform.analysis._shapes import morph_latents
from urform.analysis._statistics import (
    LatentStatistics,
    PrincipalDirections,
    effective_rank,
    latent_statistics,
    nearest_neighbours,
    outliers,
    principal_directions,
)

__all__ = [
    "FeatureStatistics",
    "LatentStatistics",
    "PrincipalDirections",
    "analyze",
    "draw_features",
    "effective_rank",
    "feature_statistics",
    "latent_statistics",
    "morph_latents",
    "nearest_neighbours",
    "outliers",
    "principal_directions",
    "summarise_analysis",
]
