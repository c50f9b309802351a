"""How networks on points are executed: in chunks that stay in the cache, and in mixed precision where asked for."""

import torch
from torch import Tensor

# Activations of so many points by about 100 units are 1.6 MB. One larger chunk is 1.5 times slower: it goes through the
# main memory after every operation. Measured by benchmarks/train_step.py.
_CPU_CHUNK = 4096


def chunk_size(points: Tensor) -> int:
    """Number of points to evaluate at once on the points' device, at least 1."""
    return _CPU_CHUNK if points.device.type == "cpu" else max(1, points.numel())


def hidden_dtype(points: Tensor) -> torch.dtype:
    """Number format of hidden layers: that of an enclosing torch.autocast, else that of the points.

    The template asks for it and then switches autocast off, because plain autocast would round the coordinates too: to
    0.4 % in bfloat16, which is as much as the distances to be learned.
    """
    device_type = points.device.type
    return torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else points.dtype
