"""What is measured and drawn while a stage trains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.test_training import STRICT
from tests.tiny_runs import CPU, ENCODER, JOINT, SHAPE, assert_same_weights, metrics
from urform.config import RUN_FILES, RunConfig
from urform.data import DataFolder, read_split
from urform.inference import Model
from urform.sets import SdfSet
from urform.training import fit_latents, train_encoder, train_joint, train_shape
from urform.training._look import Look, ShapeLook
from urform.training._loop import Stage, TrainingState, _look
from urform.training._run import RunFolder
from urform.weights import find_weights, load_weights


@pytest.fixture(scope="module")
def held_out(data: Path) -> Path:
    return data / "splits" / "tiny_solid_test.json"


@pytest.fixture
def watched(held_out: Path) -> RunConfig:
    return replace(CPU, validation=(held_out,), look_every=2)


def check_watched(run: Path) -> None:
    lines = metrics(run)
    assert [("val_sdf_error" in line) for line in lines] == [False, True, False, True]
    assert all(0 < line["val_sdf_error"] < 0.1 for line in lines[1::2])
    assert (run / RUN_FILES.best).is_file()
    events = EventAccumulator(str(run / "tensorboard"), {"images": 0, "scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("val_sdf_error")] == [1, 3]
    pictures = {name: events.Images(name)[0] for name in events.Tags()["images"]}
    assert {name: (image.height, image.width) for name, image in pictures.items()} == {
        "shapes": (384, 2 * 192),  # there are but two validation shapes
        "template": (384, 192),
    }


def test_looks_change_nothing_and_leave_numbers_pictures_and_the_best_weights(
    data: Path, split: Path, shape_run: Path, watched: RunConfig, tmp_path: Path
) -> None:
    train_shape(data, [split], tmp_path / "run", SHAPE, replace(watched, stop_after=2))
    train_shape(data, [split], tmp_path / "run", SHAPE, replace(watched, resume=True))
    check_watched(tmp_path / "run")
    assert_same_weights(tmp_path / "run", shape_run)
    assert len(load_weights(tmp_path / "run" / RUN_FILES.best).latents) == 4


def test_looks_at_what_pictures_give(
    data: Path, split: Path, shape_run: Path, encoder_run: Path, watched: RunConfig, tmp_path: Path
) -> None:
    train_encoder(shape_run, data, [split, split], tmp_path / "encoder", ENCODER, watched)
    check_watched(tmp_path / "encoder")
    assert_same_weights(tmp_path / "encoder", encoder_run)
    train_joint(data, [split], tmp_path / "joint", JOINT, watched)
    check_watched(tmp_path / "joint")


def test_without_validation_shapes_training_shapes_are_drawn(data: Path, split: Path, shape_run: Path) -> None:
    events = EventAccumulator(str(shape_run / "tensorboard"), {"images": 0}).Reload()
    assert [(image.step, image.width) for image in events.Images("shapes")] == [(3, 3 * 192)]
    assert not (shape_run / RUN_FILES.best).exists()


def test_the_measured_error_is_that_of_the_model(data: Path, held_out: Path, split: Path, encoder_run: Path) -> None:
    weights = load_weights(encoder_run)
    look = ShapeLook(DataFolder(data), [held_out], read_split(split), 0.1, ("easy", "hard"))
    assert weights.encoder is not None
    with torch.no_grad():
        latents = weights.encoder(look.pictures(64))
    measured = look(weights.decoder, latents)
    model, errors = Model(weights), []
    samples = SdfSet(DataFolder(data), read_split(held_out), 1.0)
    points, target = samples.draw([0, 1], 2048, np.random.default_rng(0))
    for index in range(2):
        predicted = model.sdf(points[index].numpy(), latents[index].numpy())
        errors.append(np.abs(predicted.clip(-0.1, 0.1) - target[index].numpy().clip(-0.1, 0.1)).mean())
    assert measured.score == pytest.approx(np.mean(errors), rel=1e-4)


def test_the_best_weights_stay(tmp_path: Path) -> None:
    class Fake(Stage):
        batches_per_epoch, batch, step, lr_factors = 1, None, None, None  # pyright: ignore
        modules = torch.nn.ModuleDict()
        score = 3.0

        def export(self, path: Path) -> None:
            path.write_text(str(self.score))

        def look(self) -> Look:
            return Look(score=self.score)

    run, state, stage = RunFolder(tmp_path, "fake", {}, RunConfig()), TrainingState(), Fake()
    for stage.score in (3.0, 2.0, 4.0):
        _look(stage, run, state)
    assert (tmp_path / RUN_FILES.best).read_text() == "2.0"
    assert state.best == 2.0


def test_fitted_latents_have_less_error_and_a_shape_does_not_depend_on_the_others() -> None:
    weights = load_weights(find_weights("chair"))
    points = torch.rand(2, 512, 3, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    with torch.no_grad():
        target_sdf = weights.decoder(points, weights.latents[[3, 30]]).clamp(-0.1, 0.1)

    def error(latent: torch.Tensor) -> float:
        with torch.no_grad():
            return (weights.decoder(points, latent).clamp(-0.1, 0.1) - target_sdf).abs().mean().item()

    start = weights.latents.mean(dim=0).repeat(2, 1)
    found = fit_latents(weights.decoder, lambda step: (points, target_sdf), start, 0.1, steps=100)
    assert error(found) < 0.3 * error(start)
    alone = fit_latents(weights.decoder, lambda step: (points[:1], target_sdf[:1]), start[:1], 0.1, steps=20)
    both = fit_latents(weights.decoder, lambda step: (points, target_sdf), start, 0.1, steps=20)
    torch.testing.assert_close(alone, both[:1], atol=1e-3, rtol=1e-3)
    assert all(parameter.grad is None for parameter in weights.decoder.parameters())


def test_messages(data: Path, split: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`validation`: 4 of 4 shapes are training shapes, too, first: tiny/solid/box"):
        train_shape(data, [split], tmp_path / "run", SHAPE, replace(CPU, validation=(split,)))
    with pytest.raises(ValueError, match="look_every must be 0 or more, got -1"):
        RunConfig(look_every=-1)


def test_an_encoder_learns_shapes_without_latents_from_their_sdf(
    data: Path, split: Path, held_out: Path, shape_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_encoder(shape_run, data, [split, held_out], tmp_path / "run", ENCODER, CPU)
    assert "has no latent for 2 of 6 shapes; their sdf alone is learned from" in caplog.text
    assert np.isfinite([line["loss"] for line in metrics(tmp_path / "run")]).all()
    config = replace(ENCODER, sdf_weight=0.0)
    with pytest.raises(ValueError, match="has no latent for 2 shapes of the split, first: tiny/solid/"):
        train_encoder(shape_run, data, [split, held_out], tmp_path / "x", config, CPU, choice=STRICT)
