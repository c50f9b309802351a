"""Every command by its name."""

from __future__ import annotations

from typing import Any

from urform.cli._analysis_commands import Analyze
from urform.cli._category_commands import Categories, TrainCategories
from urform.cli._commands import Deform, Evaluate, Export, Prepare, Reconstruct, Synth
from urform.cli._correspondence_commands import (
    EvaluateCorrespondence,
    Fit,
    Register,
    TransferColors,
    TransferKeypoints,
    TransferLabels,
)
from urform.cli._data_commands import DataCheck, DataFetch, DataFlatten, DataInit, DataSplit
from urform.cli._import_commands import Embeddings, Import
from urform.cli._mesh_commands import MeshImages, MeshShapes, MeshTemplate, Morph
from urform.cli._recipe_command import MakeWeights
from urform.cli._serve_command import Serve
from urform.cli._train_commands import TrainContrastive, TrainEncoder, TrainJoint, TrainPose, TrainShape

COMMANDS: dict[str, type[Any]] = {
    "reconstruct": Reconstruct,
    "synth": Synth,
    "deform": Deform,
    "prepare": Prepare,
    "train shape": TrainShape,
    "train encoder": TrainEncoder,
    "train pose": TrainPose,
    "train joint": TrainJoint,
    "train contrastive": TrainContrastive,
    "train categories": TrainCategories,
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
    "data init": DataInit,
    "data fetch": DataFetch,
    "data check": DataCheck,
    "data split": DataSplit,
    "data flatten": DataFlatten,
    "categories": Categories,
    "recipe": MakeWeights,
    "serve": Serve,
    "export": Export,
    "import": Import,
    "embeddings": Embeddings,
}
"""A name of two words is a command of the group that its first word names."""

GROUPS = {
    "train": "Train a model, or a part of one.",
    "mesh": "Write meshes of the template, of training shapes, or of views.",
    "evaluate": "Score reconstruction (the default) or correspondence.",
    "transfer": "Carry labels, keypoints or colors from one shape to others.",
    "data": "Download, check, split and convert data.",
}
DEFAULT_NAME = "reconstruction"
"""How a command that is also a group (`evaluate`) is listed among the commands of its group."""


def command_name(words: list[str]) -> str | None:
    """The longest name of a command that the words begin with."""
    first = " ".join(words[:2])
    return first if first in COMMANDS else words[0] if words and words[0] in COMMANDS else None
