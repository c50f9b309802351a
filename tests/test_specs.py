"""A published experiment trains as it is."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_runs import metrics
from urform.config import SHAPE_PRESETS, ScheduleConfig
from urform.published import Specs
from urform.weights import load_weights

NETWORKS = {
    "warper_kargs": {"hidden_size": 8, "steps": 8},
    "decoder_kargs": {
        "dims": [16, 16, 16],
        "dropout": [0, 1, 2],
        "dropout_prob": 0.05,
        "norm_layers": [0, 1, 2],
        "xyz_in_all": False,
        "weight_norm": True,
    },
}
STEP = {"Type": "Step", "Initial": 0.0005, "Interval": 500, "Factor": 0.5}


def write_specs(folder: Path, **changes: Any) -> Specs:
    content = {
        "Description": ["ours"],
        "NetworkArch": "deep_implicit_template_decoder",
        "NetworkSpecs": NETWORKS,
        "CodeLength": 8,
        "NumEpochs": 3,
        "SnapshotFrequency": 2,
        "AdditionalSnapshots": [1],
        "LearningRateSchedule": [STEP, {**STEP, "Initial": 0.001}, {**STEP, "Initial": 0.001}],
        "SamplesPerScene": 64,
        "ScenesPerBatch": 2,
        "DataLoaderThreads": 8,
        **changes,
    }
    folder.mkdir(exist_ok=True)
    (folder / "specs.json").write_text(json.dumps(content))
    return Specs(folder / "specs.json")


def test_the_published_settings_are_the_published_preset(known_experiment: Path) -> None:
    config = Specs(known_experiment / "specs.json").shape_config()
    published = SHAPE_PRESETS["published"]
    assert config.rates_apart == (published.rates,) * 3
    assert config == replace(
        published, model=config.model, rates=config.rates, rates_apart=config.rates_apart, latent_bound=1.0
    )


def test_every_key_is_honoured(tmp_path: Path) -> None:
    specs = write_specs(
        tmp_path / "one",
        LearningRateSchedule=[
            {"Type": "Constant", "Value": 0.002},
            {"Type": "Warmup", "Initial": 0.001, "Final": 0.004, "Length": 10},
            STEP,
        ],
        GradientClipNorm=2,
        CodeBound=0.5,
        ClampingDistance=0.2,
        UsePointwiseLoss=False,
        UsePointpairLoss=True,
        PointpairLossWeight=0.5,
        CodeRegularization=False,
        UseCurriculum=False,
    )
    config = specs.shape_config()
    assert (config.lr_warp, config.lr_template, config.lr_latent) == (0.002, 0.001, 0.0005)
    assert config.rates_apart == (
        ScheduleConfig("constant"),
        ScheduleConfig("warmup", warmup_length=10, warmup_final=4.0),
        ScheduleConfig("step", step_interval=500, step_factor=0.5),
    )
    assert (config.clip_norm, config.latent_bound, config.clamp, config.curriculum) == (2.0, 0.5, 0.2, False)
    # A weight of the sum over 8 x 56 pairs, divided by 64 points, is 7 times that of the mean.
    assert (config.pointwise_weight, config.pointpair_weight, config.latent_weight) == (0.0, 3.5, 0.0)
    assert (config.pointpair_limit, config.landmark_weight, config.model.correction_width) == (5.0, 0.0, 0)
    assert (config.epochs, config.shapes_per_batch, config.points_per_shape) == (3, 2, 64)
    assert specs.snapshots == (2, (1,))


def test_a_use_key_that_is_absent_means_off(tmp_path: Path) -> None:
    config = write_specs(tmp_path / "one", PointwiseLossWeight=0.5, PointpairLossWeight=0.5).shape_config()
    assert (config.pointwise_weight, config.pointpair_weight, config.curriculum) == (0.0, 0.0, False)
    assert config.latent_weight == 1e-4


def test_an_experiment_trains(data: Path, tmp_path: Path) -> None:
    split = data / "splits" / "tiny_solid_train.json"
    write_specs(
        tmp_path / "experiment", DataSource=str(data), TrainSplit=str(split), CodeBound=0.05, ClampingDistance=0.2
    )
    command = [sys.executable, "-m", "urform", "train", "shape", "--specs", str(tmp_path / "experiment")]
    flags = ["--out", str(tmp_path / "run"), "--device", "cpu", "--epochs", "4"]
    done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(metrics(tmp_path / "run")) == 4
    kept = sorted(path.stem for path in (tmp_path / "run" / "snapshots").iterdir())
    assert kept == ["000001", "000002", "000004"]
    weights = load_weights(tmp_path / "run")
    assert weights.config.warp == "lstm"
    assert weights.clamp == 0.2
    assert weights.latents.norm(dim=1).max() < 0.06  # bounded at each look-up, one step beyond at most
    assert weights.latents.norm(dim=1).min() > 0.01


def test_an_experiment_trains_end_to_end(data: Path, tmp_path: Path) -> None:
    split = data / "splits" / "tiny_solid_train.json"
    write_specs(tmp_path / "experiment", DataSource=str(data), TrainSplit=str(split), CodeBound=1.0)
    command = [sys.executable, "-m", "urform", "train", "joint", "--specs", str(tmp_path / "experiment")]
    small = ["--device", "cpu", "--epochs", "2", "--encoder-width", "4", "--image-size", "64", "--levels", "easy"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run"), *small], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "CodeBound does nothing in joint training" in done.stderr
    assert len(metrics(tmp_path / "run")) == 2
    weights = load_weights(tmp_path / "run")
    assert (weights.config.warp, weights.config.latent_size) == ("lstm", 8)
    assert weights.encoder is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"NumEpoch": 3}, "NumEpoch is unknown; the nearest known key is NumEpochs"),
        ({"LearningRateSchedule": [STEP]}, r"must have three entries \(warp, template, latents\), got 1"),
        ({"LearningRateSchedule": [{**STEP, "Type": "Cosine"}] * 3}, "Type must be one of Step, Warmup, Constant"),
        ({"LearningRateSchedule": [{**STEP, "Final": 1}] * 3}, r"LearningRateSchedule\[0\].Final has no meaning there"),
        ({"SamplesPerScene": "many"}, "SamplesPerScene must be a whole number of at least 8, got 'many'"),
        ({"CodeBound": -1}, "CodeBound must be a positive number or null, got -1"),
    ],
)
def test_messages(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_specs(tmp_path / "bad", **changes).shape_config()
