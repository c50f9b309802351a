"""Latents of shapes that the decoder has not seen, by optimisation at test time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from urform.losses import latent_norm_loss, reconstruction_loss
from urform.models import Decoder

Draw = Callable[[int], tuple[Float[Tensor, "B N 3"], Float[Tensor, "B N"]]]


def fit_latents(
    decoder: Decoder,
    draw: Draw,
    start: Float[Tensor, "B L"],
    clamp: float,
    steps: int = 200,
    lr: float = 1e-2,
    latent_weight: float = 1e-4,
    signless: int = 0,
    latent_loss: Callable[[Float[Tensor, "B L"]], Tensor] = latent_norm_loss,
) -> Float[Tensor, "B L"]:
    """Find the latents whose shapes have the given signed distances; the decoder stays as it is.

    Args:
        decoder: the networks, whose parameters are left alone.
        draw: points of the shapes and their sdf, for the step of that number.
        start: latents to start from, such as the mean of the learned ones.
        clamp: distance beyond which the sdf is not told apart, normalised units: that of the decoder's training.
        steps: of Adam; in the second half its rate falls to a tenth.
        lr: its rate in the first half.
        latent_weight: weight of `latent_loss`.
        signless: so many of the points of each shape, the last ones, come with a distance whose sign is not known; the
            predicted sign is taken as theirs.
        latent_loss: what keeps latents near to learned ones, by default their norm.

    Source: Park 2019 (DeepSDF), eq. 10; without signs: Atzmon 2020 (SAL), eq. 6.
    """
    latent = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([latent], lr)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr if 2 * step < steps else lr / 10
        points, target_sdf = draw(step)
        predicted_sdf = decoder(points, latent)[None]
        target_sdf = with_signs(target_sdf, predicted_sdf[0], signless)
        loss = reconstruction_loss(predicted_sdf, target_sdf, clamp, curriculum=False)
        loss = len(latent) * (loss + latent_weight * latent_loss(latent))  # whatever their number, the same steps
        (latent.grad,) = torch.autograd.grad(loss, latent)
        optimizer.step()
    return latent.detach()


def with_signs(
    target_sdf: Float[Tensor, "B N"], predicted_sdf: Float[Tensor, "B N"], signless: int
) -> Float[Tensor, "B N"]:
    """The target, its last `signless` columns with the signs of the prediction."""
    known = target_sdf.shape[1] - signless
    signs = torch.where(predicted_sdf[:, known:].detach() < 0, -1.0, 1.0)
    return torch.cat([target_sdf[:, :known], target_sdf[:, known:] * signs], dim=1)
