"""Speed of `urform prepare` beside peers: SDF samples, views, and what a second worker brings.

    python benchmarks/prepare.py MESHES [--count 24] [--whole 48]

The peers want `pip install vtk rtree`. Method: every n-th mesh of the collection, `count` of them, on one core (Linux:
the process is held to it). Samples: orientation, visible surface, sign and distance of 500,000 points at the published
distribution; peer: trimesh's own signed distance on 300 of these points. Views: 50 easy and 50 hard ones, 224 x 224, 4
samples a pixel, color and albedo; peer: VTK's off-screen window on the same triangles, 4 samples, color alone, no
textures, 50 views with each picture read back. Printed are medians over the meshes, and the ratio of both.
Workers: the whole command on every n-th mesh, `whole` of them, 100,000 samples and 20 views each, with one worker and
with two.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from urform.formats import load_mesh
from urform.geometry import Normalisation, SignedDistance, TexturedMesh, clean, sample_sdf, sample_visible_surface
from urform.render import LEVELS, render_views
from urform.sources import find_sources

SAMPLES = 500_000
PEER_POINTS = 300
VIEWS = 50


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def samples_s(mesh: TexturedMesh) -> tuple[float, float]:
    """Samples a second: ours, trimesh's."""
    cleaned = clean(Normalisation.of(mesh.vertices).apply(mesh.vertices), mesh.faces)
    rng = np.random.default_rng(0)
    points = []

    def work() -> None:
        surface, _ = sample_visible_surface(cleaned.vertices, cleaned.faces, 100_000, rng)
        distance = SignedDistance(cleaned.vertices, cleaned.faces)
        points.append(sample_sdf(distance, surface, SAMPLES, 0.005, 0.0005, rng))

    ours = SAMPLES / seconds(work)
    chosen = np.concatenate(points[0])[:: SAMPLES // PEER_POINTS, :3].astype(float)
    plain = trimesh.Trimesh(cleaned.vertices, cleaned.faces, process=False)
    return ours, len(chosen) / seconds(lambda: trimesh.proximity.signed_distance(plain, chosen))


def views_s(mesh: TexturedMesh) -> float:
    """Views a second."""

    def work() -> None:
        for level in LEVELS.values():
            list(render_views(mesh, level, VIEWS, 224, 4, np.random.default_rng(0)))

    return 2 * VIEWS / seconds(work)


def vtk_views_s(mesh: TexturedMesh) -> float:
    """Views a second of VTK."""
    # VTK is compared with only; nothing of urform needs it.
    import vtk  # pyright: ignore[reportMissingImports]
    from vtk.util.numpy_support import (  # pyright: ignore[reportMissingImports]
        numpy_to_vtk,
        numpy_to_vtkIdTypeArray,
        vtk_to_numpy,
    )

    vtk.vtkObject.GlobalWarningDisplayOff()

    def work() -> None:
        points, cells, data = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkPolyData()
        points.SetData(numpy_to_vtk(mesh.vertices, deep=True))
        rows = np.column_stack([np.full(len(mesh.faces), 3), mesh.faces]).astype(np.int64)
        cells.SetCells(len(rows), numpy_to_vtkIdTypeArray(rows.ravel(), deep=True))
        data.SetPoints(points)
        data.SetPolys(cells)
        mapper, actor = vtk.vtkPolyDataMapper(), vtk.vtkActor()
        renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        mapper.SetInputData(data)
        actor.SetMapper(mapper)
        renderer.AddActor(actor)
        window.SetOffScreenRendering(1)
        window.SetMultiSamples(4)
        window.SetSize(224, 224)
        window.AddRenderer(renderer)
        for _ in range(VIEWS):
            renderer.GetActiveCamera().Azimuth(360 / VIEWS)
            window.Render()
            grab = vtk.vtkWindowToImageFilter()
            grab.SetInput(window)
            grab.ReadFrontBufferOff()
            grab.Update()
            vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())

    return VIEWS / seconds(work)


def whole_command_s(paths: list[Path], workers: int) -> float:
    """Seconds of `urform prepare` on some meshes."""
    with tempfile.TemporaryDirectory() as folder:
        meshes = Path(folder, "meshes.csv")
        rows = [f"{path.resolve()},mesh{index}" for index, path in enumerate(paths)]
        meshes.write_text("\n".join(["path,instance", *rows]))
        command = [sys.executable, "-m", "urform", "prepare", str(meshes), "--out", f"{folder}/data"]
        flags = f"--workers {workers} --samples 100000 --easy-views 10 --hard-views 10".split()
        return seconds(lambda: subprocess.run([*command, *flags], check=True, capture_output=True))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("meshes", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--whole", type=int, default=48)
    arguments = parser.parse_args()
    found = [source.path for source in find_sources(arguments.meshes, None, None, Path()) if not source.problem]
    paths, chosen = (found[:: max(1, len(found) // n)][:n] for n in (arguments.count, arguments.whole))
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    rows = []
    for path in paths:
        mesh = load_mesh(path)
        rows.append((len(mesh.faces), *samples_s(mesh), views_s(mesh), vtk_views_s(mesh)))
    os.sched_setaffinity(0, cores)
    faces, samples, peer_samples, views, peer_views = np.median(rows, axis=0)
    print(f"{len(paths)} meshes, median {faces:.0f} faces; medians, one core")
    print(f"500,000 samples {SAMPLES / samples:.1f} s; 100 views {2 * VIEWS / views:.1f} s")
    print(f"samples/s: urform {samples:,.0f}, trimesh {peer_samples:,.0f}, ratio {samples / peer_samples:.0f}")
    print(f"views/s: urform {views:.1f}, VTK {peer_views:.1f}, ratio {views / peer_views:.2f}")
    one, two = (whole_command_s(chosen, workers) for workers in (1, 2))
    print(
        f"whole command, {len(chosen)} meshes: {one:.1f} s with one worker, {two:.1f} s with two: {one / two:.2f} times"
    )


if __name__ == "__main__":
    main()
