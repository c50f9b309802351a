"""The classifier of categories as a file: safetensors, with the names of the categories in the header."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch

from urform.config import is_name
from urform.files import utf8_path
from urform.models import CategoryClassifier
from urform.weights._file import write_tensors

HEADER = "urform.categories"
_SHIPPED = Path(__file__).with_name("categories.safetensors")
_MOST = 256  # categories


@dataclass(frozen=True)
class ClassifierWeights:
    """What tells categories apart.

    Attributes:
        names: of the categories.
        network: features of the trunk to a probability for each, and for none of them.
    """

    names: tuple[str, ...]
    network: CategoryClassifier


def save_classifier(path: Path, weights: ClassifierWeights) -> None:
    """Write a classifier in 16-bit floats, atomically."""
    stored = {name: value.half().cpu().contiguous() for name, value in weights.network.state_dict().items()}
    write_tensors(path, stored, HEADER, {"categories": list(weights.names)})


def read_classifier(path: Path = _SHIPPED) -> ClassifierWeights | None:
    """Read a classifier; None where the package has none.

    Args:
        path: the file; default: the one that comes with the package.

    Raises:
        FileNotFoundError: a file is named that is not there.
        ValueError: the file is damaged or something else.
    """
    if not path.is_file():
        if path == _SHIPPED:
            return None
        raise FileNotFoundError(f"{path}: no such file; `urform train categories` writes it")
    try:
        with utf8_path(path) as opened, safetensors.safe_open(opened, "pt") as file:
            found = (file.metadata() or {}).get(HEADER)
            if found is None:
                raise ValueError(f"{path}: not a classifier of categories, which `urform train categories` writes")
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118, it is no dict
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(f"{path}: damaged or not a safetensors file ({error}); fetch or train it again") from error
    names = _names(found, path)
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in CategoryClassifier(len(names)).state_dict().items()}
    if {name: value.shape for name, value in state.items()} != shapes:
        raise ValueError(f"{path}: damaged, its tensors are not those of {len(names)} categories; train it again")
    if not all(value.isfinite().all() for value in state.values()):
        raise ValueError(f"{path}: damaged, expected finite numbers; train it again")
    network = CategoryClassifier(len(names))
    network.load_state_dict(state)
    return ClassifierWeights(names, network.requires_grad_(False).eval())


def _names(header: str, path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(header)["categories"]
        fits = isinstance(names, list) and all(isinstance(name, str) and is_name(name) for name in names)
    except (KeyError, TypeError, ValueError, RecursionError):
        names, fits = [], False
    if not fits or not 1 <= len(names) <= _MOST or len(set(names)) != len(names):
        raise ValueError(f"{path}: damaged, its header must list 1 to {_MOST} categories; train it again")
    return tuple(names)
