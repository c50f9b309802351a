"""The command that looks into a model: a dataclass whose fields are its flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

# Heavy imports stand inside `run`, as in `_commands`.


@dataclass(frozen=True)
class Analyze:
    """Draw what a model has learned: template, warps, latents, and what its encoder makes of views; on one page."""

    weights: Positional[str]
    """Shipped category, run folder (a contrastive one, too), weights file, or a file of latents (.pkl, .npz)."""
    out: Path
    """Folder of index.html, the pictures and analysis.json."""
    data: Path | None = None
    """Data folder with views, for what the encoder makes of them; together with --split."""
    split: Path | None = None
    """Split file: the shapes whose views are encoded."""
    seed: int = 0
    """Seed of the projections and of what is drawn at random."""
    projection: Literal["tsne", "umap"] = "tsne"
    """How latents are laid out in the plane; umap needs the package umap-learn."""
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
    """Of more latents so many are drawn at random and analysed."""

    def run(self) -> int:
        """Draw, and print the most important numbers."""
        from urform.analysis import AnalysisOptions, analyze, summarise_analysis

        options = AnalysisOptions(
            projection=self.projection,
            seed=self.seed,
            resolution=self.resolution,
            queries=self.queries,
            components=self.components,
            compared=self.compared,
            objects=self.objects,
            views=self.views,
            max_latents=self.max_latents,
        )
        result = analyze(self.weights, self.out, self.data, self.split, options)
        print(f"{self.out / 'index.html'}: {len(result['pictures'])} pictures")
        print(summarise_analysis(result))
        return 0
