"""Trainings of a second: their settings, what they leave, and two of them to start from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from urform.config import EncoderConfig, JointConfig, ModelConfig, RunConfig, ShapeConfig
from urform.training import train_encoder, train_shape
from urform.weights import FILE_NAME

MODEL = ModelConfig(
    latent_size=8, warp_width=16, template_width=16, template_layers=2, dropout=0.1, encoder_width=4, image_size=64
)
SHAPE = ShapeConfig(model=MODEL, epochs=4, shapes_per_batch=3, points_per_shape=64)
ENCODER = EncoderConfig(epochs=4, batch_size=8)
JOINT = JointConfig(model=MODEL, epochs=4, shapes_per_batch=2, points_per_shape=64)
CPU = RunConfig(device="cpu", look_every=0)  # a look takes longer than all epochs; tests/test_look.py tests looks


@pytest.fixture(scope="session")
def shape_run(data: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "shape"
    train_shape(data, [split], run, SHAPE, replace(CPU, look_every=SHAPE.epochs))
    return run


@pytest.fixture(scope="session")
def encoder_run(data: Path, split: Path, shape_run: Path) -> Path:
    run = shape_run.parent / "encoder"
    train_encoder(shape_run, data, [split, split], run, ENCODER, CPU)
    return run


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = load_file(one / FILE_NAME), load_file(other / FILE_NAME)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def metrics(run: Path) -> list[dict[str, float]]:
    """The lines of a run's metrics without the times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if not name.endswith("_s")} for line in lines]
