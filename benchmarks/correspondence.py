"""How far latents can be fitted: the first table of docs/results/correspondence.md.

    python benchmarks/correspondence.py --data DATA --split DATA/splits/real_chair_test.json --json fit.json

Each shape of a split from its SDF samples, from 2,000 of its surface points, and from those of them in the front half
(z > 0 in normalised space, no normals), beside the encoder on the first view. Chamfer by the protocol `deepsdf`: 30,000
points a side, unit box diagonal, x 1000.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from urform.data import DataFolder, ShapeKey, read_split
from urform.evaluation import encoded_first_view, fitted_to_samples
from urform.fitting import fit, from_cloud, from_part, starts_for
from urform.geometry import chamfer_deepsdf, sample_faces
from urform.inference import Model, load

CHAMFER_POINTS = 30_000
SCAN_POINTS = 2_000


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
        "encoder, fixed view": encoded_first_view,
        "SDF samples": fitted_to_samples,
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--weights", default="chair")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--limit", type=int, help="the first so many shapes only")
    arguments = parser.parse_args()
    model, data = load(arguments.weights), DataFolder(arguments.data)
    keys = read_split(arguments.split)[: arguments.limit]
    print(f"{torch.get_num_threads()} threads")
    results = run_fit(model, data, keys)
    print_fit(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
