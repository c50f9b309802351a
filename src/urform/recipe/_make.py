"""From meshes to weights, their numbers and pictures: all steps of a recipe in one function."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from urform.config import RunConfig
from urform.files import write_atomically
from urform.models import TRUNK
from urform.recipe._card import write_card, write_scores
from urform.recipe._data import (
    check_recipe,
    prepare_copies,
    prepare_meshes,
    prepare_synthetic,
    write_splits,
)
from urform.recipe._places import Places
from urform.recipe._recipe import Recipe
from urform.recipe._scores import groups_of, score_fit, score_group, score_photographs, write_page
from urform.recipe._steps import Step, run_steps
from urform.training import train_encoder, train_pose, train_shape
from urform.weights import export_weights

PLAIN_RATE = 3e-4  # of views as they are: the encoder has learned what the augmented ones teach


def make_weights(
    recipe: Recipe,
    meshes: Sequence[Path],
    out: Path,
    workers: int = 0,
    photographs: Sequence[Path] = (),
    say: Callable[[str], None] = print,
) -> Path:
    """Make the weights of a category: data, shapes, encoder, camera, scores, model card. It can be interrupted.

    Args:
        recipe: settings.
        meshes: collections of meshes, as `urform prepare` reads them.
        out: folder of all that is made.
        workers: processes that prepare data; 0 = one a core.
        photographs: pictures to reconstruct for the results page.
        say: is told which step is at work.

    Returns:
        The folder of the weights, which `urform.load` takes.

    Raises:
        FileNotFoundError: no such collection.
        ValueError: meshes and recipe do not go together, or `out` was made by another recipe.
    """
    _check_place(out, meshes)
    places = Places(out, recipe.category)
    check_recipe(recipe, meshes)
    _note_settings(recipe, meshes, places)
    data = [
        Step(f"meshes_{number}", partial(prepare_meshes, recipe, folder, places, number, workers))
        for number, folder in enumerate(meshes, 1)
    ]
    data += [
        Step("copies", partial(prepare_copies, recipe, places, workers)),
        Step("synthetic", partial(prepare_synthetic, recipe, places, workers)),
        Step("splits", partial(write_splits, recipe, places, len(meshes))),
    ]
    trained = _Stages(recipe, places, len(meshes))
    names = ["shape", "encoder", *["plain"] * (recipe.plain_epochs > 0), "pose"]
    learned = [Step(name, getattr(trained, name)) for name in names]
    groups = groups_of(recipe)
    scores = [Step(f"score_{group}", partial(score_group, places, group)) for group in groups]
    scores += [Step(f"fit_{group}", partial(score_fit, places, group)) for group in groups]
    scores += [Step("photographs", partial(score_photographs, places, photographs))] if photographs else []
    writers = {"page": write_page, "card": write_card, "scores": write_scores}
    last = [Step(name, partial(write, recipe, places)) for name, write in writers.items()]
    export = Step("export", lambda: _export(places))
    run_steps([*data, *learned, export, *scores, *last], places.done, say)
    return places.weights


def _check_place(out: Path, meshes: Sequence[Path]) -> None:
    """Refuse a folder in which what is made would be taken for meshes when it is run again."""
    for folder in meshes:
        if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(folder)):
            raise ValueError(f"{out}: lies in the meshes {folder}; choose another `out`")


def _export(places: Places) -> None:
    export_weights(places.run("pose"), places.weights)


def _note_settings(recipe: Recipe, meshes: Sequence[Path], places: Places) -> None:
    """Write the settings down; a folder that was made with others is refused."""
    settings = {"recipe": asdict(recipe), "meshes": [str(folder.absolute()) for folder in meshes]}
    text = json.dumps(settings, indent=1, default=str) + "\n"
    file = places.out / "recipe.json"
    if file.is_file() and file.read_text() != text:
        raise ValueError(f"{places.out}: was made with another recipe or other meshes; give another `out`")
    write_atomically(file, text.encode())


class _Stages:
    """The trainings of a recipe.

    Args:
        recipe: settings.
        places: of the files.
        collections: how many collections of meshes there are.
    """

    def __init__(self, recipe: Recipe, places: Places, collections: int):
        self._recipe, self._places = recipe, places
        self._collections = [f"collection{number}" for number in range(1, collections + 1)]
        self._more = [places.split("deformed", "train")] * bool(recipe.copies)
        self._more += [places.split("synthetic", "train")] * bool(recipe.synthetic)

    def shape(self) -> None:
        """Template, warp, and a latent a shape."""
        splits = [*self._there(), *self._more]
        train_shape(
            self._places.data,
            splits,
            self._places.run("shape"),
            self._recipe.shape,
            self._resumed("shape", look_every=50),
        )

    def encoder(self) -> None:
        """The encoder."""
        start = self._recipe.encoder_from
        init, run = self._places.run("shape"), self._resumed("encoder")
        train_encoder(
            init,
            self._places.data,
            self._pictures(),
            self._places.run("encoder"),
            self._recipe.encoder,
            run,
            imagenet=Path(TRUNK) if start == TRUNK else None,
            encoder_from=None if start == TRUNK else start,
        )

    def plain(self) -> None:
        """The encoder goes on with views as they are."""
        config = replace(self._recipe.encoder, epochs=self._recipe.plain_epochs, augment=False, lr=PLAIN_RATE)
        init, run = self._places.run("encoder"), self._resumed("plain")
        train_encoder(init, self._places.data, self._pictures(), self._places.run("plain"), config, run)

    def pose(self) -> None:
        """The camera, and what pictures of the category look like."""
        validation = tuple(self._places.group(group) for group in self._recipe.held_out)
        last = "plain" if self._recipe.plain_epochs else "encoder"
        init, run = self._places.run(last), self._resumed("pose", validation=validation)
        train_pose(
            init, self._places.data, [*self._there() * 2, *self._more], self._places.run("pose"), self._recipe.pose, run
        )

    def _there(self) -> list[Path]:
        """Split files of the meshes that are for training."""
        there = [name for name in self._collections if self._places.has_shapes(name, "train")]
        return [self._places.split(name, "train") for name in there]

    def _pictures(self) -> list[Path]:
        alone = [self._places.split("synthetic_more", "train")] * bool(self._recipe.synthetic_more)
        return [*self._there() * self._recipe.real_weight, *self._more, *alone]

    def _resumed(self, stage: str, **settings: object) -> RunConfig:
        """How a stage is run: an interrupted run goes on."""
        there = (self._places.run(stage) / "config.json").is_file()
        return RunConfig(resume=there, **settings)  # pyright: ignore[reportArgumentType]
