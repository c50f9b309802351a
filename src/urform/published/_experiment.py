"""Experiment folders of the published system: read, checked by name, and turned into a model of ours."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from urform.data import ShapeKey, read_split
from urform.files import check_outputs, write_atomically
from urform.models import Decoder
from urform.published._checkpoint import (
    LatentCodes,
    check_tensors,
    checkpoint_path,
    named_after,
    read_checkpoint,
    read_codes,
)
from urform.published._specs import SPECS_FILE, Specs
from urform.published._state_dicts import load_published_decoder
from urform.weights import FILE_NAME, Weights, build_decoder, check_room, save_weights

logger = logging.getLogger(__name__)

MODELS = "ModelParameters"
CODES = "LatentCodes"
SMALL = 1 << 20  # numbers that a network may always have: what its file lacks is told by name


@dataclass(frozen=True)
class Experiment:
    """A published experiment that was read.

    Attributes:
        weights: the same as a model of ours.
        epoch: of the checkpoint.
        form: of the file in LatentCodes/, in words.
        codes_epoch: of that file; an image encoder's may be another.
        split: the file that names the training shapes; None where an image encoder came without it.
    """

    weights: Weights
    epoch: int
    form: str
    codes_epoch: int
    split: Path | None


def import_experiment(
    experiment: Path,
    out: Path,
    checkpoint: str = "latest",
    split: Path | None = None,
    codes_checkpoint: str | None = None,
) -> Experiment:
    """Turn a published experiment into a run folder of ours: the weights file, and import.json on where it is from.

    Args:
        experiment: folder with specs.json, ModelParameters/ and LatentCodes/.
        out: the run folder.
        checkpoint: "latest" or an epoch.
        split: the training split; by default TrainSplit of specs.json.
        codes_checkpoint: of the file in LatentCodes/, where it is another: encoders are trained for fewer epochs.

    Raises:
        FileExistsError: there is a model in `out`.
        FileNotFoundError: a file is missing.
        ValueError: a file has something that cannot be honoured; the message names it.
    """
    if (out / FILE_NAME).exists():
        raise FileExistsError(f"{out}: has a model already; choose another `out`")
    note = out / "import.json"
    check_outputs(out, [out / FILE_NAME, note], [] if split is None else [split])
    found = read_experiment(experiment, checkpoint, split, codes_checkpoint)
    save_weights(out / FILE_NAME, found.weights)
    origin = {
        "experiment": str(experiment.resolve()),
        "checkpoint": checkpoint,
        "epoch": found.epoch,
        "latent_codes": found.form,
        "latent_codes_epoch": found.codes_epoch,
        "split": None if found.split is None else str(found.split.resolve()),
        "model": asdict(found.weights.config),
    }
    write_atomically(note, (json.dumps(origin, indent=1) + "\n").encode())
    return found


def read_experiment(
    experiment: Path, checkpoint: str = "latest", split: Path | None = None, codes_checkpoint: str | None = None
) -> Experiment:
    """Read a published experiment; arguments and errors as in `import_experiment`."""
    specs = Specs(experiment / SPECS_FILE)
    config = specs.model_config()
    parameters = checkpoint_path(experiment / MODELS, checkpoint)
    with named_after(specs.path):
        check_room(build_decoder, config, parameters.stat().st_size + SMALL)
    decoder = build_decoder(config)
    epoch = _load_decoder(decoder, parameters)
    codes = read_codes(checkpoint_path(experiment / CODES, codes_checkpoint or checkpoint))
    if codes.epoch != epoch and codes.encoder is None:  # latents belong to the decoder that they were learned with
        raise ValueError(f"{codes.path}: must be of epoch {epoch} like {MODELS}/, got epoch {codes.epoch}")
    if codes.latent_size != config.latent_size:
        raise ValueError(
            f"{codes.path}: must give latents of length {config.latent_size}, CodeLength of {SPECS_FILE}, "
            f"got {codes.latent_size}"
        )
    split = split or find_train_split(experiment, specs)
    if codes.encoder is None:
        if split is None:
            tried = "is neither beside it, nor in a folder above, nor in the current one"
            problem = f"TrainSplit {specs.train_split!r} {tried}" if specs.train_split else "TrainSplit is missing"
            raise FileNotFoundError(f"{specs.path}: {problem}; say with `split` which shapes the latents are of")
        latents = name_rows(codes, split)
        names, category = [str(key) for key in latents], next(iter(latents)).category
        rows = torch.stack(list(latents.values()))
        weights = Weights(category, config, decoder.eval(), None, names, rows, clamp=specs.clamp)
    else:
        category = read_split(split)[0].category if split else experiment.resolve().name
        hidden = codes.encoder.hidden
        config = replace(
            config, encoder_width=codes.encoder.width, encoder_hidden=0 if hidden is None else hidden.out_features
        )
        weights = Weights(category, config, decoder.eval(), codes.encoder.eval(), [], codes.latents, clamp=specs.clamp)
    return Experiment(weights, epoch, codes.form, codes.epoch, split)


def is_experiment(path: Path) -> bool:
    """Whether a folder looks like one of the published system, if only in part."""
    return any((path / name).exists() for name in (SPECS_FILE, MODELS, CODES))


def read_experiment_latents(
    experiment: Path, split: Path, checkpoint: str = "latest"
) -> tuple[dict[ShapeKey, torch.Tensor], Path]:
    """The latents alone, from an experiment of which nothing else needs to be there.

    Args:
        experiment: the folder.
        split: names the rows where specs.json or its TrainSplit is not there.
        checkpoint: "latest" or an epoch.

    Returns:
        Latent of each training shape, and the file that named them.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: there is an image encoder instead of latents, or something else that cannot be honoured.
    """
    codes = read_codes(checkpoint_path(experiment / CODES, checkpoint))
    if codes.encoder is not None:
        raise ValueError(
            f"{codes.path}: holds {codes.form} and no latents; `urform import` makes a model of it, which encodes views"
        )
    specs = Specs(experiment / SPECS_FILE) if (experiment / SPECS_FILE).exists() else None
    named_by = (find_train_split(experiment, specs) if specs else None) or split
    return name_rows(codes, named_by), named_by


def find_train_split(experiment: Path, specs: Specs) -> Path | None:
    """TrainSplit of specs.json: seen from the experiment, the folders above it, or the current one."""
    if specs.train_split is None:
        return None
    places = [experiment, *experiment.resolve().parents, Path.cwd()]
    return next((place / specs.train_split for place in places if (place / specs.train_split).is_file()), None)


def name_rows(codes: LatentCodes, split: Path) -> dict[ShapeKey, torch.Tensor]:
    """The shapes that the rows of the latents are of, and their rows.

    A split may name a shape several times, as the published one of cars does: there is a row each time, of which the
    last counts, as in published files of latents.

    Raises:
        FileNotFoundError: there is no such split.
        ValueError: it names another number of shapes.
    """
    keys = read_split(split)
    unique = list(dict.fromkeys(keys))
    if len(codes.latents) not in (len(keys), len(unique)):
        raise ValueError(
            f"{codes.path}: holds {len(codes.latents)} latents, but {split} names {len(keys)} shapes; "
            "they must be the same, in the same order"
        )
    if len(codes.latents) == len(unique):
        return dict(zip(unique, codes.latents, strict=True))
    logger.warning(
        "%s: names %d of %d shapes several times; of their latents the last is kept",
        split,
        sum(count > 1 for count in Counter(keys).values()),
        len(unique),
    )
    return dict(zip(keys, codes.latents, strict=True))


def _load_decoder(decoder: Decoder, path: Path) -> int:
    """Fill in the parameters; returns the epoch."""
    epoch, state_dict = read_checkpoint(path, "model_state_dict")
    with named_after(path):
        load_published_decoder(decoder, check_tensors(state_dict))
    return epoch
