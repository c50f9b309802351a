"""The one training loop."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from urform.training._run import RunFolder

T = TypeVar("T")
AHEAD = 2  # batches made while the network still works on the one before


class Stage(ABC):
    """What one stage of training brings to the loop.

    Attributes:
        modules: everything that is trained.
        optimizer: over the modules' parameters; each group's `initial_lr` is scaled by `lr_factor`.
        epochs: how many there are.
        seed: of everything random in the training.
        autocast: number format of the matrix products; None = 32 bits.
        clip_norm: largest norm of the gradient; None = any.
    """

    modules: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    epochs: int
    seed: int
    autocast: torch.dtype | None = None
    clip_norm: float | None = None

    @abstractmethod
    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch: a function of the seed and the epoch alone."""

    @property
    @abstractmethod
    def batches_per_epoch(self) -> int:
        """How many there are."""

    @abstractmethod
    def step(self, batch: Any, epoch: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weighted terms, whose sum is the loss, and further numbers to be logged."""

    @abstractmethod
    def lr_factor(self, progress: float) -> float:
        """Share of the initial learning rates at a progress of 0..1 through the training."""

    @abstractmethod
    def export(self) -> None:
        """Write what the training has learned so far in the form in which it is used."""


def fit(stage: Stage, run: RunFolder, device: torch.device, stop_after: int | None = None) -> None:
    """Train a stage to its end, from the run's checkpoint where there is one.

    On the CPU, a run that was stopped and resumed ends with bitwise the same weights as one that was not: every random
    number is drawn from the seed and the epoch.

    Args:
        stage: what is trained.
        run: where the result goes.
        device: where it is computed.
        stop_after: end this call once so many epochs are done in all; the run can be resumed.

    Raises:
        ValueError: the loss is not finite.
    """
    from torch.utils.tensorboard import SummaryWriter  # heavy, and only training needs it

    first, elapsed_s = _restore(stage, run)
    last = min(stage.epochs, stop_after or stage.epochs)
    board = SummaryWriter(str(run.path / "tensorboard"), purge_step=first)
    count = stage.batches_per_epoch
    progress = tqdm(total=stage.epochs * count, initial=first * count, unit="batch")
    with contextlib.closing(board), progress as bar:
        for epoch in range(first, last):
            bar.set_description(f"epoch {epoch + 1}/{stage.epochs}")
            started = time.perf_counter()
            means = _train_epoch(stage, epoch, device, bar)
            elapsed_s += time.perf_counter() - started
            metrics = {"epoch": epoch, **means, "elapsed_s": round(elapsed_s, 2)}
            run.save_checkpoint(
                {
                    "epoch": epoch + 1,
                    "elapsed_s": elapsed_s,
                    "modules": stage.modules.state_dict(),
                    "optimizer": stage.optimizer.state_dict(),
                }
            )
            run.log(metrics)
            for name, value in means.items():
                board.add_scalar(name, value, epoch)
            bar.set_postfix(
                {name: f"{value:.3g}" for name, value in means.items() if name in ("loss", "sdf_error", "l1")}
            )
    stage.export()


def _restore(stage: Stage, run: RunFolder) -> tuple[int, float]:
    checkpoint = run.checkpoint()
    first = 0 if checkpoint is None else int(checkpoint["epoch"])
    run.keep_metrics(first)
    if checkpoint is None:
        return 0, 0.0
    stage.modules.load_state_dict(checkpoint["modules"])
    stage.optimizer.load_state_dict(checkpoint["optimizer"])
    return first, float(checkpoint["elapsed_s"])


def _train_epoch(stage: Stage, epoch: int, device: torch.device, bar: tqdm) -> dict[str, float]:
    torch.manual_seed(hash((stage.seed, epoch)) % 2**63)  # dropout; hashes of integers are the same in every process
    stage.modules.train()
    totals: dict[str, Tensor] = {}
    count = stage.batches_per_epoch
    for index, batch in enumerate(_made_ahead(stage.batches(epoch))):
        factor = stage.lr_factor((epoch + index / count) / stage.epochs)
        for group in stage.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        enabled = stage.autocast is not None
        with torch.autocast(device.type, stage.autocast or torch.bfloat16, enabled=enabled):
            terms, further = stage.step(batch, epoch)
        loss = torch.stack(list(terms.values())).sum()
        if not math.isfinite(loss.item()):
            raise ValueError(f"the loss is not finite in epoch {epoch}; lower the learning rates and start again")
        stage.optimizer.zero_grad()
        loss.backward()
        if stage.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(stage.modules.parameters(), stage.clip_norm)
        stage.optimizer.step()
        bar.update()
        for name, value in {"loss": loss, **terms, **further}.items():
            totals[name] = totals.get(name, torch.zeros((), device=device)) + value.detach()
    return {name: (total / count).item() for name, total in totals.items()}


def _made_ahead(items: Iterator[T], ahead: int = AHEAD) -> Iterator[T]:
    """The same items, made in a thread of their own: what they draw on belongs to them alone, so the order is the same.

    Raises:
        Exception: whatever making them raises.
    """
    made: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None = None) -> bool:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                made.put((item, error), timeout=0.1)
                return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None, StopIteration())
        except BaseException as error:  # handed over, and raised where the items are used
            put(None, error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # pyright: ignore[reportReturnType]
    finally:
        stopped.set()
        thread.join()


def choose_device(name: str) -> torch.device:
    """The device of that name; 'auto' takes cuda, then mps, then the CPU.

    Raises:
        ValueError: there is no such device here.
    """
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if found[kind])
    if not found.get(name.split(":")[0], False):
        here = ", ".join(kind for kind, there in found.items() if there)
        raise ValueError(f"--device must be one that is here ({here}), got {name!r}")
    return torch.device(name)
