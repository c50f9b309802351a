"""An encoder for a new category that starts from the encoder of another one: pictures of both have much in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from urform.config import ModelConfig
from urform.models import ImageEncoder
from urform.training._pictures import seeded
from urform.training._seen import SeenViews
from urform.weights import Weights, find_weights, load_weights

_VIEWS = 4096  # to fit the last layer to; ten a feature are plenty
_TOGETHER = 128
_RIDGE = 0.01  # of the mean variance of a feature
_SIZES = ("encoder_backbone", "encoder_depth", "encoder_width", "encoder_hidden", "image_size")


def load_donor(name: str | Path) -> Weights:
    """The model whose encoder is started from.

    Args:
        name: shipped category, run folder or weights file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it has no encoder, or is damaged.
    """
    weights = load_weights(find_weights(name))
    if weights.encoder is None:
        raise ValueError(f"encoder_from must name a model with an encoder, got {name}: only its shapes are trained")
    return weights


def with_sizes_of(config: ModelConfig, donor: ModelConfig) -> ModelConfig:
    """The sizes of a model whose encoder is that of another one."""
    return replace(config, **{name: getattr(donor, name) for name in _SIZES})


@torch.no_grad()
def start_from(
    encoder: ImageEncoder, donor: ImageEncoder, views: SeenViews, targets: Float[Tensor, "S L"], seed: int
) -> None:
    """Give an encoder the layers of another one, and fit its last layer to latents by ridge regression.

    Args:
        encoder: is changed.
        donor: has the same sizes but for the length of the latent.
        views: of the shapes, as the encoder takes them.
        targets: their latents, by the views' indices; NaN where there is none.
        seed: of the views that are drawn.
    """
    state = {name: value for name, value in donor.state_dict().items() if not name.startswith("fc.")}
    encoder.load_state_dict(state, strict=False)
    was_training = encoder.training
    encoder.eval()
    device = encoder.fc.weight.device
    order = torch.randperm(len(views), generator=seeded(seed, 0))[:_VIEWS]
    found, wanted = [], []
    for number, rows in enumerate(order.split(_TOGETHER)):
        pictures, shapes = views.batch(rows, seeded(seed, 0, number))
        known = ~targets[shapes].isnan().any(dim=1)
        found.append(encoder.last_features(pictures.to(device))[known.to(device)].double())
        wanted.append(targets[shapes][known].double().to(device))
    encoder.train(was_training)
    fit_last(encoder, torch.cat(found), torch.cat(wanted))


def fit_last(encoder: ImageEncoder, found: Float[Tensor, "N F"], wanted: Float[Tensor, "N L"]) -> None:
    """Set the last layer of an encoder to the ridge regression of latents on the features that it gets."""
    middle, aim = found.mean(dim=0), wanted.mean(dim=0)
    centred = found - middle
    gram = centred.T @ centred
    ridge = _RIDGE * gram.trace() / len(gram)
    slopes = torch.linalg.solve(gram + ridge * torch.eye(len(gram)).to(gram), centred.T @ (wanted - aim))
    encoder.fc.weight.copy_(slopes.T)
    encoder.fc.bias.copy_(aim - middle @ slopes)
