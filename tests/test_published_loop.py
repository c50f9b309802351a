"""Ten steps of training from specs beside a loop written from the published definitions alone, in 64 bits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.test_specs import NETWORKS, write_specs
from urform.config import RunConfig
from urform.data import DataFolder, read_split
from urform.models import LstmWarp
from urform.published import Specs
from urform.sets import ViewSet
from urform.training import RunFolder, Stage, Team, train
from urform.training._joint import JointStage
from urform.training._look import ShapeLook
from urform.training._shape import ShapeStage

L, H, STEPS, WIDTH, LAYERS = 8, 8, 8, 16, 3
RATES = (5e-4, 1e-3, 1e-3)
INTERVAL, FACTOR = 2, 0.5  # epochs
POINTWISE, POINTPAIR, LATENT = 0.005, 0.02, 1e-2
State = dict[str, Tensor]


def specs_of(folder: Path, curriculum: bool) -> Specs:
    decoder = {**NETWORKS["decoder_kargs"], "dropout_prob": 0.0}
    return write_specs(
        folder,
        NetworkSpecs={**NETWORKS, "decoder_kargs": decoder},
        NumEpochs=5,
        LearningRateSchedule=[
            {"Type": "Step", "Initial": rate, "Interval": INTERVAL, "Factor": FACTOR} for rate in RATES
        ],
        UsePointwiseLoss=True,
        PointwiseLossWeight=POINTWISE,
        UsePointpairLoss=True,
        PointpairLossWeight=POINTPAIR,
        CodeRegularizationLambda=LATENT,
        **({"UseCurriculum": True} if curriculum else {}),
    )


def decoded(state: State, latent: Tensor, points: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Kept points and their sdf, point after point as docs/formats.md has it."""
    cell = nn.LSTMCell(L + 3, H).double()
    B, N, _ = points.shape
    code, x = latent.repeat_interleave(N, 0), points.reshape(-1, 3)
    h = c = torch.zeros(B * N, H, dtype=torch.float64)
    kept = []
    own = {name: state[f"decoder.warp.lstm.{name}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    for step in range(STEPS):
        h, c = torch.func.functional_call(cell, own, (torch.cat([code, x], 1), (h, c)))
        h.register_hook(lambda gradient: gradient.clamp(-10, 10))
        a = F.linear(h, state["decoder.warp.affine.weight"], state["decoder.warp.affine.bias"])
        x = x * (1 + a[:, :3]) + a[:, 3:]
        if (step + 1) % (STEPS // 4) == 0:
            kept.append(x)
    return kept, [template(state, each) for each in kept]


def template(state: State, x: Tensor) -> Tensor:
    for layer in range(LAYERS):
        v, g = (state[f"decoder.template.lin{layer}.weight_{name}"] for name in "vg")
        x = F.relu(F.linear(x, g * v / v.norm(dim=1, keepdim=True), state[f"decoder.template.lin{layer}.bias"]))
    last = f"decoder.template.lin{LAYERS}"
    return torch.tanh(F.linear(x, state[f"{last}.weight"], state[f"{last}.bias"]))[:, 0]


def loss_of(state: State, latent: Tensor, points: Tensor, target: Tensor, epoch: int, curriculum: bool) -> Tensor:
    """The published loss of a step; the epochs count from 1."""
    kept, sdf = decoded(state, latent, points)
    B, N, _ = points.shape
    n = B * N
    true = target.reshape(-1).clamp(-0.1, 0.1)
    if curriculum:
        total = 0.0
        for s, tolerance, hard in zip(sdf, (0.025, 0.01, 0.0025, 0), (0, 0.1, 0.2, 0.5), strict=True):
            s = s.clamp(-0.1, 0.1)
            weight = 1 + hard * true.sign() * (true - s).sign()
            total = total + (((s - true).abs() - tolerance).clamp(min=0) * weight.detach()).sum() / n / 4
    else:
        total = (sdf[-1].clamp(-0.1, 0.1) - true).abs().sum() / n
    start = points.reshape(-1, 3)
    for x in kept:
        moved = (x - start).norm(dim=1)
        huber = F.huber_loss(moved, torch.zeros_like(moved), reduction="sum", delta=0.25)
        total = total + POINTWISE * max(1, 10 * (1 - epoch / 100)) * huber / n / 4
    for d, p in zip((kept[-1] - start).view(B, N, 3), points, strict=True):
        first = N // 8
        for i in range(first):
            ratio = (d[i] - d[first:]).norm(dim=1) / ((p[i] - p[first:]).norm(dim=1) + 1e-3)
            excess = F.relu(ratio - 0.5).clamp(0, 5).sum() / n
            total = total + POINTPAIR * min(1, epoch / 100) * excess
    return total + LATENT * min(1, epoch / 100) * latent.norm(dim=1).mean()


def encoded(state: State, pictures: Tensor) -> Tensor:
    """A ResNet-18 whose backbone is frozen, and its head in either published form."""

    def conv(x: Tensor, name: str, bn: str, stride: int = 1) -> Tensor:
        weight = state[f"encoder.{name}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, var, scale, shift = (
            state[f"encoder.{bn}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, scale, shift)

    deviation = torch.tensor([0.229, 0.224, 0.225]).double().view(3, 1, 1)
    x = (pictures - torch.tensor([0.485, 0.456, 0.406]).double().view(3, 1, 1)) / deviation
    x = F.max_pool2d(F.relu(conv(x, "conv1", "bn1", 2)), 3, 2, 1)
    for layer in range(1, 5):
        for block in range(2):
            name, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            y = F.relu(conv(x, f"{name}.conv1", f"{name}.bn1", stride))
            y = conv(y, f"{name}.conv2", f"{name}.bn2")
            if stride == 2:
                x = conv(x, f"{name}.downsample.0", f"{name}.downsample.1", 2)
            x = F.relu(x + y)
    x = x.mean(dim=(2, 3))
    if "encoder.hidden.weight" in state:
        x = F.relu(F.linear(x, state["encoder.hidden.weight"], state["encoder.hidden.bias"]))
    return F.linear(x, state["encoder.fc.weight"], state["encoder.fc.bias"])


def recorded(stage: Stage) -> tuple[State, list[tuple[int, tuple[Tensor, ...]]], list[float]]:
    """Have a stage train in 64 bits; its first weights, and what each of its steps saw and lost."""
    stage.modules.double()
    start = {name: value.clone() for name, value in stage.modules.state_dict().items()}
    seen: list[tuple[int, tuple[Tensor, ...]]] = []
    losses: list[float] = []
    batch, step = stage.batch, stage.step

    def wide_batch(epoch: int, index: int) -> tuple[Tensor, ...]:
        return tuple(value.double() if value.is_floating_point() else value for value in batch(epoch, index))

    def noted_step(values: tuple[Tensor, ...], epoch: float) -> Any:
        terms, further = step(values, epoch)
        seen.append((int(epoch) + 1, values))
        losses.append(torch.stack(list(terms.values())).sum().item())
        return terms, further

    stage.batch, stage.step = wide_batch, noted_step  # type: ignore[method-assign]
    return start, seen, losses


def steps(state: State, learned: list[list[str]], seen: Any, latents: Callable[..., Tensor], curriculum: bool) -> Any:
    """The same steps by the loop; yields each loss."""
    for names in learned:
        for name in names:
            state[name] = state[name].clone().requires_grad_()
    groups = [
        {"params": [state[name] for name in names], "lr": rate} for names, rate in zip(learned, RATES, strict=True)
    ]
    adam = torch.optim.Adam(groups)
    for epoch, (first, points, target) in seen:
        for group, rate in zip(adam.param_groups, RATES, strict=True):
            group["lr"] = rate * FACTOR ** (epoch // INTERVAL)
        adam.zero_grad()
        loss = loss_of(state, latents(state, first), points, target, epoch, curriculum)
        loss.backward()
        adam.step()
        yield loss.item()


def names_of(state: State, *beginnings: str) -> list[str]:
    return [name for name in state if name.startswith(beginnings)]


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[[str], RunFolder]:
    return lambda kind: RunFolder(tmp_path / "run", kind, {}, RunConfig(look_every=0))


@pytest.mark.parametrize("curriculum", [True, False])
def test_ten_steps_of_learned_latents(
    data: Path, split: Path, tmp_path: Path, run_folder: Callable[[str], RunFolder], curriculum: bool
) -> None:
    config = specs_of(tmp_path / "specs", curriculum).shape_config()
    folder, keys, device = DataFolder(data), read_split(split), torch.device("cpu")
    stage = ShapeStage(folder, keys, config, device, ShapeLook(folder, (), keys, 0.1))
    start, seen, losses = recorded(stage)
    train(stage, run_folder("shape"), Team("cpu"), RunConfig(look_every=0))
    assert len(losses) == 10
    parts = [names_of(start, "decoder.warp."), names_of(start, "decoder.template."), names_of(start, "latents.")]
    found = list(steps(start, parts, seen, lambda state, rows: state["latents.weight"][rows], curriculum))
    assert losses == pytest.approx(found, abs=1e-6)
    assert losses != pytest.approx(losses[::-1], abs=1e-6)
    for name, value in stage.modules.state_dict().items():
        torch.testing.assert_close(value, start[name].detach(), atol=1e-6, rtol=0, msg=name)


@pytest.mark.parametrize("curriculum", [True, False])
@pytest.mark.parametrize("hidden", [0, 9], ids=["first form", "second form"])
def test_ten_steps_end_to_end(
    data: Path, split: Path, tmp_path: Path, run_folder: Callable[[str], RunFolder], curriculum: bool, hidden: int
) -> None:
    config = specs_of(tmp_path / "specs", curriculum).joint_config()
    model = replace(config.model, encoder_width=4, encoder_hidden=hidden, image_size=64)
    config = replace(config, model=model, levels="easy", shapes_per_batch=4)
    folder, keys, device = DataFolder(data), read_split(split), torch.device("cpu")
    views = ViewSet(folder, keys, 64, ("easy",))
    stage = JointStage(views, folder, keys, config, device, ShapeLook(folder, (), keys, 0.1, ("easy",)))
    start, seen, losses = recorded(stage)
    train(stage, run_folder("joint"), Team("cpu"), RunConfig(look_every=0))
    assert len(losses) == 10  # 4 shapes, 2 views each, 4 views a batch
    head = names_of(start, "encoder.fc.", "encoder.hidden.")
    parts = [names_of(start, "decoder.warp."), names_of(start, "decoder.template."), head]
    found = list(steps(start, parts, seen, encoded, curriculum))
    assert losses == pytest.approx(found, abs=1e-6)
    for name, value in stage.modules.state_dict().items():
        torch.testing.assert_close(value, start[name].detach(), atol=1e-6, rtol=0, msg=name)


def test_an_epoch_shows_every_view_once(data: Path, split: Path, tmp_path: Path) -> None:
    config = specs_of(tmp_path / "specs", True).joint_config()
    config = replace(config, model=replace(config.model, encoder_width=4, image_size=32))
    folder, keys, device = DataFolder(data), read_split(split), torch.device("cpu")
    views = ViewSet(folder, keys, 32)
    stage = JointStage(views, folder, keys, config, device, ShapeLook(folder, (), keys, 0.1, ("easy", "hard")))
    assert (len(views), stage.batches_per_epoch) == (16, 8)
    shown = torch.cat([stage.batch(3, index)[0] for index in range(8)])
    assert len(torch.unique(shown.flatten(1), dim=0)) == 16


def test_the_published_initial_values_and_the_clamp_of_the_gradient() -> None:
    torch.manual_seed(0)
    warp = LstmWarp(4, 16, 8)
    points, latent = torch.rand(2, 5, 3), torch.rand(2, 4)

    def gradient() -> Tensor:
        warp.zero_grad()
        (1e9 * warp(points, latent)).sum().backward()
        value = warp.lstm.weight_hh.grad
        assert value is not None
        return value.abs().max()

    warp.start_as_published()
    biases = warp.lstm.bias_ih + warp.lstm.bias_hh
    assert torch.equal(biases[16:32], torch.full((16,), 2.0))
    assert 0 < warp.affine.weight.abs().max() <= 1e-5
    assert not warp.affine.bias.any()
    clamped = gradient()
    warp._gradient_limit = None
    assert gradient() > 100 * clamped
