"""The commands about several categories: which are shipped, and the training of what tells them apart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes

from urform.cli._files import check_files
from urform.config import CategoriesConfig

# Heavy imports stand inside `run`, as in `_commands`.


@dataclass(frozen=True)
class Categories:
    """List the shipped categories, with the scores of their weights on shapes that training never saw."""

    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> int:
        """Print a line for each group of test shapes."""
        from urform.weights import category_table, shipped_facts

        facts = shipped_facts()
        print(json.dumps([each.as_json() for each in facts], indent=1) if self.json else category_table(facts))
        return 0


@dataclass(frozen=True)
class TrainCategories:
    """Train what tells the category of a picture, from views of several categories; it takes minutes."""

    data: tuple[Path, ...]
    """Data folders with views; the keys of their shapes name the categories. Learns from their splits *_train.json and
    measures on *_test.json and test_*.json."""
    out: Path
    """File of the classifier."""
    config: OmitArgPrefixes[CategoriesConfig] = field(default_factory=CategoriesConfig)
    """Settings."""
    json: Path | None = None
    """Write what was measured to this file."""

    def run(self) -> int:
        """Train, and print accuracy and confusion."""
        from urform.files import write_atomically
        from urform.training import confusion_table, train_categories

        check_files(self, "out", "json")
        result = train_categories(self.data, self.out, self.config)
        print(confusion_table(result))
        if self.json is not None:
            write_atomically(self.json, (json.dumps(result, indent=1) + "\n").encode())
        return 0
