"""The decoder: sdf(p) = T(W(p, latent))."""

from jaxtyping import Float
from torch import Tensor, nn

from urform.models._template import Template
from urform.models._warp import Warp


class Decoder(nn.Module):
    """A category's signed distance function: a warp followed by the template.

    Args:
        warp: From instance space to canonical space.
        template: Signed distance in canonical space.

    Source: Zheng 2021 (Deep Implicit Templates).
    """

    def __init__(self, warp: Warp, template: Template):
        super().__init__()
        self.warp = warp
        self.template = template

    def forward(self, points: Tensor, latent: Tensor) -> Float[Tensor, "B N"]:
        """Signed distance of points of each shape.

        Args:
            points: (B, N, 3), normalised instance space.
            latent: (B, L), one code a shape.

        Returns:
            sdf, negative inside, in (-1, 1).

        Raises:
            ValueError: A shape is wrong.
        """
        return self.template(self.canonical(points, latent))

    def canonical(self, points: Tensor, latent: Tensor) -> Float[Tensor, "B N 3"]:
        """Canonical points of points of each shape, args as in `forward`; equal ones are correspondences."""
        _check_shapes(points, latent, self.warp.latent_size)
        return self.warp.canonical(points, latent)

    def progressive(self, points: Tensor, latent: Tensor) -> tuple[Float[Tensor, "K B N 3"], Float[Tensor, "K B N"]]:
        """The kept points on their way to canonical space and the template's sdf there; the last are final.

        Args:
            points: (B, N, 3), normalised instance space.
            latent: (B, L), one code a shape.

        Returns:
            canonical_points and sdf, K = 4.

        Raises:
            ValueError: A shape is wrong.

        Source: Zheng 2021, progressive reconstruction loss.
        """
        _check_shapes(points, latent, self.warp.latent_size)
        canonical_points = self.warp(points, latent)
        return canonical_points, self.template(canonical_points)


def _check_shapes(points: Tensor, latent: Tensor, latent_size: int) -> None:
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"points must have shape (B, N, 3), got {tuple(points.shape)}")
    if latent.ndim != 2 or latent.shape[1] != latent_size:
        raise ValueError(f"latent must have shape (B, {latent_size}), got {tuple(latent.shape)}")
    if len(points) != len(latent):
        raise ValueError(f"points and latent must be of as many shapes, got {len(points)} and {len(latent)}")
