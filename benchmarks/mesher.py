"""The mesher beside the published one and the dense grid: network evaluations, seconds, distance between the surfaces.

    python benchmarks/mesher.py race [--resolution 256] [--chair 0] [--share 0.01] [--published [--planes 256]]
    python benchmarks/mesher.py check [--resolution 64 128] [--shapes 50]
    python benchmarks/mesher.py curve

`race`: a training chair of the shipped model, or (--published) a network of published size (LSTM 512, 8 steps; template
5 x 256) whose template has first learned that of the shipped model for 1,000 steps, clamped as in the published loss.
Each mesher evaluates the same network through the same function on the same lattice of N points an axis; ours does so
five times, of which the median is printed (once with --published), the dense grid at so many --planes only, in the
middle, where all of it would take an hour. "Octree" is the published mesher, written from its description: the spacing
starts at N/64 and halves to 1; a cell whose eight corners, clamped to +-0.1, differ by less than (2/N)/4 is settled
with their mean. Components below 1 % of the largest one's area are dropped of every mesh, as `urform mesh` does
(--share, 0: none, and ours looks for each). Distances are from our vertices to the others' surface and back. Missed are
components of eight points inside or more of the octree's lattice that no vertex of ours is beside, though not dropped
of the octree's mesh.

`check`: what ours misses of the dense lattice of so many training chairs, half of them real, half synthetic, where thin
parts are thinner than a voxel: such components that reach into the unit ball, with those below 1 % dropped and without;
the share of the dense mesh's vertices in the ball that are farther than 0.3 voxels from ours, and how far `tolerance`
moves vertices.

`curve`: seconds and largest additional memory of ours over N, each N in a process of its own.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any

import igl
import numpy as np
import torch
from scipy.ndimage import label
from skimage.measure import marching_cubes

import urform
from urform.geometry import extract_isosurface
from urform.geometry._triangles import drop_small_components
from urform.inference import Model
from urform.models import Decoder, LstmWarp, Template

Sdf = Callable[[np.ndarray], np.ndarray]
Surface = tuple[np.ndarray, np.ndarray]
CHAIR = "real/chair/"
BATCH = 32**3  # points in a call, as published
CLAMP = 0.1
STEPS = 1000


class Counted:
    """A field that counts the points it is asked at."""

    def __init__(self, sdf: Sdf):
        self._sdf, self.count = sdf, 0

    def __call__(self, points: np.ndarray) -> np.ndarray:
        self.count += len(points)
        return self._sdf(points)


def dense(sdf: Sdf, size: int, planes: int | None = None) -> np.ndarray:
    """Values at every point of the lattice, or of its middle planes."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    first = (size - (planes or size)) // 2
    values = np.empty((planes or size, size, size), np.float32)
    for row, x in zip(values, axis[first:], strict=False):
        row[:] = sdf(np.stack(np.meshgrid(x, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)).reshape(size, size)
    return values


def octree(sdf: Sdf, size: int) -> np.ndarray:
    """The values of the published mesher."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    values, settled = np.zeros((size,) * 3, np.float32), np.zeros((size,) * 3, bool)
    spacing = max(1, size // 64)
    while spacing:
        wanted = np.zeros_like(settled)
        wanted[::spacing, ::spacing, ::spacing] = ~settled[::spacing, ::spacing, ::spacing]
        index = np.argwhere(wanted)
        for chunk in np.array_split(index, -(-len(index) // BATCH)):
            values[tuple(chunk.T)] = np.clip(sdf(axis[chunk]), -CLAMP, CLAMP)
        settled |= wanted
        corners = values[::spacing, ::spacing, ::spacing]
        high = low = mean = corners
        for a in range(3):
            ends = [np.take(v, range(v.shape[a] - 1), a) for v in (high, low, mean)]
            others = [np.take(v, range(1, v.shape[a]), a) for v in (high, low, mean)]
            high, low, mean = np.maximum(ends[0], others[0]), np.minimum(ends[1], others[1]), (ends[2] + others[2]) / 2
        flat = (high - low < 2 / size / 4).repeat(spacing, 0).repeat(spacing, 1).repeat(spacing, 2)
        filled = mean.repeat(spacing, 0).repeat(spacing, 1).repeat(spacing, 2)
        part = tuple(slice(n) for n in flat.shape)
        fresh = flat & ~settled[part]
        values[part][fresh] = filled[fresh]
        settled[part] |= flat
        spacing //= 2
    return values


def ours(sdf: Sdf, size: int, share: float, tolerance: float = 0.1) -> Surface:
    mesh = extract_isosurface(sdf, size - 1, radius=1.0, min_component_share=share, tolerance=tolerance)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)


def surface(values: np.ndarray, share: float) -> Surface:
    """The surface of all planes, or of the middle ones."""
    vertices, faces, _, _ = marching_cubes(values, 0.0)
    size = values.shape[1]
    vertices = (vertices + np.array([(size - len(values)) // 2, 0, 0])) * 2 / (size - 1) - 1
    vertices, faces, _ = drop_small_components(vertices, faces.astype(np.int64), share)
    return vertices, faces


def missed(values: np.ndarray, truth: Surface, mesh: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Points in each component of the inside that the truth has in the unit ball, and whether the mesh lacks it."""
    found: Any = label(values < 0)
    components, total = found
    around = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    here, there = (
        np.isin(
            np.arange(1, total + 1),
            components[tuple((nearest[:, None] + around).clip(0, len(values) - 1).reshape(-1, 3).T)],
        )
        for nearest in (np.rint((v + 1) * (len(values) - 1) / 2).astype(int) for v in (mesh[0], in_ball(truth[0])))
    )
    return np.bincount(components.ravel(), minlength=total + 1)[1:][there], ~here[there]


def in_ball(vertices: np.ndarray) -> np.ndarray:
    return vertices[np.linalg.norm(vertices, axis=1) < 1]


def farthest(one: Surface, other: Surface, size: int) -> float:
    """Largest distance, in voxels, of a vertex of one surface from the other, within the planes of both."""
    low, high = other[0][:, 0].min(), other[0][:, 0].max()
    inside = (one[0][:, 0] >= low) & (one[0][:, 0] <= high)
    squared, *_ = igl.point_mesh_squared_distance(one[0][inside], *other)
    return float(np.sqrt(np.asarray(squared).max())) * (size - 1) / 2


def published_field(model: Model) -> Sdf:
    """A network of published size, with the shape of the shipped template."""
    torch.manual_seed(0)
    decoder = Decoder(LstmWarp(256, 512, 8), Template((256,) * 5, dropout=0.0))
    optimizer = torch.optim.Adam(decoder.template.parameters(), 1e-3)
    rng = np.random.default_rng(0)
    pool = rng.uniform(-1, 1, (200_000, 3)).astype(np.float32)
    wanted = model.template_sdf(pool).clip(-CLAMP, CLAMP)
    loss = torch.zeros(())
    for _ in range(STEPS):
        chosen = rng.integers(len(pool), size=4096)
        points, target = torch.from_numpy(pool[chosen]), torch.from_numpy(wanted[chosen])
        loss = (decoder.template(points) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"template: mean error {loss.item():.4f}")
    decoder.eval()
    latent = torch.randn(1, 256) / 16

    @torch.inference_mode()
    def sdf(points: np.ndarray) -> np.ndarray:
        return torch.cat([decoder(c[None], latent)[0] for c in torch.from_numpy(points).split(4096)]).numpy()

    return sdf


def race(size: int, chair: int, share: float, published: bool, planes: int) -> None:
    model = urform.load("chair")
    names = [name for name in model.latents if name.startswith(CHAIR)]
    latent = model.latents[names[chair]]
    sdf = published_field(model) if published else lambda points: model.sdf(points, latent)
    for mesher in (dense, octree):  # what is imported and allocated once is not timed
        surface(mesher(sdf, 32), share)
    field, mine, times = Counted(sdf), ours(sdf, 32, share), []
    for _ in range(1 if published else 5):
        field, started = Counted(sdf), time.perf_counter()
        mine = ours(field, size, share)
        times.append(time.perf_counter() - started)
    mine_s, count = float(np.median(times)), field.count
    print(f"ours     {count:10d} evaluations {mine_s:8.2f} s {len(mine[0]):8d} vertices", flush=True)
    for mesher, part in ((octree, size), (functools.partial(dense, planes=min(planes, size)), min(planes, size))):
        name = "dense" if isinstance(mesher, functools.partial) else "octree"
        field, started = Counted(sdf), time.perf_counter()
        values = mesher(field, size)
        mesh = surface(values, share if part == size else 0.0)
        elapsed_s = time.perf_counter() - started
        print(f"{name:8s} {field.count:10d} evaluations {elapsed_s:8.2f} s {len(mesh[0]):8d} vertices")
        there, back = farthest(mine, mesh, size), farthest(mesh, mine, size)
        print(
            f"{name} over ours: {field.count * size / part / count:.1f} x the evaluations, "
            f"{elapsed_s * size / part / mine_s:.1f} x the time; farthest vertex {there:.3f} voxels from its surface, "
            f"back {back:.3f}",
            flush=True,
        )
        if part == size:
            points, lost = missed(values, mesh, mine)
            print(f"missed of {name}: {np.count_nonzero(lost & (points >= 8))} components", flush=True)


def check(sizes: list[int], shapes: int) -> None:
    model = urform.load("chair")
    names = []
    for kind in ("real/", "synthetic/"):
        of_kind = [name for name in model.latents if name.startswith(kind)]
        names += [of_kind[i] for i in np.linspace(0, len(of_kind) - 1, shapes // 2).astype(int)]
    shares = (0.0, 0.01)
    for size in sizes:
        found: dict[float, list[list[np.ndarray]]] = {share: [] for share in shares}
        for name in names:
            sdf = functools.partial(model.sdf, latent=model.latents[name])
            values = dense(sdf, size)
            for share in shares:
                truth = surface(values, share)
                mesh, exact = ours(sdf, size, share), ours(sdf, size, share, tolerance=0.0)
                squared, *_ = igl.point_mesh_squared_distance(in_ball(truth[0]), *mesh)
                moved = max(farthest(mesh, exact, size), farthest(exact, mesh, size))
                found[share].append(
                    [*missed(values, truth, mesh), np.sqrt(squared) * (size - 1) / 2 > 0.3, np.array([moved])]
                )
        for share in shares:
            points, lost, far, moved = (np.concatenate(column) for column in zip(*found[share], strict=True))
            big = points >= 8
            print(
                f"N = {size}, share {share:g}: missed {np.count_nonzero(lost & big)} of {np.count_nonzero(big)} "
                f"components of 8 points or more (largest {points[lost].max(initial=0)}), "
                f"{np.count_nonzero(lost & ~big)} of {np.count_nonzero(~big)} smaller; {far.mean():.5f} of vertices"
            )
            print(
                f"    tolerance moves {np.median(moved):.3f} voxels (median of farthest), at most {moved.max():.3f}, "
                f"more than 0.1 in {np.count_nonzero(moved > 0.1)} of {len(moved)} meshes",
                flush=True,
            )


def one(resolution: int) -> tuple[float, float, int]:
    model = urform.load("chair")
    latent = next(value for name, value in model.latents.items() if name.startswith(CHAIR))
    model.mesh(latent, 16)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    mesh = model.mesh(latent, resolution)
    elapsed_s = time.perf_counter() - started
    return (
        elapsed_s,
        (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10,
        mesh.metadata["evaluations"],
    )


def curve() -> None:
    for resolution in (64, 128, 192, 256, 384, 512):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            elapsed_s, memory_mb, count = pool.apply(one, (resolution,))
        print(f"N = {resolution:3d}: {elapsed_s:6.2f} s, {memory_mb:5.0f} MiB, {count:8d} evaluations", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    racing = commands.add_parser("race")
    racing.add_argument("--resolution", type=int, default=256)
    racing.add_argument("--chair", type=int, default=0, help="which of the real training chairs")
    racing.add_argument("--share", type=float, default=0.01)
    racing.add_argument("--published", action="store_true")
    racing.add_argument("--planes", type=int, default=512)
    checking = commands.add_parser("check")
    checking.add_argument("--resolution", type=int, nargs="+", default=[64, 128])
    checking.add_argument("--shapes", type=int, default=50)
    commands.add_parser("curve")
    given = parser.parse_args()
    if given.command == "race":
        race(given.resolution, given.chair, given.share, given.published, given.planes)
    elif given.command == "check":
        check(given.resolution, given.shapes)
    else:
        curve()


if __name__ == "__main__":
    main()
