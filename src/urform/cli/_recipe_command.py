"""The command that makes the weights of a category: a dataclass whose fields are its flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

# Heavy imports stand inside `run`, as in `_commands`.


@dataclass(frozen=True)
class MakeWeights:
    """Make the weights of a category from meshes: data, all trainings, scores, pictures and the model card."""

    recipe: Positional[str]
    """Category whose recipe comes with the package, or a YAML file."""
    meshes: tuple[Path, ...] = ()
    """Collections of meshes, each a folder, a .sh3f library or a .csv list, as `urform prepare` reads them."""
    out: Path | None = None
    """Folder of all that is made; run the command again to go on after an interruption."""
    workers: int = 0
    """Processes that prepare data; 0 = one a core."""
    photographs: tuple[Path, ...] = ()
    """Photographs to reconstruct for the results page."""
    show: bool = False
    """Only print the recipe, to copy it."""

    def run(self) -> int:
        """Do all steps, and say where the weights are."""
        from urform.recipe import find_recipe, make_weights, read_recipe

        path = find_recipe(self.recipe)
        recipe = read_recipe(path)
        if self.show:
            print(path.read_text(), end="")
            return 0
        if self.out is None or not self.meshes:
            raise ValueError("--meshes and --out must be given, or --show to see the recipe")
        weights = make_weights(recipe, self.meshes, self.out, self.workers, self.photographs)
        print(f"{weights}: weights and model card; try `urform reconstruct PICTURE --weights {weights} --out out`")
        return 0
