"""Runs that last: stopped, damaged, spread over processes; tests/test_kills.py kills them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_runs import CPU, ENCODER, JOINT, MODEL, SHAPE, assert_same_weights, metrics
from urform.cli import main
from urform.config import RunConfig, ScheduleConfig, ShapeConfig
from urform.training import Stage, train_encoder, train_joint, train_shape
from urform.training._ahead import made_ahead
from urform.training._encoder import EncoderStage
from urform.training._joint import JointStage
from urform.training._look import Look
from urform.training._schedule import lr_factor
from urform.training._shape import ShapeStage
from urform.weights import load_weights, save_weights


def stop_at(monkeypatch: pytest.MonkeyPatch, stage: type[Stage], number: int, signal_number: int) -> None:
    """Send this process a signal in the middle of a step of a stage."""
    step, count = stage.step, 0

    def stopped(self, batch, epoch):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal_number)
        return step(self, batch, epoch)

    monkeypatch.setattr(stage, "step", stopped)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_after_the_step_and_it_goes_on_in_the_middle_of_the_epoch(
    data: Path, split: Path, shape_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signal_number: int
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        stop_at(patch, ShapeStage, 3, signal_number)  # the first of two batches of the second epoch
        with pytest.raises(KeyboardInterrupt, match="stopped after batch 1 of 2 in epoch 2; go on with `resume`"):
            train_shape(data, [split], tmp_path / "run", SHAPE, CPU)
    assert signal.getsignal(signal.SIGTERM) == before
    train_shape(data, [split], tmp_path / "run", SHAPE, replace(CPU, resume=True))
    assert_same_weights(tmp_path / "run", shape_run)
    assert metrics(tmp_path / "run") == metrics(shape_run)


@pytest.mark.parametrize("stage", [ShapeStage, EncoderStage, JointStage])
def test_every_stage_goes_on_in_the_middle_of_an_epoch_of_divided_batches(
    data: Path, split: Path, shape_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: type[Stage]
) -> None:
    def train(name: str, **changes: Any) -> None:
        run = replace(CPU, accumulate=2, **changes)
        if stage is ShapeStage:
            train_shape(data, [split], tmp_path / name, replace(SHAPE, epochs=2), run)
        elif stage is EncoderStage:
            train_encoder(shape_run, data, [split, split], tmp_path / name, replace(ENCODER, epochs=2), run)
        else:
            train_joint(data, [split], tmp_path / name, replace(JOINT, epochs=2), run)

    train("whole")
    with monkeypatch.context() as patch:
        stop_at(patch, stage, 5, signal.SIGTERM)  # parts are steps: the third batch
        with pytest.raises(KeyboardInterrupt, match=r"stopped after batch [13] of [24] in epoch [12]"):
            train("parts")
    train("parts", resume=True)
    assert_same_weights(tmp_path / "parts", tmp_path / "whole")
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@pytest.mark.parametrize("left", [0, 100])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    data: Path, split: Path, shape_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, left: int
) -> None:
    run = tmp_path / "run"
    train_shape(data, [split], run, SHAPE, replace(CPU, stop_after=3))
    checkpoint = run / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:left])
    with (run / "metrics.jsonl").open("a") as log:
        log.write('{"epoch": 3, "lo')  # as a loss of power leaves it
    train_shape(data, [split], run, SHAPE, replace(CPU, resume=True))
    assert "checkpoint.pt: damaged" in caplog.text
    assert "going on from the one before, epoch 2" in caplog.text
    assert_same_weights(run, shape_run)
    assert metrics(run) == metrics(shape_run)
    for name in ("checkpoint.pt", "checkpoint_previous.pt"):
        (run / name).write_bytes(b"?")
    with pytest.raises(ValueError, match=r"checkpoint.pt: damaged \(.*; start again with `overwrite`"):
        train_shape(data, [split], run, SHAPE, replace(CPU, resume=True))


def test_a_resumed_run_repairs_each_file_or_says_what_is_lost(
    data: Path, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def train(name: str, **changes: Any) -> None:
        run = replace(CPU, keep_every=2, look_every=1, **changes)
        train_shape(data, [split], tmp_path / name, SHAPE, run)

    monkeypatch.setattr(ShapeStage, "look", lambda self: Look(score=1.0))
    train("whole")
    train("part", stop_after=2)
    said = {
        "best.safetensors": "missing or damaged, the best of the epochs to come takes its place",
        "metrics.jsonl": "epochs, which do not come back",
        "snapshots/000002.safetensors": "missing or damaged, and not made again",
    }
    files = sorted(path for path in (tmp_path / "part").rglob("*") if path.is_file() and "events" not in path.name)
    assert len(files) == 8
    for path in files:
        name = path.relative_to(tmp_path / "part").as_posix()
        for is_gone in (False, True):
            run = tmp_path / f"{path.stem}_{is_gone}"
            shutil.copytree(tmp_path / "part", run)
            os.truncate(run / name, path.stat().st_size // 2)
            if is_gone:
                (run / name).unlink()
            caplog.clear()
            if name == "config.json":
                with pytest.raises(
                    (ValueError, FileNotFoundError), match=r"config.json: .*start again with `overwrite`"
                ):
                    train(run.name, resume=True)
                with pytest.raises(FileExistsError, match="has a run already"):
                    train(run.name)
                continue
            train(run.name, resume=True)
            assert_same_weights(run, tmp_path / "whole")
            assert said.get(name, "") in caplog.text
            if name != "metrics.jsonl":
                assert metrics(run) == metrics(tmp_path / "whole")
    (tmp_path / "part" / "checkpoint.pt").unlink()
    (tmp_path / "part" / "checkpoint_previous.pt").unlink()
    train("part", resume=True)
    assert "has no checkpoint, starting from the first epoch" in caplog.text
    assert_same_weights(tmp_path / "part", tmp_path / "whole")
    state = torch.load(tmp_path / "part" / "checkpoint.pt", weights_only=True)
    torch.save({**state, "modules": {}}, tmp_path / "part" / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"its checkpoint is of another run .*start again with `overwrite`"):
        train("part", resume=True)


def test_a_run_does_not_go_on_from_another_start(data: Path, split: Path, shape_run: Path, tmp_path: Path) -> None:
    start, run = tmp_path / "shapes", tmp_path / "run"
    shutil.copytree(shape_run, start)
    weights = load_weights(shape_run)
    save_weights(start / "model.safetensors", replace(weights, latents=weights.latents * 2))
    train_encoder(start, data, [split], run, ENCODER, replace(CPU, stop_after=1))
    train_encoder(start, data, [split], run, ENCODER, replace(CPU, stop_after=2, resume=True))
    noted = json.loads((run / "config.json").read_text())
    shutil.copy(shape_run / "model.safetensors", start)
    with pytest.raises(ValueError, match=r"model\.safetensors has changed since the run started; .*`overwrite`"):
        train_encoder(start, data, [split], run, ENCODER, replace(CPU, resume=True))
    assert metrics(run)[-1]["epoch"] == 1
    del noted["started_from"]  # as urform wrote it before it noted this
    (run / "config.json").write_text(json.dumps(noted))
    train_encoder(start, data, [split], run, ENCODER, replace(CPU, resume=True))


def test_overwrite_starts_again_and_leaves_what_is_not_its_own(
    data: Path, split: Path, shape_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train_shape(data, [split], run, replace(SHAPE, seed=1), CPU)
    (run / "notes.txt").write_text("mine")
    train_shape(data, [split], run, SHAPE, replace(CPU, overwrite=True))
    assert_same_weights(run, shape_run)
    assert metrics(run) == metrics(shape_run)
    assert (run / "notes.txt").exists()


def test_snapshots_are_weights(data: Path, split: Path, tmp_path: Path) -> None:
    train_shape(data, [split], tmp_path, SHAPE, replace(CPU, keep_every=2))
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == [
        "000002.safetensors",
        "000004.safetensors",
    ]
    last, kept = load_weights(tmp_path), load_weights(tmp_path / "snapshots" / "000004.safetensors")
    assert torch.equal(last.latents, kept.latents)


EXACT = replace(SHAPE, precision="fp32", model=replace(MODEL, dropout=0.0), shapes_per_batch=4)


def test_a_divided_batch_has_the_gradient_of_the_whole(data: Path, split: Path, tmp_path: Path) -> None:
    for parts in (1, 3):
        train_shape(data, [split], tmp_path / str(parts), EXACT, replace(CPU, accumulate=parts))
    for whole, divided in zip(metrics(tmp_path / "1"), metrics(tmp_path / "3"), strict=True):
        assert divided == pytest.approx(whole, abs=1e-6)


def test_two_processes_learn_what_one_does(data: Path, split: Path, tmp_path: Path) -> None:
    sizes = "--latent-size 8 --warp-width 16 --template-width 16 --template-layers 2 --precision fp32"
    flags = f"--epochs 20 --shapes-per-batch 4 --points-per-shape 64 --device cpu --look-every 0 {sizes}".split()
    command = ["train", "shape", "--data", str(data), "--split", str(split), *flags, "--out"]
    assert main([*command, str(tmp_path / "one")]) == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "urform"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [*launch, *command, str(tmp_path / "two")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(metrics(tmp_path / "one")) == 20
    for one, two in zip(metrics(tmp_path / "one"), metrics(tmp_path / "two"), strict=True):
        assert two == pytest.approx(one, abs=1e-5)
    assert json.loads((tmp_path / "two" / "config.json").read_text())["environment"]["processes"] == "2"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_trains_every_stage(data: Path, split: Path, tmp_path: Path, precision: str) -> None:
    config = replace(SHAPE, epochs=60, points_per_shape=256, model=replace(MODEL, dropout=0.0), precision=precision)
    train_shape(data, [split], tmp_path / "shape", config, CPU)
    errors = [line["sdf_error"] for line in metrics(tmp_path / "shape")]
    assert errors[-1] < 0.85 * errors[0]
    encoder = replace(ENCODER, precision=precision)
    train_encoder(tmp_path / "shape", data, [split, split], tmp_path / "encoder", encoder, CPU)
    losses = [line["l1"] for line in metrics(tmp_path / "encoder")]
    assert losses[-1] < losses[0]
    joint = replace(JOINT, precision=precision, augment=False, epochs=30, points_per_shape=256)
    train_joint(data, [split], tmp_path / "joint", joint, CPU)
    errors = [line["sdf_error"] for line in metrics(tmp_path / "joint")]
    assert errors[-1] < errors[0]


@pytest.mark.parametrize("term", ["pointwise", "pointpair", "neighbour", "latent"])
def test_terms_are_switched_off_singly(data: Path, split: Path, tmp_path: Path, term: str) -> None:
    config = replace(SHAPE, epochs=1, **{f"{term}_weight": 0.0})
    train_shape(data, [split], tmp_path, config, CPU)
    names = {"pointwise", "pointpair", "neighbour", "latent_norm", "reconstruction"}
    assert names & metrics(tmp_path)[0].keys() == names - {"latent_norm" if term == "latent" else term}


def test_gradients_are_clipped(data: Path, split: Path, tmp_path: Path) -> None:
    start = replace(SHAPE, epochs=1, precision="fp32")
    for name, config in (("free", start), ("clipped", replace(start, clip_norm=1e-9))):
        train_shape(data, [split], tmp_path / name, config, CPU)
    free, clipped = load_weights(tmp_path / "free").latents, load_weights(tmp_path / "clipped").latents
    assert not torch.equal(free, clipped)
    with pytest.raises(ValueError, match="clip_norm must be positive, got 0"):
        ShapeConfig(clip_norm=0)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ScheduleConfig("constant"), {0: 1, 1999.5: 1}),
        (ScheduleConfig("step", step_interval=500), {0: 1, 499.9: 1, 500: 0.5, 1000: 0.25, 1999: 0.125}),
        (ScheduleConfig("warmup", warmup_length=100, warmup_final=5.0), {0: 1, 50: 3, 100: 5, 1999: 5}),
        (ScheduleConfig("cosine", cosine_floor=0.01), {0: 1, 1000: 0.505, 2000: 0.01}),
        (ScheduleConfig("cosine", cosine_warm_share=0.5), {1000: 1, 1500: 0.5, 2000: 0}),
    ],
    ids=["constant", "step", "warmup", "cosine", "cosine after a warm-up"],
)
def test_schedules(schedule: ScheduleConfig, expected: dict[float, float]) -> None:
    for epoch, factor in expected.items():
        assert lr_factor(schedule, epoch, 2000) == pytest.approx(factor)
    assert lr_factor(ScheduleConfig("cosine", cosine_warm_share=0.1), 0, 2000) < 0.02


def test_batches_made_ahead_keep_their_order_and_their_errors() -> None:
    def make(index: int) -> int:
        time.sleep(0.01 * (index % 3 == 0))
        if index == 7:
            raise ValueError("seven")
        return index * index

    assert list(made_ahead(make, range(2, 7))) == [4, 9, 16, 25, 36]
    results = made_ahead(make, range(5, 100))
    assert [next(results), next(results)] == [25, 36]
    with pytest.raises(ValueError, match="seven"):
        next(results)


def test_messages(data: Path, split: Path, shape_run: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["train", "shape", "--data", str(data), "--split", str(split), "--out", str(shape_run)]
    assert main([*command, "--resume", "--overwrite"]) == 2
    assert "--overwrite must be omitted with --resume" in capsys.readouterr().err
    with pytest.raises(ValueError, match="accumulate must be at least 1, got 0"):
        RunConfig(accumulate=0)
    with pytest.raises(ValueError, match=r"step_interval must be at least 1, got 0"):
        ScheduleConfig("step", step_interval=0)
