"""What is known of one shape carried to others by their canonical points: meshes with them, registration, transfer."""

from urform.correspondence._labels import Labels, color_at, group_labels, label_colors, read_labels
from urform.correspondence._mend import flipped_faces, mend
from urform.correspondence._mesh_files import (
    MeshCounts,
    MeshOptions,
    copy_views,
    encoded_views,
    mesh_shapes,
    pictured_shapes,
)
from urform.correspondence._modes import ShapeModes, shape_modes
from urform.correspondence._morph import MOST_STEPS, morph
from urform.correspondence._pieces import FoundPiece
from urform.correspondence._register import (
    Registered,
    colored_template,
    folded_share,
    perturbed,
    register,
    uncertainty,
    with_canonical,
)
from urform.correspondence._register_files import register_files
from urform.correspondence._register_scan import (
    RegisteredScan,
    RegisterOptions,
    register_scan,
    registration_template,
)
from urform.correspondence._settle import settle
from urform.correspondence._transfer import (
    CarriedColors,
    CarriedKeypoints,
    CarriedLabels,
    Matches,
    canonical_and_place,
    nearest_canonical,
    transfer_colors,
    transfer_keypoints,
    transfer_labels,
)
from urform.correspondence._transfer_files import transfer_files

__all__ = [
    "MOST_STEPS",
    "CarriedColors",
    "CarriedKeypoints",
    "CarriedLabels",
    "FoundPiece",
    "Labels",
    "Matches",
    "MeshCounts",
    "MeshOptions",
    "RegisterOptions",
    "Registered",
    "RegisteredScan",
    "ShapeModes",
    "canonical_and_place",
    "color_at",
    "colored_template",
    "copy_views",
    "encoded_views",
    "flipped_faces",
    "folded_share",
    "group_labels",
    "label_colors",
    "mend",
    "mesh_shapes",
    "morph",
    "nearest_canonical",
    "perturbed",
    "pictured_shapes",
    "read_labels",
    "register",
    "register_files",
    "register_scan",
    "registration_template",
    "settle",
    "shape_modes",
    "transfer_colors",
    "transfer_files",
    "transfer_keypoints",
    "transfer_labels",
    "uncertainty",
    "with_canonical",
]
