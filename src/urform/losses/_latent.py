"""Losses of latent codes."""

from jaxtyping import Float
from torch import Tensor, nn

_WARM_EPOCHS = 100  # published: Park 2019, and the published system


def latent_norm_loss(latent: Float[Tensor, "B L"]) -> Float[Tensor, ""]:
    """Mean Euclidean norm of the latent codes of a batch.

    Source: after Park 2019 (DeepSDF), but the norm and not its square, as in the published system.
    """
    return latent.norm(dim=1).mean()


def latent_l1_loss(predicted: Float[Tensor, "B L"], target: Float[Tensor, "B L"]) -> Float[Tensor, ""]:
    """Mean absolute difference of an image encoder's latent codes and the learned ones.

    Source: the encoder regression of the published system (docs/training.md, Losses).
    """
    return nn.functional.l1_loss(predicted, target)


def latent_norm_weight(epoch: int, base: float = 1e-4) -> float:
    """Weight of `latent_norm_loss`: zero in epoch 0, rising to `base` by epoch 100."""
    return base * min(1.0, epoch / _WARM_EPOCHS)
