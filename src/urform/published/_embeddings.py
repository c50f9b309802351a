"""Latents taken out of any model, in the order of a split."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from urform.data import DataFolder, ShapeKey, read_split
from urform.published._experiment import is_experiment, read_experiment_latents
from urform.weights import find_weights, load_weights


@dataclass(frozen=True)
class ExtractedLatents:
    """Latents in the order of a split.

    Attributes:
        latents: instance to latent (L,), float32.
        left_out: shapes of the split without SDF samples.
        named_by: what says which latent is whose: a weights file or a split.
    """

    latents: dict[str, np.ndarray]
    left_out: list[ShapeKey]
    named_by: Path


def extract_latents(
    source: str | Path, split: Path, data: Path | None = None, checkpoint: str = "latest"
) -> ExtractedLatents:
    """The latents of the shapes of a split.

    Args:
        source: a shipped category, a run folder, a weights file, or an experiment folder of the published system,
            also one with LatentCodes/ alone: then its rows must be those of the split.
        split: names the shapes.
        data: only shapes whose SDF samples are in this data folder.
        checkpoint: "latest" or an epoch; of published experiments only.

    Raises:
        FileNotFoundError: something is not there.
        ValueError: a shape has no latent, an instance is named twice, nothing is left, or a file cannot be read.
    """
    known, named_by = _known_latents(source, split, checkpoint)
    keys = list(dict.fromkeys(read_split(split)))
    left_out = []
    if data is not None:
        if not data.is_dir():
            raise FileNotFoundError(f"{data}: no such data folder; `urform prepare` makes them")
        folder = DataFolder(data)
        left_out = [key for key in keys if not folder.sdf_path(key).exists()]
        keys = [key for key in keys if folder.sdf_path(key).exists()]
        if not keys:
            raise ValueError(f"{data}: has SDF samples of none of the {len(left_out)} shapes of {split}")
    without = [key for key in keys if key not in known]
    if without:
        raise ValueError(f"{named_by}: has no latent for {len(without)} shapes of {split}, first: {without[0]}")
    name, count = Counter(key.instance for key in keys).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{split}: names {name} in {count} categories, expected one: latents are named by instance")
    return ExtractedLatents({key.instance: known[key] for key in keys}, left_out, named_by)


def _known_latents(source: str | Path, split: Path, checkpoint: str) -> tuple[dict[ShapeKey, np.ndarray], Path]:
    try:
        path = find_weights(source)
    except FileNotFoundError:
        if not is_experiment(Path(source)):
            raise
        latents, named_by = read_experiment_latents(Path(source), split, checkpoint)
        return {key: latent.numpy() for key, latent in latents.items()}, named_by
    weights = load_weights(path)
    names = [ShapeKey.parse(key) for key in weights.keys]
    return dict(zip(names, weights.latents.numpy(), strict=True)), path
