"""Trained models as files of ours, the shipped ones among them."""

from urform.weights._backbone import BackboneWeights, read_backbone, save_backbone
from urform.weights._build import WARPS, build_decoder, build_encoder
from urform.weights._categories import ClassifierWeights, read_classifier, save_classifier
from urform.weights._facts import SCORED, CategoryFacts, category_table, save_scores, shipped_facts
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
    "SCORED",
    "WARPS",
    "BackboneWeights",
    "CategoryFacts",
    "ClassifierWeights",
    "Weights",
    "build_decoder",
    "build_encoder",
    "category_table",
    "check_room",
    "export_weights",
    "find_weights",
    "load_weights",
    "read_backbone",
    "read_classifier",
    "save_backbone",
    "save_classifier",
    "save_scores",
    "save_weights",
    "shipped_categories",
    "shipped_facts",
]
