"""Trained models as files of ours, the shipped ones among them."""

from urform.weights._backbone import BackboneWeights, read_backbone, save_backbone
from urform.weights._build import WARPS, build_decoder, build_encoder
from urform.weights._file import (
    FILE_NAME,
    Weights,
    check_room,
    export_weights,
    load_weights,
    save_weights,
)
from urform.weights._shipped import find_weights, shipped_categories

__all__ = [
    "FILE_NAME",
    "WARPS",
    "BackboneWeights",
    "Weights",
    "build_decoder",
    "build_encoder",
    "check_room",
    "export_weights",
    "find_weights",
    "load_weights",
    "read_backbone",
    "save_backbone",
    "save_weights",
    "shipped_categories",
]
