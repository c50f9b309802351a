"""Weights files, the shipped ones among them, published experiments, extracted latents."""

from urform.weights._backbone import BackboneWeights, save_backbone
from urform.weights._embeddings import Embeddings, extract_latents
from urform.weights._experiment import Experiment, find_train_split, import_experiment, read_experiment
from urform.weights._file import (
    FILE_NAME,
    Weights,
    build_decoder,
    build_encoder,
    export_weights,
    load_weights,
    save_weights,
)
from urform.weights._latent_file import read_latents, write_latents
from urform.weights._published_backbone import load_backbone
from urform.weights._shipped import find_weights, shipped_categories
from urform.weights._specs import Specs
from urform.weights._start import Start, load_start

__all__ = [
    "FILE_NAME",
    "BackboneWeights",
    "Embeddings",
    "Experiment",
    "Specs",
    "Start",
    "Weights",
    "build_decoder",
    "build_encoder",
    "export_weights",
    "extract_latents",
    "find_train_split",
    "find_weights",
    "import_experiment",
    "load_backbone",
    "load_start",
    "load_weights",
    "read_experiment",
    "read_latents",
    "save_backbone",
    "save_weights",
    "shipped_categories",
    "write_latents",
]
