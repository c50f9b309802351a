"""Contrastive training as a stage, what it measures, and what starts from it."""

import json
import math
import os
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.tiny_runs import CPU, ENCODER, JOINT, MODEL, metrics
from urform.cli import main
from urform.config import ContrastiveConfig, ScheduleConfig
from urform.contrastive import METHODS, optimizer_of
from urform.data import DataFolder, ShapeKey, read_split
from urform.published import load_backbone
from urform.published._contrastive_config import settings_from_published
from urform.sets import ViewSet
from urform.training import load_start, measure_features, train_contrastive, train_encoder, train_joint
from urform.training._contrastive import ContrastiveStage, FeatureLook, negatives
from urform.training._features import alignment, cross_view_retrieval, feature_rank, feature_spread, uniformity
from urform.training._optimizers import Lars, build_optimizer
from urform.weights import FILE_NAME, load_weights

CONTRASTIVE = ContrastiveConfig(width=4, projection_size=8, queue_size=10, epochs=3, batch_size=4)


@pytest.fixture(scope="module")
def run(data: Path, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("contrastive") / "run"
    train_contrastive(data, [split], out, CONTRASTIVE, CPU)
    return out


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_run_is_bitwise_the_uninterrupted_one(data: Path, split: Path, tmp_path: Path, method: str) -> None:
    config = replace(CONTRASTIVE, method=method)
    train_contrastive(data, [split], tmp_path / "whole", config, CPU)
    train_contrastive(data, [split], tmp_path / "parts", config, replace(CPU, stop_after=2))
    train_contrastive(data, [split], tmp_path / "parts", config, replace(CPU, resume=True))
    whole, parts = load_file(tmp_path / "whole" / FILE_NAME), load_file(tmp_path / "parts" / FILE_NAME)
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "parts")


@pytest.mark.parametrize(
    "config",
    [
        replace(CONTRASTIVE, pairs="augmentations", optimizer="sgd", lr=0.01),
        replace(CONTRASTIVE, pairs="mixed", optimizer="lars", lr=0.3, precision="fp16"),
        replace(CONTRASTIVE, precision="fp32", levels="easy", rates=ScheduleConfig("step", step_epochs=(1, 2))),
        replace(CONTRASTIVE, backbone="resnet50"),
    ],
    ids=["augmentations", "mixed", "fp32", "resnet50"],
)
def test_every_choice_trains(data: Path, split: Path, tmp_path: Path, config: ContrastiveConfig) -> None:
    train_contrastive(data, [split], tmp_path, replace(config, epochs=1), CPU)
    found = load_backbone(tmp_path)
    assert found is not None
    assert (found.name, found.method, found.width) == (config.backbone, "simclr", 4)
    assert all(value.isfinite().all() for value in found.state.values() if value.is_floating_point())


def test_it_learns_to_find_held_out_objects(data: Path, split: Path, tmp_path: Path) -> None:
    held_out = replace(CPU, validation=(data / "splits" / "tiny_solid_test.json",), look_every=1)
    train_contrastive(data, [split], tmp_path, replace(CONTRASTIVE, epochs=30, temperature=0.2), held_out)
    lines = metrics(tmp_path)
    assert lines[-1]["contrast"] < lines[0]["contrast"]
    assert {"val_top1", "val_top5", "val_alignment", "val_uniformity", "val_spread"} <= lines[0].keys()
    assert lines[0]["hard_share"] == 1.0  # all objects are of one category
    assert (tmp_path / "best.safetensors").is_file()


