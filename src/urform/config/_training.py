"""Settings of the training stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Suppress

from urform.config._check import require
from urform.config._model import CLAMP, PRESETS, ModelConfig

Precision = Literal["fp32", "bf16", "fp16"]
Levels = Literal["easy", "hard", "both"]


@dataclass(frozen=True)
class RunConfig:
    """How a training runs. None of these settings changes the result."""

    resume: bool = False
    """Continue the run in the run folder; give the same settings."""
    overwrite: bool = False
    """Remove the run in the run folder and start again."""
    device: str = "auto"
    """Device: auto, cpu, cuda or mps."""
    stop_after: int | None = None
    """End after this many epochs in total, to resume later."""
    accumulate: int = 1
    """Number of parts of a batch, to save memory; the gradient is that of the whole batch."""
    keep_every: int = 0
    """Keep the weights every this many epochs, in `snapshots`; 0 = only the last."""
    keep_at: tuple[int, ...] = ()
    """Also keep the weights after these epochs."""
    validation: tuple[Path, ...] = ()
    """Split files of shapes that are measured and never learned from; the best weights by them are kept too."""
    look_every: int = 10
    """Epochs between two looks (errors on validation shapes, pictures of shapes and template); 0 = no looks."""

    def __post_init__(self) -> None:
        require(not (self.resume and self.overwrite), "overwrite", "omitted with `resume`", self.overwrite)
        require(self.stop_after is None or self.stop_after >= 1, "stop_after", "at least 1", self.stop_after)
        require(self.accumulate >= 1, "accumulate", "at least 1", self.accumulate)
        require(self.keep_every >= 0, "keep_every", "0 or more", self.keep_every)
        require(self.look_every >= 0, "look_every", "0 or more", self.look_every)


@dataclass(frozen=True)
class ScheduleConfig:
    """How learning rates change during a training."""

    schedule: Literal["cosine", "step", "warmup", "constant"] = "cosine"
    """Schedule of the learning rates; 'step', 'warmup' and 'constant' are the published ones."""
    cosine_warm_share: float = 0.0
    """Share of the training during which the rate of 'cosine' first rises from almost zero."""
    cosine_floor: float = 0.0
    """Share of the initial rate at which 'cosine' ends."""
    step_interval: int = 500
    """Epochs between two changes of 'step'."""
    step_factor: float = 0.5
    """Factor of the rate at each change of 'step'."""
    step_epochs: tuple[int, ...] = ()
    """Epochs at which 'step' changes the rate, instead of an interval."""
    warmup_length: int = 100
    """Epochs during which 'warmup' changes the rate linearly."""
    warmup_final: float = 1.0
    """Factor of the rate at the end of 'warmup'."""

    def __post_init__(self) -> None:
        warm, floor = self.cosine_warm_share, self.cosine_floor
        require(0 <= warm < 1, "cosine_warm_share", "at least 0 and less than 1", warm)
        require(0 <= floor <= 1, "cosine_floor", "0 to 1", floor)
        require(self.step_interval >= 1, "step_interval", "at least 1", self.step_interval)
        require(self.step_factor > 0, "step_factor", "positive", self.step_factor)
        require(self.warmup_length >= 1, "warmup_length", "at least 1", self.warmup_length)
        require(self.warmup_final > 0, "warmup_final", "positive", self.warmup_final)


@dataclass(frozen=True)
class ShapeConfig:
    """Settings of `urform train shape` (template, warp, a latent a shape); the defaults are the preset `small`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    """Sizes of the networks."""
    epochs: int = 480
    """Number of epochs; each draws points of every shape once."""
    shapes_per_batch: int = 16
    """Shapes in a batch."""
    points_per_shape: int = 128
    """Points of each shape in a batch, half of them inside."""
    lr_warp: float = 2e-3
    """Initial learning rate of the warp (Adam)."""
    lr_template: float = 1e-3
    """Initial learning rate of the template."""
    lr_latent: float = 2e-3
    """Initial learning rate of the latents."""
    rates: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(cosine_floor=0.01))
    """How the three rates change."""
    rates_apart: Annotated[tuple[ScheduleConfig, ScheduleConfig, ScheduleConfig] | None, Suppress] = None
    """How each of them changes (warp, template, latents), where published specs say so."""
    clip_norm: float | None = None
    """Largest norm of the gradient; None = no limit."""
    clamp: float = CLAMP
    """Distance at which the sdf is clamped, normalised units."""
    curriculum: bool = False
    """Judge the sdf at four steps of the warp, more strictly from step to step, and weigh hard samples more. Otherwise
    the loss is the plain error at the canonical points."""
    pointwise_weight: float = 0.0005
    """Weight of the pointwise term, ten times as large at the start; 0 = off."""
    pointpair_weight: float = 0.05
    """Weight of the pointpair term, a mean over pairs, reached at epoch 100; 0 = off."""
    pointpair_limit: float | None = None
    """Largest excess stretch of a pair that counts; None = no limit."""
    neighbour_weight: float = 0.02
    """Weight of the neighbour term: the excess stretch of points 0.02 apart. It prevents folds of the warp; 0 = off."""
    correction_weight: float = 3e-4
    """Weight of the mean absolute correction."""
    landmark_weight: float = 0.1
    """Weight of the distance of landmarks from their places in canonical space; 0 = off. Landmarks are keypoints and
    parts of synthetic shapes."""
    keypoints_left_out: tuple[str, ...] = ()
    """Names of keypoints that training leaves out, for testing."""
    latent_weight: float = 1e-4
    """Weight of the latents' norm, reached at epoch 100; 0 = off."""
    latent_bound: float | None = None
    """Largest norm of a learned latent; None = any."""
    latent_start: Literal["shapes", "random"] = "shapes"
    """Where latents start: 'shapes', similar shapes side by side, or 'random' (published)."""
    as_published: bool = False
    """Of the 'lstm' warp, the published initial values and clamp of the state's gradient; and epochs count from 1."""
    precision: Precision = "fp32"
    """Number format of the matrix products: 'fp32', 'bf16' or 'fp16' (autocast)."""
    cache_gb: float = 4.0
    """Memory for SDF samples, GiB; the rest is read from the disk each time."""
    seed: int = 0
    """Seed of initial weights, order and points."""

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.shapes_per_batch >= 1, "shapes_per_batch", "at least 1", self.shapes_per_batch)
        require(self.points_per_shape >= 8, "points_per_shape", "at least 8", self.points_per_shape)
        for name in ("lr_warp", "lr_template", "lr_latent", "clamp"):
            require(getattr(self, name) > 0, name, "positive", getattr(self, name))
        require(self.clip_norm is None or self.clip_norm > 0, "clip_norm", "positive", self.clip_norm)
        require(self.latent_bound is None or self.latent_bound > 0, "latent_bound", "positive", self.latent_bound)
        require(
            self.pointpair_limit is None or self.pointpair_limit > 0,
            "pointpair_limit",
            "positive",
            self.pointpair_limit,
        )
        fits = not self.as_published or self.model.warp == "lstm"
        require(fits, "as_published", "omitted unless `warp` is lstm", self.as_published)
        terms = ("pointwise", "pointpair", "neighbour", "correction", "landmark", "latent")
        for name in (*(f"{term}_weight" for term in terms), "cache_gb"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))


