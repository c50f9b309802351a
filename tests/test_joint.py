from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.tiny_runs import CPU, JOINT, MODEL, assert_same_weights, metrics
from urform.cli import main
from urform.config import JOINT_PRESETS, JointConfig, ScheduleConfig
from urform.data import DataFolder, ShapeKey
from urform.files import read_rgba
from urform.inference import Model
from urform.models import to_input
from urform.training import train_joint
from urform.training._pictures import shown
from urform.weights import FILE_NAME, load_weights


@pytest.fixture(scope="module")
def joint_run(data: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("joint") / "run"
    train_joint(data, [split], run, JOINT, CPU)
    return run


def test_a_joint_model_answers_like_any_other(data: Path, joint_run: Path) -> None:
    model, encoder = Model(load_weights(joint_run)), load_weights(joint_run).encoder
    assert encoder is not None
    assert list(model.latents) == [f"tiny/solid/{name}" for name in ("box0", "box1", "box2", "lamp")]
    view = read_rgba(DataFolder(data).view_files(ShapeKey("tiny", "solid", "box1"))[0])
    with torch.inference_mode():
        expected = encoder(to_input(torch.from_numpy(model.frame(view))[None]))[0].numpy()
    np.testing.assert_allclose(model.latents["tiny/solid/box1"], expected, atol=1e-4)


def test_a_resumed_joint_run_is_bitwise_the_uninterrupted_one(
    data: Path, split: Path, joint_run: Path, tmp_path: Path
) -> None:
    train_joint(data, [split], tmp_path / "run", JOINT, replace(CPU, stop_after=2))
    train_joint(data, [split], tmp_path / "run", JOINT, replace(CPU, resume=True))
    assert_same_weights(tmp_path / "run", joint_run)
    assert metrics(tmp_path / "run") == metrics(joint_run)


def test_everything_learns(data: Path, split: Path, tmp_path: Path) -> None:
    quick = replace(JOINT, lr_warp=2e-3, lr_latent=2e-3, rates=ScheduleConfig("constant"), augment=False)
    config = replace(quick, epochs=60, points_per_shape=256, model=replace(MODEL, dropout=0.0))
    train_joint(data, [split], tmp_path / "run", config, CPU)
    errors = [line["sdf_error"] for line in metrics(tmp_path / "run")]
    assert errors[-1] < 0.85 * errors[0]


@pytest.mark.parametrize("levels", ["easy", "hard"])
def test_levels_and_starts(data: Path, split: Path, encoder_run: Path, tmp_path: Path, levels: str) -> None:
    still = replace(JOINT, epochs=1, levels=levels, lr_warp=1e-12, lr_template=1e-12, lr_latent=1e-12)
    train_joint(data, [split], tmp_path / "run", still, CPU, init=encoder_run)
    before, after = load_file(encoder_run / FILE_NAME), load_file(tmp_path / "run" / FILE_NAME)
    for name, value in before.items():
        if name != "latents" and "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(after[name], value)


def test_one_shape_is_enough_to_begin_with(data: Path, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"tiny": {"solid": ["box0"]}}')
    train_joint(data, [tmp_path / "one.json"], tmp_path / "run", replace(JOINT, epochs=2, shapes_per_batch=1), CPU)
    assert np.isfinite([line["loss"] for line in metrics(tmp_path / "run")]).all()


def test_messages(data: Path, split: Path, shape_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    other = replace(JOINT, model=replace(MODEL, latent_size=9))
    with pytest.raises(ValueError, match="was trained with `latent_size` 8, not 9; give the same"):
        train_joint(data, [split], tmp_path / "run", other, CPU, init=shape_run)
    (tmp_path / "SdfSamples").symlink_to(data / "SdfSamples")
    with pytest.raises(FileNotFoundError, match="4 of 4 shapes of the split have no easy views, first: "):
        train_joint(tmp_path, [split], tmp_path / "run", replace(JOINT, levels="easy"), CPU)
    command = ["train", "joint", "--data", str(data), "--split", str(split), "--out", str(tmp_path / "run")]
    assert main([*command, "--preset", "large"]) == 2
    assert "--preset must be one of small, published, got 'large'" in capsys.readouterr().err
    assert main([*command, "--preset=large"]) == 2
    assert "--preset must be one of small, published, got 'large'" in capsys.readouterr().err
    assert main([*command, "--preset", "small", "--specs", "x"]) == 2
    assert "--preset must be omitted with --specs" in capsys.readouterr().err
    assert JOINT_PRESETS["published"].model.latent_size == 256
    with pytest.raises(ValueError, match="latent_bound must be omitted: joint training learns no latents, got 1"):
        JointConfig(latent_bound=1.0)
    with pytest.raises(ValueError, match="latent_start must be omitted: joint training learns no latents, got 'sha"):
        JointConfig(latent_start="shapes")


def test_plain_pictures_are_mirrored_where_wanted() -> None:
    rgba = torch.randint(0, 256, (64, 8, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain = to_input(rgba)
    assert torch.equal(shown(rgba, False, False, torch.Generator()), plain)
    mixed = shown(rgba, False, True, torch.Generator().manual_seed(1))
    same = (mixed == plain).flatten(1).all(dim=1)
    assert 16 < same.sum() < 48
    assert torch.equal(mixed[~same], plain[~same].flip(-1))
