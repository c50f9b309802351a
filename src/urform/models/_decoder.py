"""The decoder: sdf(p) = T(W(p, latent)) + c(p, latent)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.models._correction import Correction
from urform.models._template import Template
from urform.models._warp import Warp


class Progress(NamedTuple):
    """What the decoder makes of points step by step; K = 4.

    Attributes:
        canonical_points: the kept points on their way to canonical space; the last are final.
        sdf: at each of them, or at the last alone; the last is the decoder's.
        correction: what the last sdf has beside the template's; None where the decoder has no correction.
    """

    canonical_points: Float[Tensor, "K B N 3"]
    sdf: Float[Tensor, "J B N"]
    correction: Float[Tensor, "B N"] | None


class Decoder(nn.Module):
    """A category's signed distance function: a warp followed by the template, and a correction.

    Args:
        warp: From instance space to canonical space.
        template: Signed distance in canonical space.
        correction: What is added for the parts that only some objects have; None = nothing, as published.

    Source: Zheng 2021 (Deep Implicit Templates); the correction Deng 2021 (DIF-Net).
    """

    def __init__(self, warp: Warp, template: Template, correction: Correction | None = None):
        super().__init__()
        self.warp = warp
        self.template = template
        self.correction = correction

    def forward(self, points: Tensor, latent: Tensor) -> Float[Tensor, "B N"]:
        """Signed distance of points of each shape.

        Args:
            points: (B, N, 3), normalised instance space.
            latent: (B, L), one code a shape.

        Returns:
            sdf, negative inside; the template's part is in (-1, 1).

        Raises:
            ValueError: A shape is wrong.
        """
        sdf = self.template(self.canonical(points, latent))
        return sdf if self.correction is None else sdf + self.correction(points, latent)

    def canonical(self, points: Tensor, latent: Tensor) -> Float[Tensor, "B N 3"]:
        """Canonical points of points of each shape, args as in `forward`; equal ones are correspondences."""
        _check_shapes(points, latent, self.warp.latent_size)
        return self.warp.canonical(points, latent)

    def progressive(self, points: Tensor, latent: Tensor, last_only: bool = False) -> Progress:
        """The kept points on their way to canonical space, and the sdf there.

        Args:
            points: (B, N, 3), normalised instance space.
            latent: (B, L), one code a shape.
            last_only: The sdf at the canonical points alone, which spares most evaluations of the template.

        Raises:
            ValueError: A shape is wrong.

        Source: Zheng 2021, progressive reconstruction loss.
        """
        _check_shapes(points, latent, self.warp.latent_size)
        canonical_points = self.warp(points, latent)
        sdf = self.template(canonical_points[-1:] if last_only else canonical_points)
        if self.correction is None:
            return Progress(canonical_points, sdf, None)
        correction = self.correction(points, latent)
        return Progress(canonical_points, torch.cat([sdf[:-1], sdf[-1:] + correction]), correction)


def _check_shapes(points: Tensor, latent: Tensor, latent_size: int) -> None:
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"points must have shape (B, N, 3), got {tuple(points.shape)}")
    if latent.ndim != 2 or latent.shape[1] != latent_size:
        raise ValueError(f"latent must have shape (B, {latent_size}), got {tuple(latent.shape)}")
    if len(points) != len(latent):
        raise ValueError(f"points and latent must be of as many shapes, got {len(points)} and {len(latent)}")
