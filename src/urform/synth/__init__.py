"""Procedural objects that enlarge small collections of meshes."""

from urform.synth._deform import deform, deform_meshes, save_deformed
from urform.synth._deform_sources import deform_sources
from urform.synth._generate import (
    CATEGORIES,
    CHAIR_FAMILIES,
    LAMP_FAMILIES,
    PLANE_FAMILIES,
    SOFA_FAMILIES,
    TABLE_FAMILIES,
    WIDE_FROM,
    make_chair,
    make_lamp,
    make_plane,
    make_sofa,
    make_table,
    synthesize,
)
from urform.synth._materials import Finish
from urform.synth._shape import Assembly, SyntheticShape, save_shape

__all__ = [
    "CATEGORIES",
    "CHAIR_FAMILIES",
    "LAMP_FAMILIES",
    "PLANE_FAMILIES",
    "SOFA_FAMILIES",
    "TABLE_FAMILIES",
    "WIDE_FROM",
    "Assembly",
    "Finish",
    "SyntheticShape",
    "deform",
    "deform_meshes",
    "deform_sources",
    "make_chair",
    "make_lamp",
    "make_plane",
    "make_sofa",
    "make_table",
    "save_deformed",
    "save_shape",
    "synthesize",
]