def test_measures_of_known_features() -> None:
    generator = torch.Generator().manual_seed(0)
    objects = torch.randn(40, 1, 64, generator=generator)
    perfect = objects.expand(40, 3, 64)
    found = measure_features(perfect)
    assert (found["top1"], found["top5"]) == (1.0, 1.0)
    assert found["alignment"] == pytest.approx(0, abs=1e-5)
    for same in (torch.ones(40, 3, 64), torch.full((40, 3, 64), torch.nan)):
        assert cross_view_retrieval(same) == {"top1": 0.0, "top5": 0.0}
    assert math.isnan(feature_rank(torch.full((4, 3), torch.nan)))
    unrelated = torch.randn(40, 3, 64, generator=generator)
    assert cross_view_retrieval(unrelated)["top1"] < 0.15
    assert alignment(unrelated) == pytest.approx(2, abs=0.1)
    unit = nn.functional.normalize(unrelated, dim=2)
    pairs = [(unit[i, a] - unit[i, b]).square().sum() for i in range(40) for a in range(3) for b in range(3) if a != b]
    assert alignment(unrelated) == pytest.approx(torch.stack(pairs).mean().item(), rel=1e-4)
    assert feature_spread(torch.randn(2000, 16, generator=generator)) == pytest.approx(1, abs=0.02)
    assert feature_spread(torch.ones(50, 16) + 1e-4 * torch.randn(50, 16, generator=generator)) < 1e-3
    assert feature_rank(torch.randn(5000, 8, generator=generator)) == pytest.approx(8, abs=0.1)
    assert feature_rank(torch.randn(50, 1, generator=generator) * torch.ones(50, 8)) == pytest.approx(1, abs=1e-6)
    # On a circle: the mean over angles of exp(-4 (1 - cos)) is exp(-4) I_0(4).
    angles = torch.linspace(0, 2 * torch.pi, 401)[:-1]
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    expected = torch.log(torch.exp(torch.tensor(-4.0)) * torch.special.i0(torch.tensor(4.0)))
    assert uniformity(circle) == pytest.approx(expected.item(), abs=0.02)


def test_hard_negatives_are_those_of_the_same_category() -> None:
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = negatives(features, torch.tensor([0, 0, 1]))
    assert {name: value.item() for name, value in found.items()} == pytest.approx(
        {"hard_share": 1 / 3, "hard_similarity": 1.0, "easy_similarity": 0.0}
    )


def test_collapse_is_told(
    data: Path, split: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: self._conv_forward(x, 0 * self.weight, None))
    watched = replace(CPU, look_every=1, validation=(data / "splits" / "tiny_solid_test.json",))
    train_contrastive(data, [split], tmp_path, replace(CONTRASTIVE, epochs=1), watched)
    assert "the features are collapsing: spread 0.000 (1 = on a sphere)" in caplog.text
    assert not (tmp_path / "best.safetensors").exists()


def test_a_batch_has_each_object_once(data: Path, split: Path) -> None:
    keys = read_split(split)
    views = ViewSet(DataFolder(data), keys, 64)
    look = FeatureLook(DataFolder(data), [], keys, 64, ("easy", "hard"))
    config = replace(CONTRASTIVE, batch_size=2)
    stage = ContrastiveStage(views, keys, config, torch.device("cpu"), look)
    assert stage.batches_per_epoch == 4  # four objects with four views, two rounds of two batches
    seen: list[int] = []
    for index in range(4):
        one, other, _ = stage.batch(0, index)
        assert not torch.equal(one, other)
        for picture in one:
            place = next(i for i in range(len(views)) if torch.equal(views.batch(torch.tensor([i]))[0][0], picture))
            seen.append(int(views.shapes[place]))
    assert sorted(seen[:4]) == sorted(seen[4:]) == [0, 1, 2, 3]
    same = ContrastiveStage(views, keys, replace(config, pairs="augmentations"), torch.device("cpu"), look)
    one, other, _ = same.batch(0, 0)
    assert torch.equal(one, other)


