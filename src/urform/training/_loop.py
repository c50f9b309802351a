"""The one training loop."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from urform.config import RUN_FILES, RunConfig
from urform.training._ahead import made_ahead
from urform.training._devices import Team
from urform.training._look import Look
from urform.training._run import RunFolder
from urform.training._signals import Stop
from urform.weights import FILE_NAME

logger = logging.getLogger(__name__)

CHECKPOINT_S = 600.0  # so long a part of an epoch may be lost to a kill
_SHOWN = ("loss", "sdf_error", "l1", "val_sdf_error", "val_chamfer")
AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}

Batch = tuple[Tensor, ...]
"""Tensors with the same leading dimension, the examples."""


class Stage(ABC):
    """What one stage of training brings to the loop.

    Attributes:
        modules: everything that is trained.
        optimizer: over the modules' parameters; each group's `initial_lr` is scaled by `lr_factors`.
        epochs: how many there are.
        seed: of everything random in the training.
        precision: number format of the matrix products: fp32, bf16 or fp16.
        clip_norm: largest norm of the gradient; None = any.
    """

    modules: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    epochs: int
    seed: int
    precision: str = "fp32"
    clip_norm: float | None = None

    @property
    def dropped_samples(self) -> Mapping[str, int]:
        """How many samples were left out of each shape that has some that are not finite, so far."""
        return {}

    @property
    @abstractmethod
    def batches_per_epoch(self) -> int:
        """How many there are."""

    @abstractmethod
    def batch(self, epoch: int, index: int) -> Batch:
        """One batch: a function of the seed, the epoch and the index alone."""

    @abstractmethod
    def step(self, batch: Batch, epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weighted terms, whose sum is the loss, and further numbers to be logged: all of them means over examples.

        Args:
            batch: what `batch` made, or a part of it.
            epoch: epochs that are done, and parts of one.
        """

    @abstractmethod
    def lr_factors(self, epoch: float) -> Sequence[float]:
        """Share of its initial learning rate for each group, after so many epochs and parts of one."""

    @abstractmethod
    def export(self, path: Path) -> None:
        """Write what the training has learned so far in the form in which it is used."""

    @abstractmethod
    def look(self) -> Look:
        """Measure and draw what the training has learned so far; the modules are in evaluation mode."""


@dataclass
class TrainingState:
    """How far a training is: the next batch is `index` of `epoch`.

    Attributes:
        epoch: epochs that are done.
        index: batches of the next one that are done.
        elapsed_s: seconds of training so far.
        waited_s: how many of them were spent waiting for a batch to be made.
        totals: sums of the logged numbers over the batches of this epoch.
        best: the least score of all looks so far.
    """

    epoch: int = 0
    index: int = 0
    elapsed_s: float = 0.0
    waited_s: float = 0.0
    totals: dict[str, Tensor] = field(default_factory=dict)
    best: float = math.inf


def train(stage: Stage, run: RunFolder, team: Team, config: RunConfig) -> None:
    """Train a stage to its end, from the run's checkpoint where there is one.

    On the CPU, a run that was stopped anywhere and resumed ends with bitwise the same weights as one that was not:
    every random number is drawn from the seed, the epoch and the batch's number. SIGINT and SIGTERM end it after the
    current step, with a checkpoint.

    Args:
        stage: what is trained.
        run: where the result goes.
        team: the device, and the other processes that train the same.
        config: when it ends, what it keeps; batch norm sees the parts of a batch that is divided, all else the whole.

    Raises:
        ValueError: the loss is not finite.
        KeyboardInterrupt: it was stopped by a signal.
    """
    scaler = torch.amp.GradScaler(team.device.type, enabled=stage.precision == "fp16")  # pyright: ignore[reportPrivateImportUsage]
    state = _restore(stage, scaler, run, config)
    last = min(stage.epochs, config.stop_after or stage.epochs)
    count = stage.batches_per_epoch
    done = state.epoch * count + state.index
    hidden: dict[str, Any] = {} if team.is_first else {"disable": True}  # else as TQDM_DISABLE has it
    progress = tqdm(total=stage.epochs * count, initial=done, unit="batch", **hidden)
    with Stop() as stop, progress as bar, contextlib.closing(_Board(run, state.epoch, team.is_first)) as board:
        while state.epoch < last:
            bar.set_description(f"epoch {state.epoch + 1}/{stage.epochs}")
            means = _Epoch(stage, scaler, run, team, config, stop, bar).train(state)
            state = TrainingState(state.epoch + 1, 0, state.elapsed_s, state.waited_s, best=state.best)
            if team.is_first:
                look = _look(stage, run, state) if _is_due(config.look_every, state.epoch, stage.epochs) else Look()
                means |= look.numbers
                # The line first: on resuming it is dropped if the checkpoint did not follow; the other way it is lost.
                seconds = {name: round(getattr(state, name), 2) for name in ("elapsed_s", "waited_s")}
                run.log({"epoch": state.epoch - 1, **means, **seconds})
                run.note_left_out(stage.dropped_samples)
                if _is_kept(config, state.epoch):
                    stage.export(run.path / _snapshot(state.epoch))
                _save(stage, scaler, run, state, config)
                board.add(means, look.pictures, state.epoch - 1)
            shown = {name: f"{value:.3g}" for name, value in means.items() if name in _SHOWN}
            bar.set_postfix(shown)
    if team.is_first:
        stage.export(run.path / FILE_NAME)
        run.note_files()
    team.wait()


