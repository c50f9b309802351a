"""Correspondence scored on shapes whose parts and keypoints are known: those of `urform synth`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from urform.correspondence import canonical_and_place, encoded_views, folded_share
from urform.data import DataFolder, ShapeKey, read_keypoints
from urform.evaluation._correspondence_scores import (
    CHAIR_PARTS,
    PCK_THRESHOLD,
    UNLABELLED,
    Known,
    Placed,
    keypoint_errors,
    label_iou,
    pck,
)
from urform.fitting import fit, from_samples, read_scan, starts_for
from urform.geometry import spread_points
from urform.inference import Model

FOLD_POINTS = 500
SURFACE_POINTS = 10_000  # of each shape, on which correspondences are looked for
_FITTED, _SEEN = "fitted to SDF samples", "from one view"


def fitted_to_samples(model: Model, data: DataFolder, key: ShapeKey) -> Float[np.ndarray, " L"]:
    """The latent fitted to a shape's SDF samples."""
    surface = data.normalisation(key).apply(data.surface(key))[:SURFACE_POINTS]
    evidence = from_samples(data.sdf_samples(key), surface)
    return fit(model, evidence, starts_for(model, evidence)).latent


def encoded_first_view(model: Model, data: DataFolder, key: ShapeKey) -> Float[np.ndarray, " L"]:
    """The latent of a shape's first view."""
    return next(encoded_views(model, data, [key], view=0))[1]


def evaluate_correspondence(
    model: Model,
    data: DataFolder,
    keys: Sequence[ShapeKey],
    unseen: Sequence[str] = (),
    fitted: Float[np.ndarray, "S L"] | None = None,
) -> dict[str, Any]:
    """PCK of keypoints and mIoU of labels over all ordered pairs of shapes, by several methods.

    Args:
        model: of the category.
        data: data folder of the shapes; its `.datasources.json` says where their meshes lie, OBJ files whose groups are
            parts, each beside a shape.json that names keypoints.
        keys: the shapes, at least two, that the model was not trained on.
        unseen: names of keypoints that training did not learn from, which are scored apart, too.
        fitted: latents fitted to the shapes; None = they are fitted here, to SDF samples.

    Returns:
        `rows`: for each method `pck`, `pck_normalised` (both at 0.05, of the diagonal of the target's box and of
        normalised units), `pck_unseen` (keypoints of these names alone), `mean_error` (diagonals), `label_miou` (mean
        over all sources) and `label_miou_one` (labels of the shape with the nearest latent); shares in 0..1. With it
        `shapes`, `pairs`, `keypoints`, and `folded`: the share of surface points that the warp turns inside out.

    Raises:
        FileNotFoundError: a mesh, or what is known of it, is not there.
        ValueError: there are fewer than two shapes, no two have a keypoint in common, or none has an unseen one.
    """
    if len(keys) < 2:
        raise ValueError(f"keys must name at least two shapes, got {len(keys)}")
    classes = list(dict.fromkeys(CHAIR_PARTS.values()))
    places = data.datasources()
    shapes = [_known_shape(data, places, key, classes) for key in keys]
    if unknown := sorted(set(unseen) - {name for shape in shapes for name in shape.keypoints}):
        raise ValueError(f"`unseen`: no shape has a keypoint called {unknown[0]}")
    latents = _latents(model, data, keys, fitted)
    methods = _methods(model, shapes, latents)
    pairs = [(source, target) for source in range(len(keys)) for target in range(len(keys)) if source != target]
    best = np.concatenate([_off_surface(shapes[target], shapes[source].keypoints) for source, target in pairs])
    if not len(best):
        raise ValueError("no two shapes have a keypoint in common")
    rows = [_row(name, shapes, *method, pairs, unseen) for name, method in methods.items()]
    rows.append({"method": "surface point nearest to the truth", "pck": pck(best), "mean_error": float(best.mean())})
    folded = [
        folded_share(model, shape.points[:FOLD_POINTS], latent)
        for shape, latent in zip(shapes, latents[_FITTED], strict=True)
    ]
    names = [str(key) for key in keys]
    counts = {"pairs": len(pairs), "keypoints": len(best), "folded": float(np.mean(folded))}
    return {"shapes": names, **counts, "rows": rows}


def _latents(
    model: Model, data: DataFolder, keys: Sequence[ShapeKey], fitted: Float[np.ndarray, "S L"] | None
) -> dict[str, Float[np.ndarray, "S L"]]:
    """Latents of the shapes by where they are from: fitted, and of their first view where there is an encoder."""
    seen = [encoded_first_view(model, data, key) for key in keys] if model.has_encoder else []
    if fitted is None:
        fitted = np.stack([fitted_to_samples(model, data, key) for key in tqdm(keys, "fit", unit="shape")])
    return {_FITTED: fitted} | ({_SEEN: np.stack(seen)} if seen else {})


