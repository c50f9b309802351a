"""Several pictures of one object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Encoded:
    """Latents of photographs of one object.

    Attributes:
        latent: (L,) their mean.
        disagreement: mean distance of the photographs' latents from the mean, in units of the training latents' mean
            distance from theirs: 0 for one photograph, 1 where they have as little in common as two training shapes.
    """

    latent: Float[np.ndarray, " L"]
    disagreement: float


def mean_of_latents(latents: Float[np.ndarray, "B L"], training: Collection[Float[np.ndarray, " L"]]) -> Encoded:
    """The mean latent of pictures of one object, and how far they are from agreeing.

    Args:
        latents: of the pictures.
        training: latents of the training shapes.
    """
    mean = latents.mean(axis=0)
    known = np.stack(list(training)) if training else np.zeros((1, len(mean)), np.float32)
    usual = float(np.linalg.norm(known - known.mean(axis=0), axis=1).mean())
    spread = float(np.linalg.norm(latents - mean, axis=1).mean())
    return Encoded(mean, spread / usual if usual > 0 else spread)


def joined(warnings: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The warnings of all pictures. Those that not all pictures get begin with the number of theirs."""
    common = [text for text in warnings[0] if all(text in said for said in warnings)]
    own = [
        f"picture {number}: {text}" for number, said in enumerate(warnings, 1) for text in said if text not in common
    ]
    return (*own, *common)
