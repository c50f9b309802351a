"""The model card: data, cost and numbers of a category's weights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from urform.data import ShapeKey, read_split
from urform.files import write_atomically
from urform.models import TRUNK
from urform.recipe._places import Places
from urform.recipe._recipe import Recipe
from urform.recipe._scores import groups_of, read_scores, table_of
from urform.recipe._steps import seconds_of
from urform.weights import FILE_NAME, load_weights, save_scores

_STAGES = ("shape", "encoder", "pose")


def write_card(recipe: Recipe, places: Places) -> None:
    """Write MODEL_CARD.md beside the weights."""
    weights = load_weights(places.weights)
    size = (places.weights / FILE_NAME).stat().st_size / 2**20
    name = recipe.category
    lines = [
        f"# Weights: {name}",
        "",
        f"These weights turn one picture of a {name} into a watertight mesh. The file has {size:.1f} MiB in 16-bit",
        "floats. `config.json` holds the sizes (preset `small`). `urform recipe` made the weights and this card.",
        "",
        "## Data",
        "",
        *_data(recipe, places, [ShapeKey.parse(key) for key in weights.keys]),
        "",
        "## Training",
        "",
        "CPU alone, no accelerator. Other work may have shared the machine.",
        "",
        "| step | minutes | epochs |",
        "|---|---|---|",
        f"| data | {sum(seconds_of(places.done, path.stem) for path in _data_steps(places)) / 60:.0f} | |",
        *(
            f"| {stage} | {seconds_of(places.done, stage) / 60:.0f} | {getattr(recipe, stage).epochs} |"
            for stage in _STAGES
        ),
        "",
    ]
    if recipe.plain_epochs:
        minutes = seconds_of(places.done, "plain") / 60
        lines += [
            f"The encoder then saw views without augmentation: {recipe.plain_epochs} epochs, {minutes:.0f} minutes.",
            "",
        ]
    if recipe.encoder_from == TRUNK:
        lines += ["The encoder is a head on features of EfficientNet-Lite0 that ImageNet taught.", ""]
    elif recipe.encoder_from:
        lines += [f"The encoder started from that of `{recipe.encoder_from}`.", ""]
    lines += ["## Results", "", "Chamfer `deepsdf` at unit box diagonal, x 1000, resolution 128, from one view.", ""]
    for group in groups_of(recipe):
        count = len(read_split(places.group(group)))
        lines += [f"Test shapes `{group}` ({count}):", "", *table_of(places, group), ""]
    write_atomically(places.weights / "MODEL_CARD.md", "\n".join(lines).encode())


def write_scores(recipe: Recipe, places: Places) -> None:
    """Write scores.json beside the weights, for `urform categories`."""
    groups = {}
    for group in groups_of(recipe):
        result, fit = read_scores(places, group), read_scores(places, f"{group}_fit")
        rows = [*result["rows"], *(row | {"method": "fit"} for row in fit["rows"])]
        groups[group] = (len(result["shapes"]), rows)
    save_scores(places.weights, groups)


def _data_steps(places: Places) -> list[Path]:
    kinds = ("meshes_*.json", "copies.json", "synthetic.json")
    return [path for kind in kinds for path in sorted(places.done.glob(kind))]


def _data(recipe: Recipe, places: Places, keys: list[ShapeKey]) -> list[str]:
    """A line a kind of training shapes, and the test shapes."""
    counts = Counter(key.dataset for key in keys)
    copies, made = counts.pop("deformed", 0), counts.pop("synthetic", 0)
    lines = [*recipe.about.strip().splitlines(), ""] if recipe.about.strip() else []
    lines += [f"- {counts.total()} meshes."]
    lines += [f"- {copies} copies of these in other proportions (`urform deform`)."] if copies else []
    lines += [f"- {made} shapes of `urform synth {recipe.category}`."] if made else []
    more = recipe.synthetic_more
    lines += [f"- {more} further ones, without latents, for the encoder alone."] if more else []
    held_out = [f"{len(read_split(places.group(group)))} of `{group}`" for group in groups_of(recipe)]
    return [*lines, f"- Held out: {', '.join(held_out)}.", "- No mesh is shipped."]
