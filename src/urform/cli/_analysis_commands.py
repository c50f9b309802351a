"""The command that looks into a model: a dataclass whose fields are its flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from urform.cli._flags import with_flags
from urform.config import AnalysisConfig, ShapeChoice

# Heavy imports stand inside `run`, as in `_commands`.


@dataclass(frozen=True)
class Analyze:
    """Draw what a model has learned on one page: template, warps, latents, and the features of views."""

    weights: Positional[str]
    """Shipped category, run folder (also a contrastive one), weights file, or a file of latents (.pkl, .npz)."""
    out: Path
    """Folder of index.html, the pictures and analysis.json."""
    data: Path | None = None
    """Data folder with views to encode; needs --split."""
    split: Path | None = None
    """Split file: the shapes whose views are encoded."""
    config: OmitArgPrefixes[AnalysisConfig] = field(default_factory=AnalysisConfig)
    """How much is drawn."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""

    def run(self) -> int:
        """Draw, and print the most important numbers."""
        from urform.analysis import analyze, summarise_analysis

        result = analyze(self.weights, self.out, self.data, self.split, self.config, self.choice)
        print(f"{self.out / 'index.html'}: {len(result['pictures'])} pictures")
        print(with_flags(summarise_analysis(result), type(self)))
        return 0