def test_objects_with_one_view_are_learned_from_their_augmentations(data: Path, split: Path, tmp_path: Path) -> None:
    for key in read_split(split):
        for level, count in (("easy", 1), ("hard", 0)):
            files = DataFolder(data).view_files(key, (level,))[:count]
            folder = tmp_path / "data" / DataFolder(data).views_path(key, level).relative_to(data)
            folder.mkdir(parents=True)
            for file in files:
                (folder / file.name).write_bytes(file.read_bytes())
    config = replace(CONTRASTIVE, pairs="augmentations", epochs=1)
    train_contrastive(tmp_path / "data", [split], tmp_path / "run", config, replace(CPU, look_every=1))
    assert not any(name.startswith(("train_", "val_")) for name in metrics(tmp_path / "run")[0])
    with pytest.raises(ValueError, match="`validation`: 4 of 4 objects have fewer than two views"):
        FeatureLook(DataFolder(tmp_path / "data"), [split], [], 64, ("easy", "hard"))


def test_encoder_and_joint_training_start_from_it(
    data: Path, split: Path, shape_run: Path, run: Path, tmp_path: Path
) -> None:
    still = replace(ENCODER, epochs=1, lr=1e-12, weight_decay=0.0)
    train_encoder([shape_run, run], data, [split, split], tmp_path / "encoder", still, CPU)
    frozen = replace(JOINT, epochs=1, lr_latent=1e-12)
    train_joint(data, [split], tmp_path / "joint", frozen, CPU, init=[run])
    backbone = load_file(run / FILE_NAME)
    for name in ("encoder", "joint"):
        encoder = load_weights(tmp_path / name).encoder
        assert encoder is not None
        for key, value in encoder.backbone_state().items():
            if "running" not in key and "num_batches" not in key:
                torch.testing.assert_close(value, backbone[key])


