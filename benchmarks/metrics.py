"""Chamfer distance of 30,000 against 30,000 points on one core, beside plain references.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [--points 30000] [--repeats 15]

Method: two independent samples of a sphere; two of a chair of boxes; the chair against the sphere, which lie far apart
from each other. The references: scipy's `KDTree` with its defaults, built and asked in both directions, and brute
force in blocks by torch's `cdist`. One core by pinning the process to it where the system can; the time is the least
of all repeats of the processor time, which other programs on the machine lengthen less than that on the clock (which
stands beside it). Printed beside the times: the largest relative difference of the values from scipy's.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import trimesh
from scipy.spatial import KDTree

from urform.geometry import chamfer_deepsdf, sample_faces

Clouds = tuple[np.ndarray, np.ndarray]


def clouds(count: int) -> dict[str, Clouds]:
    """The pairs that are measured."""
    rng = np.random.default_rng(0)
    boxes = [((0, 0, 0), (0.8, 0.1, 0.8)), ((0, 0.4, -0.35), (0.8, 0.8, 0.08))]
    boxes += [((x, -0.4, z), (0.1, 0.8, 0.1)) for x in (-0.34, 0.34) for z in (-0.34, 0.34)]
    parts = [trimesh.creation.box(extent, trimesh.transformations.translation_matrix(place)) for place, extent in boxes]
    meshes = {"sphere": trimesh.creation.icosphere(5, 0.5), "chair": trimesh.util.concatenate(parts)}

    def sample(name: str) -> np.ndarray:
        return sample_faces(np.asarray(meshes[name].vertices), np.asarray(meshes[name].faces), count, rng)

    pairs = (("sphere", "sphere"), ("chair", "chair"), ("chair", "sphere"))
    return {f"{one}, {other}": (sample(one), sample(other)) for one, other in pairs}


def by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    """Two trees with default settings."""
    return float(np.mean(KDTree(b).query(a)[0] ** 2) + np.mean(KDTree(a).query(b)[0] ** 2))


def by_force(a: np.ndarray, b: np.ndarray, block: int = 1000) -> float:
    """All distances, a block of rows at a time."""
    one, other = torch.from_numpy(a), torch.from_numpy(b)
    rows, columns = torch.empty(len(a), dtype=one.dtype), torch.full((len(b),), torch.inf, dtype=one.dtype)
    for start in range(0, len(a), block):
        distances = torch.cdist(one[start : start + block], other, compute_mode="donot_use_mm_for_euclid_dist")
        rows[start : start + block] = distances.amin(dim=1)
        columns = torch.minimum(columns, distances.amin(dim=0))
    return float((rows**2).mean() + (columns**2).mean())


def timed(function: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """Value, and the least processor and wall-clock time in ms."""
    value, processor, clock = 0.0, [], []
    for _ in range(repeats):
        started = time.process_time(), time.perf_counter()
        value = function()
        processor.append(time.process_time() - started[0])
        clock.append(time.perf_counter() - started[1])
    return value, 1000 * min(processor), 1000 * min(clock)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--points", type=int, default=30_000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    print(f"{options.points:,} against {options.points:,} points, ms of one core (on the clock)")
    for name, pair in clouds(options.points).items():
        own, own_ms, own_clock_ms = timed(partial(chamfer_deepsdf, *pair), options.repeats)
        tree, tree_ms, tree_clock_ms = timed(partial(by_scipy, *pair), 3)
        force, force_ms, _ = timed(partial(by_force, *pair), 1)
        print(
            f"{name:15s} urform {own_ms:6.1f} ({own_clock_ms:.1f})   scipy {tree_ms:6.1f} ({tree_clock_ms:.1f}), "
            f"{tree_ms / own_ms:4.1f} times   brute force {force_ms:7.0f}, {force_ms / own_ms:4.0f} times   "
            f"difference {max(abs(own / tree - 1), abs(force / tree - 1)):.0e}"
        )


if __name__ == "__main__":
    main()
