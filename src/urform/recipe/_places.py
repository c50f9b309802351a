"""Where a recipe keeps what it makes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from urform.config import PrepareConfig


@dataclass(frozen=True)
class Places:
    """Files and folders of one category's recipe.

    Attributes:
        out: the folder of all.
        category: its name.
    """

    out: Path
    category: str

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.out / "data"

    @property
    def deformed(self) -> Path:
        """Deformed copies of the meshes."""
        return self.out / "deformed"

    @property
    def synthetic(self) -> Path:
        """Meshes of the generator."""
        return self.out / "synthetic"

    @property
    def synthetic_more(self) -> Path:
        """Those that the encoder alone sees."""
        return self.out / "synthetic_more"

    @property
    def done(self) -> Path:
        """A file for each step that is done."""
        return self.out / "steps"

    @property
    def weights(self) -> Path:
        """The result: weights, their sizes, and the model card."""
        return self.out / "weights"

    @property
    def results(self) -> Path:
        """Numbers and pictures."""
        return self.out / "results"

    def run(self, stage: str) -> Path:
        """The run folder of a stage."""
        return self.out / stage

    def split(self, dataset: str, side: str) -> Path:
        """The split file that `urform prepare` wrote."""
        return self.data / "splits" / f"{dataset}_{self.category}_{side}.json"

    def has_shapes(self, dataset: str, side: str) -> bool:
        """Whether a side of a dataset has any shapes: all meshes of a collection may be held out, or none."""
        path = self.split(dataset, side)
        content = json.loads(path.read_text()) if path.is_file() else {}
        return any(instances for categories in content.values() for instances in categories.values())

    def group(self, name: str) -> Path:
        """The split file of a group of test shapes."""
        return self.data / "splits" / f"test_{name}.json"

    def named(self, config: PrepareConfig, dataset: str, **changes: Any) -> PrepareConfig:
        """Settings of `urform prepare` for one dataset of the category."""
        return replace(config, dataset=dataset, category=self.category, **changes)
