"""Both numbers by which decoders are compared: correspondence, and fit on shapes that training never saw.

    python benchmarks/decoder.py RUN ... --data DATA --synthetic SPLIT --real SPLIT ... [--unseen NAME ...]

Method: latents are fitted to SDF samples, 400 steps of Adam from the mean of the training latents, 500 points a step,
all shapes at once. Correspondence: PCK at 0.05 of the diagonal over all ordered pairs of the synthetic shapes (10,000
points on each), canonical points alone, and with `--unseen` over these keypoint names; label mIoU from the shape with
the nearest latent; the share of surface points that the warp folds. Fit: Chamfer (deepsdf, unit diagonal, x 1000,
10,000 points a side, meshes of resolution 96), mean and median over shapes; normal consistency;
crumbs, the components below 1 % of the largest, which the mesher would drop. Last the template's components, and the
run's seconds and sdf error.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import urform
from urform.data import DataFolder, ShapeKey, read_split
from urform.evaluation import evaluate_correspondence
from urform.fitting import mean_latent
from urform.formats import load_mesh
from urform.geometry import (
    chamfer_deepsdf,
    extract_isosurface,
    face_normals,
    mutual_neighbours,
    normal_consistency,
    spread_points,
)
from urform.inference import Model
from urform.sets import SdfSet
from urform.training import fit_latents

POINTS = 10_000
RESOLUTION = 96


def fitted(model: Model, data: DataFolder, keys: list[ShapeKey]) -> np.ndarray:
    """Latents of shapes, (S, L)."""
    samples = SdfSet(data, keys, 4.0)
    model.decoder.requires_grad_(False)
    start = torch.as_tensor(np.stack([mean_latent(model)] * len(keys)))

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return samples.draw(range(len(keys)), 500, np.random.default_rng([0, step]))

    return fit_latents(model.decoder, draw, start, model.clamp, steps=400, lr=0.03).numpy()


def fit_scores(model: Model, data: DataFolder, key: ShapeKey, latent: np.ndarray) -> tuple[float, float, int]:
    """Chamfer distance, normal consistency and crumbs of one shape."""
    place = Path(data.datasources()[key.dataset]) / key.instance
    given = load_mesh(next(path for path in sorted(place.iterdir()) if path.suffix in (".obj", ".glb", ".ply")))
    vertices = data.normalisation(key).apply(given.vertices)
    diagonal = np.linalg.norm(np.ptp(vertices, axis=0))
    made = extract_isosurface(lambda points: model.sdf(points, latent), RESOLUTION, radius=1.0, min_component_share=0)
    pieces = made.split(only_watertight=False)
    areas = np.array([piece.area for piece in pieces])
    sides = []
    for corners, faces in ((vertices, given.faces), (np.asarray(made.vertices), np.asarray(made.faces))):
        points = spread_points(corners / diagonal, faces, POINTS, np.random.default_rng(0))
        sides.append((points.points, face_normals(corners, faces)[points.face]))
    (a, normals_a), (b, normals_b) = sides
    consistency = normal_consistency(mutual_neighbours(a, b), normals_a, normals_b)
    return 1000 * chamfer_deepsdf(a, b), consistency, int((areas < 0.01 * areas.max()).sum())


def print_fit(model: Model, data: DataFolder, name: str, keys: list[ShapeKey], latents: np.ndarray) -> None:
    """Print how well shapes are fitted."""
    scores = [fit_scores(model, data, key, latent) for key, latent in zip(keys, latents, strict=True)]
    chamfers, normals, crumbs = (np.array(column) for column in zip(*scores, strict=True))
    print(
        f"  {name}: {len(keys)} shapes, Chamfer {chamfers.mean():.2f} / {np.median(chamfers):.2f}, normal consistency "
        f"{normals.mean():.3f}, {crumbs.sum()} crumbs on {(crumbs > 0).sum()} shapes",
        flush=True,
    )


def report(run: Path, arguments: argparse.Namespace) -> None:
    """Print the numbers of one run."""
    model, data = urform.load(run), DataFolder(arguments.data)
    keys = read_split(arguments.synthetic)
    latents = fitted(model, data, keys)
    found = evaluate_correspondence(model, data, keys, arguments.unseen, fitted=latents)
    row = next(row for row in found["rows"] if row["method"].startswith("canonical points, latents fitted"))
    print(run)
    unseen = f", names not learned from {100 * row['pck_unseen']:.1f}" if arguments.unseen else ""
    print(f"  PCK {100 * row['pck']:.1f}{unseen}, label mIoU from one source {100 * row['label_miou_one']:.1f}")
    print(f"  folded {found['folded']:.2%}")
    print_fit(model, data, arguments.synthetic.name, keys, latents)
    for split in arguments.real:
        keys = read_split(split)
        print_fit(model, data, split.name, keys, fitted(model, data, keys))
    print(f"  template: {len(model.template_mesh(RESOLUTION).split(only_watertight=False))} components")
    if (metrics := run / "metrics.jsonl").exists():
        last = json.loads(metrics.read_text().splitlines()[-1])
        print(f"  training: {last['elapsed_s']:.0f} s, sdf error {last['sdf_error']:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--synthetic", type=Path, required=True)
    parser.add_argument("--real", type=Path, nargs="+", default=[])
    parser.add_argument("--unseen", nargs="*", default=[])
    for path in (options := parser.parse_args()).runs:
        report(path, options)
