"""What a model is worth: published protocols for reconstruction, and correspondence on shapes with known parts."""

from urform.evaluation._correspondence import (
    encoded_first_view,
    evaluate_correspondence,
    fitted_to_samples,
    format_correspondence,
)
from urform.evaluation._correspondence_scores import (
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
from urform.evaluation._evaluate import Evaluation, evaluate
from urform.evaluation._protocols import PROTOCOLS, Comparison, Metric, Protocol
from urform.evaluation._scores import format_csv, format_table
from urform.evaluation._truth import stored_surface

__all__ = [
    "CHAIR_PARTS",
    "PCK_THRESHOLD",
    "PROTOCOLS",
    "UNLABELLED",
    "Comparison",
    "Evaluation",
    "Known",
    "Metric",
    "Placed",
    "Protocol",
    "carried_parts",
    "encoded_first_view",
    "evaluate",
    "evaluate_correspondence",
    "fitted_to_samples",
    "format_correspondence",
    "format_csv",
    "format_table",
    "keypoint_errors",
    "label_iou",
    "part_iou",
    "pck",
    "stored_surface",
]
