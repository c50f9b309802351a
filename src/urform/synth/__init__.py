"""Procedural objects that enlarge small collections of meshes."""

from urform.synth._generate import CHAIR_FAMILIES, make_chair, synthesize
from urform.synth._shape import SyntheticShape, save_shape

__all__ = ["CHAIR_FAMILIES", "SyntheticShape", "make_chair", "save_shape", "synthesize"]
