"""Views as the training stages show them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from urform.config import Levels
from urform.models import to_input
from urform.sets import augment


def shown(rgba: Tensor, augmented: bool, flip: bool, generator: torch.Generator) -> Tensor:
    """Framed views (B, S, S, 4) as training shows them: augmented or as they are, half of them mirrored if wanted."""
    if augmented:
        return augment(rgba, flip, generator)
    pictures = to_input(rgba)
    if not flip:
        return pictures
    mirrored = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, pictures.flip(-1), pictures)


def levels(name: Levels) -> tuple[str, ...]:
    """The levels of views that a setting means."""
    return ("easy", "hard") if name == "both" else (name,)


def seeded(*seeds: int) -> torch.Generator:
    """Random numbers of their own for each sequence of seeds."""
    words = np.random.SeedSequence(seeds).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))
