"""Augmentation of framed views, so that photographs are not foreign to an encoder trained on renders."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor


def augment(rgba: UInt8[Tensor, "B S S 4"], flip: bool, generator: torch.Generator) -> Float[Tensor, "B 3 S S"]:
    """Vary crop, scale, cut-out, background, color, light, blur, noise and compression, each picture its own way.

    Args:
        rgba: framed views.
        flip: mirror half of them.
        generator: all randomness comes from it.

    Returns:
        Pictures in 0..1.
    """
    pictures = rgba.permute(0, 3, 1, 2).float() / 255
    draw = _Draw(len(pictures), generator)
    pictures = _move(torch.cat([pictures[:, :3] * pictures[:, 3:], pictures[:, 3:]], dim=1), flip, draw)
    alpha = _damage(pictures[:, 3:], draw)
    color = _recolor(pictures[:, :3] / pictures[:, 3:].clamp(min=1e-3), draw)
    color = color * _light(color, draw)
    pictures = color.clamp(0, 1) * alpha + _background(color, draw) * (1 - alpha)
    pictures = _blur(pictures, draw)
    noise = torch.randn(pictures.shape, generator=generator)
    pictures = pictures + noise * draw.sometimes(0.3, draw.uniform(0, 0.03))
    return _compress(pictures.clamp(0, 1), draw)


class _Draw:
    """Random numbers, one a picture, shaped (B, 1, 1, 1)."""

    def __init__(self, count: int, generator: torch.Generator):
        self.count = count
        self.generator = generator

    def uniform(self, low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(self.count, channels, 1, 1, generator=self.generator)

    def chance(self, probability: float) -> Tensor:
        return self.uniform(0, 1) < probability

    def sometimes(self, probability: float, value: Tensor, otherwise: float = 0.0) -> Tensor:
        return torch.where(self.chance(probability), value, torch.full_like(value, otherwise))


def _move(pictures: Tensor, flip: bool, draw: _Draw) -> Tensor:
    scale = draw.uniform(0.9, 1.25).flatten()
    aspect = draw.uniform(0.95, 1.05).flatten()
    angle = draw.uniform(-5, 5).flatten() * math.pi / 180
    mirror = torch.where(draw.chance(0.5 if flip else 0.0), -1.0, 1.0).flatten()
    shift = draw.uniform(-0.08, 0.08, 2).flatten(1)
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    theta = torch.stack(
        [
            torch.stack([cos * mirror * aspect, -sin, shift[:, 0]], dim=1),
            torch.stack([sin * mirror * aspect, cos, shift[:, 1]], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)


def _damage(alpha: Tensor, draw: _Draw) -> Tensor:
    """Cut-outs are not perfect: borders eaten or grown, pieces missing, something left over."""
    grown = F.max_pool2d(alpha, 3, 1, 1)
    eaten = -F.max_pool2d(-alpha, 3, 1, 1)
    kind = draw.uniform(0, 1)
    alpha = torch.where(kind < 0.1, eaten, torch.where(kind > 0.85, grown, alpha))
    hole = _rectangle(alpha, draw) * draw.chance(0.12)
    rest = _rectangle(alpha, draw) * draw.chance(0.08)
    return torch.maximum(alpha * (1 - hole), rest * 0.9)


def _rectangle(alpha: Tensor, draw: _Draw) -> Tensor:
    size = alpha.shape[-1]
    along = torch.linspace(0, 1, size)
    x, y = draw.uniform(0, 1), draw.uniform(0, 1)
    half_width, half_height = draw.uniform(0.02, 0.12), draw.uniform(0.02, 0.12)
    columns = ((along.view(1, 1, 1, -1) - x).abs() < half_width).float()
    rows = ((along.view(1, 1, -1, 1) - y).abs() < half_height).float()
    return columns * rows


def _recolor(color: Tensor, draw: _Draw) -> Tensor:
    """Other paint, other exposure."""
    order = torch.rand(draw.count, 3, generator=draw.generator).argsort(dim=1)
    shuffled = torch.gather(color, 1, order[:, :, None, None].expand_as(color))
    color = torch.where(draw.chance(0.3), shuffled, color)
    tint = draw.sometimes(0.5, draw.uniform(0.6, 1.4, 3), 1.0)
    color = color * tint
    grey = color.mean(dim=1, keepdim=True)
    color = grey + (color - grey) * draw.uniform(0.0, 1.5)
    middle = (color.mean(dim=(1, 2, 3), keepdim=True) - 0.5) * 0.5 + 0.5
    color = middle + (color - middle) * draw.uniform(0.6, 1.5)
    color = color + draw.sometimes(0.3, draw.uniform(0.0, 0.5))
    return color.clamp(0, 1) ** draw.uniform(0.5, 1.6)


def _light(color: Tensor, draw: _Draw) -> Tensor:
    """Light that falls off across the picture."""
    along = torch.linspace(-1, 1, color.shape[-1])
    slope_x, slope_y = draw.uniform(-0.4, 0.4), draw.uniform(-0.4, 0.4)
    return 1 + draw.chance(0.4) * (slope_x * along.view(1, 1, 1, -1) + slope_y * along.view(1, 1, -1, 1))


def _background(color: Tensor, draw: _Draw) -> Tensor:
    """White (what the encoder sees later) in most, else plain, a gradient or a cloudy texture."""
    size = color.shape[-1]
    plain = draw.uniform(0, 1, 3).expand(-1, -1, size, size)
    ramp = torch.linspace(0, 1, size).view(1, 1, -1, 1)
    gradient = plain * (1 - ramp) + draw.uniform(0, 1, 3) * ramp
    coarse = torch.rand(draw.count, 3, 6, 6, generator=draw.generator)
    clouds = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    kind = draw.uniform(0, 1)
    background = torch.where(kind < 0.85, gradient, clouds)
    background = torch.where(kind < 0.75, plain, background)
    return torch.where(kind < 0.65, torch.ones_like(background), background)


def _blur(pictures: Tensor, draw: _Draw) -> Tensor:
    """A fifth is blurred a little, a tenth more."""
    kind, share = draw.uniform(0, 1).flatten(), draw.uniform(0.3, 1)
    blurred = pictures.clone()
    for chosen, times in ((kind < 0.2, 1), (kind > 0.9, 2)):
        for _ in range(times):
            blurred[chosen] = F.avg_pool2d(blurred[chosen], 3, 1, 1, count_include_pad=False)
    return pictures + share * (blurred - pictures)


def _compress(pictures: Tensor, draw: _Draw) -> Tensor:
    """JPEG on a quarter of the pictures."""
    chosen = draw.chance(0.25).flatten().nonzero().flatten().tolist()
    quality = draw.uniform(25, 90).flatten()
    for index in chosen:
        picture = (pictures[index].permute(1, 2, 0) * 255).byte().numpy()
        _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(quality[index])])
        back = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
        pictures[index] = torch.from_numpy(back).permute(2, 0, 1).float() / 255
    return pictures
