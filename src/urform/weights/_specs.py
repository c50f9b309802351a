"""specs.json of a published experiment: which networks it describes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from urform.config import PRESETS, ModelConfig

FILE_NAME = "specs.json"
ARCHITECTURE = "deep_implicit_template_decoder"
_NETWORK_KEYS = ("NetworkArch", "NetworkSpecs", "CodeLength", "TrainSplit")
_OTHER_KEYS = (
    *("Description", "DataSource", "TestSplit", "NumEpochs", "SnapshotFrequency", "AdditionalSnapshots"),
    *("LearningRateSchedule", "SamplesPerScene", "ScenesPerBatch", "DataLoaderThreads", "ClampingDistance"),
    *("CodeRegularization", "CodeRegularizationLambda", "CodeBound", "UsePointwiseLoss", "PointwiseLossWeight"),
    *("UsePointpairLoss", "PointpairLossWeight", "UseCurriculum", "GradientClipNorm", "LogFrequency"),
)
_REQUIRED = object()


class Specs:
    """The settings of a published experiment that say what its files hold; those of its training are let be.

    Args:
        path: specs.json.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not JSON, or has a key that the published system does not know.
    """

    def __init__(self, path: Path):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; a published experiment has its settings there")
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise ValueError(f"{path}: not JSON ({error})") from error
        self.path = path
        self._top = _Section(path, "", content, _NETWORK_KEYS + _OTHER_KEYS)

    @property
    def train_split(self) -> str | None:
        """Path of the training split, as it stands there."""
        return self._top.take("TrainSplit", lambda value: isinstance(value, str) and value, "a path", None)

    @property
    def latent_size(self) -> int:
        """Length L of the latents."""
        return self._top.take("CodeLength", _whole(1), "a whole number of at least 1")

    def model_config(self) -> ModelConfig:
        """Sizes of the decoder; those of an image encoder are the published ones.

        Raises:
            ValueError: a key or value that cannot be honoured.
        """
        architecture = self._top.take("NetworkArch", lambda _: True, "", ARCHITECTURE)
        if architecture != ARCHITECTURE:
            raise ValueError(f"{self.path}: NetworkArch must be {ARCHITECTURE!r} or absent, got {architecture!r}")
        networks = self._top.section("NetworkSpecs", ("warper_kargs", "decoder_kargs"))
        warp = networks.section("warper_kargs", ("hidden_size", "steps"))
        return ModelConfig(
            warp="lstm",
            latent_size=self.latent_size,
            warp_width=warp.take("hidden_size", _whole(1), "a whole number of at least 1"),
            warp_steps=warp.take(
                "steps", lambda value: _whole(4)(value) and value % 4 == 0, "a whole number, a multiple of 4"
            ),
            **_template(networks),
            encoder_width=PRESETS["published"].encoder_width,
            image_size=PRESETS["published"].image_size,
        )


def _template(networks: _Section) -> dict[str, Any]:
    """The settings of the template; what is left out has the published default."""
    known = ("dims", "dropout", "dropout_prob", "norm_layers", "xyz_in_all", "weight_norm")
    section = networks.section("decoder_kargs", known)
    xyz_in_all = bool(section.take("xyz_in_all", _switch, "true, false or null", False))
    smallest = 4 if xyz_in_all else 1
    dims = section.take("dims", _list_of(_whole(smallest)), f"a list of widths of at least {smallest}")
    if not dims:
        raise ValueError(f"{section.where('dims')} must have at least one width, got []")
    layers = (_list_of(_whole(0, len(dims) - 1), or_null=True), f"indices of the {len(dims)} hidden layers, from 0")
    uniform = len(set(dims)) == 1
    return {
        **({"template_width": dims[0], "template_layers": len(dims)} if uniform else {"template_dims": tuple(dims)}),
        "xyz_in_all": xyz_in_all,
        "weight_norm": bool(section.take("weight_norm", _switch, "true, false or null", False)),
        "norm_layers": _all_or(section.take("norm_layers", *layers, ()), dims),
        "dropout": float(section.take("dropout_prob", _probability, "at least 0 and less than 1", 0.0)),
        "dropout_layers": _all_or(section.take("dropout", *layers, ()), dims),
    }


def _all_or(layers: Sequence[int] | None, dims: Sequence[int]) -> tuple[int, ...] | None:
    """Indices of layers as our settings have them: None is all of them, not none."""
    return None if set(layers or ()) == set(range(len(dims))) else tuple(layers or ())


class _Section:
    """One object of the file, whose keys are all known; errors name the file and the key."""

    def __init__(self, path: Path, name: str, content: Any, known: Sequence[str]):
        self._path, self._name, self._content = path, name, content
        if not isinstance(content, dict):
            raise ValueError(f"{path}: {name or 'the whole'} must be a JSON object, got {content!r}")
        for key in content:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1, cutoff=0)
                raise ValueError(f"{self.where(key)} is unknown; the nearest known key is {close[0]}")

    def where(self, key: str) -> str:
        return f"{self._path}: {self._name + '.' if self._name else ''}{key}"

    def take(self, key: str, fits: Callable[[Any], Any], expected: str, default: Any = _REQUIRED) -> Any:
        if key not in self._content:
            if default is _REQUIRED:
                raise ValueError(f"{self.where(key)} is missing, expected {expected}")
            return default
        value = self._content[key]
        if not fits(value):
            raise ValueError(f"{self.where(key)} must be {expected}, got {value!r}")
        return value

    def section(self, key: str, known: Sequence[str]) -> _Section:
        if key not in self._content:
            raise ValueError(f"{self.where(key)} is missing, expected an object with {', '.join(known)}")
        return _Section(self._path, f"{self._name}.{key}".lstrip("."), self._content[key], known)


def _whole(smallest: int, largest: int | None = None) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and smallest <= value and (largest is None or value <= largest)


def _list_of(fits: Callable[[Any], bool], or_null: bool = False) -> Callable[[Any], bool]:
    return lambda value: all(map(fits, value)) if isinstance(value, list) else or_null and value is None


def _switch(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _probability(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1
