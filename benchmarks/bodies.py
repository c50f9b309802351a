"""Correspondence on human bodies, whose truth others made: `anny` (CC0), every vertex the same place on each body.

    pip install 'urform[bodies]'
    python benchmarks/bodies.py make WORK
    urform prepare WORK/meshes --out WORK/data --dataset anny --category body --hold-out WORK/held_out.txt \
      --samples 30000 --easy-views 1 --hard-views 0 --no-albedo
    urform train shape --data WORK/data --split WORK/data/splits/anny_body_train.json --out WORK/run --epochs 400
    python benchmarks/bodies.py score WORK

Method: 240 bodies in one pose, with random gender, age, muscle, weight, height and proportions; 40 are held out.
Their latents are fitted to SDF samples. From each held-out body 1,000 vertices are carried to five others, to the
nearest of 40,000 surface points. The error is the distance from the true vertex, as a share of the diagonal of the
target's bounding box. Nearness is measured in canonical space (urform), in normalised space (no warp), and after a
similarity ICP of the source's surface onto the target's (aligned).
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
import trimesh
from scipy.spatial import KDTree
from tqdm import tqdm

BODIES, HELD_OUT = 240, 40
PARTNERS = (1, 3, 7, 13, 22)  # each body is carried to the ones so many places on
VERTICES = 1000
SURFACE_POINTS = 40_000


def make(work: Path, seed: int = 0) -> None:
    """Write the bodies and the list of those that are held out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from anny import create_fullbody_model  # pyright: ignore[reportMissingImports] (the extra `bodies`)

        model = create_fullbody_model()
    faces = np.asarray(model.faces)
    triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
    generator = torch.Generator().manual_seed(seed)
    for number in tqdm(range(BODIES), "bodies"):
        shape = {name: torch.rand(1, generator=generator, dtype=model.dtype) for name in model.phenotype_labels}
        shape["age"] = 0.35 + 0.65 * shape["age"]  # grown-ups and children of school age
        with torch.no_grad():
            vertices = model(phenotype_kwargs=shape)["vertices"][0].numpy()
        upright = np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)  # anny is z up, facing -y
        path = work / "meshes" / name_of(number) / "model.obj"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in upright]
        lines += [f"f {a} {b} {c}" for a, b, c in triangles + 1]
        path.write_text("\n".join(lines) + "\n")
    (work / "held_out.txt").write_text("\n".join(name_of(number) for number in range(HELD_OUT)) + "\n")


def name_of(number: int) -> str:
    """Name of a body."""
    return f"body_{number:03d}"


def score(work: Path, run: Path) -> None:
    """Print the errors of the three ways."""
    import urform
    from urform.data import DataFolder, read_split
    from urform.fitting import mean_latent, read_scan
    from urform.geometry import spread_points
    from urform.sets import SdfSet
    from urform.training import fit_latents

    model, data = urform.load(run), DataFolder(work / "data")
    rng = np.random.default_rng(0)
    keys = read_split(work / "data" / "splits" / "anny_body_test.json")
    samples = SdfSet(data, keys, 4.0)
    model.decoder.requires_grad_(False)
    start = torch.as_tensor(np.stack([mean_latent(model)] * len(keys)))

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return samples.draw(range(len(keys)), 500, np.random.default_rng([0, step]))

    bodies = []
    latents = fit_latents(model.decoder, draw, start, model.clamp, steps=400, lr=0.03).numpy()
    for key, latent in zip(keys, latents, strict=True):
        scan = read_scan(work / "meshes" / key.instance / "model.obj")
        vertices = data.normalisation(key).apply(scan.vertices)
        points = spread_points(vertices, scan.faces, SURFACE_POINTS, rng).points
        canonical = [model.canonical(part.astype(np.float32), latent) for part in (vertices, points)]
        bodies.append((vertices, points, *canonical))
    chosen = rng.choice(len(bodies[0][0]), VERTICES, replace=False)
    errors: dict[str, list[float]] = {"canonical points": [], "no warp": [], "aligned, nearest": []}
    for source in tqdm(range(len(keys)), "pairs"):
        for target in {(source + step) % len(keys) for step in PARTNERS}:
            vertices, points, canonical, _ = bodies[source]
            truth, among, _, canonical_among = bodies[target]
            diagonal = np.linalg.norm(np.ptp(truth, axis=0))
            matrix, _, _ = trimesh.registration.icp(points[:3000], among, max_iterations=30, reflection=False)
            aligned = trimesh.transform_points(vertices[chosen], matrix)
            ways = {
                "canonical points": (canonical[chosen], canonical_among),
                "no warp": (vertices[chosen], among),
                "aligned, nearest": (aligned, among),
            }
            for name, (query, candidates) in ways.items():
                found = among[KDTree(candidates).query(query)[1]]
                errors[name].append(float(np.linalg.norm(found - truth[chosen], axis=1).mean() / diagonal))
    print(__doc__)
    print(f"{len(keys)} held-out bodies, {len(keys) * len(PARTNERS)} pairs; mean error, % of the diagonal")
    for name, values in errors.items():
        print(f"  {name:18s} {100 * np.mean(values):.2f}   median pair {100 * np.median(values):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["make", "score"])
    parser.add_argument("work", type=Path)
    parser.add_argument("--run", type=Path, help="the run to score; default WORK/run")
    arguments = parser.parse_args()
    if arguments.step == "make":
        make(arguments.work)
    else:
        score(arguments.work, arguments.run or arguments.work / "run")
