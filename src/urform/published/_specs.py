"""specs.json of a published experiment: which networks it describes."""

from __future__ import annotations

import difflib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from urform.config import (
    CLAMP,
    PRESETS,
    WITHOUT,
    JointConfig,
    ModelConfig,
    ScheduleConfig,
    ShapeConfig,
    pair_weight_of_sum,
)

logger = logging.getLogger(__name__)

SPECS_FILE = "specs.json"
ARCHITECTURE = "deep_implicit_template_decoder"
_NETWORK_KEYS = ("NetworkArch", "NetworkSpecs", "CodeLength", "TrainSplit")
_OTHER_KEYS = (
    *("Description", "DataSource", "TestSplit", "NumEpochs", "SnapshotFrequency", "AdditionalSnapshots"),
    *("LearningRateSchedule", "SamplesPerScene", "ScenesPerBatch", "DataLoaderThreads", "ClampingDistance"),
    *("CodeRegularization", "CodeRegularizationLambda", "CodeBound", "UsePointwiseLoss", "PointwiseLossWeight"),
    *("UsePointpairLoss", "PointpairLossWeight", "UseCurriculum", "GradientClipNorm", "LogFrequency"),
)
_REQUIRED = object()
_SCHEDULES = {
    "Step": ("Initial", "Interval", "Factor"),
    "Warmup": ("Initial", "Final", "Length"),
    "Constant": ("Value",),
}
_SCHEDULE_KEYS = ("Type", "Initial", "Interval", "Factor", "Final", "Length", "Value")


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
        except (ValueError, RecursionError) as error:
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

    @property
    def clamp(self) -> float:
        """Distance at which the sdf is clamped, normalised units."""
        return float(self._top.take("ClampingDistance", _above(0), "a positive number", CLAMP))

    def shape_config(self) -> ShapeConfig:
        """How the experiment is trained, to the digit.

        Raises:
            ValueError: a key or value that cannot be honoured.
        """
        top, positive, optional = self._top, (_above(0), "a positive number"), (_limit, "a positive number or null")
        rates, schedules = self._schedules()
        points = top.take("SamplesPerScene", _whole(8), "a whole number of at least 8")

        def weight(use: str, name: str, default: float) -> float:
            value = top.take(name, *positive, default)
            return float(value) if top.take(use, _switch, "true, false or null", not use.startswith("Use")) else 0.0

        return ShapeConfig(
            model=self.model_config(),
            epochs=top.take("NumEpochs", _whole(1), "a whole number of at least 1"),
            shapes_per_batch=top.take("ScenesPerBatch", _whole(1), "a whole number of at least 1"),
            points_per_shape=points,
            lr_warp=rates[0],
            lr_template=rates[1],
            lr_latent=rates[2],
            rates_apart=schedules,
            clip_norm=_float(top.take("GradientClipNorm", *optional, None)),
            clamp=self.clamp,
            curriculum=bool(top.take("UseCurriculum", _switch, "true, false or null", False)),
            pointwise_weight=weight("UsePointwiseLoss", "PointwiseLossWeight", 0.005),
            pointpair_weight=pair_weight_of_sum(weight("UsePointpairLoss", "PointpairLossWeight", 2e-5), points),
            pointpair_limit=5.0,
            neighbour_weight=0.0,
            landmark_weight=0.0,
            latent_weight=weight("CodeRegularization", "CodeRegularizationLambda", 1e-4),
            latent_bound=_float(top.take("CodeBound", *optional, None)),
            latent_start="random",
            as_published=True,
            precision="fp32",
        )

    def joint_config(self) -> JointConfig:
        """The same with an image encoder in the place of the latents, on the published views as they are.

        Raises:
            ValueError: a key or value that cannot be honoured.
        """
        settings = vars(self.shape_config())
        if settings["latent_bound"] is not None:
            logger.warning("%s: CodeBound does nothing in joint training, which learns no latents", self.path)
        shown = {"augment": False, "flip": False, "every_view": True, "freeze_backbone": True}
        return JointConfig(**{**settings, "latent_bound": None, **shown})

    def _schedules(self) -> tuple[list[float], tuple[ScheduleConfig, ScheduleConfig, ScheduleConfig]]:
        """Initial learning rates, and how they change: of warp, template, and latents or encoder."""
        where = f"{self.path}: LearningRateSchedule"
        content = self._top.take("LearningRateSchedule", lambda value: isinstance(value, list), "a list of schedules")
        if len(content) != 3:
            raise ValueError(f"{where} must have three entries (warp, template, latents), got {len(content)}")
        names = [f"LearningRateSchedule[{index}]" for index in range(3)]
        found = [
            _schedule(_Section(self.path, name, one, _SCHEDULE_KEYS)) for name, one in zip(names, content, strict=True)
        ]
        (_, first), (_, second), (_, third) = found
        return [rate for rate, _ in found], (first, second, third)

    @property
    def snapshots(self) -> tuple[int, tuple[int, ...]]:
        """Epochs between two snapshots, and epochs of further ones."""
        every = self._top.take("SnapshotFrequency", _whole(1), "a whole number of at least 1", 0)
        more = self._top.take("AdditionalSnapshots", _list_of(_whole(1)), "a list of epochs", [])
        return every, tuple(more)

    @property
    def data_source(self) -> str | None:
        """Path of the data folder, as it stands there."""
        return self._top.take("DataSource", lambda value: isinstance(value, str) and value, "a path", None)

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
        sizes = {
            "latent_size": self.latent_size,
            "warp_width": warp.take("hidden_size", _whole(1), "a whole number of at least 1"),
            "warp_steps": warp.take(
                "steps", lambda value: _whole(4)(value) and value % 4 == 0, "a whole number, a multiple of 4"
            ),
            **_template(networks),
        }
        published = PRESETS["published"]
        try:
            return ModelConfig(
                warp="lstm",
                **sizes,
                **WITHOUT,
                encoder_width=published.encoder_width,
                image_size=published.image_size,
                pictures=published.pictures,
            )
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error