@dataclass(frozen=True)
class JointConfig(ShapeConfig):
    """Settings of `urform train joint` (encoder, warp and template end to end)."""

    lr_warp: float = 1e-3
    """Initial learning rate of the warp (Adam)."""
    lr_latent: float = 3e-4
    """Initial learning rate of the encoder."""
    rates: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(cosine_warm_share=0.1, cosine_floor=0.01))
    """How the three rates change."""
    clip_norm: float | None = 1.0
    """Largest norm of the gradient; None = no limit."""
    latent_start: Annotated[Literal["shapes", "random"], Suppress] = "random"
    """Joint training learns no latents."""
    levels: Levels = "both"
    """Views to learn from: easy, hard or both."""
    augment: bool = True
    """Vary background, crop, color, blur and compression, so that the encoder works on photographs."""
    flip: bool = True
    """Also show mirrored views; right where the objects are (nearly) symmetric."""
    every_view: bool = False
    """An epoch shows every view of every shape once, as published, instead of one view of each shape."""
    freeze_backbone: bool = False
    """Of the encoder, the head alone learns, as published; the backbone stays as it starts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        bound = self.latent_bound
        require(bound is None, "latent_bound", "omitted: joint training learns no latents", bound)
        start = self.latent_start
        require(start == "random", "latent_start", "omitted: joint training learns no latents", start)


@dataclass(frozen=True)
class EncoderConfig:
    """Settings of `urform train encoder` (picture to learned latent); the defaults are the preset `small`."""

    epochs: int = 34
    """Number of epochs; each shows every view once."""
    batch_size: int = 64
    """Views in a batch."""
    lr: float = 1e-3
    """Highest learning rate (AdamW)."""
    rates: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(cosine_warm_share=0.05))
    """How the rate changes."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    latent_weight: float = 1.0
    """Weight of the L1 between predicted and learned latent; 0 = the sdf term alone."""
    sdf_weight: float = 10.0
    """Weight of the clamped sdf error of the predicted shape; 0 = published regression."""
    points_per_view: int = 32
    """Points a view at which this error is measured."""
    clamp: float = CLAMP
    """Distance at which the sdf is clamped, normalised units."""
    levels: Levels = "both"
    """Views to learn from: easy, hard or both."""
    augment: bool = True
    """Vary background, crop, color, blur and compression, so that the encoder works on photographs."""
    flip: bool = True
    """Also show mirrored views; right where the objects are (nearly) symmetric."""
    copies: int = 3
    """Augmented copies of each view where the encoder is 'trunk': features are computed once, at the start."""
    precision: Precision = "fp32"
    """Number format of the matrix products: 'fp32', 'bf16' or 'fp16' (autocast)."""
    cache_gb: float = 4.0
    """Memory for SDF samples, GiB; the rest is read from the disk each time."""
    seed: int = 0
    """Seed of initial weights, order and augmentation."""

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.batch_size >= 2, "batch_size", "at least 2", self.batch_size)
        require(self.lr > 0, "lr", "positive", self.lr)
        require(self.latent_weight >= 0, "latent_weight", "0 or more", self.latent_weight)
        least = "0 or more, and positive where `latent_weight` is 0"
        require(self.sdf_weight >= 0 and self.sdf_weight + self.latent_weight > 0, "sdf_weight", least, self.sdf_weight)
        require(self.points_per_view >= 8, "points_per_view", "at least 8", self.points_per_view)
        require(self.copies >= 1, "copies", "at least 1", self.copies)
        require(self.clamp > 0, "clamp", "positive", self.clamp)
        require(self.cache_gb >= 0, "cache_gb", "0 or more", self.cache_gb)
        require(self.clip_norm > 0, "clip_norm", "positive", self.clip_norm)
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)


