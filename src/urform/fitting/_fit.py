"""A latent for a scan or for photographs: optimisation at test time, and the mean of what the encoder says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from urform.fitting._evidence import SURFACE_POINTS, Evidence
from urform.inference import Encoded, Model, mean_of_latents
from urform.training import fit_latents

STEPS = 400
RATE = 0.03  # of Adam; with 0.01 ten real chairs came out at a Chamfer distance of 0.34 instead of 0.29
PART_RATE = 0.01  # of a part: the start decides more, and should not be left too far behind
NORM_WEIGHT = 1e-4  # of the latent's norm: that of published trainings
PART_WEIGHT = 0.02  # of the distance from the training latents; see docs/results/correspondence.md
POINTS = 1000  # a step
RANK_POINTS = 256  # on which the training latents are compared as starts
RANKED = 1000  # training latents that are compared, at most
NEAR_STARTS = 4  # of these, so many are tried: see docs/results/correspondence.md


@dataclass(frozen=True)
class Fitted:
    """A latent that was found.

    Attributes:
        latent: (L,) the shape's latent code.
        start: where it was started from: mean, encoder, or a training shape.
        residual_before: mean |sdf| of the start at the scan's points, normalised units.
        residual_after: the same of the latent.
    """

    latent: Float[np.ndarray, " L"]
    start: str
    residual_before: float
    residual_after: float


def fit(
    model: Model,
    evidence: Evidence,
    starts: Mapping[str, Float[np.ndarray, " L"]],
    steps: int = STEPS,
    seed: int = 0,
) -> Fitted:
    """Find the latent whose shape agrees best with what is known of an object.

    Each of several starts gets a quarter of the steps. The best of them then gets all steps.

    Args:
        model: whose shapes are fitted.
        evidence: what is known.
        starts: name to latent, at least one.
        steps: of Adam.
        seed: of the points that are drawn.

    Raises:
        ValueError: `steps` is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    names, latents = list(starts), np.stack(list(starts.values()))
    best, found = 0, latents
    if len(names) > 1:
        found = _optimise(model, evidence, latents, max(1, steps // 4), seed)
        best = int(_errors(model, evidence, found, POINTS, seed).argmin())
    start, found = latents[best], _optimise(model, evidence, found[best : best + 1], steps, seed + 1)[0]
    return Fitted(found, names[best], _residual(model, evidence, start), _residual(model, evidence, found))


def starts_for(
    model: Model, evidence: Evidence, encoded: Float[np.ndarray, " L"] | None = None, seed: int = 0
) -> dict[str, Float[np.ndarray, " L"]]:
    """Start latents: the encoder's latent if there is a picture, else the mean of the training latents.

    The way from the mean to an unusual shape may end in a bad one, such as a straight sofa for a corner sofa. So the
    training shapes that agree best are tried too.
    """
    starts = {"mean": mean_latent(model)} if encoded is None else {"encoder": encoded}
    if model.latents:
        spread = np.linspace(0, len(model.latents) - 1, min(RANKED, len(model.latents))).astype(int)
        names, known = np.array(list(model.latents))[spread], np.stack(list(model.latents.values()))[spread]
        errors = _errors(model, evidence, known, RANK_POINTS, seed)
        starts |= {str(names[index]): known[index] for index in errors.argsort()[:NEAR_STARTS]}
    return starts


def encode_pictures(model: Model, pictures: Sequence[UInt8[np.ndarray, "H W 4"]]) -> Encoded:
    """The mean latent of cut-out pictures of one object, and how far they are from agreeing.

    Raises:
        ValueError: the model has no encoder.
    """
    latents = model.encode(np.stack([model.frame(picture) for picture in pictures]))
    return mean_of_latents(latents, model.latents.values())


def mean_latent(model: Model) -> Float[np.ndarray, " L"]:
    """Mean of the training latents; zero for a model that has none."""
    if not model.latents:
        return np.zeros(model.config.latent_size, np.float32)
    return np.mean(list(model.latents.values()), axis=0)


def _optimise(
    model: Model, evidence: Evidence, starts: Float[np.ndarray, "B L"], steps: int, seed: int
) -> Float[np.ndarray, "B L"]:
    device = next(model.decoder.parameters()).device

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = evidence.draw(POINTS, np.random.default_rng([seed, step]))
        tensor = torch.as_tensor(rows, dtype=torch.float32, device=device).expand(len(starts), -1, -1)
        return tensor[..., :3], tensor[..., 3]

    start = torch.as_tensor(starts, dtype=torch.float32, device=device)
    options: dict[str, Any] = {"lr": RATE, "latent_weight": NORM_WEIGHT}
    if evidence.is_partial and len(model.latents) > 1:
        options = {"lr": PART_RATE, "latent_weight": PART_WEIGHT, "latent_loss": _distance_from_training(model, device)}
    signless = evidence.signless_of(POINTS)
    return fit_latents(model.decoder, draw, start, model.clamp, steps, signless=signless, **options).cpu().numpy()


def _distance_from_training(model: Model, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
    """How far latents lie from the training latents: mean squared Mahalanobis distance, 1 for a usual one.

    Surface points say where the surface is, but not where it is not. The training latents supply that. Their norm would
    supply little, because they lie in a thin slice of the ball.
    """
    known = np.stack(list(model.latents.values())).astype(np.float64)
    size = known.shape[1]
    # A deviation of 0.01 is added in each direction: that of directions in which no training latents differ is not 0.
    precision = np.linalg.inv(np.cov(known.T) + 1e-4 * np.eye(size)) / size
    mean, precision = (
        torch.as_tensor(array, dtype=torch.float32, device=device) for array in (known.mean(axis=0), precision)
    )
    return lambda latent: ((latent - mean) @ precision * (latent - mean)).sum(dim=1).mean()


def _errors(
    model: Model, evidence: Evidence, latents: Float[np.ndarray, "B L"], count: int, seed: int
) -> Float[np.ndarray, " B"]:
    """Mean error of each latent at the same drawn points, clamped as in training."""
    rows = evidence.draw(count, np.random.default_rng([seed, 1 << 20])).astype(np.float32)
    clamp = model.clamp
    target, known = rows[:, 3].clip(-clamp, clamp), count - evidence.signless_of(count)
    errors = []
    for latent in latents:
        predicted = model.sdf(rows[:, :3], latent).clip(-clamp, clamp)
        predicted[known:] = np.abs(predicted[known:])
        errors.append(float(np.abs(predicted - target).mean()))
    return np.array(errors)


def _residual(model: Model, evidence: Evidence, latent: Float[np.ndarray, " L"]) -> float:
    return float(np.abs(model.sdf(evidence.surface[:SURFACE_POINTS], latent)).mean())
