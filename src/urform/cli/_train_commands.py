"""The training commands, each a dataclass whose fields are its flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes

from urform.config import (
    ContrastiveConfig,
    EncoderConfig,
    JointConfig,
    PoseConfig,
    RunConfig,
    ShapeChoice,
    ShapeConfig,
)

# Heavy imports stand inside `run`: `urform --help` and a wrong flag answer at once.


@dataclass(frozen=True)
class TrainShape:
    """Train template, warp and one latent a shape (first phase)."""

    data: Path
    """Data folder, as `urform prepare` makes it."""
    split: tuple[Path, ...]
    """Split files: the training shapes."""
    out: Path
    """Run folder."""
    config: OmitArgPrefixes[ShapeConfig] = field(default_factory=ShapeConfig)
    """Settings."""
    preset: Literal["small", "published", "dit"] = "small"
    """Start settings: 'small' for two CPU cores, 'published', or 'dit', those of Deep Implicit Templates."""
    run_config: OmitArgPrefixes[RunConfig] = field(default_factory=RunConfig)
    """How it is run."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""

    specs: Path | None = None
    """Experiment folder of the published system; its specs.json gives settings, data and split; flags override it."""

    def run(self) -> int:
        """Train."""
        from urform.training import train_shape

        train_shape(self.data, self.split, self.out, self.config, self.run_config, choice=self.choice)
        return 0


@dataclass(frozen=True)
class TrainEncoder:
    """Train the image encoder on the latents of a trained shape run (second phase)."""

    init: tuple[Path, ...]
    """Run folder or weights file of `urform train shape` (training starts from its encoder, where it has one), and
    perhaps a contrastive run or published checkpoint for the encoder to start from; a file of latents (.pkl, .npz)
    takes the place of the learned ones."""
    data: Path
    """Data folder with views of its shapes."""
    split: tuple[Path, ...]
    """Split files; a file that you name twice counts twice."""
    out: Path
    """Run folder."""
    config: OmitArgPrefixes[EncoderConfig] = field(default_factory=EncoderConfig)
    """Settings."""
    run_config: OmitArgPrefixes[RunConfig] = field(default_factory=lambda: RunConfig(look_every=1))
    """How it is run."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""
    imagenet: Path | None = None
    """File of torchvision's ResNet weights to start from (the width must be 64). Or trunk, whose weights the package
    brings, or efficientnet-lite0, whose weights the extra `efficientnet` brings: the encoder becomes that."""
    encoder_from: str | None = None
    """Shipped category, run folder or weights file whose encoder to start from, all but its last layer. Training
    is then several times shorter."""

    def run(self) -> int:
        """Train."""
        from urform.training import train_encoder

        more = (self.imagenet, self.choice, self.encoder_from)
        train_encoder(self.init, self.data, self.split, self.out, self.config, self.run_config, *more)
        return 0


@dataclass(frozen=True)
class TrainPose:
    """Teach a model to estimate the camera of a picture, from its rendered views."""

    init: Path
    """Run folder or weights file of the model."""
    data: Path
    """Data folder with views and their metadata."""
    split: tuple[Path, ...]
    """Split files; a file that you name twice counts twice."""
    out: Path
    """Run folder; its weights are those of `--init` plus the camera network."""
    config: OmitArgPrefixes[PoseConfig] = field(default_factory=PoseConfig)
    """Settings."""
    run_config: OmitArgPrefixes[RunConfig] = field(default_factory=lambda: RunConfig(look_every=5))
    """How it is run."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""

    def run(self) -> int:
        """Train."""
        from urform.training import train_pose

        train_pose(self.init, self.data, self.split, self.out, self.config, self.run_config, choice=self.choice)
        return 0


@dataclass(frozen=True)
class TrainJoint:
    """Train encoder, template and warp end to end."""

    data: Path
    """Data folder with SDF samples and views, as `urform prepare` makes it."""
    split: tuple[Path, ...]
    """Split files: the training shapes."""
    out: Path
    """Run folder."""
    config: OmitArgPrefixes[JointConfig] = field(default_factory=JointConfig)
    """Settings."""
    run_config: OmitArgPrefixes[RunConfig] = field(default_factory=RunConfig)
    """How it is run."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""
    preset: Literal["small", "published"] = "small"
    """Start settings: 'small' for two CPU cores, 'published' as in the literature."""
    specs: Path | None = None
    """Experiment folder of the published system; its specs.json gives settings, data and split; flags override it."""
    init: tuple[Path, ...] = ()
    """Run folder or weights file whose networks are started from; a contrastive run or published checkpoint."""
    imagenet: Path | None = None
    """File of torchvision's ResNet weights for the encoder (the width must be 64); or efficientnet-lite0, whose weights
    the extra `efficientnet` brings: the encoder becomes that."""

    def run(self) -> int:
        """Train."""
        from urform.training import train_joint

        train_joint(
            self.data, self.split, self.out, self.config, self.run_config, self.init, self.imagenet, self.choice
        )
        return 0


@dataclass(frozen=True)
class TrainContrastive:
    """Train an image encoder to give the views of one object the same features, before any shape is learned."""

    data: Path
    """Data folder with views."""
    split: tuple[Path, ...]
    """Split files: the training objects."""
    out: Path
    """Run folder."""
    config: OmitArgPrefixes[ContrastiveConfig] = field(default_factory=ContrastiveConfig)
    """Settings."""
    run_config: OmitArgPrefixes[RunConfig] = field(default_factory=lambda: RunConfig(look_every=1))
    """How it is run."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""
    init: Path | None = None
    """Contrastive run or published checkpoint to start from."""
    imagenet: Path | None = None
    """File of torchvision's ResNet weights to start from (the width must be 64)."""

    def run(self) -> int:
        """Train."""
        from urform.training import train_contrastive

        train_contrastive(
            self.data, self.split, self.out, self.config, self.run_config, self.init, self.imagenet, self.choice
        )
        return 0
