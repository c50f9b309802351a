"""Settings of the analysis of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from urform.config._check import require


@dataclass(frozen=True)
class AnalysisConfig:
    """How much `urform analyze` draws; the defaults take a minute or two on two cores."""

    projection: Literal["tsne", "umap"] = "tsne"
    """How latents are laid out in the plane; umap needs the package umap-learn."""
    seed: int = 0
    """Seed of the projections and of what is drawn at random."""
    resolution: int = 64
    """Cells along an axis of the meshes, 8 to 512."""
    queries: int = 4
    """Shapes whose nearest neighbours are drawn."""
    components: int = 4
    """Principal directions of the latents that are drawn."""
    compared: int = 64
    """Shapes whose warps are compared, each with each."""
    objects: int = 12
    """Shapes of the split whose views are encoded."""
    views: int = 24
    """Views of each that are encoded."""
    max_latents: int = 2000
    """Of more latents so many are drawn at random and analysed; at least 5."""

    def __post_init__(self) -> None:
        least = {"seed": 0, "queries": 1, "components": 1, "compared": 2, "objects": 2, "views": 2, "max_latents": 5}
        for name, low in least.items():
            require(getattr(self, name) >= low, f"--{name.replace('_', '-')}", f"at least {low}", getattr(self, name))
        require(8 <= self.resolution <= 512, "--resolution", "8 to 512", self.resolution)
