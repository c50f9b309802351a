"""The published system's files: checkpoints, experiments, settings and latents, read into models of ours."""

from urform.published._backbone import load_backbone
from urform.published._contrastive_config import settings_from_published
from urform.published._embeddings import ExtractedLatents, extract_latents
from urform.published._experiment import Experiment, find_train_split, import_experiment, read_experiment
from urform.published._latents import LATENT_SUFFIXES, read_latents, write_latents
from urform.published._specs import Specs
from urform.published._state_dicts import decoder_from_published, encoder_from_published, load_published_decoder

__all__ = [
    "LATENT_SUFFIXES",
    "Experiment",
    "ExtractedLatents",
    "Specs",
    "decoder_from_published",
    "encoder_from_published",
    "extract_latents",
    "find_train_split",
    "import_experiment",
    "load_backbone",
    "load_published_decoder",
    "read_experiment",
    "read_latents",
    "settings_from_published",
    "write_latents",
]