def _methods(
    model: Model, shapes: Sequence[Known], latents: dict[str, Float[np.ndarray, "S L"]]
) -> dict[str, tuple[Float[np.ndarray, "S L"], list[Placed]]]:
    """The methods that are compared: their latents, and where they put the points of the shapes."""
    rng = np.random.default_rng(0)
    methods = {
        f"{method}, latents {origin}": (
            known,
            [_place(model, *both, weight) for both in zip(shapes, known, strict=True)],
        )
        for origin, known in latents.items()
        for method, weight in (("canonical points", 0.0), ("canonical points and place", 1.0))
    }
    methods["identity warp"] = (latents[_FITTED], [Placed(shape.points, shape.keypoints) for shape in shapes])
    methods["random point"] = (latents[_FITTED], [_place_at_random(shape, rng) for shape in shapes])
    return methods


def format_correspondence(result: dict[str, Any]) -> str:
    """The result of `evaluate_correspondence` as a table in Markdown, shares in per cent."""
    columns = {
        "pck": "PCK 0.05 of the diagonal",
        "pck_unseen": "names not learned from",
        "pck_normalised": "PCK 0.05 normalised units",
        "mean_error": "mean error",
        "label_miou": "label mIoU",
        "label_miou_one": "one source",
    }
    lines = [
        f"{len(result['shapes'])} shapes, {result['pairs']} ordered pairs, {result['keypoints']} keypoints; "
        f"the warp folds {result['folded']:.2%} of the surface",
        "",
        "| method | " + " | ".join(columns.values()) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row in result["rows"]:
        cells = [
            "" if name not in row else f"{row[name]:.3f}" if name == "mean_error" else f"{100 * row[name]:.1f}"
            for name in columns
        ]
        lines.append(f"| {row['method']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _row(
    name: str,
    shapes: Sequence[Known],
    latents: Float[np.ndarray, "S L"],
    placed: Sequence[Placed],
    pairs: Sequence[tuple[int, int]],
    unseen: Sequence[str],
) -> dict[str, Any]:
    errors = keypoint_errors(shapes, placed, pairs)
    row: dict[str, Any] = {"method": name, "pck": pck(errors[:, 0], PCK_THRESHOLD)}
    if unseen:
        apart = [
            replace(shape, keypoints={name: point for name, point in shape.keypoints.items() if name in unseen})
            for shape in shapes
        ]
        row["pck_unseen"] = pck(keypoint_errors(apart, placed, pairs)[:, 0], PCK_THRESHOLD)
    return row | {
        "pck_normalised": pck(errors[:, 1], PCK_THRESHOLD),
        "mean_error": float(errors[:, 0].mean()),
        "label_miou": label_iou(shapes, placed, pairs),
        "label_miou_one": label_iou(shapes, placed, _nearest_sources(latents)),
    }


def _known_shape(data: DataFolder, places: dict[str, str], key: ShapeKey, classes: list[str]) -> Known:
    """A synthetic chair with its parts and keypoints."""
    folder, normalisation = Path(places.get(key.dataset, "")) / key.instance, data.normalisation(key)
    if not (folder / "shape.json").exists():
        raise FileNotFoundError(
            f"{folder / 'shape.json'}: no such file for {key}; parts and keypoints are known of shapes that "
            f"`urform synth` made, in the folder that {data.datasources_path} names"
        )
    scan = read_scan(folder / "model.obj")
    vertices = normalisation.apply(scan.vertices)
    points = spread_points(vertices, scan.faces, SURFACE_POINTS, np.random.default_rng(0))
    part = np.array(
        [classes.index(CHAIR_PARTS[name]) if name in CHAIR_PARTS else UNLABELLED for name in scan.face_group]
    )
    keypoints = {
        name: normalisation.apply(point[None])[0] for name, point in read_keypoints(folder / "shape.json").items()
    }
    return Known(points.points, part[points.face], keypoints, float(np.linalg.norm(np.ptp(vertices, axis=0))))


def _place(model: Model, shape: Known, latent: Float[np.ndarray, " L"], place_weight: float) -> Placed:
    """Points and keypoints of a shape as they are compared."""
    names = list(shape.keypoints)
    points = np.concatenate([shape.points, np.stack([shape.keypoints[name] for name in names])])
    canonical = canonical_and_place(model, points, latent, place_weight)
    return Placed(canonical[: len(shape.points)], dict(zip(names, canonical[len(shape.points) :], strict=True)))


def _place_at_random(shape: Known, rng: np.random.Generator) -> Placed:
    """Anywhere: the nearest is a random point."""
    keypoints = {name: rng.random(3) for name in shape.keypoints}
    return Placed(rng.random(shape.points.shape), keypoints)


def _nearest_sources(latents: Float[np.ndarray, "S L"]) -> list[tuple[int, int]]:
    """For each shape the one whose latent is nearest, as its only source."""
    distance = np.linalg.norm(latents[:, None] - latents, axis=2)
    np.fill_diagonal(distance, np.inf)
    return [(int(source), target) for target, source in enumerate(distance.argmin(axis=1))]


def _off_surface(shape: Known, names: Iterable[str]) -> Float[np.ndarray, " K"]:
    """How far the keypoints that a shape has in common with another lie from its surface points, over the diagonal."""
    common = [shape.keypoints[name] for name in names if name in shape.keypoints]
    if not common:
        return np.zeros(0)
    return np.linalg.norm(shape.points - np.stack(common)[:, None], axis=2).min(axis=1) / shape.diagonal
