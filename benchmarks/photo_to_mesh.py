"""From a picture to a mesh: the time of the whole command, its peak memory, and the mesher against the dense grid.

    python benchmarks/photo_to_mesh.py PICTURE [--resolution 128]

Method: the command runs five times in processes of its own; the median wall-clock time and the largest resident memory
are printed. Then, with the model in memory, the time from the picture's pixels to the mesh, again the median of five;
and the same latent is meshed coarse to fine and from the dense grid, and the ratio of network evaluations and seconds
is printed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from skimage.measure import marching_cubes

import urform
from urform.pictures import read_image


def whole_command(picture: Path, resolution: int) -> float:
    """Seconds of one run of `urform reconstruct`."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "urform", "reconstruct", str(picture), "--out", out]
        started = time.perf_counter()
        subprocess.run([*command, "--resolution", str(resolution)], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


def dense(model: urform.Model, latent: np.ndarray, resolution: int) -> int:
    """Mesh from every point of the grid; returns how many that are."""
    axis = np.linspace(-1, 1, resolution + 1, dtype=np.float32)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    field = model.sdf(points, latent).reshape(3 * (resolution + 1,))
    marching_cubes(field, 0.0)
    return len(points)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--resolution", type=int, default=128)
    arguments = parser.parse_args()
    seconds = [whole_command(arguments.picture, arguments.resolution) for _ in range(5)]
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"urform reconstruct, resolution {arguments.resolution}: {median(seconds):.2f} s, peak {peak_gb:.2f} GiB")
    model = urform.load("chair")
    image, times, results = read_image(arguments.picture), [], []
    for _ in range(5):
        started = time.perf_counter()
        result = model.reconstruct(image, arguments.resolution)
        times.append((time.perf_counter() - started, result.encode_s, result.mesh_s))
        results.append(result)
    whole_s, encode_s, mesh_s = sorted(times)[2]
    print(f"model in memory: {whole_s:.2f} s, of which encoder {encode_s:.2f} s, mesher {mesh_s:.2f} s")
    latent = results[-1].latent
    started = time.perf_counter()
    mesh = model.mesh(latent, arguments.resolution)
    fine_s = time.perf_counter() - started
    started = time.perf_counter()
    evaluations = dense(model, latent, arguments.resolution)
    dense_s = time.perf_counter() - started
    fine = mesh.metadata["evaluations"]
    print(f"coarse to fine: {fine_s:.2f} s, {fine} evaluations; dense: {dense_s:.2f} s, {evaluations} evaluations")
    print(f"dense over coarse to fine: {dense_s / fine_s:.1f} x the time, {evaluations / fine:.1f} x the evaluations")


if __name__ == "__main__":
    main()
