"""Colors as screens show them (sRGB), and as light adds up (linear): glTF has the second kind outside of textures."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def linear_of(display: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """Linear values of sRGB values, both 0..1. Source: IEC 61966-2-1."""
    display = np.asarray(display, np.float64)
    return np.where(display > 0.04045, ((display + 0.055) / 1.055) ** 2.4, display / 12.92)


def display_of(linear: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """The other way round."""
    linear = np.maximum(np.asarray(linear, np.float64), 0.0)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, linear * 12.92)
