import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from urform.config import SHAPE_PRESETS, pair_weight_of_sum
from urform.losses import (
    correction_loss,
    landmark_loss,
    latent_l1_loss,
    latent_norm_loss,
    latent_norm_weight,
    neighbour_loss,
    pointpair_loss,
    pointpair_weight,
    pointwise_loss,
    pointwise_weight,
    reconstruction_loss,
)


def _random(*shape, scale=1.0, seed=0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Slow twins: the definitions, one number at a time.


def _naive_reconstruction(predicted_sdf, target_sdf, clamp):
    K, B, N = predicted_sdf.shape
    total = 0.0
    for k in range(K):
        tolerance, hardness = (0.025, 0.01, 0.0025, 0.0)[k], (0.0, 0.1, 0.2, 0.5)[k]
        for b in range(B):
            for n in range(N):
                s = min(max(float(predicted_sdf[k, b, n]), -clamp), clamp)
                t = min(max(float(target_sdf[b, n]), -clamp), clamp)
                weight = 1 + hardness * np.sign(t) * np.sign(t - s)
                total += max(abs(s - t) - tolerance, 0) * weight / (B * N)
    return total / K


def _naive_pointwise(canonical_points, points):
    K, B, N, _ = canonical_points.shape
    total = 0.0
    for k in range(K):
        for b in range(B):
            for n in range(N):
                d = float(torch.linalg.norm(canonical_points[k, b, n] - points[b, n]))
                total += (0.5 * d * d if d < 0.25 else 0.25 * (d - 0.125)) / (B * N)
    return total / K


def _naive_pointpair(canonical_points, points):
    B, N, _ = points.shape
    stretches = []
    for b in range(B):
        d = canonical_points[b] - points[b]
        for i in range(N // 8):
            for j in range(N // 8, N):
                ratio = torch.linalg.norm(d[i] - d[j]) / (torch.linalg.norm(points[b, i] - points[b, j]) + 1e-3)
                stretches.append(min(max(float(ratio) - 0.5, 0), 5))
    return sum(stretches) / len(stretches)


@given(seed=st.integers(0, 2**31), clamp=st.floats(0.02, 0.5))
@settings(max_examples=20, deadline=None)
def test_reconstruction_agrees_with_its_naive_twin(seed, clamp):
    predicted_sdf, target_sdf = _random(4, 2, 9, scale=0.1, seed=seed), _random(2, 9, scale=0.1, seed=seed + 1)
    loss = reconstruction_loss(predicted_sdf, target_sdf, clamp)
    assert loss.item() == pytest.approx(_naive_reconstruction(predicted_sdf, target_sdf, clamp), abs=1e-12)


@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 3))
@settings(max_examples=20, deadline=None)
def test_pointwise_agrees_with_its_naive_twin(seed, scale):
    points = _random(2, 9, 3, seed=seed)
    canonical_points = points + _random(4, 2, 9, 3, scale=scale, seed=seed + 1)
    loss = pointwise_loss(canonical_points, points)
    assert loss.item() == pytest.approx(_naive_pointwise(canonical_points, points), rel=1e-9)


@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 3), count=st.sampled_from([8, 9, 20, 33]))
@settings(max_examples=20, deadline=None)
def test_pointpair_agrees_with_its_naive_twin(seed, scale, count):
    points = _random(2, count, 3, seed=seed)
    canonical_points = points + _random(2, count, 3, scale=scale, seed=seed + 1)
    loss = pointpair_loss(canonical_points, points)
    assert loss.item() == pytest.approx(_naive_pointpair(canonical_points, points), rel=1e-9, abs=1e-12)


def test_published_losses_are_reproduced(known_experiment):
    with np.load(known_experiment / "expected.npz") as recorded:
        expected = {key: torch.from_numpy(recorded[key]) for key in recorded}
    points, canonical_points = expected["points"], expected["progressive_warped"]
    for name, loss in {
        "loss_reconstruction": reconstruction_loss(expected["progressive_sdf"], expected["target_sdf"]),
        "loss_pointwise": pointwise_loss(canonical_points, points),
        # The published term is a sum over pairs, divided by the points.
        "loss_pointpair": pair_weight_of_sum(1.0, points.shape[1]) * pointpair_loss(canonical_points[-1], points),
    }.items():
        assert loss.item() == pytest.approx(expected[name].item(), rel=1e-5), name


