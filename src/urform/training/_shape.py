"""Stage one: template, warp and a latent for each training shape (auto-decoder)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from urform.config import RunConfig, ShapeConfig
from urform.data import DataFolder, LandmarkSet, SdfSet, ShapeKey, read_split
from urform.losses import landmark_loss
from urform.training._decoding import DecodingStage
from urform.training._devices import Team
from urform.training._look import Look, ShapeLook
from urform.training._loop import fit
from urform.training._run import RunFolder
from urform.weights import Weights, save_weights

LANDMARKS = 24  # drawn of each shape in a batch

Batch = tuple[Tensor, ...]
"""Shape indices (B,), points (B, N, 3), target sdf (B, N); with a landmark term landmarks (B, K, 3), the places where
they belong, and which there are (B, K)."""


class ShapeStage(DecodingStage):
    """Learns to decode every shape of a split.

    Args:
        samples: their SDF samples.
        keys: their names, in the same order.
        config: settings.
        device: where it is computed.
        look: at the shapes, from time to time.
        landmarks: of the shapes, where they are learned from.
    """

    def __init__(
        self,
        samples: SdfSet,
        keys: Sequence[ShapeKey],
        config: ShapeConfig,
        device: torch.device,
        look: ShapeLook,
        landmarks: LandmarkSet | None = None,
    ):
        super().__init__(keys, config, device)
        self._samples, self._config, self._look, self._landmarks = samples, config, look, landmarks
        self._latents = nn.Embedding(len(keys), config.model.latent_size, max_norm=config.latent_bound).to(device)
        nn.init.normal_(self._latents.weight, std=config.model.latent_size**-0.5)
        self._learn("latents", self._latents)

    def batch(self, epoch: int, index: int) -> Batch:
        """Some shapes, and points of each."""
        chosen = self._chosen(epoch, index)
        rng = np.random.default_rng([self.seed, epoch, index])
        points, target_sdf = self._samples.draw(chosen, self._config.points_per_shape, rng)
        batch = torch.tensor(chosen), points, target_sdf
        return batch if self._landmarks is None else (*batch, *self._landmarks.draw(chosen, LANDMARKS, rng))

    def step(self, batch: Batch, epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The published terms, of learned latents, and that of the landmarks."""
        shapes, points, target_sdf, *landmarks = batch
        latent = self._latents(shapes)
        terms, further = self._terms(latent, points, target_sdf, int(epoch))
        if landmarks:
            places, target_places, known = landmarks
            error = landmark_loss(self._decoder.canonical(places, latent), target_places, known)
            terms["landmark"] = self._config.landmark_weight * error
        return terms, further

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
        )
        save_weights(path, weights)


def train_shape(
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: ShapeConfig,
    run: RunConfig | None = None,
) -> None:
    """Train template, warp and latents on the shapes of one or more splits.

    Args:
        data: the data folder.
        splits: split files; a shape that several name is there once.
        out: the run folder.
        config: settings.
        run: how it is run.
    """
    run = run or RunConfig()
    keys = list(dict.fromkeys(key for split in splits for key in read_split(split)))
    team = Team(run.device)
    folder = DataFolder(data)
    samples = SdfSet(folder, keys, config.cache_gb)
    look = ShapeLook(folder, run.validation, keys, config.clamp)
    settings = {"config": config, "shapes": [str(key) for key in keys]}
    landmarks = LandmarkSet(folder, keys, config.keypoints_left_out) if config.landmark_weight > 0 else None
    stage = ShapeStage(samples, keys, config, team.device, look, landmarks)
    fit(stage, RunFolder(out, "shape", settings, run, team.is_first), team, run)