class _Epoch:
    """The rest of one epoch."""

    def __init__(
        self,
        stage: Stage,
        scaler: torch.amp.GradScaler,  # pyright: ignore[reportPrivateImportUsage]
        run: RunFolder,
        team: Team,
        config: RunConfig,
        stop: Stop,
        bar: tqdm,
    ):
        self._stage, self._scaler, self._run, self._team = stage, scaler, run, team
        self._config, self._stop, self._bar = config, stop, bar

    def train(self, state: TrainingState) -> dict[str, float]:
        """Train from `state.index` on; returns the means over the whole epoch."""
        stage, team = self._stage, self._team
        stage.modules.train()
        count = stage.batches_per_epoch
        saved = started = time.perf_counter()
        before_s = state.elapsed_s
        for index, batch in self._batches(state):
            logged, stopped = self._step(batch, state.epoch, index)
            for name, value in logged.items():
                state.totals[name] = state.totals.get(name, torch.zeros_like(value)) + value
            now = time.perf_counter()
            state.index, state.elapsed_s = index + 1, before_s + now - started
            self._bar.update()
            if stopped or now - saved > CHECKPOINT_S:
                saved = now
                if team.is_first:
                    _save(stage, self._scaler, self._run, state, self._config)
            if stopped:
                raise KeyboardInterrupt(
                    f"stopped after batch {state.index} of {count} in epoch {state.epoch + 1}; go on with `resume`"
                )
        return {name: (total / count).item() for name, total in state.totals.items()}

    def _batches(self, state: TrainingState) -> Iterator[tuple[int, Batch]]:
        indices = range(state.index, self._stage.batches_per_epoch)
        batches = made_ahead(lambda index: self._stage.batch(state.epoch, index), indices)
        for index in indices:
            asked = time.perf_counter()
            batch = next(batches)
            state.waited_s += time.perf_counter() - asked
            yield index, batch

    def _step(self, batch: Batch, epoch: int, index: int) -> tuple[dict[str, Tensor], bool]:
        """One step of the optimizer; returns what is logged, and whether the training is to stop."""
        stage, team, scaler = self._stage, self._team, self._scaler
        # Dropout. Hashes of integers are the same in every process.
        torch.manual_seed(hash((stage.seed, epoch, index, team.rank)) % 2**63)
        passed = epoch + index / stage.batches_per_epoch
        factors = stage.lr_factors(passed)
        for group, factor in zip(stage.optimizer.param_groups, factors, strict=True):
            group["lr"] = group["initial_lr"] * factor
        stage.optimizer.zero_grad()
        logged: dict[str, Tensor] = {}
        for part, share in self._parts(batch):
            dtype = AUTOCAST.get(stage.precision)
            with torch.autocast(team.device.type, dtype or torch.bfloat16, enabled=dtype is not None):
                terms, further = stage.step(part, passed)
            loss = torch.stack(list(terms.values())).sum() * share
            scaler.scale(loss).backward()
            for name, value in {"loss": loss / share, **terms, **further}.items():
                logged[name] = logged.get(name, torch.zeros_like(value)) + value.detach() * share
        parameters = [value for group in stage.optimizer.param_groups for value in group["params"]]
        logged, stopped = team.sum(parameters, logged, self._stop.requested)
        team.average(stage.modules)
        if not math.isfinite(logged["loss"].item()):
            raise ValueError(f"the loss is not finite in epoch {epoch}; lower the learning rates and start again")
        scaler.unscale_(stage.optimizer)
        if stage.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, stage.clip_norm)
        scaler.step(stage.optimizer)
        scaler.update()
        return logged, stopped

    def _parts(self, batch: Batch) -> Iterator[tuple[Batch, float]]:
        """The parts of a batch that this process works on, and the share of the examples that each has."""
        size = len(batch[0])
        if size < self._team.size:
            raise ValueError(f"a batch of {size} cannot be divided among {self._team.size} processes, expected more")
        pieces = min(size, self._config.accumulate * self._team.size)
        chunks = [tensor.tensor_split(pieces) for tensor in batch]
        for number in range(self._team.rank, pieces, self._team.size):
            part = tuple(tensor[number].to(self._team.device, non_blocking=True) for tensor in chunks)
            yield part, len(part[0]) / size


