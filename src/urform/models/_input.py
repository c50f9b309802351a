"""Pictures as the image encoders take them."""

from __future__ import annotations

from jaxtyping import Float, UInt8
from torch import Tensor


def to_input(rgba: UInt8[Tensor, "B S S 4"]) -> Float[Tensor, "B 3 S S"]:
    """Framed pictures on white, in 0..1: what the encoder sees outside of training."""
    pictures = rgba.permute(0, 3, 1, 2).float() / 255
    color, alpha = pictures[:, :3], pictures[:, 3:]
    return color * alpha + 1 - alpha
