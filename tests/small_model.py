"""A model of a few kilobytes whose shapes are balls, made in a moment."""

from functools import cache

import torch

from urform.config import ModelConfig
from urform.weights import Weights, build_decoder, build_encoder

SIZES = ModelConfig(
    latent_size=4,
    warp_width=8,
    template_width=16,
    template_layers=2,
    template_octaves=0,
    correction_width=0,
    encoder_width=4,
    image_size=32,
)


@cache
def small_weights() -> Weights:
    """Weights of the category `ball` with the training shapes d/ball/a and d/ball/b."""
    torch.manual_seed(0)
    decoder, encoder = build_decoder(SIZES), build_encoder(SIZES).eval()
    optimizer = torch.optim.Adam(decoder.parameters(), 1e-2)
    for _ in range(150):
        points = torch.rand(1, 256, 3) * 2 - 1
        loss = (decoder(points, torch.zeros(1, 4)) - (points.norm(dim=2) - 0.6)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Weights("ball", SIZES, decoder.eval(), encoder, ["d/ball/a", "d/ball/b"], torch.eye(4)[:2] * 0.1)
