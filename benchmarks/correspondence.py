"""How far latents can be fitted, and how good correspondences are: the tables of docs/results/correspondence.md.

    python benchmarks/correspondence.py fit --data DATA --split DATA/splits/real_chair_test.json --json fit.json
    python benchmarks/correspondence.py scores --data DATA --split DATA/splits/synthetic_chair_test.json

`fit`: each shape of a split from its SDF samples, from 2,000 of its surface points, and from those of them in the front
half (z > 0 in normalised space, no normals), beside the encoder on the first view. Chamfer by the protocol `deepsdf`:
30,000 points a side, unit box diagonal, x 1000.

`scores`: PCK of keypoints and mIoU of labels over all ordered pairs of a split of `urform synth`'s chairs, whose OBJ
files name their parts and whose shape.json names keypoints; DATA/.datasources.json says where the meshes lie.
Latents are fitted to the SDF samples, or encoded from the first view. Beside them: the nearest point without a model
(identity warp), a random point, and, for PCK, the surface point nearest to where the keypoint should be, which is as
good as any method that answers with surface points can be.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from urform.correspondence import (
    CHAIR_PARTS,
    PCK_THRESHOLD,
    PLACE_WEIGHT,
    UNLABELLED,
    Known,
    Placed,
    canonical_and_place,
    fit,
    from_cloud,
    from_part,
    from_samples,
    keypoint_errors,
    label_iou,
    pck,
    read_keypoints,
    read_scan,
    spread,
    starts_for,
)
from urform.data import DataFolder, ShapeKey, read_rgba, read_split
from urform.geometry import chamfer_deepsdf, sample_faces
from urform.inference import Model, load

CHAMFER_POINTS = 30_000
SCAN_POINTS = 2_000
SURFACE_POINTS = 10_000  # of each shape, on which correspondences are looked for


def encode(model: Model, data: DataFolder, key: ShapeKey) -> np.ndarray:
    """The latent of the first view."""
    return model.encode(model.frame(read_rgba(data.view_files(key)[0]))[None])[0]


def fit_samples(model: Model, data: DataFolder, key: ShapeKey) -> np.ndarray:
    """The latent fitted to the SDF samples."""
    surface = data.normalisation(key).apply(data.surface(key))[:SURFACE_POINTS]
    evidence = from_samples(data.sdf_samples(key), surface)
    return fit(model, evidence, starts_for(model, evidence)).latent


def fit_points(model: Model, data: DataFolder, key: ShapeKey, front: bool) -> np.ndarray:
    """The latent fitted to surface points, of the whole or of the front half."""
    points = data.normalisation(key).apply(data.surface(key))
    points = points[np.random.default_rng(0).choice(len(points), SCAN_POINTS, replace=False)]
    evidence = from_part(points[points[:, 2] > 0], None) if front else from_cloud(points, None)
    return fit(model, evidence, starts_for(model, evidence)).latent


def chamfer(model: Model, data: DataFolder, key: ShapeKey, latent: np.ndarray) -> float:
    """Distance of a latent's shape from the true one; a shape without surface counts as a point at the centre."""
    rng = np.random.default_rng(0)
    target = data.normalisation(key).apply(data.surface(key))
    if len(target) > CHAMFER_POINTS:
        target = target[rng.choice(len(target), CHAMFER_POINTS, replace=False)]
    try:
        mesh = model.mesh(latent, 128)
        points = sample_faces(np.asarray(mesh.vertices), np.asarray(mesh.faces), CHAMFER_POINTS, rng)
    except ValueError:
        points = np.zeros((1, 3))
    return chamfer_deepsdf(points, target) / float(np.square(np.ptp(target, axis=0)).sum()) * 1000


def run_fit(model: Model, data: DataFolder, keys: list[ShapeKey]) -> dict[str, dict[str, float]]:
    """Chamfer of each shape by each method."""
    methods = {
        "encoder, fixed view": encode,
        "SDF samples": fit_samples,
        "2,000 surface points": lambda *shape: fit_points(*shape, front=False),
        "front half of them": lambda *shape: fit_points(*shape, front=True),
    }
    results: dict[str, dict[str, float]] = {}
    for name, method in methods.items():
        started = time.perf_counter()
        latents = {key: method(model, data, key) for key in keys}
        elapsed_s = (time.perf_counter() - started) / len(keys)
        results[name] = {key.instance: chamfer(model, data, key, latent) for key, latent in latents.items()}
        values = list(results[name].values())
        print(
            f"{name}: mean {np.mean(values):.2f}, median {np.median(values):.2f}, {elapsed_s:.1f} s a shape", flush=True
        )
    return results


def print_fit(results: dict[str, dict[str, float]]) -> None:
    """A row a shape, a column a method."""
    print("\n| chair | " + " | ".join(results) + " |\n|" + "---|" * (len(results) + 1))
    for instance in next(iter(results.values())):
        print(f"| {instance} | " + " | ".join(f"{values[instance]:.2f}" for values in results.values()) + " |")
    for name, average in (("mean", np.mean), ("median", np.median)):
        print(
            f"| {name} | " + " | ".join(f"{average(list(values.values())):.2f}" for values in results.values()) + " |"
        )


