"""Stage one: template, warp and a latent for each training shape (auto-decoder)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from urform.config import RunConfig, ShapeChoice, ShapeConfig
from urform.data import DataFolder, ShapeKey, choose_shapes, read_split
from urform.training._decoding import DecodingStage
from urform.training._devices import Team
from urform.training._latent_start import latents_of_shapes
from urform.training._look import Look, ShapeLook
from urform.training._loop import Batch, train
from urform.training._run import RunFolder, check_inputs
from urform.weights import Weights, save_weights


class ShapeStage(DecodingStage):
    """Learns to decode every shape of a split.

    Args:
        data: the data folder.
        keys: names of the shapes.
        config: settings.
        device: where it is computed.
        look: at the shapes, from time to time.
    """

    def __init__(
        self, data: DataFolder, keys: Sequence[ShapeKey], config: ShapeConfig, device: torch.device, look: ShapeLook
    ):
        super().__init__(data, keys, config, device)
        self._config, self._look = config, look
        self._latents = nn.Embedding(len(keys), config.model.latent_size, max_norm=config.latent_bound).to(device)
        nn.init.normal_(self._latents.weight, std=config.model.latent_size**-0.5)
        if config.latent_start == "shapes":
            start = latents_of_shapes(data, keys, config.model.latent_size, config.clamp, config.seed)
            self._latents.weight.data.copy_(start)
        self._learn("latents", self._latents)

    def batch(self, epoch: int, index: int) -> Batch:
        """Some shapes, and what they are learned from."""
        chosen = self._chosen(epoch, index)
        return torch.tensor(chosen), *self._draw(chosen, np.random.default_rng([self.seed, epoch, index]))

    def step(self, batch: Batch, epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The terms of learned latents."""
        shapes, *drawn = batch
        return self._terms(self._latents(shapes), drawn, int(epoch))

    def look(self) -> Look:
        """At validation shapes, whose latents are fitted, or at training shapes."""
        latents = self._latents.weight.detach()
        if self._look.held_out:
            return self._look(self._decoder, self._look.fitted(self._decoder, latents.mean(dim=0)))
        rows = torch.tensor([self._keys.index(key) for key in self._look.keys])
        return self._look(self._decoder, latents[rows])

    def export(self, path: Path) -> None:
        """Write the weights file: decoder and latents."""
        weights = Weights(
            category=self._keys[0].category,
            config=self._config.model,
            decoder=self._decoder,
            encoder=None,
            keys=[str(key) for key in self._keys],
            latents=self._latents.weight,
            clamp=self._config.clamp,
        )
        save_weights(path, weights)


def train_shape(
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: ShapeConfig,
    run: RunConfig | None = None,
    choice: ShapeChoice | None = None,
) -> None:
    """Train template, warp and latents on the shapes of one or more splits.

    Args:
        data: the data folder.
        splits: split files; a shape that several name is there once.
        out: the run folder.
        config: settings.
        run: how it is run.
        choice: which shapes of the splits are taken; by default those that have SDF samples.

    Raises:
        FileNotFoundError: no shape has SDF samples, or some have not and the choice is strict.
    """
    run = run or RunConfig()
    check_inputs(out, [*splits, *run.validation])
    folder = DataFolder(data)
    named = dict.fromkeys(key for split in splits for key in read_split(split))
    chosen = choose_shapes(folder, list(named), ("SDF samples",), choice)
    keys = chosen.keys
    team = Team(run.device)
    look = ShapeLook(folder, run.validation, keys, config.clamp, choice=choice)
    settings = {"config": config, "shapes": [str(key) for key in keys]}
    stage = ShapeStage(folder, keys, config, team.device, look)
    train(stage, RunFolder(out, "shape", settings, run, team.is_first, chosen.left_out), team, run)
