"""Settings of the analysis of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from urform.config._check import require


@dataclass(frozen=True)
class AnalysisConfig:
    """How much `urform analyze` draws; the defaults take half a minute on one core."""

    projection: Literal["tsne", "umap"] = "tsne"
    """Projection of latents to the plane; umap needs the package umap-learn."""
    seed: int = 0
    """Seed of the projections and of random choices."""
    resolution: int = 64
    """Cells along an axis of the meshes, 8 to 512."""
    queries: int = 4
    """Number of shapes whose nearest neighbours are drawn."""
    components: int = 4
    """Number of principal directions of the latents that are drawn."""
    compared: int = 64
    """Number of shapes whose warps are compared, each with each."""
    objects: int = 12
    """Number of shapes of the split whose views are encoded."""
    views: int = 24
    """Number of encoded views a shape."""
    max_latents: int = 2000
    """Largest number of latents, at least 5; a larger set is sampled at random."""

    def __post_init__(self) -> None:
        least = {"seed": 0, "queries": 1, "components": 1, "compared": 2, "objects": 2, "views": 2, "max_latents": 5}
        for name, low in least.items():
            require(getattr(self, name) >= low, name, f"at least {low}", getattr(self, name))
        require(8 <= self.resolution <= 512, "resolution", "8 to 512", self.resolution)
