"""The data of a recipe: meshes, deformed copies and synthetic shapes in one data folder, and their splits."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from urform.data import ShapeKey, read_split, write_split
from urform.files import write_atomically
from urform.prepare import prepare
from urform.recipe._places import Places
from urform.recipe._recipe import Recipe
from urform.sources import find_sources
from urform.synth import CATEGORIES, WIDE_FROM, deform_sources, synthesize

logger = logging.getLogger(__name__)

SYNTHETIC_HELD_OUT = 20  # shapes of the generator that are for testing


def held_out_names(recipe: Recipe, meshes: Path) -> list[str]:
    """The meshes of a folder that the recipe holds out."""
    with tempfile.TemporaryDirectory() as cache:
        names = [source.key.instance for source in find_sources(meshes, None, None, Path(cache))]
    return sorted(name for name in names if recipe.group_of(name) is not None)


def check_recipe(recipe: Recipe, meshes: Sequence[Path]) -> None:
    """Raise a ValueError where the meshes do not go with the recipe, before anything long is begun."""
    named = {name for folder in meshes for name in held_out_names(recipe, folder)}
    for group in recipe.held_out:
        if not any(recipe.group_of(name) == group for name in named):
            raise ValueError(f"held_out.{group} must name meshes of {', '.join(map(str, meshes))}, got none of them")
    for name in ("synthetic", "synthetic_more"):
        if getattr(recipe, name) and recipe.category not in CATEGORIES:
            raise ValueError(
                f"{name} must be 0: there is no generator of {recipe.category}, but {', '.join(CATEGORIES)}"
            )


def prepare_meshes(recipe: Recipe, meshes: Path, places: Places, number: int, workers: int) -> None:
    """Prepare one collection of meshes, and write deformed copies of its training meshes."""
    names = held_out_names(recipe, meshes)
    held_out = places.out / f"held_out_{number}.txt"
    write_atomically(held_out, "".join(f"{name}\n" for name in names).encode())
    prepare(meshes, places.data, places.named(recipe.prepare, f"collection{number}"), held_out, workers)
    if recipe.copies:
        copied, skipped = deform_sources(meshes, places.deformed, recipe.copies, 0, held_out)
        logger.warning("%s: copies of %d meshes, %d skipped", meshes, copied, len(skipped))


def prepare_copies(recipe: Recipe, places: Places, workers: int) -> None:
    """Prepare the deformed copies, all for training."""
    if recipe.copies:
        config = places.named(recipe.prepare_more, "deformed", test_fraction=0.0)
        prepare(places.deformed, places.data, config, workers=workers)


def prepare_synthetic(recipe: Recipe, places: Places, workers: int) -> None:
    """Make synthetic shapes and prepare them: those of all stages, a few of which are for testing, and further ones."""
    if recipe.synthetic:
        _prepare_series(recipe, places, workers)
    if recipe.synthetic_more:  # another series, for the encoder alone
        synthesize(recipe.category, recipe.synthetic_more, WIDE_FROM, places.synthetic_more)
        config = places.named(recipe.prepare_more, "synthetic_more", test_fraction=0.0)
        prepare(places.synthetic_more, places.data, config, workers=workers)


def _prepare_series(recipe: Recipe, places: Places, workers: int) -> None:
    folders = synthesize(recipe.category, recipe.synthetic + SYNTHETIC_HELD_OUT, 0, places.synthetic)
    names = sorted(folder.name for folder in folders)
    spread = [names[place * len(names) // SYNTHETIC_HELD_OUT] for place in range(SYNTHETIC_HELD_OUT)]
    held_out = places.out / "held_out_synthetic.txt"
    write_atomically(held_out, "".join(f"{name}\n" for name in spread).encode())
    prepare(places.synthetic, places.data, places.named(recipe.prepare_more, "synthetic"), held_out, workers)


def write_splits(recipe: Recipe, places: Places, collections: int) -> None:
    """Write one split file a group of test shapes, `test_<group>.json`."""
    keys: list[ShapeKey] = []
    for number in range(1, collections + 1):
        if places.has_shapes(f"collection{number}", "test"):
            keys += read_split(places.split(f"collection{number}", "test"))
    for group in recipe.held_out:
        members = [key for key in keys if recipe.group_of(key.instance) == group]
        if not members:
            raise ValueError(f"held_out.{group}: all of its meshes were skipped, see {places.data / 'Reports'}")
        write_split(places.group(group), members)
    if recipe.synthetic:
        write_split(places.group("synthetic"), read_split(places.split("synthetic", "test")))
