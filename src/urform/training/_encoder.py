"""Stage two: the image encoder regresses the learned latents from rendered views."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from urform.config import EncoderConfig
from urform.data import DataFolder, ShapeKey, ViewSet, augment, read_split, to_input
from urform.losses import latent_l1_loss
from urform.training._loop import Stage, choose_device, fit
from urform.training._run import RunFolder
from urform.weights import FILE_NAME, Weights, build_encoder, load_weights, save_weights

Batch = tuple[Tensor, Tensor]
"""Pictures (B, 3, S, S) in 0..1, target latents (B, L)."""


class EncoderStage(Stage):
    """Learns to tell the latent of a shape from one of its views.

    Args:
        views: the views.
        targets: (S, L) learned latents of the shapes that the views' indices name.
        weights: of stage one.
        config: settings.
        out: the weights file to be written.
        device: where it is computed.
    """

    def __init__(
        self,
        views: ViewSet,
        targets: Tensor,
        weights: Weights,
        config: EncoderConfig,
        out: Path,
        device: torch.device,
    ):
        self.epochs, self.seed = config.epochs, config.seed
        self.autocast = torch.bfloat16 if config.precision == "bf16" else None
        self._views, self._targets, self._weights = views, targets, weights
        self._config, self._out, self._device = config, out, device
        torch.manual_seed(config.seed)
        self._encoder = build_encoder(weights.config).to(device, memory_format=torch.channels_last)
        with torch.no_grad():
            self._encoder.fc.bias.copy_(targets.mean(dim=0))
        self.modules = nn.ModuleDict({"encoder": self._encoder})
        decayed = [value for value in self._encoder.parameters() if value.ndim > 1]
        others = [value for value in self._encoder.parameters() if value.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "lr": config.lr, "initial_lr": config.lr, "weight_decay": config.weight_decay},
                {"params": others, "lr": config.lr, "initial_lr": config.lr, "weight_decay": 0.0},
            ],
            fused=True,
        )

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches only: batch norm dislikes small ones."""
        return max(1, len(self._views) // self._config.batch_size)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Every view once, in random order, augmented."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self._views), generator=generator)
        size = self._config.batch_size
        for index in range(self.batches_per_epoch):
            rgba, shapes = self._views.batch(order[index * size : (index + 1) * size])
            pictures = augment(rgba, self._config.flip, generator) if self._config.augment else to_input(rgba)
            pictures = pictures.to(self._device, memory_format=torch.channels_last)
            yield pictures, self._targets[shapes].to(self._device)

    def step(self, batch: Batch, epoch: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """L1 between predicted and learned latent."""
        pictures, target = batch
        predicted = self._encoder(pictures).float()
        return {"l1": latent_l1_loss(predicted, target)}, {}

    def lr_factor(self, progress: float) -> float:
        """A linear warm-up over a twentieth, then a cosine to zero."""
        if progress < 0.05:
            return (progress + 1e-3) / 0.051
        return (1 + math.cos(math.pi * (progress - 0.05) / 0.95)) / 2

    def export(self) -> None:
        """Write the weights file: decoder, latents and encoder."""
        save_weights(self._out, replace(self._weights, encoder=self._encoder))


def train_encoder(
    init: Path,
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: EncoderConfig,
    resume: bool = False,
    device: str = "auto",
    stop_after: int | None = None,
) -> None:
    """Train the image encoder of a model whose shapes are learned.

    Args:
        init: run folder or weights file of stage one.
        data: the data folder.
        splits: split files; views of a shape that several name are shown that many times.
        out: the run folder.
        config: settings.
        resume: go on with the run in `out`.
        device: auto, cpu, cuda or mps.
        stop_after: end this call after so many epochs in all.

    Raises:
        ValueError: the split names shapes that have no latent.
    """
    weights = load_weights(init)
    keys = [key for split in splits for key in read_split(split)]
    targets = _targets(keys, weights, init)
    place = choose_device(device)
    views = ViewSet(DataFolder(data), keys, weights.config.image_size)
    run = RunFolder(out, "encoder", {"config": config, "init": init, "shapes": [str(key) for key in keys]}, resume)
    fit(EncoderStage(views, targets, weights, config, out / FILE_NAME, place), run, place, stop_after)


def _targets(keys: Sequence[ShapeKey], weights: Weights, init: Path) -> Tensor:
    rows = {key: index for index, key in enumerate(weights.keys)}
    unknown = [str(key) for key in keys if str(key) not in rows]
    if unknown:
        raise ValueError(f"{init}: has no latent for {len(unknown)} shapes of the split, first: {unknown[0]}")
    return weights.latents[torch.tensor([rows[str(key)] for key in keys])]
