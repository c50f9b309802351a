"""End to end: encoder, warp and template learn together; a picture takes the place of a learned latent."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from urform.config import JointConfig, RunConfig, ShapeChoice
from urform.data import DataFolder, ShapeKey, choose_shapes, read_split
from urform.models import to_input
from urform.sets import ViewSet
from urform.training._decoding import DecodingStage, widened
from urform.training._devices import Team
from urform.training._look import Look, ShapeLook
from urform.training._loop import Batch, train
from urform.training._pictures import levels, seeded, shown
from urform.training._run import RunFolder, check_inputs
from urform.training._start import Start, load_start, refuse_two_starts, run_settings, with_encoder_of
from urform.weights import Weights, build_encoder, save_weights

logger = logging.getLogger(__name__)

ENCODED_TOGETHER = 64
NOTHING = Start()


class JointStage(DecodingStage):
    """Learns to decode every shape of a split from any of its views.

    Args:
        views: the views; their indices name shapes.
        data: the data folder of the same shapes.
        keys: their names.
        config: settings.
        device: where it is computed.
        look: at the shapes, from time to time.
        start: what the networks start from.
        imagenet: torchvision's ResNet weights for the encoder to start from.

    Source: docs/training.md, Losses, with the encoder in place of the latents; Zheng 2021 (Deep Implicit Templates).
    """

    def __init__(
        self,
        views: ViewSet,
        data: DataFolder,
        keys: Sequence[ShapeKey],
        config: JointConfig,
        device: torch.device,
        look: ShapeLook,
        start: Start = NOTHING,
        imagenet: Path | None = None,
    ):
        super().__init__(data, keys, config, device)
        self._views, self._config, self._device = views, config, device
        self._look, self._looked_at = look, look.pictures(config.model.image_size, config.model.pictures).to(device)
        self._of_shape = [torch.nonzero(views.shapes == index).flatten() for index in range(len(keys))]
        self._encoder = build_encoder(config.model).to(device)
        if start.weights is not None:
            self._decoder.load_state_dict(start.weights.decoder.state_dict())
            if start.weights.encoder is not None:
                self._encoder.load_state_dict(start.weights.encoder.state_dict())
        if start.backbone is not None:
            self._encoder.load_backbone(start.backbone.state, str(start.backbone.where))
        if imagenet is not None:
            self._encoder.load_imagenet(imagenet)
        if not config.as_published and (start.weights is None or start.weights.encoder is None):
            self._centre()
        if config.freeze_backbone:
            self._encoder.freeze_backbone()
        # torch documents the argument, its overloads lack it.
        self._encoder.to(memory_format=self._encoder.memory_format)  # pyright: ignore[reportCallIssue]
        self._learn("encoder", self._encoder)

    @torch.no_grad()
    def _centre(self) -> None:
        """Have the first latents spread as learned ones do at the start: a warp makes no sense of ten times as much."""
        some = torch.linspace(0, len(self._views) - 1, min(ENCODED_TOGETHER, len(self._views))).long()
        if len(some) < 2:
            return
        buffers = {name: value.clone() for name, value in self._encoder.named_buffers()}
        self._encoder.train()  # batch norm's averages may not be known yet; they stay as they are
        latents = self._encoder(to_input(self._views.batch(some)[0]).to(self._device)).float()
        for name, value in self._encoder.named_buffers():
            value.copy_(buffers[name])
        scale = self._settings.model.latent_size**-0.5 / latents.std(dim=0).mean().clamp(min=1e-6)
        self._encoder.fc.bias.sub_(latents.mean(dim=0)).mul_(scale)
        self._encoder.fc.weight.mul_(scale)

    @property
    def batches_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller."""
        if not self._config.every_view:
            return super().batches_per_epoch
        return math.ceil(len(self._views) / self._config.shapes_per_batch)

    def batch(self, epoch: int, index: int) -> Batch:
        """A view (B, 3, S, S) of some shapes, and what these are learned from."""
        rng = np.random.default_rng([self.seed, epoch, index])
        if self._config.every_view:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self._views))
            views = torch.from_numpy(np.array_split(order, self.batches_per_epoch)[index])
            chosen = self._views.shapes[views].tolist()
        else:
            chosen = self._chosen(epoch, index)
            of_each = [self._of_shape[shape] for shape in chosen]
            views = torch.stack([places[int(rng.integers(len(places)))] for places in of_each])
        rgba, _ = self._views.batch(views)
        config = self._config
        pictures = shown(rgba, config.augment, config.flip, seeded(self.seed, epoch, index))
        return pictures, *self._draw(chosen, rng)

    def step(self, batch: Batch, epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The terms of the latents that the pictures give."""
        pictures, *drawn = batch
        return self._terms(widened(self._encoder(pictures)), drawn, int(epoch))

    @torch.no_grad()
    def look(self) -> Look:
        """At the shapes that pictures give."""
        return self._look(self._decoder, self._encoder(self._looked_at).float())

    def export(self, path: Path) -> None:
        """Write the weights file; the latent of a training shape is that of its first view."""
        weights = Weights(
            category=self._keys[0].category,
            config=self._config.model,
            decoder=self._decoder,
            encoder=self._encoder,
            keys=[str(key) for key in self._keys],
            latents=self._first_latents(),
            clamp=self._config.clamp,
        )
        save_weights(path, weights)

    @torch.no_grad()
    def _first_latents(self) -> Tensor:
        self._encoder.eval()
        first = torch.stack([places[0] for places in self._of_shape])
        latents = []
        for chosen in first.split(ENCODED_TOGETHER):
            pictures = to_input(self._views.batch(chosen)[0]).to(self._device)
            latents.append(self._encoder(pictures).float())
        self._encoder.train()
        return torch.cat(latents)


def train_joint(
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: JointConfig,
    run: RunConfig | None = None,
    init: Path | Sequence[Path] = (),
    imagenet: Path | None = None,
    choice: ShapeChoice | None = None,
) -> None:
    """Train encoder, warp and template end to end on the shapes of one or more splits.

    Args:
        data: the data folder.
        splits: split files; a shape that several name is there once.
        out: the run folder.
        config: settings.
        run: how it is run.
        init: run folder or weights file whose networks are started from (the encoder's, where it has one); also a
            contrastive run or published checkpoint, from which the encoder has its size.
        imagenet: file of torchvision's ResNet-18 weights for the encoder, which must have its width, 64. Or
            efficientnet-lite0, which the encoder becomes.
        choice: which shapes of the splits are taken; by default those that have SDF samples and views.

    Raises:
        FileNotFoundError: no shape has SDF samples and views, or some have not and the choice is strict.
        ValueError: `init` is of another architecture, or the weights of the encoder do not fit.
    """
    run = run or RunConfig()
    team = Team(run.device)
    inits = [init] if isinstance(init, Path) else list(init)
    check_inputs(out, [*splits, *run.validation, *inits, imagenet])
    start = load_start(inits)
    if start.latents is not None:
        raise ValueError(f"`init`: {start.latents_where} holds latents, which joint training does not learn; omit it")
    has_encoder = start.weights is not None and start.weights.encoder is not None
    refuse_two_starts(imagenet, start.backbone, start.where if has_encoder else None)
    config = replace(config, model=with_encoder_of(config.model, imagenet, start.backbone))
    _check_start(start, imagenet, config)
    folder, wanted = DataFolder(data), levels(config.levels)
    named = dict.fromkeys(key for split in splits for key in read_split(split))
    chosen = choose_shapes(folder, list(named), ("SDF samples", "views"), choice, wanted)
    keys = chosen.keys
    views = ViewSet(folder, keys, config.model.image_size, wanted, config.model.pictures)
    settings = run_settings(config, inits, imagenet, keys)
    look = ShapeLook(folder, run.validation, keys, config.clamp, wanted, choice)
    stage = JointStage(views, folder, keys, config, team.device, look, start, imagenet)
    starts = (*inits, imagenet)
    train(stage, RunFolder(out, "joint", settings, run, team.is_first, chosen.left_out, starts), team, run)


def _check_start(start: Start, imagenet: Path | None, config: JointConfig) -> None:
    """Refuse a start of other sizes; warn of a frozen backbone that has learned nothing."""
    if start.weights is not None:
        _check_same(start.weights, start.where, config)
    learned = imagenet or start.backbone or (start.weights is not None and start.weights.encoder is not None)
    if config.freeze_backbone and not learned:
        logger.warning("the encoder's backbone is frozen at random values; `imagenet` or `init` gives it others")


def _check_same(weights: Weights, where: Path | None, config: JointConfig) -> None:
    """Raise a ValueError where the model that training starts from has other sizes than the one to be trained."""
    wanted = config.model
    if weights.encoder is None:  # its sizes are free then
        free = ("encoder_backbone", "encoder_depth", "encoder_width", "encoder_hidden", "image_size", "pictures")
        wanted = replace(wanted, **{name: getattr(weights.config, name) for name in free})
    for name, value in vars(weights.config).items():
        if getattr(wanted, name) != value:
            raise ValueError(f"{where}: was trained with `{name}` {value}, not {getattr(wanted, name)}; give the same")
