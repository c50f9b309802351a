"""Work in processes that are killed at random moments of their own time, so that a busy machine changes nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.tensorboard  # training imports it late; here it is read once for all processes
import trimesh

from urform.config import (
    ContrastiveConfig,
    EncoderConfig,
    JointConfig,
    ModelConfig,
    PrepareConfig,
    RunConfig,
    ShapeConfig,
)
from urform.prepare import prepare
from urform.training import train_contrastive, train_encoder, train_joint, train_shape

MODEL = ModelConfig(
    latent_size=4, warp_width=8, template_width=8, template_layers=2, dropout=0.1, encoder_width=4, image_size=32
)
EPOCHS = 20
PREPARE = PrepareConfig(samples=2000, surface_points=500, easy_views=2, hard_views=1, view_size=48, test_fraction=0.3)
SHAPE = ShapeConfig(model=MODEL, epochs=EPOCHS, shapes_per_batch=2, points_per_shape=32)

Work = Callable[[Path, dict[str, Any]], None]


def begin(folder: Path) -> dict[str, Any]:
    """Four meshes, prepared, and shapes learned from them: what the stages are given."""
    (folder / "meshes").mkdir()
    for number in range(4):
        trimesh.creation.box((1, 0.5 + 0.2 * number, 1)).export(folder / "meshes" / f"box{number}.obj")
    given: dict[str, Any] = {"meshes": folder / "meshes", "data": folder / "data", "shape": folder / "shape"}
    given["split"] = folder / "data" / "splits" / "shapes_object_train.json"
    prepare_meshes(folder / "data", given)
    finish(shape, folder / "shape", given)  # elsewhere: this process is forked later
    return given


def prepare_meshes(out: Path, given: dict[str, Any]) -> None:
    prepare(given["meshes"], out, PREPARE, workers=1, time_limit_s=0)


def shape(out: Path, given: dict[str, Any]) -> None:
    train_shape(given["data"], [given["split"]], out, SHAPE, _run(out))


def encoder(out: Path, given: dict[str, Any]) -> None:
    config = EncoderConfig(epochs=EPOCHS, batch_size=8)
    train_encoder(given["shape"], given["data"], [given["split"]], out, config, _run(out))


def joint(out: Path, given: dict[str, Any]) -> None:
    config = JointConfig(model=MODEL, epochs=EPOCHS, shapes_per_batch=2, points_per_shape=32)
    train_joint(given["data"], [given["split"]], out, config, _run(out))


def contrastive(out: Path, given: dict[str, Any]) -> None:
    config = ContrastiveConfig(width=4, projection_size=8, queue_size=10, epochs=EPOCHS, batch_size=2)
    train_contrastive(given["data"], [given["split"]], out, config, _run(out))


def _run(out: Path) -> RunConfig:
    """A run that goes on with what is there."""
    return replace(RunConfig(device="cpu", look_every=0), resume=(out / "config.json").exists())


def start(work: Work, out: Path, given: dict[str, Any]) -> BaseProcess:
    """Begin in a process of its own, forked from one that has read all modules and done nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_work, args=(work, out, given), daemon=True)
    process.start()
    return process


def _work(work: Work, out: Path, given: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    said = os.open(_said(out), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    work(out, given)


def _said(out: Path) -> Path:
    return out.with_name(f"{out.name}.log")


def finish(work: Work, out: Path, given: dict[str, Any]) -> float:
    """Let it come to its end; returns the seconds of its own time."""
    process, used = start(work, out, given), 0.0
    while process.is_alive():
        used = max(used, _used_s(process))
        time.sleep(0.005)
    assert process.exitcode == 0, _said(out).read_text()
    return used


def killed(work: Work, out: Path, given: dict[str, Any], after_s: float) -> bool:
    """`kill -9` after so many seconds of its own time; whether it did not come to its end before."""
    process = start(work, out, given)
    while process.is_alive() and _used_s(process) < after_s:
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode in (0, -9), _said(out).read_text()
    return process.exitcode == -9


def _used_s(process: BaseProcess) -> float:
    """The seconds that a process has had of a processor."""
    with contextlib.suppress(OSError):  # it has ended
        return time.clock_gettime((~(process.pid or 0) << 3) | 2)  # Linux's number of that clock
    return 0.0


def same_after_kills(
    work: Work, folder: Path, given: dict[str, Any], kills: int, content: Callable[[Path], Any]
) -> int:
    """Kill work again and again, going on each time, until it was killed so often; returns how often it ended.

    Whatever comes to its end, is compared with what was never killed.
    """
    rng, done, ended = np.random.default_rng(0), 0, 0
    taken = finish(work, folder / "whole", given)
    expected = content(folder / "whole")
    while done < kills:
        out = folder / f"killed{ended}"
        if killed(work, out, given, rng.uniform(0, taken / 2)):
            done += 1
            if done < kills:
                continue
            finish(work, out, given)
        ended += 1
        assert content(out) == expected, f"{out} differs after {done} kills"
    return ended