# Known answers


def test_perfect_prediction_costs_nothing():
    target_sdf, points = _random(2, 16), _random(2, 16, 3)
    assert reconstruction_loss(target_sdf.expand(4, 2, 16), target_sdf).item() == 0
    assert reconstruction_loss(target_sdf.expand(4, 2, 16), target_sdf, curriculum=False).item() == 0
    assert pointwise_loss(points.expand(4, 2, 16, 3), points).item() == 0
    assert pointpair_loss(points, points).item() == 0


def test_reconstruction_of_a_wrong_sign_costs_more():
    target_sdf = torch.tensor([[0.05]])
    outside = reconstruction_loss(torch.full((4, 1, 1), 0.08), target_sdf)
    inside = reconstruction_loss(torch.full((4, 1, 1), 0.02), target_sdf)
    errors = [0.03 - tolerance for tolerance in (0.025, 0.01, 0.0025, 0)]
    hardnesses = (0, 0.1, 0.2, 0.5)
    assert outside.item() == pytest.approx(sum(e * (1 - h) for e, h in zip(errors, hardnesses, strict=True)) / 4)
    assert inside.item() == pytest.approx(sum(e * (1 + h) for e, h in zip(errors, hardnesses, strict=True)) / 4)


def test_reconstruction_without_curriculum_is_the_mean_clamped_error():
    predicted_sdf, target_sdf = _random(3, 2, 9, scale=0.1), _random(2, 9, scale=0.1, seed=1)
    expected = (predicted_sdf.clamp(-0.1, 0.1) - target_sdf.clamp(-0.1, 0.1)).abs().mean()
    assert reconstruction_loss(predicted_sdf, target_sdf, curriculum=False).item() == pytest.approx(expected.item())


def test_reconstruction_refuses():
    with pytest.raises(ValueError, match=r"predicted_sdf must have shape \(4, B, N\), got \(3, 2, 9\)"):
        reconstruction_loss(torch.zeros(3, 2, 9), torch.zeros(2, 9))
    with pytest.raises(ValueError, match="clamp must be above 0, got 0"):
        reconstruction_loss(torch.zeros(4, 2, 9), torch.zeros(2, 9), clamp=0.0)


@given(shift=st.tuples(*[st.floats(-2, 2)] * 3))
@settings(max_examples=20, deadline=None)
def test_a_translation_is_no_stretch(shift):
    points = _random(2, 16, 3)
    assert pointpair_loss(points + torch.tensor(shift, dtype=points.dtype), points).item() == 0


@pytest.mark.parametrize(("scale", "expected"), [(1.4, 0), (0.6, 0), (2.0, 0.5), (-1.0, 1.5)])
def test_neighbours_may_stretch_by_half_and_never_turn_around(scale, expected):
    points = torch.rand(2, 7, 3, dtype=torch.float64)
    neighbours = points + 0.02 * torch.nn.functional.normalize(torch.randn_like(points), dim=-1)
    loss = neighbour_loss(scale * points + 1, scale * neighbours + 1, points, neighbours)
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_pointpair_of_a_scaling():
    points = _random(1, 16, 3)
    distance = torch.cdist(points[:, :2], points[:, 2:])
    ratio = distance / (distance + 1e-3)
    assert pointpair_loss(2 * points, points).item() == pytest.approx((ratio - 0.5).mean().item())
    assert pointpair_loss(101 * points, points).item() == pytest.approx(5)
    assert pointpair_loss(101 * points, points, limit=None).item() == pytest.approx((100 * ratio - 0.5).mean().item())


@pytest.mark.parametrize("count", [8, 64, 512])
def test_the_pair_term_means_the_same_at_any_number_of_points(count):
    points = _random(4, count, 3)
    assert pointpair_loss(3 * points, points).item() == pytest.approx(1.5, abs=0.01)


