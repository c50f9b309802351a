"""Stage two: the image encoder regresses the learned latents from rendered views.

L1 on latents (the published loss) treats all their directions alike, those that hardly change a shape too. The sdf
error of the predicted shape, through the frozen decoder, tells them apart, and it alone can teach shapes that stage one
has not seen.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from urform.config import EncoderConfig, RunConfig, ShapeChoice
from urform.data import ChosenShapes, DataFolder, ShapeKey, choose_shapes, read_split
from urform.losses import latent_l1_loss, reconstruction_loss
from urform.models import TRUNK, ImageEncoder, TrunkBackbone, load_trunk
from urform.sets import SdfSet, ViewSet
from urform.training._devices import Team
from urform.training._look import Look, ShapeLook
from urform.training._loop import Stage, train
from urform.training._pictures import levels, seeded
from urform.training._run import RunFolder, check_inputs
from urform.training._schedule import lr_factor
from urform.training._seen import PictureViews, SeenViews, TrunkViews
from urform.training._start import Start, load_start, refuse_two_starts, run_settings, with_encoder_of
from urform.training._transfer import load_donor, start_from, with_sizes_of
from urform.weights import BackboneWeights, Weights, build_encoder, save_weights

logger = logging.getLogger(__name__)

EncoderBatch = tuple[Tensor, ...]
"""Pictures (B, 3, S, S) in 0..1 or the trunk's features of them, target latents (B, L); with the sdf term points
(B, N, 3) of the shapes and their sdf (B, N)."""


class EncoderStage(Stage):
    """Learns to tell the latent of a shape from one of its views.

    Args:
        views: the views, as the encoder takes them.
        samples: SDF samples of the shapes that the views' indices name; None where the sdf term is off.
        targets: (S, L) learned latents of the shapes that the views' indices name; NaN where there is none.
        weights: of stage one; where there is an encoder, training starts from it.
        config: settings.
        device: where it is computed.
        look: at the shapes, from time to time.
        imagenet: torchvision's ResNet weights to start from.
        backbone: contrastively trained weights to start from.
        donor: encoder of another category to start from.
    """

    def __init__(
        self,
        views: SeenViews,
        samples: SdfSet | None,
        targets: Tensor,
        weights: Weights,
        config: EncoderConfig,
        device: torch.device,
        look: ShapeLook,
        imagenet: Path | None = None,
        backbone: BackboneWeights | None = None,
        donor: ImageEncoder | None = None,
    ):
        self.epochs, self.seed, self.clip_norm = config.epochs, config.seed, config.clip_norm
        self.precision = config.precision
        self._views, self._samples, self._targets, self._weights = views, samples, targets, weights
        self._config, self._look = config, look
        self._looked_at = look.pictures(weights.config.image_size, weights.config.pictures).to(device)
        torch.manual_seed(config.seed)
        self._decoder = weights.decoder.to(device).requires_grad_(False)
        self._encoder = build_encoder(weights.config).to(device)
        if imagenet is not None:
            self._encoder.load_imagenet(imagenet)
        if backbone is not None:
            self._encoder.load_backbone(backbone.state, str(backbone.where))
        # torch documents the argument, its overloads lack it.
        self._encoder.to(memory_format=self._encoder.memory_format)  # pyright: ignore[reportCallIssue]
        if weights.encoder is not None:
            self._encoder.load_state_dict(weights.encoder.state_dict())
        elif donor is not None:
            start_from(self._encoder, donor.to(device), views, targets, config.seed)
        else:
            if isinstance(self._encoder, TrunkBackbone) and isinstance(views, TrunkViews) and backbone is None:
                self._encoder.set_scale(views.features[0].float())
            with torch.no_grad():  # start near the mean latent: the decoder makes no sense of wild ones
                self._encoder.fc.weight.mul_(0.1)
                self._encoder.fc.bias.copy_(weights.latents.mean(dim=0))
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
    def dropped_samples(self) -> Mapping[str, int]:
        """As in `Stage`."""
        return self._samples.dropped if self._samples else {}

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches only: batch norm dislikes small ones."""
        return max(1, len(self._views) // self._config.batch_size)

    def batch(self, epoch: int, index: int) -> EncoderBatch:
        """Some views, varied, in an order in which an epoch has each once."""
        size = self._config.batch_size
        order = torch.randperm(len(self._views), generator=seeded(self.seed, epoch))
        chosen = order[index * size : (index + 1) * size]
        pictures, shapes = self._views.batch(chosen, seeded(self.seed, epoch, index))
        rng = np.random.default_rng([self.seed, epoch, index])
        drawn = self._samples.draw(shapes.tolist(), self._config.points_per_view, rng) if self._samples else ()
        return pictures, self._targets[shapes], *drawn

    def step(self, batch: EncoderBatch, epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """L1 between predicted and learned latent, where there is one, and between predicted and true clamped sdf."""
        pictures, target, *drawn = batch
        predicted = self._encoder(pictures).float()
        l1 = latent_l1_loss(predicted, torch.where(target.isnan(), predicted.detach(), target))
        terms = {"l1": self._config.latent_weight * l1}
        if self._config.sdf_weight > 0:
            points, target_sdf = drawn
            sdf = self._decoder(points, predicted)[None].float()
            error = reconstruction_loss(sdf, target_sdf, self._config.clamp, curriculum=False)
            terms["sdf"] = self._config.sdf_weight * error
        return terms, {}

    def lr_factors(self, epoch: float) -> list[float]:
        """The same for weights with decay and without."""
        return [lr_factor(self._config.rates, epoch, self.epochs)] * 2

    @torch.no_grad()
    def look(self) -> Look:
        """At the shapes that pictures give."""
        return self._look(self._decoder, self._encoder(self._looked_at).float())

    def export(self, path: Path) -> None:
        """Write the weights file: decoder, latents and encoder."""
        save_weights(path, replace(self._weights, encoder=self._encoder))


def train_encoder(
    init: Path | Sequence[Path],
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: EncoderConfig,
    run: RunConfig | None = None,
    imagenet: Path | None = None,
    choice: ShapeChoice | None = None,
    encoder_from: str | Path | None = None,
) -> None:
    """Train the image encoder of a model whose shapes are learned.

    Args:
        init: run folder or weights file of stage one; where it has an encoder, training starts from that. Beside it, a
            contrastive run or published checkpoint: the encoder gets its size and starts from it. Also a file of
            latents (.pkl as published, .npz), which take the place of those of stage one.
        data: the data folder.
        splits: split files; views of a shape that several name are shown that many times. Shapes that have no learned
            latent are learned from by the sdf term alone.
        out: the run folder.
        config: settings.
        run: how it is run.
        imagenet: file of torchvision's ResNet-18 weights (width 64); or efficientnet-lite0 or trunk: it becomes that.
        choice: which shapes of the splits are taken; by default those that have views and, for the sdf term, SDF
            samples; without that term also a learned latent.
        encoder_from: model whose encoder training starts from; its last layer is fitted to the latents.

    Raises:
        FileNotFoundError: no shape has what it needs, or some have not and the choice is strict.
        ValueError: no shape has a latent, the ImageNet weights do not fit, or there are two encoders to start from.
    """
    run, inits = run or RunConfig(), [init] if isinstance(init, Path) else list(init)
    starts = (*inits, imagenet, encoder_from)
    check_inputs(out, [*splits, *run.validation, *starts])
    start, named = load_start(inits), [key for split in splits for key in read_split(split)]
    donor = None if encoder_from is None else load_donor(encoder_from)
    weights = _learned_shapes(start, inits, imagenet, named, donor, config.flip)
    folder, wanted = DataFolder(data), levels(config.levels)
    needs = ("SDF samples", "views") if config.sdf_weight > 0 else ("views",)
    chosen = choose_shapes(folder, named, needs, choice, wanted)
    chosen = _with_targets(chosen, weights, start.latents_where or start.where, config, choice)
    keys, team = chosen.keys, Team(run.device)
    samples = SdfSet(folder, keys, config.cache_gb) if config.sdf_weight > 0 else None
    views = _seen(folder, keys, weights, config, team)
    look = ShapeLook(folder, run.validation, keys, config.clamp, wanted, choice)
    targets, given = _targets(keys, weights), (imagenet, start.backbone, donor and donor.encoder)
    stage = EncoderStage(views, samples, targets, weights, config, team.device, look, *given)
    settings = run_settings(config, inits, imagenet, keys) | ({"encoder_from": str(encoder_from)} if donor else {})
    train(stage, RunFolder(out, "encoder", settings, run, team.is_first, chosen.left_out, starts), team, run)


def _seen(
    folder: DataFolder, keys: Sequence[ShapeKey], weights: Weights, config: EncoderConfig, team: Team
) -> SeenViews:
    """The views of shapes, as the encoder of these sizes takes them."""
    views = ViewSet(folder, keys, weights.config.image_size, levels(config.levels), weights.config.pictures)
    if weights.config.backbone_name == TRUNK:
        return TrunkViews(views, config, load_trunk(str(team.device)))
    return PictureViews(views, config)


def _learned_shapes(
    start: Start,
    inits: Sequence[Path],
    imagenet: Path | None,
    named: Sequence[ShapeKey],
    donor: Weights | None,
    flip: bool,
) -> Weights:
    """The decoder, sizes of the encoder, and latents of the named shapes where they come from a file of their own."""
    weights = start.weights
    if weights is None:
        raise ValueError(
            f"`init`: no run of `train shape` among {', '.join(map(str, inits))}; its decoder and latents are needed"
        )
    refuse_two_starts(imagenet, start.backbone, start.where if weights.encoder is not None else None, donor is not None)
    if start.latents is not None:
        known = {key: start.latents[key.instance] for key in named if key.instance in start.latents}
        size = weights.config.latent_size
        if not known or any(len(latent) != size for latent in known.values()):
            got = f"latents of length {len(next(iter(start.latents.values())))} of {len(known)} of them"
            raise ValueError(
                f"{start.latents_where}: must have latents of length {size} of shapes of the split, got {got}"
            )
        latents = torch.from_numpy(np.stack(list(known.values())))
        weights = replace(weights, keys=[str(key) for key in known], latents=latents)
    sizes = with_encoder_of(weights.config, imagenet, start.backbone)
    sizes = sizes if donor is None else with_sizes_of(sizes, donor.config)
    knows_mirrored = weights.encoder is not None and sizes.mirrored
    return replace(weights, config=replace(sizes, mirrored=flip or knows_mirrored))


def _with_targets(
    chosen: ChosenShapes, weights: Weights, init: Path | None, config: EncoderConfig, choice: ShapeChoice | None
) -> ChosenShapes:
    """Shapes without a learned latent stay for the sdf term, and are left out where there is none."""
    known = set(weights.keys)
    unknown = [str(key) for key in chosen.keys if str(key) not in known]
    strict = choice is not None and choice.strict
    if unknown and (len(unknown) == len(chosen.keys) or (config.sdf_weight == 0 and strict)):
        raise ValueError(f"{init}: has no latent for {len(unknown)} shapes of the split, first: {unknown[0]}")
    if unknown and config.sdf_weight == 0:
        return chosen.without("no latent", unknown, str(init), strict)
    if unknown:
        logger.warning(
            "%s: has no latent for %d of %d shapes; their sdf alone is learned from",
            init,
            len(unknown),
            len(chosen.keys),
        )
    return chosen


def _targets(keys: Sequence[ShapeKey], weights: Weights) -> Tensor:
    """Their learned latents (S, L), NaN for those without."""
    rows = {key: index for index, key in enumerate(weights.keys)}
    padded = torch.cat([weights.latents, torch.full_like(weights.latents[:1], torch.nan)])
    return padded[torch.tensor([rows.get(str(key), -1) for key in keys])]
