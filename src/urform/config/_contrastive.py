"""Settings of contrastive pre-training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from urform.config._check import require
from urform.config._training import Levels, Precision, ScheduleConfig


@dataclass(frozen=True)
class ContrastiveConfig:
    """Settings of `urform train contrastive` (views of one object get the same features)."""

    method: str = "simclr"
    """How: simclr, moco, byol or simsiam."""
    backbone: str = "resnet18"
    """The network that is trained: resnet18, resnet34, resnet50, resnet101, efficientnet-lite0, or trunk, whose last
    reduction alone learns."""
    width: int = 40
    """Channels of a ResNet's first stage; 64 is a full one."""
    image_size: int = 64
    """Pixels along an edge of the pictures."""
    pictures: Literal["framed", "resized"] = "framed"
    """How the network sees a view: 'framed', cropped to the object, or 'resized', whole (published)."""
    projection_size: int = 128
    """Length of the projections that the loss compares."""
    temperature: float = 0.07
    """Temperature of the softmax of simclr and moco."""
    momentum: float = 0.99
    """Momentum of the momentum encoder of moco and byol."""
    queue_size: int = 8192
    """Keys in the queue of moco."""
    head_norm: Literal["usual", "on", "off"] = "usual"
    """Batch norm in projection and predictor: as the method's paper has it, or in all of them, or in none."""
    predictor_size: int | None = None
    """Hidden units of the predictor of byol and simsiam; None = as many as features, or a quarter of the projection;
    published 512."""
    normalised_predictions: bool = True
    """The loss of byol and simsiam compares directions alone; published byol leaves predictions as long as they are."""
    augmentation: Literal["full", "color"] = "full"
    """How views are varied: crop, mirror image, color, grey and blur, or by color alone (published)."""
    epoch_shows: Literal["views", "objects"] = "views"
    """An epoch shows about as many pictures as there are views, or a pair of views of each object (published)."""
    pairs: Literal["views", "augmentations", "mixed"] = "views"
    """Positive pairs: two views of an object, two augmentations of one view, or one or the other at random."""
    levels: Levels = "both"
    """Views to learn from: easy, hard or both."""
    epochs: int = 100
    """Number of epochs; each shows about as many pictures as there are views."""
    batch_size: int = 64
    """Objects in a batch, each with two pictures."""
    optimizer: Literal["sgd", "adamw", "lars"] | None = None
    """Optimizer; sgd and lars have a momentum of 0.9. None = adamw, lars for byol, sgd for simsiam. Those two collapse
    under adamw, because they have no negatives."""
    lr: float | None = None
    """Highest learning rate; None = 1e-3 for adamw, 0.05 for sgd, 1 for lars."""
    rates: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(cosine_warm_share=0.05))
    """How the rate changes."""
    weight_decay: float = 1e-4
    """Weight decay of all weights except biases and normalisations."""
    precision: Precision = "fp32"
    """Number format of the matrix products: 'fp32', 'bf16' or 'fp16' (autocast)."""
    seed: int = 0
    """Seed of initial weights, order, pairs and augmentation."""

    def __post_init__(self) -> None:
        require(self.width >= 1, "width", "at least 1", self.width)
        require(32 <= self.image_size <= 1024, "image_size", "32 to 1024 pixels", self.image_size)
        require(self.projection_size >= 2, "projection_size", "at least 2", self.projection_size)
        require(self.temperature > 0, "temperature", "positive", self.temperature)
        require(0 <= self.momentum < 1, "momentum", "at least 0 and less than 1", self.momentum)
        require(self.queue_size >= 1, "queue_size", "at least 1", self.queue_size)
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.batch_size >= 2, "batch_size", "at least 2", self.batch_size)
        size = self.predictor_size
        require(size is None or size >= 1, "predictor_size", "at least 1", size)
        require(self.lr is None or self.lr > 0, "lr", "positive", self.lr)
        require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
