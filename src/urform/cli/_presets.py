"""Settings that a training starts from: `--preset` and `--specs`, which must be known before other flags are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tyro

from urform.cli._train_commands import TrainJoint, TrainShape
from urform.config import JOINT_PRESETS, SHAPE_PRESETS, RunConfig, look_up


def preset_of(name: str, words: Sequence[str]) -> TrainShape | TrainJoint | None:
    """The command with the settings that `--preset` or `--specs` names; None where there is neither."""
    joint, missing = name == "train joint", tyro.MISSING
    if not joint and name != "train shape":
        return None
    if "--specs" in words and "--preset" in words:
        raise ValueError("--preset must be omitted with --specs, whose file has all settings")
    if "--specs" in words[:-1]:
        return _from_specs(Path(words[words.index("--specs") + 1]), joint)
    if "--preset" not in words[:-1]:
        return None
    preset = words[words.index("--preset") + 1]
    if joint:
        config = look_up(JOINT_PRESETS, preset, "--preset")
        return TrainJoint(data=missing, split=missing, out=missing, config=config)
    return TrainShape(data=missing, split=missing, out=missing, config=look_up(SHAPE_PRESETS, preset, "--preset"))


def _from_specs(experiment: Path, joint: bool) -> TrainShape | TrainJoint:
    """The training that a published experiment describes; what it does not say has to be said by flags."""
    from urform.published import Specs, find_train_split

    specs = Specs(experiment / "specs.json")
    every, at = specs.snapshots
    split, missing = find_train_split(experiment, specs), tyro.MISSING
    places = [folder / specs.data_source for folder in (experiment, Path()) if specs.data_source]
    settings = {
        "data": next((place for place in places if place.is_dir()), missing),
        "split": (split,) if split else missing,
        "out": missing,
        "run_config": RunConfig(keep_every=every, keep_at=at),
        "specs": experiment,
    }
    if joint:
        return TrainJoint(config=specs.joint_config(), **settings)
    return TrainShape(config=specs.shape_config(), **settings)