def known_shape(data: DataFolder, sources: dict[str, str], key: ShapeKey, classes: list[str]) -> Known:
    """A synthetic chair with its parts and keypoints."""
    folder, normalisation = Path(sources[key.dataset]) / key.instance, data.normalisation(key)
    scan = read_scan(folder / "model.obj")
    vertices = normalisation.apply(scan.vertices)
    points = spread(vertices, scan.faces, SURFACE_POINTS, np.random.default_rng(0))
    part = np.array(
        [classes.index(CHAIR_PARTS[name]) if name in CHAIR_PARTS else UNLABELLED for name in scan.face_group]
    )
    keypoints = {
        name: normalisation.apply(point[None])[0] for name, point in read_keypoints(folder / "shape.json").items()
    }
    return Known(points.points, part[points.face], keypoints, float(np.linalg.norm(np.ptp(vertices, axis=0))))


def place(model: Model, shape: Known, latent: np.ndarray, place_weight: float) -> Placed:
    """Points and keypoints of a shape as they are compared."""
    names = list(shape.keypoints)
    points = np.concatenate([shape.points, np.stack([shape.keypoints[name] for name in names])])
    canonical = canonical_and_place(model, points, latent, place_weight)
    return Placed(canonical[: len(shape.points)], dict(zip(names, canonical[len(shape.points) :], strict=True)))


def place_at_random(shape: Known, rng: np.random.Generator) -> Placed:
    """Anywhere: the nearest is a random point."""
    keypoints = {name: rng.random(3) for name in shape.keypoints}
    return Placed(rng.random(shape.points.shape), keypoints)


def run_scores(model: Model, data: DataFolder, keys: list[ShapeKey]) -> None:
    """PCK and mIoU of each method, as rows of a table."""
    classes = list(dict.fromkeys(CHAIR_PARTS.values()))
    sources = json.loads((data.root / ".datasources.json").read_text())
    shapes = [known_shape(data, sources, key, classes) for key in keys]
    latents = {
        "fitted to SDF samples": np.stack([fit_samples(model, data, key) for key in keys]),
        "from one view": np.stack([encode(model, data, key) for key in keys]),
    }
    rng = np.random.default_rng(0)
    methods = {
        f"{method}, latents {origin}": [place(model, *both, weight) for both in zip(shapes, known, strict=True)]
        for origin, known in latents.items()
        for method, weight in (("canonical points", 0.0), ("canonical points and place", PLACE_WEIGHT))
    } | {
        "identity warp": [Placed(shape.points, shape.keypoints) for shape in shapes],
        "random point": [place_at_random(shape, rng) for shape in shapes],
    }
    pairs = [(source, target) for source in range(len(keys)) for target in range(len(keys)) if source != target]
    print(f"{len(keys)} shapes, {len(pairs)} ordered pairs")
    print("| method | PCK 0.05 of the diagonal | PCK 0.05 normalised units | mean error | label mIoU | one source |")
    print("|---|---|---|---|---|---|")
    for name, placed in methods.items():
        errors = keypoint_errors(shapes, placed, pairs)
        score = [100 * pck(errors[:, column], PCK_THRESHOLD) for column in (0, 1)]
        near = nearest_sources(latents["from one view" if "view" in name else "fitted to SDF samples"])
        ious = [100 * label_iou(shapes, placed, chosen) for chosen in (pairs, near)]
        print(
            f"| {name} | {score[0]:.1f} | {score[1]:.1f} | {errors[:, 0].mean():.3f} | {ious[0]:.1f} | {ious[1]:.1f} |",
            flush=True,
        )
    best = np.concatenate([snapped(shapes[target], shapes[source].keypoints) for source, target in pairs])
    print(f"| best surface point | {100 * pck(best):.1f} | | {best.mean():.3f} | | |  ({len(best)} keypoints)")


def nearest_sources(latents: np.ndarray) -> list[tuple[int, int]]:
    """For each shape the one whose latent is nearest, as its only source."""
    distance = np.linalg.norm(latents[:, None] - latents, axis=2)
    np.fill_diagonal(distance, np.inf)
    return [(int(source), target) for target, source in enumerate(distance.argmin(axis=1))]


def snapped(shape: Known, names: dict) -> np.ndarray:
    """How far the keypoints that a shape has in common with another lie from its surface points, over the diagonal."""
    common = [shape.keypoints[name] for name in names if name in shape.keypoints]
    if not common:
        return np.zeros(0)
    return np.linalg.norm(shape.points - np.stack(common)[:, None], axis=2).min(axis=1) / shape.diagonal


def main() -> None:
    """Run one of the two and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "scores"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--weights", default="chair")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--limit", type=int, help="the first so many shapes only")
    arguments = parser.parse_args()
    model, data = load(arguments.weights), DataFolder(arguments.data)
    keys = read_split(arguments.split)[: arguments.limit]
    print(f"{torch.get_num_threads()} threads")
    if arguments.what == "scores":
        run_scores(model, data, keys)
        return
    results = run_fit(model, data, keys)
    print_fit(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
