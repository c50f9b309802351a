"""Files in ModelParameters/ and LatentCodes/ of a published experiment: read without running what is in them."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from urform.models import ImageEncoder
from urform.published._state_dicts import encoder_from_published


@dataclass(frozen=True)
class LatentCodes:
    """What a file in LatentCodes/ holds: latents or an image encoder.

    Attributes:
        path: the file.
        epoch: after which it was written.
        form: what it was found to be, in words.
        latents: rows in the order of the training split; none where there is an encoder.
        encoder: picture to latent, or None.
    """

    path: Path
    epoch: int
    form: str
    latents: Float[Tensor, "S L"]
    encoder: ImageEncoder | None = None

    @property
    def latent_size(self) -> int:
        """Length L of the latents."""
        return self.latents.shape[1]


def checkpoint_path(folder: Path, checkpoint: str) -> Path:
    """The file of "latest" or an epoch.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is neither.
    """
    if not re.fullmatch("latest|[0-9]+", checkpoint):
        raise ValueError(f"checkpoint must be 'latest' or an epoch, got {checkpoint!r}")
    path = folder / f"{checkpoint}.pth"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.pth"))) or "none"
        raise FileNotFoundError(f"{path}: no such checkpoint; there: {there}")
    return path


def load_tensors(path: Path) -> Any:
    """Read a file of torch.save that holds tensors and plain containers; nothing in it is run.

    Raises:
        ValueError: it is damaged or holds more.
    """
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # torch writes its members as they are
                if sum(member.file_size for member in archive.infolist()) > size:
                    raise ValueError("packed")
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not all(_is_plain(tensor, size) for tensor in _tensors(content)):
            raise ValueError("tensors that are larger than the file")
        return content
    except OSError:
        raise
    except Exception as error:  # zipfile, pickle and torch each have their own
        # Not torch's own words, which advise to switch the protection off.
        if refused := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise ValueError(
                f"{path}: refused, reading it would run {refused[1]}; expected tensors and plain containers only"
            ) from error
        raise ValueError(f"{path}: damaged, or not a file of torch.save; copy it again") from error


def _is_plain(tensor: Tensor, most_bytes: int) -> bool:
    """Whether a tensor has its numbers in a file of that size: not one number shown a billion times."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        return False
    return tensor.numel() * tensor.element_size() <= most_bytes


def _tensors(content: Any) -> Iterator[Tensor]:
    """All tensors in a container of containers."""
    waiting, seen = [content], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, Tensor):
            yield each
        elif isinstance(each, (dict, list, tuple, set)) and id(each) not in seen:
            seen.add(id(each))
            waiting += each.values() if isinstance(each, dict) else each


def read_checkpoint(path: Path, key: str) -> tuple[int, Any]:
    """Read one of the published files of two entries.

    Args:
        path: the file.
        key: the entry beside `epoch`.

    Returns:
        The epoch, and the other entry.

    Raises:
        ValueError: the file is damaged, holds more than tensors and plain containers, or has other entries.
    """
    content = load_tensors(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must hold epoch and {key}, got {type(content).__name__}")
    for name in ("epoch", key):
        if name not in content:
            raise ValueError(f"{path}: {name} is missing, got {', '.join(map(str, content)) or 'nothing'}")
    unknown = [str(name) for name in content if name not in ("epoch", key)]
    if unknown:
        raise ValueError(f"{path}: {unknown[0]} is unknown, expected epoch and {key}")
    if type(content["epoch"]) is not int:
        raise ValueError(f"{path}: epoch must be a whole number, got {content['epoch']!r}")
    return content["epoch"], content[key]


def read_codes(path: Path) -> LatentCodes:
    """Read a file in LatentCodes/, whichever of its forms it has.

    Raises:
        ValueError: it has none of them; the message names what is wrong.
    """
    epoch, content = read_checkpoint(path, "latent_codes")
    with named_after(path):
        if isinstance(content, Tensor):
            return LatentCodes(path, epoch, "a bare tensor", _rows("latent_codes", content))
        tensors = check_tensors(content)
        names = [name.removeprefix("module.") for name in tensors]
        if names == ["weight"]:
            return LatentCodes(path, epoch, "the weight of an embedding", _rows("weight", *tensors.values()))
        if not any(name.startswith("encoder.") for name in names):
            first = names[0] if names else "nothing"
            raise ValueError(f"latent_codes must be latents or the state dict of an image encoder, got {first}")
        encoder = encoder_from_published(tensors)
        form = f"an image encoder, a ResNet-18 of width {encoder.width}"
        if encoder.hidden is not None:
            form += f" with a hidden layer of {encoder.hidden.out_features} (v2)"
        return LatentCodes(path, epoch, form, torch.zeros(0, encoder.latent_size), encoder)


def check_tensors(content: Any) -> dict[str, Tensor]:
    """A state dict, its floats in 32 bits.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(content, dict):
        raise ValueError(f"expected a state dict, got {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor, got {type(value).__name__}")
    return {
        name: value.detach().float() if value.is_floating_point() else value.detach() for name, value in content.items()
    }


@contextlib.contextmanager
def named_after(path: Path) -> Iterator[None]:
    """Put the file's name before the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _rows(name: str, tensor: Tensor) -> Float[Tensor, "S L"]:
    rows = tensor[:, 0] if tensor.ndim == 3 and tensor.shape[1] == 1 else tensor
    if rows.ndim != 2 or not rows.is_floating_point():
        raise ValueError(
            f"{name} must be floats of shape (shapes, L) or (shapes, 1, L), "
            f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
        )
    return rows.detach().float().contiguous()
