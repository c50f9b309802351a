"""The commands for what others trained: each a dataclass whose fields are its flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from urform.cli._files import check_files

if TYPE_CHECKING:
    from urform.config import ModelConfig

# Heavy imports stand inside `run`, as in `_commands`.


@dataclass(frozen=True)
class Import:
    """Turn an experiment folder of the published system into a run folder of urform."""

    experiment: Positional[Path]
    """Folder with specs.json, ModelParameters/ and LatentCodes/."""
    out: Path
    """Run folder."""
    checkpoint: str = "latest"
    """Checkpoint: latest or an epoch."""
    codes_checkpoint: str | None = None
    """Checkpoint of LatentCodes/, where it is another: an image encoder has fewer epochs than its decoder."""
    split: Path | None = None
    """Split file that names the training shapes; default: TrainSplit of specs.json."""

    def run(self) -> int:
        """Write the run and say what was found."""
        from urform.published import import_experiment
        from urform.weights import FILE_NAME

        found = import_experiment(self.experiment, self.out, self.checkpoint, self.split, self.codes_checkpoint)
        other = f", latent codes of epoch {found.codes_epoch}" if found.codes_epoch != found.epoch else ""
        print(f"{self.experiment}: {self.checkpoint}, epoch {found.epoch}{other}")
        for line in _describe(found.weights.config):
            print(line)
        count = f"{len(found.weights.keys)} latents, named by {found.split}"
        print(f"latent codes: {found.form}" + (f", {count}" if found.weights.encoder is None else ""))
        path = self.out / FILE_NAME
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, category {found.weights.category}")
        return 0


@dataclass(frozen=True)
class Embeddings:
    """Write the latents of a split to a file, in the order of the split."""

    source: Positional[str]
    """Run folder, weights file, shipped category, or experiment folder of the published system."""
    split: Path
    """Split file that names the shapes."""
    out: Path
    """File of the latents: .pkl (a dict, as published) or .npz, one entry an instance."""
    data: Path | None = None
    """Data folder; shapes without SDF samples there are left out."""
    checkpoint: str = "latest"
    """Checkpoint of a published experiment: latest or an epoch."""

    def run(self) -> int:
        """Write the file and say what is in it."""
        from urform.config import require
        from urform.published import extract_latents, write_latents

        check_files(self, "out")
        require(self.out.suffix in (".pkl", ".npz"), "out", "a file ending in .pkl or .npz", str(self.out))
        found = extract_latents(self.source, self.split, self.data, self.checkpoint)
        write_latents(self.out, found.latents)
        size = len(next(iter(found.latents.values())))
        print(f"{self.out}: {len(found.latents)} latents of length {size}, named by {found.named_by}")
        if found.left_out:
            print(f"{len(found.left_out)} shapes without SDF samples left out, first: {found.left_out[0]}")
        return 0


def _describe(config: ModelConfig) -> list[str]:
    """The sizes of the decoder, in words."""
    norm = f"{'weight norm' if config.weight_norm else 'LayerNorm'} in {_layers(config.norm_layers)}"
    dropout = f"dropout {config.dropout:g} in {_layers(config.dropout_layers)}"
    point = ", the point in all layers" if config.xyz_in_all else ""
    return [
        f"warp: LSTM of {config.warp_width} units, {config.warp_steps} steps; latents of length {config.latent_size}",
        f"template: layers of {', '.join(map(str, config.dims))} units, {norm}, {dropout}{point}",
    ]


def _layers(indices: tuple[int, ...] | None) -> str:
    if not indices:
        return "all layers" if indices is None else "no layer"
    return f"layers {', '.join(map(str, indices))}"
