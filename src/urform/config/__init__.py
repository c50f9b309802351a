"""Settings as frozen dataclasses; ranges are checked where they are built."""

from urform.config._analysis import AnalysisConfig
from urform.config._check import is_name, look_up, require, shortened
from urform.config._choice import ShapeChoice
from urform.config._contrastive import ContrastiveConfig
from urform.config._model import CLAMP, PRESETS, WITHOUT, ModelConfig
from urform.config._prepare import PrepareConfig
from urform.config._refine import REFINE, Refine
from urform.config._run_files import RUN_FILES
from urform.config._training import (
    JOINT_PRESETS,
    SHAPE_PRESETS,
    CategoriesConfig,
    EncoderConfig,
    JointConfig,
    Levels,
    PoseConfig,
    RunConfig,
    ScheduleConfig,
    ShapeConfig,
    pair_weight_of_sum,
)

__all__ = [
    "CLAMP",
    "JOINT_PRESETS",
    "PRESETS",
    "REFINE",
    "RUN_FILES",
    "SHAPE_PRESETS",
    "WITHOUT",
    "AnalysisConfig",
    "CategoriesConfig",
    "ContrastiveConfig",
    "EncoderConfig",
    "JointConfig",
    "Levels",
    "ModelConfig",
    "PoseConfig",
    "PrepareConfig",
    "Refine",
    "RunConfig",
    "ScheduleConfig",
    "ShapeChoice",
    "ShapeConfig",
    "is_name",
    "look_up",
    "pair_weight_of_sum",
    "require",
    "shortened",
]