def test_published_presets_have_the_published_pair_weights():
    """docs/training.md: 2e-5 with the limit of 5, DIT 1e-4 without, of a sum over pairs divided by 5,000 points."""
    for preset, weight, limit in (("published", 2e-5, 5.0), ("dit", 1e-4, None)):
        config = SHAPE_PRESETS[preset]
        assert (config.points_per_shape, config.pointpair_limit) == (5000, limit)
        pairs = 625 * 4375
        assert config.pointpair_weight == pytest.approx(weight * pairs / 5000, rel=1e-12)


def test_correction_and_landmark_losses():
    assert correction_loss(torch.tensor([[0.1, -0.3]])).item() == pytest.approx(0.2)
    places, target = torch.zeros(2, 2, 3), torch.tensor([[[0.3, 0.4, 0], [9, 9, 9]], [[0, 0, 0.1], [9, 9, 9]]])
    known = torch.tensor([[True, False], [True, False]])
    assert landmark_loss(places, target, known).item() == pytest.approx(0.3, abs=1e-4)
    assert landmark_loss(places, target, torch.zeros_like(known)).item() == 0
    places.requires_grad_()
    landmark_loss(places, torch.zeros(2, 2, 3), known).backward()
    assert places.grad is not None
    assert torch.isfinite(places.grad).all()


def test_latent_losses():
    latent = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert latent_norm_loss(latent).item() == pytest.approx(3)
    assert latent_l1_loss(latent, torch.zeros(2, 2)).item() == pytest.approx(2)


# Gradients


@pytest.mark.parametrize("displacement", [0.0, 1e-30, 1e-12, 0.25, 10.0])
def test_gradients_are_finite_at_zero_distances(displacement):
    points = torch.rand(2, 16, 3)
    points[:, 3:] = points[:, :1]  # many points twice
    canonical_points = (points + displacement).expand(4, 2, 16, 3).clone().requires_grad_()
    (pointwise_loss(canonical_points, points) + pointpair_loss(canonical_points[-1], points)).backward()
    assert canonical_points.grad is not None
    assert canonical_points.grad.isfinite().all()


def test_gradient_of_the_zero_latent_is_finite():
    latent = torch.zeros(2, 4, requires_grad=True)
    latent_norm_loss(latent).backward()
    assert latent.grad is not None
    assert latent.grad.isfinite().all()


def test_gradients_agree_with_finite_differences():
    points, target_sdf = _random(2, 16, 3), _random(2, 16, scale=0.1)
    canonical_points = (points + _random(4, 2, 16, 3, scale=0.5, seed=1)).requires_grad_()
    predicted_sdf = _random(4, 2, 16, scale=0.1, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda c: pointwise_loss(c, points), canonical_points)
    assert torch.autograd.gradcheck(lambda c: pointpair_loss(c, points), canonical_points[-1].detach().requires_grad_())
    assert torch.autograd.gradcheck(lambda s: reconstruction_loss(s, target_sdf), predicted_sdf)


def test_pointpair_slides_on_the_flat_parts():
    points = _random(2, 16, 3)
    canonical_points = (1.01 * points).requires_grad_()
    pointpair_loss(canonical_points, points).backward()
    assert canonical_points.grad is not None
    assert (canonical_points.grad == 0).all()


# Weights


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (pointwise_weight, {0: 0.05, 50: 0.025, 90: 0.005, 100: 0.005, 2000: 0.005}),
        (partial(pointpair_weight, base=2e-5), {0: 0, 50: 0.00001, 100: 0.00002, 2000: 0.00002}),
        (latent_norm_weight, {0: 0, 50: 0.5e-4, 100: 1e-4, 2000: 1e-4}),
    ],
)
def test_weights_of_the_published_schedule(weight, expected):
    for epoch, value in expected.items():
        assert weight(epoch) == pytest.approx(value)
        assert weight(epoch, base=1.0) == pytest.approx(value / weight(2000))
    assert math.isfinite(weight(10**9))
