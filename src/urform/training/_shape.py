"""Stage one: template, warp and a latent for each training shape (auto-decoder)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.config import RunConfig, ScheduleConfig, ShapeConfig
from urform.data import DataFolder, SdfSet, ShapeKey, read_split
from urform.losses import (
    latent_norm_loss,
    latent_norm_weight,
    pointpair_loss,
    pointpair_weight,
    pointwise_loss,
    pointwise_weight,
    reconstruction_loss,
)
from urform.models import Decoder
from urform.training._devices import Team
from urform.training._loop import Stage, fit
from urform.training._run import RunFolder
from urform.training._schedule import lr_factor
from urform.weights import Weights, build_decoder, save_weights

Batch = tuple[Tensor, Tensor, Tensor]
"""Shape indices (B,), points (B, N, 3), target sdf (B, N)."""


class ShapeStage(Stage):
    """Learns to decode every shape of a split.

    Args:
        samples: their SDF samples.
        keys: their names, in the same order.
        config: settings.
        device: where it is computed.
    """

    def __init__(self, samples: SdfSet, keys: Sequence[ShapeKey], config: ShapeConfig, device: torch.device):
        self.epochs, self.seed = config.epochs, config.seed
        self.precision, self.clip_norm = config.precision, config.clip_norm
        self._samples, self._keys, self._config = samples, list(keys), config
        torch.manual_seed(config.seed)
        self._decoder = build_decoder(config.model).to(device)
        self._latents = nn.Embedding(len(keys), config.model.latent_size, max_norm=config.latent_bound).to(device)
        nn.init.normal_(self._latents.weight, std=config.model.latent_size**-0.5)
        self.modules = nn.ModuleDict({"decoder": self._decoder, "latents": self._latents})
        rates = [
            (self._decoder.warp, config.lr_warp),
            (self._decoder.template, config.lr_template),
            (self._latents, config.lr_latent),
        ]
        self.optimizer = torch.optim.Adam(
            [{"params": list(part.parameters()), "lr": rate, "initial_lr": rate} for part, rate in rates], fused=True
        )

    @property
    def batches_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller."""
        return math.ceil(len(self._keys) / self._config.shapes_per_batch)

    def batch(self, epoch: int, index: int) -> Batch:
        """Some shapes, in an order in which an epoch has each once, and points of each."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self._keys))
        chosen = np.array_split(order, self.batches_per_epoch)[index]
        rng = np.random.default_rng([self.seed, epoch, index])
        points, target_sdf = self._samples.draw(chosen.tolist(), self._config.points_per_shape, rng)
        return torch.from_numpy(chosen), points, target_sdf

    def step(self, batch: Batch, epoch: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The published terms, of learned latents."""
        shapes, points, target_sdf = batch
        return published_terms(self._decoder, self._latents(shapes), points, target_sdf, epoch, self._config)

    def lr_factors(self, epoch: float) -> list[float]:
        """Of warp, template and latents."""
        return [lr_factor(rates, epoch, self.epochs) for rates in rates_of(self._config)]

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


def rates_of(config: ShapeConfig) -> tuple[ScheduleConfig, ScheduleConfig, ScheduleConfig]:
    """How the rates of warp, template, and latents or encoder change."""
    return config.rates_apart or (config.rates, config.rates, config.rates)


def published_terms(
    decoder: Decoder,
    latent: Float[Tensor, "B L"],
    points: Float[Tensor, "B N 3"],
    target_sdf: Float[Tensor, "B N"],
    epoch: int,
    config: ShapeConfig,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weighted terms of the published training step, and the mean error of the clamped sdf.

    Args:
        decoder: template and warp.
        latent: of each shape, learned or from a picture.
        points: of each shape.
        target_sdf: there.
        epoch: decides the weights.
        config: base weights; a weight of 0 leaves a term away.

    Source: FORMATS section 5.
    """
    canonical_points, predicted_sdf = decoder.progressive(points, latent)
    canonical_points, predicted_sdf = canonical_points.float(), predicted_sdf.float()
    terms = {"reconstruction": reconstruction_loss(predicted_sdf, target_sdf, config.clamp, config.curriculum)}
    if config.pointwise_weight > 0:
        weight = pointwise_weight(epoch, config.pointwise_weight)
        terms["pointwise"] = weight * pointwise_loss(canonical_points, points)
    if config.pointpair_weight > 0:
        weight = pointpair_weight(epoch, config.pointpair_weight)
        terms["pointpair"] = weight * pointpair_loss(canonical_points[-1], points)
    if config.latent_weight > 0:
        terms["latent_norm"] = latent_norm_weight(epoch, config.latent_weight) * latent_norm_loss(latent)
    clamp = config.clamp
    error = predicted_sdf[-1].clamp(-clamp, clamp) - target_sdf.clamp(-clamp, clamp)
    return terms, {"sdf_error": error.abs().mean()}


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
    samples = SdfSet(DataFolder(data), keys, config.cache_gb)
    settings = {"config": config, "shapes": [str(key) for key in keys]}
    folder = RunFolder(out, "shape", settings, run, team.is_first)
    fit(ShapeStage(samples, keys, config, team.device), folder, team, run)
