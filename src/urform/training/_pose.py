"""The camera of a picture, learned from rendered views, whose cameras are known; and what such pictures look like.

The trunk is never trained: its features of all views and augmented copies are computed once. What learns is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from tqdm import tqdm

from urform.config import PoseConfig, RunConfig, ShapeChoice
from urform.data import DataFolder, ShapeKey, choose_shapes, read_split
from urform.losses import pose_loss
from urform.models import TRUNK_SIZE, Familiarity, PoseNetwork, Trunk, bin_centres, decode_pose, load_trunk, to_input
from urform.pictures import frame
from urform.sets import ViewSet, augment
from urform.training._devices import Team
from urform.training._look import Look, read_held_out
from urform.training._loop import Stage, train
from urform.training._pictures import levels, seeded
from urform.training._run import RunFolder, check_inputs
from urform.training._schedule import lr_factor
from urform.weights import Weights, load_weights, save_weights

_TOGETHER = 64  # pictures that go through the trunk at once
_TURNED = 0.75  # how much smaller a picture becomes before it is turned, so that no corner is lost


class PoseStage(Stage):
    """Learns to tell the camera of a view.

    Args:
        features: (N, 112, 4, 4) of the trunk.
        cameras: (N, 4) azimuth, elevation, roll in radians and logarithm of the distance in box diagonals.
        weights: of the model, which gets the network.
        config: settings.
        device: where it is computed.
        held_out: features and cameras of views that are not learned from, where there are any: they are measured, and
            tell how strange a picture of the category may be.
    """

    def __init__(
        self,
        features: Tensor,
        cameras: Tensor,
        weights: Weights,
        config: PoseConfig,
        device: torch.device,
        held_out: tuple[Tensor, Tensor] | None = None,
    ):
        self.epochs, self.seed = config.epochs, config.seed
        self._features, self._cameras, self._weights, self._config = features, cameras, weights, config
        self._held_out = None if held_out is None else tuple(part.to(device) for part in held_out)
        torch.manual_seed(config.seed)
        self._network = PoseNetwork()
        self._network.set_scale(features.float())
        self._network.to(device)
        self._familiarity = Familiarity()
        self._familiarity.learn(features.float(), (features if held_out is None else held_out[0]).float())
        self._centres = bin_centres(device)
        self.modules = nn.ModuleDict({"pose": self._network})
        self.optimizer = torch.optim.AdamW(self._network.parameters(), config.lr, weight_decay=config.weight_decay)
        self.optimizer.param_groups[0]["initial_lr"] = config.lr

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches only."""
        return max(1, len(self._features) // self._config.batch_size)

    def batch(self, epoch: int, index: int) -> tuple[Tensor, ...]:
        """Some pictures, in an order in which an epoch has each once."""
        size = self._config.batch_size
        order = torch.randperm(len(self._features), generator=seeded(self.seed, epoch))
        chosen = order[index * size : (index + 1) * size]
        return self._features[chosen].float(), self._cameras[chosen]

    def step(self, batch: tuple[Tensor, ...], epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See `pose_loss`."""
        features, cameras = batch
        return {"pose": pose_loss(self._network(features), cameras[:, 0], cameras[:, 1:], self._centres)}, {}

    def lr_factors(self, epoch: float) -> list[float]:
        """Of the one group."""
        return [lr_factor(self._config.rates, epoch, self.epochs)]

    @torch.no_grad()
    def look(self) -> Look:
        """Median errors on held-out views, in degrees."""
        if self._held_out is None:
            return Look()
        features, cameras = self._held_out
        found = decode_pose(self._network(features.float()))
        azimuth = (found.azimuth_deg - cameras[:, 0].rad2deg() + 180) % 360 - 180
        errors = {"val_azimuth_deg": azimuth, "val_elevation_deg": found.elevation_deg - cameras[:, 1].rad2deg()}
        numbers = {name: error.abs().median().item() for name, error in errors.items()}
        return Look(numbers, score=sum(numbers.values()))

    def export(self, path: Path) -> None:
        """Write the weights file with the network in it, and what the category looks like."""
        save_weights(path, replace(self._weights, pose=self._network, familiarity=self._familiarity))


def train_pose(
    init: Path,
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: PoseConfig,
    run: RunConfig | None = None,
    choice: ShapeChoice | None = None,
) -> None:
    """Teach a model to tell the camera of a picture.

    Args:
        init: run folder or weights file of the model; it is written again with what tells the camera.
        data: the data folder, with views and their metadata.
        splits: split files; views of a shape that several name are shown that many times.
        out: the run folder.
        config: settings.
        run: how it is run.
        choice: which shapes of the splits are taken; by default those that have views.

    Raises:
        FileNotFoundError: there is no such model, no shape has views, or views lack their metadata.
        ValueError: a file is damaged.
    """
    run = run or RunConfig()
    check_inputs(out, [*splits, *run.validation, init])
    weights = load_weights(init)
    folder, wanted = DataFolder(data), levels(config.levels)
    named = [key for split in splits for key in read_split(split)]
    chosen = choose_shapes(folder, named, ("views",), choice, wanted)
    keys = chosen.keys
    held_out = read_held_out(folder, run.validation, keys, ("views",), choice, wanted)
    team = Team(run.device)
    trunk = load_trunk(str(team.device))
    measured = pose_features(folder, held_out, replace(config, copies=0), trunk) if held_out else None
    stage = PoseStage(*pose_features(folder, keys, config, trunk), weights, config, team.device, measured)
    settings = {"config": config, "init": str(init), "shapes": [str(key) for key in keys]}
    train(stage, RunFolder(out, "pose", settings, run, team.is_first, chosen.left_out, (init,)), team, run)


@torch.inference_mode()
def pose_features(
    folder: DataFolder, keys: Sequence[ShapeKey], config: PoseConfig, trunk: Trunk
) -> tuple[Tensor, Tensor]:
    """Features (N, 112, 4, 4), 16 bits, and cameras (N, 4) of all views, then of their augmented copies."""
    device = next(trunk.parameters()).device
    chosen = levels(config.levels)
    views = ViewSet(folder, keys, TRUNK_SIZE, chosen)
    eyes = np.concatenate([folder.eyes(key, chosen) for key in keys])
    features, cameras = [], []
    count = -(-len(views) // _TOGETHER)
    for index in tqdm(range((config.copies + 1) * count), desc="features", unit="batch", leave=False):
        copy, part = divmod(index, count)
        rows = torch.arange(part * _TOGETHER, min((part + 1) * _TOGETHER, len(views)))
        generator = seeded(config.seed, copy, part)
        labels = _cameras(eyes[rows.numpy()])
        rgba = views.batch(rows)[0]
        if copy:
            rgba, labels = _varied(rgba, labels, config, generator)
        pictures = augment(rgba, False, generator) if copy else to_input(rgba)
        features.append(trunk(pictures.to(device)).half().cpu())
        cameras.append(labels)
    return torch.cat(features).clone(), torch.cat(cameras).clone()


def _cameras(eyes: Float[np.ndarray, "B 3"]) -> Float[Tensor, "B 4"]:
    """Azimuth, elevation, roll and logarithm of the distance of cameras that look at the middle of a shape."""
    distance = np.linalg.norm(eyes, axis=1)
    azimuth, elevation = np.arctan2(eyes[:, 2], eyes[:, 0]), np.arcsin(eyes[:, 1] / distance)
    return torch.tensor(np.stack([azimuth, elevation, np.zeros_like(azimuth), np.log(distance)], axis=1)).float()


def _varied(
    rgba: UInt8[Tensor, "B S S 4"], cameras: Tensor, config: PoseConfig, generator: torch.Generator
) -> tuple[UInt8[Tensor, "B S S 4"], Tensor]:
    """The same turned, each its own way, and half of them mirrored."""
    azimuth, elevation, _, distance = cameras.unbind(dim=1)
    mirrored = (torch.rand(len(rgba), generator=generator) < 0.5) & config.flip
    rgba = torch.where(mirrored[:, None, None, None], rgba.flip(2), rgba)
    azimuth = torch.where(mirrored, torch.pi - azimuth, azimuth)
    roll = config.roll_deg * (2 * torch.rand(len(rgba), generator=generator) - 1)
    turned = [turn(picture.numpy(), degrees) for picture, degrees in zip(rgba, roll.tolist(), strict=True)]
    return torch.from_numpy(np.stack(turned)), torch.stack([azimuth, elevation, roll.deg2rad(), distance], dim=1)


def turn(rgba: UInt8[np.ndarray, "S S 4"], degrees: float) -> UInt8[np.ndarray, "S S 4"]:
    """A framed picture turned counter-clockwise, and framed again."""
    size = len(rgba)
    premultiplied = rgba.astype(np.float32)
    premultiplied[..., :3] *= premultiplied[..., 3:] / 255
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), degrees, _TURNED)
    turned = cv2.warpAffine(premultiplied, matrix, (size, size), flags=cv2.INTER_LINEAR)
    turned[..., :3] *= 255 / np.maximum(turned[..., 3:], 1e-3)
    return frame(np.clip(turned + 0.5, 0, 255).astype(np.uint8), size)
