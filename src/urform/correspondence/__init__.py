"""Shapes fitted to what users have, and what is known of one carried to others by their canonical points."""

from urform.correspondence._evaluate import (
    encoded_first_view,
    evaluate_correspondence,
    fitted_to_samples,
    format_correspondence,
)
from urform.correspondence._evidence import Evidence, evidence_of, from_cloud, from_part, from_samples
from urform.correspondence._fit import Encoded, Fitted, encode_pictures, fit, mean_latent, starts_for
from urform.correspondence._fit_files import fit_files
from urform.correspondence._labels import Labels, colour_at, group_labels, label_colours, read_labels
from urform.correspondence._latent_file import LatentFile, read_latent_file, write_latent_file
from urform.correspondence._mesh_files import MeshCounts, MeshOptions, encoded_views, mesh_shapes
from urform.correspondence._modes import ShapeModes, shape_modes
from urform.correspondence._morph import MOST_STEPS, morph
from urform.correspondence._register import (
    Registered,
    coloured_template,
    folded_share,
    perturbed,
    register,
    uncertainty,
    with_canonical,
)
from urform.correspondence._register_files import (
    RegisteredScan,
    RegisterOptions,
    register_files,
    register_scan,
    registration_template,
)
from urform.correspondence._scan import Scan, read_scan
from urform.correspondence._scores import (
    CHAIR_PARTS,
    PCK_THRESHOLD,
    UNLABELLED,
    Known,
    Placed,
    carried_parts,
    keypoint_errors,
    label_iou,
    part_iou,
    pck,
)
from urform.correspondence._settle import flipped_faces, settle
from urform.correspondence._subject import Subject, files_behind, normalisation_of, resolve_subject
from urform.correspondence._surface import Surface
from urform.correspondence._transfer import (
    CarriedColours,
    CarriedKeypoints,
    CarriedLabels,
    Matches,
    canonical_and_place,
    nearest_canonical,
    transfer_colours,
    transfer_keypoints,
    transfer_labels,
)
from urform.correspondence._transfer_files import transfer_files
from urform.geometry import SurfacePoints, spread

__all__ = [
    "CHAIR_PARTS",
    "MOST_STEPS",
    "PCK_THRESHOLD",
    "UNLABELLED",
    "CarriedColours",
    "CarriedKeypoints",
    "CarriedLabels",
    "Encoded",
    "Evidence",
    "Fitted",
    "Known",
    "Labels",
    "LatentFile",
    "Matches",
    "MeshCounts",
    "MeshOptions",
    "Placed",
    "RegisterOptions",
    "Registered",
    "RegisteredScan",
    "Scan",
    "ShapeModes",
    "Subject",
    "Surface",
    "SurfacePoints",
    "canonical_and_place",
    "carried_parts",
    "colour_at",
    "coloured_template",
    "encode_pictures",
    "encoded_first_view",
    "encoded_views",
    "evaluate_correspondence",
    "evidence_of",
    "files_behind",
    "fit",
    "fit_files",
    "fitted_to_samples",
    "flipped_faces",
    "folded_share",
    "format_correspondence",
    "from_cloud",
    "from_part",
    "from_samples",
    "group_labels",
    "keypoint_errors",
    "label_colours",
    "label_iou",
    "mean_latent",
    "mesh_shapes",
    "morph",
    "nearest_canonical",
    "normalisation_of",
    "part_iou",
    "pck",
    "perturbed",
    "read_labels",
    "read_latent_file",
    "read_scan",
    "register",
    "register_files",
    "register_scan",
    "registration_template",
    "resolve_subject",
    "settle",
    "shape_modes",
    "spread",
    "starts_for",
    "transfer_colours",
    "transfer_files",
    "transfer_keypoints",
    "transfer_labels",
    "uncertainty",
    "with_canonical",
    "write_latent_file",
]