@dataclass(frozen=True)
class PoseConfig:
    """Settings of `urform train pose` (picture to camera)."""

    epochs: int = 30
    """Number of epochs; each shows every copy of every view once."""
    batch_size: int = 128
    """Pictures in a batch."""
    lr: float = 2e-3
    """Highest learning rate (AdamW)."""
    rates: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(cosine_warm_share=0.02))
    """How the rate changes."""
    weight_decay: float = 0.02
    """Weight decay of AdamW."""
    copies: int = 1
    """Augmented copies of each view, beside the view itself; their features are computed once, at the start."""
    roll_deg: float = 12.0
    """Largest rotation of a copy, degrees, because photographs are not level."""
    levels: Levels = "both"
    """Views to learn from: easy, hard or both."""
    flip: bool = True
    """Also show mirrored views; right where the objects are (nearly) symmetric."""
    seed: int = 0
    """Seed of initial weights, order and augmentation."""

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.batch_size >= 2, "batch_size", "at least 2", self.batch_size)
        require(self.lr > 0, "lr", "positive", self.lr)
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
        require(self.copies >= 0, "copies", "0 or more", self.copies)
        require(0 <= self.roll_deg < 45, "roll_deg", "at least 0 and less than 45", self.roll_deg)


@dataclass(frozen=True)
class CategoriesConfig:
    """Settings of `urform train categories` (picture to category)."""

    views: int = 200
    """Most views of a split file to learn from, evenly spaced; a category's test splits give as many to measure."""
    copies: int = 1
    """Augmented copies of each view, beside the view itself."""
    roll_deg: float = 12.0
    """Largest rotation of a copy, degrees, because photographs are not level."""
    weight_decay: float = 0.1
    """Weight decay of AdamW."""
    seed: int = 0
    """Seed of the augmentation."""

    def __post_init__(self) -> None:
        require(self.views >= 1, "views", "at least 1", self.views)
        require(self.copies >= 0, "copies", "0 or more", self.copies)
        require(0 <= self.roll_deg < 45, "roll_deg", "at least 0 and less than 45", self.roll_deg)
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)


def pair_weight_of_sum(weight: float, points_per_shape: int) -> float:
    """The weight of the pointpair term, a mean, that equals a published weight of its sum over pairs.

    Args:
        weight: Of the sum over pairs, divided by the points of a shape.
        points_per_shape: Points N of each shape in a batch; pairs are N/8 of them with the others.
    """
    first = points_per_shape // 8
    return weight * first * (points_per_shape - first) / points_per_shape


_PUBLISHED: dict[str, Any] = {
    "model": PRESETS["published"],
    "epochs": 2001,
    "shapes_per_batch": 24,
    "points_per_shape": 5000,
    "lr_warp": 5e-4,
    "lr_template": 1e-3,
    "lr_latent": 1e-3,
    "pointwise_weight": 0.005,
    "pointpair_weight": pair_weight_of_sum(2e-5, 5000),
    "pointpair_limit": 5.0,
    "neighbour_weight": 0.0,
    "landmark_weight": 0.0,
    "latent_start": "random",
    "curriculum": True,
    "rates": ScheduleConfig("step"),
    "as_published": True,
    "precision": "fp32",
}
_DIT: dict[str, Any] = {**_PUBLISHED, "pointpair_weight": pair_weight_of_sum(1e-4, 5000), "pointpair_limit": None}
SHAPE_PRESETS = {"small": ShapeConfig(), "published": ShapeConfig(**_PUBLISHED), "dit": ShapeConfig(**_DIT)}
JOINT_PRESETS = {
    "small": JointConfig(),
    "published": JointConfig(
        **_PUBLISHED, clip_norm=None, augment=False, flip=False, every_view=True, freeze_backbone=True
    ),
}
