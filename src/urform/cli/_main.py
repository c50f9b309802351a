"""Entry point: picks the command, turns bad input into one line and exit code 2."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import tyro

from urform.cli._analysis_commands import Analyze
from urform.cli._commands import (
    Deform,
    Evaluate,
    Export,
    Prepare,
    Reconstruct,
    Synth,
)
from urform.cli._config_file import Translate, with_config_file
from urform.cli._correspondence_commands import (
    EvaluateCorrespondence,
    Fit,
    Register,
    TransferColors,
    TransferKeypoints,
    TransferLabels,
)
from urform.cli._data_commands import DataCheck, DataFetch, DataFlatten, DataSplit
from urform.cli._import_commands import Embeddings, Import
from urform.cli._mesh_commands import MeshImages, MeshShapes, MeshTemplate, Morph
from urform.cli._train_commands import TrainContrastive, TrainEncoder, TrainJoint, TrainPose, TrainShape
from urform.config import JOINT_PRESETS, SHAPE_PRESETS, RunConfig

COMMANDS = {
    "reconstruct": Reconstruct,
    "synth": Synth,
    "deform": Deform,
    "prepare": Prepare,
    "train shape": TrainShape,
    "train encoder": TrainEncoder,
    "train pose": TrainPose,
    "train joint": TrainJoint,
    "train contrastive": TrainContrastive,
    "mesh template": MeshTemplate,
    "mesh shapes": MeshShapes,
    "mesh images": MeshImages,
    "morph": Morph,
    "evaluate correspondence": EvaluateCorrespondence,
    "evaluate": Evaluate,
    "analyze": Analyze,
    "fit": Fit,
    "register": Register,
    "transfer labels": TransferLabels,
    "transfer keypoints": TransferKeypoints,
    "transfer colors": TransferColors,
    "data fetch": DataFetch,
    "data check": DataCheck,
    "data split": DataSplit,
    "data flatten": DataFlatten,
    "export": Export,
    "import": Import,
    "embeddings": Embeddings,
}


def entry() -> NoReturn:
    """The console script: `main`, then out at once. Tearing torch down takes half a second and frees nothing new."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin while they wait keep others from working
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [part for word in words if word != "--debug" for part in _apart(word)]
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        return _usage(words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the console cannot show must not end a batch
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="urform: %(message)s")
    try:
        return _parse(name, with_config_file(words[len(name.split()) :], _translation(name))).run()
    except (ValueError, OSError, MemoryError, ModuleNotFoundError) as error:
        if debug:
            raise
        print(f"urform: {_one_line(error)}", file=sys.stderr)
        return 2
    except Exception as error:
        if debug:
            raise
        print(f"urform: unexpected {type(error).__name__}: {_one_line(error)}; --debug shows more", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(f"urform: {str(stopped) or 'interrupted'}", file=sys.stderr)
        return 130


def _translation(name: str) -> Translate | None:
    """How the settings of a published configuration file become those of a command; None where there is none."""
    if name != "train contrastive":
        return None
    from urform.published import settings_from_published

    return settings_from_published


def _one_line(error: Exception) -> str:
    return " ".join(str(error).splitlines()) or type(error).__name__


def _apart(word: str) -> list[str]:
    """`--flag=value` of the flags that are looked at before the others are read, as two words."""
    return word.split("=", 1) if word.startswith(("--config=", "--specs=", "--preset=")) else [word]


def _parse(name: str, words: Sequence[str]) -> Any:
    """The command with its flags read.

    Raises:
        ValueError: they are wrong; what tyro says of them in a box of many lines is said in one.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(COMMANDS[name], prog=f"urform {name}", args=words, default=_default(name, words))
    except SystemExit as stopped:
        if stopped.code in (0, None):
            raise
        plain = re.sub(r"\x1b\[[0-9;]*m", "", said.getvalue())
        lines = [re.sub("[─│]+", " ", line) for line in plain.splitlines() if not line.startswith(("╭", "╰"))]
        raise ValueError(" ".join(" ".join(lines).split())) from None


def _default(name: str, words: Sequence[str]) -> TrainShape | TrainJoint | None:
    """The settings that `--preset` starts from, which must be known before the other flags are read."""
    joint, missing = name == "train joint", tyro.MISSING
    if not joint and name != "train shape":
        return None
    if "--specs" in words and "--preset" in words:
        raise ValueError("--preset must be left away with --specs, whose file has all settings")
    if "--specs" in words[:-1]:
        return _from_specs(Path(words[words.index("--specs") + 1]), joint)
    if "--preset" not in words[:-1]:
        return None
    preset = words[words.index("--preset") + 1]
    if preset not in SHAPE_PRESETS:
        raise ValueError(f"--preset must be one of {', '.join(SHAPE_PRESETS)}, got {preset!r}")
    if joint:
        return TrainJoint(data=missing, split=missing, out=missing, config=JOINT_PRESETS[preset])
    return TrainShape(data=missing, split=missing, out=missing, config=SHAPE_PRESETS[preset])


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


def _usage(words: Sequence[str]) -> int:
    lines = ["usage: urform COMMAND [flags]", ""]
    lines += [f"  {name:24s} {(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    lines += [
        "",
        "COMMAND --help tells the flags; --config FILE reads them from YAML; --debug shows tracebacks.",
    ]
    if words and words[0] in ("-h", "--help"):
        print("\n".join(lines))
        return 0
    if words and words[0] == "--version":
        from urform import __version__

        print(__version__)
        return 0
    problem = f"urform: no command {words[0]!r}" if words else "urform: no command given"
    print("\n".join([problem, "", *lines]), file=sys.stderr)
    return 2