def _schedule(section: _Section) -> tuple[float, ScheduleConfig]:
    """Initial rate of a published schedule, and how it changes."""
    kind = section.take("Type", lambda value: value in _SCHEDULES, f"one of {', '.join(_SCHEDULES)}")
    section.only(("Type", *_SCHEDULES[kind]))
    positive, whole = (_above(0), "a positive number"), (_whole(1), "a whole number of at least 1")
    if kind == "Constant":
        return float(section.take("Value", *positive)), ScheduleConfig("constant")
    initial = float(section.take("Initial", *positive))
    if kind == "Step":
        interval, factor = section.take("Interval", *whole), section.take("Factor", *positive)
        return initial, ScheduleConfig("step", step_interval=interval, step_factor=float(factor))
    final, length = section.take("Final", *positive), section.take("Length", *whole)
    return initial, ScheduleConfig("warmup", warmup_length=length, warmup_final=final / initial)


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
                close = difflib.get_close_matches(key[:100], known, n=1, cutoff=0)
                raise ValueError(f"{self.where(key[:100])} is unknown; the nearest known key is {close[0]}")

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

    def only(self, known: Sequence[str]) -> None:
        """Refuse keys that have no meaning beside another one's value."""
        for key in self._content:
            if key not in known:
                raise ValueError(f"{self.where(key)} has no meaning there, expected {', '.join(known)}")

    def section(self, key: str, known: Sequence[str]) -> _Section:
        if key not in self._content:
            raise ValueError(f"{self.where(key)} is missing, expected an object with {', '.join(known)}")
        return _Section(self._path, f"{self._name}.{key}".lstrip("."), self._content[key], known)


def _whole(smallest: int, largest: int | None = None) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and smallest <= value and (largest is None or value <= largest)


def _above(smallest: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and smallest < value <= sys.float_info.max


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _limit(value: Any) -> bool:
    return value is None or _above(0)(value)


def _list_of(fits: Callable[[Any], bool], or_null: bool = False) -> Callable[[Any], bool]:
    return lambda value: all(map(fits, value)) if isinstance(value, list) else or_null and value is None


def _switch(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _probability(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1
