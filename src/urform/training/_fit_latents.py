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
    steps: int = 200,
    lr: float = 1e-2,
    clamp: float = 0.1,
    latent_weight: float = 1e-4,
) -> Float[Tensor, "B L"]:
    """Find the latents whose shapes have the given signed distances; the decoder stays as it is.

    Args:
        decoder: the networks, whose parameters are left alone.
        draw: points of the shapes and their sdf, for the step of that number.
        start: latents to start from, such as the mean of the learned ones.
        steps: of Adam; in the second half its rate falls to a tenth.
        lr: its rate in the first half.
        clamp: distance beyond which the sdf is not told apart, normalised units.
        latent_weight: weight of the latents' norm.

    Source: Park 2019 (DeepSDF), eq. 10.
    """
    latent = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([latent], lr)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr if 2 * step < steps else lr / 10
        points, target_sdf = draw(step)
        predicted_sdf = decoder(points, latent)[None]
        loss = reconstruction_loss(predicted_sdf, target_sdf, clamp, curriculum=False)
        loss = len(latent) * (loss + latent_weight * latent_norm_loss(latent))  # whatever their number, the same steps
        (latent.grad,) = torch.autograd.grad(loss, latent)
        optimizer.step()
    return latent.detach()
