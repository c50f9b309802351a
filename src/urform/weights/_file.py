"""A trained model as one file: safetensors, with its sizes and the names of its latents in the header."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.config import CLAMP, RUN_FILES, WITHOUT, ModelConfig
from urform.data import ShapeKey
from urform.files import check_outputs, utf8_path, write_atomically
from urform.models import Decoder, Familiarity, ImageEncoder, PoseNetwork
from urform.weights._build import build_decoder, build_encoder

FILE_NAME = RUN_FILES.weights
HEADER = "urform"
_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class Weights:
    """Networks and latents of a category.

    Attributes:
        category: its name.
        config: sizes of the networks.
        decoder: template and warp.
        encoder: picture to latent; None before the encoder is trained.
        keys: `dataset/category/instance` of each training shape.
        latents: their latents, in the same order.
        pose: picture to camera; None before it is trained.
        familiarity: whether a picture shows an object of the category; None before it is trained.
        clamp: distance at which training clamped the sdf, normalised units.
    """

    category: str
    config: ModelConfig
    decoder: Decoder
    encoder: ImageEncoder | None
    keys: list[str]
    latents: Float[Tensor, "S L"]
    pose: PoseNetwork | None = None
    familiarity: Familiarity | None = None
    clamp: float = CLAMP


def save_weights(path: Path, weights: Weights, half: bool = False) -> None:
    """Write a weights file, atomically.

    Args:
        path: the file.
        weights: what is written.
        half: 16-bit floats: half the size, for shipping.
    """
    header = {**_described(weights), "keys": weights.keys}
    tensors = {f"decoder.{name}": value for name, value in weights.decoder.state_dict().items()}
    if weights.encoder is not None:
        tensors |= {f"encoder.{name}": value for name, value in weights.encoder.state_dict().items()}
    for part, network in (("pose", weights.pose), ("familiarity", weights.familiarity)):
        if network is not None:
            tensors |= {f"{part}.{name}": value for name, value in network.state_dict().items()}
    tensors["latents"] = weights.latents
    stored = {
        name: (value.half() if half and value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in tensors.items()
    }
    write_tensors(path, stored, HEADER, header)


def _described(weights: Weights) -> dict[str, Any]:
    return {"category": weights.category, "model": asdict(weights.config), "clamp": weights.clamp}


def write_tensors(path: Path, tensors: dict[str, Tensor], kind: str, header: dict[str, Any]) -> None:
    """Write tensors into a safetensors file, atomically, with a header under the name of its kind."""
    # Its own writer makes files that nobody else may read.
    write_atomically(path, safetensors.torch.save(tensors, metadata={kind: json.dumps(header)}))


def load_weights(path: Path) -> Weights:
    """Read a weights file, or the one in a run folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged or not urform's.
    """
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file; `urform train` writes one into its run folder")
    try:
        with utf8_path(path) as opened, safetensors.safe_open(opened, "pt") as file:
            header = _Header.read(file.metadata(), path)
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged or not a safetensors file ({error}); fetch or train it again") from error
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}
    try:
        config, latents = header.config, tensors["latents"]
        if tuple(latents.shape) != (len(header.keys), config.latent_size):
            expected = (len(header.keys), config.latent_size)
            raise ValueError(f"latents must have shape {expected}, got {tuple(latents.shape)}")
        if not latents.isfinite().all():
            raise ValueError("latents must be finite, got NaN or infinite ones")
        decoder = _filled(build_decoder, config, _below(tensors, "decoder."))
        encoder = _if_there(build_encoder, config, tensors, "encoder.")
        pose = _if_there(lambda _: PoseNetwork(), config, tensors, "pose.")
        familiarity = _if_there(lambda _: Familiarity(), config, tensors, "familiarity.")
        networks = {"decoder": decoder, "encoder": encoder, "pose": pose, "familiarity": familiarity}
        return Weights(header.category, config, keys=header.keys, latents=latents, clamp=header.clamp, **networks)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise _unfit(path, error) from error


@dataclass(frozen=True)
class _Header:
    """What the header of a weights file says, checked: names of shapes become paths."""

    category: str
    config: ModelConfig
    keys: list[str]
    clamp: float

    @classmethod
    def read(cls, metadata: dict[str, str] | None, path: Path) -> _Header:
        if not metadata or HEADER not in metadata:
            raise ValueError(f"{path}: not a weights file of urform, expected one that `urform train` wrote")
        try:
            content = json.loads(metadata[HEADER])
            category, keys, sizes = content["category"], content["keys"], WITHOUT | content["model"]
            if not isinstance(category, str) or not isinstance(keys, list):
                raise TypeError("category must be a text and keys a list")
            for key in keys:
                ShapeKey.parse(key if isinstance(key, str) else repr(key))
            clamp = content.get("clamp", CLAMP)
            if isinstance(clamp, bool) or not isinstance(clamp, (int, float)) or not 0 < clamp < float("inf"):
                raise ValueError(f"clamp must be a positive number, got {clamp!r}")
            config = ModelConfig(**{name: _retupled(value) for name, value in sizes.items()})
            return cls(category, config, keys, float(clamp))
        except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise _unfit(path, error) from error


def _unfit(path: Path, error: Exception) -> ValueError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ValueError(f"{path}: does not fit this version of urform ({reason}); train or export it again")


def _filled(build: Callable[[ModelConfig], _Network], config: ModelConfig, state: dict[str, Tensor]) -> _Network:
    """A network with its parameters; no memory is taken for one that the file does not hold."""
    check_room(build, config, sum(value.numel() for value in state.values()))
    network = build(config)
    network.load_state_dict(state)
    return network.eval()


def _if_there(
    build: Callable[[ModelConfig], _Network], config: ModelConfig, tensors: dict[str, Tensor], prefix: str
) -> _Network | None:
    state = _below(tensors, prefix)
    return _filled(build, config, state) if state else None


def check_room(build: Callable[[ModelConfig], nn.Module], config: ModelConfig, there: int) -> None:
    """Raise a ValueError where a network of these sizes has more numbers than are there."""
    with torch.device("meta"):
        wanted = sum(value.numel() for value in build(config).state_dict().values())
    if wanted > there:
        raise ValueError(
            f"describes a network of {wanted:,} numbers, expected at most {there:,}, which the file has room for"
        )


def _retupled(value: Any) -> Any:
    """JSON has no tuples: the settings' own come back as lists."""
    return tuple(value) if isinstance(value, list) else value


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def export_weights(source: Path, out: Path) -> Path:
    """Copy a run's weights as 16-bit floats, with their sizes as JSON beside them; returns the weights file."""
    path, sizes = out / FILE_NAME, out / RUN_FILES.config
    check_outputs(out, [path, sizes], [source, source / FILE_NAME, source / RUN_FILES.config])
    if (out / RUN_FILES.metrics).exists():
        raise ValueError(f"{out}: is a run folder, whose weights and settings would be replaced; choose another `out`")
    weights = load_weights(source)
    save_weights(path, weights, half=True)
    header = {**_described(weights), "training_shapes": len(weights.keys)}
    write_atomically(sizes, (json.dumps(header, indent=1) + "\n").encode())
    return path