class _Board:
    """TensorBoard's files, written by the first process."""

    def __init__(self, run: RunFolder, epoch: int, active: bool):
        self._writer = None
        if active:
            from torch.utils.tensorboard import SummaryWriter  # heavy, and only training needs it

            self._writer = SummaryWriter(str(run.path / "tensorboard"), purge_step=epoch)

    def add(self, numbers: dict[str, float], pictures: dict[str, np.ndarray], epoch: int) -> None:
        if self._writer is not None:
            for name, value in numbers.items():
                self._writer.add_scalar(name, value, epoch)
            for name, picture in pictures.items():
                self._writer.add_image(name, picture, epoch, dataformats="HWC")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _is_due(every: int, epoch: int, last: int) -> bool:
    return every > 0 and (epoch % every == 0 or epoch == last)


def _is_kept(config: RunConfig, epoch: int) -> bool:
    return epoch in config.keep_at or (config.keep_every > 0 and epoch % config.keep_every == 0)


def _snapshot(epoch: int) -> str:
    return f"snapshots/{epoch:06d}.safetensors"


def _look(stage: Stage, run: RunFolder, state: TrainingState) -> Look:
    """Look at what is learned, and keep it where it is the best so far."""
    stage.modules.eval()
    look = stage.look()
    if look.score is not None and look.score < state.best:
        state.best = look.score
        stage.export(run.path / RUN_FILES.best)
    return look


def _save(stage: Stage, scaler: Any, run: RunFolder, state: TrainingState, config: RunConfig) -> None:
    run.save_checkpoint(
        {
            **vars(state),
            "validation": [str(path) for path in config.validation],
            "modules": stage.modules.state_dict(),
            "optimizer": stage.optimizer.state_dict(),
            "scaler": scaler.state_dict(),
        }
    )


def _restore(stage: Stage, scaler: Any, run: RunFolder, config: RunConfig) -> TrainingState:
    checkpoint = run.checkpoint()
    run.keep_metrics(0 if checkpoint is None else checkpoint["epoch"])
    if checkpoint is None:
        return TrainingState()
    try:
        stage.modules.load_state_dict(checkpoint["modules"])
        stage.optimizer.load_state_dict(checkpoint["optimizer"])
        if checkpoint["scaler"]:
            scaler.load_state_dict(checkpoint["scaler"])
        if checkpoint["validation"] != [str(path) for path in config.validation]:
            checkpoint["best"] = math.inf  # of other shapes
        state = TrainingState(**{each.name: checkpoint[each.name] for each in fields(TrainingState)})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{run.path}: its checkpoint is of another run ({reason}); start again with `overwrite`"
        ) from error
    _check_kept(run, state, config)
    return state


def _check_kept(run: RunFolder, state: TrainingState, config: RunConfig) -> None:
    """Say which weights of epochs that are done cannot be read: training does not make them again."""
    for epoch in range(1, state.epoch + 1):
        if _is_kept(config, epoch) and not run.holds(_snapshot(epoch)):
            logger.warning("%s: missing or damaged, and not made again", run.path / _snapshot(epoch))
    if state.best < math.inf and not run.holds(RUN_FILES.best):
        best = run.path / RUN_FILES.best
        logger.warning("%s: missing or damaged, the best of the epochs to come takes its place", best)
        state.best = math.inf
