"""What the stages have in common that learn warp and template, whether latents are learned or come from pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.config import ShapeConfig
from urform.data import DataFolder, ShapeKey
from urform.losses import (
    correction_loss,
    landmark_loss,
    latent_norm_loss,
    latent_norm_weight,
    neighbour_loss,
    pointpair_loss,
    pointpair_weight,
    pointwise_loss,
    pointwise_weight,
    reconstruction_loss,
)
from urform.sets import LandmarkSet, SdfSet
from urform.training._loop import Stage
from urform.training._schedule import lr_factor
from urform.weights import build_decoder

LANDMARKS = 24  # drawn of each shape in a batch
NEIGHBOURS = 4  # one in so many points has a neighbour
NEAR = 0.02  # how far its neighbour lies from a point, normalised units


class DecodingStage(Stage):
    """Learns warp and template, and what gives the latents; an epoch has each shape once.

    Args:
        data: the data folder.
        keys: names of the shapes.
        config: settings.
        device: where it is computed.

    Raises:
        FileNotFoundError: a shape has no SDF samples.
        ValueError: a keypoint that is to be left out is there on no shape.
    """

    def __init__(self, data: DataFolder, keys: Sequence[ShapeKey], config: ShapeConfig, device: torch.device):
        self._samples = SdfSet(data, keys, config.cache_gb)
        landmarks = LandmarkSet(data, keys, config.keypoints_left_out) if config.landmark_weight > 0 else None
        self._landmarks = landmarks if landmarks and landmarks.any else None
        self.epochs, self.seed = config.epochs, config.seed
        self.precision, self.clip_norm = config.precision, config.clip_norm
        self._keys, self._settings = list(keys), config
        torch.manual_seed(config.seed)
        self._decoder = build_decoder(config.model).to(device)

    def _learn(self, name: str, source: nn.Module) -> None:
        """Have decoder and source of the latents trained, under that name, at the three rates."""
        config = self._settings
        self.modules = nn.ModuleDict({"decoder": self._decoder, name: source})
        template = [*self._decoder.template.parameters()]
        if self._decoder.correction is not None:
            template += self._decoder.correction.parameters()
        rates = [
            (self._decoder.warp.parameters(), config.lr_warp),
            (template, config.lr_template),
            (source.parameters(), config.lr_latent),
        ]
        self.optimizer = torch.optim.Adam(
            [{"params": list(part), "lr": rate, "initial_lr": rate} for part, rate in rates], fused=True
        )

    @property
    def batches_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller."""
        return math.ceil(len(self._keys) / self._settings.shapes_per_batch)

    def _chosen(self, epoch: int, index: int) -> list[int]:
        """The shapes of a batch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self._keys))
        return np.array_split(order, self.batches_per_epoch)[index].tolist()

    def _draw(self, chosen: Sequence[int], rng: np.random.Generator) -> tuple[Tensor, ...]:
        """What the shapes of a batch are learned from.

        Returns:
            Points (B, N, 3) and target sdf (B, N); where any shape has landmarks, these (B, K, 3), the places where
            they belong, and which there are (B, K); last, with the neighbour term, neighbours of the first points
            (B, M, 3).
        """
        drawn: tuple[Tensor, ...] = self._samples.draw(chosen, self._settings.points_per_shape, rng)
        if self._landmarks is not None:
            drawn += self._landmarks.draw(chosen, LANDMARKS, rng)
        if self._settings.neighbour_weight > 0:
            points = drawn[0][:, : -(-drawn[0].shape[1] // NEIGHBOURS)]
            apart = rng.standard_normal(points.shape, np.float32)
            apart *= NEAR / np.linalg.norm(apart, axis=-1, keepdims=True)
            drawn += (points + torch.from_numpy(apart),)
        return drawn

    def lr_factors(self, epoch: float) -> list[float]:
        """Of warp, template with correction, and what gives the latents."""
        config = self._settings
        apart = config.rates_apart or (config.rates, config.rates, config.rates)
        return [lr_factor(rates, epoch, self.epochs) for rates in apart]

    def _terms(
        self,
        latent: Float[Tensor, "B L"],
        drawn: Sequence[Tensor],
        epoch: int,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The weighted terms, those of the published step and ours, and the mean clamped error.

        Args:
            latent: of each shape.
            drawn: what `_draw` made of them, or a part of it.
            epoch: epochs that are done.

        Source: docs/training.md, Losses.
        """
        config = self._settings
        points, target_sdf, *others = drawn
        canonical_points, predicted_sdf, correction = self._decoder.progressive(
            points, latent, last_only=not config.curriculum
        )
        canonical_points, predicted_sdf = canonical_points.float(), predicted_sdf.float()
        terms = {"reconstruction": reconstruction_loss(predicted_sdf, target_sdf, config.clamp, config.curriculum)}
        if config.pointwise_weight > 0:
            weight = pointwise_weight(epoch, config.pointwise_weight)
            terms["pointwise"] = weight * pointwise_loss(canonical_points, points)
        if config.pointpair_weight > 0:
            weight = pointpair_weight(epoch, config.pointpair_weight)
            terms["pointpair"] = weight * pointpair_loss(canonical_points[-1], points, config.pointpair_limit)
        if config.neighbour_weight > 0:
            neighbours = others.pop()
            M = neighbours.shape[1]
            there = self._decoder.canonical(neighbours, latent).float()
            error = neighbour_loss(canonical_points[-1][:, :M], there, points[:, :M], neighbours)
            terms["neighbour"] = config.neighbour_weight * error
        if correction is not None and config.correction_weight > 0:
            terms["correction"] = config.correction_weight * correction_loss(correction.float())
        if others:
            places, target_places, known = others
            error = landmark_loss(self._decoder.canonical(places, latent), target_places, known)
            terms["landmark"] = config.landmark_weight * error
        if config.latent_weight > 0:
            terms["latent_norm"] = latent_norm_weight(epoch, config.latent_weight) * latent_norm_loss(latent)
        clamp = config.clamp
        error = predicted_sdf[-1].clamp(-clamp, clamp) - target_sdf.clamp(-clamp, clamp)
        return terms, {"sdf_error": error.abs().mean()}