def publish(run: Path, path: Path, prefix: str) -> None:
    """Write a backbone as the published system would."""
    children = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    state: dict[str, Tensor] = OrderedDict()
    for key, value in load_file(run / FILE_NAME).items():
        first, rest = key.split(".", 1)
        state[f"{prefix}encoder.{children[first]}.{rest}"] = value
    state |= {f"{prefix}fc.0.weight": torch.rand(32, 32), f"{prefix}fc.2.weight": torch.rand(8, 32)}
    torch.save({"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {}}, path)


@pytest.mark.parametrize("prefix", ["encoder.", "module.encoder_q.", "online_encoder."])
def test_published_checkpoints_are_read(run: Path, tmp_path: Path, prefix: str) -> None:
    publish(run, tmp_path / "latest.pth", prefix)
    found = load_backbone(tmp_path / "latest.pth")
    assert found is not None
    assert (found.name, found.width, found.image_size) == ("resnet18", 4, None)
    for name, value in load_file(run / FILE_NAME).items():
        assert torch.equal(found.state[name], value)


def test_the_published_config_is_understood(
    data: Path, split: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = {"datasource": "D", "split": "S", "resnet": 18, "projection_dim": 8, "framework": "moco", "momentum": 0.9}
    content |= {"queue_size": 10, "pretrained": False, "batch_size": 4, "epochs": 2, "lr": 0.1, "temperature": 0.1}
    content |= {"lr_schedule": [1], "cos_lr": False, "weight_decay": 1e-4, "save_every": 1}
    ours = settings_from_published(content, Path("config.yaml"))
    assert ours["backbone"] == "resnet18"
    assert (ours["width"], ours["image_size"], ours["step_epochs"], ours["step_factor"]) == (64, 224, [1], 0.1)
    cosine = settings_from_published({**content, "cos_lr": True, "momentum": None}, Path("x"))
    assert (cosine["schedule"], cosine["cosine_warm_share"]) == ("cosine", 0.0)
    assert "momentum" not in cosine
    for name, value in (("optimizer", "sgd"), ("augmentation", "color"), ("epoch_shows", "objects")):
        assert ours[name] == value
    with pytest.raises(ValueError, match="pretrained must be true, false or a file of torchvision's weights, got 1"):
        settings_from_published({**content, "pretrained": 1}, Path("config.yaml"))
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({**content, "pretrained": True, "datasource": str(data), "split": str(split)}))
    small = ["--width", "4", "--image-size", "64", "--device", "cpu"]
    assert main(["train", "contrastive", "--config", str(file), "--out", str(tmp_path / "run"), *small]) == 0
    asked = (
        "config.yaml: pretrained asks for torchvision's weights, a file resnet18-f37072fd.pth, which `imagenet` gives"
    )
    assert asked in caplog.text
    assert len(list((tmp_path / "run" / "snapshots").iterdir())) == 2
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["config"]
    assert (settings["method"], settings["momentum"], settings["rates"]["schedule"]) == ("moco", 0.9, "step")
    caplog.clear()
    assert settings_from_published({**content, "pretrained": True}, file, has_imagenet=True)["backbone"] == "resnet18"
    assert not caplog.text


def test_an_epoch_shows_a_pair_of_each_object(data: Path, split: Path) -> None:
    config = replace(CONTRASTIVE, epoch_shows="objects", batch_size=4, augmentation="color")
    folder, keys = DataFolder(data), read_split(split)
    views = ViewSet(folder, keys, config.image_size)
    look = FeatureLook(folder, (), keys, config.image_size, ("easy", "hard"))
    stage = ContrastiveStage(views, keys, config, torch.device("cpu"), look)
    assert stage.batches_per_epoch == 1
    assert (
        ContrastiveStage(views, keys, replace(config, epoch_shows="views"), torch.device("cpu"), look).batches_per_epoch
        == len(views) // 8
    )


@pytest.mark.parametrize("method", ["byol", "simsiam"])
def test_published_heads_train(data: Path, split: Path, tmp_path: Path, method: str) -> None:
    heads = {"predictor_size": 512, "head_norm": "off", "normalised_predictions": False}
    config = replace(CONTRASTIVE, method=method, epochs=1, augmentation="color", pictures="resized", **heads)
    train_contrastive(data, [split], tmp_path, config, CPU)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["modules"]
    assert state["model.predictor.0.weight"].shape[0] == 512
    assert not any(name.startswith("model.predictor") and "running_mean" in name for name in state)
    found = load_backbone(tmp_path)
    assert found is not None
    assert found.pictures == "resized"


def test_its_features_are_analysed(data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="drawing is of the extra `analyze`")
    split = data / "splits" / "tiny_solid_test.json"
    assert main(["analyze", str(run), "--data", str(data), "--split", str(split), "--out", str(tmp_path)]) == 0
    assert "cosine similarity of 8 views of 2 objects" in capsys.readouterr().out
    assert json.loads((tmp_path / "analysis.json").read_text())["pictures"] == [
        "views_tsne.png",
        "views_similarity.png",
    ]
    assert main(["analyze", str(run), "--out", str(tmp_path)]) == 2
    assert "is a contrastive encoder, of which views are drawn; give --data and --split" in capsys.readouterr().err


def test_the_usual_rates_learn(data: Path, split: Path, tmp_path: Path) -> None:
    for optimizer in ("sgd", "lars"):
        config = replace(CONTRASTIVE, optimizer=optimizer, epochs=30, temperature=0.2)
        train_contrastive(data, [split], tmp_path / optimizer, config, CPU)
        losses = [line["contrast"] for line in metrics(tmp_path / optimizer)]
        assert min(losses[-5:]) < 0.97 * losses[0], optimizer


def test_each_method_has_its_optimiser() -> None:
    found = {method: ContrastiveConfig(method=method) for method in METHODS}
    assert {method: optimizer_of(config) for method, config in found.items()} == {
        "simclr": ("adamw", 1e-3),
        "moco": ("adamw", 1e-3),
        "byol": ("lars", 1.0),
        "simsiam": ("sgd", 0.05),
    }
    assert optimizer_of(ContrastiveConfig(method="byol", optimizer="adamw")) == ("adamw", 1e-3)


def test_lars_takes_steps_in_proportion_to_the_weights() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    optimizer = build_optimizer("lars", layer, 1.0, 0.0)
    assert isinstance(optimizer, Lars)
    layer(torch.ones(1, 3)).sum().mul(1000).backward()
    optimizer.step()
    moved = (layer.weight - before).norm()
    assert moved.item() == pytest.approx(1e-3 * before.norm().item(), rel=1e-4)


SCRIPT = """
import sys, torch, torch.distributed as dist
from urform.contrastive import SimCLR
from urform.models import Backbone
class Plain(Backbone):
    feature_size = 4
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(12, 4)
    def features(self, images):
        return self.layer(images.flatten(1))
torch.manual_seed(0)
model = SimCLR(Plain(), 3)
one, other = torch.rand(4, 3, 2, 2), torch.rand(4, 3, 2, 2)
rank, size = 0, 1
if "WORLD_SIZE" in __import__("os").environ:
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
part = slice(rank * 4 // size, (rank + 1) * 4 // size)
_, _, loss = model(one[part], other[part], return_loss=True)
(loss / size).backward()
grads = torch.cat([p.grad.flatten() for p in model.parameters()])
if size > 1:
    dist.all_reduce(grads)
if rank == 0:
    torch.save(grads, sys.argv[1])
if size > 1:
    dist.barrier()
    dist.destroy_process_group()
"""


def test_two_processes_have_each_others_negatives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["script.py", str(tmp_path / "one")])
        exec(SCRIPT, {"__name__": "script"})
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    command = [*launch, str(tmp_path / "script.py"), str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    one, two = torch.load(tmp_path / "one"), torch.load(tmp_path / "two")
    torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-5)


def test_messages(
    data: Path, split: Path, run: Path, shape_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def train(config: ContrastiveConfig = CONTRASTIVE, init: Path | None = None, **changes) -> None:
        train_contrastive(data, [split], tmp_path / "out", config, replace(CPU, **changes), init)

    with pytest.raises(ValueError, match="accumulate must be 1: the loss compares all pictures of a batch, got 2"):
        train(accumulate=2)
    with pytest.raises(ValueError, match="batch_size must be at most the number of objects with views, 4"):
        train(replace(CONTRASTIVE, batch_size=5))
    with pytest.raises(ValueError, match="has no contrastive backbone, expected a run of `urform train contrastive`"):
        train(init=shape_run)
    with pytest.raises(ValueError, match=r"does not fit a ResNet-18 of width 8: conv1.weight must have shape"):
        train(replace(CONTRASTIVE, width=8), init=run)
    with pytest.raises(ValueError, match="`validation`: 4 of 4 shapes are training shapes, too"):
        train(validation=(split,))
    with pytest.raises(ValueError, match="init must name one of a kind, got two contrastive runs, the second: "):
        load_start([run, run])
    with pytest.raises(ValueError, match=r"the encoder can start from one file, got `imagenet` x.pth and `init` .*"):
        train_joint(data, [split], tmp_path / "out", JOINT, CPU, init=run, imagenet=Path("x.pth"))
    with pytest.raises(ValueError, match=r"no run of `train shape` among .*; its decoder and latents are needed"):
        train_encoder(run, data, [split], tmp_path / "out", ENCODER, CPU)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        ContrastiveConfig(temperature=0)
    torch.save({"epoch": 1, "model_state_dict": {"net.weight": torch.ones(2)}}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other.pth: must have one of encoder.encoder.0.weight, .*, got net.weight"):
        load_backbone(tmp_path / "other.pth")
    assert not (tmp_path / "out").exists()
    train(replace(CONTRASTIVE, method="moco", epochs=1))
    assert "`queue_size` 10 is more than the 4 objects" in caplog.text
    assert MODEL.encoder_depth == 18
    assert ShapeKey("tiny", "solid", "box0").category == "solid"
