"""Settings as frozen dataclasses; ranges are checked where they are built."""

from urform.config._model import PRESETS, ModelConfig
from urform.config._prepare import PrepareConfig
from urform.config._training import SHAPE_PRESETS, EncoderConfig, RunConfig, ScheduleConfig, ShapeConfig

__all__ = [
    "PRESETS",
    "SHAPE_PRESETS",
    "EncoderConfig",
    "ModelConfig",
    "PrepareConfig",
    "RunConfig",
    "ScheduleConfig",
    "ShapeConfig",
]
