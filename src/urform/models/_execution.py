"""How networks on points are executed: in chunks that stay in the cache, and in mixed precision where asked for."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

# Activations of so many points by about 100 units are 1.6 MB. One larger chunk is 1.5 times slower: it goes through the
# main memory after every operation. Measured by benchmarks/train_step.py.
_CPU_CHUNK = 4096


def chunk_size(points: Tensor) -> int:
    """Number of points to evaluate at once on the points' device, at least 1."""
    return _CPU_CHUNK if points.device.type == "cpu" else max(1, points.numel())


def in_chunks(
    walk: Callable[[Tensor, Tensor], Tensor], points: Float[Tensor, "B N 3"], latent: Float[Tensor, "B L"]
) -> Float[Tensor, "*K B N D"]:
    """`walk` of some shapes at a time, or of some points of one shape."""
    size = chunk_size(points)
    shapes = max(1, size // max(1, points.shape[1]))
    # In the precision of the points, for coordinates do not stand rounding, and it would gain little here.
    with torch.autocast(points.device.type, enabled=False):
        rows = [
            torch.cat([walk(chunk, chunk_latent) for chunk in chunk_points.split(size, dim=1)], dim=-2)
            for chunk_points, chunk_latent in zip(points.split(shapes), latent.split(shapes), strict=True)
        ]
        return torch.cat(rows, dim=-3)


def hidden_dtype(points: Tensor) -> torch.dtype:
    """Number format of hidden layers: that of an enclosing torch.autocast, else that of the points.

    The template reads it and then switches autocast off. Plain autocast would round the coordinates too, to 0.4 % in
    bfloat16. That is as much as the distances to be learned.
    """
    device_type = points.device.type
    return torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else points.dtype
