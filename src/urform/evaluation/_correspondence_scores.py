"""How good correspondences are where keypoints and parts are known: PCK, and the mean IoU of carried labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from urform.correspondence import nearest_canonical

PCK_THRESHOLD = 0.05  # of the box diagonal; published tables have 0.05, in units of their own
UNLABELLED = -1

# The parts that published label sets of chairs have, by the names of the synthetic ones. What can be several of them
# (a shell is seat and back, a frame may be anything) stays without a label.
CHAIR_PARTS = {
    "seat": "seat", "apron": "seat",
    "back": "back", "headrest": "back", "wing": "back",
    "leg": "leg", "base": "leg", "castor": "leg", "stretcher": "leg",
    "arm": "arm",
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A shape with its truth, in normalised space.

    Attributes:
        points: on its surface.
        part: of each point, a class from 0 or `UNLABELLED`.
        keypoints: named points.
        diagonal: of its bounding box.
    """

    points: Float[np.ndarray, "N 3"]
    part: Int[np.ndarray, " N"]
    keypoints: Mapping[str, Float[np.ndarray, " 3"]]
    diagonal: float


@dataclass(frozen=True)
class Placed:
    """Positions that a method gives to points and keypoints of a shape; points at equal positions correspond."""

    points: Float[np.ndarray, "N D"]
    keypoints: Mapping[str, Float[np.ndarray, " D"]]


def keypoint_errors(
    shapes: Sequence[Known], placed: Sequence[Placed], pairs: Sequence[tuple[int, int]]
) -> Float[np.ndarray, "K 2"]:
    """Errors of all keypoints that the shapes of a pair have in common, carried from the first to the second.

    Args:
        shapes: with their truth.
        placed: by the method, one a shape.
        pairs: indices of source and target.

    Returns:
        A row a keypoint: the distance from where it should be, over the diagonal of the target's bounding box, and in
        normalised units.
    """
    errors = []
    for source, target in pairs:
        truth = shapes[target].keypoints
        names = [name for name in shapes[source].keypoints if name in truth]
        if not names:
            continue
        query = np.stack([placed[source].keypoints[name] for name in names])
        found = shapes[target].points[nearest_canonical(query, placed[target].points).index]
        distance = np.linalg.norm(found - np.stack([truth[name] for name in names]), axis=1)
        errors.append(np.stack([distance / shapes[target].diagonal, distance], axis=1))
    return np.concatenate(errors) if errors else np.zeros((0, 2))


def pck(errors: Float[np.ndarray, " K"], threshold: float = PCK_THRESHOLD) -> float:
    """Share of keypoints that are carried to less than a threshold from where they should be.

    Raises:
        ValueError: there are none.
    """
    if not len(errors):
        raise ValueError("errors must have at least one keypoint, got none: no two shapes have one in common")
    return float((errors < threshold).mean())


def carried_parts(shapes: Sequence[Known], placed: Sequence[Placed], source: int, target: int) -> Int[np.ndarray, " N"]:
    """The part that each point of the target gets from the corresponding labelled point of the source."""
    labelled = np.flatnonzero(shapes[source].part != UNLABELLED)
    matches = nearest_canonical(placed[target].points, placed[source].points[labelled])
    return shapes[source].part[labelled[matches.index]]


def part_iou(predicted: Int[np.ndarray, " N"], target: Int[np.ndarray, " N"]) -> float:
    """IoU of each part over points, mean over the parts that either has; points without a true label do not count.

    Raises:
        ValueError: no point has a true label.
    """
    counted = target != UNLABELLED
    if not counted.any():
        raise ValueError("target must have labelled points, got none")
    predicted, target = predicted[counted], target[counted]
    ious = [
        ((predicted == part) & (target == part)).sum() / ((predicted == part) | (target == part)).sum()
        for part in np.union1d(predicted, target)
    ]
    return float(np.mean(ious))


def label_iou(shapes: Sequence[Known], placed: Sequence[Placed], pairs: Sequence[tuple[int, int]]) -> float:
    """Mean over targets of the mean over their sources of `part_iou`."""
    by_target: dict[int, list[float]] = {}
    for source, target in pairs:
        if (shapes[source].part != UNLABELLED).any() and (shapes[target].part != UNLABELLED).any():
            predicted = carried_parts(shapes, placed, source, target)
            by_target.setdefault(target, []).append(part_iou(predicted, shapes[target].part))
    if not by_target:
        raise ValueError("pairs must have labelled shapes, got none")
    return float(np.mean([np.mean(values) for values in by_target.values()]))
