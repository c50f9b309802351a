"""The file that `urform fit` writes: a latent, and how its shape lies in the scan's coordinates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from urform.files import write_atomically
from urform.geometry import Normalisation

_FORMAT = "urform latent 1"
IDENTITY = Normalisation(np.zeros(3), 1.0)


@dataclass(frozen=True)
class LatentFile:
    """The content of a latent file.

    Attributes:
        category: of the model that the latent belongs to.
        latent: (L,).
        normalisation: from the scan's coordinates to the model's.
        scan: the mesh file that was fitted; None for points, parts and photographs, whose surface is the model's.
    """

    category: str
    latent: Float[np.ndarray, " L"]
    normalisation: Normalisation
    scan: Path | None = None


def write_latent_file(path: Path, content: LatentFile) -> None:
    """Write a latent file atomically."""
    entry = {
        "format": _FORMAT,
        "category": content.category,
        "scan": None if content.scan is None else str(content.scan.resolve()),
        "offset": content.normalisation.offset.tolist(),
        "scale": float(content.normalisation.scale),
        "up": content.normalisation.up,
        "latent": [float(value) for value in content.latent],
    }
    write_atomically(path, (json.dumps(entry) + "\n").encode())


def read_latent_file(path: Path) -> LatentFile:
    """Read a latent file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is something else, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `urform fit` writes one")
    try:
        entry = json.loads(path.read_text())
        if entry["format"] != _FORMAT:
            raise KeyError("format")
        offset, scale = np.array(entry["offset"], np.float64).reshape(3), float(entry["scale"])
        latent = np.array(entry["latent"], np.float32)
        scan = None if entry["scan"] is None else Path(entry["scan"])
        up = entry.get("up", "y")
        if up not in ("y", "z"):
            raise ValueError("up")
        content = LatentFile(str(entry["category"]), latent, Normalisation(offset, scale, up), scan)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path}: not a latent file, expected the JSON that `urform fit` writes") from error
    if latent.ndim != 1 or not np.isfinite(latent).all() or not np.isfinite(offset).all() or not 0 < scale < np.inf:
        raise ValueError(f"{path}: damaged, expected a latent of finite numbers and a scale above 0")
    return content
