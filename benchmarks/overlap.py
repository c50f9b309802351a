"""Whether a low overlap of mesh and picture goes with a wrong mesh, on views of shapes that training did not see.

    python benchmarks/overlap.py DATA SPLIT [SPLIT ...] [--weights chair] [--resolution 64]

All views of each shape. Chamfer distance as `urform evaluate` has it (`deepsdf`, unit box diagonal, x 1000), of 10,000
points. A view with an overlap below 0.5 gives a warning; a share of all views and the mean distance on either side are
printed. Views that show something else are not refused here.
"""

import argparse
from pathlib import Path

import numpy as np

import urform
from urform.data import DataFolder, read_split
from urform.evaluation import stored_surface
from urform.files import read_rgba
from urform.geometry import chamfer_deepsdf, sample_faces
from urform.inference import overlap, place_camera
from urform.models import TRUNK_SIZE
from urform.pictures import frame

POINTS = 10_000
LIMIT = 0.5


def main() -> None:
    """Print a line a split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("split", type=Path, nargs="+")
    parser.add_argument("--weights", default="chair")
    parser.add_argument("--resolution", type=int, default=64)
    args = parser.parse_args()
    model, folder = urform.load(args.weights), DataFolder(args.data)
    print("split      views | overlap mean | below 0.5 | Chamfer mean below, above")
    for split in args.split:
        found = []
        for key in read_split(split):
            truth = stored_surface(folder, key)
            diagonal = np.linalg.norm(np.ptp(truth, axis=0))
            truth = truth[np.random.default_rng(0).permutation(len(truth))[:POINTS]] / diagonal
            for path in folder.view_files(key):
                rgba = read_rgba(path)
                framed = model.frame(rgba)
                mesh = model.mesh(model.encode(framed[None])[0], args.resolution)
                camera = place_camera(model.pose(frame(rgba, TRUNK_SIZE)[None]), mesh, framed)
                points = sample_faces(mesh.vertices, mesh.faces, POINTS, np.random.default_rng(0)) / diagonal
                found.append((overlap(camera, mesh, framed), 1000 * chamfer_deepsdf(points, truth)))
        seen, distance = np.array(found).T
        low = seen < LIMIT
        sides = [distance[side].mean() if side.any() else float("nan") for side in (low, ~low)]
        line = f"{split.stem[:10]:10s} {len(seen):5d} | {seen.mean():12.2f} | {low.mean():9.3f}"
        print(f"{line} | {sides[0]:.2f}, {sides[1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
