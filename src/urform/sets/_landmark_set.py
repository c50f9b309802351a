"""Landmarks as training reads them: points of shapes beside the places in canonical space where they belong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from urform.data import DataFolder, Parts, ShapeKey

_THIN = 0.02  # normalised units; along an axis on which a part is thinner, its points go to the middle
_MIDDLE = 0.05  # of half the object's width: a part that leaves so much free around the middle has a left and a right
_SIDES = ("left", "right"), ("front", "rear")
_COMMON = 0.05  # share of the shapes that have a part; the mean box of a rarer one says little
_LEAST = 20  # points of a part, to know its box

Corners = Float[np.ndarray, "2 3"]


class LandmarkSet:
    """Landmarks of a split, normalised space; shapes may have none.

    A keypoint belongs to the mean place of the keypoints of its name. A point of a part belongs to the same place in
    the part's mean box. So a quarter up one backrest corresponds to a quarter up another.

    Args:
        data: the data folder.
        keys: the shapes, in split order.
        left_out: names of keypoints that are not used.

    Raises:
        ValueError: a name that is left out is that of no keypoint, or a file is damaged.
    """

    def __init__(self, data: DataFolder, keys: Sequence[ShapeKey], left_out: Collection[str] = ()):
        keypoints = [data.keypoints(key) for key in keys]
        parts = [data.parts(key) for key in keys]
        names = {name for found in keypoints for name in found}
        if unknown := sorted(set(left_out) - names):
            there = ", ".join(sorted(names)) or "none"
            raise ValueError(f"`keypoints_left_out`: no keypoint is called {unknown[0]}, there are {there}")
        kept = [{name: point for name, point in found.items() if name not in left_out} for found in keypoints]
        self._keypoints = _keypoint_rows(kept)
        self._parts = _part_rows(parts)

    @property
    def any(self) -> bool:
        """Whether any shape has landmarks."""
        return any(map(len, self._keypoints)) or any(map(len, self._parts))

    def draw(
        self, indices: Sequence[int], count: int, rng: np.random.Generator
    ) -> tuple[Float[Tensor, "B K 3"], Float[Tensor, "B K 3"], Bool[Tensor, "B K"]]:
        """Some landmarks of each shape, drawn with replacement: a third keypoints, the others points of parts.

        Args:
            indices: B shapes, by their places in the split.
            count: landmarks K a shape.
            rng: draws them.

        Returns:
            Where they are, where they belong in canonical space, and which of them there are.
        """
        drawn, known = np.zeros((len(indices), count, 6), np.float32), np.zeros((len(indices), count), bool)
        third = count // 3
        for row, index in enumerate(indices):
            for rows, where in ((self._keypoints[index], slice(third)), (self._parts[index], slice(third, count))):
                if len(rows):
                    drawn[row, where] = rows[rng.integers(0, len(rows), known[row, where].size)]
                    known[row, where] = True
        both = torch.from_numpy(drawn)
        return both[..., :3].contiguous(), both[..., 3:].contiguous(), torch.from_numpy(known)


def _keypoint_rows(
    keypoints: Sequence[Mapping[str, Float[np.ndarray, " 3"]]],
) -> list[Float[np.ndarray, "K 6"]]:
    """Each keypoint beside the mean place of its name."""
    names = sorted({name for found in keypoints for name in found})
    mean = {name: np.mean([found[name] for found in keypoints if name in found], axis=0) for name in names}
    return [
        np.array([[*point, *mean[name]] for name, point in found.items()], np.float32).reshape(-1, 6)
        for found in keypoints
    ]


def _part_rows(parts: Sequence[Parts | None]) -> list[Float[np.ndarray, "P 6"]]:
    """Points of parts beside the same places in the mean boxes of these parts."""
    pieces = [{} if found is None else divided(found) for found in parts]
    boxes: dict[str, list[Corners]] = {}
    for found in pieces:
        for name, points in found.items():
            boxes.setdefault(name, []).append(_box(points))
    mean = {name: np.mean(found, axis=0) for name, found in boxes.items()}
    rows = []
    for found in pieces:
        own = [
            np.concatenate([points, _between(points, _box(points), mean[name])], 1) for name, points in found.items()
        ]
        rows.append(np.concatenate(own).astype(np.float32) if own else np.zeros((0, 6), np.float32))
    return rows


def divided(parts: Parts) -> dict[str, Float[np.ndarray, "P 3"]]:
    """Points of each part by its name.

    A part that leaves the middle free is divided there into left and right, and into front and rear. This separates
    four legs, but not the slats of a back.
    """
    half = np.ptp(parts.points, axis=0) / 2
    centre = parts.points.min(axis=0) + half
    found: dict[str, Float[np.ndarray, "P 3"]] = {}
    for index, name in enumerate(parts.names):
        points = parts.points[parts.part == index]
        words = np.full(len(points), name, dtype=object)
        for axis, sides in zip((0, 2), _SIDES, strict=True):
            beside = (points[:, axis] - centre[axis]) / max(half[axis], 1e-9)
            if len(points) and (np.abs(beside) > _MIDDLE).all() and np.ptp(np.sign(beside)) > 0:
                words = words + np.where(beside > 0, f"_{sides[0]}", f"_{sides[1]}").astype(object)
        for word in sorted(set(words)):
            if (chosen := words == word).sum() >= _LEAST:
                found[word] = points[chosen]
    return found


def _box(points: Float[np.ndarray, "P 3"]) -> Corners:
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _between(points: Float[np.ndarray, "P 3"], own: Corners, mean: Corners) -> Float[np.ndarray, "P 3"]:
    """The places in one box that correspond to places in another."""
    extent = own[1] - own[0]
    share = np.where(extent > _THIN, (points - own[0]) / np.maximum(extent, _THIN), 0.5)
    return mean[0] + share * (mean[1] - mean[0])
