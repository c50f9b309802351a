"""Shapes fitted to what users have: meshes, parts of them, point clouds, pictures."""

from urform.fitting._arguments import check_numbers
from urform.fitting._evidence import Evidence, evidence_of, from_cloud, from_part, from_samples
from urform.fitting._fit import STEPS, Fitted, encode_pictures, fit, mean_latent, starts_for
from urform.fitting._fit_files import fit_files
from urform.fitting._latent_file import LatentFile, read_latent_file, write_latent_file
from urform.fitting._scan import Scan, read_scan
from urform.fitting._subject import Subject, files_behind, name_of_file, name_of_text, normalisation_of, resolve_subject
from urform.fitting._surface import Surface

__all__ = [
    "STEPS",
    "Evidence",
    "Fitted",
    "LatentFile",
    "Scan",
    "Subject",
    "Surface",
    "check_numbers",
    "encode_pictures",
    "evidence_of",
    "files_behind",
    "fit",
    "fit_files",
    "from_cloud",
    "from_part",
    "from_samples",
    "mean_latent",
    "name_of_file",
    "name_of_text",
    "normalisation_of",
    "read_latent_file",
    "read_scan",
    "resolve_subject",
    "starts_for",
    "write_latent_file",
]
