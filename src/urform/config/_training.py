"""Settings of the training stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from urform.config._check import require
from urform.config._model import PRESETS, ModelConfig

Schedule = Literal["cosine", "step"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class ShapeConfig:
    """Settings of `urform train shape` (template, warp, a latent a shape); the defaults are the preset `small`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    """Sizes of the networks."""
    epochs: int = 480
    """Epochs; each draws points of every shape once."""
    shapes_per_batch: int = 16
    """Shapes B in a batch."""
    points_per_shape: int = 128
    """Points N of each shape in a batch, half of them inside."""
    lr_warp: float = 2e-3
    """Initial learning rate of the warp (Adam)."""
    lr_template: float = 1e-3
    """Initial learning rate of the template."""
    lr_latent: float = 2e-3
    """Initial learning rate of the latents."""
    schedule: Schedule = "cosine"
    """'cosine' to almost zero at the last epoch, or 'step': halved every quarter of the epochs (published)."""
    clamp: float = 0.1
    """Distance beyond which the sdf is not told apart, normalised units."""
    curriculum: bool = True
    """Weigh hard samples more and tolerate less error from kept step to kept step."""
    pointwise_weight: float = 0.0005
    """Weight of the pointwise term, ten times as much at the start."""
    pointpair_weight: float = 2e-5
    """Weight of the pointpair term, reached at epoch 100."""
    latent_weight: float = 1e-4
    """Weight of the latents' norm, reached at epoch 100."""
    precision: Precision = "bf16"
    """Number format of the matrix products: 'fp32' or 'bf16' (autocast)."""
    cache_gb: float = 4.0
    """SDF samples kept in memory, GiB; the rest is read from the disk each time."""
    seed: int = 0
    """Seed of initial weights, order and points."""

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "--epochs", "at least 1", self.epochs)
        require(self.shapes_per_batch >= 1, "--shapes-per-batch", "at least 1", self.shapes_per_batch)
        require(self.points_per_shape >= 8, "--points-per-shape", "at least 8", self.points_per_shape)
        for name in ("lr_warp", "lr_template", "lr_latent", "clamp"):
            require(getattr(self, name) > 0, "--" + name.replace("_", "-"), "positive", getattr(self, name))
        for name in ("pointwise_weight", "pointpair_weight", "latent_weight", "cache_gb"):
            require(getattr(self, name) >= 0, "--" + name.replace("_", "-"), "0 or more", getattr(self, name))


@dataclass(frozen=True)
class EncoderConfig:
    """Settings of `urform train encoder` (picture to learned latent); the defaults are the preset `small`."""

    epochs: int = 24
    """Epochs; each shows every view once."""
    coarse_epochs: int = 0
    """The first of them, with pictures of half the size: less than half the time an epoch."""
    batch_size: int = 64
    """Views in a batch."""
    lr: float = 1e-3
    """Highest learning rate (AdamW), after a warm-up of a twentieth of the steps, then a cosine to zero."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    sdf_weight: float = 5.0
    """Weight of the clamped sdf error of the predicted shape, beside the L1 of its latent; 0 = published regression."""
    points_per_view: int = 64
    """Points of the shape at which that error is taken, a view."""
    clamp: float = 0.1
    """Distance beyond which the sdf is not told apart, normalised units."""
    augment: bool = True
    """Vary background, crop, colour, blur and compression, so that photographs are not foreign."""
    flip: bool = True
    """Also show mirrored views; right where the objects are (nearly) symmetric."""
    precision: Precision = "bf16"
    """Number format of the matrix products: 'fp32' or 'bf16' (autocast)."""
    cache_gb: float = 4.0
    """SDF samples kept in memory, GiB; the rest is read from the disk each time."""
    seed: int = 0
    """Seed of initial weights, order and augmentation."""

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "--epochs", "at least 1", self.epochs)
        require(self.coarse_epochs >= 0, "--coarse-epochs", "0 or more", self.coarse_epochs)
        require(self.batch_size >= 2, "--batch-size", "at least 2", self.batch_size)
        require(self.lr > 0, "--lr", "positive", self.lr)
        require(self.sdf_weight >= 0, "--sdf-weight", "0 or more", self.sdf_weight)
        require(self.points_per_view >= 8, "--points-per-view", "at least 8", self.points_per_view)
        require(self.clamp > 0, "--clamp", "positive", self.clamp)
        require(self.cache_gb >= 0, "--cache-gb", "0 or more", self.cache_gb)
        require(self.clip_norm > 0, "--clip-norm", "positive", self.clip_norm)
        require(self.weight_decay >= 0, "--weight-decay", "0 or more", self.weight_decay)


SHAPE_PRESETS = {
    "small": ShapeConfig(),
    "published": ShapeConfig(
        model=PRESETS["published"],
        epochs=2001,
        shapes_per_batch=24,
        points_per_shape=5000,
        lr_warp=5e-4,
        lr_template=1e-3,
        lr_latent=1e-3,
        pointwise_weight=0.005,
        schedule="step",
        precision="fp32",
    ),
}
